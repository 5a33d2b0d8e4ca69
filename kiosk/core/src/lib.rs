//! The pure heart of Stillopen's kiosk: money, menu, cart, pricing, order, events and stock.
//!
//! Everything here decides and nothing here does: there is no clock, no file, no socket and no
//! thread. Wall time, identities and randomness are arguments, so the same code runs in the store,
//! in unit tests and in a simulation.
#![deny(missing_docs, clippy::float_arithmetic)]

pub mod cart;
pub mod cash;
pub mod combo;
pub mod day;
pub mod daypart;
pub mod document;
pub mod event;
pub mod fold;
pub mod gtin;
pub mod ids;
pub mod menu;
pub mod money;
pub mod number;
pub mod order;
pub mod pricing;
pub mod promotion;
pub mod refund;
pub mod report;
pub mod stock;
pub mod text;
pub mod tip;
pub mod together;
pub mod wall;
