//! For those who keep it running.

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::ledger::lineage;

pub(crate) async fn alive() -> Json<Value> {
    Json(json!({ "alive": true }))
}

/// Ready when the ledger can be read and its writer keeps up.
pub(crate) async fn ready(State(cloud): State<Cloud>) -> (StatusCode, Json<Value>) {
    let mut reasons = Vec::new();
    if let Err(error) = cloud.ledger.read(lineage::standing).await {
        reasons.push(format!("the ledger can't be read: {error}"));
    }
    if cloud.ledger.load() >= 100 {
        reasons.push("the ledger can't keep up".to_owned());
    }
    if let Some(why) = cloud.ledger.trouble() {
        reasons.push(format!("the latest events could not be written: {why}"));
    }
    if *cloud.closing.borrow() {
        reasons.push("cloud-sync is stopping".to_owned());
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
}

pub(crate) async fn metrics(State(cloud): State<Cloud>) -> Response {
    cloud.metrics.run_upkeep();
    let text = cloud.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
