//! The ledger as anybody can read it: through a connection of its own, so only what is committed.

use cloud_sync_wire::chain::{Hash, content_hash};
use kiosk_core::ids::{JournalId, OrderId};
use rusqlite::{Connection, OpenFlags, Row};
use uuid::Uuid;

use super::checks::{Checked, Mark, harness};

pub(super) struct Reader {
    connection: Connection,
}

/// A stored event.
pub(super) struct Stored {
    pub(super) row: i64,
    pub(super) journal: JournalId,
    pub(super) seq: u64,
    pub(super) mark: Mark,
}

/// A stream's state.
#[derive(Debug, Clone)]
pub(super) struct Stream {
    pub(super) journal: JournalId,
    pub(super) kiosk: String,
    pub(super) watermark: u64,
    pub(super) forked: bool,
    pub(super) fenced: bool,
    /// All events stored of it, and the last seq.
    pub(super) events: u64,
}

/// An order as headquarters has it.
#[derive(Debug, Clone)]
pub(super) struct Folded {
    pub(super) id: OrderId,
    pub(super) status: String,
    pub(super) payment: String,
    pub(super) version: u32,
    pub(super) total: i64,
    /// Events that were put aside.
    pub(super) aside: i64,
}

/// Orders, voided ones, and money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) orders: i64,
    pub(super) voided: i64,
    pub(super) gross: i64,
}

fn uuid(row: &Row<'_>, at: usize) -> rusqlite::Result<Uuid> {
    row.get::<_, [u8; 16]>(at).map(Uuid::from_bytes)
}

fn seq(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::unsigned_abs)
}

fn hash(row: &Row<'_>, at: usize) -> rusqlite::Result<Hash> {
    row.get::<_, [u8; 32]>(at).map(Hash)
}

impl Reader {
    /// Opens the ledger under that URI.
    pub(super) fn open(uri: &str) -> Checked<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_URI;
        let connection = Connection::open_with_flags(uri, flags).map_err(harness)?;
        Ok(Self { connection })
    }

    /// Breaks the ledger on purpose.
    pub(super) fn sabotage(&self, sql: &str) -> Checked {
        self.connection.execute_batch(sql).map_err(harness)
    }

    fn all<T>(
        &self,
        sql: &str,
        bound: &[&dyn rusqlite::ToSql],
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Checked<Vec<T>> {
        let mut statement = self.connection.prepare_cached(sql).map_err(harness)?;
        let rows = statement.query_map(bound, read).map_err(harness)?;
        rows.collect::<Result<_, _>>().map_err(harness)
    }

    /// Events stored since the one of that row.
    pub(super) fn events_since(&self, row: i64) -> Checked<Vec<Stored>> {
        self.all(
            "SELECT e.id, s.journal, e.seq, e.content, e.chain FROM events e
             JOIN streams s ON s.id = e.stream WHERE e.id > ?1 ORDER BY e.id",
            &[&row],
            |row| {
                Ok(Stored {
                    row: row.get(0)?,
                    journal: JournalId(uuid(row, 1)?),
                    seq: seq(row, 2)?,
                    mark: (hash(row, 3)?, hash(row, 4)?),
                })
            },
        )
    }

    pub(super) fn streams(&self) -> Checked<Vec<Stream>> {
        self.all(
            "SELECT s.journal, d.kiosk, s.watermark, s.forked_at IS NOT NULL, s.fenced_at IS NOT NULL,
             (SELECT count(*) FROM events e WHERE e.stream = s.id)
             FROM streams s JOIN devices d ON d.id = s.device",
            &[],
            |row| {
                Ok(Stream {
                    journal: JournalId(uuid(row, 0)?),
                    kiosk: row.get(1)?,
                    watermark: seq(row, 2)?,
                    forked: row.get(3)?,
                    fenced: row.get(4)?,
                    events: seq(row, 5)?,
                })
            },
        )
    }

    pub(super) fn orders(&self) -> Checked<Vec<Folded>> {
        self.all(
            "SELECT order_id, status, payment_status, version, total, parked + refused FROM orders",
            &[],
            |row| {
                Ok(Folded {
                    id: OrderId(uuid(row, 0)?),
                    status: row.get(1)?,
                    payment: row.get(2)?,
                    version: row.get(3)?,
                    total: row.get(4)?,
                    aside: row.get(5)?,
                })
            },
        )
    }

    /// What headquarters is shown.
    pub(super) fn sums(&self) -> Checked<Sums> {
        let sql =
            "SELECT coalesce(sum(orders), 0), coalesce(sum(voided), 0), coalesce(sum(gross), 0)
                   FROM sums";
        let sums = self.all(sql, &[], |row| {
            Ok(Sums {
                orders: row.get(0)?,
                voided: row.get(1)?,
                gross: row.get(2)?,
            })
        })?;
        sums.first()
            .copied()
            .ok_or_else(|| harness("no sums can be read"))
    }

    /// Stored events whose bytes are not what their hash says.
    pub(super) fn rewritten(&self) -> Checked<Vec<i64>> {
        let events = self.all(
            "SELECT id, content, bytes FROM events WHERE bytes IS NOT NULL",
            &[],
            |row| Ok((row.get(0)?, hash(row, 1)?, row.get::<_, Vec<u8>>(2)?)),
        )?;
        let other = |(row, content, bytes): (i64, Hash, Vec<u8>)| {
            (content_hash(&bytes) != content).then_some(row)
        };
        Ok(events.into_iter().filter_map(other).collect())
    }

    pub(super) fn is_sound(&self) -> Checked<bool> {
        let said = self.all("PRAGMA integrity_check", &[], |row| row.get::<_, String>(0))?;
        Ok(said == ["ok"])
    }
}
