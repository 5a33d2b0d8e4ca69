//! Who is asking: a device by its token, a person by a session.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use cloud_sync_wire::credential::token_digest;
use kiosk_core::ids::{KioskId, StoreId};

use super::problem::Problem;
use crate::clock;
use crate::cloud::Cloud;
use crate::ingest::Speaker;
use crate::ledger::connection::Connection;
use crate::ledger::devices::{self, Device, Token};
use crate::ledger::users::{self, Role, User};
use crate::ledger::{LedgerError, logins};
use crate::mosquitto;
use crate::web::cookie;

/// The cookie that holds a session's token.
pub(crate) const COOKIE: &str = "stillopen_hq";

/// The bearer token of a request.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Checks a device's token against the store and kiosk of the path. A device whose access was taken
/// away is let in here: its events are kept in quarantine, not refused.
pub(crate) async fn device(
    cloud: &Cloud,
    headers: &HeaderMap,
    store: &str,
    kiosk: &str,
) -> Result<(Speaker, Device), Problem> {
    let refused = || {
        Problem::unauthorized(
            "show the token of this kiosk's credential; `cloud-sync enroll` makes a new credential",
        )
    };
    let token = bearer(headers).ok_or_else(refused)?;
    let digest = token_digest(token.as_bytes());
    let store = StoreId::try_new(store).map_err(|_| refused())?;
    let kiosk = KioskId::try_new(kiosk).map_err(|_| refused())?;
    let speaker = Speaker { store, kiosk };
    let of = speaker.clone();
    let device = cloud
        .ledger
        .read(move |connection| devices::find(connection, of.store.as_str(), of.kiosk.as_str()))
        .await?;
    let device = device.ok_or_else(refused)?;
    let shown = device.token(&digest).ok_or_else(refused)?;
    if shown == Token::Present && device.is_changing() {
        let id = device.id;
        let end = move |connection: &dyn Connection| devices::end_former_token(connection, id);
        cloud.ledger.write(end).await?;
    }
    if shown == Token::Present && !device.has_login {
        keep_login(cloud, &speaker, token).await?;
    }
    Ok((speaker, device))
}

/// Of a device that was enrolled by an earlier version only the token's digest is known, from which
/// no broker's password file can be written.
async fn keep_login(cloud: &Cloud, speaker: &Speaker, token: &str) -> Result<(), LedgerError> {
    let login = mosquitto::login(token)?;
    let of = speaker.clone();
    let keep = cloud
        .ledger
        .write(move |connection| logins::keep(connection, &of.store, &of.kiosk, &login));
    keep.await
}

/// The user of a request's session, if it has one that holds.
pub(crate) async fn user(cloud: &Cloud, headers: &HeaderMap) -> Result<Option<User>, Problem> {
    let Some(digest) = session_digest(headers) else {
        return Ok(None);
    };
    let now = clock::wall();
    let find = cloud
        .ledger
        .read(move |connection| users::of_session(connection, digest, now));
    Ok(find.await?)
}

/// The digest of the session token that a request shows.
pub(crate) fn session_digest(headers: &HeaderMap) -> Option<[u8; 32]> {
    let token = bearer(headers).or_else(|| cookie(headers, COOKIE))?;
    Some(token_digest(token.as_bytes()))
}

/// A signed-in person.
#[derive(Debug, Clone)]
pub(crate) struct Hq(pub(crate) User);

impl Hq {
    /// Whether the person may change things.
    pub(crate) fn may_edit(&self) -> Result<(), Problem> {
        if self.0.role >= Role::Editor {
            return Ok(());
        }
        Err(Problem::forbidden(
            "a viewer may look only; ask an administrator for the editor's role",
        ))
    }
}

impl FromRequestParts<Cloud> for Hq {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cloud: &Cloud) -> Result<Self, Problem> {
        if bearer(&parts.headers).is_none() && !from_own_page(&parts.method, &parts.headers) {
            return Err(Problem::forbidden(
                "this call came from another site's page",
            ));
        }
        user(cloud, &parts.headers).await?.map(Self).ok_or_else(|| {
            Problem::unauthorized("sign in first: POST /api/v1/sessions with name and password")
        })
    }
}

/// A browser adds the cookie by itself; what changes things must come from a page of ours.
fn from_own_page(method: &Method, headers: &HeaderMap) -> bool {
    if method.is_safe() {
        return true;
    }
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin"), text("host")) {
        (Some(site), _, _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, at)| at == host)
        }
        (None, Some(_), None) => false,
        (None, None, _) => true,
    }
}
