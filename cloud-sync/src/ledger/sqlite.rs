//! The embedded ledger: one SQLite file in the data folder.
//!
//! One thread owns the only writing connection of this process and commits what waits in groups;
//! other processes (`enroll`, `revoke`, `user add`, `import`) write the same file in short
//! transactions of their own. So nothing that they can change is remembered between transactions.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::queue::Piece;
use super::{LedgerError, READERS, connection, folder};

pub(in crate::ledger) mod open;
pub(in crate::ledger) mod schema;
mod statements;
mod writer;

use writer::Writer;

pub(super) struct Sqlite {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
}

impl Sqlite {
    /// Opens the ledger in `data_dir`, made and migrated if need be.
    pub(super) fn open(data_dir: &Path) -> Result<Self, LedgerError> {
        folder::create(data_dir)?;
        Self::at(data_dir.join("ledger.sqlite"))
    }

    /// Opens the ledger in that file, or under that SQLite URI.
    pub(super) fn at(path: PathBuf) -> Result<Self, LedgerError> {
        let mut connection = open::writing(&path)?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            writer: Writer::start(path.clone(), connection)?,
            path,
            readers: Mutex::new(Vec::new()),
        })
    }

    pub(super) fn submit(&self, piece: Piece) -> Result<(), LedgerError> {
        self.writer.submit(piece)
    }

    #[cfg(test)]
    pub(super) fn queues(&self) -> &[super::queue::Queue] {
        self.writer.queues()
    }

    pub(super) fn load(&self) -> usize {
        self.writer.load()
    }

    pub(super) fn is_failing(&self) -> bool {
        self.writer.is_failing()
    }

    /// Runs `work` on a connection that can only read.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&dyn connection::Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reading(&self.path)?,
        };
        let transaction = connection.unchecked_transaction()?;
        let result = work(&*transaction);
        transaction.finish()?;
        let mut idle = self.idle();
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
