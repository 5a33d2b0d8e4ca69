//! The floor: the rows of an order written raw, with nothing around them.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::fresh;
use super::samples::Sample;
use crate::clock::Start;

const SCHEMA: &str = "
CREATE TABLE orders (id BLOB PRIMARY KEY, number TEXT NOT NULL, day TEXT NOT NULL,
                     status TEXT NOT NULL, total INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE items (order_id BLOB NOT NULL, line INTEGER NOT NULL, item TEXT NOT NULL,
                    quantity INTEGER NOT NULL, price INTEGER NOT NULL,
                    PRIMARY KEY (order_id, line)) STRICT, WITHOUT ROWID;
CREATE TABLE events (seq INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;
";
/// Lines of one order.
const LINES: i64 = 3;
/// Bytes of its event.
const EVENT: usize = 1_024;

/// Commits groups of so many orders, one after the other, for so long.
pub(super) fn measure(folder: &Path, group: usize, length: Duration) -> anyhow::Result<Sample> {
    fresh(folder)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(folder.join("raw.sqlite"), flags)?;
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.pragma_update(None, "synchronous", "full")?;
    conn.execute_batch(SCHEMA)?;
    let event = [b'e'; EVENT];
    let mut seq = 0;
    let mut latencies = Vec::new();
    let start = Start::now();
    while start.elapsed() < length {
        let began = Start::now();
        conn.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for _ in 0..group {
            seq += 1;
            write(&conn, seq, &event)?;
        }
        conn.prepare_cached("COMMIT")?.execute([])?;
        latencies.push(began.elapsed());
    }
    let elapsed = start.elapsed();
    Ok(Sample::new(latencies.len() * group, elapsed, latencies))
}

fn write(conn: &Connection, seq: i64, event: &[u8]) -> rusqlite::Result<()> {
    let id = uuid::Uuid::now_v7();
    conn.prepare_cached("INSERT INTO orders VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute((
            id.as_bytes(),
            format!("A{seq:03}"),
            "2026-11-20",
            "placed",
            4_210,
        ))?;
    for line in 0..LINES {
        conn.prepare_cached("INSERT INTO items VALUES (?1, ?2, ?3, ?4, ?5)")?
            .execute((id.as_bytes(), line, "tonkotsu-ramen", 1, 1_340))?;
    }
    conn.prepare_cached("INSERT INTO events VALUES (?1, ?2)")?
        .execute((seq, event))?;
    Ok(())
}
