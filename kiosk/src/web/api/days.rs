//! The business day: open, close, report.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::Uri;
use kiosk_core::day::Day;
use kiosk_core::report::{DayReport, day_report};
use serde_json::{Value, json};

use super::access::{Manager, Request};
use super::actions::reason;
use super::query::Params;
use crate::clock;
use crate::journal::{DayRequest, JournalError, Stamp};
use crate::web::error::Problem;
use crate::web::{AppState, body};

pub(super) async fn report(
    State(state): State<AppState>,
    _: Manager,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let mut params = Params::read(&uri, &["business_date", "z"]);
    let asked = params.date();
    let z = params.number("z", "must be the number of a Z report", 1, u64::MAX);
    params.finish()?;
    if let Some(z) = z {
        return kept_report(&state, z).await;
    }
    let menu = state.menu();
    let latest = state.journal.day().borrow().map(|day| day.date);
    let date = asked.or(latest).unwrap_or_else(|| {
        state
            .settings
            .schedule()
            .date(clock::wall(), &menu.time_zone)
    });
    let (orders, (cash, z)) = state
        .journal
        .read(move |reader| Ok((reader.orders_of_day(date)?, reader.cash_of_day(date)?)))
        .await?;
    let report = DayReport {
        z,
        ..day_report(date, menu.currency, &menu.time_zone, &orders, &cash)
    };
    Ok(Json(json!(report)))
}

/// A Z report as it was when its day was closed.
async fn kept_report(state: &AppState, z: u64) -> Result<Json<Value>, Problem> {
    let report = state.journal.read(move |reader| reader.z_report(z)).await?;
    let report = report.ok_or_else(|| Problem::not_found("report"))?;
    serde_json::from_str(&report)
        .map(Json)
        .map_err(|error| Problem::storage(&JournalError::Damaged(format!("Z report {z}: {error}"))))
}

pub(super) async fn open(
    state: State<AppState>,
    manager: Manager,
    request: Request,
    body: Body,
) -> Result<Json<Value>, Problem> {
    change(state, manager, request, body, false).await
}

pub(super) async fn close(
    state: State<AppState>,
    manager: Manager,
    request: Request,
    body: Body,
) -> Result<Json<Value>, Problem> {
    change(state, manager, request, body, true).await
}

async fn change(
    State(state): State<AppState>,
    Manager(who): Manager,
    Request(request): Request,
    body: Body,
    close: bool,
) -> Result<Json<Value>, Problem> {
    reason(&body::json_or_empty(&body::read(body).await?)?)?;
    let menu = state.menu();
    let wish = DayRequest {
        stamp: Stamp::now(request),
        close,
        schedule: state.settings.schedule(),
        zone: menu.time_zone.clone(),
        currency: menu.currency,
        by: Some(who.by()),
    };
    let changed = state.journal.change_day(wish).await?;
    let Day {
        date,
        opened_at,
        closed_at,
    } = changed.day;
    tracing::info!(%date, closed = closed_at.is_some(), "business day changed");
    Ok(Json(json!({
        "business_date": date,
        "opened_at": opened_at,
        "closed_at": closed_at,
        "report": changed.report,
    })))
}
