//! Reading request bodies: bounded in length and time, and refused in the words of the contract.

use std::time::Duration;

use axum::body::{Body, Bytes};
use futures_util::StreamExt as _;
use kiosk_core::document;
use serde_json::Value;

use super::error::Problem;

/// The longest body, in bytes. 50 lines with notes of 200 characters, each escaped to 12 bytes as
/// some writers of JSON do, are 120 KB; options take the rest.
pub(super) const LIMIT: usize = 256 * 1024;
/// The longest that a body may take to arrive; no screen in a store is that far away.
const PATIENCE: Duration = Duration::from_secs(10);

/// Up to here every whole number is a float of its own (2^53).
const EXACT: f64 = 9_007_199_254_740_992.0;

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
    let (mut value, twice) =
        document::parse(bytes).map_err(|error| Problem::malformed(&error.to_string()))?;
    if let Some(fault) = twice.first() {
        return Err(Problem::malformed(&fault.to_string()));
    }
    make_whole(&mut value);
    Ok(value)
}

/// JSON has one kind of number: 2.0 is 2, as JSON Schema says too.
fn make_whole(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() <= EXACT
            {
                #[expect(clippy::cast_possible_truncation, reason = "whole and small enough")]
                let whole = float as i64;
                *number = whole.into();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(make_whole),
        Value::Object(fields) => fields.values_mut().for_each(make_whole),
        _ => {}
    }
}

/// The body as JSON, where nothing is the same as an empty object.
pub(super) fn json_or_empty(bytes: &[u8]) -> Result<Value, Problem> {
    if bytes.is_empty() {
        Ok(Value::Object(serde_json::Map::new()))
    } else {
        json(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_whole_number_may_be_written_with_a_point() {
        let read = json(br#"{"a": [2.0, 2.5, -1e3, 1e300, -0.0], "b": 7}"#).unwrap();
        assert_eq!(read, json!({"a": [2, 2.5, -1000, 1e300, 0], "b": 7}));
    }
}
