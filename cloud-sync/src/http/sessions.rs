//! Signing in and out.

use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::extract::{Extension, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Json, RequestExt as _};
use cloud_sync_wire::credential::token_digest;
use cloud_sync_wire::hello::to_hex;
use kiosk_core::document::{At, Faults, Object, text};
use kiosk_core::wall::WallTime;
use serde_json::{Value, json};

use super::access::{COOKIE, session_digest};
use super::input;
use super::problem::Problem;
use crate::clock;
use crate::cloud::{Cloud, random};
use crate::ledger::users::{self, User};
use crate::ledger::{LedgerError, Reach};
use crate::users::{TEXT_MOST, verify_password};

/// A session lasts a long working day.
const SESSION_MS: i64 = 12 * 3600 * 1000;

/// The address a request came from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) IpAddr);

pub(crate) async fn peer(request: &mut Request) -> IpAddr {
    let peer = request.extract_parts::<Extension<Peer>>().await;
    peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |Extension(Peer(ip))| ip)
}

/// How a try to sign in ended.
pub(crate) enum SignIn {
    Right(User),
    Wrong,
    /// So many seconds first.
    Wait(u64),
}

/// Checks a name and a password; a client that keeps guessing has to wait.
pub(crate) async fn check(
    cloud: &Cloud,
    client: IpAddr,
    name: &str,
    password: String,
) -> Result<SignIn, Problem> {
    let now = clock::instant();
    if let Some(wait) = cloud.guesses.wait(client, now) {
        return Ok(SignIn::Wait(wait.as_secs().max(1)));
    }
    let wanted = name.to_owned();
    let known = cloud
        .ledger
        .read(move |connection| users::find(connection, &wanted))
        .await?;
    let (user, hash) = known.map_or((None, None), |(user, hash)| (Some(user), Some(hash)));
    let permit = cloud
        .hashing
        .acquire()
        .await
        .map_err(|_| LedgerError::Closed)?;
    let check = tokio::task::spawn_blocking(move || verify_password(&password, hash.as_deref()));
    let right = check.await.map_err(|_| LedgerError::Closed)?;
    drop(permit);
    match user.filter(|_| right) {
        Some(user) => {
            cloud.guesses.right(client);
            tracing::info!(user = user.name, role = user.role.as_str(), "signed in");
            Ok(SignIn::Right(user))
        }
        None => {
            cloud.guesses.wrong(client, now);
            tracing::warn!(%client, "a sign-in failed");
            Ok(SignIn::Wrong)
        }
    }
}

pub(crate) async fn begin(
    State(cloud): State<Cloud>,
    mut request: Request,
) -> Result<Response, Problem> {
    let client = peer(&mut request).await;
    let (name, password) = name_and_password(request.into_body()).await?;
    let user = match check(&cloud, client, &name, password).await? {
        SignIn::Right(user) => user,
        SignIn::Wrong => return Err(Problem::unauthorized("name or password is wrong")),
        SignIn::Wait(seconds) => return Err(Problem::too_many_requests(seconds)),
    };
    let (session, cookie) = begun(&cloud, &user).await?;
    let headers = [
        (header::SET_COOKIE, cookie),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((StatusCode::CREATED, headers, Json(session)).into_response())
}

async fn name_and_password(body: Body) -> Result<(String, String), Problem> {
    let value = input::json(body).await?;
    let (mut faults, at) = (Faults::default(), At::Root);
    let read = |value: &Value, faults: &mut Faults| {
        let object = Object::read(value, &at, faults)?;
        object.refuse_unknown(&["name", "password"], &at, faults);
        let name = object.required("name", &at, faults, text);
        let password = object.required("password", &at, faults, text);
        for (field, value) in [("name", name), ("password", password)] {
            if value.is_some_and(|value| value.len() > TEXT_MOST) {
                faults.add(
                    &at.key(field),
                    format!("must be at most {TEXT_MOST} bytes long"),
                );
            }
        }
        Some((name?.to_owned(), password?.to_owned()))
    };
    let read = read(&value, &mut faults);
    read.filter(|_| faults.is_empty())
        .ok_or_else(|| Problem::invalid(faults.into_vec()))
}

/// Begins a session: what is answered, and the cookie.
pub(crate) async fn begun(cloud: &Cloud, user: &User) -> Result<(Value, String), Problem> {
    let mut secret = [0; 32];
    random(&mut secret)?;
    let token = to_hex(&secret);
    let digest = token_digest(token.as_bytes());
    let now = clock::wall();
    let expires = WallTime::from_millis(now.as_millis() + SESSION_MS);
    let id = user.id;
    cloud
        .ledger
        .write_in(Reach::Apart, move |connection| {
            users::begin_session(connection, digest, id, now, expires)
        })
        .await?;
    let cookie = format!(
        "{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict; Max-Age={}",
        SESSION_MS / 1000
    );
    let session = json!({
        "token": token,
        "name": user.name,
        "role": user.role.as_str(),
        "expires": expires,
    });
    Ok((session, cookie))
}

/// Ends the session that a request shows.
pub(crate) async fn forget(cloud: &Cloud, headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(digest) = session_digest(headers) {
        cloud
            .ledger
            .write_in(Reach::Apart, move |connection| {
                users::end_session(connection, digest)
            })
            .await?;
    }
    Ok(())
}

/// Ends the session that is shown, and takes the cookie back.
pub(crate) async fn end(
    State(cloud): State<Cloud>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    forget(&cloud, &headers).await?;
    let cookie = format!("{COOKIE}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}
