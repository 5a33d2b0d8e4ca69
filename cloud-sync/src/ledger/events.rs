//! Events: raw bytes at (stream, seq), written once.

use std::collections::HashMap;

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::frame::EVENTS_LIMIT;
use kiosk_core::event::Event;
use kiosk_core::fold::fold;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::order::Order;
use kiosk_core::wall::WallTime;
use uuid::Uuid;

use super::LedgerError;
use super::connection::{Batch, Connection, Each, Value, values};
use crate::ingest::decision::{Member, NewEvent};

/// Where an event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Applied,
    /// Waits for its predecessor.
    Parked,
    /// The same event is stored under another journal.
    Alias,
    /// In its order's set, but the fold refuses it.
    Refused,
    /// Not in its order's set.
    Withheld,
}

impl State {
    fn code(self) -> i64 {
        match self {
            Self::Applied => 0,
            Self::Parked => 1,
            Self::Alias => 2,
            Self::Refused => 3,
            Self::Withheld => 4,
        }
    }

    pub(super) fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Applied,
            1 => Self::Parked,
            2 => Self::Alias,
            3 => Self::Refused,
            _ => Self::Withheld,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Parked => "parked",
            Self::Alias => "alias",
            Self::Refused | Self::Withheld => "quarantined",
        }
    }
}

/// Content and chain hash of what is stored at places of a stream.
pub(crate) fn at(
    connection: &dyn Connection,
    stream: i64,
    seqs: impl IntoIterator<Item = u64>,
) -> Result<HashMap<u64, (Hash, Hash)>, LedgerError> {
    const AT: Each = Each {
        one: "SELECT seq, content, chain FROM events WHERE stream = ?1 AND seq = ?2",
        // The server does not see through OFFSET 0, and so looks up each key by itself, however the
        // table was when it made its plan.
        all: "SELECT f.seq, f.content, f.chain FROM unnest($1::bigint[], $2::bigint[])
             AS k (stream, seq) CROSS JOIN LATERAL (
                 SELECT e.seq, e.content, e.chain FROM events e
                 WHERE e.stream = k.stream AND e.seq = k.seq OFFSET 0) AS f",
    };
    let wanted = seqs.into_iter().map(|seq| [stream.into(), seq.into()]);
    let mut found = HashMap::new();
    connection.query_each(&AT, &Batch::new(wanted), &mut |row| {
        found.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
        Ok(())
    })?;
    Ok(found)
}

/// Row and content hash of the events of these identities.
pub(crate) fn by_event_ids(
    connection: &dyn Connection,
    ids: &[EventId],
) -> Result<HashMap<EventId, (i64, Hash)>, LedgerError> {
    const BY_ID: Each = Each {
        one: "SELECT event_id, id, content FROM events WHERE event_id = ?1",
        all: "SELECT event_id, id, content FROM events WHERE event_id = ANY ($1::bytea[])",
    };
    let wanted = ids.iter().map(|id| [id.0.as_bytes().into()]);
    let mut found = HashMap::new();
    connection.query_each(&BY_ID, &Batch::new(wanted), &mut |row| {
        found.insert(EventId(row.get(0)?), (row.get(1)?, row.get(2)?));
        Ok(())
    })?;
    Ok(found)
}

/// The most rows that are given out at once: what a frame can bring.
const ROWS_MOST: usize = 64;
const _: () = assert!(EVENTS_LIMIT <= ROWS_MOST);

/// The row that the next of so many events gets; those behind it get the next ones.
pub(crate) fn next_row(connection: &dyn Connection, events: usize) -> Result<i64, LedgerError> {
    const NEXT: Each = Each {
        one: "SELECT (SELECT coalesce(max(id), 0) + 1 FROM events) WHERE ?1 > 0",
        // Each step of the sequence is as large as a frame.
        all: "SELECT nextval('event_rows') FROM unnest($1::bigint[]) AS k (events) WHERE k.events > 0",
    };
    let mut next = 0;
    connection.query_each(&NEXT, &Batch::new([[events.into()]]), &mut |row| {
        next = row.get(0)?;
        Ok(())
    })?;
    Ok(next)
}

type Members = HashMap<OrderId, Vec<(Member, Event)>>;

/// The sets of events that orders of a store are folded from. The index leaves out events without an
/// order; without saying so again, SQLite would plan anew for each identity that is bound.
pub(crate) fn members(
    connection: &dyn Connection,
    store: i64,
    orders: impl IntoIterator<Item = OrderId>,
) -> Result<Members, LedgerError> {
    const MEMBERS: Each = Each {
        one: "SELECT e.order_id, e.id, s.device, e.state, e.bytes FROM events e
             JOIN streams s ON s.id = e.stream JOIN devices d ON d.id = s.device
             WHERE e.order_id = ?1 AND e.order_id IS NOT NULL AND d.store = ?2
             AND e.state IN (0, 1, 3)",
        all: "SELECT f.order_id, f.id, s.device, f.state, f.bytes
             FROM unnest($1::bytea[], $2::bigint[]) AS k (order_id, store) CROSS JOIN LATERAL (
                 SELECT e.order_id, e.id, e.stream, e.state, e.bytes FROM events e
                 WHERE e.order_id = k.order_id AND e.order_id IS NOT NULL
                 AND e.state IN (0, 1, 3) OFFSET 0) AS f
             JOIN streams s ON s.id = f.stream JOIN devices d ON d.id = s.device
             AND d.store = k.store",
    };
    let orders: Vec<OrderId> = orders.into_iter().collect();
    let wanted = orders
        .iter()
        .map(|order| [order.0.as_bytes().into(), store.into()]);
    let mut sets = Members::new();
    connection.query_each(&MEMBERS, &Batch::new(wanted), &mut |row| {
        let id: i64 = row.get(1)?;
        let event = Event::decode(&row.get::<Vec<u8>>(4)?)
            .map_err(|error| LedgerError::Storage(format!("event row {id}: {error}")))?;
        let member = Member {
            row: id,
            device: row.get(2)?,
            state: State::from_code(row.get(3)?),
            version: event.order_version,
        };
        let set = sets.entry(OrderId(row.get(0)?)).or_default();
        set.push((member, event));
        Ok(())
    })?;
    Ok(sets)
}

/// The order that its events make, if they do.
pub(crate) fn folded(
    connection: &dyn Connection,
    store: i64,
    order: OrderId,
) -> Result<Option<Order>, LedgerError> {
    let set = members(connection, store, [order])?.remove(&order);
    let (_, events): (Vec<Member>, Vec<Event>) = set.unwrap_or_default().into_iter().unzip();
    Ok(fold(&events).order)
}

const INSERT: Each = Each {
    one: "INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state, alias_of,
         received_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    all: "INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state, alias_of,
         received_at, bytes) SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[],
         $4::bytea[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bigint[], $9::bigint[],
         $10::bigint[], $11::bytea[])",
};

/// Stores events with their bytes.
pub(crate) fn insert<'a>(
    connection: &dyn Connection,
    stream: i64,
    events: impl IntoIterator<Item = (&'a NewEvent, &'a [u8])>,
    now: WallTime,
) -> Result<(), LedgerError> {
    let row = |(event, bytes): (&'a NewEvent, &'a [u8])| {
        [
            Value::from(event.row),
            stream.into(),
            event.seq.into(),
            event.id.as_ref().map(|id| id.0.as_bytes()).into(),
            (&event.content).into(),
            (&event.chain).into(),
            event.order.as_ref().map(|id| id.0.as_bytes()).into(),
            event.state.code().into(),
            event.alias_of.into(),
            now.into(),
            event.alias_of.is_none().then_some(bytes).into(),
        ]
    };
    connection.execute_each(&INSERT, &Batch::new(events.into_iter().map(row)))
}

/// Moves events to other states.
pub(crate) fn set_states(
    connection: &dyn Connection,
    moved: &[(i64, State)],
) -> Result<(), LedgerError> {
    const MOVE: Each = Each {
        one: "UPDATE events SET state = ?2 WHERE id = ?1",
        all: "UPDATE events e SET state = k.state
             FROM unnest($1::bigint[], $2::bigint[]) AS k (id, state) WHERE e.id = k.id",
    };
    let rows = moved
        .iter()
        .map(|(row, state)| [(*row).into(), state.code().into()]);
    connection.execute_each(&MOVE, &Batch::new(rows))
}

/// Gives a withheld event the identity and order that a newer version could read.
pub(crate) fn identify(
    connection: &dyn Connection,
    row: i64,
    id: EventId,
    order: Option<OrderId>,
) -> Result<(), LedgerError> {
    let order = order.as_ref().map(|order| order.0.as_bytes());
    connection.execute(
        "UPDATE events SET event_id = ?2, order_id = ?3 WHERE id = ?1",
        values![row, id.0.as_bytes(), order],
    )?;
    Ok(())
}

/// The first seqs of a stream that could not be applied, and how many there are.
pub(crate) fn not_applied(
    connection: &dyn Connection,
    stream: i64,
    limit: usize,
) -> Result<(Vec<u64>, u64), LedgerError> {
    let seqs: Vec<u64> = connection.rows(
        "SELECT seq FROM events WHERE stream = ?1 AND state >= 3 ORDER BY seq LIMIT ?2",
        values![stream, limit],
        |row| row.get(0),
    )?;
    if seqs.len() < limit {
        let total = seqs.len();
        return Ok((seqs, u64::try_from(total).unwrap_or(u64::MAX)));
    }
    let total = connection.one(
        "SELECT count(*) FROM events WHERE stream = ?1 AND state >= 3",
        values![stream],
        |row| row.get(0),
    )?;
    Ok((seqs, total))
}

/// An event as it is shown with its order.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) kiosk: String,
    pub(crate) journal: Uuid,
    pub(crate) seq: u64,
    pub(crate) state: State,
    pub(crate) received_at: WallTime,
    pub(crate) bytes: Vec<u8>,
}

/// All events that name an order, whatever their state, in order of arrival.
pub(crate) fn of_order(
    connection: &dyn Connection,
    store: i64,
    order: OrderId,
) -> Result<Vec<Shown>, LedgerError> {
    connection.rows(
        "SELECT d.kiosk, s.journal, e.seq, e.state, e.received_at, e.bytes FROM events e
         JOIN streams s ON s.id = e.stream JOIN devices d ON d.id = s.device
         WHERE e.order_id = ?1 AND e.order_id IS NOT NULL AND d.store = ?2 ORDER BY e.id LIMIT 1000",
        values![order.0.as_bytes(), store],
        |row| {
            Ok(Shown {
                kiosk: row.get(0)?,
                journal: row.get(1)?,
                seq: row.get(2)?,
                state: State::from_code(row.get(3)?),
                received_at: row.get(4)?,
                bytes: row.get::<Option<Vec<u8>>>(5)?.unwrap_or_default(),
            })
        },
    )
}

/// The store in which an order is known, be it only by parked events.
pub(crate) fn store_of_order(
    connection: &dyn Connection,
    order: OrderId,
) -> Result<Option<i64>, LedgerError> {
    connection.find(
        "SELECT d.store FROM events e JOIN streams s ON s.id = e.stream
         JOIN devices d ON d.id = s.device WHERE e.order_id = ?1 AND e.order_id IS NOT NULL
         ORDER BY e.state, e.id LIMIT 1",
        values![order.0.as_bytes()],
        |row| row.get(0),
    )
}

/// How many events wait for a predecessor.
pub(crate) fn parked(connection: &dyn Connection) -> Result<u64, LedgerError> {
    let sql = "SELECT count(*) FROM events WHERE state = 1";
    connection.one(sql, &[], |row| row.get(0))
}
