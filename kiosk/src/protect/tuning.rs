//! What somebody has set of the rules before a dependency, over what the software has.

use std::time::Duration;

use cloud_sync_wire::notice::tuning::{OFF, Set, Tuning, dry_run_of};
use kiosk_core::document::{At, Faults};
use resilience::Ratio;
use resilience::backoff::{Allowance, Jitter};
use resilience::breaker::State;
use resilience::ramp::Slope;
use serde_json::Value;

use super::{Mode, Rules, Waits};

mod thresholds;
mod told;

/// The retries that go with `retries` where no budget is set: one for five calls, one a second
/// beside, and as many saved up as one outage may need.
const RETRY_PERCENT: u32 = 20;
const RETRIES_PER_SECOND: u32 = 1;
const RETRIES_SAVED: u32 = 10;
/// The ramp where only one half of it is set.
const RAMP_FIRST_PERCENT: u32 = 25;
const RAMP_SECONDS: u32 = 10;

/// The `[breaker]` part of a configuration file.
pub(crate) fn read(value: &Value, faults: &mut Vec<String>) -> Tuning {
    let mut found = Faults::default();
    let (root, absent) = (At::Root, value.is_null());
    let tuning = if absent {
        Tuning::default()
    } else {
        Tuning::read(value, &root.key("breaker"), &mut found)
    };
    let told = found.into_vec().into_iter().map(|fault| {
        let key = fault.pointer.trim_start_matches('/').replace('/', ".");
        format!("{key}: {}", fault.detail)
    });
    faults.extend(told);
    tuning
}

/// What is set for one dependency.
#[derive(Clone, Copy)]
struct For<'a> {
    name: &'a str,
    tuning: &'a Tuning,
}

impl For<'_> {
    fn number(self, key: &str) -> Option<u32> {
        self.tuning.number(self.name, key)
    }

    fn word(self, key: &str) -> Option<&'static str> {
        self.tuning.word(self.name, key)
    }

    fn millis(self, key: &str) -> Option<Duration> {
        let millis = self.number(key)?;
        Some(Duration::from_millis(millis.into()))
    }

    /// A factor that is set in percent.
    fn factor(self, key: &str) -> Option<f64> {
        Some(f64::from(self.number(key)?) / 100.0)
    }

    fn share(self, key: &str) -> Option<Ratio> {
        share(self.number(key)?)
    }

    /// A rule as it was, with another measure, or turned off.
    fn rule<T>(self, key: &str, was: Option<T>, measure: impl Fn(u32) -> Option<T>) -> Option<T> {
        match self.tuning.set(self.name, key) {
            Some(Set::Number(number)) => measure(number),
            Some(Set::Word(OFF)) => None,
            _ => was,
        }
    }
}

impl Rules {
    /// These rules with what is set for that dependency over them. Where settings of several places
    /// do not go together, what limits another gives way, so that nothing that is in range keeps the
    /// rest from coming into force.
    #[must_use]
    pub fn tuned(mut self, name: &str, tuning: &Tuning) -> Self {
        let set = For { name, tuning };
        self.timeout = set.millis("timeout_ms").unwrap_or(self.timeout);
        let mode = set.word("mode").and_then(Mode::named);
        self.mode = mode.unwrap_or(self.mode);
        self.tune_thresholds(set);
        self.tune_recovery(set);
        self.places.calls = set.number("calls_at_once").unwrap_or(self.places.calls);
        self.places.waiting = set.number("calls_waiting").unwrap_or(self.places.waiting);
        let second = set.number("calls_per_second");
        let second = second.map(|calls| (calls, Duration::from_secs(1)));
        let period = set.number("calls_per_period").zip(set.millis("per_ms"));
        if let Some((calls, period)) = period.or(second) {
            self.rate.calls = calls;
            self.rate.period = period;
            self.rate.burst = calls;
        }
        self.rate.burst = set.number("burst").unwrap_or(self.rate.burst);
        self.tune_retries(set);
        self.tune_dry_run(name, tuning);
        self
    }

    /// What is tried beside: the thresholds in force, with what is set for the dry run over them.
    fn tune_dry_run(&mut self, name: &str, tuning: &Tuning) {
        let beside = dry_run_of(name).filter(|name| tuning.of(name).next().is_some());
        self.dry_run = beside.map(|name| {
            let mut beside = *self;
            beside.tune_thresholds(For { name, tuning });
            beside.breaker
        });
    }

    fn tune_recovery(&mut self, set: For<'_>) {
        let initial = set.word("initial");
        let initial = State::ALL
            .into_iter()
            .find(|state| Some(state.name()) == initial);
        self.breaker.initial = initial.unwrap_or(self.breaker.initial);
        self.waits = Waits {
            initial: set.millis("open_ms").or(self.waits.initial),
            growth: set.factor("open_growth_percent").or(self.waits.growth),
            max: set.millis("open_most_ms").or(self.waits.max),
            jitter: set.factor("open_jitter_percent").or(self.waits.jitter),
        };
        let (first, over) = (set.share("ramp_first_percent"), set.number("ramp_seconds"));
        if first.is_some() || over.is_some() {
            let slope = self.breaker.ramp.unwrap_or(Slope {
                first: share(RAMP_FIRST_PERCENT).unwrap_or(Ratio::ALL),
                over: Duration::from_secs(RAMP_SECONDS.into()),
            });
            self.breaker.ramp = Some(Slope {
                first: first.unwrap_or(slope.first),
                over: over.map_or(slope.over, |seconds| Duration::from_secs(seconds.into())),
            });
        }
    }

    fn tune_retries(&mut self, set: For<'_>) {
        let Some(most) = set.number("retries") else {
            return;
        };
        let retries = &mut self.retries;
        retries.most = most;
        let percent = set.number("retry_percent").unwrap_or(RETRY_PERCENT);
        let per_second = set.number("retries_per_second");
        retries.allowance = Allowance {
            share: share(percent).unwrap_or(Ratio::ALL),
            per_second: per_second.unwrap_or(RETRIES_PER_SECOND),
            most: set.number("retries_saved").unwrap_or(RETRIES_SAVED),
        };
        let wait = &mut retries.backoff;
        wait.cap = set.millis("retry_most_ms").unwrap_or(wait.cap);
        wait.initial = set.millis("retry_ms").unwrap_or(wait.initial).min(wait.cap);
        wait.factor = set.factor("retry_growth_percent").unwrap_or(wait.factor);
        wait.jitter = match set.word("retry_jitter") {
            Some("none") => Jitter::None,
            Some("full") => Jitter::Full,
            Some("equal") => Jitter::Equal,
            _ => wait.jitter,
        };
        retries.least = set.millis("retry_least_ms").unwrap_or(retries.least);
    }
}

/// A share that is in range by now.
fn share(percent: u32) -> Option<Ratio> {
    Ratio::percent(percent).ok()
}

#[cfg(test)]
mod tests;
