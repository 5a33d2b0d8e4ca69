//! Reading request bodies: bounded, and refused in the words of the contract.

use axum::body::{Body, Bytes, to_bytes};
use serde_json::Value;

use super::error::Problem;

/// The longest body, in bytes: 50 lines with notes and options stay far below.
pub(super) const LIMIT: usize = 64 * 1024;

/// The whole body.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    to_bytes(body, LIMIT)
        .await
        .map_err(|_| Problem::too_large(LIMIT))
}

/// The body as JSON.
pub(super) fn json(bytes: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::malformed(&error.to_string()))
}

/// The body as JSON, where nothing is the same as an empty object.
pub(super) fn json_or_empty(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        Ok(Value::Object(serde_json::Map::new()))
    } else {
        json(bytes)
    }
}
