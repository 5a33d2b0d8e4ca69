//! The manager's dashboard: today at a glance, orders and what can be done with them, stock, the
//! link, and the report of a day.
//!
//! Everything on it is read from this kiosk's own journal, so it is the same without a cloud.

mod calls;
mod chart;
mod devices;
mod drawer;
mod levels;
mod link;
mod orders;
mod preview;
mod records;
mod report;
mod rules;
mod settings;
mod sheet;
mod shell;
mod staff;
mod stock;
mod store;
mod switching;
mod today;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::civil::Date;
use kiosk_core::ids::OrderId;
use serde::Deserialize;

use self::store::Store;
use super::AppState;
use super::error::Problem;
use super::name::Name;
use super::staff::{ManagerOnly, answer, token};
use crate::clock;
use crate::journal::StaffRole;

pub(super) fn routes() -> Router<AppState> {
    Router::new()
        .route("/manager", get(today))
        .route("/manager/orders", get(orders))
        .route("/manager/orders/{id}", get(order))
        .route("/manager/stock", get(stock))
        .route("/manager/menu", get(menu))
        .route("/manager/devices", get(devices))
        .route("/manager/link", get(link))
        .route("/manager/staff", get(staff))
        .route("/manager/settings", get(settings))
        .route("/manager/records", get(record))
        .route("/manager/records.csv", get(record_csv))
        .route("/manager/outbox", get(outbox))
        .route("/manager/report", get(report))
        .route("/manager/report.csv", get(report_csv))
}

async fn today(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.today(who.0.lang.as_deref()))
}

/// Which orders are listed.
#[derive(Debug, Default, Deserialize)]
struct Which {
    show: Option<String>,
}

async fn orders(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(which): Query<Which>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.orders_page(who.0.lang.as_deref(), which.show.as_deref()))
}

async fn order(
    who: ManagerOnly,
    State(state): State<AppState>,
    Name(id): Name,
) -> Result<Response, Problem> {
    let id: OrderId = id.parse().map_err(|_| Problem::not_found("order"))?;
    let stored = state.journal.read(move |reader| reader.order(id)).await?;
    let stored = stored.ok_or_else(|| Problem::not_found("order"))?;
    answer(sheet::sheet(&state, &stored, who.0.lang.as_deref()).await?)
}

async fn stock(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.stock_page(who.0.lang.as_deref()))
}

/// Which menu is looked at.
#[derive(Debug, Default, Deserialize)]
struct Seen {
    #[serde(rename = "as")]
    language: Option<String>,
    part: Option<String>,
}

async fn menu(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(seen): Query<Seen>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let view = preview::View {
        language: seen.language.as_deref(),
        daypart: seen.part.as_deref(),
    };
    answer(store.preview_page(&view, who.0.lang.as_deref()))
}

async fn devices(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let jobs = state.journal.read(devices::Jobs::look).await?;
    answer(store.devices_page(who.0.lang.as_deref(), &jobs))
}

async fn link(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.link_page(who.0.lang.as_deref()))
}

async fn settings(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.settings_page(who.0.lang.as_deref()))
}

async fn staff(
    who: ManagerOnly,
    headers: HeaderMap,
    State(state): State<AppState>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let (roles, people) = state
        .journal
        .read(|reader| {
            let mut roles = Vec::new();
            for role in [StaffRole::Manager, StaffRole::Kitchen] {
                roles.extend(reader.pin(role)?.map(|_| role));
            }
            Ok((roles, reader.people()?))
        })
        .await?;
    let token = token(&headers).unwrap_or_default();
    let roll = staff::Roll {
        roles,
        people,
        sessions: state.sessions.all(token, clock::monotonic()),
    };
    answer(store.staff_page(&roll, who.0.lang.as_deref()))
}

/// Records of a page.
const RECORDS: usize = 60;
/// Records of a file.
const FILED: usize = 5_000;
/// Unconfirmed records on a page; the rest is told as a number.
const WAITING: usize = 60;

/// Which records are listed.
#[derive(Debug, Default, Deserialize)]
struct WhichRecords {
    show: Option<String>,
    before: Option<u64>,
}

async fn record(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(which): Query<WhichRecords>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let (show, kinds) = records::choice(which.show.as_deref());
    let before = which.before;
    let found = state
        .journal
        .read(move |reader| reader.records(kinds, before, RECORDS))
        .await?;
    answer(store.records_page(show, &found, before.is_none(), who.0.lang.as_deref()))
}

async fn record_csv(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(which): Query<WhichRecords>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let (show, kinds) = records::choice(which.show.as_deref());
    let found = state
        .journal
        .read(move |reader| reader.records(kinds, which.before, FILED))
        .await?;
    let csv = store.records_csv(&found, who.0.lang.as_deref());
    Ok(as_csv(&format!("record-{show}"), csv))
}

async fn outbox(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let outbox = state.journal.outbox().borrow().clone();
    let from = outbox.first_unconfirmed();
    let waiting = usize::try_from(outbox.unconfirmed()).unwrap_or(usize::MAX);
    let limit = waiting.min(WAITING);
    let queue = state
        .journal
        .read(move |reader| {
            let (aside, quarantined) = reader.quarantined()?;
            let unconfirmed = reader.unconfirmed(from, |seq| outbox.is_confirmed(seq), limit)?;
            Ok(records::Queue {
                unconfirmed,
                aside,
                quarantined,
            })
        })
        .await?;
    answer(store.outbox_page(&queue, who.0.lang.as_deref()))
}

/// A file of comma-separated values.
fn as_csv(name: &str, csv: String) -> Response {
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"{name}.csv\""),
        ),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, csv).into_response()
}

/// A count for a message.
fn small(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Which day is reported.
#[derive(Debug, Default, Deserialize)]
struct OfDay {
    date: Option<String>,
}

impl OfDay {
    fn read(&self) -> Option<Date> {
        self.date.as_deref().and_then(|date| date.parse().ok())
    }
}

async fn report(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(day): Query<OfDay>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, day.read()).await?;
    answer(store.report_page(who.0.lang.as_deref()))
}

async fn report_csv(
    who: ManagerOnly,
    State(state): State<AppState>,
    Query(day): Query<OfDay>,
) -> Result<Response, Problem> {
    let store = Store::look(&state, day.read()).await?;
    let csv = store.report_csv(who.0.lang.as_deref());
    Ok(as_csv(&format!("report-{}", store.date), csv))
}

#[cfg(test)]
mod tests;
