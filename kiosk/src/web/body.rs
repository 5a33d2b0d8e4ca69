//! Reading request bodies: bounded in length and time, and refused in the words of the contract.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use serde_json::Value;

use super::error::Problem;

/// The longest body, in bytes: 50 lines with notes and options stay far below.
pub(super) const LIMIT: usize = 64 * 1024;
/// The longest that a body may take to arrive; no screen in a store is that far away.
const PATIENCE: Duration = Duration::from_secs(10);

/// The whole body.
pub(super) async fn read(body: Body) -> Result<Bytes, Problem> {
    match tokio::time::timeout(PATIENCE, collect(body)).await {
        Ok(read) => read,
        Err(_) => Err(Problem::malformed("it did not arrive in time")),
    }
}

async fn collect(body: Body) -> Result<Bytes, Problem> {
    let mut chunks = body.into_data_stream();
    let mut whole = Vec::new();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk.map_err(|_| Problem::malformed("it broke off"))?;
        if whole.len() + chunk.len() > LIMIT {
            return Err(Problem::too_large(LIMIT));
        }
        whole.extend_from_slice(&chunk);
    }
    Ok(whole.into())
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
