//! Orders as they are read.

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Order, Status};
use serde_json::{Value, json};

use super::access::Kitchen;
use super::query::Params;
use super::views::{OrderView, sync_of};
use crate::journal::ListFilter;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::name::Name;

/// Orders on one page of a list, if nobody asks for another number.
const PAGE: u32 = 50;
/// The most on one page.
const LONGEST_PAGE: u32 = 500;

pub(super) fn view<'a>(state: &AppState, order: &'a Order, seqs: &[u64]) -> OrderView<'a> {
    let outbox = state.journal.outbox();
    let sync = sync_of(seqs, &outbox.borrow(), &state.link);
    OrderView::new(order, sync)
}

pub(super) async fn one(
    State(state): State<AppState>,
    Name(id): Name,
) -> Result<Response, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    Ok(Json(view(&state, &stored.order, &stored.seqs)).into_response())
}

/// Cursors are digits; places at or below 0 are told beyond this.
const BEYOND: i64 = 100_000_000_000_000_000;

fn cursor_of(place: i64) -> String {
    match place {
        1.. => place.to_string(),
        _ => BEYOND.saturating_sub(place).to_string(),
    }
}

fn place_of(cursor: u64) -> i64 {
    match i64::try_from(cursor).unwrap_or(i64::MAX) {
        beyond if beyond >= BEYOND => BEYOND - beyond,
        place => place,
    }
}

fn filter(uri: &Uri) -> Result<ListFilter, Problem> {
    let known = ["business_date", "status", "after", "limit"];
    let mut params = Params::read(uri, &known);
    let filter = ListFilter {
        business_date: params.date(),
        status: params.get(
            "status",
            "must be placed, preparing, ready, collected or voided",
            Status::from_name,
        ),
        before: params
            .number("after", "must be a cursor from next", 0, u64::MAX)
            .map(place_of),
        limit: params
            .number("limit", "must be between 1 and 500", 1, LONGEST_PAGE.into())
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or(PAGE),
    };
    params.finish()?;
    Ok(filter)
}

pub(super) async fn list(
    State(state): State<AppState>,
    _: Kitchen,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let filter = filter(&uri)?;
    let limit = filter.limit;
    let wanted = ListFilter {
        limit: limit + 1,
        ..filter
    };
    let mut orders = state
        .journal
        .read(move |reader| reader.list(&wanted))
        .await?;
    let more = orders.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        orders.pop();
    }
    let next = orders
        .last()
        .filter(|_| more)
        .map(|last| cursor_of(last.place));
    let views: Vec<_> = orders
        .iter()
        .map(|stored| view(&state, &stored.order, &stored.seqs))
        .collect();
    Ok(Json(json!({ "orders": views, "next": next })))
}
