//! The ingest transaction: gathers what a frame touches, lets it be decided, writes the decision,
//! and reads the ack from what then stands there. The commit is the writer's.

use std::collections::{BTreeSet, HashMap};

use crate::ledger::connection::Connection;
use cloud_sync_wire::ack::{Ack, QUARANTINED_LIMIT};
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::wall::WallTime;

use super::decide::decide;
use super::decision::{Decision, Known, KnownOrder, Quarantined};
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
    connection: &dyn Connection,
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
    connection: &dyn Connection,
    stream: Stream,
    frame: &[Incoming],
) -> Result<Known, LedgerError> {
    let mut kept_out = HashMap::new();
    if stream.forked
        && let Some(before) = frame.first().and_then(|first| first.seq.checked_sub(1))
    {
        kept_out.insert(
            before,
            quarantine::chains_at(connection, stream.id, before)?,
        );
    }
    let is_there = |incoming: &&Incoming| stream.coverage.covers(incoming.seq);
    let (there, new): (Vec<_>, Vec<_>) = frame.iter().partition(is_there);
    let ids: Vec<EventId> = new.iter().filter_map(|incoming| incoming.id).collect();
    let wanted: BTreeSet<OrderId> = new.iter().filter_map(|incoming| incoming.order).collect();
    Ok(Known {
        by_seq: events::at(connection, stream.id, there.iter().map(|there| there.seq))?,
        by_id: events::by_event_ids(connection, &ids)?,
        orders: known_orders(connection, stream.store, &wanted)?,
        next_row: events::next_row(connection, new.len())?,
        // Only a history that has forked has anything raw.
        room: match stream.forked {
            true => quarantine::room(connection, stream.id)?,
            false => quarantine::RAW_LIMIT,
        },
        kept_out,
        stream,
    })
}

/// What is stored of orders.
pub(crate) fn known_orders(
    connection: &dyn Connection,
    store: i64,
    wanted: &BTreeSet<OrderId>,
) -> Result<HashMap<OrderId, KnownOrder>, LedgerError> {
    let members = events::members(connection, store, wanted.iter().copied())?;
    let mut rows = orders::find(connection, store, members.keys())?;
    let mut known = HashMap::with_capacity(wanted.len());
    for (order, set) in members {
        let (members, events) = set.into_iter().unzip();
        let row = rows.remove(&order);
        known.insert(
            order,
            KnownOrder {
                members,
                events,
                row,
            },
        );
    }
    Ok(known)
}

/// Writes everything a decision says but the stream, which the ack writes.
pub(crate) fn write(
    connection: &dyn Connection,
    decision: &Decision,
    frame: &[Incoming],
    now: WallTime,
) -> Result<(), LedgerError> {
    let with_bytes = decision.events.iter().map(|event| {
        let incoming = frame.get(event.incoming);
        (event, incoming.map_or(&[][..], |incoming| &incoming.bytes))
    });
    events::insert(connection, decision.stream.id, with_bytes, now)?;
    events::set_states(connection, &decision.moved)?;
    for row in &decision.released {
        quarantine::release_event(connection, *row)?;
    }
    for quarantined in &decision.quarantined {
        note(connection, decision.stream.id, quarantined, frame, now)?;
    }
    orders::save(connection, &decision.orders)?;
    orders::add_sums(connection, &orders::deltas(&decision.orders))
}

fn note(
    connection: &dyn Connection,
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
    connection: &dyn Connection,
    stream: &mut Stream,
    terms: AckTerms,
) -> Result<Ack, LedgerError> {
    stream.ack_no += 1;
    streams::save(connection, stream, terms.now)?;
    ack(connection, stream, terms)
}

/// The ack that the ledger's state gives, without a new number.
pub(crate) fn ack(
    connection: &dyn Connection,
    stream: &Stream,
    terms: AckTerms,
) -> Result<Ack, LedgerError> {
    let (quarantined, quarantined_total) =
        events::not_applied(connection, stream.id, QUARANTINED_LIMIT)?;
    let quarantine_reasons = quarantine::why(connection, stream.id, &quarantined)?;
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
        quarantine_reasons,
        credit: terms.credit,
        at: terms.now,
        heartbeat_ms: Some(terms.heartbeat_ms),
        epoch: Some(stream.epoch),
        lineage: standing.lineage,
        forked: stream.forked || stream.fenced,
    })
}
