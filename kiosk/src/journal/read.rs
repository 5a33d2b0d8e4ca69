//! Reading: a few connections of its own, so that nobody who looks delays one who orders.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use cloud_sync_wire::frame::{Entry, entry_size};
use kiosk_core::cash::CashEntry;
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Order, Status};
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};

use super::document::order_from;
use super::group::{from_sql, hash_column, to_sql};
use super::place::{PlaceRefusal, Placed, known, seqs_from};
use super::{JournalError, JournalSettings, cash, days, open};

/// How far back an order is looked for by its number.
const RECENT: u32 = 5000;

/// Connections kept open for the next reader.
const IDLE: usize = 4;

/// The reading connections.
pub(super) struct Readers {
    settings: JournalSettings,
    idle: Mutex<Vec<Connection>>,
}

/// One reading connection.
pub struct Reader {
    pub(super) conn: Connection,
}

/// An order as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredOrder {
    /// The order.
    pub order: Order,
    /// The seqs of its events.
    pub seqs: Vec<u64>,
    /// Its place among all orders: the seq of the event that placed it.
    /// At or below 0: it lies in a journal that this one carries on.
    pub place: i64,
}

/// Which orders are listed.
#[derive(Debug, Clone, Default)]
pub struct ListFilter {
    /// Of this business day.
    pub business_date: Option<jiff::civil::Date>,
    /// In this state.
    pub status: Option<Status>,
    /// Older than the order at this place.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: u32,
}

/// The order in the journal of `folder` that has this id, or is the latest of the recent ones with this
/// number. Reads only, while a kiosk serves or not.
///
/// # Errors
/// [`JournalError`].
pub fn find_order(folder: &Path, name: &str) -> Result<Option<Order>, JournalError> {
    let reader = Reader::open(&JournalSettings::reading(folder))?;
    if let Ok(id) = name.parse() {
        return Ok(reader.order(id)?.map(|stored| stored.order));
    }
    let recent = reader.list(&ListFilter {
        limit: RECENT,
        ..ListFilter::default()
    })?;
    let mut orders = recent.into_iter().map(|stored| stored.order);
    Ok(orders.find(|order| order.number == name))
}

impl Readers {
    pub(super) fn new(settings: JournalSettings) -> Self {
        Self {
            settings,
            idle: Mutex::new(Vec::new()),
        }
    }

    pub(super) fn with<T>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, JournalError>,
    ) -> Result<T, JournalError> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let conn = match idle {
            Some(conn) => conn,
            None => open::connect_reader(&self.settings)?,
        };
        let reader = Reader { conn };
        let answer = query(&reader);
        // A connection that failed may be damaged; the next reader gets a new one.
        if answer.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE {
                idle.push(reader.conn);
            }
        }
        answer
    }
}

impl Reader {
    /// A connection of one's own, for commands beside a running kiosk.
    pub(super) fn open(settings: &JournalSettings) -> Result<Self, JournalError> {
        let conn = open::connect_reader(settings)?;
        Ok(Self { conn })
    }

    pub(super) fn conn(&self) -> &Connection {
        &self.conn
    }

    pub(super) fn events(
        &self,
        from: u64,
        to: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, JournalError> {
        let mut query = self.conn.prepare_cached(
            "SELECT seq, chain, bytes FROM events WHERE seq BETWEEN ?1 AND ?2 ORDER BY seq",
        )?;
        let mut rows = query.query([to_sql(from), to_sql(to)])?;
        let mut entries: Vec<Entry> = Vec::new();
        let mut size = 0;
        while entries.len() < max_events
            && let Some(row) = rows.next()?
        {
            let bytes = row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?;
            size += entry_size(bytes.len());
            if size > max_bytes && !entries.is_empty() {
                break;
            }
            entries.push(Entry {
                seq: from_sql(row.get(0)?),
                chain: hash_column(row, 1)?,
                bytes: bytes.to_vec(),
            });
        }
        Ok(entries)
    }

    /// The order of that identity.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn order(&self, id: OrderId) -> Result<Option<StoredOrder>, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT document, event, seqs, seq FROM whole_orders WHERE id = ?1")?;
        let mut rows = query.query([id.0.as_bytes()])?;
        rows.next()?.map(stored).transpose()
    }

    /// What is known of an idempotency key.
    ///
    /// # Errors
    /// [`PlaceRefusal::KeyReused`] if its content is other, or storage trouble.
    pub fn key(
        &self,
        key: uuid::Uuid,
        content: cloud_sync_wire::chain::Hash,
    ) -> Result<Result<Option<Placed>, PlaceRefusal>, JournalError> {
        match known(&self.conn, key, content) {
            Err(PlaceRefusal::Journal(error)) => Err(error),
            answer => Ok(answer),
        }
    }

    /// Orders, newest first.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn list(&self, filter: &ListFilter) -> Result<Vec<StoredOrder>, JournalError> {
        // Nearly all are collected in the end and soon found; the others are looked for day by day.
        let which = match (filter.business_date, filter.status) {
            (Some(_), None) => "business_date = ?1 AND ?2 IS NULL",
            (Some(_), Some(_)) => "business_date = ?1 AND status = ?2",
            (None, Some(status)) if status != Status::Collected => {
                "?1 IS NULL AND business_date IN (SELECT date FROM days) AND status = ?2"
            }
            (None, _) => "?1 IS NULL AND (?2 IS NULL OR +status = ?2)",
        };
        let sql = format!(
            "SELECT document, event, seqs, seq FROM whole_orders WHERE {which} AND seq < ?3
             ORDER BY seq DESC LIMIT ?4"
        );
        let mut query = self.conn.prepare_cached(&sql)?;
        let before = filter.before.unwrap_or(i64::MAX);
        let mut rows = query.query((
            filter.business_date.map(|date| date.to_string()),
            filter.status.map(Status::as_str),
            before,
            filter.limit,
        ))?;
        let mut orders = Vec::new();
        while let Some(row) = rows.next()? {
            orders.push(stored(row)?);
        }
        Ok(orders)
    }

    /// All orders of a business day, in the order in which they were placed.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn orders_of_day(&self, date: jiff::civil::Date) -> Result<Vec<Order>, JournalError> {
        days::orders_of_day(&self.conn, date)
    }

    /// What was done with the cash drawer on a business day, and the number of the Z report that
    /// the day was last closed with.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn cash_of_day(
        &self,
        date: jiff::civil::Date,
    ) -> Result<(Vec<CashEntry>, Option<u64>), JournalError> {
        Ok((
            cash::cash_of_day(&self.conn, date)?,
            days::latest_z(&self.conn, date)?,
        ))
    }

    /// A Z report as it was when its day was closed, as JSON.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn z_report(&self, z: u64) -> Result<Option<String>, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT report FROM closes WHERE z = ?1")?;
        Ok(query.query_row([to_sql(z)], |row| row.get(0)).optional()?)
    }

    /// When the event `seq` was written, by the wall clock of then.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn event_time(&self, seq: u64) -> Result<Option<WallTime>, JournalError> {
        let bytes: Option<Vec<u8>> = self
            .conn
            .prepare_cached("SELECT bytes FROM events WHERE seq = ?1")?
            .query_row([to_sql(seq)], |row| row.get(0))
            .optional()?;
        Ok(bytes
            .and_then(|bytes| kiosk_core::event::Event::decode(&bytes).ok())
            .map(|event| event.at))
    }
}

fn stored(row: &rusqlite::Row<'_>) -> Result<StoredOrder, JournalError> {
    Ok(StoredOrder {
        order: order_from(row, 0)?,
        seqs: seqs_from(row.get_ref(2)?.as_blob().map_err(rusqlite::Error::from)?),
        place: row.get(3)?,
    })
}
