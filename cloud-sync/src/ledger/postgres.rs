//! The ledger in PostgreSQL, which several processes share.
//!
//! Its connections belong to pools on a runtime of their own; statements are sent from threads that
//! may block. A connection that is lost takes its transaction with it: what was in it is told to have
//! failed, and whoever sent it sends it again.

use deadpool_postgres::{Client, Pool};
use tokio::runtime::Runtime;

use super::connection::Connection;
use super::queue::Piece;
use super::{LedgerError, READERS};

mod connect;
mod lanes;
#[cfg(test)]
pub(crate) mod plans;
mod schema;
mod session;
#[cfg(test)]
mod tests;
pub(crate) mod url;

use connect::{Connector, Plans, RECOGNIZE};
pub(super) use lanes::LANES as WRITERS;
use lanes::Lanes;
use session::Session;
use url::DatabaseUrl;

/// A reader sees one state of the ledger, however many statements it needs.
const READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(super) struct Postgres {
    lanes: Lanes,
    readers: Pool,
    /// Taken out when it ends.
    runtime: Option<Runtime>,
}

impl Postgres {
    /// Opens the ledger in a database, migrated if need be.
    pub(super) fn open(url: DatabaseUrl) -> Result<Self, LedgerError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("ledger-io")
            .enable_all()
            .build()
            .map_err(|error| LedgerError::Unusable(format!("can't start a thread: {error}")))?;
        let connector = Connector::new(url)?;
        let migrated = runtime.block_on(async {
            let mut client = connector.connect().await?;
            schema::migrate(&mut client).await
        });
        migrated.map_err(|error| match error {
            // One that can't be reached now may be later.
            LedgerError::Unusable(_) | LedgerError::Away(_) => error,
            other => LedgerError::Unusable(format!("can't use the database: {other}")),
        })?;
        let writers = connector.pool(WRITERS + 1, Plans::Kept)?;
        Ok(Self {
            readers: connector.pool(READERS, Plans::Fresh)?,
            lanes: Lanes::start(&writers, runtime.handle())?,
            runtime: Some(runtime),
        })
    }

    pub(super) fn submit(&self, piece: Piece) -> Result<(), LedgerError> {
        self.lanes.submit(piece)
    }

    #[cfg(test)]
    pub(super) fn queues(&self) -> &[super::queue::Queue] {
        self.lanes.queues()
    }

    pub(super) fn load(&self) -> usize {
        self.lanes.load()
    }

    pub(super) fn trouble(&self) -> Option<String> {
        self.lanes.trouble()
    }

    /// Runs `work` in a transaction that can only read.
    pub(super) fn read<T>(
        &self,
        work: impl FnOnce(&dyn Connection) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let runtime = self.runtime.as_ref().ok_or(LedgerError::Closed)?;
        let client = runtime.block_on(self.readers.get())?;
        let session = Session::new(&client, runtime.handle());
        session.send(READ);
        let result = work(&session);
        session.send("COMMIT");
        let settled = session.settle();
        if session.is_broken() {
            drop(session);
            drop(Client::take(client));
        }
        result.and_then(|value| settled.map(|()| value))
    }
}

/// Begins a new opening if another run of the server answers than the last time.
pub(super) fn recognize(connection: &dyn Connection) -> Result<(), LedgerError> {
    connection.execute(RECOGNIZE, &[]).map(|_| ())
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.lanes.stop();
        if let Some(runtime) = self.runtime.take() {
            // It may end where nothing is allowed to block.
            runtime.shutdown_background();
        }
    }
}
