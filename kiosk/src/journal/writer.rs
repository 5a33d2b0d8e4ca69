//! The writer thread: the only writing connection, and group commit.
//!
//! It takes what waits (up to a bound), runs each request in a savepoint inside one
//! `BEGIN IMMEDIATE`, commits once and answers all. An error from the commit means *outcome
//! unknown*: the file is opened again, and the answer is what the file says.

use std::sync::Arc;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::Hash;
use kiosk_core::day::Day;
use kiosk_core::event::Fact;
use kiosk_core::order::Order;
use kiosk_core::stock::Level;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use super::group::{Group, Head};
use super::place::known;
use super::{
    ActRefusal, ActRequest, Change, Confirmed, DayClosed, DayRefusal, DayRequest, Health,
    JournalError, JournalSettings, Levels, Outbox, PlaceRefusal, PlaceRequest, Placed, StaffRole,
    Stamp, StockRequest, open, stock,
};

/// A request and where its answer goes.
pub(super) enum Job {
    Place(
        Box<PlaceRequest>,
        oneshot::Sender<Result<Placed, PlaceRefusal>>,
    ),
    Act(ActRequest, oneshot::Sender<Result<Arc<Order>, ActRefusal>>),
    Stock(StockRequest, oneshot::Sender<Result<Level, JournalError>>),
    Day(DayRequest, oneshot::Sender<Result<DayClosed, DayRefusal>>),
    Note(Stamp, Fact, oneshot::Sender<Result<(), JournalError>>),
    Confirm(
        Box<(Ack, Vec<u8>)>,
        oneshot::Sender<Result<Confirmed, JournalError>>,
    ),
    Prune(oneshot::Sender<Result<u64, JournalError>>),
    SetPin(
        Stamp,
        StaffRole,
        String,
        oneshot::Sender<Result<(), JournalError>>,
    ),
}

/// Where the writer tells what it did.
pub(super) struct Outlets {
    pub(super) outbox: watch::Sender<Outbox>,
    pub(super) levels: watch::Sender<Arc<Levels>>,
    pub(super) day: watch::Sender<Option<Day>>,
    pub(super) health: watch::Sender<Health>,
    pub(super) feed: mpsc::UnboundedSender<Change>,
}

/// An answer that waits for the commit.
type Answer = Box<dyn FnOnce(&Verdict<'_>) + Send>;

/// What became of the transaction.
enum Verdict<'a> {
    Committed,
    /// The file was opened again; it says what became of each order.
    Unsure(&'a Connection, JournalError),
    /// Nothing can be said; asking again with the same key is safe.
    Failed(JournalError),
}

pub(super) struct Writer {
    conn: Option<Connection>,
    settings: JournalSettings,
    head: Head,
    levels: Levels,
    outlets: Outlets,
}

/// Runs until the last handle is gone.
pub(super) fn run(mut writer: Writer, mut jobs: mpsc::Receiver<Job>) {
    while let Some(first) = jobs.blocking_recv() {
        let mut group = vec![first];
        while group.len() < writer.settings.group_limit
            && let Ok(job) = jobs.try_recv()
        {
            group.push(job);
        }
        writer.commit(group);
    }
    // A last checkpoint keeps the next start short. Trouble with it loses nothing.
    if let Some(conn) = &writer.conn {
        let _ = conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        settings: JournalSettings,
        head: Head,
        outlets: Outlets,
    ) -> Self {
        let levels = outlets.levels.borrow().as_ref().clone();
        Self {
            conn: Some(conn),
            settings,
            head,
            levels,
            outlets,
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        metrics::histogram!("kiosk_journal_group_size").record(group_size(jobs.len()));
        let started = crate::clock::monotonic();
        let free = (self.settings.free_bytes)();
        let full = free.filter(|free| *free < self.settings.reserve_bytes);
        let mut answers: Vec<Answer> = Vec::with_capacity(jobs.len());
        let outcome = self.transaction(jobs, full, &mut answers);
        metrics::histogram!("kiosk_journal_commit_seconds").record(
            crate::clock::monotonic()
                .saturating_sub(started)
                .as_secs_f64(),
        );
        let trouble = match outcome {
            Ok(()) => {
                answers
                    .into_iter()
                    .for_each(|answer| answer(&Verdict::Committed));
                full.map(|free| disk_full(free, self.settings.reserve_bytes).to_string())
            }
            Err(error) => {
                tracing::error!(%error, "the journal's outcome is unknown; opening it again");
                self.recover(error.clone(), answers);
                Some(error.to_string())
            }
        };
        self.outlets.health.send_if_modified(|health| {
            let now = Health {
                trouble,
                free_bytes: free,
            };
            let changed = health.trouble != now.trouble;
            *health = now;
            changed
        });
    }

    /// One transaction over all jobs. Their answers are put by until it is decided.
    fn transaction(
        &mut self,
        jobs: Vec<Job>,
        full: Option<u64>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), JournalError> {
        if self.conn.is_none() {
            let reopened = self.reopen();
            if let Err(error) = reopened {
                answers.extend(jobs.into_iter().map(|job| refuse(job, error.clone())));
                return Err(error);
            }
        }
        let Some(conn) = self.conn.as_ref() else {
            return Err(JournalError::Stopping);
        };
        let mut jobs = jobs.into_iter();
        if let Err(error) = conn.execute_batch("BEGIN IMMEDIATE") {
            let error = JournalError::from(error);
            answers.extend(jobs.map(|job| refuse(job, error.clone())));
            return Err(error);
        }
        // Read anew: `staff set-pin` of another process may have appended.
        let head = Head::load(conn)?;
        let mut group = Group {
            conn,
            boot: self.settings.boot,
            head: head.clone(),
            levels: std::mem::take(&mut self.levels),
            levels_changed: false,
            changes: Vec::new(),
        };
        let mut broken = None;
        for job in jobs.by_ref() {
            match run_job(&mut group, job, &self.settings, full) {
                Ok(answer) => answers.push(answer),
                Err((answer, error)) => {
                    answers.push(answer);
                    broken = Some(error);
                    break;
                }
            }
        }
        if let Some(error) = broken {
            answers.extend(jobs.map(|job| refuse(job, error.clone())));
            return Err(error);
        }
        group.head.store(conn, &head)?;
        conn.execute_batch("COMMIT")?;
        let Group {
            head,
            levels,
            levels_changed,
            changes,
            ..
        } = group;
        self.head = head;
        self.levels = levels;
        self.tell(levels_changed, changes);
        Ok(())
    }

    fn tell(&mut self, levels_changed: bool, changes: Vec<Change>) {
        let outbox = self.head.outbox();
        self.outlets.outbox.send_if_modified(|before| {
            let changed = *before != outbox;
            *before = outbox;
            changed
        });
        if levels_changed {
            self.outlets
                .levels
                .send_replace(Arc::new(self.levels.clone()));
        }
        self.outlets.day.send_if_modified(|day| {
            let changed = *day != self.head.day;
            *day = self.head.day;
            changed
        });
        for change in changes {
            // Nobody listens in `staff set-pin`.
            let _ = self.outlets.feed.send(change);
        }
    }

    /// After an error: close, open again, and answer by what the file says.
    fn recover(&mut self, error: JournalError, answers: Vec<Answer>) {
        match self.reopen() {
            Ok(()) => {
                if let Some(conn) = &self.conn {
                    let verdict = Verdict::Unsure(conn, error);
                    answers.into_iter().for_each(|answer| answer(&verdict));
                }
            }
            Err(reopening) => {
                tracing::error!(error = %reopening, "the journal can't be opened again yet");
                let verdict = Verdict::Failed(error);
                answers.into_iter().for_each(|answer| answer(&verdict));
            }
        }
    }

    fn reopen(&mut self) -> Result<(), JournalError> {
        self.conn = None;
        let conn = open::connect(&self.settings)?;
        // What a failed fsync left in the WAL may be in the page cache only, and stays there
        // unsynced: moving it into the database and committing once more on a fresh WAL makes it
        // certain before anybody is told of it.
        conn.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(JournalError::from)
        .and_then(|busy| {
            if busy == 0 {
                Ok(())
            } else {
                Err(JournalError::Storage(
                    "a reader holds the journal".to_owned(),
                ))
            }
        })?;
        conn.execute("UPDATE head SET boots = boots", [])?;
        self.head = Head::load(&conn)?;
        self.levels = stock::load(&conn, self.head.day)?;
        self.conn = Some(conn);
        self.tell(true, Vec::new());
        Ok(())
    }
}

/// Runs one request in a savepoint. `Err` means that the transaction itself is broken.
fn run_job(
    group: &mut Group<'_>,
    job: Job,
    settings: &JournalSettings,
    full: Option<u64>,
) -> Result<Answer, (Answer, JournalError)> {
    match job {
        Job::Place(request, reply) => {
            let (key, content) = (request.key, request.content);
            let result = match full {
                Some(free) => known(group.conn, key, content).and_then(|known| {
                    let reserve = settings.reserve_bytes;
                    known.ok_or_else(|| disk_full(free, reserve).into())
                }),
                None => in_savepoint(group, |group| group.place(*request)),
            };
            let broken = match &result {
                Err(PlaceRefusal::Journal(error @ JournalError::Storage(_))) => Some(error.clone()),
                _ => None,
            };
            finish(broken, place_answer(key, content, result, reply))
        }
        Job::Act(request, reply) => {
            let result = in_savepoint(group, |group| group.act(request));
            let broken = match &result {
                Err(ActRefusal::Journal(error)) => Some(error.clone()),
                _ => None,
            };
            finish(broken, plain_answer(result, reply))
        }
        Job::Stock(request, reply) => {
            simple(in_savepoint(group, |group| group.adjust(request)), reply)
        }
        Job::Day(request, reply) => {
            let result = in_savepoint(group, |group| group.change_day(request));
            let broken = match &result {
                Err(DayRefusal::Journal(error)) => Some(error.clone()),
                _ => None,
            };
            finish(broken, plain_answer(result, reply))
        }
        Job::Note(stamp, fact, reply) => simple(
            in_savepoint(group, |group| group.append(stamp, None, fact).map(drop)),
            reply,
        ),
        Job::Confirm(ack, reply) => simple(
            in_savepoint(group, |group| group.confirm(&ack.0, &ack.1)),
            reply,
        ),
        Job::Prune(reply) => simple(in_savepoint(group, |group| group.prune(settings)), reply),
        Job::SetPin(stamp, role, hash, reply) => simple(
            in_savepoint(group, |group| group.set_pin(stamp, role, &hash)),
            reply,
        ),
    }
}

fn simple<T: Send + 'static>(
    result: Result<T, JournalError>,
    reply: oneshot::Sender<Result<T, JournalError>>,
) -> Result<Answer, (Answer, JournalError)> {
    let broken = result.as_ref().err().cloned();
    finish(broken, plain_answer(result, reply))
}

fn finish(broken: Option<JournalError>, answer: Answer) -> Result<Answer, (Answer, JournalError)> {
    match broken {
        None => Ok(answer),
        Some(error) => Err((answer, error)),
    }
}

/// A refused request leaves no trace; its neighbours in the group stay.
fn in_savepoint<T, E: From<JournalError>>(
    group: &mut Group<'_>,
    request: impl FnOnce(&mut Group<'_>) -> Result<T, E>,
) -> Result<T, E> {
    let sql = |sql| {
        group
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
    };
    sql("SAVEPOINT request").map_err(|error| E::from(error.into()))?;
    let (head, changes) = (group.head.clone(), group.changes.len());
    let result = request(group);
    let end = if result.is_ok() {
        "RELEASE request"
    } else {
        "ROLLBACK TO request"
    };
    let sql = |sql| {
        group
            .conn
            .prepare_cached(sql)
            .and_then(|mut statement| statement.execute([]))
    };
    sql(end).map_err(|error| E::from(error.into()))?;
    if result.is_err() {
        sql("RELEASE request").map_err(|error| E::from(error.into()))?;
        group.head = head;
        group.changes.truncate(changes);
        group.levels =
            stock::load(group.conn, group.head.day).map_err(|error| E::from(error.into()))?;
    }
    result
}

fn place_answer(
    key: Uuid,
    content: Hash,
    result: Result<Placed, PlaceRefusal>,
    reply: oneshot::Sender<Result<Placed, PlaceRefusal>>,
) -> Answer {
    Box::new(move |verdict| {
        let result = match verdict {
            Verdict::Committed => result,
            Verdict::Unsure(conn, error) => match known(conn, key, content) {
                Ok(Some(placed)) => Ok(Placed {
                    repeated: false,
                    ..placed
                }),
                Ok(None) => Err(PlaceRefusal::Journal(error.clone())),
                Err(refusal) => Err(refusal),
            },
            Verdict::Failed(error) => Err(PlaceRefusal::Journal(error.clone())),
        };
        let _ = reply.send(result);
    })
}

fn plain_answer<T: Send + 'static, E: From<JournalError> + Send + 'static>(
    result: Result<T, E>,
    reply: oneshot::Sender<Result<T, E>>,
) -> Answer {
    Box::new(move |verdict| {
        let result = match verdict {
            Verdict::Committed => result,
            Verdict::Unsure(_, error) | Verdict::Failed(error) => Err(E::from(error.clone())),
        };
        // Whoever asked may have gone; what was done is done.
        let _ = reply.send(result);
    })
}

/// The answer for a request that was never begun.
fn refuse(job: Job, error: JournalError) -> Answer {
    match job {
        Job::Place(request, reply) => place_answer(
            request.key,
            request.content,
            Err(PlaceRefusal::Journal(error)),
            reply,
        ),
        Job::Act(_, reply) => plain_answer(Err(ActRefusal::Journal(error)), reply),
        Job::Stock(_, reply) => plain_answer(Err(error), reply),
        Job::Day(_, reply) => plain_answer(Err(DayRefusal::Journal(error)), reply),
        Job::Note(_, _, reply) | Job::SetPin(_, _, _, reply) => plain_answer(Err(error), reply),
        Job::Confirm(_, reply) => plain_answer(Err(error), reply),
        Job::Prune(reply) => plain_answer(Err(error), reply),
    }
}

fn disk_full(free: u64, reserve: u64) -> JournalError {
    JournalError::DiskFull { free, reserve }
}

fn group_size(jobs: usize) -> f64 {
    u32::try_from(jobs).map_or(f64::MAX, f64::from)
}
