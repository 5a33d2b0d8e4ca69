use crate::{Error, Operation};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// The kernel's watchdog device (`/dev/watchdog0`; `/dev/watchdog` is the same
/// under a number of its own, which services are often not let at): opening it starts the timer.
///
/// How long the timer gives is set by the driver's module parameter or by the service manager and can be
/// read from `/sys/class/watchdog/watchdog0/timeout`. Dropping this without [`Watchdog::disarm`] leaves
/// the timer running, so that a crash of the process resets the machine.
///
/// Source: Linux kernel, Documentation/watchdog/watchdog-api.rst.
#[derive(Debug)]
pub struct Watchdog {
    device: File,
    name: String,
}

/// Any byte but this one feeds; this one, written last, disarms ("magic close").
const DISARM: &[u8] = b"V";
const FEED: &[u8] = b"\0";

impl Watchdog {
    /// Opens the device and so starts the timer.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, `Busy` if another process feeds it, or `Unsuited` if this is
    /// no character device.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let failed = |cause| Error::new(&name, Operation::Open, cause);
        // Not created by mistake: a plain file never resets anything.
        let device = OpenOptions::new().write(true).open(path).map_err(failed)?;
        if !device
            .metadata()
            .map_err(failed)?
            .file_type()
            .is_char_device()
        {
            let reason = "not a character device";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        Ok(Self { device, name })
    }

    /// Stops the timer, where the driver allows that, and closes the device.
    ///
    /// # Errors
    ///
    /// [`Error`] of the write; the timer goes on.
    pub fn disarm(mut self) -> Result<(), Error> {
        self.put(DISARM)
    }

    fn put(&mut self, byte: &[u8]) -> Result<(), Error> {
        self.device
            .write_all(byte)
            .map_err(|cause| Error::new(&self.name, Operation::Write, cause))
    }
}

impl firmware_hal::watchdog::Watchdog for Watchdog {
    type Error = Error;

    fn feed(&mut self) -> Result<(), Error> {
        self.put(FEED)
    }
}
