//! The OpenAPI 3.1 document of every call.

use std::sync::LazyLock;

use axum::Json;
use serde_json::Value;

static DOCUMENT: LazyLock<Value> = LazyLock::new(|| {
    let read = serde_json::from_str(include_str!("openapi.json"));
    read.unwrap_or_else(|error| {
        tracing::error!(%error, "the OpenAPI document can't be read");
        Value::Null
    })
});

pub(crate) fn document() -> &'static Value {
    &DOCUMENT
}

pub(crate) async fn serve() -> Json<Value> {
    Json(document().clone())
}
