//! The kiosk's journal on a disk that forgets what was not synced, fails, fills up and loses power:
//! every answer that was given stays true. Each promise stands beside the control that breaks it.
//!
//! `DURABILITY_SEEDS` is how many ways each power cut is looked at; the default keeps this short.

// Helpers beside the tests count as test code too.
#![cfg(test)]

mod asked;
mod cuts;
mod faults;
mod shift;
mod space;
