//! The rules before remote calls that headquarters sets at kiosks: breakers, limiters, bulkheads,
//! timeouts, retries and the ramp after an outage.

use axum::Json;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use cloud_sync_wire::notice::tuning::Tuning;
use kiosk_core::document::{At, Faults, Object};
use serde_json::Value;

mod together;

use super::access::Hq;
use super::changes::{self, Asked, What};
use super::input;
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ledger::changes::Kind;

/// Replaces what is set for a scope; nothing takes it away.
pub(crate) async fn set(
    hq: Hq,
    State(cloud): State<Cloud>,
    body: Body,
) -> Result<Json<Value>, Problem> {
    hq.may_edit()?;
    let value = input::json(body).await?;
    let mut faults = Faults::default();
    let at = At::Root;
    let Some(object) = Object::read(&value, &at, &mut faults) else {
        return Err(Problem::invalid(faults.into_vec()));
    };
    object.refuse_unknown(&["settings", "scope", "reason"], &at, &mut faults);
    let tuning = object.required("settings", &at, &mut faults, |value, at, faults| {
        Some(Tuning::read(value, at, faults))
    });
    match (tuning, Asked::read(&object, &at, &mut faults)) {
        (
            Some(tuning),
            Asked {
                whom: Some(whom),
                reason: Some(reason),
            },
        ) if faults.is_empty() => {
            let what = What {
                kind: Kind::Settings,
                name: String::new(),
                value: Value::Object(tuning.to_json()),
                idle: tuning.is_empty(),
                against: Some(together::fault),
            };
            let set = changes::make(&cloud, &hq, whom, reason, what).await?;
            Ok(Json(changes::shown(&set)))
        }
        _ => Err(Problem::invalid(faults.into_vec())),
    }
}

pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    changes::page(&cloud, query.as_deref(), Kind::Settings, "settings").await
}
