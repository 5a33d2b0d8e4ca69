//! What SQLite keeps and loses on a disk that forgets: each promise beside the control that breaks it.

// Helpers beside the tests count as test code too.
#![cfg(test)]

mod cuts;
mod faults;
mod shop;
mod threads;
