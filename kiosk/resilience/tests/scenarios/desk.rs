//! Short words for the scenarios: `a`/`r` admitted or refused, outcomes, whole seconds.

use std::time::Duration;

use resilience::breaker::{
    Breaker, CallRule, Counts, Event, EventKind, HalfOpen, OpenWait, Outcome, Permit, Rejected,
    Report, Settings, Snapshot, State, Thresholds, TimeRule, Verdict, Window,
};
use resilience::{Moment, Ratio};

pub(crate) const fn s(secs: u64) -> Moment {
    Moment::from_secs(secs)
}

pub(crate) const fn ms(millis: u64) -> Moment {
    Moment::from_millis(millis)
}

pub(crate) const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

/// One nanosecond earlier.
pub(crate) const fn just_before(moment: Moment) -> Moment {
    moment.minus(Duration::from_nanos(1))
}

pub(crate) fn percent(percent: u32) -> Ratio {
    Ratio::percent(percent).expect("1 to 100")
}

pub(crate) fn breaker(settings: Settings) -> Breaker {
    Breaker::new("scenario", settings, Moment::START).expect("valid settings")
}

pub(crate) fn consecutive(n: u32) -> Settings {
    Settings {
        consecutive_failures: Some(n),
        ..Settings::without_rules()
    }
}

pub(crate) fn ratio_thresholds(percents: u32, minimum_calls: u32) -> Thresholds {
    Thresholds {
        minimum_calls,
        failure_ratio: Some(percent(percents)),
        ..Thresholds::COUNT_ONLY
    }
}

pub(crate) fn rolling(span: Duration, buckets: u32, thresholds: Thresholds) -> Settings {
    let window = Window::Rolling { span, buckets };
    Settings {
        time: Some(TimeRule { window, thresholds }),
        ..Settings::without_rules()
    }
}

pub(crate) fn fixed(span: Duration, thresholds: Thresholds) -> Settings {
    let window = Window::Fixed { span };
    Settings {
        time: Some(TimeRule { window, thresholds }),
        ..Settings::without_rules()
    }
}

pub(crate) fn last_calls(calls: u32, thresholds: Thresholds) -> Settings {
    Settings {
        last_calls: Some(CallRule { calls, thresholds }),
        ..Settings::without_rules()
    }
}

/// `failures` of the last `calls`.
pub(crate) fn so_many_of(failures: u32, calls: u32) -> Settings {
    last_calls(
        calls,
        Thresholds {
            failures: Some(failures),
            ..Thresholds::COUNT_ONLY
        },
    )
}

pub(crate) trait Tweak {
    fn waiting(self, wait: Duration) -> Self;
    fn probing(self, permits: u32, verdict: Verdict) -> Self;
}

impl Tweak for Settings {
    fn waiting(self, wait: Duration) -> Self {
        Self {
            open: OpenWait::constant(wait),
            ..self
        }
    }

    fn probing(self, permits: u32, verdict: Verdict) -> Self {
        Self {
            half_open: HalfOpen {
                permits,
                verdict,
                ..self.half_open
            },
            ..self
        }
    }
}

pub(crate) trait Desk {
    /// One call that begins and ends at `now`.
    fn one(&self, now: Moment, outcome: Outcome) -> Report;
    fn ok(&self, now: Moment, times: usize);
    fn fail(&self, now: Moment, times: usize);
    fn a(&self, now: Moment) -> Permit<&Breaker>;
    fn r(&self, now: Moment) -> Rejected;
    fn counts(&self, now: Moment) -> (u64, u64);
    fn look(&self, now: Moment) -> Snapshot;
    fn moves(&self) -> Vec<(State, State)>;
    fn events(&self) -> Vec<Event>;
}

impl Desk for Breaker {
    fn one(&self, now: Moment, outcome: Outcome) -> Report {
        self.a(now).record(now, outcome)
    }

    fn ok(&self, now: Moment, times: usize) {
        for _ in 0..times {
            assert_eq!(self.one(now, Outcome::Ok), Report::Counted);
        }
    }

    fn fail(&self, now: Moment, times: usize) {
        for _ in 0..times {
            assert_eq!(self.one(now, Outcome::Fail), Report::Counted);
        }
    }

    fn a(&self, now: Moment) -> Permit<&Breaker> {
        self.try_acquire(now).expect("the call should be admitted")
    }

    fn r(&self, now: Moment) -> Rejected {
        self.try_acquire(now)
            .expect_err("the call should be refused")
    }

    fn counts(&self, now: Moment) -> (u64, u64) {
        let seen = self.snapshot(now);
        (seen.calls, seen.failures)
    }

    fn look(&self, now: Moment) -> Snapshot {
        self.snapshot(now)
    }

    fn moves(&self) -> Vec<(State, State)> {
        self.events()
            .into_iter()
            .filter_map(|event| match event.kind {
                EventKind::Moved { from, to, .. } => Some((from, to)),
                _ => None,
            })
            .collect()
    }

    fn events(&self) -> Vec<Event> {
        self.events_after(0).events
    }
}

pub(crate) const fn counts(calls: u64, failures: u64, slow: u64) -> Counts {
    Counts {
        calls,
        failures,
        slow,
    }
}

/// A breaker with these settings that opened at `now` by failures.
pub(crate) fn opened(settings: Settings, now: Moment) -> Breaker {
    let breaker = Breaker::new("scenario", settings, now).expect("valid settings");
    for _ in 0..10_000 {
        if breaker.state() == State::Open {
            return breaker;
        }
        breaker.fail(now, 1);
    }
    panic!("the breaker did not open");
}
