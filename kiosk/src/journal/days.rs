//! Opening and closing the business day by hand.

use std::path::Path;

use jiff::tz::TimeZone;
use kiosk_core::cash::CashEntry;
use kiosk_core::day::{Day, Schedule};
use kiosk_core::event::{DayChanged, Fact};
use kiosk_core::money::Currency;
use kiosk_core::order::Order;
use kiosk_core::report::{DayReport, day_report};

use super::cash::cash_of_day;
use super::document::order_from;
use super::group::{Group, Head, from_sql, to_sql};
use super::read::Reader;
use super::{Change, JournalError, JournalSettings, Stamp};

/// A manager's wish for the day.
#[derive(Debug, Clone)]
pub struct DayRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// Whether it is to be closed rather than opened.
    pub close: bool,
    /// How days begin.
    pub schedule: Schedule,
    /// The store's time zone.
    pub zone: TimeZone,
    /// What the report is in.
    pub currency: Currency,
    /// Who wishes it.
    pub by: Option<String>,
}

/// The day as it is now.
#[derive(Debug, Clone)]
pub struct DayClosed {
    /// The day.
    pub day: Day,
    /// Its report, when it was closed.
    pub report: Option<DayReport>,
}

/// Why the day was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DayRefusal {
    /// There is no open day to close.
    #[error("no business day is open")]
    NoneOpen,
    /// The disk is full or fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for DayRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

impl Group<'_> {
    pub(super) fn change_day(&mut self, request: DayRequest) -> Result<DayClosed, DayRefusal> {
        let open = self.head.day.filter(|day| day.closed_at.is_none());
        if !request.close {
            if let Some(day) = open {
                return Ok(DayClosed { day, report: None });
            }
            let date =
                request
                    .schedule
                    .opened_by_hand(self.head.day, request.stamp.at, &request.zone);
            self.open_day(request.stamp, date, request.by)?;
            let day = self.head.day.ok_or(DayRefusal::NoneOpen)?;
            return Ok(DayClosed { day, report: None });
        }
        let Some(day) = open else {
            // Closing a closed day again is no change; the report is given once more.
            let day = self.head.day.ok_or(DayRefusal::NoneOpen)?;
            let report = DayReport {
                z: latest_z(self.conn, day.date)?,
                ..self.report(day.date, &request)?
            };
            return Ok(DayClosed {
                day,
                report: Some(report),
            });
        };
        let report = DayReport {
            z: Some(next_z(self.conn)?),
            ..self.report(day.date, &request)?
        };
        self.keep_report(&report)?;
        let fact = DayChanged {
            date: day.date,
            orders: Some(report.orders),
            gross: Some(report.gross),
            tips: Some(report.tips.amount),
            z: report.z,
            by: request.by,
        };
        let at = request.stamp.at;
        self.append(request.stamp, None, Fact::DayClosed(fact))?;
        let day = Day {
            closed_at: Some(at),
            ..day
        };
        self.head.day = Some(day);
        self.head.store_day(self.conn)?;
        self.changes.push(Change::Day);
        Ok(DayClosed {
            day,
            report: Some(report),
        })
    }

    fn report(
        &self,
        date: jiff::civil::Date,
        request: &DayRequest,
    ) -> Result<DayReport, JournalError> {
        let orders = orders_of_day(self.conn, date)?;
        let cash = cash_of_day(self.conn, date)?;
        Ok(day_report(
            date,
            request.currency,
            &request.zone,
            &orders,
            &cash,
        ))
    }

    /// A Z report says for ever what it said when the day was closed.
    fn keep_report(&self, report: &DayReport) -> Result<(), JournalError> {
        let text = serde_json::to_string(report)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached("INSERT INTO closes (z, date, report) VALUES (?1, ?2, ?3)")?
            .execute((report.z.map(to_sql), report.business_date.to_string(), text))?;
        Ok(())
    }
}

/// Z reports of one journal are numbered without a gap.
fn next_z(conn: &rusqlite::Connection) -> Result<u64, JournalError> {
    let last: Option<i64> = conn
        .prepare_cached("SELECT max(z) FROM closes")?
        .query_row([], |row| row.get(0))?;
    Ok(last.map_or(1, |last| from_sql(last) + 1))
}

/// The number of the Z report that a day was last closed with.
pub(super) fn latest_z(
    conn: &rusqlite::Connection,
    date: jiff::civil::Date,
) -> Result<Option<u64>, JournalError> {
    let last: Option<i64> = conn
        .prepare_cached("SELECT max(z) FROM closes WHERE date = ?1")?
        .query_row([date.to_string()], |row| row.get(0))?;
    Ok(last.map(from_sql))
}

/// A business day as it is found in a journal.
#[derive(Debug, Clone)]
pub struct FoundDay {
    /// The day.
    pub day: Day,
    /// Its orders.
    pub orders: Vec<Order>,
    /// What was put into the drawer and taken out of it.
    pub cash: Vec<CashEntry>,
}

/// The latest business day of the journal in `folder`. Reads only, while a kiosk serves or not.
///
/// # Errors
/// [`JournalError`].
pub fn latest_day(folder: &Path) -> Result<Option<FoundDay>, JournalError> {
    let reader = Reader::open(&JournalSettings::reading(folder))?;
    // All of one moment.
    let _moment = reader
        .conn()
        .unchecked_transaction()
        .map_err(JournalError::from)?;
    let Some(day) = Head::load(reader.conn())?.day else {
        return Ok(None);
    };
    let orders = orders_of_day(reader.conn(), day.date)?;
    let cash = cash_of_day(reader.conn(), day.date)?;
    Ok(Some(FoundDay { day, orders, cash }))
}

/// All orders of a business day, in the order in which they were placed.
pub(super) fn orders_of_day(
    conn: &rusqlite::Connection,
    date: jiff::civil::Date,
) -> Result<Vec<Order>, JournalError> {
    let mut query = conn.prepare_cached(
        "SELECT document, event FROM whole_orders WHERE business_date = ?1 ORDER BY seq",
    )?;
    let mut rows = query.query([date.to_string()])?;
    let mut orders = Vec::new();
    while let Some(row) = rows.next()? {
        orders.push(order_from(row, 0)?);
    }
    Ok(orders)
}
