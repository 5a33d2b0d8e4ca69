//! What staff do with an order.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use kiosk_core::document::{At, Faults, Object, text};
use kiosk_core::ids::OrderId;
use kiosk_core::order::Action;
use serde_json::Value;

use super::access::{Kitchen, Request};
use super::orders::view;
use super::place::stamp;
use crate::journal::{ActRequest, StaffRole};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// Longest reason, in characters.
const REASON_LIMIT: usize = 200;

/// `POST /api/v1/orders/{id}/…` for one action.
pub(super) fn action(action: Action) -> MethodRouter<AppState> {
    post(
        move |state: State<AppState>, role: Kitchen, request: Request, id: Name, body: Body| {
            act(action, state, role, request, id, body)
        },
    )
}

async fn act(
    action: Action,
    State(state): State<AppState>,
    Kitchen(role): Kitchen,
    Request(request): Request,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let manager_only = matches!(action, Action::Pay | Action::Void | Action::Refund);
    if manager_only && role != StaffRole::Manager {
        return Err(Problem::forbidden("This needs the manager's PIN."));
    }
    let bytes = body::read(body).await?;
    let reason = reason(&body::json_or_empty(&bytes)?)?;
    if matches!(action, Action::Void | Action::Refund) && reason.is_none() {
        return Err(Problem::invalid_field("/reason", "is missing: say why"));
    }
    let order: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let wish = ActRequest {
        stamp: stamp(request),
        order,
        action,
        reason,
        by: Some(role.as_str().to_owned()),
    };
    let order = state.journal.act(wish).await?;
    let stored = state
        .journal
        .read(move |reader| reader.order(order.id))
        .await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

/// The body of an action: `{"reason"?}`.
pub(super) fn reason(body: &Value) -> Result<Option<String>, Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let reason = Object::read(body, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["reason"], &at, &mut faults);
        object.optional("reason", &at, &mut faults, |value, at, faults| {
            let reason = text(value, at, faults)?;
            if reason.chars().count() > REASON_LIMIT || reason.chars().any(char::is_control) {
                faults.add(at, "must have at most 200 characters on one line");
            }
            let reason = reason.trim();
            (!reason.is_empty()).then(|| reason.to_owned())
        })
    });
    if faults.is_empty() {
        Ok(reason)
    } else {
        Err(Problem::invalid(&faults.into_vec()))
    }
}
