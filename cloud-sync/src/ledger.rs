//! The ledger: what the cloud holds durable. All SQL of cloud-sync stands below this module.
//!
//! The statements stand in files named after what they are about and run on whatever is behind
//! [`connection::Connection`]: a SQLite file in the data folder, or a PostgreSQL database that several
//! replicas share. A closure handed to [`Ledger::write`] is one transaction, or fails as a whole; its
//! answer comes after the commit.

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::Semaphore;

pub(crate) mod assignments;
pub(crate) mod changes;
pub(crate) mod connection;
pub(crate) mod devices;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod lineage;
pub(crate) mod logins;
pub(crate) mod menus;
pub(crate) mod notices;
pub(crate) mod orders;
pub(crate) mod postgres;
pub(crate) mod quarantine;
mod queue;
mod sqlite;
pub(crate) mod streams;
pub(crate) mod succession;
pub(crate) mod users;
mod work;

use connection::Connection;
pub(crate) use error::LedgerError;
use postgres::Postgres;
use postgres::url::DatabaseUrl;
use queue::Piece;
use sqlite::Sqlite;
use work::Answer;

/// Reads that may run at once. More would only wait for the same two or four cores.
const READERS: usize = 8;

/// Where a ledger is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// A file in this folder.
    Folder(PathBuf),
    Database(Box<DatabaseUrl>),
}

/// What a piece of work may touch besides reading, so that work on other things can go on beside it.
/// The embedded ledger runs one after the other, whatever they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Anything.
    All,
    /// Streams, orders and sums of one store.
    Store(i64),
    /// Rows that nothing is decided from.
    Apart,
}

/// When a piece of work is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    /// Before whatever has waited already.
    Soon,
    /// So many events, when it is their turn.
    InTurn(usize),
}

enum Base {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

/// A handle on the ledger; clones share it.
#[derive(Clone)]
pub(crate) struct Ledger {
    base: Arc<Base>,
    permits: Arc<Semaphore>,
}

impl Ledger {
    /// Opens a ledger, made and migrated if need be.
    pub(crate) fn open(place: &Place) -> Result<Self, LedgerError> {
        let base = match place {
            Place::Folder(folder) => Base::Sqlite(Sqlite::open(folder)?),
            Place::Database(url) => Base::Postgres(Postgres::open(url.as_ref().clone())?),
        };
        Ok(Self::on(base))
    }

    /// Opens the embedded ledger in that file, or under that SQLite URI (`file:…?vfs=…`).
    pub(crate) fn at(file: PathBuf) -> Result<Self, LedgerError> {
        Sqlite::at(file).map(|base| Self::on(Base::Sqlite(base)))
    }

    fn on(base: Base) -> Self {
        Self {
            base: Arc::new(base),
            permits: Arc::new(Semaphore::new(READERS)),
        }
    }

    /// Runs `work` in a transaction and waits for its commit. An error rolls back its writes alone;
    /// the answer comes only after the commit of the group it ran in has returned.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.submit(Due::Soon, Reach::All, work)?.await
    }

    /// Like [`Ledger::write`], for work that reaches no further than this.
    pub(crate) async fn write_in<T: Send + 'static>(
        &self,
        reach: Reach,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.submit(Due::Soon, reach, work)?.await
    }

    /// Like [`Ledger::write_in`], for work that may have to wait for its turn.
    pub(crate) async fn write_due<T: Send + 'static>(
        &self,
        due: Due,
        reach: Reach,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.submit(due, reach, work)?.await
    }

    /// Like [`Ledger::write`], for callers outside of the async runtime.
    pub(crate) fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.submit(Due::Soon, Reach::All, work)?.wait()
    }

    fn submit<T: Send + 'static>(
        &self,
        due: Due,
        reach: Reach,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<Answer<T>, LedgerError> {
        let (work, answer) = work::piece(work);
        let piece = Piece { due, reach, work };
        match &*self.base {
            Base::Sqlite(base) => base.submit(piece)?,
            Base::Postgres(base) => base.submit(piece)?,
        }
        Ok(answer)
    }

    /// How many pieces of work may be written at the same time.
    pub(crate) fn writers(&self) -> usize {
        match &*self.base {
            Base::Sqlite(_) => 1,
            Base::Postgres(_) => postgres::WRITERS,
        }
    }

    /// Begins a new opening if what is stored may have gone back in time since the last one: a file
    /// may have been put back whenever it is opened, a database whenever its server has changed.
    pub(crate) fn open_anew(&self) -> Result<(), LedgerError> {
        self.write_blocking(match &*self.base {
            Base::Sqlite(_) => lineage::open_anew,
            Base::Postgres(_) => postgres::recognize,
        })
    }

    /// How much waits for writers of what is due soon, and of the rest.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> (usize, usize) {
        let queues = match &*self.base {
            Base::Sqlite(base) => base.queues(),
            Base::Postgres(base) => base.queues(),
        };
        let waiting = queues.iter().map(queue::Queue::waiting);
        waiting.fold((0, 0), |sum, more| (sum.0 + more.0, sum.1 + more.1))
    }

    /// How full the queue to the writer is, from 0 (empty) to 100.
    pub(crate) fn load(&self) -> usize {
        match &*self.base {
            Base::Sqlite(base) => base.load(),
            Base::Postgres(base) => base.load(),
        }
    }

    /// Why the latest writes could not be committed, if they could not.
    pub(crate) fn trouble(&self) -> Option<String> {
        match &*self.base {
            Base::Sqlite(base) => base.is_failing().then(|| "is the disk full?".to_owned()),
            Base::Postgres(base) => base.trouble(),
        }
    }

    /// Runs `work` on a connection that can only read, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let permits = Arc::clone(&self.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| LedgerError::Closed)?;
        let ledger = self.clone();
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            ledger.read_blocking(work)
        })
        .await
        .map_err(|_| LedgerError::Closed)?
    }

    /// Like [`Ledger::read`], for callers that may block.
    pub(crate) fn read_blocking<T>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        match &*self.base {
            Base::Sqlite(base) => base.read(work),
            Base::Postgres(base) => base.read(work),
        }
    }
}
