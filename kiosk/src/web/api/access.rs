//! Who is calling: the role that a session shows.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;

use crate::clock;
use crate::journal::StaffRole;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::request_id::RequestId;

/// The cookie that holds a session's token.
pub(super) const SESSION_COOKIE: &str = "stillopen_session";

/// Somebody of the kitchen, or the manager, who may do all.
pub(super) struct Kitchen(pub(super) StaffRole);

/// The manager.
pub(super) struct Manager;

/// The identity of the request in hand.
pub(super) struct Request(pub(super) Option<String>);

impl FromRequestParts<AppState> for Kitchen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        role(parts, state).map(Self)
    }
}

impl FromRequestParts<AppState> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        match role(parts, state)? {
            StaffRole::Manager => Ok(Self),
            StaffRole::Kitchen => Err(Problem::forbidden(
                "This needs the manager's PIN; you are signed in for the kitchen.",
            )),
        }
    }
}

impl FromRequestParts<AppState> for Request {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Self::Rejection> {
        Ok(Self(
            parts.extensions.get::<RequestId>().map(|id| id.0.clone()),
        ))
    }
}

impl OptionalFromRequestParts<AppState> for Kitchen {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        state: &AppState,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(role(parts, state).ok().map(Self))
    }
}

fn role(parts: &Parts, state: &AppState) -> Result<StaffRole, Problem> {
    let token = token(parts).ok_or_else(|| {
        Problem::unauthorized(
            "Staff functions need a session: POST the PIN to /api/v1/sessions and show the token.",
        )
    })?;
    state
        .sessions
        .role(token, clock::monotonic())
        .ok_or_else(|| Problem::unauthorized("This session has ended; sign in again with the PIN."))
}

/// The token a request shows, as bearer or in the session's cookie.
pub(super) fn token(parts: &Parts) -> Option<&str> {
    let header = |name| {
        parts
            .headers
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if let Some(bearer) = header(AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer ")) {
        return Some(bearer.trim());
    }
    let cookies = header(COOKIE)?;
    cookies.split(';').find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(value)
    })
}
