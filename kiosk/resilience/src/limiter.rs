//! Rate limiters: so many calls in a time.
//!
//! [`TokenBucket`] lets bursts through and then a steady rate, and can take reservations.
//! [`SlidingWindow`] never lets more than so many through in *any* span of time. Both are exact
//! (integers, no drift) and can be retuned while callers wait.

use std::fmt;
use std::time::Duration;

mod sliding_window;
mod token_bucket;

pub use sliding_window::{MAX_CALLS, SlidingWindow, Window};
pub use token_bucket::{Rate, Reservation, TokenBucket};

/// The limit is reached. Nothing was sent, so this says nothing about the called side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limited {
    /// How long until it is worth asking again; never, if more is wanted than can ever be had.
    pub retry_in: Option<Duration>,
}

impl fmt::Display for Limited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.retry_in {
            Some(wait) => write!(f, "rate limit reached, retry in {wait:?}"),
            None => f.write_str("more wanted than the rate limit ever allows"),
        }
    }
}

impl std::error::Error for Limited {}

/// A limit that would let nothing through, or everything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidRate;

impl fmt::Display for InvalidRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a rate needs at least 1 call, a period above zero and at most {MAX_CALLS} calls remembered"
        )
    }
}

impl std::error::Error for InvalidRate {}
