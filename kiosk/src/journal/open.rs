//! Opening: the file is made or migrated, its settings are checked, the writer starts.

use std::path::PathBuf;
use std::sync::Arc;

use cloud_sync_wire::keys::SecretKey;
use kiosk_core::ids::JournalId;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::group::Head;
use super::read::Readers;
use super::writer::{self, Outlets, Writer};
use super::{Change, Journal, JournalSettings, OpenError, Shared, Synchronous, schema, stock};

/// How long a connection waits for another process's short write (`staff set-pin`, `backup`).
const BUSY_MS: u32 = 5_000;
/// Requests that may wait for the writer; more wait in their own tasks.
const QUEUE: usize = 1_024;

impl JournalSettings {
    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("journal.sqlite")
    }
}

pub(super) fn open(
    settings: JournalSettings,
    feed: mpsc::UnboundedSender<Change>,
) -> Result<Journal, OpenError> {
    let file = settings.file();
    let trouble = |detail: String| OpenError::Journal {
        file: file.display().to_string(),
        detail,
    };
    let mut conn = connect(&settings).map_err(|error| trouble(error.to_string()))?;
    schema::migrate(&mut conn).map_err(|error| trouble(error.to_string()))?;
    let boots = begin_run(&mut conn, &settings).map_err(|error| trouble(error.to_string()))?;
    let head = Head::load(&conn).map_err(|error| trouble(error.to_string()))?;
    let (id, secret): (Vec<u8>, Vec<u8>) = conn
        .query_row("SELECT journal, secret FROM head", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .map_err(|error| trouble(error.to_string()))?;
    let id = Uuid::from_slice(&id).map_err(|error| trouble(error.to_string()))?;
    let seed = secret
        .try_into()
        .map_err(|_| trouble("its key is damaged".to_owned()))?;
    let levels = stock::load(&conn, head.day).map_err(|error| trouble(error.to_string()))?;

    let (outbox_out, outbox) = watch::channel(head.outbox());
    let (levels_out, levels_in) = watch::channel(Arc::new(levels));
    let (day_out, day) = watch::channel(head.day);
    let (health_out, health) = watch::channel(super::Health::default());
    let readers = Readers::new(settings.clone());
    let outlets = Outlets {
        outbox: outbox_out,
        levels: levels_out,
        day: day_out,
        health: health_out,
        feed,
    };
    let (queue, jobs) = mpsc::channel(QUEUE);
    let writer = Writer::new(conn, settings, head, outlets);
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer::run(writer, jobs))
        .map_err(|error| trouble(format!("its thread can't be started: {error}")))?;
    let shared = Shared {
        id: JournalId(id),
        key: SecretKey::from_seed(&seed),
        boots,
        readers,
        outbox,
        levels: levels_in,
        day,
        health,
    };
    Ok(Journal {
        shared: Arc::new(shared),
        queue,
    })
}

/// Opens the file for writing and makes sure that a commit is a commit.
pub(super) fn connect(settings: &JournalSettings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open_file(settings, flags)?;
    // Before the first table: the page size can't be changed in WAL mode.
    conn.pragma_update(None, "page_size", 4096)?;
    let mode: String =
        conn.pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))?;
    let wanted = match settings.synchronous {
        Synchronous::Full => 2,
        Synchronous::Normal => 1,
    };
    conn.pragma_update(None, "synchronous", wanted)?;
    let synchronous: i64 = conn.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if mode != "wal" || synchronous != wanted {
        let text = format!("SQLite runs with journal_mode={mode}, synchronous={synchronous}");
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(1),
            Some(text),
        ));
    }
    // A failed switch to WAL can answer "wal" all the same; only a WAL has a log to checkpoint. It
    // also moves what an earlier crash left into the database before anything is added to it.
    let log: i64 = conn.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1))?;
    if log < 0 {
        let text = "SQLite could not switch to a write-ahead log".to_owned();
        return Err(rusqlite::Error::SqliteFailure(
            rusqlite::ffi::Error::new(1),
            Some(text),
        ));
    }
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    // 4 MiB of pages: enough for the hot ends of the indexes.
    conn.pragma_update(None, "cache_size", -4096)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Opens the file for reading alone.
pub(super) fn connect_reader(settings: &JournalSettings) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open_file(settings, flags)?;
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}

fn open_file(settings: &JournalSettings, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let file = settings.file();
    let conn = match &settings.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs.as_str())?,
        None => Connection::open_with_flags(file, flags)?,
    };
    conn.busy_timeout(std::time::Duration::from_millis(u64::from(BUSY_MS)))?;
    Ok(conn)
}

/// Gives a new file its identity and counts this run.
fn begin_run(conn: &mut Connection, settings: &JournalSettings) -> rusqlite::Result<u64> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let (id, key) = settings.seed.split_at(32);
    let id: [u8; 16] = std::array::from_fn(|i| id.get(i).copied().unwrap_or(0));
    let id = uuid::Builder::from_random_bytes(id).into_uuid();
    let prefix = settings.prefixes.first().map_or("A", String::as_str);
    tx.execute(
        "INSERT OR IGNORE INTO head (one, journal, secret, next_seq, chain, anchor_chain, prefix)
         VALUES (1, ?1, ?2, 1, zeroblob(32), zeroblob(32), ?3)",
        (id.as_bytes(), key, prefix),
    )?;
    let boots: i64 = tx.query_row(
        "UPDATE head SET boots = boots + 1 RETURNING boots",
        [],
        |row| row.get(0),
    )?;
    tx.commit()?;
    Ok(boots.unsigned_abs())
}
