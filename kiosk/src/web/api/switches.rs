//! Switches: what the manager turns on and off at this kiosk.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use kiosk_core::document::{At, Faults, Object, filled_text, text};
use kiosk_core::event::SwitchChanged;
use serde_json::{Value, json};

use super::access::{Manager, Request};
use crate::journal::Stamp;
use crate::switches::Switchboard;
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

const STATES: [&str; 3] = ["on", "off", "auto"];
/// A sentence or two.
const REASON_LIMIT: usize = 200;

pub(super) async fn turn(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    Name(name): Name,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let bytes = body::read(body).await?;
    let value = body::json(&bytes)?;
    if !Switchboard::is_known(&name) {
        return Err(Problem::not_found("switch"));
    }
    let (position, reason) = wish(&value)?;
    let change = SwitchChanged {
        name: name.clone(),
        state: position,
        reason,
        by: who.by(),
        scope: None,
    };
    let switches = state.link.switches();
    switches
        .turn(&state.journal, Stamp::now(request), change)
        .await?;
    let turned = switches
        .status()
        .into_iter()
        .find(|status| status.name == name);
    if let Some(turned) = &turned {
        tracing::info!(
            switch = name,
            state = turned.state,
            reason = turned.reason,
            "switch turned"
        );
    }
    Ok(Json(json!(turned)))
}

fn wish(value: &Value) -> Result<(String, String), Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let (mut position, mut reason) = (None, None);
    if let Some(object) = Object::read(value, &at, &mut faults) {
        object.refuse_unknown(&["state", "reason"], &at, &mut faults);
        position = object.required("state", &at, &mut faults, |value, at, faults| {
            let known = text(value, at, faults).filter(|state| {
                let known = STATES.contains(state);
                if !known {
                    faults.add(at, "must be on, off or auto");
                }
                known
            });
            known.map(str::to_owned)
        });
        reason = object.required("reason", &at, &mut faults, |value, at, faults| {
            let reason = filled_text(value, at, faults)?.trim();
            if reason.chars().count() > REASON_LIMIT {
                faults.add(at, format!("must have at most {REASON_LIMIT} characters"));
                return None;
            }
            Some(reason.to_owned())
        });
    }
    match (position, reason) {
        (Some(position), Some(reason)) if faults.is_empty() => Ok((position, reason)),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}
