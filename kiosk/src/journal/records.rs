//! The journal as a record for people: who did what and when, and what headquarters still lacks.

use kiosk_core::event::Event;
use kiosk_core::ids::OrderId;
use rusqlite::OptionalExtension;
use serde::de::DeserializeOwned;

use super::JournalError;
use super::group::{from_sql, to_sql};
use super::read::Reader;
use super::settings::setting;

/// Where the seqs that headquarters put aside stand among the settings.
pub(super) const QUARANTINED: &str = "quarantined";
/// Why, for each of them.
pub(super) const QUARANTINE_REASONS: &str = "quarantine_reasons";
/// Events looked at for one page: a page of what is rare ends where so many were seen.
const LOOKED_AT: u64 = 100_000;
/// In so many bytes from its beginning an event says of which type it is.
const HEAD: usize = 120;

/// An event and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its place.
    pub seq: u64,
    /// What happened.
    pub event: Event,
    /// The number of the order it is about.
    pub number: Option<String>,
}

/// A page of records, the latest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Records {
    /// The records.
    pub found: Vec<Record>,
    /// Before which seq the next page begins; none if there is no more.
    pub before: Option<u64>,
}

/// What headquarters keeps but could not apply.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    /// Its place.
    pub seq: u64,
    /// The record, if this journal still holds it.
    pub record: Option<Record>,
    /// Why, such as `revoked`; none from headquarters that doesn't tell.
    pub reason: Option<String>,
}

impl Reader {
    /// Events of these types before a seq, the latest first, at most so many. What was pruned is at
    /// headquarters alone.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn records(
        &self,
        kinds: &[&str],
        before: Option<u64>,
        limit: usize,
    ) -> Result<Records, JournalError> {
        let marks: Vec<String> = kinds.iter().map(|kind| type_mark(kind)).collect();
        let before = before.unwrap_or(u64::MAX >> 1);
        let mut query = self
            .conn
            .prepare_cached("SELECT seq, bytes FROM events WHERE seq < ?1 ORDER BY seq DESC")?;
        let mut rows = query.query([to_sql(before)])?;
        let (mut found, mut seen) = (Vec::new(), 0);
        while let Some(row) = rows.next()? {
            let seq = from_sql(row.get(0)?);
            seen += 1;
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if is_one_of(bytes, &marks)
                && let Ok(event) = Event::decode(bytes)
            {
                found.push((seq, event));
            }
            if found.len() >= limit || seen >= LOOKED_AT {
                let more = rows.next()?.is_some();
                return self.numbered(found, more.then_some(seq));
            }
        }
        self.numbered(found, None)
    }

    /// The events that headquarters has not confirmed among the first of them, oldest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn unconfirmed(
        &self,
        from: u64,
        is_confirmed: impl Fn(u64) -> bool,
        limit: usize,
    ) -> Result<Vec<Record>, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT seq, bytes FROM events WHERE seq >= ?1 ORDER BY seq")?;
        let mut rows = query.query([to_sql(from)])?;
        let mut found = Vec::new();
        while found.len() < limit
            && let Some(row) = rows.next()?
        {
            let seq = from_sql(row.get(0)?);
            let bytes = row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?;
            if !is_confirmed(seq)
                && let Ok(event) = Event::decode(bytes)
            {
                found.push((seq, event));
            }
        }
        Ok(self.numbered(found, None)?.found)
    }

    /// What headquarters keeps but could not apply, as far as its latest word names it, and how many
    /// there are in all.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn quarantined(&self) -> Result<(Vec<Aside>, u64), JournalError> {
        let total: Option<i64> = self
            .conn
            .prepare_cached("SELECT quarantined FROM cloud WHERE one = 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let seqs: Vec<u64> = self.kept_list(QUARANTINED)?;
        let mut reasons = self.kept_list::<String>(QUARANTINE_REASONS)?.into_iter();
        let mut found = Vec::with_capacity(seqs.len());
        for seq in seqs {
            let record = self.record(seq)?;
            let reason = reasons.next().filter(|reason| !reason.is_empty());
            found.push(Aside {
                seq,
                record,
                reason,
            });
        }
        Ok((found, total.map_or(0, from_sql)))
    }

    /// A list that is kept under a name; one that can't be read is empty.
    fn kept_list<T: DeserializeOwned>(&self, name: &str) -> Result<Vec<T>, JournalError> {
        let text = setting(&self.conn, name)?;
        let list = text.and_then(|text| serde_json::from_str(&text).ok());
        Ok(list.unwrap_or_default())
    }

    fn record(&self, seq: u64) -> Result<Option<Record>, JournalError> {
        let bytes: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT bytes FROM events WHERE seq = ?1")?
            .query_row([to_sql(seq)], |row| row.get(0))
            .optional()?;
        let event = bytes.and_then(|bytes| Event::decode(&bytes).ok());
        let found = event.into_iter().map(|event| (seq, event)).collect();
        Ok(self.numbered(found, None)?.found.pop())
    }

    fn numbered(
        &self,
        found: Vec<(u64, Event)>,
        before: Option<u64>,
    ) -> Result<Records, JournalError> {
        let mut records = Vec::with_capacity(found.len());
        for (seq, event) in found {
            let number = event.order.map(|id| self.number(id)).transpose()?.flatten();
            records.push(Record { seq, event, number });
        }
        Ok(Records {
            found: records,
            before,
        })
    }

    fn number(&self, id: OrderId) -> Result<Option<String>, JournalError> {
        Ok(self.order(id)?.map(|stored| stored.order.number))
    }
}

/// How the bytes of an event say that it is of a type.
fn type_mark(kind: &str) -> String {
    format!("\"type\":\"{kind}\"")
}

fn is_one_of(bytes: &[u8], marks: &[String]) -> bool {
    let head = bytes.get(..HEAD).unwrap_or(bytes);
    marks
        .iter()
        .any(|mark| head.windows(mark.len()).any(|part| part == mark.as_bytes()))
}
