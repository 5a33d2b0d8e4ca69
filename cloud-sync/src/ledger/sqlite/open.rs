//! Opening the database: the settings that durability rests on, and proof that they hold.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::ledger::LedgerError;

/// How long to wait for another process's short transaction.
const BUSY: Duration = Duration::from_secs(15);
/// All statements of the ledger stay prepared.
const STATEMENTS: usize = 128;

pub(in crate::ledger) fn writing(path: &Path) -> Result<Connection, LedgerError> {
    make_private(path)?;
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -32768;",
        )
        .map_err(|error| unusable(path, &error))?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if mode != "wal" || synchronous != 2 {
        return Err(LedgerError::Unusable(format!(
            "{} can't be made safe against power cuts (journal mode {mode}, synchronous {synchronous}); use a local disk",
            path.display()
        )));
    }
    Ok(connection)
}

/// Makes the file readable by its owner alone: it holds the signing key. SQLite's other files take
/// their mode from it.
fn make_private(path: &Path) -> Result<(), LedgerError> {
    if is_uri(path) {
        return Ok(());
    }
    let made = OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path);
    made.map(|_| ()).map_err(|error| unusable(path, &error))
}

/// A database that lives elsewhere than in the system's files, such as on a simulated disk.
fn is_uri(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().starts_with(b"file:")
}

pub(super) fn reading(path: &Path) -> Result<Connection, LedgerError> {
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA cache_size = -8192;")?;
    Ok(connection)
}

fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let mut flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if is_uri(path) {
        // Nobody else makes the file.
        flags |= OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| unusable(path, &error))?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Plans that don't depend on bound values: otherwise some statements are planned anew for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.execute_batch("PRAGMA trusted_schema = OFF; PRAGMA mmap_size = 0;")?;
    Ok(connection)
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> LedgerError {
    LedgerError::Unusable(format!(
        "can't use the ledger {}: {error}; check that the folder is writable, the disk is not full and the file is cloud-sync's",
        path.display()
    ))
}
