use crate::descriptor::Descriptor;
use crate::{Error, Operation, Timeouts};
use firmware_hal::scanner::keyboard::{Keyboard, Report};
use rustix::fs::{FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, fstat, open};
use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

/// A scanner that poses as a keyboard, through the kernel's `hidraw` driver (`/dev/hidraw0`).
///
/// Reads as the characters it types, so that [`firmware_hal::scanner::Scanner`] makes codes of it as it
/// does of a serial line. The kernel hands its key presses to the desktop as well; keep them from there
/// with the udev property `LIBINPUT_IGNORE_DEVICE=1`, or a scanned code is typed into the page.
///
/// Source: Linux kernel, Documentation/hid/hidraw.rst: one read gives one report.
#[derive(Debug)]
pub struct Hid {
    node: Descriptor<File>,
    name: String,
    keyboard: Keyboard,
    typed: VecDeque<u8>,
}

/// A boot keyboard's report, and one with its number before it.
const REPORT: usize = 8;
const NUMBERED: usize = REPORT + 1;

/// Reports read in one call that type nothing, such as releases of keys.
const MOST_SILENT: usize = 64;

impl Hid {
    /// Opens the device node.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, or `Unsuited` if this is no character device.
    pub fn open(path: &Path, timeouts: Timeouts) -> Result<Self, Error> {
        let name = path.display().to_string();
        let failed = |cause: io::Error| Error::new(&name, Operation::Open, cause);
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let node = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        let status = fstat(&node).map_err(|errno| failed(errno.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
            let reason = "not a character device";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        Self::over(node, &name, timeouts)
    }

    /// Takes over what is open already and gives one report at each read, as a service manager hands it to a
    /// service that may open nothing itself.
    ///
    /// # Errors
    ///
    /// [`Error`] if it cannot be set not to block.
    pub fn over(node: OwnedFd, name: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let set = fcntl_getfl(&node).and_then(|flags| fcntl_setfl(&node, flags | OFlags::NONBLOCK));
        set.map_err(|errno| Error::new(name, Operation::Configure, errno))?;
        Ok(Self {
            node: Descriptor::new(File::from(node), name.to_owned(), timeouts),
            name: name.to_owned(),
            keyboard: Keyboard::new(),
            typed: VecDeque::new(),
        })
    }

    /// Waits for the next report; `false` if the device has gone.
    fn report(&mut self) -> Result<bool, Error> {
        let mut bytes = [0; 64];
        let count = self.node.read(&mut bytes)?;
        let report = match count {
            0 => return Ok(false),
            REPORT => bytes.get(..REPORT),
            NUMBERED => bytes.get(1..NUMBERED),
            // Volume keys and the like.
            _ => None,
        };
        let report = report.and_then(|report| Report::try_from(report).ok());
        if let Some(report) = report {
            self.typed.extend(self.keyboard.report(report));
        }
        Ok(true)
    }
}

impl embedded_io::ErrorType for Hid {
    type Error = Error;
}

impl embedded_io::Read for Hid {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        for _ in 0..MOST_SILENT {
            if !self.typed.is_empty() {
                break;
            }
            if !self.report()? {
                return Ok(0);
            }
        }
        if self.typed.is_empty() {
            let cause = io::Error::from(io::ErrorKind::TimedOut);
            return Err(Error::new(&self.name, Operation::Read, cause));
        }
        let count = bytes.len().min(self.typed.len());
        for (place, byte) in bytes.iter_mut().zip(self.typed.drain(..count)) {
            *place = byte;
        }
        Ok(count)
    }
}

impl embedded_io::ReadReady for Hid {
    /// Whether a report waits, which may be one that types nothing.
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(!self.typed.is_empty() || self.node.read_ready()?)
    }
}

impl embedded_io::Write for Hid {
    /// Always an error of kind `Unsuited`: nothing can be told to a scanner this way.
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let cause = io::Error::new(io::ErrorKind::Unsupported, "a keyboard takes no data");
        Err(Error::new(&self.name, Operation::Write, cause))
    }

    fn flush(&mut self) -> Result<(), Error> {
        Ok(())
    }
}
