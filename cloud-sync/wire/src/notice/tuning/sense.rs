//! What contradicts itself among settings that are each in range, or would do nothing: told to
//! whoever writes it, instead of passed over in silence.
//!
//! Settings are judged as they will stand together: over what the software has, and over what other
//! places and scopes set. Headquarters and kiosks judge by the same rules.

use super::{OFF, Set, Tuning};

/// What the software has, as far as settings depend on it. A kiosk's tests hold it to its rules.
const SOFTWARE: [(&str, &str, Set); 26] = [
    ("menu", "window", Set::Word("rolling")),
    ("menu", "failure_percent", Set::Number(50)),
    ("menu", "slow_percent", Set::Number(100)),
    ("menu", "failures", Set::Word(OFF)),
    ("menu", "slow_after_ms", Set::Number(10_000)),
    ("menu", "timeout_ms", Set::Number(20_000)),
    ("menu", "last_calls", Set::Word(OFF)),
    ("menu", "probes", Set::Number(1)),
    ("menu", "probe_verdict", Set::Word("first_failure")),
    ("menu", "retries", Set::Number(0)),
    ("menu", "minimum_calls", Set::Number(4)),
    ("menu", "consecutive_failures", Set::Number(3)),
    ("ordering", "window", Set::Word("rolling")),
    ("ordering", "failure_percent", Set::Number(50)),
    ("ordering", "slow_percent", Set::Number(80)),
    ("ordering", "failures", Set::Word(OFF)),
    ("ordering", "slow_after_ms", Set::Number(1_200)),
    ("ordering", "timeout_ms", Set::Number(1_500)),
    ("ordering", "last_calls", Set::Word(OFF)),
    ("ordering", "probes", Set::Number(1)),
    ("ordering", "probe_verdict", Set::Word("first_failure")),
    ("ordering", "retries", Set::Number(0)),
    ("ordering", "minimum_calls", Set::Number(5)),
    ("ordering", "consecutive_failures", Set::Number(2)),
    ("ordering", "ramp_first_percent", Set::Number(25)),
    ("ordering", "ramp_seconds", Set::Number(10)),
];

/// Pairs of which the first may not be above the second.
const AT_MOST: [(&str, &str); 5] = [
    ("last_failures", "last_calls"),
    ("open_ms", "open_most_ms"),
    ("probe_successes", "probes"),
    ("retry_ms", "retry_most_ms"),
    ("timeout_ms", "probe_deadline_ms"),
];

/// What judges the calls of the time window, and what judges the last calls.
const OF_WINDOW: [&str; 3] = ["failure_percent", "failures", "slow_percent"];
const OF_LAST: [&str; 3] = ["last_failure_percent", "last_failures", "last_slow_percent"];

/// A setting that contradicts others or does nothing beside them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Idle {
    /// The dependency; of a dry run beside its rules `ordering.dry_run`.
    pub of: &'static str,
    /// The key that has to give way.
    pub key: &'static str,
    /// Why, in words.
    pub why: String,
}

impl Tuning {
    /// What the software has, as far as settings depend on it.
    #[must_use]
    pub fn software() -> Self {
        let all = SOFTWARE.iter();
        Self(all.map(|(name, key, set)| ((*name, *key), *set)).collect())
    }

    /// What of this does nothing or contradicts itself where `all` holds: what the software has, with
    /// this and all else that is set over it.
    #[must_use]
    pub fn idle(&self, all: &Self) -> Vec<Idle> {
        let keys = self.0.iter();
        let idle = keys.filter(|(_, set)| **set != Set::Word(OFF));
        let idle = idle.filter_map(|((of, key), _)| {
            let why = Together { of, all }.idle(key)?;
            Some(Idle { of, key, why })
        });
        let mut told: Vec<_> = idle.chain(self.above(all)).collect();
        told.sort_unstable_by_key(|idle| (idle.of, idle.key));
        told
    }

    /// What is above what it may not exceed; told where one of the two is set here.
    fn above(&self, all: &Self) -> Vec<Idle> {
        let mut faults = Vec::new();
        let mut names: Vec<_> = self.0.keys().map(|(of, _)| *of).collect();
        names.dedup();
        for of in names {
            for (key, most) in AT_MOST {
                let here = self.set(of, key).or_else(|| self.set(of, most));
                let together = Together { of, all };
                let (Some(_), Some(number), Some(limit)) =
                    (here, together.number(key), together.number(most))
                else {
                    continue;
                };
                if number > limit {
                    let why = format!("is {number}, but {most} is only {limit}");
                    faults.push(Idle { of, key, why });
                }
            }
        }
        faults
    }
}

/// All that holds for a dependency.
#[derive(Clone, Copy)]
struct Together<'a> {
    of: &'static str,
    all: &'a Tuning,
}

impl Together<'_> {
    /// A dry run has what is not set for it from the rules in force.
    fn set(self, key: &str) -> Option<Set> {
        let beside = self.all.set(self.of, key);
        let (live, _) = self.of.split_once('.').unwrap_or((self.of, ""));
        beside.or_else(|| self.all.set(live, key))
    }

    fn number(self, key: &str) -> Option<u32> {
        match self.set(key)? {
            Set::Number(number) => Some(number),
            Set::Word(_) => None,
        }
    }

    fn is(self, key: &str, word: &'static str) -> bool {
        self.set(key) == Some(Set::Word(word))
    }

    fn none_of(self, keys: [&str; 3]) -> bool {
        keys.iter().all(|key| self.number(key).is_none())
    }

    /// Why this key does nothing, if it does.
    fn idle(self, key: &str) -> Option<String> {
        match key {
            "retries_per_second"
            | "retries_saved"
            | "retry_growth_percent"
            | "retry_jitter"
            | "retry_most_ms"
            | "retry_ms"
            | "retry_percent" => self.without_retries(),
            "retry_least_ms" => self.without_retries().or_else(|| self.no_time_to_retry()),
            "last_failure_percent" | "last_failures" => self.without_last_calls(),
            "last_slow_percent" => self.without_last_calls().or_else(|| self.nothing_slow()),
            "last_minimum_calls" => self
                .without_last_calls()
                .or_else(|| self.none_of(OF_LAST).then(|| judges_nothing(OF_LAST))),
            "last_calls" => self.none_of(OF_LAST).then(|| judges_nothing(OF_LAST)),
            "failure_percent" | "failures" | "window_seconds" => self.without_window(),
            "slow_percent" => self.without_window().or_else(|| self.nothing_slow()),
            "minimum_calls" => self
                .without_window()
                .or_else(|| self.none_of(OF_WINDOW).then(|| judges_nothing(OF_WINDOW))),
            "window_buckets" => self.without_window().or_else(|| {
                let fixed = self.is("window", "fixed");
                fixed.then(|| "does nothing while window is fixed".to_owned())
            }),
            "slow_after_ms" => self.never_slow(),
            "ramp_first_percent" => (self.number("ramp_seconds") == Some(0))
                .then(|| "does nothing while ramp_seconds is 0".to_owned()),
            "probe_failure_percent" => self.without_verdict("failure_ratio"),
            "probe_successes" => self.without_verdict("successes"),
            "per_ms" => self.without("calls_per_period"),
            "calls_per_period" => self.without("per_ms"),
            "calls_per_second" => {
                let other = self.set("calls_per_period").is_some();
                other.then(|| "does nothing beside calls_per_period; leave one out".to_owned())
            }
            _ => None,
        }
    }

    fn without(self, needed: &str) -> Option<String> {
        let fault = || format!("does nothing without {needed}; set {needed} beside it");
        self.set(needed).is_none().then(fault)
    }

    fn without_retries(self) -> Option<String> {
        let none = self.number("retries").unwrap_or(0) == 0;
        none.then(|| "does nothing without retries; set retries beside it".to_owned())
    }

    fn no_time_to_retry(self) -> Option<String> {
        let (least, timeout) = (self.number("retry_least_ms")?, self.number("timeout_ms")?);
        (least >= timeout).then(|| {
            format!(
                "leaves no retry: no attempt is begun with less than {least} ms left, of only \
                 {timeout} ms (timeout_ms)"
            )
        })
    }

    fn without_last_calls(self) -> Option<String> {
        let none = self.number("last_calls").is_none();
        none.then(|| "does nothing without last_calls; set last_calls beside it".to_owned())
    }

    fn without_window(self) -> Option<String> {
        self.is("window", OFF)
            .then(|| "does nothing while window is off".to_owned())
    }

    fn without_verdict(self, verdict: &'static str) -> Option<String> {
        (!self.is("probe_verdict", verdict))
            .then(|| format!("does nothing without probe_verdict = \"{verdict}\" beside it"))
    }

    /// No call could count as slow.
    fn nothing_slow(self) -> Option<String> {
        if self.is("slow_after_ms", OFF) {
            return Some("does nothing while slow_after_ms is off: no call is slow".to_owned());
        }
        self.never_slow()
    }

    fn never_slow(self) -> Option<String> {
        let (slow, timeout) = (self.number("slow_after_ms")?, self.number("timeout_ms")?);
        (slow >= timeout).then(|| {
            format!(
                "does nothing: a call is slow after {slow} ms (slow_after_ms), but an answer is \
                 waited for only {timeout} ms (timeout_ms)"
            )
        })
    }
}

fn judges_nothing(needed: [&str; 3]) -> String {
    let [one, two, three] = needed;
    format!("judges nothing; set {one}, {two} or {three} beside it")
}
