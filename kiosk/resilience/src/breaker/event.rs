use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::{Causes, Counts, State};
use crate::moment::Moment;

/// How many events a breaker remembers for readers that are behind.
pub const EVENTS_KEPT: usize = 128;

/// Something that happened to a breaker.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Counts up by one from 1 for each breaker; the true order, whatever order readers see.
    pub seq: u64,
    /// When.
    pub at: Moment,
    /// What.
    pub kind: EventKind,
    /// The words of whoever did it by hand.
    pub note: Option<Arc<str>>,
}

/// What happened to a breaker.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum EventKind {
    /// The state changed.
    Moved {
        /// From this state.
        from: State,
        /// To this state.
        to: State,
        /// For these reasons.
        causes: Causes,
        /// The counts that were judged, as they were before the change cleared them.
        counts: Counts,
        /// The failures in a row at that time.
        consecutive_failures: u64,
        /// How long the new state lasts at least, if it is [`State::Open`].
        wait: Option<Duration>,
    },
    /// A closed breaker was reset: its counts were cleared.
    Reset {
        /// The counts that went.
        counts: Counts,
    },
    /// In [`State::MetricsOnly`], the breaker would have opened, or what would have opened it is met
    /// by one more threshold. Said once for each threshold in each would-be outage, which
    /// [`WouldHaveClosed`](Self::WouldHaveClosed), a reset, a retune or a change of state ends.
    ThresholdExceeded {
        /// For these reasons, of which it was not said yet.
        causes: Causes,
        /// On these counts.
        counts: Counts,
    },
    /// In [`State::MetricsOnly`], the breaker would be closed again: the wait would be over, as many
    /// calls in a row went well as there are probes, and no threshold is met.
    WouldHaveClosed {
        /// For how long it would have been open.
        lasted: Duration,
    },
    /// New settings are in force.
    Retuned(Retuned),
    /// The wait of an open breaker was changed.
    WaitChanged {
        /// How long it is from now on.
        wait: Duration,
    },
    /// Probes did not end within their deadline and made room for others.
    ProbesReplaced {
        /// How many.
        probes: u32,
    },
}

/// What a retune did to the counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retuned {
    /// The settings were those in force; nothing changed, and there is no event.
    pub unchanged: bool,
    /// The time window was kept as far as the new one reaches, or there is none; otherwise it was
    /// cleared because the new one is of another kind.
    pub window_kept: bool,
}

/// What [`Breaker::events_after`](super::Breaker::events_after) found.
#[derive(Clone, Debug, PartialEq)]
pub struct Events {
    /// The events, oldest first.
    pub events: Vec<Event>,
    /// How many before them are no longer remembered.
    pub lost: u64,
    /// What to ask for the next time.
    pub cursor: u64,
}

#[derive(Debug)]
pub(super) struct Log {
    ring: VecDeque<Event>,
    seq: u64,
}

impl Log {
    pub(super) fn new() -> Self {
        Self {
            ring: VecDeque::with_capacity(EVENTS_KEPT),
            seq: 0,
        }
    }

    pub(super) fn push(&mut self, at: Moment, kind: EventKind, note: Option<Arc<str>>) {
        if self.ring.len() == EVENTS_KEPT {
            self.ring.pop_front();
        }
        self.seq += 1;
        self.ring.push_back(Event {
            seq: self.seq,
            at,
            kind,
            note,
        });
    }

    pub(super) fn after(&self, cursor: u64) -> Events {
        let oldest = self.ring.front().map_or(self.seq + 1, |event| event.seq);
        Events {
            events: self
                .ring
                .iter()
                .filter(|event| event.seq > cursor)
                .cloned()
                .collect(),
            lost: (oldest - 1).saturating_sub(cursor),
            cursor: self.seq,
        }
    }

    pub(super) const fn seq(&self) -> u64 {
        self.seq
    }
}
