//! The job that a printer has in hand.

use std::time::Duration;

use crate::clock;

/// A printer without marks has printed what its buffer held if nothing stopped it for so long.
const SETTLES: Duration = Duration::from_secs(2);
/// A printer that takes no byte for so long is stopped, whatever it says.
const STUCK: Duration = Duration::from_secs(1);

pub(super) struct InHand {
    pub(super) no: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) written: usize,
    /// How long the printer could have confirmed it and did not.
    pub(super) patience: Duration,
    pub(super) looked: Duration,
    /// When the printer last took some of it.
    pub(super) progressed: Duration,
    /// Whether its mark came while something else was asked.
    pub(super) marked: bool,
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
            progressed: clock::monotonic(),
            marked: false,
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

    /// The printer took so many bytes more.
    pub(super) fn took(&mut self, bytes: usize, now: Duration) {
        self.written += bytes;
        self.progressed = now;
    }

    /// Whether the printer has taken nothing for so long that it must have stopped.
    pub(super) fn is_stuck(&self, now: Duration) -> bool {
        !self.is_written() && now.saturating_sub(self.progressed) >= STUCK
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printer_that_takes_nothing_for_a_second_is_stuck_until_it_takes_some() {
        let mut job = InHand::new(1, vec![0; 9]);
        let begun = job.progressed;
        let after = |ms| begun + Duration::from_millis(ms);
        job.took(4, after(100));
        assert!(!job.is_stuck(after(1_099)));
        assert!(job.is_stuck(after(1_100)));
        job.took(1, after(1_200));
        assert!(!job.is_stuck(after(1_201)));
        job.took(4, after(1_300));
        assert!(!job.is_stuck(after(60_000)), "it has all of it");
    }
}
