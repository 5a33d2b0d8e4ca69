//! Batches on their way.

use resilience::Moment;

use super::{Id, Transport};
use crate::uplink::seqs::SeqSet;

/// A batch on its way.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) id: Id,
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) via: Transport,
    pub(super) live: bool,
    pub(super) sent_at: Moment,
    /// When to stop waiting for its ack; not before an HTTP call has ended.
    pub(super) expires: Moment,
    /// The cloud took it, but its ack did not name it yet: it takes no place any more.
    pub(super) answered: bool,
    /// The transport has it.
    pub(super) on_wire: bool,
}

/// Stretches of seqs that must wait because the last try to send them went wrong by itself.
#[derive(Debug, Clone)]
pub(super) struct Parked {
    pub(super) first: u64,
    pub(super) last: u64,
    pub(super) until: Moment,
    pub(super) tries: u32,
}

/// The most stretches that are remembered as troublesome.
const PARKED_LIMIT: usize = 64;

/// All batches on their way, and the stretches that must wait.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Vec<Flight>,
    parked: Vec<Parked>,
    issued: Id,
}

impl Flights {
    pub(super) fn next_id(&mut self) -> Id {
        self.issued += 1;
        self.issued
    }

    pub(super) fn add(&mut self, flight: Flight) {
        self.under_way.push(flight);
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Flight> {
        self.under_way.iter_mut().find(|flight| flight.id == id)
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Flight> {
        let at = self.under_way.iter().position(|flight| flight.id == id)?;
        Some(self.under_way.swap_remove(at))
    }

    /// Takes out what meets the condition.
    pub(super) fn extract(&mut self, condition: impl Fn(&Flight) -> bool) -> Vec<Flight> {
        let all = std::mem::take(&mut self.under_way);
        let (out, stay) = all.into_iter().partition(condition);
        self.under_way = stay;
        out
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Flight> {
        self.under_way.iter()
    }

    /// Places taken, of one lane.
    pub(super) fn places(&self, live: bool) -> usize {
        let taken = |flight: &&Flight| flight.live == live && !flight.answered;
        self.under_way.iter().filter(taken).count()
    }

    pub(super) fn park(&mut self, parked: Parked) {
        let (first, last) = (parked.first, parked.last);
        self.parked
            .retain(|other| other.last < first || other.first > last);
        if self.parked.len() >= PARKED_LIMIT {
            self.parked.remove(0);
        }
        self.parked.push(parked);
    }

    /// How often the stretch that holds `seq` went wrong, and where it ends.
    pub(super) fn trouble_at(&self, seq: u64) -> Option<&Parked> {
        let holds = |parked: &&Parked| (parked.first..=parked.last).contains(&seq);
        self.parked.iter().find(holds)
    }

    /// Where the next troublesome stretch after `seq` begins.
    pub(super) fn trouble_after(&self, seq: u64) -> Option<u64> {
        let starts = self.parked.iter().map(|parked| parked.first);
        starts.filter(|first| *first > seq).min()
    }

    pub(super) fn forget_confirmed(&mut self, confirmed: &SeqSet) {
        self.parked
            .retain(|parked| !confirmed.covers(parked.first, parked.last));
    }

    /// The earliest end of a wait that lies ahead.
    pub(super) fn next_unparking(&self, now: Moment) -> Option<Moment> {
        let ends = self.parked.iter().map(|parked| parked.until);
        ends.filter(|until| *until > now).min()
    }

    /// What can't be sent now: confirmed, on its way, or made to wait.
    pub(super) fn taken(&self, confirmed: &SeqSet, now: Moment) -> SeqSet {
        let mut taken = confirmed.clone();
        for flight in &self.under_way {
            taken.insert(flight.first, flight.last);
        }
        for parked in self.parked.iter().filter(|parked| parked.until > now) {
            taken.insert(parked.first, parked.last);
        }
        taken
    }

    /// What is on the wire and not known to be lost.
    pub(super) fn on_wire(&self) -> SeqSet {
        let mut set = SeqSet::default();
        for flight in self.under_way.iter().filter(|flight| flight.on_wire) {
            set.insert(flight.first, flight.last);
        }
        set
    }
}
