//! An in-memory byte port whose faults are chosen by the test.
//!
//! `embedded-hal-mock` has pins, buses and delays, but nothing for `embedded-io`; this is the missing
//! piece. It records every byte it takes, answers reads from a queue, can take only a few bytes per
//! call, and can refuse any one call.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write};

/// The error of [`Port`]: nothing but its kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Fault(pub ErrorKind);

impl core::fmt::Display for Fault {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "mock port: {}", self.0)
    }
}

impl core::error::Error for Fault {}

impl embedded_io::Error for Fault {
    fn kind(&self) -> ErrorKind {
        self.0
    }
}

/// A byte port in memory.
#[derive(Debug, Default)]
pub struct Port {
    written: Vec<u8>,
    replies: VecDeque<u8>,
    calls: usize,
    refusal: Option<(usize, ErrorKind)>,
    bytes_per_write: Option<usize>,
}

impl Port {
    /// A port that takes everything and has nothing to say.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Refuses the write call with this number (the first is 0), once.
    #[must_use]
    pub fn refusing(mut self, call: usize, kind: ErrorKind) -> Self {
        self.refusal = Some((call, kind));
        self
    }

    /// Takes at most `bytes` (at least one) per write call.
    #[must_use]
    pub fn taking(mut self, bytes: usize) -> Self {
        self.bytes_per_write = Some(bytes.max(1));
        self
    }

    /// Queues bytes to be read.
    #[must_use]
    pub fn answering(mut self, bytes: &[u8]) -> Self {
        self.replies.extend(bytes);
        self
    }

    /// Everything written so far.
    #[must_use]
    pub fn written(&self) -> &[u8] {
        &self.written
    }

    /// How many write calls were made, refused ones included.
    #[must_use]
    pub fn write_calls(&self) -> usize {
        self.calls
    }
}

impl ErrorType for Port {
    type Error = Fault;
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let call = self.calls;
        self.calls += 1;
        if let Some((refused, kind)) = self.refusal
            && refused == call
        {
            return Err(Fault(kind));
        }
        let taken = self
            .bytes_per_write
            .map_or(bytes.len(), |most| bytes.len().min(most));
        self.written.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        Ok(())
    }
}

impl Read for Port {
    /// An empty queue is a time-out, as on a line on which nobody answers.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.replies.is_empty() {
            return Err(Fault(ErrorKind::TimedOut));
        }
        let count = buffer.len().min(self.replies.len());
        for (slot, byte) in buffer.iter_mut().zip(self.replies.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }
}

#[cfg(feature = "async")]
impl embedded_io_async::Read for Port {
    /// Never waits: an empty queue is a time-out here too.
    async fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        Read::read(self, buffer)
    }
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Fault> {
        Ok(!self.replies.is_empty())
    }
}
