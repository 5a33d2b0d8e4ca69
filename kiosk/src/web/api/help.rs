//! Calls for staff: made at a terminal, seen and answered by whoever is signed in.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use kiosk_core::cart::terminal_name;
use kiosk_core::document::{At, Faults, Object};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::Kitchen;
use crate::clock;
use crate::help::Call;
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// What is served here.
pub(super) fn table() -> [(&'static str, MethodRouter<AppState>); 3] {
    let call = put(call).get(one).delete(withdraw);
    [
        ("/api/v1/help", get(list)),
        ("/api/v1/help/{id}", call),
        ("/api/v1/help/{id}/answer", post(answer)),
    ]
}

async fn call(
    State(state): State<AppState>,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let id = read_id(&id)?;
    let terminal = terminal(&body::json_or_empty(&body::read(body).await?)?)?;
    let made = state
        .help
        .with(|calls| calls.call(id, terminal, clock::wall(), clock::monotonic()));
    let Ok((call, new)) = made else {
        return Err(Problem::too_many_requests(
            60,
            "Too many diners have called already.",
        ));
    };
    if !new {
        return Ok(Json(call).into_response());
    }
    let terminal = call.terminal.as_deref().unwrap_or_default();
    tracing::info!(call = %call.id, terminal, "a diner calls for staff");
    metrics::counter!("kiosk_help_calls_total").increment(1);
    tell(&state, &call, "waiting");
    Ok((StatusCode::CREATED, Json(call)).into_response())
}

async fn one(State(state): State<AppState>, Name(id): Name) -> Result<Json<Call>, Problem> {
    let id = read_id(&id)?;
    let call = state.help.with(|calls| calls.get(id, clock::monotonic()));
    call.map(Json).ok_or_else(|| Problem::not_found("call"))
}

/// Taking back what is not there any more is no fault: the diner has what was wanted.
async fn withdraw(State(state): State<AppState>, Name(id): Name) -> Result<StatusCode, Problem> {
    let id = read_id(&id)?;
    if let Some(call) = state.help.with(|calls| calls.withdraw(id)) {
        tracing::info!(call = %call.id, "a diner needs nobody any more");
        tell(&state, &call, "withdrawn");
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn list(State(state): State<AppState>, _: Kitchen) -> Json<Value> {
    let calls = state.help.with(|calls| calls.waiting(clock::monotonic()));
    Json(json!({ "calls": calls, "next": null }))
}

async fn answer(
    State(state): State<AppState>,
    _: Kitchen,
    Name(id): Name,
) -> Result<Json<Call>, Problem> {
    let id = read_id(&id)?;
    let call = state
        .help
        .with(|calls| calls.answer(id, clock::monotonic()));
    let call = call.ok_or_else(|| Problem::not_found("call"))?;
    tracing::info!(call = %call.id, "somebody is coming to a diner");
    tell(&state, &call, "answered");
    Ok(Json(call))
}

fn read_id(id: &str) -> Result<Uuid, Problem> {
    id.parse().map_err(|_| Problem::not_found("call"))
}

fn terminal(body: &Value) -> Result<Option<String>, Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let terminal = Object::read(body, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["terminal"], &at, &mut faults);
        object.optional("terminal", &at, &mut faults, terminal_name)
    });
    if faults.is_empty() {
        Ok(terminal)
    } else {
        Err(Problem::invalid(&faults.into_vec()))
    }
}

/// All screens hear of it: the terminal that made it, and those of the staff.
fn tell(state: &AppState, call: &Call, now: &str) {
    let data = json!({ "id": call.id, "terminal": call.terminal, "state": now });
    state.feed.push("help", data.to_string());
}
