//! What the staff's screens share: who may see them, the page to sign in, and how they write.
//!
//! Every screen is one page made here. A browser that hears of news fetches its page again and takes
//! over what differs, so each thing on a screen is written in one place and in one language.

mod frame;
mod guard;
mod writing;

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY};
use axum::response::{Html, IntoResponse, Response};
use kiosk_core::order::Status;
use kiosk_core::wall::WallTime;
use serde::Deserialize;

pub(super) use self::frame::{Frame, asset, icon};
pub(super) use self::guard::{KitchenStaff, ManagerOnly, token};
pub(super) use self::writing::{age, long_date, span};
pub(crate) use self::writing::{clock_time, destination, local, station_name};

use super::error::Problem;
use super::{AppState, assets};
use crate::journal::{ListFilter, StoredOrder};

/// Orders of one state that a screen looks at; beyond it lies what nobody works on any more.
const LOOKED_AT: u32 = 500;
/// An order of a day before is still worked on for so long.
const NIGHT_MS: i64 = 12 * 3600 * 1000;

/// What a browser says of how a page should look.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Look {
    /// The wanted language.
    pub(super) lang: Option<String>,
}

/// A page as an answer.
pub(super) fn answer(html: Result<String, askama::Error>) -> Result<Response, Problem> {
    let html = html.map_err(|error| {
        tracing::error!(%error, "a page could not be made");
        Problem::unavailable("This page could not be made; the kiosk's log says why.")
    })?;
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_SECURITY_POLICY, assets::PAGE_POLICY),
        (REFERRER_POLICY, "no-referrer"),
    ];
    Ok((headers, Html(html)).into_response())
}

/// The orders in these states that somebody works on: those of the business day, and what is left of
/// the night before. Oldest first.
pub(super) async fn worked_on(
    state: &AppState,
    states: &'static [Status],
    now: WallTime,
) -> Result<Vec<StoredOrder>, Problem> {
    let today = state.journal.day().borrow().map(|day| day.date);
    let mut orders = state
        .journal
        .read(move |reader| {
            let mut found = Vec::new();
            for status in states {
                let filter = ListFilter {
                    status: Some(*status),
                    limit: LOOKED_AT,
                    ..ListFilter::default()
                };
                found.extend(reader.list(&filter)?);
            }
            Ok(found)
        })
        .await?;
    orders.retain(|stored| {
        let order = &stored.order;
        Some(order.business_date) == today
            || now.as_millis() - order.placed_at.as_millis() < NIGHT_MS
    });
    orders.sort_by_key(|stored| stored.place);
    Ok(orders)
}

#[cfg(test)]
pub(super) mod tests;
