//! Signing in with a PIN, and out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
use axum::http::request::Parts;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use kiosk_core::document::{At, Faults, Object, text};
use kiosk_core::wall::WallTime;
use serde_json::json;
use tokio::sync::Semaphore;

use super::access::{Shown, foreign, is_foreign, shown};
use crate::clock;
use crate::journal::StaffRole;
use crate::web::error::Problem;
use crate::web::sessions::{SESSION_COOKIE, Who, fingerprint, is_pin, verify_pin};
use crate::web::{AppState, body, transport};

/// A PIN costs 19 MiB and tens of milliseconds to check, on purpose: one at a time.
static CHECKING: Semaphore = Semaphore::const_new(1);

pub(super) async fn open(
    State(state): State<AppState>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if is_foreign(&parts.headers) {
        return Err(foreign());
    }
    if !transport::is_private(&parts.extensions) {
        return Err(transport::in_the_clear());
    }
    let bytes = body::read(body).await?;
    let pin = pin(&body::json(&bytes)?)?;
    let client = client.ip();
    let known = known(&state).await?;
    if known.is_empty() {
        return Err(Problem::unauthorized(
            "No PIN has been set on this kiosk yet: open /manager on it, or run `kiosk staff set-pin \
             --role manager`.",
        ));
    }
    if let Err(wait) = state.sessions.begin(client, clock::monotonic()) {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        return Err(Problem::too_many_requests(
            seconds,
            "Too many wrong PINs from this screen.",
        ));
    }
    let Some((who, hash)) = whose(pin, known).await? else {
        tracing::warn!(%client, "wrong PIN");
        return Err(Problem::unauthorized("That PIN is not right."));
    };
    welcome(&state, &parts, who, &hash).await
}

/// Opens a session for somebody who typed the PIN with this hash.
pub(super) async fn welcome(
    state: &AppState,
    parts: &Parts,
    who: Who,
    hash: &str,
) -> Result<Response, Problem> {
    let client = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    let client = client.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |client| client.0.ip());
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|_| Problem::unavailable("The system gives no random numbers."))?;
    let wall = clock::wall();
    let opened = state.sessions.open(
        who.clone(),
        Some(fingerprint(hash)),
        client,
        &random,
        (clock::monotonic(), wall),
    );
    keep(state).await;
    let lifetime = i64::try_from(opened.lifetime.as_millis()).unwrap_or(0);
    let expires = WallTime::from_millis(wall.as_millis().saturating_add(lifetime));
    tracing::info!(who = who.by(), %client, "signed in");
    let secure = if transport::is_encrypted(&parts.extensions) {
        "; Secure"
    } else {
        ""
    };
    let cookie = format!(
        "{SESSION_COOKIE}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}{secure}",
        opened.token,
        opened.lifetime.as_secs()
    );
    let mut body = json!({ "token": opened.token, "role": who.role, "expires": expires });
    if let (Some(name), Some(body)) = (who.name, body.as_object_mut()) {
        body.insert("name".to_owned(), json!(name));
    }
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(body)).into_response())
}

/// Keeps who is signed in for after a restart, as far as the disk allows.
pub(super) async fn keep(state: &AppState) {
    if let Err(error) = state.sessions.keep(&state.journal).await {
        tracing::warn!(%error, "who is signed in is not kept for after a restart");
    }
}

/// Everybody who has a PIN, and its hash.
pub(super) async fn known(state: &AppState) -> Result<Vec<(Who, String)>, Problem> {
    let known = state
        .journal
        .read(|reader| {
            let mut known = Vec::new();
            for role in [StaffRole::Manager, StaffRole::Kitchen] {
                known.extend(reader.pin(role)?.map(|hash| (Who::from(role), hash)));
            }
            known.extend(reader.people()?.into_iter().map(|person| {
                let who = Who {
                    role: person.role,
                    person: Some(person.id),
                    name: Some(person.name),
                };
                (who, person.pin)
            }));
            Ok(known)
        })
        .await?;
    Ok(known)
}

/// Whose PIN it is.
pub(super) async fn whose(
    pin: String,
    known: Vec<(Who, String)>,
) -> Result<Option<(Who, String)>, Problem> {
    if !is_pin(&pin) {
        return Ok(None);
    }
    hashed(move || Ok(known.into_iter().find(|(_, hash)| verify_pin(&pin, hash)))).await
}

/// Runs what hashes, one at a time and off the async threads.
pub(super) async fn hashed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, Problem> {
    let stopping = || Problem::unavailable("The kiosk is stopping.");
    let _turn = CHECKING.acquire().await.map_err(|_| stopping())?;
    let worked = tokio::task::spawn_blocking(work).await;
    worked
        .map_err(|_| stopping())?
        .map_err(|_| Problem::unavailable("The system gives no random numbers."))
}

/// The body `{"pin"}`.
pub(super) fn pin(value: &serde_json::Value) -> Result<String, Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let pin = Object::read(value, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["pin"], &at, &mut faults);
        object.required("pin", &at, &mut faults, text)
    });
    match pin {
        Some(pin) if faults.is_empty() => Ok(pin.to_owned()),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}

pub(super) async fn close(
    State(state): State<AppState>,
    request: Request<Body>,
) -> Result<Response, Problem> {
    let (parts, _) = request.into_parts();
    if let Some(shown) = shown(&parts) {
        if matches!(shown, Shown::Cookie(_)) && is_foreign(&parts.headers) {
            return Err(foreign());
        }
        state.sessions.close(shown.token());
        keep(&state).await;
    }
    let cookie = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
