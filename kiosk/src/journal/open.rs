//! Opening: the file is made or migrated, its settings are checked, the writer starts.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::keys::SecretKey;
use kiosk_core::ids::JournalId;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{Semaphore, mpsc, watch};
use uuid::Uuid;

use super::group::{Head, from_sql};
use super::read::Readers;
use super::writer::{self, Outlets, Writer};
use super::{
    Change, Health, Journal, JournalError, JournalSettings, Levels, OpenError, Shared, Synchronous,
    schema, stock,
};

/// How long a connection waits for another process's short write (`staff set-pin`, `backup`).
pub(super) const BUSY_MS: u64 = 5_000;
/// The log file is cut back to this when it begins anew.
const LOG_BYTES: i64 = 8 * 1024 * 1024;
/// Should the writer's own checkpoints not come about, SQLite makes one at this many pages.
const LAST_RESORT_PAGES: i64 = 8_000;
/// A journal can't be opened with less free than this, in bytes.
const LITTLE_ROOM: u64 = 1024 * 1024;
/// Readers at the same time; more wait. Each may hold a megabyte of pages.
const READERS: usize = 8;
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
    let free_bytes = Arc::clone(&settings.free_bytes);
    let trouble = |detail: String| OpenError::Journal {
        file: file.display().to_string(),
        advice: advice(free_bytes(), &detail),
        detail,
    };
    let finished = settings.finish_fence();
    finished.map_err(|error| trouble(error.to_string()))?;
    let opened = Opened::new(&settings).map_err(trouble)?;
    let (outbox_out, outbox) = watch::channel(opened.head.outbox());
    let (levels_out, levels) = watch::channel(Arc::new(opened.levels));
    let (day_out, day) = watch::channel(opened.head.day);
    let (health_out, health) = watch::channel(health(&settings));
    let (prints_out, prints) = watch::channel(0);
    let outlets = Outlets {
        prints: prints_out,
        outbox: outbox_out,
        levels: levels_out,
        day: day_out,
        health: health_out,
        feed,
    };
    let readers = Readers::new(settings.clone());
    let boot = settings.boot;
    let (queue, jobs) = mpsc::channel(QUEUE);
    let writer = Writer::new(opened.conn, opened.id, settings, outlets);
    std::thread::Builder::new()
        .name("journal".to_owned())
        .spawn(move || writer::run(writer, jobs))
        .map_err(|error| trouble(format!("its thread can't be started: {error}")))?;
    let shared = Shared {
        id: opened.id,
        boot,
        key: opened.key,
        boots: opened.boots,
        readers,
        reading: Semaphore::new(READERS),
        outbox,
        levels,
        day,
        health,
        prints,
    };
    Ok(Journal {
        shared: Arc::new(shared),
        queue,
    })
}

/// What to do about a journal that can't be opened.
fn advice(free: Option<u64>, detail: &str) -> &'static str {
    let full = free.is_some_and(|free| free < LITTLE_ROOM);
    if full || detail.contains("disk is full") {
        "its disk is full: make room there"
    } else if detail.contains("not a database") || detail.contains("malformed") {
        "it is no journal, or a damaged one: keep it aside and put a backup in its place"
    } else if detail.contains("newer") {
        "use the software that wrote it, or a later one"
    } else {
        "check that its disk is mounted, writable and healthy"
    }
}

fn health(settings: &JournalSettings) -> Health {
    let free_bytes = (settings.free_bytes)();
    let reserve = settings.reserve_bytes;
    let trouble = free_bytes
        .filter(|free| *free < reserve)
        .map(|free| JournalError::DiskFull { free, reserve }.to_string());
    Health {
        trouble,
        free_bytes,
    }
}

/// A file that was opened, made or migrated, and what it holds.
struct Opened {
    conn: Connection,
    id: JournalId,
    key: SecretKey,
    boots: u64,
    head: Head,
    levels: Levels,
}

impl Opened {
    fn new(settings: &JournalSettings) -> Result<Self, String> {
        let mut conn = connect(settings, OpenFlags::SQLITE_OPEN_CREATE).map_err(text)?;
        schema::migrate(&mut conn).map_err(text)?;
        let boots = begin_run(&mut conn, settings).map_err(text)?;
        let head = Head::load(&conn).map_err(text)?;
        let levels = stock::load(&conn, head.day).map_err(text)?;
        let (id, key) = identity(&conn).map_err(text)?;
        Ok(Self {
            conn,
            id,
            key,
            boots,
            head,
            levels,
        })
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Who the journal is, and the key that its frames are signed with.
pub(super) fn identity(conn: &Connection) -> rusqlite::Result<(JournalId, SecretKey)> {
    conn.query_row("SELECT journal, secret FROM head", [], |row| {
        let id: [u8; 16] = row.get(0)?;
        let seed: [u8; 32] = row.get(1)?;
        Ok((JournalId(Uuid::from_bytes(id)), SecretKey::from_seed(&seed)))
    })
}

/// Opens the file again that a writer has open already; never makes one.
pub(super) fn reconnect(
    settings: &JournalSettings,
    journal: JournalId,
) -> Result<Connection, JournalError> {
    let conn = connect(settings, OpenFlags::empty())?;
    let (found, _) = identity(&conn)?;
    if found != journal {
        let text = format!("another journal, {found}, is where {journal} was");
        return Err(JournalError::Storage(text));
    }
    Ok(conn)
}

/// Opens the file for writing and makes sure that a commit is a commit.
fn connect(settings: &JournalSettings, create: OpenFlags) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | create;
    if settings.vfs.is_none() && create.contains(OpenFlags::SQLITE_OPEN_CREATE) {
        keep_private(&settings.file()).map_err(|error| failure(error.to_string()))?;
    }
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
        return Err(failure(format!(
            "SQLite runs with journal_mode={mode}, synchronous={synchronous}"
        )));
    }
    // A failed switch to WAL can answer "wal" all the same; only a WAL has a log to checkpoint.
    // It also makes certain what a crash may have left in the log although its sync had failed:
    // moved into the database, it is on the disk, and the next commit begins the log anew. (If
    // others have the file open, there was no recovery and nothing of that kind shows.)
    checkpoint(&conn, "PASSIVE")?;
    conn.pragma_update(None, "wal_autocheckpoint", LAST_RESORT_PAGES)?;
    conn.pragma_update(None, "journal_size_limit", LOG_BYTES)?;
    conn.pragma_update(None, "foreign_keys", true)?;
    conn.pragma_update(None, "mmap_size", 0)?;
    // 4 MiB of pages: enough for the hot ends of the indexes.
    conn.pragma_update(None, "cache_size", -4096)?;
    conn.set_prepared_statement_cache_capacity(64);
    Ok(conn)
}

/// Moves the log into the database. Gives how many pages it has and how many of them were moved;
/// both 0 while somebody else does it.
pub(super) fn checkpoint(conn: &Connection, mode: &str) -> rusqlite::Result<(u64, u64)> {
    let sql = format!("PRAGMA wal_checkpoint({mode})");
    let (busy, log, done): (i64, i64, i64) =
        conn.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if busy == 0 && log < 0 {
        return Err(failure("SQLite has no write-ahead log".to_owned()));
    }
    Ok((from_sql(log), from_sql(done)))
}

/// How long this connection waits for others, in milliseconds.
pub(super) fn wait_for(conn: &Connection, millis: u64) -> rusqlite::Result<()> {
    conn.busy_timeout(Duration::from_millis(millis))
}

fn failure(text: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(1), Some(text))
}

/// Opens the file for reading alone.
pub(super) fn connect_reader(settings: &JournalSettings) -> Result<Connection, JournalError> {
    let file = settings.file();
    if settings.vfs.is_none() && !file.exists() {
        return Err(JournalError::Absent(file.display().to_string()));
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = open_file(settings, flags).map_err(|error| {
        let file = file.display();
        JournalError::Storage(format!(
            "{file}: {error}; copy the folder to where this user may write, and look there"
        ))
    })?;
    conn.pragma_update(None, "cache_size", -1024)?;
    Ok(conn)
}

/// Makes the file, if there is none, readable for this user alone: it holds the journal's key.
/// SQLite gives its log the same mode.
fn keep_private(file: &Path) -> std::io::Result<()> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(file)
        .map(drop)
}

fn open_file(settings: &JournalSettings, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let file = settings.file();
    let conn = match &settings.vfs {
        Some(vfs) => Connection::open_with_flags_and_vfs(file, flags, vfs.as_str())?,
        None => Connection::open_with_flags(file, flags)?,
    };
    wait_for(&conn, BUSY_MS)?;
    Ok(conn)
}

/// Gives a new file its identity and counts this run.
fn begin_run(conn: &mut Connection, settings: &JournalSettings) -> rusqlite::Result<u64> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let (id, key) = settings.seed.split_at(32);
    let id: [u8; 16] = std::array::from_fn(|i| id.get(i).copied().unwrap_or(0));
    let id = uuid::Builder::from_random_bytes(id).into_uuid();
    let first = settings.prefixes.first().map_or("A", String::as_str);
    tx.execute(
        "INSERT INTO head (one, journal, secret, next_seq, chain, anchor_chain, prefix)
         VALUES (1, ?1, ?2, 1, zeroblob(32), zeroblob(32), ?3) ON CONFLICT DO NOTHING",
        (id.as_bytes(), key, first),
    )?;
    let prefix: String = tx.query_row("SELECT prefix FROM head", [], |row| row.get(0))?;
    // A kiosk that was given a credential later: its old prefix may be another kiosk's.
    if !settings.prefixes.is_empty() && !settings.prefixes.contains(&prefix) {
        tx.execute("UPDATE head SET prefix = ?1", [first])?;
    }
    tx.execute("UPDATE head SET boots = boots + 1", [])?;
    let boots: i64 = tx.query_row("SELECT boots FROM head", [], |row| row.get(0))?;
    tx.commit()?;
    Ok(boots.unsigned_abs())
}
