//! Events that are kept but could not be applied, for people to look at and to try again.

use cloud_sync_wire::chain::Hash;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{LedgerError, values};
use crate::ingest::reading::Fault;

/// The most raw events that contradict what is stored, per stream. A kiosk that keeps making new
/// contradictions has them refused from there on, and so keeps them itself: nothing is dropped here.
pub(crate) const RAW_LIMIT: usize = 1000;
/// Slots for frames that moved nothing.
const SAMPLES: i64 = 64;
/// How much of such a frame is kept.
const SAMPLE_BYTES: usize = 4096;

/// What was to be stored at a place of a stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) stream: i64,
    pub(crate) seq: u64,
    pub(crate) content: Hash,
    pub(crate) chain: Hash,
    /// The stored event, or none and the raw bytes of one that could not be stored at its place.
    pub(crate) event: Option<i64>,
    pub(crate) bytes: Option<&'a [u8]>,
}

/// Notes an event, or that it was seen again.
pub(crate) fn note(
    connection: &Connection,
    place: &Place<'_>,
    fault: &Fault,
    now: WallTime,
) -> Result<(), LedgerError> {
    let seq = values::signed(place.seq);
    let mut again = connection.prepare_cached(
        "UPDATE quarantine SET tries = tries + 1, reason = ?4, detail = ?5,
         event = coalesce(event, ?6)
         WHERE stream = ?1 AND seq = ?2 AND content = ?3",
    )?;
    let reason = fault.reason.as_str();
    if again.execute((
        place.stream,
        seq,
        place.content.0,
        reason,
        &fault.detail,
        place.event,
    ))? > 0
    {
        return Ok(());
    }
    let mut insert = connection.prepare_cached(
        "INSERT INTO quarantine (stream, seq, event, content, chain, reason, detail, first_seen,
         bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    insert.execute((
        place.stream,
        seq,
        place.event,
        place.content.0,
        place.chain.0,
        reason,
        &fault.detail,
        now.as_millis(),
        place.bytes,
    ))?;
    Ok(())
}

/// How many more raw events of a stream can be kept.
pub(crate) fn room(connection: &Connection, stream: i64) -> Result<usize, LedgerError> {
    let mut count = connection
        .prepare_cached("SELECT count(*) FROM quarantine WHERE stream = ?1 AND event IS NULL")?;
    let kept: usize = count.query_row([stream], |row| row.get(0))?;
    Ok(RAW_LIMIT.saturating_sub(kept))
}

/// Chain hashes of the events that contradict what is stored at a place.
pub(crate) fn chains_at(
    connection: &Connection,
    stream: i64,
    seq: u64,
) -> Result<Vec<Hash>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT chain FROM quarantine WHERE stream = ?1 AND seq = ?2 AND event IS NULL",
    )?;
    let rows = statement.query_map((stream, values::signed(seq)), |row| values::hash(row, 0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The place of a stored event.
pub(crate) fn place_of_event(
    connection: &Connection,
    row: i64,
) -> Result<Place<'static>, LedgerError> {
    let mut statement = connection
        .prepare_cached("SELECT stream, seq, content, chain FROM events WHERE id = ?1")?;
    let place = statement.query_row([row], |found| {
        Ok(Place {
            stream: found.get(0)?,
            seq: values::unsigned(found, 1)?,
            content: values::hash(found, 2)?,
            chain: values::hash(found, 3)?,
            event: Some(row),
            bytes: None,
        })
    })?;
    Ok(place)
}

/// A stored event could be applied after all.
pub(crate) fn release_event(connection: &Connection, event: i64) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached("DELETE FROM quarantine WHERE event = ?1")?;
    statement.execute([event])?;
    Ok(())
}

/// An entry was dealt with.
pub(crate) fn remove(connection: &Connection, id: i64) -> Result<(), LedgerError> {
    connection.execute("DELETE FROM quarantine WHERE id = ?1", [id])?;
    Ok(())
}

/// One more try failed.
pub(crate) fn tried(connection: &Connection, id: i64, fault: &Fault) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE quarantine SET tries = tries + 1, reason = ?2, detail = ?3 WHERE id = ?1",
        (id, fault.reason.as_str(), &fault.detail),
    )?;
    Ok(())
}

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: i64,
    pub(crate) stream: i64,
    pub(crate) store: String,
    pub(crate) kiosk: String,
    pub(crate) journal: uuid::Uuid,
    pub(crate) seq: u64,
    pub(crate) event: Option<i64>,
    pub(crate) chain: Hash,
    pub(crate) reason: String,
    pub(crate) detail: String,
    pub(crate) first_seen: WallTime,
    pub(crate) tries: u64,
    pub(crate) bytes: Vec<u8>,
}

const SELECT: &str = "SELECT q.id, q.stream, st.name, d.kiosk, s.journal, q.seq, q.event, q.chain,
    q.reason, q.detail, q.first_seen, q.tries, coalesce(q.bytes, e.bytes, x'') FROM quarantine q
    JOIN streams s ON s.id = q.stream JOIN devices d ON d.id = s.device
    JOIN stores st ON st.id = d.store LEFT JOIN events e ON e.id = q.event";

fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        stream: row.get(1)?,
        store: row.get(2)?,
        kiosk: row.get(3)?,
        journal: values::uuid(row, 4)?,
        seq: values::unsigned(row, 5)?,
        event: row.get(6)?,
        chain: values::hash(row, 7)?,
        reason: row.get(8)?,
        detail: row.get(9)?,
        first_seen: values::wall(row, 10)?,
        tries: values::unsigned(row, 11)?,
        bytes: row.get(12)?,
    })
}

pub(crate) fn list(
    connection: &Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let mut statement =
        connection.prepare_cached(&format!("{SELECT} WHERE q.id > ?1 ORDER BY q.id LIMIT ?2"))?;
    let rows = statement.query_map((after, limit), entry)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(crate) fn find(connection: &Connection, id: i64) -> Result<Option<Entry>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE q.id = ?1"))?;
    Ok(statement.query_row([id], entry).optional()?)
}

pub(crate) fn count(connection: &Connection) -> Result<u64, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT count(*) FROM quarantine")?;
    Ok(statement.query_row([], |row| values::unsigned(row, 0))?)
}

/// The reasons there are, the most frequent first.
pub(crate) fn reasons(connection: &Connection) -> Result<Vec<(String, u64)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT reason, count(*) AS many FROM quarantine GROUP BY reason ORDER BY many DESC, reason",
    )?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Keeps a sample of a frame that moved nothing, in place of the oldest one.
pub(crate) fn sample_refused(
    connection: &Connection,
    sender: (&str, &str),
    reason: &str,
    bytes: &[u8],
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT OR REPLACE INTO refused_frames (slot, at, store, kiosk, reason, bytes)
         SELECT CASE WHEN count(*) < ?1 THEN count(*)
         ELSE (SELECT slot FROM refused_frames ORDER BY at, slot LIMIT 1) END,
         ?2, ?3, ?4, ?5, ?6 FROM refused_frames",
        (
            SAMPLES,
            now.as_millis(),
            sender.0,
            sender.1,
            reason,
            bytes.get(..SAMPLE_BYTES).unwrap_or(bytes),
        ),
    )?;
    Ok(())
}
