//! Who may see a page: the session that the browser's cookie shows, else the page to sign in.

use askama::Template;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::{Frame, Look, answer, asset, icon};
use crate::journal::{JournalError, StaffRole};
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::sessions::{PIN_DIGITS, SESSION_COOKIE, Who};
use crate::web::{transport, who};

/// A page for somebody of the kitchen, or the manager.
pub(in crate::web) struct KitchenStaff(pub(in crate::web) Look);

/// A page for the manager.
pub(in crate::web) struct ManagerOnly(pub(in crate::web) Look);

/// What somebody sees who may not see the page. Boxed: it travels in every `Result` of a page.
pub(in crate::web) struct Refused(Box<Response>);

#[derive(Template)]
#[template(path = "staff/sign-in.html")]
struct SignIn<'a> {
    frame: Frame<'a>,
    manager: bool,
    /// Whether there is a PIN that opens this page.
    ready: bool,
    /// Whether the manager's first PIN can be set here.
    first: bool,
    gate: Gate,
    digits: String,
}

/// Why somebody stands before the gate.
struct Gate {
    needs: StaffRole,
    /// Whether a session is shown that does not reach.
    short: bool,
    /// Whether a PIN typed here could be read by others in the network.
    in_the_clear: bool,
    /// Where it could not.
    elsewhere: Option<String>,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        *self.0
    }
}

impl FromRequestParts<AppState> for KitchenStaff {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        admit(parts, state, StaffRole::Kitchen).await.map(Self)
    }
}

impl FromRequestParts<AppState> for ManagerOnly {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Refused> {
        admit(parts, state, StaffRole::Manager).await.map(Self)
    }
}

async fn admit(parts: &Parts, state: &AppState, needs: StaffRole) -> Result<Look, Refused> {
    let look = Query::<Look>::try_from_uri(&parts.uri).map_or_else(|_| Look::default(), |q| q.0);
    let private = transport::is_private(&parts.extensions);
    let has = signed_in(&parts.headers, state).await;
    let has = has.filter(|_| private);
    if has.as_ref().is_some_and(|who| who.role >= needs) {
        return Ok(look);
    }
    let gate = Gate {
        needs,
        short: has.is_some(),
        in_the_clear: !private,
        elsewhere: state
            .https_port
            .and_then(|port| transport::elsewhere(&parts.headers, port, parts.uri.path())),
    };
    let page = sign_in(state, gate, &look).await;
    let mut response = page.unwrap_or_else(IntoResponse::into_response);
    if response.status().is_success() {
        *response.status_mut() = if has.is_some() || !private {
            StatusCode::FORBIDDEN
        } else {
            StatusCode::UNAUTHORIZED
        };
    }
    Err(Refused(Box::new(response)))
}

async fn sign_in(state: &AppState, gate: Gate, look: &Look) -> Result<Response, Problem> {
    let manager = gate.needs == StaffRole::Manager;
    let (ready, first) = state
        .journal
        .read(move |reader| {
            let opened = reader.has_manager()?;
            let kitchen = || -> Result<bool, JournalError> {
                let people = reader.people()?;
                Ok(reader.pin(StaffRole::Kitchen)?.is_some() || !people.is_empty())
            };
            Ok((opened || (!manager && kitchen()?), !opened))
        })
        .await?;
    let menu = state.menu();
    let page = SignIn {
        frame: Frame::new(&menu, look.lang.as_deref(), &[]),
        manager,
        ready,
        first,
        gate,
        digits: PIN_DIGITS.to_string(),
    };
    answer(page.render())
}

/// Who the browser's cookie says it is.
async fn signed_in(headers: &HeaderMap, state: &AppState) -> Option<Who> {
    who::who(state, token(headers)?).await
}

/// The token in the browser's cookie.
pub(in crate::web) fn token(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get_all(header::COOKIE).into_iter();
    let cookies = cookies.filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|value| value.split(';'));
    pairs.find_map(|pair| {
        let (name, token) = pair.trim().split_once('=')?;
        (name == SESSION_COOKIE).then_some(token)
    })
}
