//! Refusals as RFC 9457 says, each in plain words that say what to do.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kiosk_core::document::Fault;
use serde_json::{Value, json};

use crate::ingest::Refused;
use crate::ledger::LedgerError;

#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    errors: Vec<Fault>,
    retry_after: Option<u64>,
}

impl Problem {
    fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self {
            status,
            kind,
            title,
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    pub(crate) fn unauthorized(detail: &str) -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            "Who are you?",
            detail,
        )
    }

    pub(crate) fn forbidden(detail: &str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    pub(crate) fn not_found(detail: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed",
            "Can't be read",
            detail,
        )
    }

    pub(crate) fn invalid(errors: Vec<Fault>) -> Self {
        let detail = match errors.as_slice() {
            [one] => one.to_string(),
            many => format!("{} things are wrong; `errors` lists them", many.len()),
        };
        Self {
            errors,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "invalid",
                "Bad input",
                detail,
            )
        }
    }

    pub(crate) fn too_large(most: usize) -> Self {
        let detail = format!("send at most {most} bytes");
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            "Too large",
            detail,
        )
    }

    pub(crate) fn too_many_requests(seconds: u64) -> Self {
        let detail = format!("too many wrong passwords; try again in {seconds} s");
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                "Too many requests",
                detail,
            )
        }
    }

    pub(crate) fn timeout() -> Self {
        let detail = "the body did not arrive in time; send it again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "Too slow", detail)
    }

    fn overloaded(seconds: u64) -> Self {
        let detail = format!("there is more to do than can be taken in; try again in {seconds} s");
        Self {
            retry_after: Some(seconds),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "overloaded",
                "Overloaded",
                detail,
            )
        }
    }

    fn away() -> Self {
        let detail = "the ledger can't be reached, fails or did not say how it ended; nothing is lost, \
                      send it again";
        Self {
            retry_after: Some(2),
            ..Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "storage",
                "Could not be stored",
                detail,
            )
        }
    }

    fn storage(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "storage",
            "Could not be stored",
            detail,
        )
    }

    fn to_json(&self) -> Value {
        let mut problem = json!({
            "type": format!("/problems/{}", self.kind),
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if !self.errors.is_empty() {
            problem["errors"] = json!(self.errors);
        }
        problem
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Busy | LedgerError::Contended(_) | LedgerError::Closed => {
                Self::overloaded(1)
            }
            LedgerError::Full => {
                tracing::error!(%error, "a request could not be stored");
                Self::storage(
                    "the disk that holds the ledger is full; nothing is lost, try again when there is room",
                )
            }
            LedgerError::Away(_)
            | LedgerError::Unknown(_)
            | LedgerError::Storage(_)
            | LedgerError::Unusable(_) => {
                tracing::error!(%error, "a request could not be stored or read");
                Self::away()
            }
        }
    }
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let unprocessable = StatusCode::UNPROCESSABLE_ENTITY;
        match refused {
            Refused::Bad(detail) => Self::new(unprocessable, "bad-frame", "Moved nothing", detail),
            // One type for both: kiosks of all versions answer it with a hello.
            Refused::UnknownJournal(_) | Refused::HelloFirst(_) => Self::new(
                StatusCode::CONFLICT,
                "unknown-journal",
                "Unknown journal",
                refused.to_string(),
            ),
            Refused::Foreign => Self::forbidden(&refused.to_string()),
            Refused::Crowded { seconds } => Self::overloaded(seconds),
            Refused::Ledger(error) => error.into(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = self.to_json().to_string();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

pub(crate) async fn nothing_here() -> Problem {
    Problem::not_found("nothing is served at this path; /api/openapi.json lists what is")
}

pub(crate) async fn other_method() -> Problem {
    let detail = "this path answers other methods; /api/openapi.json lists them";
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Other method",
        detail,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_says_so_and_every_other_trouble_of_the_ledger_says_come_again() {
        let text = String::new;
        let errors = [
            (LedgerError::Full, 507),
            (LedgerError::Busy, 503),
            (LedgerError::Contended(text()), 503),
            (LedgerError::Away(text()), 503),
            (LedgerError::Storage(text()), 503),
            (LedgerError::Unknown(text()), 503),
            (LedgerError::Unusable(text()), 503),
            (LedgerError::Closed, 503),
        ];
        for (error, status) in errors {
            let told = format!("{error:?}");
            assert_eq!(Problem::from(error).status.as_u16(), status, "{told}");
        }
    }
}
