//! The schema, and how an older file becomes today's.
//!
//! Migrations are additive for one release, so that yesterday's binary opens today's file: the file
//! says in `format` how much its reader has to know. `user_version` counts the migrations that ran;
//! each runs in a transaction of its own.

use rusqlite::{Connection, TransactionBehavior};

/// What `user_version` is after all migrations.
pub(super) const VERSION: i64 = 5;

const MIGRATIONS: &[&str] = &[
    // 1: first.
    "
CREATE TABLE head (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    journal BLOB NOT NULL CHECK (length(journal) = 16),
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    -- The number that the next event gets, and the chain hash at the one before it.
    next_seq INTEGER NOT NULL CHECK (next_seq >= 1),
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    -- Where the chain begins now: pruning moves it forward.
    anchor_seq INTEGER NOT NULL DEFAULT 0,
    anchor_chain BLOB NOT NULL CHECK (length(anchor_chain) = 32),
    event_bytes INTEGER NOT NULL DEFAULT 0,
    -- Of the latest order number: what it begins with, and its count on the latest business day.
    prefix TEXT NOT NULL,
    counter INTEGER NOT NULL DEFAULT 0,
    boots INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    bytes BLOB NOT NULL
) STRICT;

CREATE TABLE orders (
    -- The seq of the event that placed it.
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    idempotency_key BLOB NOT NULL UNIQUE CHECK (length(idempotency_key) = 16),
    content BLOB NOT NULL CHECK (length(content) = 32),
    business_date TEXT NOT NULL,
    status TEXT NOT NULL,
    -- The seqs of all its events, 8 bytes each, big-endian.
    seqs BLOB NOT NULL,
    -- Null: as the event that placed it tells it.
    document TEXT
) STRICT;
CREATE INDEX orders_by_day ON orders (business_date, status);
CREATE VIEW whole_orders AS
    SELECT seq, id, idempotency_key, content, business_date, status, seqs, document,
           CASE WHEN document IS NULL
                THEN (SELECT bytes FROM events WHERE events.seq = orders.seq) END AS event
    FROM orders;

CREATE TABLE days (
    date TEXT PRIMARY KEY,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER
) STRICT;

CREATE TABLE stock (
    item TEXT PRIMARY KEY,
    date TEXT NOT NULL,
    available INTEGER NOT NULL CHECK (available IN (0, 1)),
    -- Null: not counted.
    remaining INTEGER CHECK (remaining >= 0)
) STRICT;

CREATE TABLE cloud (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    generation BLOB NOT NULL CHECK (length(generation) = 16),
    ack_no INTEGER NOT NULL,
    watermark INTEGER NOT NULL,
    -- The chain hash at the watermark; the journal itself may hold it no more.
    chain BLOB NOT NULL CHECK (length(chain) = 32),
    -- [[first,last], …] beyond the watermark.
    ranges TEXT NOT NULL,
    quarantined INTEGER NOT NULL,
    at INTEGER NOT NULL,
    ack BLOB NOT NULL
) STRICT;

CREATE TABLE retired_generations (
    generation BLOB PRIMARY KEY CHECK (length(generation) = 16)
) STRICT;

-- Up to where all was confirmed when, by the cloud's clock; at most one row an hour.
CREATE TABLE confirmed_at (
    hour INTEGER PRIMARY KEY,
    watermark INTEGER NOT NULL
) STRICT;

CREATE TABLE staff (
    role TEXT PRIMARY KEY,
    pin TEXT NOT NULL
) STRICT;

CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;
",
    // 2: what is to be printed.
    "
CREATE TABLE print_jobs (
    -- Its place in the spool.
    no INTEGER PRIMARY KEY,
    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    kind TEXT NOT NULL,
    order_id BLOB CHECK (length(order_id) = 16),
    number TEXT,
    business_date TEXT,
    station TEXT,
    language TEXT NOT NULL,
    device TEXT NOT NULL,
    -- [0,2,…]: which lines of the order, counted from zero; [] for all.
    lines TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT,
    note TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    copy INTEGER NOT NULL DEFAULT 0 CHECK (copy IN (0, 1)),
    sent_to TEXT,
    created_at INTEGER NOT NULL,
    -- Since when it waits: wall time, and the monotonic time of one run.
    since_at INTEGER NOT NULL,
    boot BLOB NOT NULL CHECK (length(boot) = 16),
    mono_ms INTEGER NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
CREATE INDEX print_jobs_open ON print_jobs (no) WHERE state IN ('queued', 'sending');
CREATE INDEX print_jobs_stuck ON print_jobs (no) WHERE state IN ('held', 'failed');
CREATE INDEX print_jobs_by_order ON print_jobs (order_id) WHERE order_id IS NOT NULL;
",
    // 3: the cash drawer, and the reports that days were closed with.
    "
CREATE TABLE cash (
    -- The seq of its event.
    seq INTEGER PRIMARY KEY,
    date TEXT NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX cash_by_day ON cash (date);

CREATE TABLE closes (
    z INTEGER PRIMARY KEY,
    date TEXT NOT NULL,
    report TEXT NOT NULL
) STRICT;
CREATE INDEX closes_by_day ON closes (date);
",
    // 4: what the oldest software knows that can work with the file. A migration that such software
    // can't live with raises it, and only a release after the one that stopped relying on the old.
    "
CREATE TABLE format (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    opens_from INTEGER NOT NULL
) STRICT;
INSERT INTO format (one, opens_from) VALUES (1, 4);
",
    // 5: every printer that may have a job on paper, not only the last one.
    "
ALTER TABLE print_jobs ADD COLUMN reached TEXT NOT NULL DEFAULT '[]';
",
];

/// Why a file's schema can't be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum SchemaError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error(
        "it was written by a newer version of this software (schema {found}, this one knows {VERSION}); \
         upgrade the kiosk again"
    )]
    Newer { found: i64 },
}

/// Brings the file to today's schema.
pub(super) fn migrate(conn: &mut Connection) -> Result<(), SchemaError> {
    loop {
        let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if done > VERSION {
            let needs = tx.query_row("SELECT opens_from FROM format", [], |row| row.get(0));
            return match needs {
                Ok(needs) if VERSION >= needs => Ok(()),
                _ => Err(SchemaError::Newer { found: done }),
            };
        }
        let Some(next) = usize::try_from(done)
            .ok()
            .and_then(|done| MIGRATIONS.get(done))
        else {
            return Ok(());
        };
        tx.execute_batch(next)?;
        tx.pragma_update(None, "user_version", done + 1)?;
        tx.commit()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_counts_the_migrations() {
        assert_eq!(usize::try_from(VERSION), Ok(MIGRATIONS.len()));
    }

    #[test]
    fn migrating_twice_is_migrating_once() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        migrate(&mut conn).unwrap();
    }

    #[test]
    fn a_newer_file_is_opened_if_it_says_so_and_left_as_it_is() {
        let mut conn = Connection::open_in_memory().unwrap();
        migrate(&mut conn).unwrap();
        conn.pragma_update(None, "user_version", VERSION + 7)
            .unwrap();
        migrate(&mut conn).unwrap();
        let version: i64 = conn
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, VERSION + 7);
        conn.execute("UPDATE format SET opens_from = ?1", [VERSION + 1])
            .unwrap();
        let refused = migrate(&mut conn).unwrap_err().to_string();
        assert!(refused.contains("newer version"), "{refused}");
    }
}
