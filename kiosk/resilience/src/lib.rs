//! Deciding when to call, when to wait and when to do without.
//!
//! Everything here is a pure decision: no runtime, no threads, no clock, no randomness, no
//! `unsafe`. `now` is an argument, so the same code runs in production, in tests and in a
//! simulation of thousands of faults a minute.
#![deny(missing_docs)]

pub(crate) mod chance;
pub(crate) mod moment;
pub(crate) mod ratio;
pub(crate) mod sync;

pub mod breaker;

pub use breaker::Breaker;
pub use moment::Moment;
pub use ratio::{Ratio, RatioError};
