//! The manager's dashboard: today at a glance, orders and what can be done with them, stock, the
//! link, and the report of a day.
//!
//! Everything on it is read from this kiosk's own journal, so it is the same without a cloud.

mod chart;
mod devices;
mod link;
mod orders;
mod report;
mod sheet;
mod shell;
mod staff;
mod stock;
mod store;
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
        .route("/manager/devices", get(devices))
        .route("/manager/link", get(link))
        .route("/manager/staff", get(staff))
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

async fn devices(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    let jobs = state.journal.read(devices::Jobs::look).await?;
    answer(store.devices_page(who.0.lang.as_deref(), &jobs))
}

async fn link(who: ManagerOnly, State(state): State<AppState>) -> Result<Response, Problem> {
    let store = Store::look(&state, None).await?;
    answer(store.link_page(who.0.lang.as_deref()))
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
    let name = format!("attachment; filename=\"report-{}.csv\"", store.date);
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, name),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, store.report_csv(who.0.lang.as_deref())).into_response())
}

#[cfg(test)]
mod tests;
