use std::time::Duration;

use super::State;
use super::fault::{Fault, SettingsError};
use crate::chance::{scale, unit};
use crate::moment::nanos;
use crate::ramp::Slope;
use crate::ratio::Ratio;

/// The most buckets a rolling window may have.
pub const MAX_BUCKETS: u32 = 1_024;
/// The most calls a count window may remember (one byte each).
pub const MAX_LAST_CALLS: u32 = 100_000;
/// The most probes a half-open breaker may admit.
pub const MAX_PROBES: u32 = 1_024;

/// Everything that can be chosen about a [`Breaker`](super::Breaker).
///
/// Trip rules combine freely: the breaker opens as soon as any of them is met. A breaker with none
/// opens only by hand or when asked to wait.
///
/// ```
/// use std::time::Duration;
/// use resilience::Ratio;
/// use resilience::breaker::{Settings, Thresholds, TimeRule, Window};
///
/// let settings = Settings {
///     consecutive_failures: Some(5),
///     time: Some(TimeRule {
///         window: Window::Rolling { span: Duration::from_secs(10), buckets: 10 },
///         thresholds: Thresholds {
///             minimum_calls: 10,
///             failure_ratio: Some(Ratio::HALF),
///             slow_ratio: Some(Ratio::percent(80)?),
///             failures: None,
///         },
///     }),
///     slow_after: Some(Duration::from_millis(800)),
///     ..Settings::default()
/// };
/// settings.validate()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Open after so many failures in a row, whatever the windows say; a success (also a slow
    /// one) ends the run, a neutral outcome does not.
    pub consecutive_failures: Option<u32>,
    /// Judge the calls that ended within a span of time.
    pub time: Option<TimeRule>,
    /// Judge the last so many calls.
    pub last_calls: Option<CallRule>,
    /// A call is slow if it took *longer* than this.
    pub slow_after: Option<Duration>,
    /// How long to stay open.
    pub open: OpenWait,
    /// How to find out whether the called side is back.
    pub half_open: HalfOpen,
    /// How traffic comes back once it is: at once, or along a slope. A breaker that began open and
    /// whose first probes succeed has no outage behind it, and passes everything; so does one that a
    /// person closes.
    pub ramp: Option<Slope>,
    /// The state to start in. Has no meaning when retuning.
    pub initial: State,
    /// What the jitter of the open wait is drawn from. Give each member of a fleet another one.
    pub seed: u64,
}

/// A window of time and its thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TimeRule {
    /// The window.
    pub window: Window,
    /// When the calls inside it open the breaker.
    pub thresholds: Thresholds,
}

/// Which calls a time window holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// The calls that ended within the last `span`, forgotten bucket by bucket.
    ///
    /// A call is never remembered for longer than `span`, and for at least `span` less one bucket;
    /// after a silence the first bucket begins with the first call. A reading of the clock before
    /// the newest bucket belongs to that bucket; where three outcomes in a row ended a span or more
    /// before it, the clock is taken to have gone back, and what the window holds counts as of then.
    Rolling {
        /// How far back the window reaches.
        span: Duration,
        /// In how many steps it forgets.
        buckets: u32,
    },
    /// The calls since the last multiple of `span`, counted from the moment the breaker was made,
    /// closed or reset. All are forgotten at once, and a call that began in an earlier span is not
    /// booked here: it counts for the other rules, and is stale if there are none. Simple, and
    /// blind just after each restart: prefer [`Window::Rolling`].
    Fixed {
        /// How long until everything is forgotten.
        span: Duration,
    },
}

/// A window over a number of calls and its thresholds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CallRule {
    /// How many calls the window holds.
    pub calls: u32,
    /// When they open the breaker. A minimum above `calls` counts as `calls`.
    pub thresholds: Thresholds,
}

/// When the calls of a window open the breaker: any threshold that is reached (`>=`), judged on
/// every outcome once the window holds the minimum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Below so many calls nothing is judged. At least 1.
    pub minimum_calls: u32,
    /// The share of failures.
    pub failure_ratio: Option<Ratio>,
    /// The share of slow calls, failed or not.
    pub slow_ratio: Option<Ratio>,
    /// The number of failures.
    pub failures: Option<u32>,
}

/// How long an open breaker refuses calls: `initial × growth^n`, at most `max`, where `n` is the
/// number of failed probe rounds since it was last closed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OpenWait {
    /// The first wait. Zero admits the next call as a probe.
    pub initial: Duration,
    /// The factor from one wait to the next, at least 1.
    pub growth: f64,
    /// No wait is longer, an asked-for one excepted.
    pub max: Duration,
    /// The share of a wait that is left to chance, 0 to 1: the wait lies between
    /// `(1 - jitter) × wait` and `wait`. Asked-for waits are not shortened.
    pub jitter: f64,
}

/// How a half-open breaker decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HalfOpen {
    /// How many probes are admitted, and how many outcomes the verdict needs.
    pub permits: u32,
    /// What reopens and what closes the breaker.
    pub verdict: Verdict,
    /// A probe that takes longer than this makes room for another one; if it does, its late
    /// outcome is stale.
    pub deadline: Duration,
}

/// What the outcomes of probes amount to. A slow probe is a failed probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The first failed probe reopens; the breaker closes once all permits succeeded.
    FirstFailure,
    /// When all permits have an outcome, a share of failures at or above this reopens, else the
    /// breaker closes.
    FailureRatio(Ratio),
    /// So many successes close; reopens as soon as the rest of the permits cannot reach them.
    Successes(u32),
}

impl Default for Settings {
    /// Open at half of at least 10 calls within 10 s; wait 5 s, doubling up to a minute; one probe.
    fn default() -> Self {
        Self {
            consecutive_failures: None,
            time: Some(TimeRule {
                window: Window::Rolling {
                    span: Duration::from_secs(10),
                    buckets: 10,
                },
                thresholds: Thresholds {
                    minimum_calls: 10,
                    failure_ratio: Some(Ratio::HALF),
                    slow_ratio: None,
                    failures: None,
                },
            }),
            last_calls: None,
            slow_after: None,
            open: OpenWait::default(),
            half_open: HalfOpen::default(),
            ramp: None,
            initial: State::Closed,
            seed: 0,
        }
    }
}

impl Default for OpenWait {
    fn default() -> Self {
        Self {
            initial: Duration::from_secs(5),
            growth: 2.0,
            max: Duration::from_secs(60),
            jitter: 0.0,
        }
    }
}

impl OpenWait {
    /// The same wait each time.
    #[must_use]
    pub const fn constant(wait: Duration) -> Self {
        Self {
            initial: wait,
            growth: 1.0,
            max: wait,
            jitter: 0.0,
        }
    }
}

impl Default for HalfOpen {
    fn default() -> Self {
        Self {
            permits: 1,
            verdict: Verdict::FirstFailure,
            deadline: Duration::from_secs(30),
        }
    }
}

impl Thresholds {
    /// No threshold: the window only counts.
    pub const COUNT_ONLY: Self = Self {
        minimum_calls: 1,
        failure_ratio: None,
        slow_ratio: None,
        failures: None,
    };
}

impl Settings {
    /// Settings without any trip rule, to add the wanted ones to.
    #[must_use]
    pub fn without_rules() -> Self {
        Self {
            time: None,
            ..Self::default()
        }
    }

    /// Whether a breaker can work with these settings.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] naming everything that is wrong, not only the first fault.
    pub fn validate(&self) -> Result<(), SettingsError> {
        let mut faults = Vec::new();
        let mut check = |fine: bool, fault: Fault| {
            if !fine {
                faults.push(fault);
            }
        };
        check(
            self.consecutive_failures != Some(0),
            Fault::ConsecutiveFailures,
        );
        check(self.slow_after != Some(Duration::ZERO), Fault::SlowAfter);
        self.check_windows(&mut check);
        check(self.open.initial <= self.open.max, Fault::OpenMax);
        check(
            self.open.growth >= 1.0 && self.open.growth.is_finite(),
            Fault::OpenGrowth,
        );
        check((0.0..=1.0).contains(&self.open.jitter), Fault::OpenJitter);
        let half = self.half_open;
        check(
            (1..=MAX_PROBES).contains(&half.permits),
            Fault::Permits(half.permits),
        );
        check(!half.deadline.is_zero(), Fault::ProbeDeadline);
        if let Verdict::Successes(needed) = half.verdict {
            check(
                (1..=half.permits).contains(&needed),
                Fault::Successes(needed, half.permits),
            );
        }
        if faults.is_empty() {
            Ok(())
        } else {
            Err(SettingsError { faults })
        }
    }

    fn check_windows(&self, check: &mut impl FnMut(bool, Fault)) {
        if let Some(rule) = self.time {
            match rule.window {
                Window::Rolling { span, buckets } => {
                    check(
                        span.as_nanos() >= u128::from(buckets.max(1)),
                        Fault::WindowSpan,
                    );
                    check(
                        (1..=MAX_BUCKETS).contains(&buckets),
                        Fault::WindowBuckets(buckets),
                    );
                }
                Window::Fixed { span } => check(!span.is_zero(), Fault::WindowSpan),
            }
            check(rule.thresholds.minimum_calls > 0, Fault::MinimumCalls);
            check(rule.thresholds.failures != Some(0), Fault::Failures);
        }
        if let Some(rule) = self.last_calls {
            check(
                (1..=MAX_LAST_CALLS).contains(&rule.calls),
                Fault::LastCalls(rule.calls),
            );
            check(rule.thresholds.minimum_calls > 0, Fault::MinimumCalls);
            check(rule.thresholds.failures != Some(0), Fault::Failures);
            let failures = rule.thresholds.failures.unwrap_or(0);
            check(
                failures <= rule.calls,
                Fault::UnreachableFailures(failures, rule.calls),
            );
        }
    }
}

impl OpenWait {
    /// The wait of the `attempt`-th opening in a row, its chance drawn from `seed`.
    pub(super) fn wait(&self, attempt: u32, seed: u64) -> Duration {
        let first = nanos(self.initial).min(nanos(self.max));
        let whole = if attempt == 0 || first == 0 || self.growth == 1.0 {
            first
        } else {
            let factor = self.growth.powi(i32::try_from(attempt).unwrap_or(i32::MAX));
            scale(first, factor).min(nanos(self.max))
        };
        if self.jitter == 0.0 {
            return Duration::from_nanos(whole);
        }
        Duration::from_nanos(whole - scale(whole, self.jitter * unit(seed)).min(whole))
    }
}
