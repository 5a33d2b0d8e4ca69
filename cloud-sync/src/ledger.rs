//! The ledger: what the cloud holds durable. All SQL of cloud-sync stands below this module.
//!
//! One thread owns the only writing connection of this process and commits what waits in groups;
//! other processes (`enroll`, `revoke`, `user add`, `import`) write the same file in short
//! transactions of their own. So nothing that they can change is remembered between transactions.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::Semaphore;

pub(crate) mod changes;
pub(crate) mod devices;
pub(crate) mod error;
pub(crate) mod events;
pub(crate) mod folder;
pub(crate) mod lineage;
pub(crate) mod menus;
pub(crate) mod notices;
mod open;
pub(crate) mod orders;
pub(crate) mod quarantine;
mod schema;
pub(crate) mod streams;
pub(crate) mod users;
mod values;
mod writer;

pub(crate) use error::LedgerError;
use writer::Writer;

/// Reads that may run at once. More would only wait for the same two or four cores.
const READERS: usize = 8;

/// A handle on the ledger; clones share it.
#[derive(Clone)]
pub(crate) struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    writer: Writer,
    readers: Mutex<Vec<Connection>>,
    permits: Arc<Semaphore>,
}

impl Ledger {
    /// Opens the ledger in `data_dir`, made and migrated if need be.
    pub(crate) fn open(data_dir: &Path) -> Result<Self, LedgerError> {
        folder::create(data_dir)?;
        let path = data_dir.join("ledger.sqlite");
        let mut connection = open::writing(&path)?;
        schema::migrate(&mut connection)?;
        Ok(Self {
            inner: Arc::new(Inner {
                writer: Writer::start(path.clone(), connection)?,
                path,
                readers: Mutex::new(Vec::new()),
                permits: Arc::new(Semaphore::new(READERS)),
            }),
        })
    }

    /// Runs `work` in a transaction and waits for its commit. An error rolls back its writes alone;
    /// the answer comes only after the commit of the group it ran in has returned.
    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.inner.writer.submit(work)?.await
    }

    /// Like [`Ledger::write`], for callers outside of the async runtime.
    pub(crate) fn write_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        self.inner.writer.submit(work)?.wait()
    }

    /// How full the queue to the writer is, from 0 (empty) to 100.
    pub(crate) fn load(&self) -> usize {
        self.inner.writer.load()
    }

    /// Whether the latest writes could not be committed.
    pub(crate) fn is_failing(&self) -> bool {
        self.inner.writer.is_failing()
    }

    /// Runs `work` on a connection that can only read, off the async threads.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, LedgerError> {
        let permits = Arc::clone(&self.inner.permits);
        let permit = permits
            .acquire_owned()
            .await
            .map_err(|_| LedgerError::Closed)?;
        let inner = Arc::clone(&self.inner);
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            inner.with_reader(work)
        })
        .await
        .map_err(|_| LedgerError::Closed)?
    }

    /// Like [`Ledger::read`], for callers that may block.
    pub(crate) fn read_blocking<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        self.inner.with_reader(work)
    }
}

impl Inner {
    fn with_reader<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let idle = self.idle().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => open::reading(&self.path)?,
        };
        let transaction = connection.unchecked_transaction()?;
        let result = work(&transaction);
        transaction.finish()?;
        let mut idle = self.idle();
        if idle.len() < READERS {
            idle.push(connection);
        }
        result
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
