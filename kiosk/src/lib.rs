//! Stillopen's kiosk: takes orders in the store and stays open when the cloud does not.
//!
//! Data flows one way: `web` → `journal` → `uplink`. Nothing right of the journal can delay or undo
//! what is left of it.

pub mod cache;
pub mod cli;
pub mod clock;
mod commands;
pub mod config;
pub mod connect;
pub mod devices;
pub mod downlink;
pub mod follow;
pub mod habits;
pub mod help;
pub mod https;
pub mod journal;
pub mod level;
pub mod logs;
pub mod menus;
pub mod metrics;
pub mod offer;
pub mod protect;
pub mod reach;
pub mod scans;
pub mod serve;
pub mod settings;
mod sleep;
pub mod status;
pub mod switches;
pub mod uplink;
pub mod wallclock;
pub mod watchdog;
pub mod web;
