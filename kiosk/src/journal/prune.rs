//! Pruning: confirmed events leave after their retention, and an anchor stays for the chain.

use rusqlite::OptionalExtension;

use super::JournalError;
use super::confirm::hour;
use super::group::{Group, from_sql, hash_column, to_sql};

/// Events pruned at a time, so that no order waits for long.
const STEP: u64 = 500;

impl Group<'_> {
    /// Deletes up to [`STEP`] events that are confirmed and beyond retention; gives how many.
    pub(super) fn prune(&mut self) -> Result<u64, JournalError> {
        self.prune_prints()?;
        let settled = self.head.settled();
        let until = if self.head.event_bytes > self.settings.retention_bytes {
            settled
        } else {
            self.confirmed_before(self.settings.retention_ms)?
                .min(settled)
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
        self.write_out(from, until)?;
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
        self.conn
            .prepare_cached("DELETE FROM confirmed_at WHERE watermark <= ?1")?
            .execute([to_sql(until)])?;
        self.head.anchor_seq = until;
        self.head.event_bytes = self.head.event_bytes.saturating_sub(from_sql(bytes));
        Ok(until - from)
    }

    /// What was confirmed as of `age` before the latest ack, by the cloud's clock.
    fn confirmed_before(&self, age: i64) -> Result<u64, JournalError> {
        let now: Option<i64> = self
            .conn
            .prepare_cached("SELECT at FROM cloud WHERE one = 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let Some(now) = now else {
            return Ok(0);
        };
        let hour = hour(now.saturating_sub(age));
        let watermark: Option<i64> = self
            .conn
            .prepare_cached("SELECT max(watermark) FROM confirmed_at WHERE hour < ?1")?
            .query_row([hour], |row| row.get(0))?;
        Ok(watermark.map_or(0, from_sql))
    }
}
