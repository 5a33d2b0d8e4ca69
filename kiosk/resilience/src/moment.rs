use std::fmt;
use std::time::Duration;

/// An instant on a monotonic clock: nanoseconds since an origin of the caller's choosing.
///
/// Everything in this crate takes `now` as an argument, and [`std::time::Instant`] cannot be made
/// at will, so a simulation could not drive it. A `Moment` can. In production it is the time since
/// the process started:
///
/// ```
/// use resilience::Moment;
/// # #[expect(clippy::disallowed_methods, reason = "the example is the clock")]
/// let started = std::time::Instant::now();
/// let now = Moment::from_duration(started.elapsed());
/// assert!(now >= Moment::START);
/// ```
///
/// All arithmetic saturates: a clock that steps back gives an elapsed time of zero, and a wait
/// longer than 584 years ends at [`Moment::MAX`]. Nothing here panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment(u64);

impl Moment {
    /// The origin of the clock.
    pub const START: Self = Self(0);
    /// The last representable instant, about 584 years after the origin: "never".
    pub const MAX: Self = Self(u64::MAX);

    /// The instant this many nanoseconds after the origin.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant this many microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros.saturating_mul(1_000))
    }

    /// The instant this many milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// The instant this many seconds after the origin.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000_000))
    }

    /// The instant this long after the origin.
    #[must_use]
    pub const fn from_duration(since_start: Duration) -> Self {
        Self(nanos(since_start))
    }

    /// Nanoseconds since the origin.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// This instant and `wait` more, or [`Moment::MAX`].
    #[must_use]
    pub const fn plus(self, wait: Duration) -> Self {
        Self(self.0.saturating_add(nanos(wait)))
    }

    /// This instant less `wait`, or [`Moment::START`].
    #[must_use]
    pub const fn minus(self, wait: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(wait)))
    }

    /// The time from `earlier` to here; zero if `earlier` lies in the future.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.0))
    }
}

/// A duration in whole nanoseconds, saturating after 584 years.
#[inline]
pub(crate) const fn nanos(duration: Duration) -> u64 {
    const NANOS: u64 = 1_000_000_000;
    let (secs, rest) = (duration.as_secs(), duration.subsec_nanos() as u64);
    if secs >= u64::MAX / NANOS {
        return u64::MAX;
    }
    secs * NANOS + rest
}
