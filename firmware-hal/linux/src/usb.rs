use crate::descriptor::{Descriptor, embedded_io_port};
use crate::{Error, Operation, Timeouts};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use std::fs::File;
use std::io;
use std::path::Path;

/// A printer on USB, through the kernel's `usblp` driver (`/dev/usb/lp0`).
///
/// The driver lets one process at a time open the printer. Everything written is passed on at once;
/// answers are read whenever the printer sends some.
#[derive(Debug)]
pub struct Usb(Descriptor<File>);

impl Usb {
    /// Opens the device node.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, `Busy`, or `Unsuited` if this is no character device.
    pub fn open(path: &Path, timeouts: Timeouts) -> Result<Self, Error> {
        let name = path.display().to_string();
        let failed = |cause: io::Error| Error::new(&name, Operation::Open, cause);
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let node = open(path, flags, Mode::empty()).map_err(|errno| failed(errno.into()))?;
        let status = fstat(&node).map_err(|errno| failed(errno.into()))?;
        if FileType::from_raw_mode(status.st_mode) != FileType::CharacterDevice {
            let reason = "not a character device";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, reason)));
        }
        Ok(Self(Descriptor::new(File::from(node), name, timeouts)))
    }
}

embedded_io_port!(Usb);
