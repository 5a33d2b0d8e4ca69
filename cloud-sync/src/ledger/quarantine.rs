//! Events that are kept but could not be applied, for people to look at and to try again.

use std::collections::HashMap;

use cloud_sync_wire::chain::Hash;
use kiosk_core::wall::WallTime;

use super::LedgerError;
use super::connection::{Connection, Row, values};
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
    connection: &dyn Connection,
    place: &Place<'_>,
    fault: &Fault,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO quarantine (stream, seq, event, content, chain, reason, detail, first_seen,
         bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (stream, seq, content) DO UPDATE SET tries = quarantine.tries + 1,
         reason = excluded.reason, detail = excluded.detail,
         event = coalesce(quarantine.event, excluded.event)",
        values![
            place.stream,
            place.seq,
            place.event,
            &place.content,
            &place.chain,
            fault.reason.as_str(),
            &fault.detail,
            now,
            place.bytes,
        ],
    )?;
    Ok(())
}

/// How many more raw events of a stream can be kept.
pub(crate) fn room(connection: &dyn Connection, stream: i64) -> Result<usize, LedgerError> {
    let sql = "SELECT count(*) FROM quarantine WHERE stream = ?1 AND event IS NULL";
    let kept: usize = connection.one(sql, values![stream], |row| row.get(0))?;
    Ok(RAW_LIMIT.saturating_sub(kept))
}

/// Chain hashes of the events that contradict what is stored at a place.
pub(crate) fn chains_at(
    connection: &dyn Connection,
    stream: i64,
    seq: u64,
) -> Result<Vec<Hash>, LedgerError> {
    let sql = "SELECT chain FROM quarantine WHERE stream = ?1 AND seq = ?2 AND event IS NULL";
    connection.rows(sql, values![stream, seq], |row| row.get(0))
}

/// Why each of these events of a stream, in order, was not applied.
pub(crate) fn why(
    connection: &dyn Connection,
    stream: i64,
    seqs: &[u64],
) -> Result<Vec<String>, LedgerError> {
    let (Some(first), Some(last)) = (seqs.first(), seqs.last()) else {
        return Ok(Vec::new());
    };
    let noted: HashMap<u64, String> = connection
        .rows(
            "SELECT seq, reason FROM quarantine
             WHERE stream = ?1 AND seq BETWEEN ?2 AND ?3 AND event IS NOT NULL",
            values![stream, *first, *last],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .into_iter()
        .collect();
    let reasons = seqs.iter().map(|seq| noted.get(seq).cloned());
    Ok(reasons.map(Option::unwrap_or_default).collect())
}

/// The place of a stored event.
pub(crate) fn place_of_event(
    connection: &dyn Connection,
    row: i64,
) -> Result<Place<'static>, LedgerError> {
    let sql = "SELECT stream, seq, content, chain FROM events WHERE id = ?1";
    connection.one(sql, values![row], |found| {
        Ok(Place {
            stream: found.get(0)?,
            seq: found.get(1)?,
            content: found.get(2)?,
            chain: found.get(3)?,
            event: Some(row),
            bytes: None,
        })
    })
}

/// A stored event could be applied after all.
pub(crate) fn release_event(connection: &dyn Connection, event: i64) -> Result<(), LedgerError> {
    connection.execute("DELETE FROM quarantine WHERE event = ?1", values![event])?;
    Ok(())
}

/// An entry was dealt with.
pub(crate) fn remove(connection: &dyn Connection, id: i64) -> Result<(), LedgerError> {
    connection.execute("DELETE FROM quarantine WHERE id = ?1", values![id])?;
    Ok(())
}

/// One more try failed.
pub(crate) fn tried(
    connection: &dyn Connection,
    id: i64,
    fault: &Fault,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE quarantine SET tries = tries + 1, reason = ?2, detail = ?3 WHERE id = ?1",
        values![id, fault.reason.as_str(), &fault.detail],
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
    q.reason, q.detail, q.first_seen, q.tries, coalesce(q.bytes, e.bytes) FROM quarantine q
    JOIN streams s ON s.id = q.stream JOIN devices d ON d.id = s.device
    JOIN stores st ON st.id = d.store LEFT JOIN events e ON e.id = q.event";

fn entry(row: &Row<'_>) -> Result<Entry, LedgerError> {
    Ok(Entry {
        id: row.get(0)?,
        stream: row.get(1)?,
        store: row.get(2)?,
        kiosk: row.get(3)?,
        journal: row.get(4)?,
        seq: row.get(5)?,
        event: row.get(6)?,
        chain: row.get(7)?,
        reason: row.get(8)?,
        detail: row.get(9)?,
        first_seen: row.get(10)?,
        tries: row.get(11)?,
        bytes: row.get::<Option<Vec<u8>>>(12)?.unwrap_or_default(),
    })
}

pub(crate) fn list(
    connection: &dyn Connection,
    after: i64,
    limit: usize,
) -> Result<Vec<Entry>, LedgerError> {
    let sql = format!("{SELECT} WHERE q.id > ?1 ORDER BY q.id LIMIT ?2");
    connection.rows(&sql, values![after, limit], entry)
}

pub(crate) fn find(connection: &dyn Connection, id: i64) -> Result<Option<Entry>, LedgerError> {
    connection.find(&format!("{SELECT} WHERE q.id = ?1"), values![id], entry)
}

pub(crate) fn count(connection: &dyn Connection) -> Result<u64, LedgerError> {
    connection.one("SELECT count(*) FROM quarantine", &[], |row| row.get(0))
}

/// The reasons there are, the most frequent first.
pub(crate) fn reasons(connection: &dyn Connection) -> Result<Vec<(String, u64)>, LedgerError> {
    connection.rows(
        "SELECT reason, count(*) AS many FROM quarantine GROUP BY reason ORDER BY many DESC, reason",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Keeps a sample of a frame that moved nothing, in place of the oldest one.
pub(crate) fn sample_refused(
    connection: &dyn Connection,
    sender: (&str, &str),
    reason: &str,
    bytes: &[u8],
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO refused_frames (slot, at, store, kiosk, reason, bytes) VALUES (
         (SELECT CASE WHEN count(*) < ?1 THEN count(*)
          ELSE (SELECT slot FROM refused_frames ORDER BY at, slot LIMIT 1) END
          FROM refused_frames), ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (slot) DO UPDATE SET at = excluded.at, store = excluded.store,
         kiosk = excluded.kiosk, reason = excluded.reason, bytes = excluded.bytes",
        values![
            SAMPLES,
            now,
            sender.0,
            sender.1,
            reason,
            bytes.get(..SAMPLE_BYTES).unwrap_or(bytes),
        ],
    )?;
    Ok(())
}
