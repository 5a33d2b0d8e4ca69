//! What could not be applied, and trying it again.

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use serde_json::{Value, json};
use uuid::{Builder, Uuid};

use super::access::Hq;
use super::input::{self, Query};
use super::problem::Problem;
use crate::cloud::Cloud;
use crate::ingest::replay::Replayed;
use crate::ledger::quarantine::{self, Entry};

pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::read(query.as_deref(), &["after", "limit"]);
    let after = query.cursor(1);
    let after = after
        .and_then(|parts| parts.first()?.parse().ok())
        .unwrap_or(0);
    let limit = query.limit();
    query.end()?;
    let read = cloud
        .ledger
        .read(move |connection| quarantine::list(connection, after, limit + 1));
    let mut entries = read.await?;
    let more = entries.len() > limit;
    entries.truncate(limit);
    let next = entries.last().filter(|_| more);
    let next = next.map(|last| input::cursor(&[&last.id.to_string()]));
    let entries: Vec<Value> = entries.iter().map(shown).collect();
    Ok(Json(json!({ "events": entries, "next": next })))
}

fn shown(entry: &Entry) -> Value {
    json!({
        "id": public_id(entry),
        "store": entry.store,
        "kiosk": entry.kiosk,
        "journal": entry.journal,
        "seq": entry.seq,
        "reason": entry.reason,
        "detail": entry.detail,
        "first_seen": entry.first_seen,
        "tries": entry.tries,
    })
}

/// A `UUIDv7` of when it was first seen, with its row in the last 6 bytes.
fn public_id(entry: &Entry) -> Uuid {
    let mut tail = [0; 10];
    let row = entry.id.to_be_bytes();
    tail.iter_mut()
        .skip(4)
        .zip(row.iter().skip(2))
        .for_each(|(to, from)| *to = *from);
    let millis = u64::try_from(entry.first_seen.as_millis()).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}

fn row_of(id: Uuid) -> Option<i64> {
    let (_, tail) = id.as_bytes().split_last_chunk::<6>()?;
    Some(tail.iter().fold(0, |row, byte| row << 8 | i64::from(*byte)))
}

pub(crate) async fn replay(
    hq: Hq,
    State(cloud): State<Cloud>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    hq.may_edit()?;
    let unknown = || Problem::not_found("there is no such entry; it may have been settled already");
    let row = id.parse().ok().and_then(row_of).ok_or_else(unknown)?;
    match cloud.door.replay(row).await? {
        Replayed::Unknown => Err(unknown()),
        Replayed::Settled(state) => Ok(Json(
            json!({ "id": id, "state": state.as_str(), "reason": null }),
        )),
        Replayed::Stays(reason) => Ok(Json(
            json!({ "id": id, "state": "quarantined", "reason": reason }),
        )),
    }
}
