//! A breaker written the slow way: it keeps every call and recounts at each question.

use std::time::Duration;

use resilience::Moment;
use resilience::breaker::{
    Counts, Outcome, RejectReason, Report, Settings, State, Thresholds, Totals, Verdict, Window,
};
use resilience::ramp::Ramp;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Call {
    failed: bool,
    slow: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    generation: u64,
    pub(crate) taken_at: Moment,
    probe: Option<u64>,
}

#[derive(Debug)]
pub(crate) struct Reference {
    pub(crate) settings: Settings,
    pub(crate) state: State,
    pub(crate) generation: u64,
    pub(crate) since: Moment,
    pub(crate) due: Moment,
    asked: Option<Duration>,
    waits_from: Moment,
    pub(crate) attempt: u32,
    pub(crate) consecutive: u64,
    /// Calls with the number of their bucket.
    recent: Vec<(u128, Call)>,
    anchor: Moment,
    head: u128,
    strays: u8,
    /// All calls since the state began.
    era: Vec<Call>,
    /// Those that the count window may still hold.
    last: Vec<Call>,
    in_flight: Vec<(u64, Moment)>,
    succeeded: u32,
    failed: u32,
    next_probe: u64,
    pub(crate) totals: Totals,
    pub(crate) rejected: u64,
    pub(crate) out: u64,
    pub(crate) moves: u64,
    ramp: Option<Ramp>,
    kept_out: bool,
}

impl Reference {
    pub(crate) fn new(settings: Settings, now: Moment) -> Self {
        let mut fresh = Self {
            settings,
            state: settings.initial,
            generation: 1,
            since: now,
            due: now,
            asked: None,
            waits_from: now,
            attempt: 0,
            consecutive: 0,
            recent: Vec::new(),
            anchor: now,
            head: 0,
            strays: 0,
            era: Vec::new(),
            last: Vec::new(),
            in_flight: Vec::new(),
            succeeded: 0,
            failed: 0,
            next_probe: 0,
            totals: Totals::default(),
            rejected: 0,
            out: 0,
            moves: 0,
            ramp: None,
            kept_out: false,
        };
        fresh.set_due();
        fresh
    }

    fn set_due(&mut self) {
        if self.state != State::Open {
            return;
        }
        let open = self.settings.open;
        let mut wait = open.initial;
        for _ in 0..self.attempt.min(64) {
            wait = wait
                .saturating_mul(if open.growth > 1.0 { 2 } else { 1 })
                .min(open.max);
        }
        self.waits_from = self.since;
        self.due = self.since.plus(self.asked.unwrap_or(wait));
    }

    fn go(&mut self, to: State, now: Moment) {
        let refuses = |state| matches!(state, State::Open | State::ForcedOpen);
        let passes = !refuses(to) && to != State::HalfOpen;
        self.kept_out =
            !passes && (self.kept_out || self.state == State::ForcedOpen || refuses(to));
        self.state = to;
        self.since = now;
        self.moves += 1;
        self.ramp = None;
        if to != State::Open {
            self.asked = None;
        }
        if to != State::Open && to != State::HalfOpen {
            self.attempt = 0;
        }
        self.forget(now);
        self.set_due();
    }

    fn forget(&mut self, now: Moment) {
        self.generation += 1;
        self.rejected = 0;
        self.consecutive = 0;
        self.recent.clear();
        self.anchor = now;
        self.head = 0;
        self.strays = 0;
        self.era.clear();
        self.last.clear();
        self.in_flight.clear();
        self.succeeded = 0;
        self.failed = 0;
    }

    fn open(&mut self, now: Moment, asked: Option<Duration>, round_failed: bool) {
        self.attempt = if self.state == State::HalfOpen {
            self.attempt + u32::from(round_failed)
        } else {
            0
        };
        self.asked = asked;
        self.go(State::Open, now);
    }

    pub(crate) fn acquire(
        &mut self,
        now: Moment,
    ) -> Result<Pass, (RejectReason, Option<Duration>)> {
        if self.state == State::Open && now >= self.due {
            self.go(State::HalfOpen, now);
        }
        let mut probe = None;
        let state = self.state;
        let refused = match state {
            State::Open => Some((
                RejectReason::Open,
                Some(self.due.since(now.max(self.waits_from))),
            )),
            State::ForcedOpen => Some((RejectReason::ForcedOpen, None)),
            State::Closed if !self.ramp_admits(now) => Some((RejectReason::Ramping, None)),
            State::HalfOpen => {
                self.make_room(now);
                if self.has_room() {
                    self.next_probe += 1;
                    self.in_flight.push((self.next_probe, now));
                    probe = Some(self.next_probe);
                    None
                } else {
                    Some((RejectReason::ProbesBusy, Some(Duration::ZERO)))
                }
            }
            _ => None,
        };
        if let Some(refused) = refused {
            self.rejected += 1;
            self.totals.rejected += 1;
            return Err(refused);
        }
        self.out += 1;
        Ok(Pass {
            generation: self.generation,
            taken_at: now,
            probe,
        })
    }

    fn ramp_admits(&mut self, now: Moment) -> bool {
        let over = self.ramp.is_none_or(|ramp| ramp.is_over(now));
        if over {
            self.ramp = None;
        }
        self.ramp.as_mut().is_none_or(|ramp| ramp.admit(now))
    }

    fn make_room(&mut self, now: Moment) {
        if !self.has_room() {
            let deadline = self.settings.half_open.deadline;
            self.in_flight
                .retain(|(_, began)| now.since(*began) < deadline);
        }
    }

    fn has_room(&self) -> bool {
        let taken = self.in_flight.len() as u64 + u64::from(self.succeeded + self.failed);
        taken < u64::from(self.settings.half_open.permits)
    }

    pub(crate) fn settle(
        &mut self,
        pass: Pass,
        now: Moment,
        mut outcome: Outcome,
        timed: bool,
        pause: Option<Duration>,
    ) -> Report {
        self.out -= 1;
        let replaced = pass
            .probe
            .is_some_and(|id| self.in_flight.iter().all(|(held, _)| *held != id));
        if pass.generation != self.generation || replaced {
            self.totals.stale += 1;
            return Report::Stale;
        }
        if self.state == State::Disabled {
            return Report::Unrecorded;
        }
        if timed
            && self
                .settings
                .slow_after
                .is_some_and(|limit| now.since(pass.taken_at) > limit)
        {
            outcome = outcome.slowed();
        }
        let mut in_span = true;
        if pass.probe.is_none() {
            if !outcome.is_neutral() {
                self.follow(now);
            }
            self.evict(now);
            in_span = !self.began_in_an_earlier_span(pass);
            let elsewhere =
                self.settings.consecutive_failures.is_some() || self.settings.last_calls.is_some();
            if !in_span && !elsewhere && pause.is_none() && !outcome.is_neutral() {
                self.totals.stale += 1;
                return Report::Stale;
            }
        }
        self.in_flight.retain(|(id, _)| Some(*id) != pass.probe);
        let (total, call) = match outcome {
            Outcome::Ok => (&mut self.totals.ok, Some((false, false))),
            Outcome::Fail => (&mut self.totals.fail, Some((true, false))),
            Outcome::Slow => (&mut self.totals.slow, Some((false, true))),
            Outcome::SlowFail => (&mut self.totals.slow_fail, Some((true, true))),
            Outcome::Ignored => (&mut self.totals.ignored, None),
            Outcome::Cancelled => (&mut self.totals.cancelled, None),
        };
        *total += 1;
        let Some((failed, slow)) = call else {
            if pause.is_some() && matches!(self.state, State::Closed | State::HalfOpen) {
                self.open(now, pause, false);
            }
            return Report::Neutral;
        };
        self.book(now, Call { failed, slow }, pause, in_span);
        Report::Counted
    }

    fn began_in_an_earlier_span(&self, pass: Pass) -> bool {
        self.settings
            .time
            .is_some_and(|rule| matches!(rule.window, Window::Fixed { .. }))
            && self.number(pass.taken_at) < self.head
    }

    fn book(&mut self, now: Moment, call: Call, pause: Option<Duration>, in_span: bool) {
        self.consecutive = if call.failed { self.consecutive + 1 } else { 0 };
        self.era.push(call);
        if self.state == State::HalfOpen {
            if call.failed || call.slow {
                self.failed += 1
            } else {
                self.succeeded += 1
            }
            match pause {
                Some(_) => self.open(now, pause, true),
                None => self.judge(now),
            }
            return;
        }
        if in_span {
            self.recent.push((self.head, call));
        }
        self.last.push(call);
        self.trim();
        if self.state == State::Closed && (pause.is_some() || self.exceeds()) {
            self.open(now, pause, false);
        }
    }

    fn judge(&mut self, now: Moment) {
        let half = self.settings.half_open;
        let done = self.succeeded + self.failed >= half.permits;
        let (close, reopen) = match half.verdict {
            Verdict::FirstFailure => (done && self.failed == 0, self.failed > 0),
            Verdict::FailureRatio(ratio) => {
                let over =
                    ratio.reached_by(self.failed.into(), (self.succeeded + self.failed).into());
                (done && !over, done && over)
            }
            Verdict::Successes(wanted) => {
                let reached = self.succeeded >= wanted;
                (reached, !reached && self.failed + wanted > half.permits)
            }
        };
        if close {
            let slope = self.settings.ramp.filter(|_| self.kept_out);
            self.go(State::Closed, now);
            self.ramp = slope.map(|slope| Ramp::begin(slope, now));
        } else if reopen {
            self.open(now, None, true);
        }
    }

    fn exceeds(&self) -> bool {
        let run = self
            .settings
            .consecutive_failures
            .is_some_and(|n| self.consecutive >= n.into());
        let time = self
            .settings
            .time
            .is_some_and(|rule| over(rule.thresholds, self.time_counts()));
        let last = self.settings.last_calls.is_some_and(|rule| {
            let minimum_calls = rule.thresholds.minimum_calls.min(rule.calls);
            over(
                Thresholds {
                    minimum_calls,
                    ..rule.thresholds
                },
                count(&self.last),
            )
        });
        run || time || last
    }

    fn shape(&self) -> (u64, u64) {
        self.settings.time.map_or((1, 1), |rule| parts(rule.window))
    }

    fn number(&self, now: Moment) -> u128 {
        let (span, buckets) = self.shape();
        u128::from(nanos(now.since(self.anchor))) * u128::from(buckets) / u128::from(span)
    }

    fn evict(&mut self, now: Moment) {
        if self.settings.time.is_none() {
            return;
        }
        self.head = self.head.max(self.number(now));
        let (_, buckets) = self.shape();
        self.recent
            .retain(|(number, _)| number + u128::from(buckets) > self.head);
        let rolling = !matches!(
            self.settings.time.map(|t| t.window),
            Some(Window::Fixed { .. })
        );
        if self.recent.is_empty() && rolling {
            self.anchor = now;
            self.head = 0;
        }
    }

    /// Three outcomes in a row from a span or more before the newest bucket: the clock went back, and
    /// everything in the window counts as of now.
    fn follow(&mut self, now: Moment) {
        if self.settings.time.is_none() {
            return;
        }
        let (span, buckets) = self.shape();
        let began = (self.head * u128::from(span)).div_ceil(buckets.into())
            + u128::from(nanos(self.anchor.since(Moment::START)));
        let stray = u128::from(nanos(now.since(Moment::START))) + u128::from(span) < began;
        self.strays = if stray { self.strays + 1 } else { 0 };
        if self.strays == 3 {
            for (number, _) in &mut self.recent {
                *number = 0;
            }
            self.anchor = now;
            self.head = 0;
            self.strays = 0;
        }
    }

    fn trim(&mut self) {
        if self.settings.time.is_none() {
            self.recent.clear();
        }
        let keep = self
            .settings
            .last_calls
            .map_or(0, |rule| rule.calls as usize);
        let surplus = self.last.len().saturating_sub(keep);
        self.last.drain(..surplus);
    }

    pub(crate) fn time_counts(&self) -> Counts {
        counts(self.recent.iter().map(|(_, call)| call))
    }

    /// The time window as it is at `now`.
    pub(crate) fn time_counts_at(&self, now: Moment) -> Counts {
        let (_, buckets) = self.shape();
        let head = self.head.max(self.number(now));
        counts(
            self.recent
                .iter()
                .filter(|(n, _)| n + u128::from(buckets) > head)
                .map(|(_, c)| c),
        )
    }

    pub(crate) fn last_counts(&self) -> Counts {
        count(&self.last)
    }

    pub(crate) fn era_counts(&self) -> Counts {
        count(&self.era)
    }

    pub(crate) fn probes(&self) -> (usize, u32, u32) {
        (self.in_flight.len(), self.succeeded, self.failed)
    }

    pub(crate) fn by_hand(&mut self, to: State, now: Moment) {
        if self.state != to {
            self.go(to, now);
        }
    }

    pub(crate) fn reset(&mut self, now: Moment) {
        if self.state == State::Closed {
            self.ramp = None;
            self.kept_out = false;
            self.forget(now)
        } else {
            self.go(State::Closed, now)
        }
    }

    pub(crate) fn open_by_hand(&mut self, now: Moment) {
        if self.state != State::Open {
            self.open(now, None, false);
        }
    }

    pub(crate) fn tick(&mut self, now: Moment) {
        if self.state == State::Open && now >= self.due {
            self.go(State::HalfOpen, now);
        } else if self.state == State::HalfOpen {
            self.make_room(now);
        }
    }

    pub(crate) fn trip(&mut self, now: Moment, wait: Duration) {
        match self.state {
            State::Closed | State::HalfOpen => self.open(now, Some(wait), false),
            State::Open => {
                self.waits_from = now;
                self.due = now.plus(wait);
                self.asked = Some(self.due.since(self.since));
            }
            _ => {}
        }
    }

    pub(crate) fn expire(&mut self, now: Moment) {
        if self.state == State::Open && now < self.due {
            self.waits_from = now;
            self.due = now;
            self.asked = Some(self.due.since(self.since));
        }
    }

    pub(crate) fn retune(&mut self, settings: Settings, now: Moment) {
        let old = std::mem::replace(&mut self.settings, settings);
        if old
            == (Settings {
                initial: old.initial,
                ..settings
            })
        {
            return;
        }
        self.ramp = self.ramp.and_then(|mut ramp| {
            ramp.retune(settings.ramp?);
            Some(ramp)
        });
        self.retune_window(old, now);
        self.trim();
        if old.open != settings.open && self.asked.is_none() {
            self.set_due();
        }
        if self.state == State::HalfOpen {
            self.judge(now);
        }
    }

    fn retune_window(&mut self, old: Settings, now: Moment) {
        let (was, is) = (
            old.time.map(|rule| rule.window),
            self.settings.time.map(|rule| rule.window),
        );
        if was == is {
            return;
        }
        self.strays = 0;
        let (Some(was), Some(is)) = (was, is) else {
            return self.begin_window(now);
        };
        let rolls = |window| matches!(window, Window::Rolling { .. });
        if rolls(was) != rolls(is) {
            return self.begin_window(now);
        }
        let ((a, n), (b, m)) = (parts(was), parts(is));
        let moved =
            |number: u128| number * u128::from(a) * u128::from(m) / (u128::from(b) * u128::from(n));
        self.head = moved(self.head);
        for (number, _) in &mut self.recent {
            *number = moved(*number);
        }
        self.recent
            .retain(|(number, _)| number + u128::from(m) > self.head);
        self.evict(now);
    }

    fn begin_window(&mut self, now: Moment) {
        self.recent.clear();
        self.anchor = now;
        self.head = 0;
    }
}

fn parts(window: Window) -> (u64, u64) {
    match window {
        Window::Rolling { span, buckets } => (nanos(span), buckets.into()),
        Window::Fixed { span } => (nanos(span), 1),
    }
}

fn over(thresholds: Thresholds, counts: Counts) -> bool {
    counts.calls >= thresholds.minimum_calls.into()
        && (thresholds
            .failure_ratio
            .is_some_and(|r| r.reached_by(counts.failures, counts.calls))
            || thresholds
                .slow_ratio
                .is_some_and(|r| r.reached_by(counts.slow, counts.calls))
            || thresholds
                .failures
                .is_some_and(|n| counts.failures >= n.into()))
}

fn count(calls: &[Call]) -> Counts {
    counts(calls.iter())
}

fn counts<'a>(calls: impl Iterator<Item = &'a Call>) -> Counts {
    calls.fold(Counts::default(), |sum, call| Counts {
        calls: sum.calls + 1,
        failures: sum.failures + u64::from(call.failed),
        slow: sum.slow + u64::from(call.slow),
    })
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
