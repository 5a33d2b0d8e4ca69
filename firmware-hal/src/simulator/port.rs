//! The simulator as a port of its own.

use super::Simulator;
use crate::mock;
use embedded_io::{ErrorKind, ErrorType, Read, ReadReady, Write};

impl Simulator {
    fn connected(&self) -> Result<(), mock::Fault> {
        if self.powered {
            Ok(())
        } else {
            Err(mock::Fault(ErrorKind::NotConnected))
        }
    }
}

impl ErrorType for Simulator {
    type Error = mock::Fault;
}

impl Write for Simulator {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, mock::Fault> {
        self.connected()?;
        match self.receive(bytes) {
            0 if !bytes.is_empty() => Err(mock::Fault(ErrorKind::TimedOut)),
            taken => Ok(taken),
        }
    }

    fn flush(&mut self) -> Result<(), mock::Fault> {
        self.connected()
    }
}

impl Read for Simulator {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, mock::Fault> {
        self.connected()?;
        if buffer.is_empty() {
            return Ok(0);
        }
        if self.replies.is_empty() {
            return Err(mock::Fault(ErrorKind::TimedOut));
        }
        let count = buffer.len().min(self.replies.len());
        for (slot, byte) in buffer.iter_mut().zip(self.replies.drain(..count)) {
            *slot = byte;
        }
        Ok(count)
    }
}

impl ReadReady for Simulator {
    fn read_ready(&mut self) -> Result<bool, mock::Fault> {
        Ok(!self.replies.is_empty())
    }
}
