//! One id per request, from the kiosk's tap to the log and back in the answer.

use axum::extract::{Extension, Request};
use axum::http::HeaderValue;
use axum::middleware::Next;
use axum::response::Response;
use uuid::Uuid;

use crate::clock;

const HEADER: &str = "x-request-id";
const LONGEST: usize = 64;
/// What browsers are told with every answer: only what comes from here runs, shows or is sent to.
const GUARDS: [(&str, &str); 4] = [
    (
        "content-security-policy",
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// The id of the request in hand.
#[derive(Debug, Clone)]
pub(crate) struct RequestId(pub(crate) String);

pub(crate) type Id = Extension<RequestId>;

/// Whether a client's id may stand in logs and headers as it is.
pub(crate) fn is_usable(id: &str) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
}

pub(crate) fn new_id() -> String {
    Uuid::new_v4().to_string()
}

/// Takes the client's id or makes one, answers with it, and logs how the request ended.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(HEADER)
        .and_then(|id| id.to_str().ok());
    let id = given
        .filter(|id| is_usable(id))
        .map_or_else(new_id, str::to_owned);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    request.extensions_mut().insert(RequestId(id.clone()));
    let started = clock::instant();
    let mut response = next.run(request).await;
    let status = response.status();
    let millis = started.elapsed().as_millis();
    if status.is_server_error() {
        tracing::warn!(request = id, %method, path, status = status.as_u16(), millis, "answered");
    } else {
        tracing::debug!(request = id, %method, path, status = status.as_u16(), millis, "answered");
    }
    let headers = response.headers_mut();
    for (name, value) in GUARDS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(HEADER, value);
    }
    response
}
