use std::sync::Arc;
use std::time::Duration;

use super::{Causes, State};
use crate::moment::Moment;

/// Calls, and how many of them failed or were slow (a slow failure is both).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them; neutral outcomes and refused calls are not calls.
    pub calls: u64,
    /// The failed ones.
    pub failures: u64,
    /// The slow ones, failed or not.
    pub slow: u64,
}

impl Counts {
    /// The share of failures, unknown without calls.
    #[must_use]
    pub fn failure_ratio(self) -> Option<f64> {
        share(self.failures, self.calls)
    }

    /// The share of slow calls, unknown without calls.
    #[must_use]
    pub fn slow_ratio(self) -> Option<f64> {
        share(self.slow, self.calls)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a share for display")]
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// Everything that was ever reported to a breaker, whatever its state; never cleared, so that they
/// can feed counters of a metrics system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Successes within the limit.
    pub ok: u64,
    /// Failures within the limit.
    pub fail: u64,
    /// Slow successes.
    pub slow: u64,
    /// Slow failures.
    pub slow_fail: u64,
    /// Excluded outcomes.
    pub ignored: u64,
    /// Callers that went away.
    pub cancelled: u64,
    /// Outcomes that came too late to count.
    pub stale: u64,
    /// Refused calls.
    pub rejected: u64,
}

/// How far a half-open breaker is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeCounts {
    /// Probes under way.
    pub in_flight: u32,
    /// Probes that succeeded.
    pub succeeded: u32,
    /// Probes that failed or were slow.
    pub failed: u32,
}

/// Calls not passing since this began, whatever the probes found meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// What opened the breaker first.
    pub causes: Causes,
    /// When.
    pub since: Moment,
}

/// All there is to know about a breaker at one moment. Taking one changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The state. An open breaker whose wait is over is still open until a call comes, and says
    /// so in `probe_due`.
    pub state: State,
    /// When that state began.
    pub since: Moment,
    /// Why that state began.
    pub causes: Causes,
    /// What opened it first and when, until it closes again: failed probes are no cause of their
    /// own, unless it was opened without the called side having been asked. None in states in which calls pass or that were set by hand.
    pub outage: Option<Outage>,
    /// The words of whoever put the breaker in this state by hand.
    pub note: Option<Arc<str>>,
    /// Goes up whenever a state begins, and on a reset; outcomes of earlier ones are stale.
    pub generation: u64,
    /// The next call would be admitted as a probe.
    pub probe_due: bool,
    /// When the next probe may go: set while open.
    pub until: Option<Moment>,
    /// How long until the next probe may go. Zero in half-open and when a probe is due; unknown
    /// when no wait ends the state.
    pub retry_in: Option<Duration>,
    /// By how many failed rounds of probes the wait has grown.
    pub attempt: u32,
    /// Rounds of probes that failed since the breaker was last closed; one that was only asked to wait
    /// did not.
    pub failed_rounds: u32,
    /// In a dry run: what would have opened the breaker, and when, while it would not be closed again.
    pub would_be: Option<Outage>,
    /// How many outages dry runs found. Never cleared.
    pub would_have_opened: u64,
    /// Calls in the window: the time window if there is one, else the last calls, else since the
    /// state began. While half-open: since it became so.
    pub calls: u64,
    /// Failures among them.
    pub failures: u64,
    /// Slow calls among them.
    pub slow: u64,
    /// The share of failures, unknown without calls.
    pub failure_ratio: Option<f64>,
    /// The share of slow calls, unknown without calls.
    pub slow_ratio: Option<f64>,
    /// Failures in a row.
    pub consecutive_failures: u64,
    /// Calls refused since the state began, or since the last reset.
    pub rejected: u64,
    /// Permits given out and not yet back.
    pub in_flight: u64,
    /// The time window, if there is one.
    pub time: Option<Counts>,
    /// The last calls, if they are watched.
    pub last_calls: Option<Counts>,
    /// The probes of a half-open breaker; all zero otherwise.
    pub probes: ProbeCounts,
    /// The share of calls that pass while traffic comes back gradually.
    pub ramp: Option<f64>,
    /// The counts that opened the breaker the last time.
    pub opened_by: Option<Counts>,
    /// Since the breaker was made.
    pub totals: Totals,
    /// The sequence number of the newest event.
    pub last_event: u64,
}
