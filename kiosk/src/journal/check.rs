//! `kiosk check`: the integrity of a journal, running or not. Reads only, in chunks, so that a
//! running kiosk is not delayed.

use std::collections::HashMap;
use std::path::Path;

use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use kiosk_core::event::{Event, Fact};
use kiosk_core::fold;
use kiosk_core::ids::OrderId;
use kiosk_core::order::Order;
use rusqlite::Connection;
use serde::Serialize;

use super::group::{Head, from_sql, hash_column, to_sql};
use super::place::{parse_order, seqs_from};
use super::{JournalError, JournalSettings, open};

/// Rows per chunk; a read transaction lasts no longer than this many take.
const CHUNK: u32 = 1_000;
/// Problems told one by one; the rest are only counted.
const TOLD: usize = 100;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// How many orders there are.
    pub orders: u64,
    /// How many events are held.
    pub events: u64,
    /// The journal's identity.
    pub journal: String,
    /// The number that the next event gets.
    pub next_seq: u64,
    /// All events up to this one are confirmed.
    pub watermark: u64,
    /// How many events are not confirmed.
    pub unconfirmed: u64,
    /// Where the chain begins.
    pub anchor_seq: u64,
    /// `ok`, or where the chain breaks.
    pub chain: String,
    /// `ok`, or what SQLite says.
    pub sqlite: String,
    /// Everything that is wrong, in plain words.
    pub problems: Vec<String>,
}

/// Checks the journal in a data folder. `progress` hears how many of how many events are done.
///
/// # Errors
/// If there is no journal or it can't be read at all.
pub fn check(folder: &Path, progress: impl FnMut(u64, u64)) -> Result<Report, JournalError> {
    let boot = kiosk_core::ids::BootId(uuid::Uuid::nil());
    let settings = JournalSettings::new(folder.to_owned(), boot, [0; 64]);
    check_with(&settings, progress)
}

/// [`check`] with settings of one's own, such as another VFS.
///
/// # Errors
/// If there is no journal or it can't be read at all.
pub fn check_with(
    settings: &JournalSettings,
    progress: impl FnMut(u64, u64),
) -> Result<Report, JournalError> {
    let conn = open::connect_reader(settings).map_err(|error| {
        JournalError::Storage(format!(
            "{} can't be opened: {error}",
            settings.file().display()
        ))
    })?;
    let head = Head::load(&conn)?;
    let journal: Vec<u8> = conn.query_row("SELECT journal FROM head", [], |row| row.get(0))?;
    let journal = uuid::Uuid::from_slice(&journal)
        .map(|id| id.to_string())
        .unwrap_or_default();
    let mut checking = Checking {
        conn: &conn,
        problems: Vec::new(),
        more: 0,
        chain: None,
    };
    let events = checking.events(&head, progress)?;
    let orders = checking.orders(&head)?;
    let sqlite: String = conn.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if sqlite != "ok" {
        checking.problem(format!("SQLite finds the file damaged: {sqlite}"));
    }
    let outbox = head.outbox();
    if outbox.watermark() >= head.next_seq {
        checking.problem(format!(
            "the watermark {} is beyond the last event {}",
            outbox.watermark(),
            head.next_seq - 1
        ));
    }
    let mut problems = checking.problems;
    if checking.more > 0 {
        problems.push(format!("and {} more", checking.more));
    }
    Ok(Report {
        ok: problems.is_empty(),
        orders,
        events,
        journal,
        next_seq: head.next_seq,
        watermark: outbox.watermark(),
        unconfirmed: outbox.unconfirmed(),
        anchor_seq: head.anchor_seq,
        chain: checking.chain.unwrap_or_else(|| "ok".to_owned()),
        sqlite,
        problems,
    })
}

struct Checking<'a> {
    conn: &'a Connection,
    problems: Vec<String>,
    more: u64,
    chain: Option<String>,
}

impl Checking<'_> {
    fn problem(&mut self, text: String) {
        if self.problems.len() < TOLD {
            self.problems.push(text);
        } else {
            self.more += 1;
        }
    }

    fn broken_chain(&mut self, text: String) {
        self.chain.get_or_insert_with(|| text.clone());
        self.problem(text);
    }

    /// Walks the chain from the anchor to the head.
    fn events(
        &mut self,
        head: &Head,
        mut progress: impl FnMut(u64, u64),
    ) -> Result<u64, JournalError> {
        let mut seq = head.anchor_seq;
        let mut chain: Hash = self
            .conn
            .query_row("SELECT anchor_chain FROM head", [], |row| {
                hash_column(row, 0)
            })?;
        let mut count = 0;
        loop {
            let chunk = self.chunk(seq, head.next_seq)?;
            if chunk.is_empty() {
                break;
            }
            for (found, stored, bytes) in chunk {
                if found != seq + 1 {
                    self.broken_chain(format!("events {} to {} are missing", seq + 1, found - 1));
                }
                chain = chain_hash(chain, found, content_hash(&bytes));
                if chain != stored {
                    self.broken_chain(format!("event {found} was changed: its chain hash differs"));
                    chain = stored;
                }
                self.placed_has_order(found, &bytes)?;
                seq = found;
                count += 1;
            }
            progress(count, head.next_seq - 1 - head.anchor_seq);
        }
        if seq + 1 != head.next_seq {
            self.broken_chain(format!(
                "events {} to {} are missing",
                seq + 1,
                head.next_seq - 1
            ));
        } else if chain != head.chain {
            self.broken_chain("the last chain hash is not the one that is kept".to_owned());
        }
        Ok(count)
    }

    fn chunk(&self, after: u64, next: u64) -> Result<Vec<(u64, Hash, Vec<u8>)>, JournalError> {
        let mut query = self.conn.prepare_cached(
            "SELECT seq, chain, bytes FROM events WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
        )?;
        let rows = query.query_map((to_sql(after), to_sql(next), CHUNK), |row| {
            Ok((from_sql(row.get(0)?), hash_column(row, 1)?, row.get(2)?))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn placed_has_order(&mut self, seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let event = match Event::decode(bytes) {
            Ok(event) => event,
            Err(error) => {
                self.problem(format!("event {seq} can't be read: {error}"));
                return Ok(());
            }
        };
        if !matches!(event.fact, Fact::Placed(_)) {
            return Ok(());
        }
        let id: Option<OrderId> = event.order;
        let mut query = self
            .conn
            .prepare_cached("SELECT 1 FROM orders WHERE seq = ?1 AND id = ?2")?;
        let there = id.is_some_and(|id| {
            query
                .exists((to_sql(seq), id.0.as_bytes()))
                .unwrap_or(false)
        });
        if !there {
            self.problem(format!("event {seq} placed an order that is not there"));
        }
        Ok(())
    }

    /// Each order must be what its events make of it.
    fn orders(&mut self, head: &Head) -> Result<u64, JournalError> {
        let mut place = 0;
        let mut count = 0;
        let mut numbers: HashMap<(String, String), u64> = HashMap::new();
        loop {
            let mut query = self.conn.prepare_cached(
                "SELECT seq, document, seqs FROM orders WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
            )?;
            let rows = query.query_map((to_sql(place), to_sql(head.next_seq), CHUNK), |row| {
                Ok((
                    from_sql(row.get(0)?),
                    row.get::<_, String>(1)?,
                    row.get::<_, Vec<u8>>(2)?,
                ))
            })?;
            let chunk: Vec<_> = rows.collect::<Result<_, _>>()?;
            if chunk.is_empty() {
                return Ok(count);
            }
            for (seq, document, seqs) in chunk {
                place = seq;
                count += 1;
                match parse_order(&document) {
                    Ok(order) => {
                        let number = (order.business_date.to_string(), order.number.clone());
                        if let Some(other) = numbers.insert(number, seq) {
                            let number = &order.number;
                            let text =
                                format!("number {number} was given twice, at {other} and {seq}");
                            self.problem(text);
                        }
                        self.order(head, seq, &order, &seqs_from(&seqs))?;
                    }
                    Err(_) => self.problem(format!("the order of event {seq} can't be read")),
                }
            }
        }
    }

    fn order(
        &mut self,
        head: &Head,
        place: u64,
        order: &Order,
        seqs: &[u64],
    ) -> Result<(), JournalError> {
        if seqs.first() != Some(&place) || place <= head.anchor_seq {
            if seqs.first() != Some(&place) {
                self.problem(format!(
                    "order {} does not name the event that placed it",
                    order.number
                ));
            }
            return Ok(());
        }
        let mut events = Vec::with_capacity(seqs.len());
        let mut query = self
            .conn
            .prepare_cached("SELECT bytes FROM events WHERE seq = ?1")?;
        for seq in seqs {
            let bytes: rusqlite::Result<Vec<u8>> =
                query.query_row([to_sql(*seq)], |row| row.get(0));
            match bytes.ok().and_then(|bytes| Event::decode(&bytes).ok()) {
                Some(event) => events.push(event),
                None => {
                    self.problem(format!("order {} misses its event {seq}", order.number));
                    return Ok(());
                }
            }
        }
        if fold::fold(&events).order.as_ref() != Some(order) {
            self.problem(format!(
                "order {} is not what its events make of it",
                order.number
            ));
        }
        Ok(())
    }
}
