//! The job that a printer has in hand.

use std::time::Duration;

use crate::clock;

/// A printer without marks has printed what its buffer held if nothing stopped it for so long.
const SETTLES: Duration = Duration::from_secs(2);
pub(super) struct InHand {
    pub(super) no: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) written: usize,
    /// How long the printer could have confirmed it and did not.
    pub(super) patience: Duration,
    pub(super) looked: Duration,
    /// Since when a printer without marks says that nothing stops it, the job being written.
    fine: Option<Duration>,
}

impl InHand {
    pub(super) fn new(no: u64, bytes: Vec<u8>) -> Self {
        Self {
            no,
            bytes,
            written: 0,
            patience: Duration::ZERO,
            looked: clock::monotonic(),
            fine: None,
        }
    }

    /// Whether nothing has stopped the printer for so long that it has printed what it took.
    pub(super) fn has_settled(&mut self, fine: bool) -> bool {
        let now = clock::monotonic();
        self.fine = fine.then(|| self.fine.unwrap_or(now));
        self.fine
            .is_some_and(|since| now.saturating_sub(since) >= SETTLES)
    }

    pub(super) fn is_written(&self) -> bool {
        self.written >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> Option<&[u8]> {
        self.bytes
            .get(self.written..)
            .filter(|rest| !rest.is_empty())
    }
}
