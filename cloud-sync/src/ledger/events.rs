//! Events: raw bytes at (stream, seq), written once.

use cloud_sync_wire::chain::Hash;
use kiosk_core::event::Event;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};

use super::{LedgerError, values};
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

/// Content and chain hash of what is stored at a place.
pub(crate) fn at(
    connection: &Connection,
    stream: i64,
    seq: u64,
) -> Result<Option<(Hash, Hash)>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT content, chain FROM events WHERE stream = ?1 AND seq = ?2")?;
    let found = statement.query_row((stream, values::signed(seq)), |row| {
        Ok((values::hash(row, 0)?, values::hash(row, 1)?))
    });
    Ok(found.optional()?)
}

/// Row and content hash of the event of that identity.
pub(crate) fn by_event_id(
    connection: &Connection,
    id: EventId,
) -> Result<Option<(i64, Hash)>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT id, content FROM events WHERE event_id = ?1")?;
    let found = statement.query_row([id.0.as_bytes()], |row| {
        Ok((row.get(0)?, values::hash(row, 1)?))
    });
    Ok(found.optional()?)
}

/// The row that the next event gets. Only the transaction that holds the write lock may use it.
pub(crate) fn next_row(connection: &Connection) -> Result<i64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM events")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// The set of events that an order of a store is folded from. The index leaves out events without an
/// order; without saying so again, SQLite would plan anew for each identity that is bound.
pub(crate) fn members(
    connection: &Connection,
    store: i64,
    order: OrderId,
) -> Result<Vec<(Member, Event)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT e.id, s.device, e.state, e.bytes FROM events e
         JOIN streams s ON s.id = e.stream JOIN devices d ON d.id = s.device
         WHERE e.order_id = ?1 AND e.order_id IS NOT NULL AND d.store = ?2 AND e.state IN (0, 1, 3)",
    )?;
    let rows = statement.query_map((order.0.as_bytes(), store), |row| {
        let bytes: Vec<u8> = row.get(3)?;
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, bytes))
    })?;
    let mut members = Vec::new();
    for row in rows {
        let (row, device, state, bytes) = row?;
        let event = Event::decode(&bytes)
            .map_err(|error| LedgerError::Storage(format!("event row {row}: {error}")))?;
        let member = Member {
            row,
            device,
            state: State::from_code(state),
            version: event.order_version,
        };
        members.push((member, event));
    }
    Ok(members)
}

pub(crate) fn insert(
    connection: &Connection,
    stream: i64,
    event: &NewEvent,
    bytes: &[u8],
    now: WallTime,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state, alias_of,
         received_at, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
    )?;
    statement.execute((
        event.row,
        stream,
        values::signed(event.seq),
        event.id.as_ref().map(|id| id.0.as_bytes().as_slice()),
        event.content.0,
        event.chain.0,
        event.order.as_ref().map(|id| id.0.as_bytes().as_slice()),
        event.state.code(),
        event.alias_of,
        now.as_millis(),
        event.alias_of.is_none().then_some(bytes),
    ))?;
    Ok(())
}

pub(crate) fn set_state(
    connection: &Connection,
    row: i64,
    state: State,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached("UPDATE events SET state = ?2 WHERE id = ?1")?;
    statement.execute((row, state.code()))?;
    Ok(())
}

/// Gives a withheld event the identity and order that a newer version could read.
pub(crate) fn identify(
    connection: &Connection,
    row: i64,
    id: EventId,
    order: Option<OrderId>,
) -> Result<(), LedgerError> {
    let order = order.map(|order| order.0.as_bytes().to_vec());
    connection.execute(
        "UPDATE events SET event_id = ?2, order_id = ?3 WHERE id = ?1",
        (row, id.0.as_bytes(), order),
    )?;
    Ok(())
}

/// The first seqs of a stream that could not be applied, and how many there are.
pub(crate) fn not_applied(
    connection: &Connection,
    stream: i64,
    limit: usize,
) -> Result<(Vec<u64>, u64), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT seq FROM events WHERE stream = ?1 AND state >= 3 ORDER BY seq LIMIT ?2",
    )?;
    let rows = statement.query_map((stream, limit), |row| values::unsigned(row, 0))?;
    let seqs = rows.collect::<Result<Vec<_>, _>>()?;
    if seqs.len() < limit {
        let total = seqs.len();
        return Ok((seqs, u64::try_from(total).unwrap_or(u64::MAX)));
    }
    let mut statement = connection
        .prepare_cached("SELECT count(*) FROM events WHERE stream = ?1 AND state >= 3")?;
    let total = statement.query_row([stream], |row| values::unsigned(row, 0))?;
    Ok((seqs, total))
}

/// An event as it is shown with its order.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) kiosk: String,
    pub(crate) journal: uuid::Uuid,
    pub(crate) seq: u64,
    pub(crate) state: State,
    pub(crate) received_at: WallTime,
    pub(crate) bytes: Vec<u8>,
}

/// All events that name an order, whatever their state, in order of arrival.
pub(crate) fn of_order(
    connection: &Connection,
    store: i64,
    order: OrderId,
) -> Result<Vec<Shown>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.kiosk, s.journal, e.seq, e.state, e.received_at, e.bytes FROM events e
         JOIN streams s ON s.id = e.stream JOIN devices d ON d.id = s.device
         WHERE e.order_id = ?1 AND e.order_id IS NOT NULL AND d.store = ?2 ORDER BY e.id LIMIT 1000",
    )?;
    let rows = statement.query_map((order.0.as_bytes(), store), |row| {
        Ok(Shown {
            kiosk: row.get(0)?,
            journal: values::uuid(row, 1)?,
            seq: values::unsigned(row, 2)?,
            state: State::from_code(row.get(3)?),
            received_at: values::wall(row, 4)?,
            bytes: row.get::<_, Option<Vec<u8>>>(5)?.unwrap_or_default(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The store in which an order is known, be it only by parked events.
pub(crate) fn store_of_order(
    connection: &Connection,
    order: OrderId,
) -> Result<Option<i64>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.store FROM events e JOIN streams s ON s.id = e.stream
         JOIN devices d ON d.id = s.device WHERE e.order_id = ?1 AND e.order_id IS NOT NULL ORDER BY e.state, e.id LIMIT 1",
    )?;
    Ok(statement
        .query_row([order.0.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// How many events wait for a predecessor.
pub(crate) fn parked(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM events WHERE state = 1")?;
    Ok(statement.query_row([], |row| values::unsigned(row, 0))?)
}
