//! Who is calling: the role that a session shows.

use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use axum::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName};

use crate::journal::StaffRole;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::request_id::RequestId;
use crate::web::sessions::{SESSION_COOKIE, Who};
use crate::web::{transport, who};

/// Somebody of the kitchen, or the manager, who may do all.
pub(super) struct Kitchen(pub(super) Who);

/// The manager.
pub(super) struct Manager(pub(super) Who);

/// The identity of the request in hand.
pub(super) struct Request(pub(super) Option<String>);

impl FromRequestParts<AppState> for Kitchen {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        signed_in(parts, state).await.map(Self)
    }
}

impl FromRequestParts<AppState> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Problem> {
        let who = signed_in(parts, state).await?;
        match who.role {
            StaffRole::Manager => Ok(Self(who)),
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
        Ok(signed_in(parts, state).await.ok().map(Self))
    }
}

async fn signed_in(parts: &Parts, state: &AppState) -> Result<Who, Problem> {
    let shown = shown(parts).ok_or_else(|| {
        Problem::unauthorized(
            "Staff functions need a session: POST the PIN to /api/v1/sessions and show the token.",
        )
    })?;
    if matches!(shown, Shown::Cookie(_)) && is_foreign(&parts.headers) {
        return Err(foreign());
    }
    if !transport::is_private(&parts.extensions) {
        return Err(transport::in_the_clear());
    }
    who::who(state, shown.token())
        .await
        .ok_or_else(|| Problem::unauthorized("This session has ended; sign in again with the PIN."))
}

/// The token of a session, and how it was shown.
pub(super) enum Shown<'a> {
    /// By a program that was given it.
    Bearer(&'a str),
    /// By a browser, which shows it whether or not the page that asks is one of ours.
    Cookie(&'a str),
}

impl<'a> Shown<'a> {
    pub(super) fn token(&self) -> &'a str {
        match self {
            Self::Bearer(token) | Self::Cookie(token) => token,
        }
    }
}

/// The token a request shows, as bearer or in the session's cookie.
pub(super) fn shown(parts: &Parts) -> Option<Shown<'_>> {
    let text = |name| text(&parts.headers, name);
    if let Some((scheme, token)) = text(AUTHORIZATION).and_then(|value| value.split_once(' '))
        && scheme.eq_ignore_ascii_case("bearer")
    {
        return Some(Shown::Bearer(token.trim()));
    }
    let cookies = text(COOKIE)?;
    cookies.split(';').find_map(|cookie| {
        let (name, value) = cookie.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(Shown::Cookie(value))
    })
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a browser says that the page which asks is not one of this kiosk's.
///
/// `SameSite=Strict` keeps the cookie from other sites; this keeps it also from other ports of the
/// same host, and from browsers that don't know the attribute.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    match text(headers, HeaderName::from_static("sec-fetch-site")) {
        Some("same-origin" | "none") => return false,
        Some(_) => return true,
        None => {}
    }
    let Some(origin) = headers.get(ORIGIN) else {
        return false;
    };
    // Only host and port are compared: in front of the kiosk a proxy may speak TLS.
    let authority = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.split_once("://"))
        .map(|(_, authority)| authority);
    authority.is_none() || authority != text(headers, HOST)
}

pub(super) fn foreign() -> Problem {
    Problem::forbidden(
        "This came from a page of another site. Open the kiosk's own page, or show the token as \
         bearer.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn a_page_of_another_site_or_port_is_foreign_and_no_browser_at_all_is_not() {
        let host = ("host", "kiosk:8080");
        for own in [
            headers(&[host]),
            headers(&[host, ("sec-fetch-site", "same-origin")]),
            headers(&[host, ("sec-fetch-site", "none")]),
            headers(&[host, ("origin", "http://kiosk:8080")]),
            headers(&[host, ("origin", "https://kiosk:8080")]),
        ] {
            assert!(!is_foreign(&own), "{own:?}");
        }
        for other in [
            headers(&[host, ("sec-fetch-site", "cross-site")]),
            headers(&[host, ("sec-fetch-site", "same-site")]),
            headers(&[host, ("origin", "http://kiosk:8081")]),
            headers(&[host, ("origin", "http://evil")]),
            headers(&[host, ("origin", "null")]),
            headers(&[("origin", "http://kiosk:8080")]),
        ] {
            assert!(is_foreign(&other), "{other:?}");
        }
    }
}
