use crate::{Error, Operation, Timeouts};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

/// Signals and empty wake-ups that one call puts up with before it counts as timed out.
const MOST_WAKEUPS: usize = 16;

/// A file descriptor in non-blocking mode whose every wait is bounded.
#[derive(Debug)]
pub(crate) struct Descriptor<F> {
    file: F,
    name: String,
    timeouts: Timeouts,
}

impl<F> Descriptor<F>
where
    F: AsFd,
    for<'a> &'a F: Read + Write,
{
    /// `file` must be in non-blocking mode.
    pub(crate) fn new(file: F, name: String, timeouts: Timeouts) -> Self {
        Self {
            file,
            name,
            timeouts,
        }
    }

    pub(crate) fn file(&self) -> &F {
        &self.file
    }

    pub(crate) fn read(&self, bytes: &mut [u8]) -> Result<usize, Error> {
        self.retry(Operation::Read, PollFlags::IN, self.timeouts.read, || {
            (&self.file).read(bytes)
        })
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        if bytes.is_empty() {
            return Ok(0);
        }
        self.retry(
            Operation::Write,
            PollFlags::OUT,
            self.timeouts.write,
            || match (&self.file).write(bytes) {
                Ok(0) => Err(io::ErrorKind::BrokenPipe.into()),
                other => other,
            },
        )
    }

    pub(crate) fn read_ready(&self) -> Result<bool, Error> {
        match self.wait(PollFlags::IN, Duration::ZERO) {
            Ok(ready) => Ok(ready),
            Err(cause) => Err(Error::new(&self.name, Operation::Read, cause)),
        }
    }

    fn retry(
        &self,
        operation: Operation,
        readiness: PollFlags,
        timeout: Duration,
        mut attempt: impl FnMut() -> io::Result<usize>,
    ) -> Result<usize, Error> {
        let failed = |cause| Error::new(&self.name, operation, cause);
        for _ in 0..MOST_WAKEUPS {
            match attempt() {
                Ok(count) => return Ok(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.wait(readiness, timeout).map_err(failed)? {
                        break;
                    }
                }
                Err(error) => return Err(failed(error)),
            }
        }
        Err(failed(io::ErrorKind::TimedOut.into()))
    }

    /// Whether the descriptor became ready, or broken, in time. A signal starts the wait again.
    fn wait(&self, readiness: PollFlags, timeout: Duration) -> io::Result<bool> {
        let timeout = Timespec::try_from(timeout).map_err(|_| Errno::INVAL)?;
        for _ in 0..MOST_WAKEUPS {
            let mut watched = [PollFd::new(&self.file, readiness)];
            match poll(&mut watched, Some(&timeout)) {
                Ok(count) => return Ok(count > 0),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(false)
    }
}

/// Gives a port made of a [`Descriptor`] its `embedded_io` face. What is written has been handed to the
/// kernel; there is nothing left to flush that could be waited for in bounded time.
macro_rules! embedded_io_port {
    ($port:ty) => {
        impl embedded_io::ErrorType for $port {
            type Error = crate::Error;
        }

        impl embedded_io::Read for $port {
            fn read(&mut self, bytes: &mut [u8]) -> Result<usize, crate::Error> {
                self.0.read(bytes)
            }
        }

        impl embedded_io::ReadReady for $port {
            fn read_ready(&mut self) -> Result<bool, crate::Error> {
                self.0.read_ready()
            }
        }

        impl embedded_io::Write for $port {
            fn write(&mut self, bytes: &[u8]) -> Result<usize, crate::Error> {
                self.0.write(bytes)
            }

            fn flush(&mut self) -> Result<(), crate::Error> {
                Ok(())
            }
        }
    };
}

pub(crate) use embedded_io_port;
