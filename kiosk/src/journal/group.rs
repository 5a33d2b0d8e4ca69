//! What one transaction of the writer works on.

use cloud_sync_wire::chain::Hash;
use kiosk_core::day::Day;
use kiosk_core::ids::BootId;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};

use super::{Change, Levels, Outbox, Ranges};

/// The rows that nearly every request touches, held in memory for one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) next_seq: u64,
    pub(super) chain: Hash,
    pub(super) anchor_seq: u64,
    pub(super) event_bytes: u64,
    pub(super) prefix: String,
    pub(super) day: Option<Day>,
    pub(super) counter: u32,
    pub(super) confirmed: Ranges,
}

/// A transaction being put together: requests append to it one after the other.
pub(super) struct Group<'a> {
    pub(super) conn: &'a Connection,
    pub(super) boot: BootId,
    pub(super) head: Head,
    pub(super) levels: Levels,
    pub(super) levels_changed: bool,
    pub(super) changes: Vec<Change>,
}

/// Unsigned numbers are kept in SQLite's signed integers; seqs never come near the edge.
pub(super) fn to_sql(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The way back.
pub(super) fn from_sql(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn hash_column(row: &rusqlite::Row<'_>, index: usize) -> rusqlite::Result<Hash> {
    let bytes = row.get_ref(index)?.as_blob()?;
    Hash::from_slice(bytes).ok_or_else(|| {
        rusqlite::Error::FromSqlConversionFailure(
            index,
            rusqlite::types::Type::Blob,
            "not 32 bytes".into(),
        )
    })
}

impl Head {
    /// Reads it from the file.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut head = conn
            .prepare_cached(
                "SELECT next_seq, chain, anchor_seq, event_bytes, prefix FROM head WHERE one = 1",
            )?
            .query_row([], |row| {
                Ok(Self {
                    next_seq: from_sql(row.get(0)?),
                    chain: hash_column(row, 1)?,
                    anchor_seq: from_sql(row.get(2)?),
                    event_bytes: from_sql(row.get(3)?),
                    prefix: row.get(4)?,
                    day: None,
                    counter: 0,
                    confirmed: Ranges::default(),
                })
            })?;
        head.load_day(conn)?;
        head.load_confirmed(conn)?;
        Ok(head)
    }

    fn load_day(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let latest = conn
            .prepare_cached(
                "SELECT date, opened_at, closed_at, counter FROM days ORDER BY date DESC LIMIT 1",
            )?
            .query_row([], |row| {
                let date: String = row.get(0)?;
                let closed: Option<i64> = row.get(2)?;
                Ok((date, row.get::<_, i64>(1)?, closed, row.get::<_, u32>(3)?))
            })
            .optional()?;
        if let Some((date, opened, closed, counter)) = latest
            && let Ok(date) = date.parse()
        {
            self.day = Some(Day {
                date,
                opened_at: WallTime::from_millis(opened),
                closed_at: closed.map(WallTime::from_millis),
            });
            self.counter = counter;
        }
        Ok(())
    }

    fn load_confirmed(&mut self, conn: &Connection) -> rusqlite::Result<()> {
        let row = conn
            .prepare_cached("SELECT watermark, ranges FROM cloud WHERE one = 1")?
            .query_row([], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))
            })
            .optional()?;
        if let Some((watermark, ranges)) = row {
            let ranges: Vec<(u64, u64)> = serde_json::from_str(&ranges).unwrap_or_default();
            self.confirmed = Ranges::new(from_sql(watermark), ranges);
        }
        Ok(())
    }

    /// Writes what appending changes back to the file.
    pub(super) fn store(&self, conn: &Connection, before: &Self) -> rusqlite::Result<()> {
        if self.next_seq != before.next_seq
            || self.anchor_seq != before.anchor_seq
            || self.event_bytes != before.event_bytes
        {
            conn.prepare_cached("UPDATE head SET next_seq = ?1, chain = ?2, event_bytes = ?3")?
                .execute((
                    to_sql(self.next_seq),
                    &self.chain.0[..],
                    to_sql(self.event_bytes),
                ))?;
        }
        if let Some(day) = &self.day
            && (self.counter != before.counter || self.day != before.day)
        {
            conn.prepare_cached(
                "INSERT INTO days (date, opened_at, closed_at, counter) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (date) DO UPDATE SET closed_at = ?3, counter = ?4",
            )?
            .execute((
                day.date.to_string(),
                day.opened_at.as_millis(),
                day.closed_at.map(WallTime::as_millis),
                self.counter,
            ))?;
        }
        Ok(())
    }

    pub(super) fn outbox(&self) -> Outbox {
        Outbox {
            next_seq: self.next_seq,
            retained_from: self.anchor_seq + 1,
            confirmed: self.confirmed.clone(),
        }
    }
}
