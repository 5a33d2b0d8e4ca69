//! The store in a box: real processes, links with switches, diners that never give up, and a checker
//! that says whether every promise was kept.
//!
//! [`store::Store`] starts cloud-sync with its embedded broker and the kiosks of one store, each a
//! process of its own, so that `kill -9` is real. HTTP and MQTT of every kiosk run through a
//! [`proxy::Proxy`] that can be cut, frozen or slowed. [`diner::Diner`] orders as a screen does and
//! [`checker`] compares what was shown with what headquarters has.

pub mod api;
pub mod bench;
pub mod broker;
pub mod browser;
pub mod carts;
pub mod checker;
pub mod cli;
pub mod clock;
pub mod demo;
pub mod dice;
pub mod diner;
pub mod disk;
pub mod hq;
pub mod pace;
pub mod postgres;
pub mod process;
pub mod proxy;
pub mod screens;
pub mod simulation;
pub mod store;
pub mod wait;
