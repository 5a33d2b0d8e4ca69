//! Trying a quarantined event again: after an upgrade that can read it, or because headquarters
//! takes in what a revoked device sent.

use crate::ledger::connection::Connection;
use cloud_sync_wire::frame::Entry as FrameEntry;
use kiosk_core::event::Event;

use super::decide::{decide, decide_again};
use super::decision::{Decision, Known, Member, Outcome};
use super::reading::{Fault, Incoming, Reason};
use super::transaction::{self, AckTerms};
use super::{Door, streams};
use crate::ledger::events::State;
use crate::ledger::quarantine::Entry;
use crate::ledger::streams::Stream;
use crate::ledger::{LedgerError, events, quarantine};

/// How a try ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Replayed {
    Unknown,
    /// It left the quarantine.
    Settled(State),
    Stays(String),
}

impl Door {
    /// Tries an entry of the quarantine again.
    pub(crate) async fn replay(&self, id: i64) -> Result<Replayed, LedgerError> {
        let terms = self.terms();
        let replayed = self
            .ledger
            .write(move |connection| replay(connection, id, terms))
            .await?;
        tracing::info!(entry = id, outcome = ?replayed, "quarantined event tried again");
        self.wake();
        Ok(replayed)
    }
}

fn replay(connection: &dyn Connection, id: i64, terms: AckTerms) -> Result<Replayed, LedgerError> {
    let Some(entry) = quarantine::find(connection, id)? else {
        return Ok(Replayed::Unknown);
    };
    let mut stream = streams::by_id(connection, entry.stream)?;
    // Whoever replays takes the event in, whatever became of the device since.
    stream.revoked = false;
    let incoming = Incoming::new(FrameEntry {
        seq: entry.seq,
        chain: entry.chain,
        bytes: entry.bytes.clone(),
    });
    match entry.event {
        None => place_again(connection, &entry, stream, incoming, terms),
        Some(row) => apply_again(connection, &entry, stream, row, &incoming, terms),
    }
}

/// Raw bytes that had no place: as if they came in a frame now.
fn place_again(
    connection: &dyn Connection,
    entry: &Entry,
    stream: Stream,
    incoming: Incoming,
    terms: AckTerms,
) -> Result<Replayed, LedgerError> {
    let mut frame = [incoming];
    let mut known = transaction::gather(connection, stream, &frame)?;
    // It takes no more room than it has already.
    known.room += 1;
    let mut decision = decide(known, &mut frame, terms.now);
    transaction::write(connection, &decision, &frame, terms.now)?;
    transaction::next_ack(connection, &mut decision.stream, terms)?;
    if let Some(quarantined) = decision.quarantined.first() {
        return Ok(Replayed::Stays(quarantined.fault.detail.clone()));
    }
    if decision.outcomes.first() == Some(&Outcome::Refused) {
        let why = "too many gaps stand before it; replay it once they are filled";
        return Ok(Replayed::Stays(why.to_owned()));
    }
    quarantine::remove(connection, entry.id)?;
    let state = decision
        .events
        .first()
        .map_or(State::Applied, |event| event.state);
    Ok(Replayed::Settled(state))
}

/// A stored event that was kept out of its order, or refused by it.
fn apply_again(
    connection: &dyn Connection,
    entry: &Entry,
    stream: Stream,
    row: i64,
    incoming: &Incoming,
    terms: AckTerms,
) -> Result<Replayed, LedgerError> {
    let event = match readable(connection, row, incoming)? {
        Ok(event) => event,
        Err(fault) => {
            quarantine::tried(connection, entry.id, &fault)?;
            return Ok(Replayed::Stays(fault.detail));
        }
    };
    events::identify(connection, row, event.id, incoming.order)?;
    let Some(order) = incoming.order else {
        events::set_states(connection, &[(row, State::Applied)])?;
        quarantine::release_event(connection, row)?;
        return Ok(Replayed::Settled(State::Applied));
    };
    let mut known = transaction::known_orders(connection, stream.store, &[order].into())?;
    let known_order = known.remove(&order).unwrap_or_default();
    let refused_before = known_order.members.iter().any(|member| member.row == row);
    let member = Member {
        row,
        device: stream.device,
        state: State::Withheld,
        version: event.order_version,
    };
    let member = (!refused_before).then_some((member, event));
    let known = Known {
        next_row: 0,
        stream,
        by_seq: Default::default(),
        kept_out: Default::default(),
        room: 0,
        by_id: Default::default(),
        orders: [(order, known_order)].into(),
    };
    let decision = decide_again(known, member, order, terms.now);
    transaction::write(connection, &decision, &[], terms.now)?;
    settled(connection, entry, row, &decision)
}

/// The event, if it can be read now and no other has its identity.
fn readable(
    connection: &dyn Connection,
    row: i64,
    incoming: &Incoming,
) -> Result<Result<Event, Fault>, LedgerError> {
    let event = match &incoming.read {
        Ok(Some(event)) => event,
        Ok(None) => return Ok(Err(Fault::new(Reason::Undecodable, "it was taken already"))),
        Err(fault) => return Ok(Err(fault.clone())),
    };
    let known = events::by_event_ids(connection, &[event.id])?;
    if known.values().any(|(other, _)| *other != row) {
        let detail = "an event of the same identity is stored with other content";
        return Ok(Err(Fault::new(Reason::Equivocation, detail)));
    }
    Ok(Ok(event.clone()))
}

fn settled(
    connection: &dyn Connection,
    entry: &Entry,
    row: i64,
    decision: &Decision,
) -> Result<Replayed, LedgerError> {
    let moved = decision.moved.iter().find(|(moved, _)| *moved == row);
    match moved {
        Some((_, state)) if *state != State::Refused => Ok(Replayed::Settled(*state)),
        Some(_) => {
            let noted = decision
                .quarantined
                .iter()
                .find(|noted| noted.row == Some(row));
            Ok(Replayed::Stays(noted.map_or_else(String::new, |noted| {
                noted.fault.detail.clone()
            })))
        }
        None => {
            let fault = Fault::new(Reason::Illegal, entry.detail.clone());
            quarantine::tried(connection, entry.id, &fault)?;
            Ok(Replayed::Stays(fault.detail))
        }
    }
}
