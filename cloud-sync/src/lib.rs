//! The backend of Stillopen: receives the orders of kiosks, each exactly once.
//!
//! * `ingest`: the one door for frames and hellos, and the acks that go out
//! * `ledger`: what is durable; all SQL
//! * `http`: devices, headquarters' calls and pages
//! * [`cli`]: the commands

#![expect(dead_code, reason = "messages, menus and pages use the rest")]

pub mod cli;

mod clock;
mod cloud;
mod commands;
mod config;
mod http;
mod ingest;
mod ledger;
mod logs;
mod presence;
mod serve;
#[cfg(test)]
mod testing;
mod users;
