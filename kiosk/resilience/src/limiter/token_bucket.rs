use std::collections::VecDeque;
use std::time::Duration;

use super::{InvalidRate, Limited};
use crate::moment::{Moment, nanos};
use crate::sync::{Mutex, MutexGuard};

/// How fast tokens come and how many can be saved up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// So many calls ...
    pub calls: u32,
    /// ... in this time.
    pub period: Duration,
    /// The most calls at once after a pause.
    pub burst: u32,
}

impl Rate {
    /// Whether a bucket can work at this rate.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] if the calls, the period or the burst are zero.
    pub const fn validate(&self) -> Result<(), InvalidRate> {
        if self.calls == 0 || self.period.is_zero() || self.burst == 0 {
            return Err(InvalidRate);
        }
        Ok(())
    }

    /// What one token is worth: tokens are counted in fractions of it, so that one nanosecond
    /// brings a whole number of them.
    fn token(&self) -> i128 {
        i128::from(nanos(self.period))
    }

    fn full(&self) -> i128 {
        self.token() * i128::from(self.burst)
    }

    /// How long until so much has come in.
    fn time_for(&self, amount: i128) -> Duration {
        let wait = u128::try_from(amount)
            .unwrap_or(0)
            .div_ceil(u128::from(self.calls));
        Duration::from_nanos(u64::try_from(wait).unwrap_or(u64::MAX))
    }
}

/// A token bucket: a call takes a token, tokens come in at a steady rate, and a bucketful can be
/// saved up.
///
/// ```
/// use resilience::Moment;
/// use resilience::limiter::{Rate, TokenBucket};
/// use std::time::Duration;
///
/// let rate = Rate { calls: 2, period: Duration::from_secs(1), burst: 1 };
/// let bucket = TokenBucket::new(rate, Moment::START)?;
/// bucket.try_acquire(Moment::START)?;
/// let limited = bucket.try_acquire(Moment::START).unwrap_err();
/// assert_eq!(limited.retry_in, Some(Duration::from_millis(500)));
/// bucket.try_acquire(Moment::from_millis(500))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct TokenBucket {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    rate: Rate,
    /// Below zero when tokens are reserved that have not come in.
    level: i128,
    at: Moment,
    /// The reservations whose tokens have not come in, in order. Never more than the tokens that
    /// the level lacks.
    pending: VecDeque<u64>,
    last_number: u64,
}

impl State {
    fn refill(&mut self, now: Moment) {
        self.level = self.level_at(now);
        self.at = self.at.max(now);
        self.release();
    }

    fn level_at(&self, now: Moment) -> i128 {
        let elapsed = i128::from(nanos(now.since(self.at)));
        let come_in = elapsed * i128::from(self.rate.calls);
        (self.level + come_in).min(self.rate.full().max(self.level))
    }

    /// Forgets the reservations whose tokens are there.
    fn release(&mut self) {
        while !self.pending.is_empty() && self.missing(0, self.level) <= 0 {
            self.pending.pop_front();
        }
    }

    /// What is missing at this level for the pending reservation at this place: those behind it are
    /// not its concern.
    fn missing(&self, place: usize, level: i128) -> i128 {
        let behind = self.pending.len().saturating_sub(place + 1) as i128;
        level
            .saturating_add(behind.saturating_mul(self.rate.token()))
            .saturating_neg()
    }

    /// The place of a reservation whose token has not come in.
    fn place_of(&self, reservation: &Reservation) -> Option<usize> {
        self.pending.binary_search(&reservation.number).ok()
    }
}

/// A token that was taken before it came in. Ask the bucket how long to wait, and again after a
/// retune; give it back with [`TokenBucket::cancel`] if it is not needed.
#[derive(Debug)]
#[must_use = "a reservation has taken a token"]
pub struct Reservation {
    number: u64,
}

impl TokenBucket {
    /// A full bucket.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] if nothing could ever pass.
    pub fn new(rate: Rate, now: Moment) -> Result<Self, InvalidRate> {
        rate.validate()?;
        let state = State {
            rate,
            level: rate.full(),
            at: now,
            pending: VecDeque::new(),
            last_number: 0,
        };
        Ok(Self {
            state: Mutex::new(state),
        })
    }

    /// Takes one token.
    ///
    /// # Errors
    ///
    /// [`Limited`] with the time until there is one.
    pub fn try_acquire(&self, now: Moment) -> Result<(), Limited> {
        self.try_acquire_many(now, 1)
    }

    /// Takes so many tokens, or none.
    ///
    /// # Errors
    ///
    /// [`Limited`] with the time until there are enough; without one if that is more than a burst.
    pub fn try_acquire_many(&self, now: Moment, tokens: u32) -> Result<(), Limited> {
        let mut state = self.lock();
        state.refill(now);
        if tokens > state.rate.burst {
            return Err(Limited { retry_in: None });
        }
        let wanted = state.rate.token() * i128::from(tokens);
        if state.level < wanted {
            return Err(Limited {
                retry_in: Some(state.rate.time_for(wanted - state.level)),
            });
        }
        state.level -= wanted;
        Ok(())
    }

    /// Takes a token that may have yet to come in, if that takes no longer than `patience`.
    /// Reservations are served in order, and before anybody who comes later.
    ///
    /// # Errors
    ///
    /// [`Limited`] with the time it would take.
    pub fn reserve(&self, now: Moment, patience: Duration) -> Result<Reservation, Limited> {
        let mut state = self.lock();
        state.refill(now);
        let missing = state.rate.token() - state.level;
        let wait = state.rate.time_for(missing);
        if wait > patience {
            return Err(Limited {
                retry_in: Some(wait),
            });
        }
        state.level -= state.rate.token();
        state.last_number += 1;
        let number = state.last_number;
        if state.level < 0 {
            state.pending.push_back(number);
        }
        Ok(Reservation { number })
    }

    /// How long until the reserved token is there, at the rate in force now; zero when it is.
    /// Changes nothing.
    #[must_use]
    pub fn wait(&self, reservation: &Reservation, now: Moment) -> Duration {
        let state = self.lock();
        let place = state.place_of(reservation);
        place.map_or(Duration::ZERO, |place| {
            state
                .rate
                .time_for(state.missing(place, state.level_at(now)))
        })
    }

    /// Gives a reservation back, and with it its token: those behind move up by one, and nobody
    /// ahead moves. What was told to those behind still holds, their tokens are there earlier.
    pub fn cancel(&self, reservation: Reservation, now: Moment) {
        let mut state = self.lock();
        state.refill(now);
        if let Some(place) = state.place_of(&reservation) {
            state.pending.remove(place);
        }
        state.level = (state.level + state.rate.token()).min(state.rate.full());
        state.release();
    }

    /// Tokens there at `now`. Changes nothing.
    #[must_use]
    pub fn available(&self, now: Moment) -> u32 {
        let state = self.lock();
        let tokens = state.level_at(now).max(0) / state.rate.token();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }

    /// The rate in force.
    #[must_use]
    pub fn rate(&self) -> Rate {
        self.lock().rate
    }

    /// Puts another rate in force from `now`. What came in until then stays, down to the new
    /// burst; a higher rate brings its tokens as they come in, and waits shrink accordingly.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`], and the old rate stays in force.
    pub fn retune(&self, rate: Rate, now: Moment) -> Result<(), InvalidRate> {
        rate.validate()?;
        let mut state = self.lock();
        state.refill(now);
        // Tokens keep their number while what one is worth changes with the period. Both factors
        // stay below 2^96 and 2^64, so this is done token by token to stay within 128 bits.
        let (whole, part) = (
            state.level.div_euclid(state.rate.token()),
            state.level.rem_euclid(state.rate.token()),
        );
        let part = scale(part, rate.token(), state.rate.token());
        state.level = (whole * rate.token() + part).min(rate.full());
        state.rate = rate;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// `part × to / from` for a part below `from`, both below 2^64.
fn scale(part: i128, to: i128, from: i128) -> i128 {
    part.checked_mul(to)
        .map_or_else(|| part / from.max(1) * to, |product| product / from)
}
