//! The spool: which job goes to which printer next. Pure; the shell writes and sends.
//!
//! It holds the open jobs as the journal has them and what is known of each printer, and says one
//! thing to do at a time. Every step is written to the journal *before* it has an effect outside: a
//! job is `sending` on the disk before its first byte leaves, so that no interruption can make a
//! second slip look like the first.
//!
//! * Jobs of a printer go one at a time, in the order in which they were made.
//! * A printer that is stopped (paper, cover, gone) for a while gives its jobs to its fallback, the
//!   oldest first. The one it has in hand is taken back from it first; if it had some of it, it goes on
//!   as a copy.
//! * What waited too long, or is of a day that is over, is held for a human and never printed by
//!   itself, nor is what a stopped printer had in hand: that is taken back as well.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::civil::Date;
use kiosk_core::ids::BootId;
use kiosk_core::wall::WallTime;
use resilience::backoff::{Backoff, Jitter};

use super::job::{Job, Kind, PrintId, Since, State, Step, Why};

/// How the spool decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The printers.
    pub printers: Vec<PrinterRule>,
    /// What waited for so long is held.
    pub hold_after: Duration,
    /// A printer that is stopped for so long gives its jobs away.
    pub fallback_after: Duration,
    /// A job that was interrupted so often is held.
    pub most_attempts: u32,
    /// How long a printer rests after a failure.
    pub backoff: Backoff,
}

/// A printer as the spool sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrinterRule {
    /// What it is called.
    pub name: String,
    /// Who takes its jobs while it is stopped.
    pub fallback: Option<String>,
}

impl Settings {
    /// With these printers and what is usual: 10 minutes until a job is held, 5 s until a fallback
    /// takes over, 5 tries, and 1 to 30 s between them.
    #[must_use]
    pub fn new(printers: Vec<PrinterRule>) -> Self {
        Self {
            printers,
            hold_after: Duration::from_secs(600),
            fallback_after: Duration::from_secs(5),
            most_attempts: 5,
            backoff: Backoff {
                initial: Duration::from_secs(1),
                cap: Duration::from_secs(30),
                jitter: Jitter::None,
                ..Backoff::default()
            },
        }
    }
}

/// This moment, by both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Wall time.
    pub at: WallTime,
    /// Since this run began.
    pub mono: Duration,
}

/// How a try ended, as the printer's thread tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The printer has confirmed it.
    Printed,
    /// Not one byte of it was taken.
    Untouched,
    /// The printer went away, or did not confirm in time.
    Interrupted,
    /// It can't be put on paper.
    Unprintable,
}

/// Something to be done now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Do {
    /// Write this step of the job; tell by [`Spool::put`] or [`Spool::refused`].
    Write(PrintId, Step),
    /// The job stands as `sending` on the disk: give it to the printer.
    Send(String, Box<Job>),
    /// The printer is stopped: it is to give the job back, and to throw away what it has of it.
    TakeBack(String, Box<Job>),
}

/// The spool.
#[derive(Debug)]
pub struct Spool {
    settings: Settings,
    boot: BootId,
    /// The open jobs by their place.
    jobs: BTreeMap<u64, Job>,
    printers: BTreeMap<String, Printer>,
    /// Steps that must be written before anything else.
    owed: VecDeque<(PrintId, Step)>,
    /// Jobs that may be sent once: their beginning has just been written.
    cleared: VecDeque<(String, u64)>,
    day: Option<Date>,
    /// Nothing is written before this: the journal had trouble.
    rests_until: Duration,
}

#[derive(Debug, Default)]
struct Printer {
    fallback: Option<String>,
    /// Since when it prints, or does not.
    prints: bool,
    since: Duration,
    in_hand: Option<u64>,
    /// The job that it was told to give back, and when.
    asked_back: Option<(u64, Duration)>,
    failures: u32,
    rests_until: Duration,
}

/// After trouble with the journal, it is left alone for so long.
const REST: Duration = Duration::from_secs(1);
/// A printer that does not even give a job back within so long counts as having some of it.
const GIVE_BACK: Duration = Duration::from_secs(3);
/// Fallbacks of fallbacks that are followed.
const MOST_HOPS: usize = 8;
/// Clocks that were disciplined may make a job of the run before look so much younger than now.
const SLACK_MS: i64 = 5_000;

impl Spool {
    /// A spool of this run of the process, before anything is known of its printers.
    #[must_use]
    pub fn new(settings: Settings, boot: BootId) -> Self {
        let printers = settings.printers.iter().map(|rule| {
            let printer = Printer {
                fallback: rule.fallback.clone(),
                ..Printer::default()
            };
            (rule.name.clone(), printer)
        });
        Self {
            printers: printers.collect(),
            settings,
            boot,
            jobs: BTreeMap::new(),
            owed: VecDeque::new(),
            cleared: VecDeque::new(),
            day: None,
            rests_until: Duration::ZERO,
        }
    }

    /// The business day that runs, if one does.
    pub fn day(&mut self, day: Option<Date>) {
        self.day = day;
    }

    /// Takes the open jobs as the journal has them. What it does not have is open no more. A job that
    /// is `sending` and in nobody's hand was interrupted with the process.
    pub fn load(&mut self, open: Vec<Job>) {
        self.jobs = open.into_iter().map(|job| (job.no, job)).collect();
        let in_hand = |no: u64| {
            self.printers
                .values()
                .any(|printer| printer.in_hand == Some(no))
        };
        let waits = |id: PrintId| self.owed.iter().any(|(owed, _)| *owed == id);
        let lost: Vec<PrintId> = self
            .jobs
            .values()
            .filter(|job| job.state == State::Sending && !in_hand(job.no) && !waits(job.id))
            .filter(|job| !self.cleared.iter().any(|(_, no)| *no == job.no))
            .map(|job| job.id)
            .collect();
        let step = |id| (id, Step::Interrupted(Why::Interrupted));
        self.owed.extend(lost.into_iter().map(step));
    }

    /// Takes a job as it stands after a step was written.
    pub fn put(&mut self, job: Job) {
        self.owed.retain(|(id, _)| *id != job.id);
        if job.state == State::Sending
            && let Some(device) = job.sent_to.clone()
            && let Some(printer) = self.printers.get_mut(&device)
            && printer.in_hand.is_none()
        {
            printer.in_hand = Some(job.no);
            self.cleared.push_back((device, job.no));
        }
        if job.state.is_open() {
            self.jobs.insert(job.no, job);
        } else {
            self.jobs.remove(&job.no);
        }
    }

    /// The journal refused a step: the job is not as it seemed. It is read anew by the shell.
    pub fn refused(&mut self, id: PrintId) {
        self.owed.retain(|(owed, _)| *owed != id);
        self.jobs.retain(|_, job| job.id != id);
    }

    /// The journal had trouble; the same step is asked for again later.
    pub fn trouble(&mut self, now: Now) {
        self.rests_until = now.mono + REST;
    }

    /// A printer prints from now on, or does not.
    pub fn prints(&mut self, device: &str, prints: bool, now: Now) {
        if let Some(printer) = self.printers.get_mut(device)
            && (printer.prints != prints || printer.since == Duration::ZERO)
        {
            printer.prints = prints;
            printer.since = now.mono.max(Duration::from_nanos(1));
            if prints {
                printer.rests_until = Duration::ZERO;
            }
        }
    }

    /// A printer is done with a job, one way or another.
    pub fn ended(&mut self, device: &str, no: u64, outcome: Outcome, now: Now) {
        let Some(printer) = self.printers.get_mut(device) else {
            return;
        };
        if printer.in_hand != Some(no) {
            return;
        }
        printer.in_hand = None;
        printer.asked_back = None;
        if outcome == Outcome::Printed || outcome == Outcome::Unprintable {
            printer.failures = 0;
            printer.rests_until = Duration::ZERO;
        } else {
            printer.rests_until = now.mono + self.settings.backoff.ceiling(printer.failures);
            printer.failures = printer.failures.saturating_add(1);
        }
        let Some(job) = self.jobs.get(&no) else {
            return;
        };
        let elsewhere = job.state == State::Sending && job.sent_to.as_deref() != Some(device);
        let step = match outcome {
            // It was given up and is under way somewhere else, marked as the copy that it is.
            _ if elsewhere => return,
            Outcome::Printed => Step::Printed,
            _ if job.state != State::Sending => return,
            Outcome::Untouched => Step::Untouched,
            Outcome::Interrupted if job.attempts >= self.settings.most_attempts => {
                Step::Hold(Why::GivenUp)
            }
            Outcome::Interrupted => Step::Interrupted(Why::Interrupted),
            Outcome::Unprintable => Step::Unprintable,
        };
        self.owed.push_back((job.id, step));
    }

    /// What is to be done now, one thing at a time; none if there is nothing until something happens
    /// or [`Self::deadline`] comes.
    pub fn next(&mut self, now: Now) -> Option<Do> {
        while let Some((device, no)) = self.cleared.pop_front() {
            if let Some(job) = self.jobs.get(&no) {
                return Some(Do::Send(device, Box::new(job.clone())));
            }
        }
        if now.mono < self.rests_until {
            return None;
        }
        if let Some((id, step)) = self.owed.front() {
            return Some(Do::Write(*id, step.clone()));
        }
        if let Some(take_back) = self.take_back(now) {
            return Some(take_back);
        }
        self.jobs.values().find_map(|job| {
            let step = self.step_of(job, now)?;
            Some(Do::Write(job.id, step))
        })
    }

    /// When to look again although nothing happens.
    #[must_use]
    pub fn deadline(&self, now: Now) -> Option<Duration> {
        if self.jobs.is_empty() && self.owed.is_empty() {
            return None;
        }
        let after = self.settings.fallback_after;
        let stopped = self.printers.values().filter(|printer| !printer.prints);
        let gives = stopped.map(|printer| printer.since + after);
        let rests = self.printers.values().map(|printer| printer.rests_until);
        let ages = self.jobs.values().filter_map(|job| {
            let left = self.settings.hold_after.checked_sub(self.age(job, now)?)?;
            Some(now.mono + left)
        });
        let asked = self.printers.values().filter_map(|one| one.asked_back);
        let asked = asked.map(|(_, at)| at + GIVE_BACK);
        let all = gives.chain(rests).chain(ages).chain(asked);
        let all = all.chain([self.rests_until]);
        all.filter(|at| *at > now.mono).min()
    }

    /// Whether the run before was cut off while this printer had a job: it may wait for the rest of it.
    /// Unknown, and so taken for granted, while the journal can't be read.
    #[must_use]
    pub fn is_torn(&self, device: &str) -> bool {
        let left =
            |job: &Job| job.state == State::Sending && job.sent_to.as_deref() == Some(device);
        self.rests_until > Duration::ZERO || self.jobs.values().any(left)
    }

    /// How many jobs wait for each printer, those in hand included.
    #[must_use]
    pub fn waiting(&self, device: &str) -> usize {
        let jobs = self.jobs.values();
        jobs.filter(|job| job.device == device).count()
    }

    fn step_of(&self, job: &Job, now: Now) -> Option<Step> {
        if job.state == State::Sending {
            return self.gives_up(job, now);
        }
        if !self.printers.contains_key(&job.device) {
            return Some(Step::Hold(Why::NoPrinter));
        }
        if let Some(why) = self.is_over(job, now) {
            return Some(Step::Hold(why));
        }
        let device = self.target(&job.device, now)?;
        // A test page tells of its own printer.
        if job.kind == Kind::Test && device != job.device {
            return None;
        }
        // The one that is being given back goes first.
        if self.waits_for_one(&job.device, now) {
            return None;
        }
        let printer = self.printers.get(device)?;
        let free = printer.in_hand.is_none() && now.mono >= printer.rests_until;
        free.then(|| Step::Begin(device.to_owned()))
    }

    /// The next job that a stopped printer is to give back, asked once.
    fn take_back(&mut self, now: Now) -> Option<Do> {
        let sending = self.jobs.values().filter(|job| job.state == State::Sending);
        let job = sending
            .filter(|job| self.is_to_come_back(job, now))
            .find(|job| self.asked_back(job).is_none() && self.is_in_hand(job))?
            .clone();
        let device = job.sent_to.clone()?;
        let printer = self.printers.get_mut(&device)?;
        printer.asked_back = Some((job.no, now.mono));
        Some(Do::TakeBack(device, Box::new(job)))
    }

    /// Whether a printer is about to give a job back, with which its others keep their order.
    fn waits_for_one(&self, device: &str, now: Now) -> bool {
        let asked = self.printers.get(device).and_then(|one| one.asked_back);
        asked.is_some_and(|(_, at)| now.mono < at + GIVE_BACK)
    }

    fn is_in_hand(&self, job: &Job) -> bool {
        let printer = job.sent_to.as_ref().and_then(|one| self.printers.get(one));
        printer.is_some_and(|printer| printer.in_hand == Some(job.no))
    }

    /// Since when a job's printer is asked to give it back.
    fn asked_back(&self, job: &Job) -> Option<Duration> {
        let (no, at) = self.printers.get(job.sent_to.as_deref()?)?.asked_back?;
        (no == job.no).then_some(at)
    }

    /// Whether a job that a stopped printer has in hand is wanted elsewhere, or by nobody any more.
    fn is_to_come_back(&self, job: &Job, now: Now) -> bool {
        let Some(device) = job.sent_to.as_deref() else {
            return false;
        };
        // What is being printed is let be.
        if self.printers.get(device).is_some_and(|one| one.prints) {
            return false;
        }
        let elsewhere = || {
            let other = self.target(device, now);
            job.kind != Kind::Test
                && self.is_given_up(device, now)
                && other.is_some_and(|other| other != device)
        };
        self.is_over(job, now).is_some() || elsewhere()
    }

    /// Why a job is not wanted any more without a human's word.
    fn is_over(&self, job: &Job, now: Now) -> Option<Why> {
        // A job of a day that this spool has not heard of yet is not over.
        if job.business_date.is_some() && job.business_date < self.day {
            return Some(Why::DayOver);
        }
        let age = self.age(job, now);
        let old = age.is_none_or(|age| age >= self.settings.hold_after);
        old.then_some(Why::TooOld)
    }

    /// What becomes of a job that a stopped printer was to give back and did not.
    fn gives_up(&self, job: &Job, now: Now) -> Option<Step> {
        let asked = self.asked_back(job)?;
        let late = now.mono >= asked + GIVE_BACK && self.is_to_come_back(job, now);
        late.then_some(Step::Interrupted(Why::Interrupted))
    }

    fn is_given_up(&self, device: &str, now: Now) -> bool {
        self.printers.get(device).is_none_or(|printer| {
            !printer.prints && now.mono >= printer.since + self.settings.fallback_after
        })
    }

    /// The printer that a job for `device` goes to now; none if it waits.
    fn target<'a>(&'a self, device: &'a str, now: Now) -> Option<&'a str> {
        let mut device = device;
        for _ in 0..MOST_HOPS {
            let printer = self.printers.get(device)?;
            if printer.prints {
                return Some(device);
            }
            if !self.is_given_up(device, now) {
                return None;
            }
            device = printer.fallback.as_deref()?;
        }
        None
    }

    /// How long a job waits; none if nobody can tell, because it is of another run and the wall clock
    /// was set.
    fn age(&self, job: &Job, now: Now) -> Option<Duration> {
        if job.since.boot == self.boot {
            let since = Duration::from_millis(job.since.mono_ms);
            return Some(now.mono.saturating_sub(since));
        }
        let age = now.at.as_millis() - job.since.at.as_millis();
        match u64::try_from(age) {
            Ok(age) => Some(Duration::from_millis(age)),
            Err(_) if age >= -SLACK_MS => Some(Duration::ZERO),
            Err(_) => None,
        }
    }
}

/// This moment for a job that waits from now on.
#[must_use]
pub fn since(now: Now, boot: BootId) -> Since {
    Since {
        at: now.at,
        boot,
        mono_ms: u64::try_from(now.mono.as_millis()).unwrap_or(u64::MAX),
    }
}

#[cfg(test)]
mod tests;
