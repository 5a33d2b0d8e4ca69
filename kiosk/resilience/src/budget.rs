//! A time budget carried through a call: what is left of the whole for each of its parts.

use std::time::Duration;

use crate::moment::Moment;

/// By when a call must be over, everything included: retries, waits between them, fallbacks.
///
/// Hand it down instead of a timeout. Each attempt takes the smaller of its own limit and what is
/// left; nobody starts what cannot end in time.
///
/// ```
/// use resilience::{Budget, Moment};
/// use std::time::Duration;
///
/// let secs = Duration::from_secs;
/// let budget = Budget::new(Moment::START, secs(5));
/// assert_eq!(budget.attempt(Moment::from_secs(1), secs(2)), Some(secs(2)));
/// assert_eq!(budget.attempt(Moment::from_secs(4), secs(2)), Some(secs(1)));
/// assert_eq!(budget.attempt(Moment::from_secs(5), secs(2)), None);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Budget {
    deadline: Moment,
}

impl Budget {
    /// No limit.
    pub const UNLIMITED: Self = Self {
        deadline: Moment::MAX,
    };

    /// So long from `now`.
    #[must_use]
    pub const fn new(now: Moment, total: Duration) -> Self {
        Self {
            deadline: now.plus(total),
        }
    }

    /// Until `deadline`.
    #[must_use]
    pub const fn until(deadline: Moment) -> Self {
        Self { deadline }
    }

    /// By when it must be over.
    #[must_use]
    pub const fn deadline(self) -> Moment {
        self.deadline
    }

    /// What is left at `now`.
    #[must_use]
    pub const fn left(self, now: Moment) -> Duration {
        self.deadline.since(now)
    }

    /// Whether nothing is left at `now`.
    #[must_use]
    pub const fn is_spent(self, now: Moment) -> bool {
        self.left(now).is_zero()
    }

    /// How long an attempt that begins at `now` may take: its own limit or what is left, whichever
    /// is less. Nothing if the budget is spent.
    #[must_use]
    pub fn attempt(self, now: Moment, limit: Duration) -> Option<Duration> {
        let time = self.left(now).min(limit);
        (!time.is_zero()).then_some(time)
    }

    /// Whether waiting for `delay` and then trying for at least `least` still fits: if not, there
    /// is no point in waiting.
    #[must_use]
    pub const fn allows_retry(self, now: Moment, delay: Duration, least: Duration) -> bool {
        let ready = now.plus(delay).plus(least);
        ready.as_nanos() <= self.deadline.as_nanos()
    }

    /// The part of this budget that ends after `limit`: what to hand to something called.
    #[must_use]
    pub fn narrowed(self, now: Moment, limit: Duration) -> Self {
        Self {
            deadline: self.deadline.min(now.plus(limit)),
        }
    }

    /// This budget less what must be kept back, for instance for a fallback.
    #[must_use]
    pub const fn keeping(self, reserve: Duration) -> Self {
        Self {
            deadline: self.deadline.minus(reserve),
        }
    }
}
