//! Print jobs: written with the event they belong to, changed by the one table of their moves.

mod row;

use kiosk_core::ids::{BootId, OrderId};
use kiosk_core::order::{Order, Status};
use rusqlite::OptionalExtension;

use self::row::{COLUMNS, job_from, to_columns};
use super::group::{Group, from_sql, to_sql};
use super::read::Reader;
use super::{JournalError, Stamp};
use crate::devices::job::{
    Draft, Illegal, Job, Kind, OnVoid, PrintId, ReportOf, Since, State, Step, Why,
};
use crate::devices::routing::{copy_of, voids_of};

/// Jobs of each kind of end that are kept for people to look at and print again.
const KEPT: i64 = 20_000;
/// Jobs that the print room takes in hand at once; the rest wait in the file.
const IN_HAND: u32 = 1_000;

/// A wish for the spool.
#[derive(Debug, Clone)]
pub struct PrintRequest {
    /// When.
    pub now: Since,
    /// What.
    pub wish: PrintWish,
}

/// What is wished of the spool.
#[derive(Debug, Clone)]
pub enum PrintWish {
    /// A step of a job.
    Step(PrintId, Step),
    /// The same once more as a copy, perhaps on another printer.
    Copy(PrintId, Option<String>),
    /// A test page on a printer, in a language.
    Test(String, String),
    /// A report on a printer, in a language.
    Report(ReportOf, String, String),
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PrintRefusal {
    /// There is no such job.
    #[error("there is no such print job")]
    NotFound,
    /// Its state forbids it.
    #[error(transparent)]
    Illegal(#[from] Illegal),
    /// The disk is full or fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for PrintRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// Which print jobs are listed.
#[derive(Debug, Clone, Default)]
pub struct PrintFilter {
    /// In these states; empty for all.
    pub states: Vec<State>,
    /// Older than the job at this place.
    pub before: Option<u64>,
    /// At most so many.
    pub limit: u32,
}

/// Whose job is made.
struct Of<'a> {
    order: Option<OrderId>,
    number: Option<&'a str>,
    date: Option<jiff::civil::Date>,
    language: &'a str,
}

impl Stamp {
    /// The same moment, for what waits from then on.
    pub(super) fn since(&self, boot: BootId) -> Since {
        Since {
            at: self.at,
            boot,
            mono_ms: self.mono_ms,
        }
    }
}

impl Group<'_> {
    /// Spools what an order that is being placed brings to paper.
    pub(super) fn spool_placed(&mut self, order: &Order, now: Since) -> Result<(), JournalError> {
        if self.settings.routing.is_empty() {
            return Ok(());
        }
        let settings = self.settings;
        self.spool_all(settings.routing.placed(order), order, now)
    }

    /// Spools what an order brings to paper once its payment is settled, one way or another.
    pub(super) fn spool_settled(&mut self, order: &Order, now: Since) -> Result<(), JournalError> {
        let settings = self.settings;
        self.spool_all(settings.routing.receipt(), order, now)
    }

    fn spool_all(
        &mut self,
        drafts: impl IntoIterator<Item = Draft>,
        order: &Order,
        now: Since,
    ) -> Result<(), JournalError> {
        let of = Of {
            order: Some(order.id),
            number: Some(&order.number),
            date: Some(order.business_date),
            language: &order.language,
        };
        for draft in drafts {
            self.spool(draft, &of, now)?;
        }
        Ok(())
    }

    /// Throws the tickets of a voided order away; stations that may have one are told.
    pub(super) fn spool_voided(&mut self, order: &Order, now: Since) -> Result<(), JournalError> {
        let sql = format!("SELECT {COLUMNS} FROM print_jobs WHERE order_id = ?1 ORDER BY no");
        let jobs = {
            let mut query = self.conn.prepare_cached(&sql)?;
            let rows = query.query_map([order.id.0.as_bytes()], job_from)?;
            rows.collect::<rusqlite::Result<Vec<Job>>>()?
        };
        let mut told: Vec<(Option<String>, String)> = Vec::new();
        for job in jobs {
            let Some(on) = OnVoid::of(&job) else { continue };
            for void in voids_of(&job) {
                let station = (void.station.clone(), void.device.clone());
                if on == OnVoid::Cancel || told.contains(&station) {
                    continue;
                }
                let of = Of {
                    order: job.order,
                    number: job.number.as_deref(),
                    date: self.today(),
                    language: &job.language,
                };
                self.spool(void, &of, now)?;
                told.push(station);
            }
            if on != OnVoid::Tell {
                let discard = Step::Discard(Why::Voided, order.reason.clone());
                if let Ok(cancelled) = job.after(discard, now) {
                    self.store_job(&cancelled)?;
                }
            }
        }
        Ok(())
    }

    pub(super) fn print(&mut self, request: PrintRequest) -> Result<Job, PrintRefusal> {
        let now = request.now;
        match request.wish {
            PrintWish::Step(id, step) => {
                let released = matches!(step, Step::Release(_));
                let mut job = self.job(id)?.after(step, now)?;
                if released {
                    job.business_date = self.today();
                }
                // It was under way when its order was voided, and would be printed after that.
                if self.is_of_voided(&job)? {
                    job = job.after(Step::Discard(Why::Voided, None), now)?;
                }
                self.store_job(&job)?;
                Ok(job)
            }
            PrintWish::Copy(id, device) => {
                let job = self.job(id)?;
                let of = Of {
                    order: job.order,
                    number: job.number.as_deref(),
                    date: self.today(),
                    language: &job.language,
                };
                Ok(self.spool(copy_of(&job, device), &of, now)?)
            }
            PrintWish::Test(device, language) => {
                Ok(self.spool_page(Kind::Test, None, device, &language, now)?)
            }
            PrintWish::Report(of, device, language) => {
                let of = Some(of.to_string());
                Ok(self.spool_page(Kind::Report, of, device, &language, now)?)
            }
        }
    }

    /// Whether it is a ticket that still waits although its order is voided.
    fn is_of_voided(&self, job: &Job) -> Result<bool, JournalError> {
        let waits = matches!(job.state, State::Queued | State::Held);
        let (Some(order), Kind::Ticket, true) = (job.order, job.kind, waits) else {
            return Ok(false);
        };
        let status: Option<String> = self
            .conn
            .prepare_cached("SELECT status FROM orders WHERE id = ?1")?
            .query_row([order.0.as_bytes()], |row| row.get(0))
            .optional()?;
        Ok(status.as_deref() == Some(Status::Voided.as_str()))
    }

    /// Spools a page that is about no order.
    fn spool_page(
        &mut self,
        kind: Kind,
        station: Option<String>,
        device: String,
        language: &str,
        now: Since,
    ) -> Result<Job, JournalError> {
        let draft = Draft {
            kind,
            station,
            language: None,
            device,
            lines: Vec::new(),
            copy: false,
        };
        let of = Of {
            order: None,
            number: None,
            date: None,
            language,
        };
        self.spool(draft, &of, now)
    }

    fn today(&self) -> Option<jiff::civil::Date> {
        self.head.day.map(|day| day.date)
    }

    fn job(&self, id: PrintId) -> Result<Job, PrintRefusal> {
        let sql = format!("SELECT {COLUMNS} FROM print_jobs WHERE id = ?1");
        let mut query = self.conn.prepare_cached(&sql)?;
        let job = query.query_row([id.0.as_bytes()], job_from).optional()?;
        job.ok_or(PrintRefusal::NotFound)
    }

    fn spool(&mut self, draft: Draft, of: &Of<'_>, now: Since) -> Result<Job, JournalError> {
        let id = PrintId(crate::clock::uuid7(now.at));
        let (kind, station) = to_columns(draft.kind, draft.station.as_deref());
        let language = draft.language.unwrap_or_else(|| of.language.to_owned());
        let lines = serde_json::to_string(&draft.lines)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached(
                "INSERT INTO print_jobs (id, kind, order_id, number, business_date, station,
                     language, device, lines, state, copy, created_at, since_at, boot, mono_ms,
                     changed_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'queued', ?10, ?11, ?11, ?12, ?13, ?11)",
            )?
            .execute((
                id.0.as_bytes(),
                kind.as_str(),
                of.order.map(|order| order.0.as_bytes().to_vec()),
                of.number,
                of.date.map(|date| date.to_string()),
                &station,
                &language,
                &draft.device,
                &lines,
                draft.copy,
                now.at.as_millis(),
                now.boot.0.as_bytes(),
                to_sql(now.mono_ms),
            ))?;
        self.prints_changed = true;
        Ok(Job {
            no: from_sql(self.conn.last_insert_rowid()),
            id,
            kind: draft.kind,
            order: of.order,
            number: of.number.map(str::to_owned),
            business_date: of.date,
            station: draft.station,
            language,
            device: draft.device,
            lines: draft.lines,
            state: State::Queued,
            why: None,
            note: None,
            attempts: 0,
            copy: draft.copy,
            sent_to: None,
            reached: Vec::new(),
            created_at: now.at,
            since: now,
            changed_at: now.at,
        })
    }

    fn store_job(&mut self, job: &Job) -> Result<(), JournalError> {
        let reached = serde_json::to_string(&job.reached)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached(
                "UPDATE print_jobs SET device = ?2, state = ?3, why = ?4, note = ?5, attempts = ?6,
                     copy = ?7, sent_to = ?8, since_at = ?9, boot = ?10, mono_ms = ?11,
                     changed_at = ?12, business_date = ?13, reached = ?14
                 WHERE no = ?1",
            )?
            .execute((
                to_sql(job.no),
                &job.device,
                job.state.as_str(),
                job.why.map(Why::as_str),
                &job.note,
                job.attempts,
                job.copy,
                &job.sent_to,
                job.since.at.as_millis(),
                job.since.boot.0.as_bytes(),
                to_sql(job.since.mono_ms),
                job.changed_at.as_millis(),
                job.business_date.map(|date| date.to_string()),
                &reached,
            ))?;
        self.prints_changed = true;
        Ok(())
    }

    /// Forgets jobs that are done with, beyond so many.
    pub(super) fn prune_prints(&self) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(
                "DELETE FROM print_jobs WHERE no <= (SELECT max(no) FROM print_jobs) - ?1
                     AND state IN ('printed', 'cancelled')",
            )?
            .execute([KEPT])?;
        Ok(())
    }
}

impl Reader {
    /// The jobs that the print room has to do with, oldest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn open_prints(&self) -> Result<Vec<Job>, JournalError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM print_jobs WHERE state IN ('queued', 'sending')
             ORDER BY no LIMIT {IN_HAND}"
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let rows = query.query_map([], job_from)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Print jobs, newest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn prints(&self, filter: &PrintFilter) -> Result<Vec<Job>, JournalError> {
        let states: Vec<String> = filter
            .states
            .iter()
            .map(|state| format!("'{}'", state.as_str()))
            .collect();
        let which = match states.is_empty() {
            true => String::new(),
            false => format!("AND state IN ({})", states.join(", ")),
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM print_jobs WHERE no < ?1 {which} ORDER BY no DESC LIMIT ?2"
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let before = filter.before.map_or(i64::MAX, to_sql);
        let rows = query.query_map((before, filter.limit), job_from)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The job of that identity.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn print(&self, id: PrintId) -> Result<Option<Job>, JournalError> {
        let sql = format!("SELECT {COLUMNS} FROM print_jobs WHERE id = ?1");
        let mut query = self.conn.prepare_cached(&sql)?;
        Ok(query.query_row([id.0.as_bytes()], job_from).optional()?)
    }

    /// How many jobs wait for a human.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn stuck_prints(&self) -> Result<u64, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT count(*) FROM print_jobs WHERE state IN ('held', 'failed')")?;
        Ok(query.query_row([], |row| row.get(0).map(from_sql))?)
    }
}
