//! Deciding when to call, when to wait and when to do without.
//!
//! Everything here is a pure decision: no runtime, no threads, no clock, no randomness, no
//! `unsafe`, no dependency. `now` is an argument ([`Moment`]), so the same code runs in production,
//! in tests and in a simulation of thousands of faults a minute.
//!
//! | module | decides |
//! |---|---|
//! | [`breaker`] | whether to call something that may be down |
//! | [`bulkhead`] | how many calls at a time |
//! | [`limiter`] | how many calls in a time |
//! | [`backoff`] | how long to wait before a retry, and whether one is affordable |
//! | [`budget`] | how much time is left for a call and its parts |
//! | [`ramp`] | how fast traffic comes back |
//! | [`switches`] | what people have turned on and off, and for whom |
//! | [`ladder`] | what to do without, and why |
//!
//! # Together
//!
//! From the outside in: budget, retry, limiter, bulkhead, breaker, timeout, call. What an outer
//! part refuses never reaches the breaker. What the breaker, the bulkhead or a limiter refuses was
//! not sent: it is no failure of the called side and earns no retry of its own.
//!
//! ```
//! use resilience::backoff::Backoff;
//! use resilience::breaker::{Breaker, Settings};
//! use resilience::{Budget, Moment};
//! use std::time::Duration;
//!
//! # fn send(_limit: Duration) -> Result<(), ()> { Ok(()) }
//! # let mut now = Moment::START;
//! let breaker = Breaker::new("ordering", Settings::default(), now)?;
//! let (backoff, budget) = (Backoff::default(), Budget::new(now, Duration::from_secs(10)));
//!
//! for retry in 0.. {
//!     let permit = breaker.try_acquire(now)?;
//!     let limit = budget.attempt(now, Duration::from_secs(2)).ok_or("out of time")?;
//!     let sent = send(limit);
//!     // now = clock.now();
//!     let Err(()) = sent else {
//!         let _ = permit.success(now);
//!         break;
//!     };
//!     let _ = permit.failure(now);
//!     let delay = backoff.delay(retry, 4); // any random number
//!     if !budget.allows_retry(now, delay, Duration::from_millis(100)) {
//!         break;
//!     }
//!     now = now.plus(delay); // or rather: wait
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]

pub(crate) mod chance;
pub(crate) mod moment;
pub(crate) mod ratio;
pub(crate) mod sync;

pub mod backoff;
pub mod breaker;
pub mod budget;
pub mod bulkhead;
pub mod ladder;
pub mod limiter;
pub mod ramp;
pub mod switches;

pub use breaker::Breaker;
pub use budget::Budget;
pub use moment::Moment;
pub use ratio::{Ratio, RatioError};

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
