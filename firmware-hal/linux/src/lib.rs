//! The ports of a Linux kiosk, for the drivers of `firmware-hal`.
//!
//! A [`Port`] is opened from an [`Address`], which is what a configuration file holds: a USB printer's
//! device node, a serial line, a network printer, a scanner that poses as a keyboard, or a plain file that
//! keeps what would be printed. All of them read and write through `embedded_io`, never wait longer than
//! their [`Timeouts`], and name the device in every [`Error`]. Pins ([`Output`], [`Input`]), [`Pwm`] channels
//! and the [`I2c`] bus serve the drivers over `embedded-hal`, [`Watchdog`] the guard.
//!
//! A device may be unplugged and plugged in again at any time: its port then fails with an error of kind
//! [`Kind::Gone`], and opening the same [`Address`] finds it again once it is back, whatever device node it
//! has by then.
//!
//! ```no_run
//! use firmware_hal::printer::{Printer, Profile};
//! use firmware_hal_linux::{Address, Port, Timeouts};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let address: Address = "tcp:192.0.2.7:9100".parse()?;
//! let mut printer = Printer::new(Port::open(&address, Timeouts::default())?, Profile::MM80);
//! if let Some(obstacle) = printer.status()?.obstacle() {
//!     println!("{address}: {obstacle:?}");
//! }
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]
#![warn(clippy::missing_errors_doc)]

mod address;
mod capture;
mod descriptor;
mod discovery;
mod error;
mod gpio;
mod hid;
mod i2c;
mod network;
mod port;
mod pwm;
mod serial;
#[cfg(feature = "mock")]
mod simulated;
mod usb;
mod watchdog;

pub use address::{Address, AddressError};
pub use capture::Capture;
pub use discovery::{Found, UsbId, discover};
pub use error::{Error, Kind, Operation};
pub use gpio::{Input, Output, Pull};
pub use hid::Hid;
pub use i2c::I2c;
pub use network::Network;
pub use port::Port;
pub use pwm::Pwm;
pub use serial::{Flow, Parity, Serial, Settings};
#[cfg(feature = "mock")]
pub use simulated::{SimulatedLine, SimulatedPrinter, SimulatedTerminal};
pub use usb::Usb;
pub use watchdog::Watchdog;

use std::time::Duration;

/// How long a port waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timeouts {
    /// For a network printer to take the connection.
    pub open: Duration,
    /// For the first byte of an answer.
    pub read: Duration,
    /// For the device to take at least one byte. A printer that is out of paper takes none.
    pub write: Duration,
}

impl Default for Timeouts {
    /// Printers answer a real-time status request within some 100 ms; a full buffer empties at the pace
    /// of a line in some 50 ms, but a cut takes longer.
    fn default() -> Self {
        Self {
            open: Duration::from_secs(3),
            read: Duration::from_secs(1),
            write: Duration::from_secs(5),
        }
    }
}
