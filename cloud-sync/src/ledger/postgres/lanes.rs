//! Lanes: threads that commit to PostgreSQL, each over its own connection and each in groups.
//!
//! All work on one store runs in one lane, in the order in which it came, and holds the store's row
//! from its beginning: an order, a sum or a stream is one store's, so that what a decision was made
//! from can't change before it is committed, neither by this process nor by another replica. A group
//! holds its stores in the order of their numbers, so that no two wait for each other.
//!
//! What headquarters or an operator writes is rare and may touch anything: it runs alone in the whole
//! database, as every transaction of the embedded ledger does.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use deadpool_postgres::{Client, Pool};
use tokio::runtime::Handle;

use super::session::Session;
use crate::clock;
use crate::ledger::queue::{Piece, Queue};
use crate::ledger::{LedgerError, Reach};

/// Lanes for stores; one more takes what is of none.
pub(in crate::ledger) const LANES: usize = 4;
/// Work of either kind that may wait in a lane. Beyond it callers are told to come again.
const QUEUE: usize = 256;

const ALONE: &str = "SELECT pg_advisory_xact_lock(7108352)";
const TOGETHER: &str = "SELECT pg_advisory_xact_lock_shared(7108352)";
const STORES: &str =
    "SELECT 1 FROM stores WHERE id = ANY ($1::bigint[]) ORDER BY id FOR NO KEY UPDATE";

pub(super) struct Lanes {
    lanes: Vec<Queue>,
    threads: Vec<JoinHandle<()>>,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Lanes {
    pub(super) fn start(pool: &Pool, handle: &Handle) -> Result<Self, LedgerError> {
        let mut started = Self {
            lanes: Vec::new(),
            threads: Vec::new(),
            trouble: Arc::default(),
        };
        for number in 0..=LANES {
            let queue = Queue::new(QUEUE);
            let driver = Driver {
                pool: pool.clone(),
                handle: handle.clone(),
                trouble: Arc::clone(&started.trouble),
            };
            let work = queue.clone();
            let thread = std::thread::Builder::new()
                .name(format!("ledger-{number}"))
                .spawn(move || driver.run(&work))
                .map_err(|error| LedgerError::Unusable(format!("can't start a thread: {error}")))?;
            started.lanes.push(queue);
            started.threads.push(thread);
        }
        Ok(started)
    }

    pub(super) fn submit(&self, piece: Piece) -> Result<(), LedgerError> {
        let number = match piece.reach {
            Reach::Store(id) => usize::try_from(id).unwrap_or(0) % LANES,
            Reach::All | Reach::Apart => LANES,
        };
        let lane = self.lanes.get(number).ok_or(LedgerError::Closed)?;
        lane.push(piece)
    }

    #[cfg(test)]
    pub(super) fn queues(&self) -> &[Queue] {
        &self.lanes
    }

    /// How full the fullest lane is.
    pub(super) fn load(&self) -> usize {
        self.lanes.iter().map(Queue::load).max().unwrap_or(0)
    }

    /// Why the latest group could not be committed, if it could not.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock();
        trouble.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Finishes what was submitted.
    pub(super) fn stop(&mut self) {
        for lane in self.lanes.drain(..) {
            lane.close();
        }
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// What runs a lane.
struct Driver {
    pool: Pool,
    handle: Handle,
    trouble: Arc<Mutex<Option<String>>>,
}

impl Driver {
    fn run(&self, work: &Queue) {
        while let Some(group) = work.group() {
            let mut group = group;
            let started = clock::instant();
            let outcome = self.commit(work, &mut group);
            match &outcome {
                Ok(()) => {
                    metrics::histogram!("cloud_ingest_commit_seconds").record(started.elapsed());
                }
                Err(error) => {
                    tracing::error!(%error, works = group.len(), "the ledger could not commit");
                }
            }
            self.note(outcome.as_ref().err());
            for piece in group {
                piece.work.tell(outcome.clone());
            }
        }
    }

    fn note(&self, trouble: Option<&LedgerError>) {
        let trouble = trouble.filter(|error| !matches!(error, LedgerError::Contended(_)));
        let mut noted = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *noted = trouble.map(ToString::to_string);
    }

    /// Runs a group and commits it. After an error nothing of it is stored, or, where the answer to
    /// the commit was lost, nobody knows.
    fn commit(&self, queue: &Queue, group: &mut Vec<Piece>) -> Result<(), LedgerError> {
        let client = self.handle.block_on(self.pool.get())?;
        let session = Session::new(&client, &self.handle);
        let ended = commit(&session, queue, group);
        if session.is_broken() {
            drop(session);
            drop(Client::take(client));
        }
        ended
    }
}

fn commit(session: &Session<'_>, queue: &Queue, group: &mut Vec<Piece>) -> Result<(), LedgerError> {
    let reaches: Vec<Reach> = group.iter().map(|piece| piece.reach).collect();
    let ran = hold(session, &reaches).and_then(|()| run_all(session, queue, group));
    if let Err(error) = ran {
        if !session.is_broken() {
            session.send("ROLLBACK");
            let _ = session.settle();
        }
        return Err(error);
    }
    session.send("COMMIT");
    session.settle().map_err(|error| match error {
        // The server has said that it did not.
        LedgerError::Full | LedgerError::Contended(_) | LedgerError::Storage(_) => error,
        other => LedgerError::Unknown(other.to_string()),
    })
}

/// Begins, and keeps everybody else away from what the group will touch.
fn hold(session: &Session<'_>, reaches: &[Reach]) -> Result<(), LedgerError> {
    session.send("BEGIN");
    if reaches.contains(&Reach::All) {
        session.send(ALONE);
        return Ok(());
    }
    let store = |reach: &Reach| match reach {
        Reach::Store(id) => Some(*id),
        Reach::All | Reach::Apart => None,
    };
    let stores: Vec<i64> = reaches.iter().filter_map(store).collect();
    if !stores.is_empty() {
        session.send(TOGETHER);
        session.send_with(STORES, vec![stores])?;
    }
    Ok(())
}

/// Runs each piece of work in a savepoint: one that fails takes back its own writes alone.
fn run_all(
    session: &Session<'_>,
    queue: &Queue,
    group: &mut Vec<Piece>,
) -> Result<(), LedgerError> {
    let mut done = 0;
    while let Some(piece) = group.get_mut(done) {
        session.send("SAVEPOINT work");
        let keep = piece.work.run(session);
        // The first of its failures says more than what the server said to all that came after.
        let settled = session.settle();
        if session.is_broken() {
            let lost = "the connection was lost".to_owned();
            return Err(settled.err().unwrap_or(LedgerError::Away(lost)));
        }
        let kept = match settled {
            Ok(()) => keep,
            Err(error) => {
                piece.work.fail(error);
                false
            }
        };
        if !kept {
            session.send("ROLLBACK TO SAVEPOINT work");
        }
        session.send("RELEASE SAVEPOINT work");
        done += 1;
        if queue.cuts_short(piece.due) {
            queue.take_back(group.split_off(done));
        }
    }
    // Whether the last savepoint could be released is told before the commit counts.
    Ok(())
}
