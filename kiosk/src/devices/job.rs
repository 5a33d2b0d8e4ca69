//! A print job: what stands on it, how far it is, and the one table of its moves.
//!
//! ```text
//!            ┌────────────── untouched ──────────────┐
//!            ▼                                       │
//!         queued ──begin──► sending ──printed──► printed
//!            ▲                 │ interrupted: queued again, now a copy
//!            ├─────────────────┘ unprintable ──► failed
//!   release  │  hold ──► held ◄── hold
//!            └── held, failed        discard ──► cancelled
//! ```
//!
//! A job is *printed* when the printer has said so. Whatever ends otherwise after its first byte has
//! left may be on paper, in part or in whole: from then on it is a copy, and paper says so.

mod report;
mod word;

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use kiosk_core::ids::{BootId, OrderId};
use kiosk_core::wall::WallTime;
use serde::Serialize;
use uuid::Uuid;

pub use self::report::{NoReport, ReportOf};
pub use self::word::{Kind, State, Why};

/// The identity of a job. UUIDv7.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PrintId(pub Uuid);

impl fmt::Display for PrintId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for PrintId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Uuid::parse_str(text).map(Self)
    }
}

/// Since when a job waits, in wall time for people and in the monotonic time of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// Wall time.
    pub at: WallTime,
    /// The run of the process whose monotonic clock the next field is of.
    pub boot: BootId,
    /// Milliseconds since that run began.
    pub mono_ms: u64,
}

/// A job that is not in the journal yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What is printed.
    pub kind: Kind,
    /// For which station.
    pub station: Option<String>,
    /// In which language; none for the diner's.
    pub language: Option<String>,
    /// On which printer.
    pub device: String,
    /// Which lines of the order, counted from zero; empty for all.
    pub lines: Vec<u32>,
    /// Whether paper must say that it is a copy.
    pub copy: bool,
}

/// A job as the journal has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its place in the spool: jobs of a printer go in this order.
    pub no: u64,
    /// Its identity.
    pub id: PrintId,
    /// What is printed.
    pub kind: Kind,
    /// Of which order.
    pub order: Option<OrderId>,
    /// That order's number.
    pub number: Option<String>,
    /// The business day on which it was asked for.
    pub business_date: Option<Date>,
    /// For which station.
    pub station: Option<String>,
    /// In which language.
    pub language: String,
    /// On which printer; a fallback may take its place.
    pub device: String,
    /// Which lines of the order, counted from zero; empty for all.
    pub lines: Vec<u32>,
    /// How far it is.
    pub state: State,
    /// Why it is there.
    pub why: Option<Why>,
    /// What somebody said to that.
    pub note: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// Whether paper must say that it is a copy.
    pub copy: bool,
    /// The printer it was last sent to.
    pub sent_to: Option<String>,
    /// The printers that have some of it on paper, or may have.
    pub reached: Vec<String>,
    /// When it was made.
    pub created_at: WallTime,
    /// Since when it waits.
    pub since: Since,
    /// When it last changed.
    pub changed_at: WallTime,
}

/// Something that happens to a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Its bytes are about to leave for this printer.
    Begin(String),
    /// The printer has confirmed it.
    Printed,
    /// None of it reached the printer.
    Untouched,
    /// Some or all of it may be on paper.
    Interrupted(Why),
    /// It can't be put on paper.
    Unprintable,
    /// A human must decide.
    Hold(Why),
    /// Somebody wants it printed, perhaps on another printer.
    Release(Option<String>),
    /// Nobody wants it.
    Discard(Why, Option<String>),
}

/// A step that the job's state forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("illegal for a print job that is {}", .0.as_str())]
pub struct Illegal(pub State);

impl Job {
    /// The job after a step at `now`.
    ///
    /// # Errors
    /// [`Illegal`] if its state forbids the step.
    pub fn after(mut self, step: Step, now: Since) -> Result<Self, Illegal> {
        let (state, why) = next(self.state, self.attempts, &step).ok_or(Illegal(self.state))?;
        match step {
            Step::Begin(device) => {
                self.attempts = self.attempts.saturating_add(1);
                self.sent_to = Some(device);
            }
            Step::Interrupted(_) => {
                self.copy = true;
                self.has_reached();
            }
            Step::Hold(_) if self.state == State::Sending => {
                self.copy = true;
                self.has_reached();
            }
            Step::Printed => self.has_reached(),
            // As if it had not been begun.
            Step::Untouched => self.attempts = self.attempts.saturating_sub(1),
            Step::Release(device) => {
                self.device = device.unwrap_or(self.device);
                self.since = now;
            }
            Step::Discard(_, note) => self.note = note,
            Step::Unprintable | Step::Hold(_) => {}
        }
        self.state = state;
        self.why = why;
        self.changed_at = now.at;
        Ok(self)
    }

    /// The printer that it is with has some of it on paper, or may have.
    fn has_reached(&mut self) {
        if let Some(device) = &self.sent_to
            && !self.reached.contains(device)
        {
            self.reached.push(device.clone());
        }
    }

    /// The printers that have some of it on paper or may have, the one that it is with included.
    #[must_use]
    pub fn places(&self) -> Vec<&str> {
        let with = self.sent_to.as_deref();
        let with = with.filter(|_| matches!(self.state, State::Sending | State::Printed));
        let mut places: Vec<&str> = self.reached.iter().map(String::as_str).collect();
        places.extend(with.filter(|device| !self.reached.iter().any(|one| one == device)));
        if places.is_empty() {
            // Of software that did not keep them.
            places.push(self.sent_to.as_deref().unwrap_or(&self.device));
        }
        places
    }

    /// Whether some of it may be on paper although it counts as not printed.
    #[must_use]
    pub fn may_be_on_paper(&self) -> bool {
        matches!(self.state, State::Sending | State::Printed) || (self.copy && self.attempts > 0)
    }
}

/// The one table of moves: the state after a step, and why it is in it.
///
/// A printer that was given up may confirm later; if the job was not begun anew, that still counts.
fn next(state: State, attempts: u32, step: &Step) -> Option<(State, Option<Why>)> {
    use State::{Cancelled, Failed, Held, Printed, Queued, Sending};
    match (step, state) {
        (Step::Begin(_), Queued) => Some((Sending, None)),
        (Step::Begin(_), Sending | Printed | Held | Failed | Cancelled) => None,

        (Step::Printed, Sending) => Some((Printed, None)),
        (Step::Printed, Queued | Held) => (attempts > 0).then_some((Printed, None)),
        (Step::Printed, Printed | Failed | Cancelled) => None,

        (Step::Untouched, Sending) => Some((Queued, Some(Why::NotTaken))),
        (Step::Untouched, Queued | Printed | Held | Failed | Cancelled) => None,

        (Step::Interrupted(why), Sending) => Some((Queued, Some(*why))),
        (Step::Interrupted(_), Queued | Printed | Held | Failed | Cancelled) => None,

        (Step::Unprintable, Queued | Sending) => Some((Failed, Some(Why::Unprintable))),
        (Step::Unprintable, Printed | Held | Failed | Cancelled) => None,

        (Step::Hold(why), Queued | Sending) => Some((Held, Some(*why))),
        (Step::Hold(_), Printed | Held | Failed | Cancelled) => None,

        (Step::Release(_), Queued | Held | Failed) => Some((Queued, Some(Why::Released))),
        (Step::Release(_), Sending | Printed | Cancelled) => None,

        (Step::Discard(why, _), Queued | Held | Failed) => Some((Cancelled, Some(*why))),
        (Step::Discard(..), Sending | Printed | Cancelled) => None,
    }
}

/// What the journal does to the tickets of an order that was voided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnVoid {
    /// No station has it: it is thrown away.
    Cancel,
    /// A station may have it: it is told.
    Tell,
    /// It is thrown away, and the station that may have it is told.
    CancelAndTell,
}

impl OnVoid {
    /// What to do about this job; none if it is no ticket or done with.
    #[must_use]
    pub fn of(job: &Job) -> Option<Self> {
        if job.kind != Kind::Ticket {
            return None;
        }
        match job.state {
            State::Queued | State::Held | State::Failed if job.may_be_on_paper() => {
                Some(Self::CancelAndTell)
            }
            State::Queued | State::Held | State::Failed => Some(Self::Cancel),
            State::Sending | State::Printed => Some(Self::Tell),
            State::Cancelled => None,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn boot(run: u128) -> BootId {
        BootId(Uuid::from_u128(run))
    }

    pub(crate) fn since(run: u128, mono_ms: u64) -> Since {
        Since {
            at: WallTime::from_millis(1_795_194_000_000 + i64::try_from(mono_ms).unwrap()),
            boot: boot(run),
            mono_ms,
        }
    }

    /// A ticket that waits for the kitchen's printer.
    pub(crate) fn ticket(no: u64) -> Job {
        let since = since(1, 0);
        Job {
            no,
            id: PrintId(Uuid::from_u128(u128::from(no))),
            kind: Kind::Ticket,
            order: Some(OrderId(Uuid::from_u128(u128::from(no)))),
            number: Some(format!("A{no:03}")),
            business_date: Some(jiff::civil::date(2026, 11, 20)),
            station: Some("noodle".to_owned()),
            language: "zh-Hans".to_owned(),
            device: "kitchen".to_owned(),
            lines: vec![0],
            state: State::Queued,
            why: None,
            note: None,
            attempts: 0,
            copy: false,
            sent_to: None,
            reached: Vec::new(),
            created_at: since.at,
            since,
            changed_at: since.at,
        }
    }

    pub(crate) fn steps() -> Vec<Step> {
        vec![
            Step::Begin("kitchen".to_owned()),
            Step::Printed,
            Step::Untouched,
            Step::Interrupted(Why::Interrupted),
            Step::Unprintable,
            Step::Hold(Why::TooOld),
            Step::Release(None),
            Step::Discard(Why::Discarded, Some("not wanted".to_owned())),
        ]
    }

    #[test]
    fn only_a_confirmation_makes_a_job_printed() {
        for state in State::ALL {
            for step in steps().into_iter().filter(|step| *step != Step::Printed) {
                if let Some((after, _)) = next(*state, 1, &step) {
                    assert_ne!(after, State::Printed, "{state:?} {step:?}");
                }
            }
        }
        assert_eq!(
            next(State::Sending, 1, &Step::Printed).unwrap().0,
            State::Printed
        );
        assert_eq!(next(State::Queued, 0, &Step::Printed), None, "never begun");
    }

    #[test]
    fn what_is_printed_or_cancelled_is_never_touched_again() {
        for step in steps() {
            assert_eq!(next(State::Printed, 1, &step), None, "{step:?}");
            assert_eq!(next(State::Cancelled, 1, &step), None, "{step:?}");
        }
    }

    #[test]
    fn only_queued_jobs_are_begun() {
        for state in State::ALL {
            let begun = next(*state, 0, &Step::Begin("kitchen".to_owned()));
            assert_eq!(begun.is_some(), *state == State::Queued, "{state:?}");
        }
    }

    #[test]
    fn what_may_have_reached_paper_is_a_copy_from_then_on() {
        let sending = ticket(1)
            .after(Step::Begin("kitchen".to_owned()), since(1, 5))
            .unwrap();
        assert_eq!((sending.attempts, sending.copy), (1, false));
        let untouched = sending.clone().after(Step::Untouched, since(1, 6)).unwrap();
        assert_eq!((untouched.state, untouched.copy), (State::Queued, false));
        assert_eq!(untouched.attempts, 0, "a try that was none is not counted");
        let unknown = Step::Interrupted(Why::Interrupted);
        let unknown = sending.clone().after(unknown, since(1, 6)).unwrap();
        assert_eq!((unknown.state, unknown.copy), (State::Queued, true));
        let again = unknown
            .after(Step::Begin("kitchen".to_owned()), since(1, 7))
            .unwrap();
        let again = again.after(Step::Untouched, since(1, 8)).unwrap();
        assert!(again.copy, "a copy stays one");
        let held = sending
            .after(Step::Hold(Why::DayOver), since(1, 6))
            .unwrap();
        assert_eq!((held.state, held.copy), (State::Held, true));
    }

    #[test]
    fn a_job_knows_every_printer_that_may_have_it() {
        let step = |job: Job, step| job.after(step, since(1, 1)).unwrap();
        let begin = |device: &str| Step::Begin(device.to_owned());
        let lost = || Step::Interrupted(Why::Interrupted);
        let job = step(ticket(1), begin("kitchen"));
        assert_eq!(job.places(), ["kitchen"], "it is with it");
        let job = step(step(job, lost()), begin("attic"));
        let job = step(step(job, Step::Untouched), begin("bar"));
        assert_eq!(job.places(), ["kitchen", "bar"], "the attic took none");
        let job = step(step(step(job, lost()), begin("kitchen")), Step::Printed);
        assert_eq!(job.places(), ["kitchen", "bar"]);
    }

    #[test]
    fn a_confirmation_that_comes_late_still_counts_unless_the_job_is_under_way_again() {
        let given_up = ticket(1)
            .after(Step::Begin("kitchen".to_owned()), since(1, 0))
            .and_then(|job| job.after(Step::Interrupted(Why::Interrupted), since(1, 1)))
            .unwrap();
        let late = given_up.after(Step::Printed, since(1, 2)).unwrap();
        assert_eq!(late.state, State::Printed);
    }

    #[test]
    fn a_released_job_waits_anew_and_where_it_is_sent() {
        let held = ticket(1)
            .after(Step::Hold(Why::TooOld), since(1, 9_000))
            .unwrap();
        assert_eq!(held.since, since(1, 0));
        let released = held
            .after(Step::Release(Some("bar".to_owned())), since(2, 7))
            .unwrap();
        assert_eq!(
            (released.device.as_str(), released.since),
            ("bar", since(2, 7))
        );
    }

    #[test]
    fn a_void_tells_exactly_the_stations_that_may_have_the_ticket() {
        let on = |state, copy| {
            let job = Job {
                state,
                copy,
                attempts: 1,
                ..ticket(1)
            };
            OnVoid::of(&job)
        };
        for state in [State::Queued, State::Held, State::Failed] {
            assert_eq!(on(state, false), Some(OnVoid::Cancel));
            assert_eq!(on(state, true), Some(OnVoid::CancelAndTell));
        }
        for state in [State::Sending, State::Printed] {
            assert_eq!(on(state, false), Some(OnVoid::Tell));
        }
        assert_eq!(on(State::Cancelled, false), None);
        let receipt = Job {
            kind: Kind::Receipt,
            ..ticket(1)
        };
        assert_eq!(OnVoid::of(&receipt), None);
    }

    #[test]
    fn every_name_is_read_back() {
        for state in State::ALL {
            assert_eq!(State::from_name(state.as_str()), Some(*state));
        }
        for kind in Kind::ALL {
            assert_eq!(Kind::from_name(kind.as_str()), Some(*kind));
        }
        for why in Why::ALL {
            assert_eq!(Why::from_name(why.as_str()), Some(*why));
        }
        assert_eq!(State::from_name("lost"), None);
    }
}
