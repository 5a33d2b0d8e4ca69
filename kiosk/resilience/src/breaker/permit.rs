use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use super::core::{Pass, Verdicted};
use super::{Breaker, Outcome, Report};
use crate::moment::Moment;

/// The right to make one call, to be given back with the call's outcome.
///
/// [`Permit<&Breaker>`](Breaker::try_acquire) borrows its breaker; [`Permit<Arc<Breaker>>`]
/// (from [`Breaker::try_acquire_owned`]) can cross threads and await points on its own.
///
/// A permit that is dropped without an outcome counts as [`Outcome::Cancelled`] at the instant it
/// was taken: nothing is known about a clock in a destructor, and nothing about the called side. A
/// place among the probes goes back. If the drop has a cause that the breaker should know of (a
/// timeout of one's own, a panic), report [`Outcome::Fail`] first, or use [`Breaker::call`], which
/// does that for panics.
///
/// An outcome can be reported only once, because reporting takes the permit:
///
/// ```compile_fail
/// # use resilience::{Moment, breaker::{Breaker, Settings}};
/// # let breaker = Breaker::new("menu", Settings::default(), Moment::START).unwrap();
/// let permit = breaker.try_acquire(Moment::START).unwrap();
/// let _ = permit.success(Moment::START);
/// let _ = permit.failure(Moment::START); // error: use of moved value
/// ```
#[must_use = "dropping a permit at once counts as a cancelled call"]
pub struct Permit<B: Deref<Target = Breaker>> {
    breaker: B,
    pass: Pass,
    open: bool,
}

impl<B: Deref<Target = Breaker>> Permit<B> {
    pub(super) const fn new(breaker: B, pass: Pass) -> Self {
        Self {
            breaker,
            pass,
            open: true,
        }
    }

    /// When the permit was taken.
    pub const fn taken_at(&self) -> Moment {
        self.pass.taken_at
    }

    /// Whether the call is a probe of a half-open breaker.
    pub const fn is_probe(&self) -> bool {
        self.pass.probe.is_some()
    }

    /// The breaker's generation when the permit was taken.
    pub const fn generation(&self) -> u64 {
        self.pass.generation
    }

    /// The call worked. Slow if it took longer than the limit.
    #[inline]
    pub fn success(self, now: Moment) -> Report {
        self.finish(now, Outcome::Ok)
    }

    /// The call failed. Slow too if it took longer than the limit.
    #[inline]
    pub fn failure(self, now: Moment) -> Report {
        self.finish(now, Outcome::Fail)
    }

    /// The call ended like this; the time since the permit was taken decides whether it was slow.
    #[inline]
    pub fn finish(mut self, now: Moment, outcome: Outcome) -> Report {
        self.open = false;
        self.breaker.settle(self.pass, now, outcome, true)
    }

    /// What [`finish`](Self::finish) would make of this outcome: slow if the call took longer than
    /// the limit. For whoever tells others too how calls end; [`record`](Self::record) reports it.
    ///
    /// ```
    /// # use resilience::{Moment, breaker::{Breaker, Outcome, Settings}};
    /// # use std::time::Duration;
    /// # let settings = Settings { slow_after: Some(Duration::from_secs(1)), ..Settings::default() };
    /// # let breaker = Breaker::new("ordering", settings, Moment::START).unwrap();
    /// let permit = breaker.try_acquire(Moment::START).unwrap(); // slow after a second
    /// assert_eq!(permit.timed(Moment::from_secs(1), Outcome::Ok), Outcome::Ok);
    /// assert_eq!(permit.timed(Moment::from_secs(2), Outcome::Ok), Outcome::Slow);
    /// let _ = permit.record(Moment::from_secs(2), Outcome::Slow);
    /// ```
    #[must_use]
    pub fn timed(&self, now: Moment, outcome: Outcome) -> Outcome {
        self.breaker.timed(&self.pass, now, outcome)
    }

    /// The call ended exactly like this, whatever time it took.
    #[inline]
    pub fn record(mut self, now: Moment, outcome: Outcome) -> Report {
        self.open = false;
        self.breaker.settle(self.pass, now, outcome, false)
    }

    /// The call failed, and the called side asks to be left alone for `wait` (`Retry-After`): the
    /// breaker opens at once for exactly that long, below any threshold.
    pub fn trip(mut self, now: Moment, wait: Duration) -> Report {
        self.open = false;
        let said = Verdicted {
            outcome: Outcome::Fail,
            timed: true,
            pause: Some(wait),
        };
        self.breaker.settle_locked(self.pass, now, said)
    }

    /// The called side answered, and asks to be left alone for `wait` without having failed (an
    /// overload it knows of): a neutral outcome, and the breaker opens at once for exactly that
    /// long. A probe gives its place back.
    ///
    /// Both happen in one step, under the same check as every outcome: a stale permit neither
    /// opens a breaker nor changes the wait of one that is open, which a neutral outcome followed
    /// by [`Breaker::trip`] would.
    ///
    /// ```
    /// # use resilience::{Moment, breaker::{Breaker, Report, Settings}};
    /// # use std::time::Duration;
    /// # let breaker = Breaker::new("ordering", Settings::default(), Moment::START).unwrap();
    /// let (first, second) = (
    ///     breaker.try_acquire(Moment::START).unwrap(),
    ///     breaker.try_acquire(Moment::START).unwrap(),
    /// );
    /// let now = Moment::from_secs(1);
    /// assert_eq!(first.pause(now, Duration::from_secs(30)), Report::Neutral);
    /// assert_eq!(second.pause(now, Duration::from_secs(1)), Report::Stale);
    /// assert_eq!(breaker.snapshot(now).until, Some(Moment::from_secs(31)));
    /// ```
    pub fn pause(mut self, now: Moment, wait: Duration) -> Report {
        self.open = false;
        let said = Verdicted {
            outcome: Outcome::Ignored,
            timed: false,
            pause: Some(wait),
        };
        self.breaker.settle_locked(self.pass, now, said)
    }

    #[cold]
    fn give_up(&self) {
        let said = Verdicted {
            outcome: Outcome::Cancelled,
            timed: false,
            pause: None,
        };
        let _ = self
            .breaker
            .settle_locked(self.pass, self.pass.taken_at, said);
    }
}

impl<B: Deref<Target = Breaker>> Drop for Permit<B> {
    #[inline]
    fn drop(&mut self) {
        if self.open {
            self.give_up();
        }
    }
}

impl<B: Deref<Target = Breaker>> fmt::Debug for Permit<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("breaker", &self.breaker.name())
            .field("taken_at", &self.pass.taken_at)
            .field("generation", &self.pass.generation)
            .field("is_probe", &self.is_probe())
            .finish_non_exhaustive()
    }
}
