//! Factory reset: the journal goes, and with it everything that this kiosk ever sold. Only what is
//! confirmed may go, or what was carried out of the kiosk in a file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cloud_sync_wire::archive::{Record, records};
use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::frame::{self, BODY_LIMIT, EVENTS_LIMIT};
use rusqlite::{Connection, OpenFlags};

use super::group::Head;
use super::open::identity;
use super::read::Reader;
use super::{FolderLock, JournalError, JournalSettings, OpenError, fence};

/// What a kiosk keeps in its data folder beside its journals.
const OTHERS: [&str; 3] = ["cache", "https.crt", "https.key"];

/// Why nothing was reset.
#[derive(Debug, thiserror::Error)]
pub enum ResetRefusal {
    /// The folder is in use or can't be used.
    #[error(transparent)]
    Folder(#[from] OpenError),
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// Something is confirmed nowhere and in no file.
    #[error(
        "{count} events, from number {first} on, are neither confirmed nor in an exported file; let the kiosk \
         connect until nothing waits, or `kiosk export` to a file outside, and reset with --after-export FILE"
    )]
    Unconfirmed {
        /// How many.
        count: u64,
        /// The first of them.
        first: u64,
    },
    /// The exported file is of no use.
    #[error("{file} is no proof of an export: {detail}")]
    Export {
        /// Which.
        file: String,
        /// Why.
        detail: String,
    },
    /// Something can't be removed. What is left is removed by doing it again.
    #[error("{path} can't be removed: {error}; mend that and reset again")]
    Remove {
        /// What.
        path: String,
        /// What the system says.
        error: String,
    },
}

/// What went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reset {
    /// Events that were confirmed nowhere, and are in the exported file alone now.
    pub exported: u64,
}

/// Makes the folder that of a new kiosk. `export` is a file that `kiosk export` wrote after the last
/// order.
///
/// # Errors
/// [`ResetRefusal`]; then nothing is lost.
pub fn reset(folder: &Path, export: Option<&Path>) -> Result<Reset, ResetRefusal> {
    let settings = JournalSettings::reading(folder);
    if !folder.is_dir() {
        return Err(JournalError::Absent(folder.display().to_string()).into());
    }
    let _lock = FolderLock::take(folder)?;
    fence::finish(folder).map_err(|error| JournalError::Damaged(error.to_string()))?;
    let file = settings.file();
    let exported = if file.exists() {
        let exported = all_safe(&settings, export)?;
        settle(&file)?;
        exported
    } else {
        // A reset that was cut short has removed it first.
        0
    };
    // The journal first: whatever comes of the rest, it is not half there.
    remove(&file)?;
    for path in leftovers(folder).map_err(|error| stuck(folder, &error))? {
        remove(&path)?;
    }
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(|error| stuck(folder, &error))?;
    Ok(Reset { exported })
}

/// How many unconfirmed events are in the exported file; refuses if one is not.
fn all_safe(settings: &JournalSettings, export: Option<&Path>) -> Result<u64, ResetRefusal> {
    let reader = Reader::open(settings)?;
    let head = Head::load(reader.conn()).map_err(JournalError::from)?;
    let carried = match export {
        Some(file) => carried(file, &reader)?,
        None => BTreeMap::new(),
    };
    let last = head.next_seq - 1;
    let (mut safe, mut lacking, mut first) = (0, 0, None);
    let mut from = head.confirmed.first_missing(head.anchor_seq + 1);
    while from <= last {
        let to = head.confirmed.missing_from(from).min(last);
        let entries = reader.events(from, to, EVENTS_LIMIT, BODY_LIMIT)?;
        let Some(end) = entries.last() else { break };
        from = head.confirmed.first_missing(end.seq + 1);
        for entry in &entries {
            if carried.get(&entry.seq) == Some(&entry.chain) {
                safe += 1;
            } else {
                lacking += 1;
                first = first.or(Some(entry.seq));
            }
        }
    }
    match first {
        Some(first) => Err(ResetRefusal::Unconfirmed {
            count: lacking,
            first,
        }),
        None => Ok(safe),
    }
}

/// The events of this journal in a file, each proven by the chain hash that the journal's key signed.
fn carried(file: &Path, reader: &Reader) -> Result<BTreeMap<u64, Hash>, ResetRefusal> {
    let useless = |detail: &dyn std::fmt::Display| ResetRefusal::Export {
        file: file.display().to_string(),
        detail: detail.to_string(),
    };
    let (journal, key) = identity(reader.conn()).map_err(JournalError::from)?;
    let bytes = fs::read(file).map_err(|error| useless(&error))?;
    let mut carried = BTreeMap::new();
    for record in records(&bytes).map_err(|error| useless(&error))? {
        let Record::Frame(bytes) = record else {
            continue;
        };
        let frame = frame::decode(bytes).map_err(|error| useless(&error))?;
        if frame.sender.journal != journal {
            return Err(useless(&"it holds the events of another journal"));
        }
        let entries = frame
            .verify(&key.public())
            .map_err(|error| useless(&error))?;
        carried.extend(entries.into_iter().map(|entry| (entry.seq, entry.chain)));
    }
    Ok(carried)
}

/// Moves the log into the journal and ends it, so that it can't be taken for that of the next one.
fn settle(file: &Path) -> Result<(), ResetRefusal> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(file, flags).map_err(JournalError::from)?;
    conn.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))
        .map_err(JournalError::from)?;
    Ok(())
}

/// Earlier journals with their logs, and what can be had again.
fn leftovers(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let text = name.to_string_lossy();
        let of_journal = text.starts_with("journal.")
            && ["sqlite", "sqlite-wal", "sqlite-shm"]
                .iter()
                .any(|end| text.ends_with(end));
        if of_journal || OTHERS.contains(&&*text) {
            found.push(folder.join(&name));
        }
    }
    Ok(found)
}

fn remove(path: &Path) -> Result<(), ResetRefusal> {
    let removed = if path.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(stuck(path, &error)),
        _ => Ok(()),
    }
}

fn stuck(path: &Path, error: &io::Error) -> ResetRefusal {
    ResetRefusal::Remove {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}
