//! The ingest transaction: gathers what a frame touches, lets it be decided, writes the decision,
//! and reads the ack from what then stands there. The commit is the writer's.

use std::collections::{BTreeSet, HashMap};

use cloud_sync_wire::ack::{Ack, QUARANTINED_LIMIT};
use kiosk_core::event::Event;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::wall::WallTime;
use rusqlite::Connection;

use super::decide::decide;
use super::decision::{Decision, Known, KnownOrder, Member, Quarantined};
use super::reading::Incoming;
use crate::ledger::quarantine::Place;
use crate::ledger::streams::Stream;
use crate::ledger::{LedgerError, events, lineage, orders, quarantine, streams};

/// What an ack says besides the stream's state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AckTerms {
    pub(crate) credit: u16,
    pub(crate) heartbeat_ms: u64,
    pub(crate) now: WallTime,
}

/// Ingests the events of a verified frame.
pub(crate) fn ingest(
    connection: &Connection,
    stream: Stream,
    frame: &mut [Incoming],
    terms: AckTerms,
) -> Result<(Decision, Ack), LedgerError> {
    let known = gather(connection, stream, frame)?;
    let mut decision = decide(known, frame, terms.now);
    write(connection, &decision, frame, terms.now)?;
    let ack = next_ack(connection, &mut decision.stream, terms)?;
    Ok((decision, ack))
}

/// What the ledger holds that these events touch.
pub(crate) fn gather(
    connection: &Connection,
    stream: Stream,
    frame: &[Incoming],
) -> Result<Known, LedgerError> {
    let mut by_seq = HashMap::new();
    let mut by_id = HashMap::new();
    let mut wanted = BTreeSet::new();
    let mut kept_out = HashMap::new();
    if stream.forked
        && let Some(before) = frame.first().and_then(|first| first.seq.checked_sub(1))
    {
        kept_out.insert(
            before,
            quarantine::chains_at(connection, stream.id, before)?,
        );
    }
    for incoming in frame {
        if stream.coverage.covers(incoming.seq) {
            if let Some(at) = events::at(connection, stream.id, incoming.seq)? {
                by_seq.insert(incoming.seq, at);
            }
            continue;
        }
        if let Some(id) = incoming.id {
            note_id(connection, id, &mut by_id)?;
        }
        wanted.extend(incoming.order);
    }
    let mut orders = HashMap::with_capacity(wanted.len());
    for order in wanted {
        orders.insert(order, known_order(connection, stream.store, order)?);
    }
    Ok(Known {
        next_row: events::next_row(connection)?,
        // Only a history that has forked has anything raw.
        room: match stream.forked {
            true => quarantine::room(connection, stream.id)?,
            false => quarantine::RAW_LIMIT,
        },
        stream,
        by_seq,
        kept_out,
        by_id,
        orders,
    })
}

fn note_id(
    connection: &Connection,
    id: EventId,
    by_id: &mut HashMap<EventId, (i64, cloud_sync_wire::chain::Hash)>,
) -> Result<(), LedgerError> {
    if let Some(found) = events::by_event_id(connection, id)? {
        by_id.insert(id, found);
    }
    Ok(())
}

pub(crate) fn known_order(
    connection: &Connection,
    store: i64,
    order: OrderId,
) -> Result<KnownOrder, LedgerError> {
    let members = events::members(connection, store, order)?;
    let (members, events): (Vec<Member>, Vec<Event>) = members.into_iter().unzip();
    let row = if members.is_empty() {
        None
    } else {
        orders::find(connection, store, order)?
    };
    Ok(KnownOrder {
        members,
        events,
        row,
    })
}

/// Writes everything a decision says but the stream, which the ack writes.
pub(crate) fn write(
    connection: &Connection,
    decision: &Decision,
    frame: &[Incoming],
    now: WallTime,
) -> Result<(), LedgerError> {
    for event in &decision.events {
        let bytes = frame
            .get(event.incoming)
            .map_or(&[][..], |incoming| &incoming.bytes);
        events::insert(connection, decision.stream.id, event, bytes, now)?;
    }
    for (row, state) in &decision.moved {
        events::set_state(connection, *row, *state)?;
    }
    for row in &decision.released {
        quarantine::release_event(connection, *row)?;
    }
    for quarantined in &decision.quarantined {
        note(connection, decision.stream.id, quarantined, frame, now)?;
    }
    for change in &decision.orders {
        orders::save(connection, change)?;
    }
    orders::add_sums(connection, &orders::deltas(&decision.orders))
}

fn note(
    connection: &Connection,
    stream: i64,
    quarantined: &Quarantined,
    frame: &[Incoming],
    now: WallTime,
) -> Result<(), LedgerError> {
    let incoming = quarantined.incoming.and_then(|index| frame.get(index));
    let place = match (incoming, quarantined.row) {
        (Some(incoming), row) => Place {
            stream,
            seq: incoming.seq,
            content: incoming.content,
            chain: incoming.chain,
            event: row,
            bytes: row.is_none().then_some(incoming.bytes.as_slice()),
        },
        (None, Some(row)) => quarantine::place_of_event(connection, row)?,
        (None, None) => return Ok(()),
    };
    quarantine::note(connection, &place, &quarantined.fault, now)
}

/// Takes the next ack number, writes the stream, and reads the ack from it.
pub(crate) fn next_ack(
    connection: &Connection,
    stream: &mut Stream,
    terms: AckTerms,
) -> Result<Ack, LedgerError> {
    stream.ack_no += 1;
    streams::save(connection, stream, terms.now)?;
    ack(connection, stream, terms)
}

/// The ack that the ledger's state gives, without a new number.
pub(crate) fn ack(
    connection: &Connection,
    stream: &Stream,
    terms: AckTerms,
) -> Result<Ack, LedgerError> {
    let (quarantined, quarantined_total) =
        events::not_applied(connection, stream.id, QUARANTINED_LIMIT)?;
    let standing = lineage::standing(connection)?;
    Ok(Ack {
        journal: stream.journal,
        generation: standing.generation,
        ack_no: stream.ack_no,
        watermark: stream.coverage.watermark,
        chain: stream.coverage.chain,
        ranges: stream.coverage.ranges(),
        quarantined,
        quarantined_total,
        credit: terms.credit,
        at: terms.now,
        heartbeat_ms: Some(terms.heartbeat_ms),
        epoch: Some(stream.epoch),
        lineage: standing.lineage,
        forked: stream.forked || stream.fenced,
    })
}
