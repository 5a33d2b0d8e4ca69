//! The writer thread: takes what waits, runs each piece of work in a savepoint of one transaction,
//! commits once, and only then answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;

use super::open;
use crate::clock;
use crate::ledger::work::{self, Answer, Work};
use crate::ledger::{LedgerError, connection};

/// Work that may wait. Beyond it callers are told to come again.
const QUEUE: usize = 512;
/// Pieces of work in one commit: enough to make a commit's fsync cheap, few enough that the first
/// of them doesn't wait for long.
const GROUP: usize = 64;

pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Work>>>,
    waiting: Arc<AtomicUsize>,
    failing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(path: PathBuf, connection: Connection) -> Result<Self, LedgerError> {
        let (queue, work) = sync_channel::<Box<dyn Work>>(QUEUE);
        let waiting = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&waiting);
        let failing = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&failing);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || run(&path, connection, &work, &count, &failed))
            .map_err(|error| LedgerError::Unusable(format!("can't start a thread: {error}")))?;
        Ok(Self {
            queue: Some(queue),
            waiting,
            failing,
            thread: Some(thread),
        })
    }

    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn connection::Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<Answer<T>, LedgerError> {
        let (piece, answer) = work::piece(work);
        let queue = self.queue.as_ref().ok_or(LedgerError::Closed)?;
        self.waiting.fetch_add(1, Ordering::Relaxed);
        queue.try_send(piece).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(_) => LedgerError::Busy,
                TrySendError::Disconnected(_) => LedgerError::Closed,
            }
        })?;
        Ok(answer)
    }

    /// Whether the latest group could not be committed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    pub(super) fn load(&self) -> usize {
        (self.waiting.load(Ordering::Relaxed) * 100 / QUEUE).min(100)
    }
}

impl Drop for Writer {
    /// Finishes what was submitted and closes the database.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(
    path: &std::path::Path,
    connection: Connection,
    work: &Receiver<Box<dyn Work>>,
    waiting: &AtomicUsize,
    failing: &AtomicBool,
) {
    let mut open_connection = Some(connection);
    while let Ok(first) = work.recv() {
        let group: Vec<Box<dyn Work>> = std::iter::once(first)
            .chain(work.try_iter().take(GROUP - 1))
            .collect();
        waiting.fetch_sub(group.len(), Ordering::Relaxed);
        let started = clock::instant();
        let connection = match open_connection.take() {
            Some(connection) => Ok(connection),
            None => open::writing(path),
        };
        match connection {
            Ok(connection) => {
                let trusted = commit_group(&connection, group, started);
                failing.store(!trusted, Ordering::Relaxed);
                open_connection = trusted.then_some(connection);
            }
            Err(error) => {
                failing.store(true, Ordering::Relaxed);
                for work in group {
                    work.tell(Err(error.clone()));
                }
            }
        }
    }
}

/// Runs a group and answers it. False if the connection is not to be trusted any more.
fn commit_group(connection: &Connection, mut group: Vec<Box<dyn Work>>, started: Instant) -> bool {
    let outcome = in_transaction(connection, &mut group);
    let trusted = match &outcome {
        Ok(()) => {
            metrics::histogram!("cloud_ingest_commit_seconds").record(started.elapsed());
            true
        }
        Err(error) => {
            tracing::error!(%error, works = group.len(), "the ledger could not commit");
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("ROLLBACK");
            }
            matches!(error, LedgerError::Busy)
        }
    };
    for work in group {
        work.tell(outcome.clone());
    }
    trusted
}

fn in_transaction(connection: &Connection, group: &mut [Box<dyn Work>]) -> Result<(), LedgerError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    for work in group {
        connection.prepare_cached("SAVEPOINT work")?.execute([])?;
        let keep = work.run(connection);
        if connection.is_autocommit() {
            // SQLite rolls the whole transaction back by itself when the disk is full or fails.
            return Err(LedgerError::Storage(
                "the transaction was rolled back".to_owned(),
            ));
        }
        if !keep {
            connection.prepare_cached("ROLLBACK TO work")?.execute([])?;
        }
        connection.prepare_cached("RELEASE work")?.execute([])?;
    }
    connection
        .prepare_cached("COMMIT")?
        .execute([])
        .map(|_| ())
        .map_err(|error| match LedgerError::from(error) {
            // Nothing was written where there was no room.
            LedgerError::Full => LedgerError::Full,
            other => LedgerError::Unknown(other.to_string()),
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::connection::values;

    fn writer(dir: &std::path::Path) -> Writer {
        let path = dir.join("x.sqlite");
        let connection = open::writing(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        Writer::start(path, connection).unwrap()
    }

    fn insert(writer: &Writer, number: i64) -> Result<(), LedgerError> {
        writer
            .submit(move |connection| {
                connection.execute("INSERT INTO t VALUES (?1)", values![number])?;
                Ok(())
            })?
            .wait()
    }

    fn count(writer: &Writer) -> i64 {
        let answer = writer
            .submit(|connection| connection.one("SELECT count(*) FROM t", &[], |row| row.get(0)));
        answer.unwrap().wait().unwrap()
    }

    #[test]
    fn work_that_fails_or_panics_takes_back_its_own_writes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path());
        insert(&writer, 1).unwrap();
        assert!(insert(&writer, 1).is_err());
        let panics = writer.submit(|connection| -> Result<(), LedgerError> {
            connection.execute("INSERT INTO t VALUES (7)", &[])?;
            panic!("odd")
        });
        let error = panics.unwrap().wait().unwrap_err();
        assert!(error.to_string().contains("odd"), "{error}");
        insert(&writer, 2).unwrap();
        assert_eq!(count(&writer), 2);
    }

    #[test]
    fn dropping_the_writer_finishes_what_was_submitted() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path());
        let answers: Vec<_> = (0..200_i64)
            .map(|number| {
                let work = move |connection: &dyn connection::Connection| {
                    connection.execute("INSERT INTO t VALUES (?1)", values![number])?;
                    Ok(())
                };
                writer.submit(work).unwrap()
            })
            .collect();
        drop(writer);
        assert!(answers.into_iter().all(|answer| answer.wait().is_ok()));
    }
}
