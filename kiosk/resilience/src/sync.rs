//! The only names of shared memory in this crate, so that the interleaving tests can put a model
//! checker's in their place.

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};
