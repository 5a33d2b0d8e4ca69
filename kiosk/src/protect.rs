//! The way every remote call goes: under the rules that stand before its dependency.
//!
//! ```text
//!  retry ─► limiter ─► bulkhead ─► breaker ─► timeout ─► call
//! ```
//!
//! However a call ends, its dependency learns what that means and nothing else:
//!
//! | ending | breaker | rest |
//! |---|---|---|
//! | it answers, or fails | what the judge says who sees the whole result | a failure is tried again, if affordable |
//! | it asks to be left alone | neutral, and open for as long as asked, unless it moved on since | no retry |
//! | no answer in time | failure, and slow if it took longer than a call may | retry, if affordable |
//! | it or its judge panics | failure, slow like any other | the panic goes on |
//! | the caller goes away | neutral, at the instant the permit was taken | the place goes back |
//! | a rule refuses it | nothing, it was not sent | token, place and a retry's price go back, no retry |

mod beside;
mod calls;
mod diary;
pub(crate) mod ending;
mod guards;
mod rules;
mod standing;
#[cfg(test)]
mod tests;
pub(crate) mod tuning;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use resilience::backoff::RetryBudget;
use resilience::breaker::{OpenWait, Outcome, Rejected, Snapshot, State};
use resilience::bulkhead::{self, Bulkhead, Full};
use resilience::limiter::{Limited, TokenBucket};
use resilience::{Breaker, Moment};

use self::beside::Beside;
use self::diary::Diary;
use self::ending::Ending;
pub use self::rules::{BadRules, Mode, Retries, Rules, Waits};
pub use self::standing::Held;
use self::standing::Standing;
pub use cloud_sync_wire::notice::tuning::Tuning;

use crate::clock;
use crate::uplink::Dice;

/// Now, on the clock of breakers and deadlines.
pub(crate) fn now() -> Moment {
    Moment::from_duration(clock::monotonic())
}

/// One remote dependency and the rules that stand before it.
#[derive(Debug)]
pub struct Dependency {
    breaker: Arc<Breaker>,
    places: Bulkhead,
    rate: TokenBucket,
    affordable: RetryBudget,
    retries: Mutex<Retries>,
    /// In force; held while rules are put in force, so that nobody undoes what another sets.
    rules: Mutex<InForce>,
    standing: Mutex<Standing>,
    diary: Diary,
    beside: Beside,
    dice: Mutex<Dice>,
}

#[derive(Debug)]
struct InForce {
    rules: Rules,
    /// The waits of an open breaker where nobody sets them.
    paced: OpenWait,
}

impl InForce {
    /// These rules, with their waits over those of the heartbeat.
    fn of(mut rules: Rules, paced: OpenWait) -> Self {
        rules.breaker.open = rules.waits.over(paced);
        Self { rules, paced }
    }
}

/// How long a call may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Each attempt; less where others may have to follow within the same time.
    pub attempt: Duration,
    /// All of it: waits for a place and between attempts included.
    pub total: Duration,
    /// Whether a call that takes long is a slow one. What carries much may take its time.
    pub judged_by_time: bool,
}

impl Limits {
    /// One limit for all of it: attempts share it, and what one leaves is the next one's.
    #[must_use]
    pub fn within(limit: Duration) -> Self {
        Self {
            attempt: limit,
            total: limit,
            judged_by_time: true,
        }
    }
}

/// A dependency and its rules at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// In force.
    pub rules: Rules,
    /// Whether calls pass.
    pub breaker: Snapshot,
    /// How many are under way.
    pub places: bulkhead::Snapshot,
    /// How many calls the limiter would let out now.
    pub tokens: u32,
    /// How many retries are affordable now.
    pub retries: u64,
    /// How many ever were not.
    pub retries_refused: u64,
    /// Who holds the breaker where it is, if somebody does.
    pub held: Option<Held>,
    /// The breaker that only watches, if there is one.
    pub beside: Option<Snapshot>,
}

/// What a result means for its dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// This for the breaker; a failure may be tried again.
    Is(Outcome),
    /// It wants to be left alone for so long.
    Overloaded(Duration),
}

/// Which rule kept a call from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Too many calls in too short a time.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// Too many calls at a time.
    #[error(transparent)]
    Full(#[from] Full),
    /// The breaker.
    #[error(transparent)]
    Open(#[from] Rejected),
}

impl Refused {
    /// How long until it is worth asking again, if that can be told.
    #[must_use]
    pub fn retry_in(&self) -> Option<Duration> {
        match self {
            Self::Limited(limited) => limited.retry_in,
            Self::Full(_) => None,
            Self::Open(rejected) => rejected.retry_in,
        }
    }
}

/// A judge who only looks at errors: an answer is a success.
pub fn errors<T, E>(judge: impl Fn(&E) -> Verdict) -> impl Fn(&Result<T, E>) -> Verdict {
    move |result| match result {
        Ok(_) => Verdict::Is(Outcome::Ok),
        Err(error) => judge(error),
    }
}

/// Why a protected call brought nothing.
#[derive(Debug)]
pub enum NotDone<E> {
    /// It was not made.
    Refused(Refused),
    /// It was made, and gave no answer within this time.
    TimedOut(Duration),
    /// It was made and failed.
    Failed(E),
}

impl Dependency {
    /// A dependency under these rules.
    ///
    /// # Errors
    /// [`BadRules`] if nothing can work under them.
    pub fn new(name: &str, rules: &Rules, seed: u64, now: Moment) -> Result<Self, BadRules> {
        rules.validate()?;
        let in_force = InForce::of(*rules, rules.breaker.open);
        let mut breaker = in_force.rules.breaker;
        // A switch that is off holds it over any mode.
        if breaker.initial != State::ForcedOpen {
            breaker.initial = rules.mode.state().unwrap_or(breaker.initial);
        }
        Ok(Self {
            breaker: Arc::new(Breaker::new(name, breaker, now)?),
            places: Bulkhead::new(rules.places)?,
            rate: TokenBucket::new(rules.rate, now)?,
            affordable: RetryBudget::new(rules.retries.allowance, now),
            retries: Mutex::new(rules.retries),
            rules: Mutex::new(in_force),
            standing: Mutex::new(Standing::of(rules.mode)),
            dice: Mutex::new(Dice::new(seed)),
            diary: Diary::default(),
            beside: Beside::new(name, rules.beside(), now)?,
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.breaker.name()
    }

    /// Its breaker.
    #[must_use]
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// The rules in force.
    #[must_use]
    pub fn rules(&self) -> Rules {
        self.in_force().rules
    }

    fn in_force(&self) -> MutexGuard<'_, InForce> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts other rules in force: all of them or, if one is senseless, none. What the rules have
    /// counted so far stays, and so does the state of the breaker unless its mode is another; `why`
    /// is what people are told of that. Waits that the rules do not set follow
    /// [`pace`](Self::pace).
    ///
    /// # Errors
    /// [`BadRules`], and the old rules stay.
    pub fn retune(&self, rules: &Rules, why: &str, now: Moment) -> Result<(), BadRules> {
        rules.validate()?;
        let mut in_force = self.in_force();
        let wanted = InForce::of(*rules, in_force.paced);
        self.breaker.retune(wanted.rules.breaker, now)?;
        self.places.retune(rules.places)?;
        self.rate.retune(rules.rate, now)?;
        self.affordable.retune(rules.retries.allowance, now);
        *self.retries.lock().unwrap_or_else(PoisonError::into_inner) = rules.retries;
        self.set_mode(rules.mode, why, now);
        self.beside
            .retune(self.name(), wanted.rules.beside(), now)?;
        *in_force = wanted;
        self.diary.tell(&self.breaker);
        Ok(())
    }

    /// Sets the waits of an open breaker as far as its rules do not, and leaves all else.
    ///
    /// # Errors
    /// [`BadRules`], and the old waits stay.
    pub fn pace(&self, open: OpenWait, now: Moment) -> Result<(), BadRules> {
        let mut in_force = self.in_force();
        let wanted = InForce::of(in_force.rules, open);
        self.breaker.retune(wanted.rules.breaker, now)?;
        self.beside
            .retune(self.name(), wanted.rules.beside(), now)?;
        *in_force = wanted;
        Ok(())
    }

    /// All there is to know about it at one moment. What happened to it meanwhile is told first.
    #[must_use]
    pub fn look(&self, now: Moment) -> Seen {
        self.diary.tell(&self.breaker);
        self.beside.tell();
        let (retries, retries_refused) = self.affordable.snapshot(now);
        Seen {
            rules: self.rules(),
            breaker: self.breaker.snapshot(now),
            places: self.places.snapshot(),
            tokens: self.rate.available(now),
            retries,
            retries_refused,
            held: self.held(),
            beside: self.beside.look(now),
        }
    }

    fn refused(&self, refused: Refused) -> Refused {
        self.count(match refused {
            Refused::Limited(_) => Ending::Limited,
            Refused::Full(_) => Ending::Full,
            Refused::Open(_) => Ending::Rejected,
        });
        refused
    }

    /// A call has ended and its breaker knows: what that made of it is told.
    fn booked(&self, ending: Ending) {
        self.count(ending);
        self.diary.tell(&self.breaker);
        self.beside.tell();
    }

    /// The machine slept so long, while the clock of waits stood still.
    pub fn slept(&self, now: Moment, slept: Duration) {
        self.breaker.slept(now, slept);
        self.diary.tell(&self.breaker);
    }

    fn count(&self, ending: Ending) {
        ending.count(self.name(), 1);
    }
}
