//! The backend of Stillopen: receives the orders of kiosks, each exactly once.
//!
//! * `ingest`: the one door for frames and hellos, and the acks that go out
//! * `ledger`: what is durable; all SQL
//! * `http`: devices, headquarters' calls and pages
//! * `mqtt`: the ingest side of a broker
//! * [`broker`]: the embedded broker
//! * [`intake`]: the door without a network, for measurements
//! * [`cli`]: the commands
//! * [`replica`]: the door alone, without a network, for simulations

pub mod broker;
pub mod cli;
pub mod intake;
pub mod replica;

mod brokers;
mod clock;
mod cloud;
#[cfg(test)]
#[path = "../../tests/src/postgres.rs"]
pub mod cluster;
mod commands;
mod config;
mod front;
mod gate;
mod http;
mod import;
mod ingest;
mod keys;
mod ledger;
mod logs;
mod metrics;
mod mosquitto;
mod mqtt;
mod opening;
mod presence;
mod serve;
#[cfg(test)]
mod testing;
mod tls;
mod users;
mod watchdog;
mod web;
