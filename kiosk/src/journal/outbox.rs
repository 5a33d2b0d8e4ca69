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

    /// Events that were confirmed, that the cloud has lost since, and that are not here any more, as
    /// first and last: a ledger that went back further than this journal remembers.
    #[must_use]
    pub fn lost_window(&self) -> Option<(u64, u64)> {
        let pruned = self.retained_from.saturating_sub(1);
        self.confirmed.missing_until(pruned)
    }

    /// The first event that waits to be confirmed and is here to be sent.
    #[must_use]
    pub fn first_unconfirmed(&self) -> u64 {
        self.confirmed.first_missing(self.retained_from)
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
