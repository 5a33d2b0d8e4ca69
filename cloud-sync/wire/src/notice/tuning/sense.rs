//! What contradicts itself among settings that are each in range, or would do nothing: told to
//! whoever writes it, instead of passed over in silence.

use kiosk_core::document::{At, Faults};

use super::{OFF, Set, Tuning};

/// Pairs of which the first does nothing unless the second is set beside it.
const NEEDS: [(&str, &str); 12] = [
    ("last_failure_percent", "last_calls"),
    ("last_failures", "last_calls"),
    ("last_minimum_calls", "last_calls"),
    ("last_slow_percent", "last_calls"),
    ("retries_per_second", "retries"),
    ("retries_saved", "retries"),
    ("retry_growth_percent", "retries"),
    ("retry_jitter", "retries"),
    ("retry_least_ms", "retries"),
    ("retry_most_ms", "retries"),
    ("retry_ms", "retries"),
    ("retry_percent", "retries"),
];

/// Pairs of which the first may not be above the second.
const AT_MOST: [(&str, &str); 5] = [
    ("last_failures", "last_calls"),
    ("open_ms", "open_most_ms"),
    ("probe_successes", "probes"),
    ("retry_ms", "retry_most_ms"),
    ("timeout_ms", "probe_deadline_ms"),
];

/// Keys that only one verdict on probes looks at.
const VERDICTS: [(&str, &str); 2] = [
    ("probe_failure_percent", "failure_ratio"),
    ("probe_successes", "successes"),
];

impl Tuning {
    /// Tells every contradiction within a dependency, at the key that has to give way.
    pub(super) fn check(&self, name: &str, at: &At<'_>, faults: &mut Faults) {
        for (key, needed) in NEEDS {
            let there = matches!(self.set(name, needed), Some(set) if set != Set::Word(OFF));
            if self.set(name, key).is_some() && !there {
                let fault = format!("does nothing without {needed}; set {needed} beside it");
                faults.add(&at.key(key), fault);
            }
        }
        for (key, verdict) in VERDICTS {
            let set = self.set(name, "probe_verdict") == Some(Set::Word(verdict));
            if self.set(name, key).is_some() && !set {
                let fault = format!("does nothing without probe_verdict = \"{verdict}\" beside it");
                faults.add(&at.key(key), fault);
            }
        }
        for (key, most) in AT_MOST {
            let (Some(number), Some(limit)) = (self.number(name, key), self.number(name, most))
            else {
                continue;
            };
            if number > limit {
                let fault = format!("is {number}, but {most} is only {limit}");
                faults.add(&at.key(key), fault);
            }
        }
    }
}
