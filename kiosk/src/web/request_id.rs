//! One identity per request, from the tap to the ledger: taken from `X-Request-Id` or made here,
//! given back in the answer, kept in the event, sent on to the cloud.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;

use crate::clock;

static HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The identity of the request in hand.
#[derive(Debug, Clone)]
pub(super) struct RequestId(pub(super) String);

pub(super) async fn carry(mut request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(&HEADER)
        .and_then(|value| value.to_str().ok());
    let id = match given {
        Some(id) if is_plain(id) => id.to_owned(),
        _ => clock::uuid7(clock::wall()).to_string(),
    };
    let span = tracing::debug_span!(
        "request",
        id = %id,
        method = %request.method(),
        path = request.uri().path()
    );
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.run(request).instrument(span).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER.clone(), value);
    }
    response
}

/// Short, and nothing that could spoil a log line.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_that_could_forge_a_log_line_is_not_taken_over() {
        assert!(is_plain("a1-b_2.c"));
        for bad in ["", "a b", "a\nb", "\u{1b}[0m", &"x".repeat(65)] {
            assert!(!is_plain(bad), "{bad:?}");
        }
    }
}
