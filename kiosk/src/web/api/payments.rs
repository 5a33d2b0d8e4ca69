//! Payments at the card terminal: taken back by whoever is to pay, and what was paid twice given back.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use kiosk_core::ids::OrderId;
use kiosk_core::order::PaymentStatus;
use serde_json::json;

use super::access::Manager;
use super::actions::reason;
use super::orders::view;
use crate::devices::payments::{Look, given_back, look};
use crate::journal::StoredOrder;
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// `POST /api/v1/orders/{id}/cancel-payment`: for the diner at the terminal, who knows the order's id, and
/// for staff. The terminal has the last word: the order tells how it ended.
pub(super) async fn cancel(
    State(state): State<AppState>,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    reason(&body::json_or_empty(&body::read(body).await?)?)?;
    let stored = stored(&state, &id).await?;
    let order = &stored.order;
    if order.payment.status != PaymentStatus::Pending || !state.devices.cancel_card(order.id) {
        return Err(Problem::payment_elsewhere(order.payment.status));
    }
    tracing::info!(number = %order.number, "a card payment is cancelled at the kiosk");
    Ok((StatusCode::ACCEPTED, Json(json!({ "cancelling": true }))).into_response())
}

/// `POST /api/v1/orders/{id}/payment-returned`: what a card was charged for an order that was paid
/// otherwise has been given back at the card terminal.
pub(super) async fn returned(
    State(state): State<AppState>,
    Manager(who): Manager,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let why = reason(&body::json(&body::read(body).await?)?)?;
    let why = why.ok_or_else(|| Problem::invalid_field("/reason", "is missing: say how"))?;
    let stored = stored(&state, &id).await?;
    let order = stored.order.clone();
    let found = state.journal.read(move |reader| look(reader, &order));
    let Some(Look::Twice(twice)) = found.await? else {
        return Err(Problem::payment_elsewhere(stored.order.payment.status));
    };
    given_back(&state.journal, stored.order.id).await?;
    tracing::warn!(
        number = %stored.order.number,
        minor = twice.minor,
        reference = twice.reference,
        why,
        by = who.by(),
        "what was paid twice was given back at the card terminal"
    );
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

async fn stored(state: &AppState, id: &str) -> Result<StoredOrder, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    stored.ok_or_else(|| Problem::not_found("order"))
}
