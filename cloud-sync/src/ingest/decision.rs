//! The words of a decision: what is known before it, and what is to be written after it.

use std::collections::HashMap;

use cloud_sync_wire::chain::Hash;
use kiosk_core::event::Event;
use kiosk_core::ids::{EventId, OrderId};

use super::reading::Fault;
use crate::ledger::events::State;
use crate::ledger::orders::OrderRow;
use crate::ledger::streams::Stream;

/// What became of an event; each ends in exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Applied,
    Parked,
    Duplicate,
    Alias,
    Quarantined,
    Refused,
}

impl Outcome {
    pub(crate) const ALL: [Self; 6] = [
        Self::Applied,
        Self::Parked,
        Self::Duplicate,
        Self::Alias,
        Self::Quarantined,
        Self::Refused,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Parked => "parked",
            Self::Duplicate => "duplicate",
            Self::Alias => "alias",
            Self::Quarantined => "quarantined",
            Self::Refused => "refused",
        }
    }
}

/// What is known of a stored event in an order's set besides the event itself.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    pub(crate) row: i64,
    pub(crate) device: i64,
    pub(crate) state: State,
    /// Its place among the order's events.
    pub(crate) version: u32,
}

/// All that is stored of an order.
#[derive(Debug, Clone, Default)]
pub(crate) struct KnownOrder {
    pub(crate) members: Vec<Member>,
    /// The events of the members, at the same places.
    pub(crate) events: Vec<Event>,
    pub(crate) row: Option<OrderRow>,
}

/// What the ledger holds that a frame touches.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) stream: Stream,
    /// Content and chain hash of the covered seqs that the frame brings again.
    pub(crate) by_seq: HashMap<u64, (Hash, Hash)>,
    /// Chain hashes of events that were kept out of the history at a seq; what follows from one of
    /// them is of the same fork.
    pub(crate) kept_out: HashMap<u64, Vec<Hash>>,
    /// How many more events that contradict what is stored can be kept.
    pub(crate) room: usize,
    /// Row and content hash of the identities that the frame brings.
    pub(crate) by_id: HashMap<EventId, (i64, Hash)>,
    pub(crate) orders: HashMap<OrderId, KnownOrder>,
    /// The row that the next stored event gets.
    pub(crate) next_row: i64,
}

/// An event to be stored.
#[derive(Debug)]
pub(crate) struct NewEvent {
    pub(crate) row: i64,
    pub(crate) seq: u64,
    pub(crate) id: Option<EventId>,
    pub(crate) content: Hash,
    pub(crate) chain: Hash,
    pub(crate) order: Option<OrderId>,
    pub(crate) state: State,
    pub(crate) alias_of: Option<i64>,
    /// Which of the frame's events it is.
    pub(crate) incoming: usize,
}

/// Something to be kept for people to look at.
#[derive(Debug)]
pub(crate) struct Quarantined {
    /// The stored event; none for raw bytes that contradict what is stored.
    pub(crate) row: Option<i64>,
    /// Which of the frame's events it is; none for an event stored before.
    pub(crate) incoming: Option<usize>,
    pub(crate) fault: Fault,
}

/// How an order changed.
#[derive(Debug)]
pub(crate) struct OrderChange {
    pub(crate) before: Option<OrderRow>,
    pub(crate) after: OrderRow,
}

/// Everything that is to be written.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) stream: Stream,
    pub(crate) events: Vec<NewEvent>,
    /// Events stored before whose state changed because their order was folded anew.
    pub(crate) moved: Vec<(i64, State)>,
    pub(crate) orders: Vec<OrderChange>,
    pub(crate) quarantined: Vec<Quarantined>,
    /// Rows that leave the quarantine.
    pub(crate) released: Vec<i64>,
    pub(crate) outcomes: Vec<Outcome>,
}
