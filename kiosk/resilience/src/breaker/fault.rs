//! What can be wrong with settings.

use std::fmt;

use super::settings::{MAX_BUCKETS, MAX_LAST_CALLS, MAX_PROBES};

/// One thing that is wrong with [`Settings`](super::Settings).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// `consecutive_failures` is zero.
    ConsecutiveFailures,
    /// `slow_after` is zero.
    SlowAfter,
    /// A window's span is zero, or shorter than a nanosecond per bucket.
    WindowSpan,
    /// The number of buckets is zero or above [`MAX_BUCKETS`].
    WindowBuckets(u32),
    /// The number of last calls is zero or above [`MAX_LAST_CALLS`].
    LastCalls(u32),
    /// `minimum_calls` is zero.
    MinimumCalls,
    /// A failure count of zero.
    Failures,
    /// More failures wanted (first) than there are last calls (second): they would never open it.
    UnreachableFailures(u32, u32),
    /// The first open wait is longer than the longest.
    OpenMax,
    /// The growth is below 1 or not finite.
    OpenGrowth,
    /// The jitter is not between 0 and 1.
    OpenJitter,
    /// The number of probe permits is zero or above [`MAX_PROBES`].
    Permits(u32),
    /// The probe deadline is zero.
    ProbeDeadline,
    /// More successes wanted (first) than permits (second), or none.
    Successes(u32, u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ConsecutiveFailures => f.write_str("consecutive failures must be at least 1"),
            Self::SlowAfter => f.write_str("the slow limit must be above zero"),
            Self::WindowSpan => f.write_str("the window must span at least 1 ns per bucket"),
            Self::WindowBuckets(n) => write!(f, "buckets must be 1 to {MAX_BUCKETS}, not {n}"),
            Self::LastCalls(n) => write!(f, "last calls must be 1 to {MAX_LAST_CALLS}, not {n}"),
            Self::MinimumCalls => f.write_str("minimum calls must be at least 1"),
            Self::Failures => f.write_str("a failure count must be at least 1"),
            Self::UnreachableFailures(n, of) => {
                write!(
                    f,
                    "{n} failures never fit in the last {of} calls: want at most {of}"
                )
            }
            Self::OpenMax => f.write_str("the first open wait is longer than the longest"),
            Self::OpenGrowth => {
                f.write_str("the open wait must grow by a finite factor of 1 or more")
            }
            Self::OpenJitter => f.write_str("the jitter must be between 0 and 1"),
            Self::Permits(n) => write!(f, "probe permits must be 1 to {MAX_PROBES}, not {n}"),
            Self::ProbeDeadline => f.write_str("the probe deadline must be above zero"),
            Self::Successes(n, of) => write!(f, "successes to close must be 1 to {of}, not {n}"),
        }
    }
}

/// Settings that no breaker can work with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingsError {
    /// Everything that is wrong; never empty.
    pub faults: Vec<Fault>,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, fault) in self.faults.iter().enumerate() {
            if place > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for SettingsError {}
