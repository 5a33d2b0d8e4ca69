//! What can be seen of the uplink from outside.

use std::sync::{Arc, PoisonError, RwLock};

use kiosk_core::wall::WallTime;
use resilience::Moment;

use super::link::{Deadline, Mode, Why};
use super::seqs::SeqSet;

/// The uplink at one moment.
#[derive(Debug, Clone)]
pub struct LinkView {
    /// The mode.
    pub mode: Mode,
    /// When it began.
    pub since: Moment,
    /// Why it is what it is.
    pub reason: Why,
    /// Whether this journal's history has forked: the kiosk has to carry on in a new one.
    pub fenced: bool,
    /// Whether the broker has taken the kiosk in.
    pub mqtt_up: bool,
    /// How many frames the cloud wants on their way at most; unknown before its first ack.
    pub credit: Option<u16>,
    /// How many batches are on their way.
    pub in_flight: usize,
    /// The cloud's clock at its latest ack.
    pub last_ack_at: Option<WallTime>,
    /// What the uplink does next of itself, and when.
    pub next: Option<Deadline>,
    /// Which events are on the wire.
    pub sent: Sent,
}

impl LinkView {
    pub(super) fn new(mode: Mode, since: Moment, reason: Why) -> Self {
        Self {
            mode,
            since,
            reason,
            fenced: false,
            mqtt_up: false,
            credit: None,
            in_flight: 0,
            last_ack_at: None,
            next: None,
            sent: Sent::default(),
        }
    }

    /// Whether a screen would show something else.
    pub(super) fn looks_like(&self, other: &Self) -> bool {
        let face = |view: &Self| (view.mode, view.mqtt_up, view.credit, view.fenced);
        face(self) == face(other) && self.reason == other.reason
    }
}

/// Which events are on the wire; always as of now, however old the view is that holds it.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<RwLock<SeqSet>>);

impl Sent {
    /// Whether a transport has this event and is not known to have lost it. Confirmed events may
    /// or may not be in: ask the journal first.
    #[must_use]
    pub fn is_sent(&self, seq: u64) -> bool {
        let set = self.0.read().unwrap_or_else(PoisonError::into_inner);
        set.contains(seq)
    }

    pub(super) fn set(&self, set: SeqSet) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = set;
    }
}
