//! What kiosks call: hello, events, ack, another key.

use axum::Json;
use axum::body::{Body, HttpBody as _};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::frame::FRAME_LIMIT;
use cloud_sync_wire::notice::UNCONFIRMED_HEADER;
use kiosk_core::ids::JournalId;
use serde_json::{Value, json};

use super::access;
use super::input::{self, Query};
use super::problem::Problem;
use super::request::{Id, RequestId};
use crate::clock;
use crate::cloud::Cloud;
use crate::ingest::Way;
use crate::mosquitto;

/// Names, a key and a token.
const SUCCESSION_LIMIT: usize = 4 * 1024;
/// A hello is a signed message with another one in hex inside.
const HELLO_LIMIT: usize = 80 * 1024;

fn signed(cloud: &Cloud, ack: &Ack) -> Result<Response, Problem> {
    let bytes = cloud.door.sign(ack)?;
    metrics::counter!("cloud_acks_total", "transport" => "http").increment(1);
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

pub(crate) async fn hello(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    axum::Extension(RequestId(request)): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let _place = cloud.door.admit(None)?;
    let (speaker, _) = access::device(&cloud, &headers, &store, &kiosk).await?;
    let bytes = input::body(body, HELLO_LIMIT).await?;
    let ack = cloud.door.hello(&speaker, bytes, &request).await?;
    signed(&cloud, &ack)
}

pub(crate) async fn events(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    axum::Extension(RequestId(request)): Id,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let place = cloud.door.admit(body.size_hint().exact())?;
    let (speaker, _) = access::device(&cloud, &headers, &store, &kiosk).await?;
    let bytes = input::body(body, FRAME_LIMIT).await?;
    let _place = cloud.door.move_on(place, &bytes)?;
    let received = cloud
        .door
        .frame(&speaker, bytes, &request, Way::Live)
        .await?;
    signed(&cloud, &received.ack)
}

pub(crate) async fn ack(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (speaker, device) = access::device(&cloud, &headers, &store, &kiosk).await?;
    let mut query = Query::read(query.as_deref(), &["journal"]);
    let missing = query.text("journal").is_none();
    let must = "must be the journal's UUID";
    let journal = query.parsed("journal", must, |text| text.parse::<JournalId>().ok());
    query.end()?;
    if missing {
        return Err(Problem::malformed("say which journal: ?journal={its UUID}"));
    }
    // Shown to people and nothing else: what can't be read is as good as nothing said.
    let unconfirmed = headers.get(UNCONFIRMED_HEADER);
    let unconfirmed = unconfirmed.and_then(|value| value.to_str().ok()?.parse().ok());
    let now = clock::wall();
    cloud.presence.seen(device.id, unconfirmed, now);
    let journal = journal.ok_or_else(|| Problem::malformed(must))?;
    let ack = cloud.door.current_ack(&speaker, journal).await?;
    signed(&cloud, &ack)
}

/// A kiosk gives up its key for another one.
pub(crate) async fn rotate(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let (speaker, device) = access::device(&cloud, &headers, &store, &kiosk).await?;
    if device.revoked {
        return Err(Problem::unauthorized(
            "this kiosk's access was taken away; `cloud-sync enroll` makes a new credential",
        ));
    }
    let bytes = input::body(body, SUCCESSION_LIMIT).await?;
    cloud.door.succeed(&speaker, bytes).await?;
    mosquitto::refresh_or_warn(cloud.ledger.clone()).await;
    Ok(Json(
        json!({ "store": speaker.store, "kiosk": speaker.kiosk }),
    ))
}
