//! The keys, and what can stand under each.

use kiosk_core::document::{At, Faults, text, whole};
use serde_json::Value;

/// What turns a rule off.
pub const OFF: &str = "off";

/// What can stand under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Range {
    /// A whole number, from the least to the greatest.
    Whole(u32, u32),
    /// The same, or [`OFF`] for a rule that is not to hold at all.
    OrOff(u32, u32),
    /// One of these words.
    Words(&'static [&'static str]),
}

/// What stands under a key. In range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set {
    /// A number.
    Number(u32),
    /// A word, [`OFF`] among them.
    Word(&'static str),
}

/// Every key, in order, with what can stand under it.
pub const KEYS: [(&str, Range); 43] = [
    ("burst", Range::Whole(1, 100_000)),
    ("calls_at_once", Range::Whole(1, 1_024)),
    ("calls_per_period", Range::Whole(1, 1_000_000)),
    ("calls_per_second", Range::Whole(1, 100_000)),
    ("calls_waiting", Range::Whole(0, 1_024)),
    ("consecutive_failures", Range::OrOff(1, 1_000)),
    ("failure_percent", Range::OrOff(1, 100)),
    ("failures", Range::OrOff(1, 100_000)),
    ("initial", Range::Words(&["closed", "open", "half_open"])),
    ("last_calls", Range::OrOff(1, 10_000)),
    ("last_failure_percent", Range::OrOff(1, 100)),
    ("last_failures", Range::OrOff(1, 10_000)),
    ("last_minimum_calls", Range::Whole(1, 10_000)),
    ("last_slow_percent", Range::OrOff(1, 100)),
    ("minimum_calls", Range::Whole(1, 100_000)),
    (
        "mode",
        Range::Words(&["auto", "metrics_only", "disabled", "forced_open"]),
    ),
    ("open_growth_percent", Range::Whole(100, 1_000)),
    ("open_jitter_percent", Range::Whole(0, 100)),
    ("open_most_ms", Range::Whole(0, 86_400_000)),
    ("open_ms", Range::Whole(0, 86_400_000)),
    ("per_ms", Range::Whole(1, 3_600_000)),
    ("probe_deadline_ms", Range::Whole(50, 600_000)),
    ("probe_failure_percent", Range::Whole(1, 100)),
    ("probe_successes", Range::Whole(1, 64)),
    (
        "probe_verdict",
        Range::Words(&["first_failure", "failure_ratio", "successes"]),
    ),
    ("probes", Range::Whole(1, 64)),
    ("ramp_first_percent", Range::Whole(1, 100)),
    ("ramp_seconds", Range::Whole(0, 3_600)),
    ("retries", Range::Whole(0, 10)),
    ("retries_per_second", Range::Whole(0, 1_000)),
    ("retries_saved", Range::Whole(0, 10_000)),
    ("retry_growth_percent", Range::Whole(100, 1_000)),
    ("retry_jitter", Range::Words(&["none", "full", "equal"])),
    ("retry_least_ms", Range::Whole(0, 120_000)),
    ("retry_most_ms", Range::Whole(0, 600_000)),
    ("retry_ms", Range::Whole(0, 600_000)),
    ("retry_percent", Range::Whole(1, 100)),
    ("slow_after_ms", Range::OrOff(1, 600_000)),
    ("slow_percent", Range::OrOff(1, 100)),
    ("timeout_ms", Range::Whole(50, 120_000)),
    ("window", Range::Words(&["rolling", "fixed", "off"])),
    ("window_buckets", Range::Whole(1, 1_024)),
    ("window_seconds", Range::Whole(1, 3_600)),
];

/// What can be tried beside the rules in force: when a breaker would open.
pub const DRY_RUN_KEYS: [&str; 14] = [
    "consecutive_failures",
    "failure_percent",
    "failures",
    "last_calls",
    "last_failure_percent",
    "last_failures",
    "last_minimum_calls",
    "last_slow_percent",
    "minimum_calls",
    "slow_after_ms",
    "slow_percent",
    "window",
    "window_buckets",
    "window_seconds",
];

impl Range {
    /// Reads what somebody wrote.
    pub(super) fn read(self, value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Set> {
        match self {
            Self::Words(words) => {
                let found = self.word(text(value, at, faults)?);
                if found.is_none() {
                    faults.add(at, format!("must be one of {}", words.join(", ")));
                }
                found
            }
            Self::OrOff(least, most) if value.is_string() => {
                let found = value.as_str().and_then(|word| self.word(word));
                if found.is_none() {
                    faults.add(
                        at,
                        format!("must be a whole number from {least} to {most}, or \"{OFF}\""),
                    );
                }
                found
            }
            Self::Whole(least, most) | Self::OrOff(least, most) => {
                let number = whole(value, at, faults, least.into(), most.into())?;
                u32::try_from(number).ok().map(Set::Number)
            }
        }
    }

    /// What can be worked with of what a notice says.
    pub(super) fn known(self, value: &Value) -> Option<Set> {
        if let Some(word) = value.as_str() {
            return self.word(word);
        }
        let number = u32::try_from(value.as_u64()?).ok()?;
        match self {
            Self::Whole(least, most) | Self::OrOff(least, most) => (least..=most)
                .contains(&number)
                .then_some(Set::Number(number)),
            Self::Words(_) => None,
        }
    }

    fn word(self, word: &str) -> Option<Set> {
        let words: &[&'static str] = match self {
            Self::Words(words) => words,
            Self::OrOff(..) => &[OFF],
            Self::Whole(..) => &[],
        };
        let mut words = words.iter();
        words
            .find(|known| **known == word)
            .map(|known| Set::Word(known))
    }
}

impl From<Set> for Value {
    fn from(set: Set) -> Self {
        match set {
            Set::Number(number) => number.into(),
            Set::Word(word) => word.into(),
        }
    }
}
