//! The status of this kiosk, as the contract shapes it.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::clock;
use crate::status::LinkMode;
use crate::web::AppState;
use crate::web::error::Problem;

pub(super) async fn status(State(state): State<AppState>) -> Result<Json<Value>, Problem> {
    Ok(Json(document(&state).await?))
}

async fn document(state: &AppState) -> Result<Value, Problem> {
    let outbox = state.journal.outbox().borrow().clone();
    let first = outbox.confirmed.first_missing(1);
    let oldest = if outbox.unconfirmed() == 0 {
        None
    } else {
        state
            .journal
            .read(move |reader| reader.event_time(first))
            .await?
    };
    let age = oldest.map(|at| seconds(clock::wall().as_millis() - at.as_millis()));
    let link = state.link.status();
    // Until the ladder decides by load and switches too: without the cloud, local data only.
    let level = if link.mode == LinkMode::Offline {
        "L2"
    } else {
        "L0"
    };
    let health = state.journal.health().borrow().clone();
    let day = *state.journal.day().borrow();
    Ok(json!({
        "store": state.place.store,
        "kiosk": state.place.kiosk,
        "link": link.mode,
        "link_reason": link.reason,
        "level": level,
        "business_date": day.map(|day| day.date),
        "day_open": day.is_some_and(|day| day.closed_at.is_none()),
        "menu_version": state.menu().version(),
        "version": env!("CARGO_PKG_VERSION"),
        "journal": {
            "id": state.journal.id(),
            "next_seq": outbox.next_seq,
            "watermark": outbox.watermark(),
            "unconfirmed": outbox.unconfirmed(),
            "oldest_unconfirmed_seconds": age,
            "free_bytes": health.free_bytes,
            "trouble": health.trouble,
        },
        "breakers": link.breakers,
        "switches": state.link.switches().status(),
        "devices": [],
    }))
}

/// Milliseconds as seconds; a clock that was set back makes no negative age.
#[expect(
    clippy::cast_precision_loss,
    reason = "an age for people, with three digits"
)]
fn seconds(millis: i64) -> f64 {
    millis.max(0) as f64 / 1000.0
}
