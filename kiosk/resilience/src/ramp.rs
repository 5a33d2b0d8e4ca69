//! Letting traffic come back gradually after an outage.

use std::time::Duration;

use crate::moment::{Moment, nanos};
use crate::ratio::Ratio;

/// How the share of admitted calls grows: from `first` to all of them, evenly over `over`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slope {
    /// The share at the beginning.
    pub first: Ratio,
    /// How long until everything passes. Zero passes everything at once.
    pub over: Duration,
}

/// A ramp under way. Of the calls that ask, it passes the share that is due, evenly spread: at a
/// quarter every fourth call passes, not one in four by luck. The first call always passes.
///
/// ```
/// use resilience::ramp::{Ramp, Slope};
/// use resilience::{Moment, Ratio};
/// use std::time::Duration;
///
/// let slope = Slope { first: Ratio::percent(25)?, over: Duration::from_secs(30) };
/// let mut ramp = Ramp::begin(slope, Moment::START);
/// let passed = (0..8).filter(|_| ramp.admit(Moment::START)).count();
/// assert_eq!(passed, 2);
/// assert!(ramp.is_over(Moment::from_secs(30)));
/// # Ok::<(), resilience::RatioError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ramp {
    slope: Slope,
    began: Moment,
    /// What is saved towards the next call, in billionths of one.
    saved: u64,
}

const CALL: u64 = 1_000_000_000;

impl Ramp {
    /// A ramp that begins at `now`.
    #[must_use]
    pub const fn begin(slope: Slope, now: Moment) -> Self {
        Self {
            slope,
            began: now,
            saved: CALL - slope.first.parts() as u64,
        }
    }

    /// Whether everything passes at `now`.
    #[must_use]
    pub fn is_over(&self, now: Moment) -> bool {
        now.since(self.began) >= self.slope.over
    }

    /// When everything passes.
    #[must_use]
    pub const fn ends(&self) -> Moment {
        self.began.plus(self.slope.over)
    }

    /// The share of calls that pass at `now`, between 0 and 1.
    #[must_use]
    pub fn share(&self, now: Moment) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a share for display")]
        {
            self.parts(now) as f64 / CALL as f64
        }
    }

    fn parts(&self, now: Moment) -> u64 {
        if self.is_over(now) {
            return CALL;
        }
        let first = u64::from(self.slope.first.parts());
        let elapsed = u128::from(nanos(now.since(self.began)));
        let grown = u128::from(CALL - first) * elapsed / u128::from(nanos(self.slope.over).max(1));
        first + u64::try_from(grown).unwrap_or(CALL)
    }

    /// Whether this call is among those that pass.
    #[must_use]
    pub fn admit(&mut self, now: Moment) -> bool {
        self.saved += self.parts(now);
        let passes = self.saved >= CALL;
        if passes {
            self.saved -= CALL;
        }
        passes
    }

    /// Goes on with another slope, from the moment this one began.
    pub const fn retune(&mut self, slope: Slope) {
        self.slope = slope;
    }
}
