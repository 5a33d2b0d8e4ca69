//! The writer thread: the only writing connection, and group commit.
//!
//! It takes what waits (up to a bound), runs all of it inside one `BEGIN IMMEDIATE`, commits once
//! and answers all. What it knows of the file it keeps in memory for as long as nobody else writes.
//!
//! # After an error
//!
//! An error from a commit means *outcome unknown*: the frames of that transaction may stand whole
//! in the write-ahead log, unsynced, and after a crash SQLite's recovery would take them for
//! committed. As long as one connection stays open there is no recovery, and all connections see
//! the state before. So the writer keeps its connection, moves the log into the database, commits a
//! mark that begins the log anew, and only then answers by what the file says: by then it is
//! certain that the failed transaction is gone and that everything shown is on the disk, also what
//! the failed sync may have forgotten of earlier commits (a log padded to whole sectors is synced
//! only up to its last commit). Until that is done, every request is told to try again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use kiosk_core::day::Day;
use kiosk_core::ids::JournalId;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, watch};

use super::group::{Group, Head, run_sql};
use super::jobs::{Answer, Job, Verdict, refuse, run as run_job};
use super::{Change, Health, JournalError, JournalSettings, Levels, Outbox, open, stock};

/// At so many times the pages that the log should have, readers are waited for.
const LOG_LIMIT: u64 = 4;
/// How long they are waited for; they are asked again with the next checkpoint.
const READERS_MS: u64 = 100;

/// Where the writer tells what it did.
pub(super) struct Outlets {
    pub(super) outbox: watch::Sender<Outbox>,
    pub(super) levels: watch::Sender<Arc<Levels>>,
    pub(super) day: watch::Sender<Option<Day>>,
    pub(super) health: watch::Sender<Health>,
    /// Counts the commits that touched print jobs.
    pub(super) prints: watch::Sender<u64>,
    pub(super) feed: mpsc::UnboundedSender<Change>,
}

pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) journal: JournalId,
    pub(super) settings: JournalSettings,
    pub(super) outlets: Outlets,
    /// What the file held after the latest transaction; none when it has to be read anew.
    memory: Option<Memory>,
    /// Whether a commit failed since the last mark.
    in_doubt: bool,
    /// Pages in the log, about.
    log: u64,
}

struct Memory {
    /// SQLite's `data_version`: another process's commit changes it.
    version: i64,
    head: Head,
    levels: Levels,
}

/// Why a transaction was not committed.
enum Failed {
    /// Nothing was written: another process has the file.
    Busy(JournalError),
    /// Whatever was written may or may not be there after a crash.
    Unknown(JournalError),
}

impl<E: Into<JournalError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Unknown(error.into())
    }
}

/// Runs until it is told to stop or the last handle is gone.
pub(super) fn run(mut writer: Writer, mut jobs: mpsc::Receiver<Job>) {
    let mut stop = None;
    while stop.is_none()
        && let Some(first) = jobs.blocking_recv()
    {
        let mut group = Vec::with_capacity(writer.settings.group_limit);
        let mut next = Some(first);
        while let Some(job) = next.take() {
            if let Job::Stop(reply) = job {
                stop = Some(reply);
                break;
            }
            group.push(job);
            if group.len() < writer.settings.group_limit {
                next = jobs.try_recv().ok();
            }
        }
        if group.is_empty() {
            continue;
        }
        // A request that panics must not close the store: its transaction is undone.
        if catch_unwind(AssertUnwindSafe(|| writer.commit(group))).is_err() {
            tracing::error!("a request made the journal's writer panic; it was undone");
            writer.memory = None;
            writer.in_doubt = true;
        }
    }
    drop(jobs);
    writer.last_checkpoint();
    drop(writer);
    if let Some(reply) = stop {
        let _ = reply.send(());
    }
}

impl Writer {
    pub(super) fn new(
        conn: Connection,
        journal: JournalId,
        settings: JournalSettings,
        outlets: Outlets,
    ) -> Self {
        Self {
            conn,
            journal,
            settings,
            outlets,
            memory: None,
            in_doubt: false,
            log: 0,
        }
    }

    fn commit(&mut self, jobs: Vec<Job>) {
        metrics::histogram!("kiosk_journal_group_size").record(group_size(jobs.len()));
        let started = crate::clock::monotonic();
        let free = (self.settings.free_bytes)();
        let full = free.filter(|free| *free < self.settings.reserve_bytes);
        let mut jobs = jobs.into_iter();
        let mut answers = Vec::with_capacity(jobs.len());
        let outcome = self.transaction(&mut jobs, full, &mut answers);
        metrics::histogram!("kiosk_journal_commit_seconds").record(
            crate::clock::monotonic()
                .saturating_sub(started)
                .as_secs_f64(),
        );
        match outcome {
            Ok(()) => {
                self.tell_health(full.map(|free| self.disk_full(free).to_string()), free);
                answer_all(answers, &Verdict::Committed);
            }
            Err(failed) => {
                let (Failed::Busy(error) | Failed::Unknown(error)) = &failed;
                answers.extend(jobs.map(|job| refuse(job, error.clone())));
                self.tell_health(Some(error.to_string()), free);
                self.answer_after(failed, answers);
            }
        }
        // After the answers: nobody waits for it.
        if self.log >= self.settings.log_pages {
            self.checkpoint();
        }
    }

    /// One transaction over all jobs. Their answers are put by until it is decided; on an error
    /// the jobs that were not begun stay with the caller.
    fn transaction(
        &mut self,
        jobs: &mut std::vec::IntoIter<Job>,
        full: Option<u64>,
        answers: &mut Vec<Answer>,
    ) -> Result<(), Failed> {
        if self.in_doubt {
            self.mend()?;
        }
        let conn = &self.conn;
        run_sql(conn, "BEGIN IMMEDIATE").map_err(not_begun)?;
        let (
            Memory {
                version,
                head,
                levels,
            },
            anew,
        ) = remember(conn, self.memory.take())?;
        let before = head.clone();
        let mut group = Group {
            conn,
            journal: self.journal,
            settings: &self.settings,
            head,
            levels,
            levels_changed: anew,
            changes: Vec::new(),
            prints_changed: false,
        };
        for job in jobs.by_ref() {
            let (answer, ends) = run_job(&mut group, job, full);
            answers.push(answer);
            if let Some(error) = ends {
                return Err(error.into());
            }
        }
        group.head.store(conn, &before)?;
        run_sql(conn, "COMMIT")?;
        let Group {
            head,
            levels,
            levels_changed,
            changes,
            prints_changed,
            ..
        } = group;
        // About six pages a transaction and two an order; the checkpoint tells how many truly.
        self.log += 6 + 2 * (head.next_seq - before.next_seq);
        self.tell(&head, levels_changed.then_some(&levels), changes);
        if prints_changed {
            self.outlets.prints.send_modify(|count| *count += 1);
        }
        self.memory = Some(Memory {
            version,
            head,
            levels,
        });
        Ok(())
    }

    fn tell(&self, head: &Head, levels: Option<&Levels>, changes: Vec<Change>) {
        let outbox = head.outbox();
        self.outlets.outbox.send_if_modified(|before| {
            let changed = *before != outbox;
            *before = outbox;
            changed
        });
        if let Some(levels) = levels {
            self.outlets.levels.send_replace(Arc::new(levels.clone()));
        }
        self.outlets.day.send_if_modified(|day| {
            let changed = *day != head.day;
            *day = head.day;
            changed
        });
        for change in changes {
            // Nobody listens in `staff set-pin`.
            let _ = self.outlets.feed.send(change);
        }
    }

    fn tell_health(&self, trouble: Option<String>, free_bytes: Option<u64>) {
        self.outlets.health.send_if_modified(|health| {
            let changed = health.trouble != trouble;
            // The text counts free bytes, so only coming and going are told.
            match (&health.trouble, &trouble) {
                (None, Some(trouble)) => {
                    tracing::error!(%trouble, "no new orders can be taken; make room on the disk or mend it");
                }
                (Some(_), None) => tracing::info!("orders can be taken again"),
                _ => {}
            }
            *health = Health {
                trouble,
                free_bytes,
            };
            changed
        });
    }

    /// Answers by what the file says, once that is certain.
    fn answer_after(&mut self, failed: Failed, answers: Vec<Answer>) {
        let (error, is_certain) = match failed {
            Failed::Busy(error) => (error, true),
            Failed::Unknown(error) => {
                tracing::error!(%error, "the journal could not commit");
                self.memory = None;
                self.in_doubt = true;
                let mended = self.mend();
                if let Err(error) = &mended {
                    tracing::error!(%error, "nor can it be mended yet; the next request tries again");
                }
                (error, mended.is_ok())
            }
        };
        if is_certain {
            answer_all(answers, &Verdict::Undone(&self.conn, error));
        } else {
            answer_all(answers, &Verdict::Unknown(error));
        }
    }

    /// Makes certain what the file holds; see the module.
    fn mend(&mut self) -> Result<(), JournalError> {
        if settle(&self.conn).is_err() {
            // The handle itself may have gone bad. The old connection is let go of only when the
            // new one has done the work.
            let conn = open::reconnect(&self.settings, self.journal)?;
            settle(&conn)?;
            self.conn = conn;
        }
        self.in_doubt = false;
        tracing::info!("the journal is mended");
        Ok(())
    }

    /// Moves the log into the database, so that it begins anew and stays small.
    fn checkpoint(&mut self) {
        let moved = open::checkpoint(&self.conn, "PASSIVE").and_then(|(log, done)| {
            if log < self.settings.log_pages.saturating_mul(LOG_LIMIT) || log == done {
                return Ok((log, done));
            }
            // Somebody reads the whole time. New readers are no hindrance to this, old ones end.
            open::wait_for(&self.conn, READERS_MS)?;
            let moved = open::checkpoint(&self.conn, "RESTART");
            open::wait_for(&self.conn, open::BUSY_MS)?;
            moved
        });
        match moved {
            Ok((log, done)) => self.log = log.saturating_sub(done),
            Err(error) => {
                // Nothing is lost by it; the log grows until it works.
                tracing::warn!(%error, "the journal's log can't be moved into its database");
                self.log = 0;
            }
        }
    }

    /// Keeps the next start short. Trouble with it loses nothing, and nobody is waited for.
    fn last_checkpoint(&mut self) {
        if self.in_doubt && self.mend().is_err() {
            return;
        }
        let _ = open::wait_for(&self.conn, 0);
        let _ = open::checkpoint(&self.conn, "TRUNCATE");
    }

    fn disk_full(&self, free: u64) -> JournalError {
        JournalError::DiskFull {
            free,
            reserve: self.settings.reserve_bytes,
        }
    }
}

fn not_begun(error: rusqlite::Error) -> Failed {
    if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
        let text = "another process is writing to it";
        return Failed::Busy(JournalError::Storage(text.to_owned()));
    }
    Failed::Unknown(error.into())
}

fn answer_all(answers: Vec<Answer>, verdict: &Verdict<'_>) {
    answers.into_iter().for_each(|answer| answer(verdict));
}

/// What the file holds, and whether it was read anew: another process may have written.
fn remember(conn: &Connection, memory: Option<Memory>) -> rusqlite::Result<(Memory, bool)> {
    let version = conn
        .prepare_cached("PRAGMA data_version")?
        .query_row([], |row| row.get(0))?;
    if let Some(memory) = memory
        && memory.version == version
    {
        return Ok((memory, false));
    }
    let head = Head::load(conn)?;
    let levels = stock::load(conn, head.day)?;
    let memory = Memory {
        version,
        head,
        levels,
    };
    Ok((memory, true))
}

/// Makes certain what the file holds. A reader who stands in the way of moving the log is not
/// waited for long: where the log is not padded, the mark is enough.
fn settle(conn: &Connection) -> rusqlite::Result<()> {
    if !conn.is_autocommit() {
        run_sql(conn, "ROLLBACK")?;
    }
    open::wait_for(conn, READERS_MS)?;
    let moved = open::checkpoint(conn, "TRUNCATE");
    open::wait_for(conn, open::BUSY_MS)?;
    moved?;
    run_sql(conn, "BEGIN IMMEDIATE")?;
    // A value that changes each time: SQLite does not write a page whose bytes stay the same.
    let marked = run_sql(
        conn,
        "INSERT INTO settings (name, value) VALUES ('mended', '1')
         ON CONFLICT (name) DO UPDATE SET value = value + 1",
    )
    .and_then(|()| run_sql(conn, "COMMIT"));
    if marked.is_err() && !conn.is_autocommit() {
        run_sql(conn, "ROLLBACK")?;
    }
    marked
}

fn group_size(jobs: usize) -> f64 {
    u32::try_from(jobs).map_or(f64::MAX, f64::from)
}
