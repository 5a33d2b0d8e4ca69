//! The part of a breaker that one caller at a time may change.

use std::sync::Arc;
use std::time::Duration;

use super::event::{EventKind, Log};
use super::probes::{Probe, Probes};
use super::settings::{Settings, Thresholds};
use super::snapshot::{Outage, Totals};
use super::window::{LastCalls, TimeWindow};
use super::{Causes, Counts, Outcome, Report, State};
use crate::moment::Moment;
use crate::ramp::Ramp;

use self::dry_run::WouldBe;

mod booking;
mod calm;
mod control;
mod dry_run;
mod reading;
mod verdict;

/// What a permit remembers of its making.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pass {
    pub(super) generation: u64,
    pub(super) taken_at: Moment,
    pub(super) lane: usize,
    pub(super) probe: Option<Probe>,
}

/// What a caller reports about its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdicted {
    pub(super) outcome: Outcome,
    /// Whether the breaker compares the time taken with the limit.
    pub(super) timed: bool,
    /// How long the called side asked us to stay away.
    pub(super) pause: Option<Duration>,
}

/// What the locked side answers to somebody who wants a permit.
#[derive(Clone, Copy, Debug)]
pub(super) enum Answer {
    Pass(Pass),
    Wait,
    ProbesBusy,
    Ramping,
}

#[derive(Debug)]
pub(super) struct Core {
    pub(super) settings: Settings,
    pub(super) state: State,
    pub(super) generation: u64,
    pub(super) causes: Causes,
    /// When an open breaker admits its next probe.
    pub(super) due: Moment,
    /// Where the wait until then began: with the state, or when somebody asked for another wait.
    pub(super) waits_from: Moment,
    /// Something that callers look at without the lock has changed.
    pub(super) dirty: bool,
    /// Successes are being tallied aside.
    pub(super) aside: bool,
    /// How many outcomes in a row were plain successes in the same bucket.
    pub(super) quiet: u32,
    /// The last tag of the lanes.
    tag: u64,
    pub(super) since: Moment,
    pub(super) outage: Option<Outage>,
    note: Option<Arc<str>>,
    /// The wait asked for at this trip, in place of the one in the settings.
    asked: Option<Duration>,
    attempt: u32,
    /// Rounds of probes that failed since it was last closed.
    failed_rounds: u32,
    consecutive: u64,
    /// Calls since the state began.
    era: Counts,
    time: Option<TimeWindow>,
    last_calls: Option<LastCalls>,
    probes: Probes,
    /// Traffic is coming back gradually.
    pub(super) ramp: Option<Ramp>,
    /// Calls were refused since they last passed freely.
    kept_out: bool,
    /// A dry run: what would be open now, and how often that began.
    pub(super) would_be: Option<WouldBe>,
    pub(super) would_have_opened: u64,
    opened_by: Option<Counts>,
    /// Permits that came back.
    pub(super) ended: u64,
    /// The refusals before this state began.
    pub(super) rejected_before: u64,
    pub(super) totals: Totals,
    pub(super) log: Log,
}

impl Core {
    pub(super) fn new(settings: Settings, now: Moment) -> Self {
        let mut core = Self {
            state: settings.initial,
            generation: 1,
            causes: Causes::INITIAL,
            due: now,
            waits_from: now,
            dirty: false,
            aside: false,
            quiet: 0,
            tag: 0,
            since: now,
            outage: None,
            note: None,
            asked: None,
            attempt: 0,
            failed_rounds: 0,
            consecutive: 0,
            era: Counts::default(),
            time: settings.time.map(|rule| TimeWindow::new(rule.window, now)),
            last_calls: settings.last_calls.map(LastCalls::new),
            probes: Probes::new(&settings.half_open),
            ramp: None,
            kept_out: false,
            would_be: None,
            would_have_opened: 0,
            opened_by: None,
            ended: 0,
            rejected_before: 0,
            totals: Totals::default(),
            log: Log::new(),
            settings,
        };
        core.set_due();
        core.note_outage();
        core
    }

    pub(super) fn admit(&mut self, now: Moment, start: impl FnOnce() -> usize) -> Answer {
        if self.state == State::Open {
            if now < self.due {
                return Answer::Wait;
            }
            self.enter(State::HalfOpen, now, Causes::WAIT_OVER, None);
        }
        let state = self.state;
        let probe = match state {
            State::HalfOpen => match self.admit_probe(now) {
                Some(probe) => Some(probe),
                None => return Answer::ProbesBusy,
            },
            State::ForcedOpen => return Answer::Wait,
            State::Closed if !self.ramp_admits(now) => return Answer::Ramping,
            _ => None,
        };
        let (generation, lane) = (self.generation, start());
        Answer::Pass(Pass {
            generation,
            taken_at: now,
            lane,
            probe,
        })
    }

    fn ramp_admits(&mut self, now: Moment) -> bool {
        match &mut self.ramp {
            Some(ramp) if !ramp.is_over(now) => ramp.admit(now),
            over => {
                self.dirty |= over.is_some();
                *over = None;
                true
            }
        }
    }

    pub(super) fn settle(&mut self, pass: &Pass, now: Moment, said: Verdicted) -> Report {
        self.ended += 1;
        let stale = pass.generation != self.generation
            || pass.probe.is_some_and(|probe| !self.probes.holds(probe));
        if stale {
            self.totals.stale += 1;
            return Report::Stale;
        }
        let outcome = if said.timed {
            self.timed(pass, now, said.outcome)
        } else {
            said.outcome
        };
        match self.state {
            State::Closed | State::MetricsOnly => self.book(pass, now, outcome, said.pause),
            State::HalfOpen => self.book_probe(pass, now, outcome, said.pause),
            State::Disabled => Report::Unrecorded,
            State::Open | State::ForcedOpen => Report::Stale,
        }
    }

    /// The outcome, a slow one if the call took longer than it may.
    pub(super) fn timed(&self, pass: &Pass, now: Moment, outcome: Outcome) -> Outcome {
        let limit = self.settings.slow_after;
        if limit.is_some_and(|limit| now.since(pass.taken_at) > limit) {
            outcome.slowed()
        } else {
            outcome
        }
    }

    /// Which of the trip rules are met.
    fn exceeded(&self) -> Causes {
        let mut causes = Causes::NONE.or_if(
            self.settings
                .consecutive_failures
                .is_some_and(|n| self.consecutive >= u64::from(n)),
            Causes::CONSECUTIVE_FAILURES,
        );
        if let (Some(rule), Some(window)) = (&self.settings.time, &self.time) {
            let [ratio, slow, count] = reached(&rule.thresholds, u64::MAX, window.total());
            causes = causes
                .or_if(ratio, Causes::FAILURE_RATIO)
                .or_if(slow, Causes::SLOW_RATIO)
                .or_if(count, Causes::FAILURE_COUNT);
        }
        if let (Some(rule), Some(window)) = (&self.settings.last_calls, &self.last_calls) {
            let [ratio, slow, count] = reached(&rule.thresholds, rule.calls.into(), window.total());
            causes = causes
                .or_if(ratio, Causes::LAST_CALLS_FAILURE_RATIO)
                .or_if(slow, Causes::LAST_CALLS_SLOW_RATIO)
                .or_if(count, Causes::LAST_CALLS_FAILURE_COUNT);
        }
        causes
    }

    /// The counts that a reader sees first.
    fn judged(&self, state: State) -> Counts {
        match (state, &self.time, &self.last_calls) {
            (State::HalfOpen, _, _) | (_, None, None) => self.era,
            (_, Some(window), _) => window.total(),
            (_, None, Some(window)) => window.total(),
        }
    }

    /// Opens, or opens again after failed probes.
    fn open(&mut self, now: Moment, causes: Causes, pause: Option<Duration>) {
        let failed = u32::from(causes.contains(Causes::PROBES_FAILED));
        // Waits grow with rounds that failed, and not with those that were only asked to wait.
        self.attempt = match self.state {
            State::HalfOpen => self.attempt.saturating_add(failed),
            _ => 0,
        };
        self.failed_rounds = self.failed_rounds.saturating_add(failed);
        self.asked = pause;
        self.opened_by = Some(self.judged(self.state));
        self.enter(State::Open, now, causes, None);
    }

    /// The one place where the state changes.
    fn enter(&mut self, to: State, now: Moment, causes: Causes, note: Option<Arc<str>>) {
        let from = std::mem::replace(&mut self.state, to);
        let (counts, consecutive_failures) = (self.judged(from), self.consecutive);
        self.causes = causes;
        self.note.clone_from(&note);
        self.since = now;
        self.note_outage();
        if to != State::Open {
            self.asked = None;
        }
        if !matches!(to, State::Open | State::HalfOpen) {
            self.failed_rounds = 0;
            self.attempt = 0;
        }
        // Only recovery brings a crowd back: a person who closes it wants it closed, and one that
        // began open and never failed has nothing to recover from.
        self.kept_out |= from == State::ForcedOpen || matches!(to, State::Open | State::ForcedOpen);
        let recovered = causes.contains(Causes::PROBES_SUCCEEDED) && self.kept_out;
        self.kept_out &= !to.passes();
        self.ramp = self
            .settings
            .ramp
            .filter(|_| recovered)
            .map(|slope| Ramp::begin(slope, now));
        self.begin_generation(now);
        self.set_due();
        let wait = (to == State::Open).then(|| self.due.since(now));
        let kind = EventKind::Moved {
            from,
            to,
            causes,
            counts,
            consecutive_failures,
            wait,
        };
        self.log.push(now, kind, note);
    }

    /// What opened the breaker first stands until it closes, unless that says nothing about the called
    /// side: then it is what its probes found.
    fn note_outage(&mut self) {
        let begun = self.outage.map_or(self.since, |outage| outage.since);
        let told = self.outage.map(|outage| outage.causes);
        let known = told.filter(|causes| !Causes::UNFOUNDED.contains(*causes));
        let outage = Outage {
            causes: known.unwrap_or(self.causes),
            since: begun,
        };
        self.outage = match self.state {
            State::Open => Some(outage),
            State::HalfOpen => self.outage,
            _ => None,
        };
    }

    fn begin_generation(&mut self, now: Moment) {
        self.generation += 1;
        self.consecutive = 0;
        self.quiet = 0;
        self.era = Counts::default();
        self.would_be = None;
        self.probes.clear();
        if let Some(window) = &mut self.time {
            window.clear(now);
        }
        if let Some(window) = &mut self.last_calls {
            window.clear();
        }
        self.dirty = true;
    }

    /// Only an open breaker has a new wait: a caller that still sees the word of the state before
    /// must not find one that belongs to no state.
    fn set_due(&mut self) {
        if self.state != State::Open {
            return;
        }
        let wait = match self.asked {
            Some(asked) => asked,
            None => self
                .settings
                .open
                .wait(self.attempt, self.settings.seed ^ self.generation),
        };
        self.waits_from = self.since;
        self.due = self.since.plus(wait);
        self.dirty = true;
    }
}

/// Whether the failure ratio, the slow ratio and the failure count are reached. A minimum above
/// what the window can hold would never be met, so it is clamped to that.
fn reached(thresholds: &Thresholds, capacity: u64, counts: Counts) -> [bool; 3] {
    if counts.calls < u64::from(thresholds.minimum_calls).min(capacity) {
        return [false; 3];
    }
    [
        thresholds
            .failure_ratio
            .is_some_and(|r| r.reached_by(counts.failures, counts.calls)),
        thresholds
            .slow_ratio
            .is_some_and(|r| r.reached_by(counts.slow, counts.calls)),
        thresholds
            .failures
            .is_some_and(|n| counts.failures >= u64::from(n)),
    ]
}
