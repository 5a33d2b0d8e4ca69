//! The kiosk's API over real sockets, one fact per test. Every answer that any of them gets is held
//! to `openapi.json`: its status must be described, its body shaped as described.

// Helpers beside the tests count as test code too.
#![cfg(test)]

mod cards;
mod days;
mod document;
mod events;
mod health;
mod help;
mod hostile;
mod keys;
mod lists;
mod money;
mod moves;
mod offers;
mod orders;
mod pictures;
mod printing;
mod receipts;
mod refusals;
mod sessions;
mod settings;
mod sights;
mod staff;
mod stock;
mod support;
mod switches;
