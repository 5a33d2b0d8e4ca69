//! How calls end, as the metrics tell it.

use metrics::counter;
use resilience::breaker::{Outcome, Report};

/// How a call ended, or which rule kept it from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Success,
    /// It worked and took longer than it may.
    Slow,
    Failure,
    /// It says nothing about the called side.
    Ignored,
    /// Its caller went away.
    Cancelled,
    /// The breaker had moved on since: however it ended, it was not counted there.
    Stale,
    Limited,
    Full,
    Rejected,
}

impl Ending {
    const ALL: [Self; 9] = [
        Self::Success,
        Self::Slow,
        Self::Failure,
        Self::Ignored,
        Self::Cancelled,
        Self::Stale,
        Self::Limited,
        Self::Full,
        Self::Rejected,
    ];

    /// The ending of a call that was reported to its breaker.
    pub(super) fn of(outcome: Outcome, report: Report) -> Self {
        match (report, outcome) {
            (Report::Stale, _) => Self::Stale,
            (_, Outcome::Ok) => Self::Success,
            (_, Outcome::Slow) => Self::Slow,
            (_, Outcome::Fail | Outcome::SlowFail) => Self::Failure,
            (_, Outcome::Ignored) => Self::Ignored,
            (_, Outcome::Cancelled) => Self::Cancelled,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Slow => "slow",
            Self::Failure => "failure",
            Self::Ignored => "ignored",
            Self::Cancelled => "cancelled",
            Self::Stale => "stale",
            Self::Limited => "limited",
            Self::Full => "full",
            Self::Rejected => "rejected",
        }
    }

    pub(super) fn count(self, dependency: &str, calls: u64) {
        let (name, outcome) = (dependency.to_owned(), self.name());
        counter!("kiosk_breaker_calls_total", "name" => name, "outcome" => outcome)
            .increment(calls);
    }

    /// Shows a dependency's counters from the beginning, at nothing.
    pub(crate) fn show(dependency: &str) {
        for ending in Self::ALL {
            ending.count(dependency, 0);
        }
    }
}
