//! Print jobs: what waits for paper, and what staff do about it.

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use jiff::civil::Date;
use kiosk_core::document::{At, Faults, Object, filled_text, text, whole};
use serde_json::{Value, json};

use super::access::{Kitchen, Manager};
use super::query::Params;
use crate::clock;
use crate::devices::job::{Job, PrintId, ReportOf, State as JobState, Step, Why};
use crate::devices::settings::PrinterSettings;
use crate::devices::{Devices, now};
use crate::journal::{PrintFilter, PrintRequest, PrintWish};
use crate::web::error::Problem;
use crate::web::name::Name;
use crate::web::{AppState, body};

/// Jobs of a page if nobody says otherwise.
const PAGE: u32 = 50;
/// The longest page.
const LONGEST_PAGE: u64 = 500;
/// A sentence or two.
const REASON_LIMIT: usize = 200;

pub(super) async fn list(
    State(state): State<AppState>,
    _: Kitchen,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let filter = filter(&uri)?;
    let limit = filter.limit;
    let wanted = PrintFilter {
        limit: limit + 1,
        ..filter
    };
    let mut jobs = state
        .journal
        .read(move |reader| reader.prints(&wanted))
        .await?;
    let more = jobs.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    if more {
        jobs.pop();
    }
    let next = jobs.last().filter(|_| more).map(|job| job.no.to_string());
    let jobs: Vec<Value> = jobs.iter().map(view).collect();
    Ok(Json(json!({ "print_jobs": jobs, "next": next })))
}

fn filter(uri: &Uri) -> Result<PrintFilter, Problem> {
    let mut params = Params::read(uri, &["state", "after", "limit"]);
    let known = "must be queued, sending, printed, held, failed or cancelled";
    let filter = PrintFilter {
        states: params
            .get("state", known, JobState::from_name)
            .into_iter()
            .collect(),
        before: params.number("after", "must be a cursor from next", 0, u64::MAX),
        limit: params
            .number("limit", "must be between 1 and 500", 1, LONGEST_PAGE)
            .and_then(|limit| u32::try_from(limit).ok())
            .unwrap_or(PAGE),
    };
    params.finish()?;
    Ok(filter)
}

/// A job as the API shows it.
fn view(job: &Job) -> Value {
    json!({
        "id": job.id,
        "kind": job.kind,
        "order": job.order,
        "number": job.number,
        "station": job.station,
        "language": job.language,
        "device": job.device,
        "sent_to": job.sent_to,
        "state": job.state,
        "why": job.why,
        "note": job.note,
        "attempts": job.attempts,
        "copy": job.copy,
        "created_at": job.created_at,
        "waiting_since": job.since.at,
        "changed_at": job.changed_at,
    })
}

/// `POST /api/v1/print-jobs/{id}/retry`: a job that waits, was held or failed is printed, perhaps on
/// another printer.
pub(super) async fn retry(
    State(state): State<AppState>,
    _: Kitchen,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let device = device(&state, body).await?;
    let wish = PrintWish::Step(job_id(&id)?, Step::Release(device));
    Ok(Json(print(&state, wish).await?).into_response())
}

/// `POST /api/v1/print-jobs/{id}/reprint`: the same once more, as a copy.
pub(super) async fn reprint(
    State(state): State<AppState>,
    _: Manager,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let device = device(&state, body).await?;
    let copy = print(&state, PrintWish::Copy(job_id(&id)?, device)).await?;
    Ok((StatusCode::CREATED, Json(copy)).into_response())
}

/// `POST /api/v1/print-jobs/{id}/discard`: nobody wants it any more.
pub(super) async fn discard(
    State(state): State<AppState>,
    _: Manager,
    Name(id): Name,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(body).await?;
    let reason = reason(&body::json(&bytes)?)?;
    let step = Step::Discard(Why::Discarded, Some(reason));
    let wish = PrintWish::Step(job_id(&id)?, step);
    Ok(Json(print(&state, wish).await?).into_response())
}

/// `GET /api/v1/devices`
pub(super) async fn devices(
    State(state): State<AppState>,
    _: Kitchen,
) -> Result<Json<Value>, Problem> {
    let found = tokio::task::spawn_blocking(Devices::found).await;
    let found = found.unwrap_or_default().into_iter();
    let found: Vec<Value> = found
        .map(|(address, description)| json!({ "address": address, "description": description }))
        .collect();
    let devices: Vec<Value> = state
        .devices
        .status()
        .into_iter()
        .map(|device| {
            let printers = state.devices.printers().iter();
            let printer = printers.clone().find(|printer| printer.name == device.name);
            let mut told = json!(device);
            if let Some(printer) = printer {
                told["printer"] = printer_view(printer);
            }
            told
        })
        .collect();
    Ok(Json(
        json!({ "devices": devices, "found": found, "next": null }),
    ))
}

fn printer_view(printer: &PrinterSettings) -> Value {
    json!({
        "port": printer.address.to_string(),
        "width": printer.width,
        "receipt": printer.receipt,
        "stations": printer.stations,
        "fallback": printer.fallback,
        "drawer": printer.drawer.is_some(),
    })
}

/// `POST /api/v1/devices/{name}/test`: a page to see that the printer prints.
pub(super) async fn test(
    State(state): State<AppState>,
    _: Manager,
    Name(name): Name,
    body: Body,
) -> Result<Response, Problem> {
    let bytes = body::read(body).await?;
    nothing(&body::json_or_empty(&bytes)?)?;
    if !is_printer(&state, &name) {
        return Err(Problem::not_found("printer"));
    }
    let language = state.devices.kitchen_language().unwrap_or("en").to_owned();
    let job = print(&state, PrintWish::Test(name, language)).await?;
    Ok((StatusCode::CREATED, Json(job)).into_response())
}

/// `POST /api/v1/reports/day/print`: the report of a day on a slip.
pub(super) async fn report(
    State(state): State<AppState>,
    _: Manager,
    body: Body,
) -> Result<Response, Problem> {
    let (of, device, language) = report_wish(&state, body).await?;
    if let ReportOf::Closed(z) = of {
        let kept = state.journal.read(move |reader| reader.z_report(z)).await?;
        kept.ok_or_else(|| Problem::not_found("report"))?;
    }
    let menu = state.menu();
    let language = menu.language_or_own(language.as_deref()).to_owned();
    let printers = state.devices.printers();
    let usual = printers.iter().find(|printer| printer.receipt);
    let usual = usual
        .or(printers.first())
        .map(|printer| printer.name.clone());
    let device = device
        .or(usual)
        .ok_or_else(|| Problem::not_found("printer"))?;
    let job = print(&state, PrintWish::Report(of, device, language)).await?;
    Ok((StatusCode::CREATED, Json(job)).into_response())
}

/// The body `{"business_date"?,"z"?,"device"?,"language"?}`; the latest day if it names none.
async fn report_wish(
    state: &AppState,
    body: Body,
) -> Result<(ReportOf, Option<String>, Option<String>), Problem> {
    let bytes = body::read(body).await?;
    let value = body::json_or_empty(&bytes)?;
    let mut faults = Faults::default();
    let at = At::Root;
    let latest = state.journal.day().borrow().map(|day| day.date);
    let today = latest.unwrap_or_else(|| {
        let zone = &state.menu().time_zone;
        state.settings.schedule().date(clock::wall(), zone)
    });
    let read = Object::read(&value, &at, &mut faults).map(|object| {
        let faults = &mut faults;
        object.refuse_unknown(&["business_date", "z", "device", "language"], &at, faults);
        let date = object.optional("business_date", &at, faults, date);
        let z = object.optional("z", &at, faults, |v, at, f| whole(v, at, f, 1, i64::MAX));
        if date.is_some() && z.is_some() {
            faults.add(
                &at.key("z"),
                "names a report beside the one of business_date",
            );
        }
        let z = z.and_then(|z| u64::try_from(z).ok());
        let of = z.map_or(ReportOf::Day(date.unwrap_or(today)), ReportOf::Closed);
        let device = object.optional("device", &at, faults, |v, at, f| printer(state, v, at, f));
        let language = object
            .optional("language", &at, faults, text)
            .map(str::to_owned);
        (of, device, language)
    });
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}

fn date(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Date> {
    let date = text(value, at, faults)?;
    let read = date
        .parse()
        .ok()
        .filter(|read: &Date| read.to_string() == date);
    if read.is_none() {
        faults.add(at, "must be a date such as 2026-11-20");
    }
    read
}

fn printer(state: &AppState, value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let device = text(value, at, faults)?;
    if !is_printer(state, device) {
        faults.add(at, "is not the name of a printer; see /api/v1/devices");
    }
    Some(device.to_owned())
}

async fn print(state: &AppState, wish: PrintWish) -> Result<Value, Problem> {
    let cancels = matches!(wish, PrintWish::Step(_, Step::Discard(..)));
    let request = PrintRequest {
        now: now(state.journal.boot()),
        wish,
    };
    let job = state.journal.print(request).await?;
    if cancels && is_printer(state, &job.device) {
        let step = Step::Discard(Why::Discarded, None);
        crate::metrics::print_step(&job, &step);
    }
    Ok(view(&job))
}

fn job_id(id: &str) -> Result<PrintId, Problem> {
    id.parse().map_err(|_| Problem::not_found("print job"))
}

fn is_printer(state: &AppState, name: &str) -> bool {
    let mut printers = state.devices.printers().iter();
    printers.any(|printer| printer.name == name)
}

/// The body `{"device"?}`: where to.
async fn device(state: &AppState, body: Body) -> Result<Option<String>, Problem> {
    let bytes = body::read(body).await?;
    let value = body::json_or_empty(&bytes)?;
    let mut faults = Faults::default();
    let at = At::Root;
    let device = Object::read(&value, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["device"], &at, &mut faults);
        object.optional("device", &at, &mut faults, |v, at, f| {
            printer(state, v, at, f)
        })
    });
    match faults.is_empty() {
        true => Ok(device),
        false => Err(Problem::invalid(&faults.into_vec())),
    }
}

/// The body `{"reason"}`.
fn reason(value: &Value) -> Result<String, Problem> {
    let mut faults = Faults::default();
    let at = At::Root;
    let reason = Object::read(value, &at, &mut faults).and_then(|object| {
        object.refuse_unknown(&["reason"], &at, &mut faults);
        object.required("reason", &at, &mut faults, |value, at, faults| {
            let reason = filled_text(value, at, faults)?.trim();
            if reason.chars().count() > REASON_LIMIT || reason.chars().any(char::is_control) {
                faults.add(at, "must have at most 200 characters on one line");
                return None;
            }
            Some(reason.to_owned())
        })
    });
    match reason {
        Some(reason) if faults.is_empty() => Ok(reason),
        _ => Err(Problem::invalid(&faults.into_vec())),
    }
}

/// A body that says nothing.
fn nothing(value: &Value) -> Result<(), Problem> {
    let mut faults = Faults::default();
    if let Some(object) = Object::read(value, &At::Root, &mut faults) {
        object.refuse_unknown(&[], &At::Root, &mut faults);
    }
    match faults.is_empty() {
        true => Ok(()),
        false => Err(Problem::invalid(&faults.into_vec())),
    }
}
