use std::fmt;
use std::io;

/// What was being done.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Operation {
    /// Opening the device or connecting to it.
    Open,
    /// Setting line speed and the like.
    Configure,
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// What a caller does about an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Nothing happened in time. The device may be busy or stopped; it is still there.
    TimedOut,
    /// The device was unplugged, switched off, or closed the connection: open it anew when it is back.
    Gone,
    /// There is no such device now.
    Missing,
    /// This user may not open it.
    Forbidden,
    /// Somebody else holds it.
    Busy,
    /// The device cannot do this, or is of another kind than its address says.
    Unsuited,
    /// Anything else the system reported.
    Other,
}

/// A port failed.
#[derive(Debug)]
pub struct Error {
    device: String,
    operation: Operation,
    cause: io::Error,
}

impl Error {
    pub(crate) fn new(device: &str, operation: Operation, cause: impl Into<io::Error>) -> Self {
        Self {
            device: device.to_owned(),
            operation,
            cause: cause.into(),
        }
    }

    /// What the system said, if it was the system that spoke.
    pub(crate) fn code(&self) -> Option<rustix::io::Errno> {
        let code = self.cause.raw_os_error();
        code.map(rustix::io::Errno::from_raw_os_error)
    }

    /// The device as it was opened.
    #[must_use]
    pub fn device(&self) -> &str {
        &self.device
    }

    /// What was being done.
    #[must_use]
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The class of this error, by what its caller does about it.
    #[must_use]
    pub fn kind(&self) -> Kind {
        use io::ErrorKind as Io;
        use rustix::io::Errno;
        match self.cause.kind() {
            Io::TimedOut => Kind::TimedOut,
            Io::NotFound => Kind::Missing,
            Io::PermissionDenied => Kind::Forbidden,
            Io::ResourceBusy => Kind::Busy,
            Io::Unsupported | Io::InvalidInput | Io::IsADirectory => Kind::Unsuited,
            Io::BrokenPipe
            | Io::NotConnected
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::ConnectionRefused
            | Io::HostUnreachable
            | Io::NetworkUnreachable => Kind::Gone,
            _ => match self.cause.raw_os_error().map(Errno::from_raw_os_error) {
                // What the tty and usblp drivers say once the device is unplugged.
                Some(Errno::IO | Errno::NODEV | Errno::NXIO) => match self.operation {
                    Operation::Open => Kind::Missing,
                    _ => Kind::Gone,
                },
                Some(Errno::NOTTY) => Kind::Unsuited,
                _ => Kind::Other,
            },
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let doing = match self.operation {
            Operation::Open => "open",
            Operation::Configure => "configure",
            Operation::Read => "read",
            Operation::Write => "write",
        };
        write!(f, "cannot {doing} {}: {}", self.device, self.cause)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.cause)
    }
}

impl embedded_io::Error for Error {
    fn kind(&self) -> embedded_io::ErrorKind {
        use embedded_io::ErrorKind as Io;
        match Self::kind(self) {
            Kind::TimedOut => Io::TimedOut,
            Kind::Gone => Io::NotConnected,
            Kind::Missing => Io::NotFound,
            Kind::Forbidden => Io::PermissionDenied,
            Kind::Unsuited => Io::Unsupported,
            Kind::Busy | Kind::Other => Io::Other,
        }
    }
}
