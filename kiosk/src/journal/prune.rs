//! Pruning: confirmed events leave after their retention, and an anchor stays for the chain.

use rusqlite::OptionalExtension;

use super::group::{Group, from_sql, hash_column, to_sql};
use super::{JournalError, JournalSettings};

/// Events pruned at a time, so that no order waits for long.
const STEP: u64 = 500;

impl Group<'_> {
    /// Deletes up to [`STEP`] events that are confirmed and beyond retention; gives how many.
    pub(super) fn prune(&mut self, settings: &JournalSettings) -> Result<u64, JournalError> {
        let watermark = self.head.confirmed.watermark();
        let until = if self.head.event_bytes > settings.retention_bytes {
            watermark
        } else {
            self.confirmed_before(settings.retention_ms)?.min(watermark)
        };
        let from = self.head.anchor_seq;
        let until = until.min(from.saturating_add(STEP));
        if until <= from {
            return Ok(0);
        }
        let chain = self
            .conn
            .prepare_cached("SELECT chain FROM events WHERE seq = ?1")?
            .query_row([to_sql(until)], |row| hash_column(row, 0))?;
        let bytes: i64 = self
            .conn
            .prepare_cached("SELECT coalesce(sum(length(bytes)), 0) FROM events WHERE seq <= ?1")?
            .query_row([to_sql(until)], |row| row.get(0))?;
        self.conn
            .prepare_cached("DELETE FROM events WHERE seq <= ?1")?
            .execute([to_sql(until)])?;
        self.conn
            .prepare_cached("UPDATE head SET anchor_seq = ?1, anchor_chain = ?2")?
            .execute((to_sql(until), &chain.0[..]))?;
        self.head.anchor_seq = until;
        self.head.event_bytes = self.head.event_bytes.saturating_sub(from_sql(bytes));
        Ok(until - from)
    }

    /// The watermark as of `age` before the latest ack, by the cloud's clock.
    fn confirmed_before(&self, age: i64) -> Result<u64, JournalError> {
        let now: Option<i64> = self
            .conn
            .prepare_cached("SELECT at FROM cloud WHERE one = 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let Some(now) = now else {
            return Ok(0);
        };
        let hour = now.saturating_sub(age).div_euclid(3_600_000);
        let watermark: Option<i64> = self
            .conn
            .prepare_cached("SELECT max(watermark) FROM confirmed_at WHERE hour < ?1")?
            .query_row([hour], |row| row.get(0))?;
        Ok(watermark.map_or(0, from_sql))
    }
}
