//! What one transaction of the writer works on.

use cloud_sync_wire::chain::Hash;
use kiosk_core::day::Day;
use kiosk_core::ids::JournalId;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};

use super::error::Refusal;
use super::{Change, JournalError, JournalSettings, Levels, Outbox, Ranges, stock};

/// The rows that nearly every request touches, as the file has them at the end of a transaction.
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
    pub(super) journal: JournalId,
    pub(super) settings: &'a JournalSettings,
    pub(super) head: Head,
    pub(super) levels: Levels,
    pub(super) levels_changed: bool,
    pub(super) changes: Vec<Change>,
    pub(super) prints_changed: bool,
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

/// Runs a statement without parameters, prepared once.
pub(super) fn run_sql(conn: &Connection, sql: &str) -> rusqlite::Result<()> {
    conn.prepare_cached(sql)?.execute([]).map(drop)
}

impl Head {
    /// Reads it from the file. Outside a transaction its parts may be of different moments.
    pub(super) fn load(conn: &Connection) -> rusqlite::Result<Self> {
        let mut head = conn
            .prepare_cached(
                "SELECT next_seq, chain, anchor_seq, event_bytes, prefix, counter FROM head
                 WHERE one = 1",
            )?
            .query_row([], |row| {
                Ok(Self {
                    next_seq: from_sql(row.get(0)?),
                    chain: hash_column(row, 1)?,
                    anchor_seq: from_sql(row.get(2)?),
                    event_bytes: from_sql(row.get(3)?),
                    prefix: row.get(4)?,
                    counter: row.get(5)?,
                    day: None,
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
                "SELECT date, opened_at, closed_at FROM days ORDER BY date DESC LIMIT 1",
            )?
            .query_row([], |row| {
                let date: String = row.get(0)?;
                let closed: Option<i64> = row.get(2)?;
                Ok((date, row.get::<_, i64>(1)?, closed))
            })
            .optional()?;
        if let Some((date, opened, closed)) = latest {
            let date = date.parse().map_err(|error| unreadable(0, error))?;
            self.day = Some(Day {
                date,
                opened_at: WallTime::from_millis(opened),
                closed_at: closed.map(WallTime::from_millis),
            });
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
            let ranges: Vec<(u64, u64)> =
                serde_json::from_str(&ranges).map_err(|error| unreadable(1, error))?;
            self.confirmed = Ranges::new(from_sql(watermark), ranges);
        }
        Ok(())
    }

    /// Writes what appending changes back to the file.
    pub(super) fn store(&self, conn: &Connection, before: &Self) -> rusqlite::Result<()> {
        if self.next_seq != before.next_seq
            || self.event_bytes != before.event_bytes
            || self.prefix != before.prefix
        {
            conn.prepare_cached(
                "UPDATE head SET next_seq = ?1, chain = ?2, event_bytes = ?3, prefix = ?4, counter = ?5",
            )?
            .execute((
                to_sql(self.next_seq),
                &self.chain.0[..],
                to_sql(self.event_bytes),
                &self.prefix,
                self.counter,
            ))?;
        }
        Ok(())
    }

    /// Writes the latest day. Whoever opens or closes one does so at once: a later one in the same
    /// transaction would take its place.
    pub(super) fn store_day(&self, conn: &Connection) -> rusqlite::Result<()> {
        let Some(day) = &self.day else {
            return Ok(());
        };
        conn.prepare_cached(
            "INSERT INTO days (date, opened_at, closed_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (date) DO UPDATE SET closed_at = ?3",
        )?
        .execute((
            day.date.to_string(),
            day.opened_at.as_millis(),
            day.closed_at.map(WallTime::as_millis),
        ))?;
        Ok(())
    }

    pub(super) fn outbox(&self) -> Outbox {
        Outbox {
            next_seq: self.next_seq,
            retained_from: self.anchor_seq + 1,
            confirmed: self.confirmed.clone(),
        }
    }

    /// All that the journal still holds up to this event is confirmed.
    pub(super) fn settled(&self) -> u64 {
        self.confirmed.first_missing(self.anchor_seq + 1) - 1
    }
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
}

impl Group<'_> {
    /// Runs a request of several writes. Refused, it leaves no trace and its neighbours stay.
    pub(super) fn in_savepoint<T, E: Refusal>(
        &mut self,
        request: impl FnOnce(&mut Self) -> Result<T, E>,
    ) -> Result<T, E> {
        self.sql("SAVEPOINT request")?;
        let (head, changes) = (self.head.clone(), self.changes.len());
        let result = request(self);
        match &result {
            Ok(_) => self.sql("RELEASE request")?,
            Err(refusal) if refusal.ends_transaction().is_some() => {}
            Err(_) => {
                self.sql("ROLLBACK TO request")?;
                self.sql("RELEASE request")?;
                self.head = head;
                self.changes.truncate(changes);
                self.levels = stock::load(self.conn, self.head.day)
                    .map_err(|error| E::from(storage(&error)))?;
            }
        }
        result
    }

    fn sql(&self, sql: &str) -> Result<(), JournalError> {
        run_sql(self.conn, sql).map_err(|error| storage(&error))
    }
}

/// An error after which the transaction can't go on, whatever SQLite calls it.
pub(super) fn storage(error: &rusqlite::Error) -> JournalError {
    JournalError::Storage(error.to_string())
}
