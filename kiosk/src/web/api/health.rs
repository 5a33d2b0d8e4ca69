//! Alive, ready, measured.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::protect::ending::Ending;
use crate::web::AppState;
use crate::web::error::Problem;

pub(super) async fn alive() -> Json<serde_json::Value> {
    Json(json!({ "alive": true }))
}

/// Ready means: an order would be taken.
pub(super) async fn ready(State(state): State<AppState>) -> Response {
    let trouble = state.journal.health().borrow().trouble.clone();
    let mut reasons: Vec<String> = trouble.into_iter().collect();
    if *state.stopping.borrow() {
        reasons.push("the kiosk is stopping".to_owned());
    }
    let status = if reasons.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (
        status,
        Json(json!({ "ready": reasons.is_empty(), "reasons": reasons })),
    )
        .into_response()
}

pub(super) async fn metrics(State(state): State<AppState>) -> Result<Response, Problem> {
    let handle = state
        .metrics
        .as_ref()
        .ok_or_else(|| Problem::not_found("page"))?;
    let outbox = state.journal.outbox();
    let (unconfirmed, watermark) = {
        let outbox = outbox.borrow();
        (outbox.unconfirmed(), outbox.watermark())
    };
    metrics::gauge!("kiosk_unconfirmed_events").set(approximate(unconfirmed));
    metrics::gauge!("kiosk_watermark").set(approximate(watermark));
    register();
    let link = state.link.status();
    let level = state.link.level(&link, state.admission.available_permits());
    crate::metrics::link(&link);
    crate::metrics::level(&level, &state.link.switches().status());
    let text = handle.render();
    Ok((
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        text,
    )
        .into_response())
}

/// Counters exist from the start, at zero: a rate over a series that appears with its first event
/// misses that event.
fn register() {
    for service in ["eat_in", "take_away"] {
        metrics::counter!("kiosk_orders_total", "service" => service, "method" => "counter")
            .increment(0);
    }
    let _ = metrics::histogram!("kiosk_order_accept_seconds");
    let _ = metrics::histogram!("kiosk_journal_commit_seconds");
    let _ = metrics::histogram!("kiosk_journal_group_size");
    Ending::show("ordering");
    for transport in ["http", "mqtt"] {
        metrics::counter!("kiosk_uplink_batches_total", "transport" => transport, "result" => "acked")
            .increment(0);
    }
    metrics::counter!("kiosk_print_jobs_total", "device" => "receipt", "result" => "printed")
        .increment(0);
    // A kiosk without a cloud has no breaker that could be open.
    crate::metrics::no_breaker("ordering");
}

/// A gauge is a float; beyond 2^53 it is no longer exact, which no journal reaches.
#[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
fn approximate(number: u64) -> f64 {
    number as f64
}
