//! What a call holds on its way, each given back when it is let go.

use std::sync::Arc;
use std::time::Duration;

use resilience::Breaker;
use resilience::backoff::RetryBudget;
use resilience::breaker::{Outcome, Permit};
use resilience::bulkhead::Place;
use resilience::limiter::{Reservation, TokenBucket};

use super::ending::Ending;
use super::{Dependency, Limits, now};

/// A token of the limiter, given back unless it is spent.
pub(super) struct Token<'a> {
    rate: &'a TokenBucket,
    reservation: Option<Reservation>,
}

impl<'a> Token<'a> {
    pub(super) fn reserved(rate: &'a TokenBucket, reservation: Reservation) -> Self {
        Self {
            rate,
            reservation: Some(reservation),
        }
    }

    pub(super) fn spend(mut self) {
        self.reservation = None;
    }
}

impl Drop for Token<'_> {
    fn drop(&mut self) {
        if let Some(reservation) = self.reservation.take() {
            self.rate.cancel(reservation, now());
        }
    }
}

/// A retry that is paid for, refunded unless it is made.
pub(super) struct Paid<'a> {
    affordable: &'a RetryBudget,
    spent: bool,
}

impl<'a> Paid<'a> {
    pub(super) fn from(affordable: &'a RetryBudget) -> Self {
        Self {
            affordable,
            spent: false,
        }
    }

    pub(super) fn spend(mut self) {
        self.spent = true;
    }
}

impl Drop for Paid<'_> {
    fn drop(&mut self) {
        if !self.spent {
            self.affordable.refund();
        }
    }
}

/// A call that was sent. Dropped without an end: its caller went away, which the permit books.
pub(super) struct UnderWay<'a> {
    dependency: &'a Dependency,
    permit: Option<Permit<&'a Breaker>>,
    /// The same call for the breaker that only watches.
    beside: Option<Permit<Arc<Breaker>>>,
    judged_by_time: bool,
    _place: Place,
}

impl<'a> UnderWay<'a> {
    pub(super) fn begun(
        dependency: &'a Dependency,
        permit: Permit<&'a Breaker>,
        limits: Limits,
        place: Place,
    ) -> Self {
        Self {
            dependency,
            beside: dependency.beside.permit(permit.taken_at()),
            permit: Some(permit),
            judged_by_time: limits.judged_by_time,
            _place: place,
        }
    }

    /// Says whether another attempt may end otherwise.
    pub(super) fn ended(mut self, outcome: Outcome) -> bool {
        if let Some(permit) = self.permit.take() {
            let now = now();
            if let Some(beside) = self.beside.take() {
                let _ = if self.judged_by_time {
                    beside.finish(now, outcome)
                } else {
                    beside.record(now, outcome)
                };
            }
            let outcome = if self.judged_by_time {
                permit.timed(now, outcome)
            } else {
                outcome
            };
            let report = permit.record(now, outcome);
            self.dependency.booked(Ending::of(outcome, report));
        }
        matches!(outcome, Outcome::Fail | Outcome::SlowFail)
    }

    /// The called side wants to be left alone for so long.
    pub(super) fn paused(mut self, wait: Duration) {
        if let Some(permit) = self.permit.take() {
            let now = now();
            if let Some(beside) = self.beside.take() {
                let _ = beside.pause(now, wait);
            }
            let report = permit.pause(now, wait);
            self.dependency.booked(Ending::of(Outcome::Ignored, report));
        }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.permit.is_some() {
            self.dependency.count(Ending::Cancelled);
        }
    }
}
