//! Carrying on in a new journal when the history of the old one has forked: its disk was rolled back,
//! or a copy of it sells somewhere else, so that its numbers stand for other events in the cloud.
//!
//! The new journal begins with everything that the old one still held: the same events, byte for
//! byte and under their own identities, numbered and chained anew, under a key of its own. What was
//! delivered already is known to the cloud by those identities and counts once. Orders, stock, days,
//! PINs and print jobs stay as they are, order numbers go on under the next prefix. The old file is
//! kept beside it, under its own name, and is only read from then on.
//!
//! It is made beside the old one and takes its place by renames, so that a power cut at any moment
//! leaves one or the other: [`finish`] completes what was begun.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use kiosk_core::ids::JournalId;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use serde::{Deserialize, Serialize};

use super::group::{Head, from_sql, to_sql};
use super::newfile::CopyError;
use super::open::identity;
use super::place::seqs_from;
use super::settings::setting;
use super::{JournalError, JournalSettings, backup};

/// Events that are numbered anew at a time.
const CHUNK: u32 = 1_000;
/// The tables whose rows are named by an event's seq, beside the events themselves.
const BY_SEQ: [&str; 2] = ["orders", "cash"];
/// Beyond all seqs, so that rows can be moved out of each other's way.
const ASIDE: i64 = 1 << 62;
const SUCCEEDS: &str = "succeeds";

/// What a journal carries on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succeeds {
    /// The journal before.
    pub journal: JournalId,
    /// When, by this kiosk's clock.
    pub at: WallTime,
    /// How many of its events come again.
    pub events: u64,
    /// The file that it is kept in.
    pub file: String,
}

/// What is random about a new journal: its identity and its key.
type Seed = [u8; 64];

/// Puts a new journal in the place of the one in `folder`, which nobody may have open for writing.
/// `prefixes` are those of the credential.
///
/// # Errors
/// [`CopyError`]; then the old one is still in its place.
pub fn fence(
    folder: &Path,
    seed: &Seed,
    prefixes: &[String],
    at: WallTime,
) -> Result<Succeeds, CopyError> {
    let files = Files::of(folder);
    files.discard_drafts()?;
    backup(folder, &files.draft)?;
    let succeeds = rewrite(&files.draft, seed, prefixes, at)?;
    files.ready()?;
    files.swap(&succeeds.file)?;
    Ok(succeeds)
}

/// Completes a swap that was cut short. To be called before the journal is opened.
///
/// # Errors
/// If the folder can't be written to.
pub(super) fn finish(folder: &Path) -> Result<(), CopyError> {
    let files = Files::of(folder);
    if files.journal.exists() || !files.next.exists() {
        return files.discard_drafts();
    }
    tracing::warn!("a new journal was on its way when the kiosk stopped; it takes its place now");
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let carried_on = succeeds(&Connection::open_with_flags(&files.next, flags)?)?;
    let carried_on = carried_on.ok_or_else(|| {
        let name = files.next.display();
        JournalError::Damaged(format!("{name} does not say which journal it carries on"))
    })?;
    files.swap(&carried_on.file)
}

/// What this journal carries on, if it is not a kiosk's first.
pub(super) fn succeeds(conn: &Connection) -> Result<Option<Succeeds>, JournalError> {
    let text = setting(conn, SUCCEEDS)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|error| {
        JournalError::Damaged(format!("what it carries on can't be read: {error}"))
    })
}

/// The files of a folder that take part.
struct Files {
    folder: PathBuf,
    journal: PathBuf,
    /// The new journal while it is made.
    draft: PathBuf,
    /// The new journal, whole, until it is in its place.
    next: PathBuf,
}

impl Files {
    fn of(folder: &Path) -> Self {
        Self {
            journal: folder.join("journal.sqlite"),
            draft: folder.join("journal.draft.sqlite"),
            next: folder.join("journal.next.sqlite"),
            folder: folder.to_owned(),
        }
    }

    /// What an earlier try left. A whole new journal beside an old one in its place is of a moment
    /// that has passed.
    fn discard_drafts(&self) -> Result<(), CopyError> {
        for file in [&self.draft, &self.next] {
            for part in with_log(file) {
                match fs::remove_file(&part) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                        return Err(unwritable(&part, &error));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The draft is whole and on the disk.
    fn ready(&self) -> Result<(), CopyError> {
        File::open(&self.draft)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.draft, &self.next))
            .map_err(|error| unwritable(&self.next, &error))?;
        self.sync()
    }

    /// The old file leaves under `name`, and after it its log, which must not be taken for the new
    /// one's; then that takes its place. Begun and cut short, it is done by doing it again.
    fn swap(&self, name: &str) -> Result<(), CopyError> {
        let kept = self.folder.join(name);
        for (from, to) in with_log(&self.journal).iter().zip(with_log(&kept)) {
            if from.exists() {
                fs::rename(from, &to).map_err(|error| unwritable(&to, &error))?;
            }
        }
        let read_only = Permissions::from_mode(0o400);
        if let Err(error) = fs::set_permissions(&kept, read_only) {
            tracing::warn!(%error, file = name, "the old journal can't be made read-only");
        }
        self.settle()
    }

    fn settle(&self) -> Result<(), CopyError> {
        fs::rename(&self.next, &self.journal).map_err(|error| unwritable(&self.journal, &error))?;
        self.sync()
    }

    fn sync(&self) -> Result<(), CopyError> {
        File::open(&self.folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| unwritable(&self.folder, &error))
    }
}

/// A database's file and those of its log.
fn with_log(file: &Path) -> [PathBuf; 3] {
    ["", "-wal", "-shm"].map(|end| {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        PathBuf::from(name)
    })
}

fn unwritable(path: &Path, error: &std::io::Error) -> CopyError {
    CopyError::File {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}

/// Makes the copy of the old journal a journal of its own, in one transaction.
fn rewrite(
    file: &Path,
    seed: &Seed,
    prefixes: &[String],
    at: WallTime,
) -> Result<Succeeds, CopyError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut conn = Connection::open_with_flags(file, flags)?;
    conn.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    conn.pragma_update(None, "synchronous", 2)?;
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (journal, _) = identity(&tx)?;
    let head = Head::load(&tx)?;
    let succeeds = Succeeds {
        journal,
        at,
        events: head.next_seq - 1 - head.anchor_seq,
        file: format!("journal.{journal}.sqlite"),
    };
    move_orders(&tx, head.anchor_seq)?;
    move_rows(&tx, head.anchor_seq)?;
    let chain = number_events(&tx, head.anchor_seq)?;
    tx.execute_batch(
        "DELETE FROM cloud; DELETE FROM confirmed_at; DELETE FROM settings WHERE name = 'enrolment'",
    )?;
    let (id, key) = seed.split_at(32);
    let id: [u8; 16] = std::array::from_fn(|i| id.get(i).copied().unwrap_or(0));
    tx.execute(
        "UPDATE head SET journal = ?1, secret = ?2, next_seq = ?3, chain = ?4, anchor_seq = 0,
         anchor_chain = ?5, prefix = ?6",
        (
            uuid::Builder::from_random_bytes(id).into_uuid().as_bytes(),
            key,
            to_sql(succeeds.events + 1),
            &chain.0[..],
            &Hash::START.0[..],
            next_prefix(&head.prefix, prefixes),
        ),
    )?;
    let text = serde_json::to_string(&succeeds)
        .map_err(|error| JournalError::Damaged(error.to_string()))?;
    tx.execute(
        "INSERT OR REPLACE INTO settings (name, value) VALUES (?1, ?2)",
        (SUCCEEDS, text),
    )?;
    tx.commit()?;
    Ok(succeeds)
}

/// The prefix after the one in use; numbers under it can't repeat those that a copy of the old
/// journal gives.
fn next_prefix<'a>(in_use: &'a str, prefixes: &'a [String]) -> &'a str {
    let at = prefixes.iter().position(|prefix| prefix == in_use);
    let next = at.and_then(|at| prefixes.get((at + 1) % prefixes.len()));
    next.or(prefixes.first()).map_or(in_use, String::as_str)
}

/// Has orders name their events by their new numbers, and only those that are left. An order whose first
/// event was pruned keeps its place before all others, at 0 or below.
fn move_orders(tx: &Connection, anchor: u64) -> Result<(), CopyError> {
    let mut query = tx.prepare("SELECT seq, seqs FROM orders")?;
    let mut update = tx.prepare("UPDATE orders SET seqs = ?2 WHERE seq = ?1")?;
    let rows = query.query_map([], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?))
    })?;
    for row in rows.collect::<Result<Vec<_>, _>>()? {
        let left = seqs_from(&row.1).into_iter().filter(|seq| *seq > anchor);
        let moved: Vec<u8> = left.flat_map(|seq| (seq - anchor).to_be_bytes()).collect();
        update.execute((row.0, moved))?;
    }
    Ok(())
}

/// Moves the rows that are named by the seq of an event: in two steps, so that none is in the way of
/// another.
fn move_rows(tx: &Connection, anchor: u64) -> Result<(), CopyError> {
    for table in BY_SEQ {
        for by in [-ASIDE, ASIDE - to_sql(anchor)] {
            tx.execute(&format!("UPDATE {table} SET seq = seq + ?1"), [by])?;
        }
    }
    Ok(())
}

/// Numbers the events from 1 and chains them anew; gives the chain hash at the last.
fn number_events(tx: &Connection, anchor: u64) -> Result<Hash, CopyError> {
    let mut query =
        tx.prepare("SELECT seq, bytes FROM events WHERE seq > ?1 ORDER BY seq LIMIT ?2")?;
    let mut update = tx.prepare("UPDATE events SET seq = ?2, chain = ?3 WHERE seq = ?1")?;
    let (mut last, mut chain) = (anchor, Hash::START);
    loop {
        let rows = query.query_map((to_sql(last), CHUNK), |row| {
            Ok((
                from_sql(row.get(0)?),
                content_hash(&row.get::<_, Vec<u8>>(1)?),
            ))
        })?;
        let events = rows.collect::<Result<Vec<_>, _>>()?;
        if events.is_empty() {
            return Ok(chain);
        }
        for (seq, content) in events {
            if seq != last + 1 {
                let text = format!("events {} to {} are missing", last + 1, seq - 1);
                return Err(JournalError::Damaged(text).into());
            }
            chain = chain_hash(chain, seq - anchor, content);
            update.execute((to_sql(seq), to_sql(seq - anchor), &chain.0[..]))?;
            last = seq;
        }
    }
}

impl super::Reader {
    /// What this journal carries on, if it is not the kiosk's first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn succeeds(&self) -> Result<Option<Succeeds>, JournalError> {
        succeeds(self.conn())
    }
}

impl JournalSettings {
    /// Completes what was begun in the folder, if its files are the operating system's.
    pub(super) fn finish_fence(&self) -> Result<(), CopyError> {
        match self.vfs {
            None => finish(&self.folder),
            Some(_) => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_table_that_names_events_by_their_seq_is_forgotten() {
        let mut conn = Connection::open_in_memory().unwrap();
        crate::journal::schema::migrate(&mut conn).unwrap();
        let mut query = conn
            .prepare(
                "SELECT t.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND c.name = 'seq' AND t.name <> 'events'",
            )
            .unwrap();
        let rows = query.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let found: BTreeSet<String> = rows.map(Result::unwrap).collect();
        assert_eq!(found, BY_SEQ.map(str::to_owned).into());
    }
}
