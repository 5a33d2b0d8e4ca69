//! A small journal of orders and events, and the check that what is found of it is whole.

use std::collections::BTreeSet;

use lossy_vfs::Disk;
use rusqlite::{Connection, Error, OpenFlags, Result, TransactionBehavior};

const PATH: &str = "/data/journal.db";

#[derive(Clone, Copy)]
pub(crate) struct Mode {
    pub(crate) journal: &'static str,
    pub(crate) synchronous: &'static str,
}

pub(crate) const WAL_FULL: Mode = Mode {
    journal: "wal",
    synchronous: "full",
};
pub(crate) const WAL_NORMAL: Mode = Mode {
    journal: "wal",
    synchronous: "normal",
};
pub(crate) const DELETE_FULL: Mode = Mode {
    journal: "delete",
    synchronous: "full",
};
pub(crate) const DELETE_EXTRA: Mode = Mode {
    journal: "delete",
    synchronous: "extra",
};

/// Enough to checkpoint the WAL several times and begin it anew.
pub(crate) const ORDERS: i64 = 12;
const CHECKPOINT_PAGES: i64 = 10;

pub(crate) fn open(disk: &Disk) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    Connection::open_with_flags_and_vfs(PATH, flags, disk.vfs_name())
}

pub(crate) fn open_shop(disk: &Disk, mode: Mode) -> Result<Connection> {
    let db = open(disk)?;
    db.pragma_update(None, "journal_mode", mode.journal)?;
    if mode.journal == "wal" {
        checkpoint(&db)?;
    }
    db.pragma_update(None, "synchronous", mode.synchronous)?;
    db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    create(&db)?;
    Ok(db)
}

pub(crate) fn create(db: &Connection) -> Result<()> {
    db.execute_batch(
        "CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, body BLOB NOT NULL) STRICT;
         CREATE TABLE IF NOT EXISTS events (
             seq INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, kind TEXT NOT NULL) STRICT;
         CREATE INDEX IF NOT EXISTS events_by_order ON events (order_id);",
    )
}

/// Fails unless the file truly is in WAL mode: rusqlite leaves a pragma at its first row, and the
/// pragma commits, or fails to, only when it ends.
pub(crate) fn checkpoint(db: &Connection) -> Result<()> {
    let (busy, pages) = db.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
    })?;
    if busy == 0 && pages < 0 {
        Err(Error::InvalidQuery)
    } else {
        Ok(())
    }
}

pub(crate) fn place(db: &mut Connection, order: i64) -> Result<()> {
    let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    tx.execute(
        "INSERT INTO orders VALUES (?1, zeroblob(1500 + ?1))",
        [order],
    )?;
    for kind in ["placed", "due"] {
        tx.execute(
            "INSERT INTO events (order_id, kind) VALUES (?1, ?2)",
            (order, kind),
        )?;
    }
    tx.commit()
}

/// Places orders until one fails and closes. Gives those whose commit returned.
pub(crate) fn trade(disk: &Disk, mode: Mode) -> BTreeSet<i64> {
    let mut sold = BTreeSet::new();
    let Ok(mut db) = open_shop(disk, mode) else {
        return sold;
    };
    for order in 1..=ORDERS {
        if place(&mut db, order).is_err() {
            break;
        }
        sold.insert(order);
    }
    sold
}

/// The orders found on a disk, or what is wrong with the file.
pub(crate) fn take_stock(disk: &Disk) -> Result<BTreeSet<i64>, String> {
    whole_orders(&open(disk).map_err(|e| e.to_string())?)
}

pub(crate) fn whole_orders(db: &Connection) -> Result<BTreeSet<i64>, String> {
    let (verdict, halves, orders) = read_all(db).map_err(|e| e.to_string())?;
    if verdict != "ok" {
        return Err(verdict);
    }
    if halves > 0 {
        return Err(format!("{halves} orders are not whole"));
    }
    Ok(orders)
}

fn read_all(db: &Connection) -> Result<(String, i64, BTreeSet<i64>)> {
    let verdict = db.query_row("PRAGMA integrity_check", [], |row| row.get(0))?;
    let tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('orders', 'events')";
    if db.query_row(tables, [], |row| row.get::<_, i64>(0))? < 2 {
        return Ok((verdict, 0, BTreeSet::new()));
    }
    let halves = "SELECT count(*) FROM
        (SELECT order_id FROM events GROUP BY order_id HAVING count(*) <> 2
         UNION SELECT order_id FROM events WHERE order_id NOT IN (SELECT id FROM orders)
         UNION SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM events))";
    let halves = db.query_row(halves, [], |row| row.get(0))?;
    let mut orders = db.prepare("SELECT id FROM orders")?;
    let orders = orders
        .query_map([], |row| row.get(0))?
        .collect::<Result<_>>()?;
    Ok((verdict, halves, orders))
}
