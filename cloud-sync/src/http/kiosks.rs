//! The kiosks and what is known of each.

use axum::Json;
use axum::extract::{RawQuery, State};
use kiosk_core::wall::WallTime;
use serde_json::{Value, json};

use super::access::Hq;
use super::input::{self, Query};
use super::problem::Problem;
use crate::clock;
use crate::cloud::Cloud;
use crate::ledger::devices::{self, Kiosk};
use crate::presence::Presence;

pub(crate) async fn list(
    _: Hq,
    State(cloud): State<Cloud>,
    RawQuery(query): RawQuery,
) -> Result<Json<Value>, Problem> {
    let mut query = Query::read(query.as_deref(), &["after", "limit"]);
    let after = query.cursor(2).unwrap_or_else(|| vec![String::new(); 2]);
    let limit = query.limit();
    query.end()?;
    let mut kiosks = cloud
        .ledger
        .read(move |connection| {
            let (store, kiosk) = (after.first(), after.get(1));
            let after = (
                store.map_or("", String::as_str),
                kiosk.map_or("", String::as_str),
            );
            devices::list(connection, after, limit + 1)
        })
        .await?;
    let more = kiosks.len() > limit;
    kiosks.truncate(limit);
    let next = kiosks.last().filter(|_| more);
    let next = next.map(|last| input::cursor(&[&last.store, &last.kiosk]));
    let now = clock::wall();
    let kiosks: Vec<Value> = kiosks
        .iter()
        .map(|kiosk| shown(kiosk, &cloud.presence, now))
        .collect();
    Ok(Json(json!({ "kiosks": kiosks, "next": next })))
}

fn shown(kiosk: &Kiosk, presence: &Presence, now: WallTime) -> Value {
    let shown = presence.shown(kiosk, now);
    json!({
        "store": kiosk.store,
        "kiosk": kiosk.kiosk,
        "link": shown.link,
        "last_seen": shown.last_seen,
        "journal": kiosk.journal,
        "epoch": kiosk.epoch,
        "watermark": kiosk.watermark,
        "depth": shown.depth,
        "version": shown.version,
        "revoked": kiosk.revoked,
        "forked": kiosk.forked,
        "twins": kiosk.twins,
        "credential_expires": kiosk.expires,
        "credential_expired": kiosk.expires.is_some_and(|at| at <= now),
        "groups": kiosk.groups,
        "lost": kiosk.lost.iter().map(|(first, last)| json!({"first": first, "last": last}))
            .collect::<Vec<_>>(),
    })
}
