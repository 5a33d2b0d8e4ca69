//! `kiosk check`: the integrity of a journal, running or not. Reads only, in chunks, so that a
//! running kiosk is not delayed and its log can begin anew in between.

use std::collections::HashSet;
use std::path::Path;

use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use kiosk_core::event::{Event, Fact};
use kiosk_core::fold;
use kiosk_core::ids::OrderId;
use kiosk_core::order::Order;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use super::document::order_from;
use super::group::{Head, from_sql, hash_column, to_sql};
use super::open::{connect_reader, identity};
use super::place::seqs_from;
use super::{JournalError, JournalSettings};

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
    check_with(&JournalSettings::reading(folder), progress)
}

/// [`check`] with settings of one's own, such as another VFS.
///
/// # Errors
/// If there is no journal or it can't be read at all.
pub fn check_with(
    settings: &JournalSettings,
    progress: impl FnMut(u64, u64),
) -> Result<Report, JournalError> {
    let conn = connect_reader(settings)?;
    let head = {
        let _moment = conn.unchecked_transaction()?;
        Head::load(&conn)?
    };
    let (journal, _) = identity(&conn)?;
    let mut checking = Checking {
        conn: &conn,
        head: &head,
        problems: Vec::new(),
        more: 0,
        chain: None,
        events: 0,
        orders: 0,
        numbers: HashSet::new(),
        date: None,
    };
    // A page that can't be read ends a walk; what was found until then is told all the same.
    if let Err(error) = checking.walk_events(progress) {
        checking.broken_chain(format!("the events can't be read on: {error}"));
    }
    if let Err(error) = checking.walk_orders() {
        checking.problem(format!("the orders can't be read on: {error}"));
    }
    let sqlite = checking.tables().unwrap_or_else(|error| error.to_string());
    if sqlite != "ok" {
        checking.problem(format!("SQLite finds the file damaged: {sqlite}"));
    }
    if head.confirmed.watermark() >= head.next_seq {
        checking.problem(format!(
            "the watermark {} is beyond the last event {}",
            head.confirmed.watermark(),
            head.next_seq - 1
        ));
    }
    Ok(checking.report(journal.to_string(), sqlite))
}

impl JournalSettings {
    /// What reading the journal in a folder takes.
    pub(super) fn reading(folder: &Path) -> Self {
        let nobody = kiosk_core::ids::BootId(uuid::Uuid::nil());
        Self::new(folder.to_owned(), nobody, [0; 64])
    }
}

struct Checking<'a> {
    conn: &'a Connection,
    head: &'a Head,
    problems: Vec<String>,
    more: u64,
    chain: Option<String>,
    events: u64,
    orders: u64,
    /// The numbers given on `date`.
    numbers: HashSet<String>,
    date: Option<jiff::civil::Date>,
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

    fn report(self, journal: String, sqlite: String) -> Report {
        let mut problems = self.problems;
        if self.more > 0 {
            problems.push(format!("and {} more", self.more));
        }
        let outbox = self.head.outbox();
        Report {
            ok: problems.is_empty(),
            orders: self.orders,
            events: self.events,
            journal,
            next_seq: self.head.next_seq,
            watermark: outbox.watermark(),
            unconfirmed: outbox.unconfirmed(),
            anchor_seq: self.head.anchor_seq,
            chain: self.chain.unwrap_or_else(|| "ok".to_owned()),
            sqlite,
            problems,
        }
    }

    /// Where the chain begins as of now: a running kiosk prunes.
    fn anchor(&self) -> Result<(u64, Hash), JournalError> {
        let anchor = self
            .conn
            .prepare_cached("SELECT anchor_seq, anchor_chain FROM head WHERE one = 1")?
            .query_row([], |row| Ok((from_sql(row.get(0)?), hash_column(row, 1)?)))?;
        Ok(anchor)
    }

    /// Walks the chain from the anchor to the head.
    fn walk_events(&mut self, mut progress: impl FnMut(u64, u64)) -> Result<(), JournalError> {
        let last = self.head.next_seq - 1;
        let (mut seq, mut chain) = self.anchor()?;
        loop {
            let before = seq;
            (seq, chain) = self.event_chunk(seq, chain)?;
            if seq == before {
                break;
            }
            progress(self.events, last.saturating_sub(self.head.anchor_seq));
        }
        if seq < last {
            self.broken_chain(format!("events {} to {last} are missing", seq + 1));
        } else if seq == last && chain != self.head.chain {
            self.broken_chain("the last chain hash is not the one that is kept".to_owned());
        }
        Ok(())
    }

    /// The next chunk, as of one moment. Gives the last event of it and the chain hash there.
    fn event_chunk(&mut self, seq: u64, chain: Hash) -> Result<(u64, Hash), JournalError> {
        let conn = self.conn;
        let _moment = conn.unchecked_transaction()?;
        let anchor = self.anchor()?;
        let (mut seq, mut chain) = if anchor.0 > seq { anchor } else { (seq, chain) };
        let mut query = conn.prepare_cached(
            "SELECT seq, chain, bytes FROM events WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = query.query((to_sql(seq), to_sql(self.head.next_seq), CHUNK))?;
        while let Some(row) = rows.next()? {
            let found = from_sql(row.get(0)?);
            let stored = hash_column(row, 1)?;
            let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            if found != seq + 1 {
                self.broken_chain(format!("events {} to {} are missing", seq + 1, found - 1));
            }
            chain = chain_hash(chain, found, content_hash(bytes));
            if chain != stored {
                self.broken_chain(format!("event {found} was changed: its chain hash differs"));
                chain = stored;
            }
            self.has_order(found, bytes)?;
            seq = found;
            self.events += 1;
        }
        Ok((seq, chain))
    }

    /// An event about an order must be among those that the order names.
    fn has_order(&mut self, seq: u64, bytes: &[u8]) -> Result<(), JournalError> {
        let event = match Event::decode(bytes) {
            Ok(event) => event,
            Err(error) => {
                self.problem(format!("event {seq} can't be read: {error}"));
                return Ok(());
            }
        };
        if !matches!(event.fact, Fact::Placed(_) | Fact::Acted(..)) {
            return Ok(());
        }
        let named: Option<Vec<u8>> = match event.order {
            Some(OrderId(id)) => self
                .conn
                .prepare_cached("SELECT seqs FROM orders WHERE id = ?1")?
                .query_row([id.as_bytes()], |row| row.get(0))
                .optional()?,
            None => None,
        };
        match named {
            None => self.problem(format!("event {seq} is about an order that is not there")),
            Some(seqs) if !seqs_from(&seqs).contains(&seq) => {
                self.problem(format!("event {seq} is not named by its order"));
            }
            Some(_) => {}
        }
        Ok(())
    }

    /// Each order must be what its events make of it.
    fn walk_orders(&mut self) -> Result<(), JournalError> {
        let mut place = i64::MIN;
        loop {
            let before = place;
            place = self.order_chunk(place)?;
            if place == before {
                return Ok(());
            }
        }
    }

    fn order_chunk(&mut self, mut place: i64) -> Result<i64, JournalError> {
        let conn = self.conn;
        let _moment = conn.unchecked_transaction()?;
        let (anchor, _) = self.anchor()?;
        let mut query = conn.prepare_cached(
            "SELECT seq, document, event, seqs, id, business_date, status FROM whole_orders
             WHERE seq > ?1 AND seq < ?2 ORDER BY seq LIMIT ?3",
        )?;
        let mut rows = query.query((place, to_sql(self.head.next_seq), CHUNK))?;
        while let Some(row) = rows.next()? {
            place = row.get(0)?;
            self.orders += 1;
            let Ok(order) = order_from(row, 1) else {
                self.problem(format!("the order of event {place} can't be read"));
                continue;
            };
            let columns: (uuid::Uuid, String, String) = (
                uuid::Uuid::from_bytes(row.get(4)?),
                row.get(5)?,
                row.get(6)?,
            );
            let date = order.business_date.to_string();
            if columns != (order.id.0, date, order.status.as_str().to_owned()) {
                self.problem(format!("order {} is filed wrongly", order.number));
            }
            let seqs: Vec<u8> = row.get(3)?;
            self.number(&order);
            self.folds(anchor, place, &order, &seqs_from(&seqs))?;
        }
        Ok(place)
    }

    /// Numbers are given once a day, and days never go back.
    fn number(&mut self, order: &Order) {
        let date = Some(order.business_date);
        if self.date != date {
            if self.date > date {
                let text = format!(
                    "order {} of {} comes after orders of a later day",
                    order.number, order.business_date
                );
                self.problem(text);
            }
            self.date = date;
            self.numbers.clear();
        }
        if !self.numbers.insert(order.number.clone()) {
            let text = format!(
                "number {} was given twice on {}",
                order.number, order.business_date
            );
            self.problem(text);
        }
    }

    fn folds(
        &mut self,
        anchor: u64,
        place: i64,
        order: &Order,
        seqs: &[u64],
    ) -> Result<(), JournalError> {
        // The event that placed it lies in a journal that this one carries on.
        let Some(place) = u64::try_from(place).ok().filter(|place| *place > 0) else {
            return Ok(());
        };
        if seqs.first() != Some(&place) {
            let text = format!(
                "order {} does not name the event that placed it",
                order.number
            );
            self.problem(text);
            return Ok(());
        }
        if place <= anchor {
            return Ok(());
        }
        let mut events = Vec::with_capacity(seqs.len());
        let mut query = self
            .conn
            .prepare_cached("SELECT bytes FROM events WHERE seq = ?1")?;
        for seq in seqs {
            let bytes: Option<Vec<u8>> = query
                .query_row([to_sql(*seq)], |row| row.get(0))
                .optional()?;
            match bytes.and_then(|bytes| Event::decode(&bytes).ok()) {
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

    /// SQLite's own check, table by table, so that none of its transactions is long.
    fn tables(&self) -> Result<String, JournalError> {
        let mut query = self
            .conn
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        let names: Vec<String> = query
            .query_map([], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        for name in names {
            let sql = format!("PRAGMA integrity_check('{name}')");
            let verdict: String = self.conn.query_row(&sql, [], |row| row.get(0))?;
            if verdict != "ok" {
                return Ok(verdict);
            }
        }
        Ok("ok".to_owned())
    }
}
