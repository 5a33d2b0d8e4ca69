//! The cash drawer: what people did with it, each a row and an event in one transaction.

use kiosk_core::cash::{CashCounted, CashEntry, CashKind, Drawer, drawer};
use kiosk_core::event::Fact;
use rusqlite::Connection;

use super::days::orders_of_day;
use super::group::{Group, to_sql};
use super::jobs::Job;
use super::{DayRefusal, Journal, JournalError, Stamp};

/// Somebody doing something with the drawer.
#[derive(Debug, Clone)]
pub struct CashRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// What.
    pub kind: CashKind,
    /// How much, in minor units.
    pub amount: i64,
    /// Why.
    pub reason: Option<String>,
    /// The role that does it.
    pub by: Option<String>,
}

impl Journal {
    /// Notes a float, a count, or money put in or taken out, and tells what the drawer holds.
    ///
    /// # Errors
    /// [`DayRefusal`] if no day is open.
    pub async fn count_cash(&self, request: CashRequest) -> Result<Drawer, DayRefusal> {
        self.ask(|reply| Job::Cash(request, reply)).await?
    }
}

impl Group<'_> {
    pub(super) fn count_cash(&mut self, request: CashRequest) -> Result<Drawer, DayRefusal> {
        let open = self.head.day.filter(|day| day.closed_at.is_none());
        let date = open.ok_or(DayRefusal::NoneOpen)?.date;
        let orders = orders_of_day(self.conn, date)?;
        let mut entries = cash_of_day(self.conn, date)?;
        let expected =
            (request.kind == CashKind::Count).then(|| drawer(&orders, &entries).expected);
        let cash = CashCounted {
            date,
            kind: request.kind,
            amount: request.amount,
            expected,
            reason: request.reason,
            by: request.by,
        };
        let at = request.stamp.at;
        let seq = self.append(request.stamp, None, Fact::CashCounted(cash.clone()))?;
        let entry = CashEntry { at, cash };
        let text = serde_json::to_string(&entry)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached("INSERT INTO cash (seq, date, entry) VALUES (?1, ?2, ?3)")?
            .execute((to_sql(seq), date.to_string(), text))?;
        entries.push(entry);
        Ok(drawer(&orders, &entries))
    }
}

/// What was done with the drawer on a business day, in order.
pub(super) fn cash_of_day(
    conn: &Connection,
    date: jiff::civil::Date,
) -> Result<Vec<CashEntry>, JournalError> {
    let mut query = conn.prepare_cached("SELECT entry FROM cash WHERE date = ?1 ORDER BY seq")?;
    let texts = query.query_map([date.to_string()], |row| row.get::<_, String>(0))?;
    texts
        .map(|text| {
            serde_json::from_str(&text?)
                .map_err(|error| JournalError::Damaged(format!("an entry of the drawer: {error}")))
        })
        .collect()
}
