//! Signing in with a PIN, and out.

use std::net::SocketAddr;

use axum::Json;
use axum::body::Body;
use axum::extract::{ConnectInfo, State};
use axum::http::header::SET_COOKIE;
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
use crate::web::sessions::{SESSION_COOKIE, is_pin, verify_pin};
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
    if let Err(wait) = state.sessions.begin(client, clock::monotonic()) {
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        return Err(Problem::too_many_requests(
            seconds,
            "Too many wrong PINs from this screen.",
        ));
    }
    let Some(role) = role_of(pin, known).await? else {
        tracing::warn!(%client, "wrong PIN");
        return Err(Problem::unauthorized("That PIN is not right."));
    };
    let mut random = [0; 32];
    getrandom::fill(&mut random)
        .map_err(|_| Problem::unavailable("The system gives no random numbers."))?;
    let opened = state
        .sessions
        .open(role, client, &random, clock::monotonic());
    let lifetime = i64::try_from(opened.lifetime.as_millis()).unwrap_or(0);
    let expires = WallTime::from_millis(clock::wall().as_millis().saturating_add(lifetime));
    tracing::info!(role = role.as_str(), %client, "signed in");
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
    let body = json!({ "token": opened.token, "role": role.as_str(), "expires": expires });
    Ok((StatusCode::CREATED, [(SET_COOKIE, cookie)], Json(body)).into_response())
}

/// The roles that have a PIN, and its hash.
async fn known(state: &AppState) -> Result<Vec<(StaffRole, String)>, Problem> {
    let hashes = state
        .journal
        .read(|reader| {
            Ok([StaffRole::Manager, StaffRole::Kitchen].map(|role| (role, reader.pin(role))))
        })
        .await?;
    let mut known = Vec::new();
    for (role, hash) in hashes {
        known.extend(hash?.map(|hash| (role, hash)));
    }
    if known.is_empty() {
        return Err(Problem::unauthorized(
            "No PIN has been set on this kiosk yet: run `kiosk staff set-pin --role manager`.",
        ));
    }
    Ok(known)
}

/// Whose PIN it is.
async fn role_of(
    pin: String,
    known: Vec<(StaffRole, String)>,
) -> Result<Option<StaffRole>, Problem> {
    if !is_pin(&pin) {
        return Ok(None);
    }
    let stopping = || Problem::unavailable("The kiosk is stopping.");
    let _turn = CHECKING.acquire().await.map_err(|_| stopping())?;
    tokio::task::spawn_blocking(move || {
        let right = known.into_iter().find(|(_, hash)| verify_pin(&pin, hash));
        right.map(|(role, _)| role)
    })
    .await
    .map_err(|_| stopping())
}

fn pin(value: &serde_json::Value) -> Result<String, Problem> {
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
    }
    let cookie = format!("{SESSION_COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}
