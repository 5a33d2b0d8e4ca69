use crate::{Error, Operation};
use embedded_hal::i2c::{ErrorKind, ErrorType, NoAcknowledgeSource, Operation as Step};
use linux_embedded_hal::I2cdev;
use linux_embedded_hal::i2cdev::linux::LinuxI2CError;
use rustix::io::Errno;
use std::fmt;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// An I²C bus (`/dev/i2c-1`), for sensors such as [`firmware_hal::distance::TfLuna`].
///
/// How long the bus waits for a device is its adapter's business; the kernel gives up after a second
/// unless told otherwise.
pub struct I2c {
    bus: I2cdev,
    name: String,
}

impl fmt::Debug for I2c {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("I2c")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl I2c {
    /// Opens the bus.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, or `Unsuited` if this is no bus.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        let failed = |cause| Error::new(&name, Operation::Open, cause);
        let kind = std::fs::metadata(path).map_err(failed)?.file_type();
        if !kind.is_char_device() {
            let reason = "not a character device";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        let bus = I2cdev::new(path).map_err(|cause| failed(system(&cause)))?;
        Ok(Self { bus, name })
    }
}

impl ErrorType for I2c {
    type Error = Error;
}

impl embedded_hal::i2c::I2c for I2c {
    fn transaction(&mut self, address: u8, steps: &mut [Step<'_>]) -> Result<(), Error> {
        let writes = steps.iter().all(|step| matches!(step, Step::Write(_)));
        let operation = if writes {
            Operation::Write
        } else {
            Operation::Read
        };
        let done = embedded_hal::i2c::I2c::transaction(&mut self.bus, address, steps);
        done.map_err(|cause| {
            let device = format!("{} address {address:#04x}", self.name);
            Error::new(&device, operation, system(cause.inner()))
        })
    }
}

/// What the system said.
fn system(cause: &LinuxI2CError) -> io::Error {
    match cause {
        LinuxI2CError::Errno(code) => io::Error::from_raw_os_error(*code),
        LinuxI2CError::Io(cause) => match cause.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(cause.kind(), cause.to_string()),
        },
    }
}

impl embedded_hal::i2c::Error for Error {
    /// As the kernel's Documentation/i2c/fault-codes.rst names what adapters report.
    fn kind(&self) -> ErrorKind {
        match self.code() {
            Some(Errno::NXIO) => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address),
            Some(Errno::REMOTEIO) => ErrorKind::NoAcknowledge(NoAcknowledgeSource::Unknown),
            Some(Errno::AGAIN) => ErrorKind::ArbitrationLoss,
            Some(Errno::IO | Errno::TIMEDOUT) => ErrorKind::Bus,
            Some(Errno::OVERFLOW) => ErrorKind::Overrun,
            _ => ErrorKind::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{I2c, LinuxI2CError, system};
    use crate::{Error, Kind, Operation};
    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    use rustix::io::Errno;
    use std::path::Path;

    #[test]
    fn a_bus_that_is_not_there_is_missing_and_other_things_are_none() {
        let missing = I2c::open(Path::new("/dev/i2c-none")).unwrap_err();
        assert_eq!(
            (Error::kind(&missing), missing.operation()),
            (Kind::Missing, Operation::Open)
        );
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path(), Path::new("/dev/null")] {
            let error = I2c::open(path).unwrap_err();
            assert_eq!(Error::kind(&error), Kind::Unsuited, "{error}");
        }
    }

    #[test]
    fn a_sensor_that_does_not_answer_is_told_from_a_broken_bus() {
        let kind = |code: Errno| {
            let cause = system(&LinuxI2CError::Errno(code.raw_os_error()));
            let error = Error::new("bus", Operation::Read, cause);
            embedded_hal::i2c::Error::kind(&error)
        };
        let silent = |source| ErrorKind::NoAcknowledge(source);
        assert_eq!(kind(Errno::NXIO), silent(NoAcknowledgeSource::Address));
        assert_eq!(kind(Errno::REMOTEIO), silent(NoAcknowledgeSource::Unknown));
        assert_eq!(kind(Errno::AGAIN), ErrorKind::ArbitrationLoss);
        assert_eq!(kind(Errno::TIMEDOUT), ErrorKind::Bus);
        assert_eq!(kind(Errno::NOMEM), ErrorKind::Other);
    }
}
