//! Switches that headquarters turns at kiosks.

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use kiosk_core::document::{At, Faults, Object, text};
use serde_json::{Value, json};

use super::access::Hq;
use super::changes::{self, Asked, What, Whom};
use super::input;
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ledger::changes::{Change, Kind};

const STATES: [&str; 3] = ["on", "off", "auto"];
const NAME_MOST: usize = 63;

pub(crate) async fn turn(
    hq: Hq,
    State(cloud): State<Cloud>,
    Path(name): Path<String>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    hq.may_edit()?;
    let value = input::json(body).await?;
    let mut faults = Faults::default();
    let at = At::Root;
    check_name(&name, &mut faults);
    let Some(object) = Object::read(&value, &at, &mut faults) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    object.refuse_unknown(&["state", "scope", "reason"], &at, &mut faults);
    let state = object.required("state", &at, &mut faults, |value, at, faults| {
        let state = text(value, at, faults)?;
        if !STATES.contains(&state) {
            faults.add(at, "must be on, off or auto");
            return None;
        }
        Some(state.to_owned())
    });
    match (state, Asked::read(&object, &at, &mut faults)) {
        (
            Some(state),
            Asked {
                whom: Some(whom),
                reason: Some(reason),
            },
        ) if faults.is_empty() => {
            let turned = set(&cloud, &hq, name, &state, whom, reason).await?;
            Ok(Json(changes::shown(&turned)))
        }
        _ => Err(Problem::invalid(faults.into_vec())),
    }
}

/// Turns a switch.
async fn set(
    cloud: &Cloud,
    hq: &Hq,
    name: String,
    state: &str,
    whom: Whom,
    reason: String,
) -> Result<Change, Problem> {
    let what = What {
        kind: Kind::Switch,
        name,
        value: json!(state),
        idle: state == "auto",
        against: None,
    };
    changes::make(cloud, hq, whom, reason, what).await
}

/// Later kiosks know more switches than this software, so any proper name will do.
fn check_name(name: &str, faults: &mut Faults) {
    let fine = (1..=NAME_MOST).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    if !fine {
        let must = format!("must be 1 to {NAME_MOST} of a-z, 0-9 and _, beginning with a letter");
        faults.add(&At::Root.key("path").key("name"), must);
    }
}

pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    changes::page(&cloud, query.as_deref(), Kind::Switch, "switches").await
}
