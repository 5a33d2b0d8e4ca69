//! The status of this kiosk, as the contract shapes it.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use kiosk_core::wall::WallTime;
use serde_json::{Value, json};

use crate::journal::Reader;
use crate::status::BreakerStatus;
use crate::uplink::Why;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::{clock, wallclock};

pub(super) async fn status(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    Ok(Json(document(&state).await?))
}

async fn document(state: &AppState) -> Result<Value, Problem> {
    let outbox = state.journal.outbox().borrow().clone();
    let first = outbox.first_unconfirmed();
    let oldest = if outbox.unconfirmed() == 0 {
        None
    } else {
        state
            .journal
            .read(move |reader| reader.event_time(first))
            .await?
    };
    let succeeds = state.journal.read(Reader::succeeds).await?;
    let age = oldest.map(|at| seconds(clock::wall().as_millis() - at.as_millis()));
    let link = state.link.status();
    let level = state.link.level(&link, state.admission.available_permits());
    let health = state.journal.health().borrow().clone();
    let day = *state.journal.day().borrow();
    Ok(json!({
        "store": state.place.store,
        "kiosk": state.place.kiosk,
        "link": link.mode,
        "link_reason": link.reason.map(Why::words),
        "level": level.level,
        "level_reasons": level.reasons,
        "business_date": day.map(|day| day.date),
        "day_open": day.is_some_and(|day| day.closed_at.is_none()),
        "menu_version": state.menu().version(),
        "version": env!("CARGO_PKG_VERSION"),
        "journal": {
            "id": state.journal.id(),
            "next_seq": outbox.next_seq,
            "watermark": outbox.watermark(),
            "unconfirmed": outbox.unconfirmed(),
            "lost_window": outbox.lost_window().map(|(first, last)| json!({"first": first, "last": last})),
            "oldest_unconfirmed_seconds": age,
            "succeeds": succeeds,
            "free_bytes": health.free_bytes,
            "trouble": health.trouble,
        },
        "breakers": link.breakers.iter().map(breaker).collect::<Vec<_>>(),
        "switches": state.link.switches().status(),
        "devices": state.devices.status(),
        "receipts": state.devices.receipts(),
        "payment_methods": state.payment_methods(),
        "near": state.devices.near(),
        "clock": wall_clock(state),
    }))
}

/// Whether the wall clock can be believed, and when it was set while the kiosk ran.
fn wall_clock(state: &AppState) -> Value {
    let now = clock::wall();
    let jump = state.wall.jump();
    json!({
        "now": now,
        "set": wallclock::is_set(now),
        "jumped_by_seconds": jump.map(|jump| jump.by_ms / 1000),
        "jumped_at": jump.map(|jump| jump.at),
    })
}

/// A breaker, and until when it lets no call pass.
fn breaker(breaker: &BreakerStatus) -> Value {
    let wait = breaker
        .retry_in_seconds
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|wait| i64::try_from(wait.as_millis()).ok());
    let until = wait
        .filter(|wait| *wait > 0)
        .map(|wait| WallTime::from_millis(clock::wall().as_millis().saturating_add(wait)));
    let mut told = json!(breaker);
    told["until"] = json!(until);
    told
}

/// Milliseconds as seconds; a clock that was set back makes no negative age.
#[expect(
    clippy::cast_precision_loss,
    reason = "an age for people, with three digits"
)]
fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1000.0
}
