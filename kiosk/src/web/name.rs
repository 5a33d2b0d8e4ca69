//! The name that stands in a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use super::AppState;
use super::error::Problem;

/// The one name in a path. A name that isn't UTF-8 names nothing.
pub(super) struct Name(pub(super) String);

impl FromRequestParts<AppState> for Name {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        Path::from_request_parts(parts, state)
            .await
            .map(|Path(name)| Self(name))
            .map_err(|_| Problem::not_found("path"))
    }
}
