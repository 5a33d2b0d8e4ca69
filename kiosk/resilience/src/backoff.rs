//! How long to wait before a retry, and whether retrying is affordable at all.
//!
//! [`Backoff`] spreads retries over time, [`RetryBudget`] keeps them a fixed share of the traffic,
//! so that an outage is not multiplied by everybody trying three times.

use std::fmt;
use std::time::Duration;

use crate::chance::{mix, scale, unit};
use crate::moment::{Moment, nanos};
use crate::ratio::Ratio;
use crate::sync::{Mutex, MutexGuard};

/// How much of a delay is left to chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// Nothing: the whole delay.
    None,
    /// Anything from nothing to the whole delay, which spreads a crowd best.
    Full,
    /// Half of the delay and anything up to the other half.
    Equal,
}

/// Exponential delays: `initial × factor^n`, at most `cap`, for the `n`-th retry (from zero).
///
/// ```
/// use resilience::backoff::{Backoff, Jitter};
/// use std::time::Duration;
///
/// let backoff = Backoff { jitter: Jitter::None, ..Backoff::default() };
/// let delays: Vec<_> = (0..4).map(|retry| backoff.delay(retry, 0).as_millis()).collect();
/// assert_eq!(delays, [100, 200, 400, 800]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub initial: Duration,
    /// From one delay to the next, at least 1.
    pub factor: f64,
    /// No delay is longer.
    pub cap: Duration,
    /// How much is left to chance.
    pub jitter: Jitter,
}

impl Default for Backoff {
    /// From 100 ms, doubling, up to 30 s, with full jitter.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(100),
            factor: 2.0,
            cap: Duration::from_secs(30),
            jitter: Jitter::Full,
        }
    }
}

impl Backoff {
    /// Whether the delays are sensible.
    ///
    /// # Errors
    ///
    /// [`InvalidBackoff`] if the factor is below 1 or not finite, or the first delay exceeds the
    /// cap.
    pub fn validate(&self) -> Result<(), InvalidBackoff> {
        let fine = self.factor >= 1.0 && self.factor.is_finite() && self.initial <= self.cap;
        if fine { Ok(()) } else { Err(InvalidBackoff) }
    }

    /// The longest delay before this retry.
    #[must_use]
    pub fn ceiling(&self, retry: u32) -> Duration {
        let first = nanos(self.initial);
        if retry == 0 || first == 0 {
            return self.initial.min(self.cap);
        }
        let factor = self.factor.powi(i32::try_from(retry).unwrap_or(i32::MAX));
        Duration::from_nanos(scale(first, factor).min(nanos(self.cap)))
    }

    /// The delay before this retry. `random` is any number from a random source; equal numbers
    /// give equal delays.
    #[must_use]
    pub fn delay(&self, retry: u32, random: u64) -> Duration {
        let most = nanos(self.ceiling(retry));
        let left = match self.jitter {
            Jitter::None => most,
            Jitter::Full => scale(most, unit(random)),
            Jitter::Equal => most / 2 + scale(most - most / 2, unit(random)),
        };
        Duration::from_nanos(left.min(most))
    }

    /// All delays in order, without end, their chance drawn from `seed`.
    pub fn delays(self, seed: u64) -> impl Iterator<Item = Duration> {
        (0..=u32::MAX).scan(seed, move |random, retry| {
            *random = mix(*random);
            Some(self.delay(retry, *random))
        })
    }
}

/// Delays that do not grow, or start above their cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBackoff;

impl fmt::Display for InvalidBackoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a back-off needs a finite factor of 1 or more and a first delay within its cap",
        )
    }
}

impl std::error::Error for InvalidBackoff {}

/// What retries may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Retries per call: a tenth means one retry for ten calls.
    pub share: Ratio,
    /// Retries a second beside that, so that a quiet caller may retry too.
    pub per_second: u32,
    /// The most retries that can be saved up, and what there is at the start.
    pub most: u32,
}

/// Retries as a share of calls. Over any time they are at most
/// `most + share × calls + per_second × seconds`.
///
/// ```
/// use resilience::backoff::{Allowance, RetryBudget};
/// use resilience::{Moment, Ratio};
///
/// let allowance = Allowance { share: Ratio::percent(10)?, per_second: 0, most: 1 };
/// let budget = RetryBudget::new(allowance, Moment::START);
/// assert!(budget.try_retry(Moment::START), "saved up");
/// assert!(!budget.try_retry(Moment::START));
/// for _ in 0..10 {
///     budget.call();
/// }
/// assert!(budget.try_retry(Moment::START), "earned by ten calls");
/// # Ok::<(), resilience::RatioError>(())
/// ```
#[derive(Debug)]
pub struct RetryBudget {
    state: Mutex<Purse>,
}

#[derive(Debug)]
struct Purse {
    allowance: Allowance,
    /// In billionths of a retry.
    balance: u64,
    at: Moment,
    refused: u64,
}

const RETRY: u64 = 1_000_000_000;

impl Purse {
    fn put(&mut self, amount: u64) {
        self.balance = self.with(amount);
    }

    fn with(&self, amount: u64) -> u64 {
        let most = u64::from(self.allowance.most) * RETRY;
        self.balance.saturating_add(amount).min(most)
    }

    fn earn(&mut self, now: Moment) {
        self.balance = self.balance_at(now);
        self.at = self.at.max(now);
    }

    /// One retry a second is one billionth a nanosecond.
    fn balance_at(&self, now: Moment) -> u64 {
        let elapsed = nanos(now.since(self.at));
        self.with(elapsed.saturating_mul(self.allowance.per_second.into()))
    }
}

impl RetryBudget {
    /// A budget with everything that can be saved up.
    #[must_use]
    pub fn new(allowance: Allowance, now: Moment) -> Self {
        let balance = u64::from(allowance.most) * RETRY;
        Self {
            state: Mutex::new(Purse {
                allowance,
                balance,
                at: now,
                refused: 0,
            }),
        }
    }

    /// Notes a first attempt, which earns its share of a retry.
    pub fn call(&self) {
        let mut purse = self.lock();
        let share = purse.allowance.share.parts().into();
        purse.put(share);
    }

    /// Pays for a retry, if there is enough.
    #[must_use]
    pub fn try_retry(&self, now: Moment) -> bool {
        let mut purse = self.lock();
        purse.earn(now);
        let affordable = purse.balance >= RETRY;
        if affordable {
            purse.balance -= RETRY;
        } else {
            purse.refused += 1;
        }
        affordable
    }

    /// Gives back what [`try_retry`](Self::try_retry) took for a retry that was not made.
    pub fn refund(&self) {
        self.lock().put(RETRY);
    }

    /// Whole retries that could be paid for at `now`, and how many ever could not. Changes nothing.
    #[must_use]
    pub fn snapshot(&self, now: Moment) -> (u64, u64) {
        let purse = self.lock();
        (purse.balance_at(now) / RETRY, purse.refused)
    }

    /// Puts another allowance in force. What is saved stays, down to the new most.
    pub fn retune(&self, allowance: Allowance, now: Moment) {
        let mut purse = self.lock();
        purse.earn(now);
        purse.allowance = allowance;
        purse.put(0);
    }

    fn lock(&self) -> MutexGuard<'_, Purse> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
