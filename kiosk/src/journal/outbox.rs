//! What is confirmed and what is not.

use super::Ranges;

/// What is confirmed and what is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbox {
    /// The number that the next event gets.
    pub next_seq: u64,
    /// The first event that the journal still holds.
    pub retained_from: u64,
    /// What is confirmed.
    pub confirmed: Ranges,
}

impl Outbox {
    /// How many events wait to be confirmed. Those of a lost window are not among them: they are
    /// not here to be sent any more.
    #[must_use]
    pub fn unconfirmed(&self) -> u64 {
        let retained = self.next_seq.saturating_sub(self.retained_from);
        retained.saturating_sub(self.confirmed.count_from(self.retained_from))
    }

    /// All events up to this one are confirmed.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.confirmed.watermark()
    }

    /// Whether this event is confirmed.
    #[must_use]
    pub fn is_confirmed(&self, seq: u64) -> bool {
        self.confirmed.contains(seq)
    }
}
