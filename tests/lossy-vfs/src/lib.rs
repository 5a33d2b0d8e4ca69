//! A simulated disk under SQLite that forgets or scrambles what was not synced: for tests that cut
//! the power.
//!
//! Killing a process cannot tell `synchronous=NORMAL` from `FULL`, since the operating system still
//! writes what it was given. A [`Disk`] lives in memory, is known to SQLite under
//! [`Disk::vfs_name`], and after [`Disk::power_cut`] holds only what a real disk would have owed.
//!
//! ```
//! use lossy_vfs::{Disk, Policy};
//! use rusqlite::{Connection, OpenFlags};
//!
//! let open = |disk: &Disk| {
//!     Connection::open_with_flags_and_vfs("/data/x.db", OpenFlags::default(), disk.vfs_name())
//! };
//! let disk = Disk::new(1);
//! let db = open(&disk)?;
//! db.pragma_update(None, "journal_mode", "wal")?;
//! db.pragma_update(None, "synchronous", "full")?;
//! db.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")?;
//!
//! let found = disk.power_cut(7, Policy::Scramble);
//! let rows: i64 = open(&found)?.query_row("SELECT count(*) FROM t", [], |row| row.get(0))?;
//! assert_eq!(rows, 1);
//! # Ok::<(), rusqlite::Error>(())
//! ```
//!
//! # The model
//!
//! * **Bytes.** A write or truncate is seen by every reader at once and is safe after the next sync
//!   of that file. Syncing one file says nothing about another. What a cut does with the rest is
//!   the [`Policy`]'s choice, write by write, torn at [`SECTOR`] granularity. Without the promise
//!   of [powersafe overwrite](Disk::set_powersafe_overwrite) a torn sector loses its neighbouring
//!   bytes too; SQLite then pads its WAL to whole sectors.
//! * **Names.** A created or removed name is safe after a sync of its directory, and only then, as
//!   POSIX has it. As SQLite does on Unix, that sync comes with the first sync of a journal or WAL
//!   opened for creation, and with a delete that asks for it. The database's own name thus becomes
//!   safe with its first journal. Note what follows: in `DELETE` mode a commit *is* the removal of
//!   the journal, which SQLite syncs only with `synchronous=EXTRA`; with `FULL` the last commit
//!   can be undone. [`Disk::set_synchronous_directory`] gives the kinder disk.
//! * **Memory.** Locks and the shared memory of WAL mode live with the process and die with it.
//! * **Faults.** The n-th operation of a kind fails, once or from then on; the disk fills up; a sync
//!   lies; the power goes at the n-th operation, after which every call fails and the disk can be
//!   examined at leisure with as many seeds as wanted. A failed operation has no effect.
//!
//! A disk has no clock. It waits only where SQLite's own busy timeout asks it to, in real time.
//!
//! Not modelled: memory mapping, decay of bytes long safe, reads that fail to see the page cache
//! after a failed sync, locks among processes.

#![deny(clippy::undocumented_unsafe_blocks)]

mod content;
mod directory;
mod disk;
mod faults;
mod handle;
mod locks;
mod open_file;
mod rng;
mod shm;
mod storage;
mod vfs;

pub use disk::{Disk, Policy};
pub use faults::{Failure, Op};

/// The bytes a disk writes whole or not at all.
pub const SECTOR: usize = 512;
