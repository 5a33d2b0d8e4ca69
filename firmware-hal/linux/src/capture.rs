use crate::{Error, Operation};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// A plain file in place of a device: keeps what would be printed, answers nothing.
#[derive(Debug)]
pub struct Capture {
    file: File,
    name: String,
}

impl Capture {
    /// Opens the file for appending, and makes it if need be.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing` (its folder), `Forbidden` or `Unsuited`.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let name = path.display().to_string();
        match OpenOptions::new().append(true).create(true).open(path) {
            Ok(file) => Ok(Self { file, name }),
            Err(cause) => Err(Error::new(&name, Operation::Open, cause)),
        }
    }
}

impl embedded_io::ErrorType for Capture {
    type Error = Error;
}

impl embedded_io::Write for Capture {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        self.file
            .write(bytes)
            .map_err(|cause| Error::new(&self.name, Operation::Write, cause))
    }

    /// Waits until the bytes are on the disk.
    fn flush(&mut self) -> Result<(), Error> {
        self.file
            .sync_data()
            .map_err(|cause| Error::new(&self.name, Operation::Write, cause))
    }
}

impl embedded_io::Read for Capture {
    /// Always an error of kind `Unsuited`: a file that was asked for its status says so at once.
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let cause = io::Error::new(io::ErrorKind::Unsupported, "a file gives no answers");
        Err(Error::new(&self.name, Operation::Read, cause))
    }
}

impl embedded_io::ReadReady for Capture {
    fn read_ready(&mut self) -> Result<bool, Error> {
        Ok(false)
    }
}
