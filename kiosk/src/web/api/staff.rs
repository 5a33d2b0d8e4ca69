//! The staff: who has a PIN, who is signed in, and what the manager changes about both.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{Request as HttpRequest, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, post, put};
use kiosk_core::document::{At, Faults, Object, filled_text, text};
use serde_json::{Value, json};
use uuid::Uuid;

use super::access::{Manager, Request, foreign, is_foreign, shown};
use super::sessions;
use crate::clock;
use crate::journal::{Person, PinOf, StaffChange, StaffRefusal, StaffRequest, StaffRole, Stamp};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::request_id::RequestId;
use crate::web::sessions::{PIN_DIGITS, hash_pin, is_pin};
use crate::web::{AppState, body, transport};

/// The longest name of somebody, in characters.
const NAME_LIMIT: usize = 40;

/// The paths of this part.
pub(super) fn table() -> [(&'static str, MethodRouter<AppState>); 4] {
    [
        ("/api/v1/sessions/others", delete(sign_others_out)),
        ("/api/v1/staff", get(list).post(add)),
        ("/api/v1/staff/first", post(first)),
        ("/api/v1/staff/{id}", put(change).delete(revoke)),
    ]
}

/// `GET /api/v1/staff`
async fn list(
    State(state): State<AppState>,
    _: Manager,
    request: HttpRequest<Body>,
) -> Result<Json<Value>, Problem> {
    let (parts, _) = request.into_parts();
    let token = shown(&parts).map_or("", |shown| shown.token());
    let (roles, people) = state
        .journal
        .read(|reader| {
            let roles =
                [StaffRole::Manager, StaffRole::Kitchen].map(|role| (role, reader.pin(role)));
            Ok((roles, reader.people()?))
        })
        .await?;
    let mut staff = Vec::new();
    for (role, pin) in roles {
        staff.push(json!({ "id": role, "role": role, "has_pin": pin?.is_some() }));
    }
    staff.extend(people.iter().map(shown_person));
    let open = state.sessions.all(token, clock::monotonic());
    let sessions = open.iter().map(|(session, own)| {
        json!({
            "role": session.who.role,
            "name": session.who.name,
            "client": session.client,
            "since": session.since,
            "until": session.until,
            "own": own,
        })
    });
    let sessions: Vec<Value> = sessions.collect();
    Ok(Json(
        json!({ "staff": staff, "sessions": sessions, "next": null }),
    ))
}

fn shown_person(person: &Person) -> Value {
    json!({
        "id": person.id,
        "role": person.role,
        "name": person.name,
        "since": person.since,
        "has_pin": true,
    })
}

/// `POST /api/v1/staff`: somebody is new.
async fn add(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    body: Body,
) -> Result<Response, Problem> {
    let value = body::json(&body::read(body).await?)?;
    let (name, role, pin) = newcomer(&value)?;
    let pin = fresh_hash(&state, pin, None).await?;
    let id = clock::uuid7(clock::wall());
    let change = StaffChange::Add {
        id,
        name: name.clone(),
        role,
        pin,
    };
    let by = Some(who.by());
    let stamp = Stamp::now(request);
    let since = stamp.at;
    let wish = StaffRequest { stamp, change, by };
    state.journal.change_staff(wish).await?;
    tracing::info!(
        name,
        role = role.as_str(),
        by = who.by(),
        "somebody got a PIN"
    );
    let added = shown_person(&Person {
        id,
        name,
        role,
        since,
        pin: String::new(),
    });
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// `PUT /api/v1/staff/{id}`: another PIN, another role.
async fn change(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    Name(id): Name,
    body: Body,
) -> Result<StatusCode, Problem> {
    let value = body::json(&body::read(body).await?)?;
    let of = whose(&id)?;
    let (role, pin) = changes(&value, of)?;
    let by = || Some(who.by());
    if let Some(pin) = pin {
        let known = state.journal.read(move |reader| reader.pin_of(of)).await?;
        if matches!(of, PinOf::Person(_)) && known.is_none() {
            return Err(Problem::not_found("person"));
        }
        let hash = fresh_hash(&state, pin, Some(of)).await?;
        let wish = StaffRequest {
            stamp: Stamp::now(request.clone()),
            change: StaffChange::Pin(of, hash),
            by: by(),
        };
        state.journal.change_staff(wish).await?;
        tracing::info!(of = id, by = who.by(), "a PIN was changed");
    }
    if let (Some(role), PinOf::Person(person)) = (role, of) {
        let wish = StaffRequest {
            stamp: Stamp::now(request),
            change: StaffChange::Role(person, role),
            by: by(),
        };
        state.journal.change_staff(wish).await?;
        tracing::info!(
            of = id,
            role = role.as_str(),
            by = who.by(),
            "a role was changed"
        );
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/staff/{id}`: the PIN opens nothing any more.
async fn revoke(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    Name(id): Name,
) -> Result<StatusCode, Problem> {
    let wish = StaffRequest {
        stamp: Stamp::now(request),
        change: StaffChange::Revoke(whose(&id)?),
        by: Some(who.by()),
    };
    state.journal.change_staff(wish).await?;
    tracing::info!(of = id, by = who.by(), "a PIN was revoked");
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/sessions/others`: everybody is signed out but whoever asks.
async fn sign_others_out(
    State(state): State<AppState>,
    Manager(who): Manager,
    request: HttpRequest<Body>,
) -> StatusCode {
    let (parts, _) = request.into_parts();
    if let Some(shown) = shown(&parts) {
        state.sessions.close_others(shown.token());
        sessions::keep(&state).await;
        tracing::info!(by = who.by(), "everybody else was signed out");
    }
    StatusCode::NO_CONTENT
}

/// `POST /api/v1/staff/first`: the manager's first PIN, while there is none. Whoever sets it is signed
/// in by it.
async fn first(
    State(state): State<AppState>,
    request: HttpRequest<Body>,
) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if is_foreign(&parts.headers) {
        return Err(foreign());
    }
    if !transport::is_private(&parts.extensions) {
        return Err(transport::in_the_clear());
    }
    let value = body::json(&body::read(body).await?)?;
    let pin = sessions::pin(&value)?;
    if !is_pin(&pin) {
        let detail = format!("must have {PIN_DIGITS} to 32 digits");
        return Err(Problem::invalid_field("/pin", &detail));
    }
    let taken = state.journal.read(|reader| reader.has_manager()).await?;
    if taken {
        return Err(StaffRefusal::NotFirst.into());
    }
    let hash = fresh_hash(&state, pin, Some(PinOf::Role(StaffRole::Manager))).await?;
    let id = parts.extensions.get::<RequestId>().map(|id| id.0.clone());
    let wish = StaffRequest {
        stamp: Stamp::now(id),
        change: StaffChange::First(hash.clone()),
        by: None,
    };
    state.journal.change_staff(wish).await?;
    tracing::info!("the manager's first PIN was set");
    sessions::welcome(&state, &parts, StaffRole::Manager.into(), &hash).await
}

/// Whose PIN a path names: `manager`, `kitchen`, or somebody's id.
fn whose(id: &str) -> Result<PinOf, Problem> {
    if let Some(role) = StaffRole::from_name(id) {
        return Ok(PinOf::Role(role));
    }
    let id: Uuid = id.parse().map_err(|_| Problem::not_found("person"))?;
    Ok(PinOf::Person(id))
}

/// The hash of a PIN that nobody else has: a PIN says who somebody is.
async fn fresh_hash(state: &AppState, pin: String, of: Option<PinOf>) -> Result<String, Problem> {
    let known = sessions::known(state).await?;
    let others = known
        .into_iter()
        .filter(|(who, _)| Some(who.pin_of()) != of);
    if sessions::whose(pin.clone(), others.collect())
        .await?
        .is_some()
    {
        return Err(Problem::invalid_field(
            "/pin",
            "is somebody's already; choose another",
        ));
    }
    sessions::hashed(move || hash_pin(&pin)).await
}

fn newcomer(value: &Value) -> Result<(String, StaffRole, String), Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let read = Object::read(value, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["name", "role", "pin"], &at, &mut faults);
        let name = object.required("name", &at, &mut faults, name);
        let role = object.required("role", &at, &mut faults, role);
        let pin = object.required("pin", &at, &mut faults, new_pin);
        Some((name?, role?, pin?))
    });
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}

fn changes(value: &Value, of: PinOf) -> Result<(Option<StaffRole>, Option<String>), Problem> {
    let known: &[&str] = match of {
        PinOf::Role(_) => &["pin"],
        PinOf::Person(_) => &["role", "pin"],
    };
    let mut faults = Faults::default();
    let at = At::Root;
    let (mut to, mut pin) = (None, None);
    if let Some(object) = Object::read(value, &at, &mut faults) {
        object.refuse_unknown(known, &at, &mut faults);
        pin = object.optional("pin", &at, &mut faults, new_pin);
        if matches!(of, PinOf::Person(_)) {
            to = object.optional("role", &at, &mut faults, role);
        }
    }
    if faults.is_empty() {
        Ok((to, pin))
    } else {
        Err(Problem::invalid(&faults.into_vec()))
    }
}

fn name(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let name = filled_text(value, at, faults)?.trim();
    if name.chars().count() > NAME_LIMIT || name.chars().any(char::is_control) {
        faults.add(
            at,
            format!("must have at most {NAME_LIMIT} characters on one line"),
        );
        return None;
    }
    Some(name.to_owned())
}

fn role(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<StaffRole> {
    let role = StaffRole::from_name(text(value, at, faults)?);
    if role.is_none() {
        faults.add(at, "must be manager or kitchen");
    }
    role
}

fn new_pin(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let pin = text(value, at, faults)?;
    if !is_pin(pin) {
        faults.add(at, format!("must have {PIN_DIGITS} to 32 digits"));
        return None;
    }
    Some(pin.to_owned())
}
