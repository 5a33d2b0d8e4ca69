//! The notices of switches and settings, for kiosks that no broker tells: the same signed bytes.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use cloud_sync_wire::signed::{self, Message};
use cloud_sync_wire::succession::Links;
use kiosk_core::ids::{Generation, StoreId};

use super::access;
use super::menus::is_known;
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ledger::connection::Connection;
use crate::ledger::{LedgerError, assignments, notices, succession};

pub(crate) async fn switches(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tagged =
        |notice: &cloud_sync_wire::notice::SwitchNotice| tag(notice.generation, notice.number);
    notice(&cloud, &headers, (store, kiosk), notices::switches, tagged).await
}

pub(crate) async fn settings(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tagged =
        |notice: &cloud_sync_wire::notice::SettingsNotice| tag(notice.generation, notice.number);
    notice(&cloud, &headers, (store, kiosk), notices::settings, tagged).await
}

pub(crate) async fn broker(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let tagged =
        |notice: &cloud_sync_wire::notice::BrokerNotice| tag(notice.generation, notice.number);
    notice(
        &cloud,
        &headers,
        (store, kiosk),
        assignments::notice,
        tagged,
    )
    .await
}

/// The words that the cloud's keys gave for one another: no secret, and each is signed by itself.
pub(crate) async fn keys(
    State(cloud): State<Cloud>,
    Path((store, kiosk)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Links>, Problem> {
    access::device(&cloud, &headers, &store, &kiosk).await?;
    Ok(Json(cloud.ledger.read(succession::links).await?))
}

fn tag(generation: Generation, number: u64) -> String {
    format!("\"{generation}-{number}\"")
}

async fn notice<M: Message + Send + 'static>(
    cloud: &Cloud,
    headers: &HeaderMap,
    (store, kiosk): (String, String),
    read: impl FnOnce(&dyn Connection, &StoreId) -> Result<M, LedgerError> + Send + 'static,
    tag: impl Fn(&M) -> String,
) -> Result<Response, Problem> {
    let (speaker, device) = access::device(cloud, headers, &store, &kiosk).await?;
    if device.revoked {
        return Err(Problem::unauthorized(
            "this kiosk's access was taken away; `cloud-sync enroll` makes a new credential",
        ));
    }
    let notice = cloud
        .ledger
        .read(move |connection| read(connection, &speaker.store));
    let notice = notice.await?;
    let tag = tag(&notice);
    let told = [
        (header::ETAG, tag.clone()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
    ];
    if is_known(headers, &tag) {
        return Ok((StatusCode::NOT_MODIFIED, told).into_response());
    }
    let bytes = signed::sign(&notice, &cloud.key.key())
        .map_err(|error| LedgerError::Storage(format!("a notice can't be signed: {error}")))?;
    let kind = [(header::CONTENT_TYPE, "application/octet-stream")];
    Ok((told, kind, bytes).into_response())
}
