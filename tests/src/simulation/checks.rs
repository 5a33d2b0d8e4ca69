//! What must hold, and the memory it is held against.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::Hash;
use kiosk_core::ids::{Generation, JournalId, OrderId};

/// The invariants, by their numbers in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Invariant {
    /// 1: what a diner was told is at headquarters in the end.
    NoLoss,
    /// 2: nothing is confirmed at a kiosk that the ledger did not hold.
    NoPrematureClear,
    /// 3: an ack covers only what is committed.
    NoPrematureAck,
    /// 4: nothing is in the ledger that no journal committed.
    NoPhantom,
    /// 5, 6: sums and counts are those of the set of orders.
    ExactlyOnce,
    /// 7: a watermark is the largest gap-free prefix.
    GapFree,
    /// 8: an order's state is the fold of its events.
    OrderIndependence,
    /// 9, 10: what was told stands on the disk after any cut.
    DurableAccept,
    /// 11: watermarks and ack numbers of a generation never go back.
    Monotone,
    /// 12: stored bytes never change.
    Immutability,
    /// 13: a stream is written by its own kiosk alone.
    Isolation,
    /// 14: every event of a frame ends in exactly one outcome.
    NoSilentDrop,
    /// 15: with faults gone, all drains.
    Liveness,
    /// 18: what is on its way stays within its bounds.
    Bounded,
    /// 19: nothing is applied of a journal after its fence.
    Fencing,
    /// 20: what is forged changes nothing.
    Forgery,
    /// 22: kiosk and cloud agree on what is left.
    Views,
    /// The simulation itself could not go on.
    Harness,
}

/// Something did not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// Which invariant.
    pub invariant: Invariant,
    /// What was seen.
    pub detail: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.invariant, self.detail)
    }
}

/// A step that may find something broken.
pub(super) type Checked<T = ()> = Result<T, Violation>;

impl Invariant {
    pub(super) fn broken<T>(self, detail: impl Into<String>) -> Checked<T> {
        Err(Violation {
            invariant: self,
            detail: detail.into(),
        })
    }

    /// Broken unless that holds.
    pub(super) fn holds(self, holds: bool, detail: impl FnOnce() -> String) -> Checked {
        if holds { Ok(()) } else { self.broken(detail()) }
    }
}

pub(super) fn harness(error: impl fmt::Display) -> Violation {
    Violation {
        invariant: Invariant::Harness,
        detail: error.to_string(),
    }
}

/// An event as it stands in a journal: content and chain hash.
pub(super) type Mark = (Hash, Hash);

/// What a diner was told of an order.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told {
    /// The kiosk that holds it.
    pub(super) node: usize,
    pub(super) total: i64,
    /// The latest version that somebody was told of.
    pub(super) version: u32,
    /// Its disk was rolled back, replaced or copied since: it may be missing or differ.
    pub(super) unsure: bool,
}

/// All that ever happened, as far as it can be held against what is.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// What journals committed; several where a history forked.
    pub(super) committed: HashMap<JournalId, HashMap<u64, Vec<Mark>>>,
    /// What the ledger held at any time.
    pub(super) held: HashMap<JournalId, HashMap<u64, Vec<Mark>>>,
    pub(super) told: BTreeMap<OrderId, Told>,
    /// Orders that were asked for with nobody knowing the outcome.
    pub(super) maybe: BTreeMap<OrderId, i64>,
    acks: HashMap<(JournalId, Generation), (u64, u64)>,
}

fn note(of: &mut HashMap<JournalId, HashMap<u64, Vec<Mark>>>, at: (JournalId, u64), mark: Mark) {
    let marks = of.entry(at.0).or_default().entry(at.1).or_default();
    if !marks.contains(&mark) {
        marks.push(mark);
    }
}

fn knows(
    of: &HashMap<JournalId, HashMap<u64, Vec<Mark>>>,
    at: (JournalId, u64),
    mark: &Mark,
) -> bool {
    let marks = of.get(&at.0).and_then(|journal| journal.get(&at.1));
    marks.is_some_and(|marks| marks.contains(mark))
}

impl Memory {
    pub(super) fn commits(&mut self, journal: JournalId, seq: u64, mark: Mark) {
        note(&mut self.committed, (journal, seq), mark);
    }

    /// The ledger holds an event now.
    pub(super) fn stores(&mut self, journal: JournalId, seq: u64, mark: Mark) -> Checked {
        Invariant::NoPhantom.holds(knows(&self.committed, (journal, seq), &mark), || {
            format!("event {seq} of {journal} is in the ledger with content that no journal holds")
        })?;
        note(&mut self.held, (journal, seq), mark);
        Ok(())
    }

    /// A kiosk takes an event for confirmed.
    pub(super) fn clears(&self, journal: JournalId, seq: u64, mark: &Mark) -> Checked {
        Invariant::NoPrematureClear.holds(knows(&self.held, (journal, seq), mark), || {
            format!("event {seq} of {journal} is confirmed and never was in the ledger")
        })
    }

    /// The ledger went back and may not know it yet: until a hello shows it, acks repeat numbers.
    pub(super) fn excuse_numbers(&mut self) {
        self.acks.clear();
    }

    /// Acks of a journal in the order in which the ledger made them.
    pub(super) fn acks(&mut self, ack: &Ack) -> Checked {
        let now = (ack.ack_no, ack.watermark);
        let before = self.acks.insert((ack.journal, ack.generation), now);
        let before = before.unwrap_or((0, 0));
        Invariant::Monotone.holds(now.0 >= before.0 && now.1 >= before.1, || {
            format!("acks of {} went from {before:?} to {now:?}", ack.journal)
        })
    }
}
