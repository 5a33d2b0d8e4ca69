//! What travels between kiosks and cloud-sync.
//!
//! * [`frame`]: batches of events, signed by the kiosk's journal key
//! * [`signed`]: everything else that is signed: [`ack`], [`control`], [`hello`], [`notice`]
//! * [`chain`]: content and chain hashes
//! * [`succession`]: keys that follow one another
//! * [`credential`]: what enrolment gives a kiosk
//! * [`archive`]: exported events in a file
//! * [`topics`]: where it goes on a broker
//!
//! Nothing here reads a clock or a random source; keys come in as seeds.
//!
//! # Versions
//! A version is never changed once it has shipped: `golden/` holds bytes of each, and reading them
//! is a test.
#![deny(missing_docs)]
#![cfg_attr(not(test), warn(clippy::indexing_slicing))]

pub mod ack;
pub mod archive;
pub mod chain;
pub mod control;
pub mod credential;
pub mod frame;
pub mod hello;
pub mod keys;
pub mod notice;
pub mod signed;
pub mod succession;
pub mod topics;

mod bytes;
