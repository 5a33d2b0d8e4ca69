//! The writer thread: takes what waits, runs each piece of work in a savepoint of one transaction,
//! commits once, and only then answers.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use rusqlite::Connection;

use super::open;
use crate::clock;
use crate::ledger::LedgerError;
use crate::ledger::queue::{Piece, Queue};

/// Work of either kind that may wait. Beyond it callers are told to come again.
const QUEUE: usize = 512;

pub(super) struct Writer {
    queue: Queue,
    failing: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(super) fn start(path: PathBuf, connection: Connection) -> Result<Self, LedgerError> {
        let queue = Queue::new(QUEUE);
        let work = queue.clone();
        let failing = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&failing);
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || run(&path, connection, &work, &failed))
            .map_err(|error| LedgerError::Unusable(format!("can't start a thread: {error}")))?;
        Ok(Self {
            queue,
            failing,
            thread: Some(thread),
        })
    }

    pub(super) fn submit(&self, piece: Piece) -> Result<(), LedgerError> {
        self.queue.push(piece)
    }

    /// Whether the latest group could not be committed.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn queues(&self) -> &[Queue] {
        std::slice::from_ref(&self.queue)
    }

    pub(super) fn load(&self) -> usize {
        self.queue.load()
    }
}

impl Drop for Writer {
    /// Finishes what was submitted and closes the database.
    fn drop(&mut self) {
        self.queue.close();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn run(path: &std::path::Path, connection: Connection, work: &Queue, failing: &AtomicBool) {
    let mut open_connection = Some(connection);
    while let Some(group) = work.group() {
        let started = clock::instant();
        let connection = match open_connection.take() {
            Some(connection) => Ok(connection),
            None => open::writing(path),
        };
        match connection {
            Ok(connection) => {
                let trusted = commit_group(&connection, work, group, started);
                failing.store(!trusted, Ordering::Relaxed);
                open_connection = trusted.then_some(connection);
            }
            Err(error) => {
                failing.store(true, Ordering::Relaxed);
                for piece in group {
                    piece.work.tell(Err(error.clone()));
                }
            }
        }
    }
}

/// Runs a group and answers it. False if the connection is not to be trusted any more.
fn commit_group(
    connection: &Connection,
    queue: &Queue,
    mut group: Vec<Piece>,
    started: Instant,
) -> bool {
    let outcome = in_transaction(connection, queue, &mut group);
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
    for piece in group {
        piece.work.tell(outcome.clone());
    }
    trusted
}

fn in_transaction(
    connection: &Connection,
    queue: &Queue,
    group: &mut Vec<Piece>,
) -> Result<(), LedgerError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let mut done = 0;
    while let Some(piece) = group.get_mut(done) {
        connection.prepare_cached("SAVEPOINT work")?.execute([])?;
        let keep = piece.work.run(connection);
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
        done += 1;
        if queue.cuts_short(piece.due) {
            queue.take_back(group.split_off(done));
        }
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
    use crate::ledger::connection::{self, values};
    use crate::ledger::work::{self, Answer};
    use crate::ledger::{Due, Reach};

    fn submit<T: Send + 'static>(
        writer: &Writer,
        work: impl FnOnce(&dyn connection::Connection) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<Answer<T>, LedgerError> {
        let (work, answer) = work::piece(work);
        let (due, reach) = (Due::Soon, Reach::All);
        writer.submit(Piece { due, reach, work })?;
        Ok(answer)
    }

    fn writer(dir: &std::path::Path) -> Writer {
        let path = dir.join("x.sqlite");
        let connection = open::writing(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        Writer::start(path, connection).unwrap()
    }

    fn insert(writer: &Writer, number: i64) -> Result<(), LedgerError> {
        submit(writer, move |connection| {
            connection.execute("INSERT INTO t VALUES (?1)", values![number])?;
            Ok(())
        })?
        .wait()
    }

    fn count(writer: &Writer) -> i64 {
        let answer = submit(writer, |connection| {
            connection.one("SELECT count(*) FROM t", &[], |row| row.get(0))
        });
        answer.unwrap().wait().unwrap()
    }

    #[test]
    fn work_that_fails_or_panics_takes_back_its_own_writes_alone() {
        let dir = tempfile::tempdir().unwrap();
        let writer = writer(dir.path());
        insert(&writer, 1).unwrap();
        assert!(insert(&writer, 1).is_err());
        let panics = submit(&writer, |connection| -> Result<(), LedgerError> {
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
                submit(&writer, work).unwrap()
            })
            .collect();
        drop(writer);
        assert!(answers.into_iter().all(|answer| answer.wait().is_ok()));
    }
}
