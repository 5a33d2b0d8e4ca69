//! Settings: what the manager sets at this kiosk, and what is configured.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::routing::{MethodRouter, get, put};
use kiosk_core::document::{At, Fault, Faults, Object};
use kiosk_core::event::SettingChanged;
use serde_json::{Value, json};

use super::access::{Manager, Request};
use crate::journal::Stamp;
use crate::settings::SettingRefusal;
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// The paths of this part.
pub(super) fn table() -> [(&'static str, MethodRouter<AppState>); 2] {
    [
        ("/api/v1/settings", get(list)),
        ("/api/v1/settings/{name}", put(set)),
    ]
}

async fn list(State(state): State<AppState>, Manager(_): Manager) -> Json<Value> {
    Json(json!({
        "settings": state.settings.status(),
        "configured": state.configured,
    }))
}

async fn set(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    Name(name): Name,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let bytes = body::read(body).await?;
    let value = body::json(&bytes)?;
    let change = SettingChanged {
        name,
        value: wish(&value)?,
        by: who.by(),
    };
    let set = state
        .settings
        .set(&state.journal, Stamp::now(request), change)
        .await
        .map_err(refused)?;
    tracing::info!(
        setting = set.name,
        value = set.value,
        by = set.set_by,
        "setting changed"
    );
    Ok(Json(json!(set)))
}

fn refused(refusal: SettingRefusal) -> Problem {
    match refusal {
        SettingRefusal::Unknown => Problem::not_found("setting"),
        SettingRefusal::Journal(error) => error.into(),
        SettingRefusal::Value(detail) => Problem::invalid(&[Fault {
            pointer: "/value".to_owned(),
            detail,
        }]),
    }
}

/// The value, as the journal keeps it; none to put it back.
fn wish(value: &Value) -> Result<Option<String>, Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let mut wish = None;
    if let Some(object) = Object::read(value, &at, &mut faults) {
        object.refuse_unknown(&["value"], &at, &mut faults);
        wish = match value.get("value") {
            None => {
                faults.add(&at.key("value"), "is missing; null puts the setting back");
                None
            }
            Some(Value::Null) => None,
            Some(Value::Bool(on)) => Some(if *on { "on" } else { "off" }.to_owned()),
            Some(Value::Number(number)) => Some(number.to_string()),
            Some(_) => {
                faults.add(
                    &at.key("value"),
                    "must be true, false, a whole number or null",
                );
                None
            }
        };
    }
    match faults.is_empty() {
        true => Ok(wish),
        false => Err(Problem::invalid(&faults.into_vec())),
    }
}
