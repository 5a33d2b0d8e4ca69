//! Drivers for the devices of a self-order kiosk.
//!
//! Everything here is `no_std`, allocates nothing and knows no operating system: a driver is generic
//! over the traits of `embedded-hal` (pins, delays) or `embedded-io` (byte streams) and runs the same
//! on a microcontroller, on a kiosk's Linux board and against a mock. Each device has a file of its
//! own and an error type that tells apart what its caller does differently.
//!
//! ```
//! use firmware_hal::printer::{Alignment, Cut, Printer, Profile, Style};
//!
//! # fn main() -> Result<(), firmware_hal::printer::Error<core::convert::Infallible>> {
//! let mut printer = Printer::new(Vec::new(), Profile::MM80);
//! printer.initialise()?;
//! printer.align(Alignment::Centre)?;
//! printer.style(Style::PLAIN.bold())?;
//! printer.line("Lantern Noodles")?;
//! printer.cut(Cut::Partial)?;
//! assert!(printer.into_port().starts_with(b"\x1b@"));
//! # Ok(())
//! # }
//! ```
#![no_std]
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]
#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

#[cfg(any(test, feature = "mock"))]
extern crate alloc;

pub mod beacon;
pub mod buzzer;
pub mod card;
pub mod distance;
pub mod drawer;
#[cfg(any(test, feature = "mock"))]
pub mod mock;
pub mod presence;
pub mod printer;
pub mod scanner;
#[cfg(any(test, feature = "mock"))]
pub mod simulator;
pub mod watchdog;
