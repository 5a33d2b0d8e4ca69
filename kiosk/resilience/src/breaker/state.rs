use std::fmt;

/// What a breaker does with the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Calls pass and are judged.
    Closed,
    /// Calls are refused until the wait is over.
    Open,
    /// A few probes pass; their outcomes decide.
    HalfOpen,
    /// Calls are refused until somebody says otherwise. Never expires.
    ForcedOpen,
    /// Calls pass and nothing is recorded.
    Disabled,
    /// Calls pass and are counted; thresholds are reported instead of acted upon.
    MetricsOnly,
}

impl State {
    /// All states, in the order in which a metric would list them.
    pub const ALL: [Self; 6] = [
        Self::Closed,
        Self::Open,
        Self::HalfOpen,
        Self::ForcedOpen,
        Self::Disabled,
        Self::MetricsOnly,
    ];

    /// The stable name: `closed`, `open`, `half_open`, `forced_open`, `disabled`, `metrics_only`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
            Self::ForcedOpen => "forced_open",
            Self::Disabled => "disabled",
            Self::MetricsOnly => "metrics_only",
        }
    }

    /// Whether somebody put the breaker here by hand, so that only a hand moves it on.
    #[must_use]
    pub const fn is_manual(self) -> bool {
        matches!(self, Self::ForcedOpen | Self::Disabled | Self::MetricsOnly)
    }

    /// Whether every call passes.
    #[must_use]
    pub const fn passes(self) -> bool {
        matches!(self, Self::Closed | Self::Disabled | Self::MetricsOnly)
    }

    pub(super) const fn code(self) -> u64 {
        match self {
            Self::Closed => 0,
            Self::Open => 1,
            Self::HalfOpen => 2,
            Self::ForcedOpen => 3,
            Self::Disabled => 4,
            Self::MetricsOnly => 5,
        }
    }

    pub(super) const fn from_code(code: u64) -> Self {
        match code {
            0 | 6 => Self::Closed,
            1 => Self::Open,
            2 => Self::HalfOpen,
            3 => Self::ForcedOpen,
            4 => Self::Disabled,
            _ => Self::MetricsOnly,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a breaker moved: a small set, because one call can cross several thresholds at once.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Causes(u16);

impl Causes {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// So many failures in a row.
    pub const CONSECUTIVE_FAILURES: Self = Self(1);
    /// The share of failures in the time window.
    pub const FAILURE_RATIO: Self = Self(1 << 1);
    /// The share of slow calls in the time window.
    pub const SLOW_RATIO: Self = Self(1 << 2);
    /// The number of failures in the time window.
    pub const FAILURE_COUNT: Self = Self(1 << 3);
    /// The share of failures among the last calls.
    pub const LAST_CALLS_FAILURE_RATIO: Self = Self(1 << 4);
    /// The share of slow calls among the last calls.
    pub const LAST_CALLS_SLOW_RATIO: Self = Self(1 << 5);
    /// The number of failures among the last calls.
    pub const LAST_CALLS_FAILURE_COUNT: Self = Self(1 << 6);
    /// The called side asked for a pause (`Retry-After`).
    pub const ASKED_TO_WAIT: Self = Self(1 << 7);
    /// Probes failed.
    pub const PROBES_FAILED: Self = Self(1 << 8);
    /// Probes succeeded.
    pub const PROBES_SUCCEEDED: Self = Self(1 << 9);
    /// The wait was over.
    pub const WAIT_OVER: Self = Self(1 << 10);
    /// Somebody decided it.
    pub const BY_HAND: Self = Self(1 << 11);
    /// The settings start the breaker in this state.
    pub const INITIAL: Self = Self(1 << 12);
    /// Nobody holds it any more, and whether the called side answers is not known yet.
    pub const UNTRIED: Self = Self(1 << 13);

    /// Whatever says nothing about the called side: a failed probe is the first that does.
    pub(super) const UNFOUNDED: Self = Self::BY_HAND.or(Self::UNTRIED).or(Self::INITIAL);

    const NAMES: [&'static str; 14] = [
        "consecutive failures",
        "failure ratio",
        "slow-call ratio",
        "failure count",
        "failure ratio of the last calls",
        "slow-call ratio of the last calls",
        "failure count of the last calls",
        "asked to wait",
        "probes failed",
        "probes succeeded",
        "wait over",
        "by hand",
        "initial state",
        "not tried since it was let go",
    ];

    /// Whether nothing is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether everything in `other` is in this set too.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The causes in words, in a fixed order.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name)
    }

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn or_if(self, condition: bool, other: Self) -> Self {
        if condition { self.or(other) } else { self }
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) const fn bits(self) -> u16 {
        self.0
    }

    pub(super) const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }
}

impl fmt::Display for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, name) in self.names().enumerate() {
            if place > 0 {
                f.write_str(" and ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Causes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It worked.
    Ok,
    /// It failed: an error, a bad answer, our own timeout, a panic.
    Fail,
    /// It worked, but took longer than it may.
    Slow,
    /// It failed and took longer than it may: counts as both.
    SlowFail,
    /// It says nothing about the called side (a business refusal, a bad request of ours).
    Ignored,
    /// The caller went away before there was an outcome.
    Cancelled,
}

impl Outcome {
    /// The stable name: `ok`, `fail`, `slow`, `slow_fail`, `ignored`, `cancelled`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Fail => "fail",
            Self::Slow => "slow",
            Self::SlowFail => "slow_fail",
            Self::Ignored => "ignored",
            Self::Cancelled => "cancelled",
        }
    }

    /// This outcome of a call that took longer than the limit.
    #[must_use]
    pub const fn slowed(self) -> Self {
        match self {
            Self::Ok | Self::Slow => Self::Slow,
            Self::Fail | Self::SlowFail => Self::SlowFail,
            Self::Ignored => Self::Ignored,
            Self::Cancelled => Self::Cancelled,
        }
    }

    /// Whether the outcome says nothing about the called side.
    #[must_use]
    pub const fn is_neutral(self) -> bool {
        matches!(self, Self::Ignored | Self::Cancelled)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What became of a reported outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "a stale outcome was not counted, which the reporter may want to know"]
pub enum Report {
    /// It was counted.
    Counted,
    /// It was neutral: the permit went back, no count changed. A wait that came with it
    /// ([`Permit::pause`](super::Permit::pause)) is in force.
    Neutral,
    /// The breaker changed state (or was reset) since the permit was taken, or the probe was
    /// replaced after its deadline: the outcome was dropped.
    Stale,
    /// The breaker is disabled and records nothing.
    Unrecorded,
}
