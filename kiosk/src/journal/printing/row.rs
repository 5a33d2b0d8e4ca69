//! A print job as the file has it.

use kiosk_core::ids::{BootId, OrderId};
use kiosk_core::wall::WallTime;
use rusqlite::Row;
use uuid::Uuid;

use crate::devices::job::{Job, Kind, PrintId, Since, State, Why};
use crate::journal::group::from_sql;

/// What [`job_from`] reads, in its order.
pub(super) const COLUMNS: &str = "no, id, kind, order_id, number, business_date, station, language, device,
    lines, state, why, note, attempts, copy, sent_to, created_at, since_at, boot, mono_ms, changed_at,
    reached";

/// A report stands in the file as a test page of this station: yesterday's software, which knows no
/// reports, opens the file all the same and prints a page in its place.
const REPORT: &str = "report/";

pub(super) fn to_columns(kind: Kind, station: Option<&str>) -> (Kind, Option<String>) {
    match kind {
        Kind::Report => (
            Kind::Test,
            Some(format!("{REPORT}{}", station.unwrap_or_default())),
        ),
        kind => (kind, station.map(str::to_owned)),
    }
}

fn from_columns(kind: Kind, station: Option<String>) -> (Kind, Option<String>) {
    let report = station.as_deref().and_then(|of| of.strip_prefix(REPORT));
    match (kind, report) {
        (Kind::Test, Some(of)) => (Kind::Report, Some(of.to_owned())),
        _ => (kind, station),
    }
}

pub(super) fn job_from(row: &Row<'_>) -> rusqlite::Result<Job> {
    let uuid = |column| -> rusqlite::Result<Uuid> { Ok(Uuid::from_bytes(row.get(column)?)) };
    let order: Option<[u8; 16]> = row.get(3)?;
    let date: Option<String> = row.get(5)?;
    let lines: String = row.get(9)?;
    let why: Option<String> = row.get(11)?;
    let reached: String = row.get(21)?;
    let (kind, station) = from_columns(name(row, 2, Kind::from_name)?, row.get(6)?);
    Ok(Job {
        no: from_sql(row.get(0)?),
        id: PrintId(uuid(1)?),
        kind,
        order: order.map(|bytes| OrderId(Uuid::from_bytes(bytes))),
        number: row.get(4)?,
        business_date: date.and_then(|date| date.parse().ok()),
        station,
        language: row.get(7)?,
        device: row.get(8)?,
        lines: serde_json::from_str(&lines).map_err(|error| unreadable(9, error))?,
        state: name(row, 10, State::from_name)?,
        why: why.as_deref().and_then(Why::from_name),
        note: row.get(12)?,
        attempts: row.get(13)?,
        copy: row.get(14)?,
        sent_to: row.get(15)?,
        reached: serde_json::from_str(&reached).map_err(|error| unreadable(21, error))?,
        created_at: WallTime::from_millis(row.get(16)?),
        since: Since {
            at: WallTime::from_millis(row.get(17)?),
            boot: BootId(uuid(18)?),
            mono_ms: from_sql(row.get(19)?),
        },
        changed_at: WallTime::from_millis(row.get(20)?),
    })
}

fn name<T>(row: &Row<'_>, column: usize, read: fn(&str) -> Option<T>) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    read(&text).ok_or_else(|| unreadable(column, UnknownName(text)))
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not known to this version")]
struct UnknownName(String);

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}
