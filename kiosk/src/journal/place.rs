//! Placing an order: order, number, stock and event in one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloud_sync_wire::chain::Hash;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kiosk_core::cart::{Method, Service};
use kiosk_core::day::{Day, DayForOrder, Schedule};
use kiosk_core::event::{DayChanged, Fact};
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::number::order_number;
use kiosk_core::order::Order;
use kiosk_core::pricing::Quote;
use kiosk_core::stock::{Level, Shortage, reserve};
use rusqlite::Connection;
use uuid::Uuid;

use super::document::order_from;
use super::draft::Draft;
use super::error::Refusal;
use super::group::{Group, storage, to_sql};
use super::{Change, JournalError, Stamp, stock};

/// An order that has been read and priced.
#[derive(Debug, Clone)]
pub struct PlaceRequest {
    /// The diner's key: the same key is the same order.
    pub key: Uuid,
    /// Hash of what was asked for; the same key with other content is refused.
    pub content: Hash,
    /// The order's identity.
    pub id: OrderId,
    /// When and at whose request.
    pub stamp: Stamp,
    /// Identity of the event that opens the day, should this order open it.
    pub day_event: EventId,
    /// What it costs.
    pub quote: Quote,
    /// Where the food is eaten.
    pub service: Service,
    /// At which table.
    pub table: Option<String>,
    /// The diner's language.
    pub language: String,
    /// The terminal it came from.
    pub terminal: Option<String>,
    /// How it will be paid.
    pub method: Method,
    /// What it takes from stock: how many, and the count with which the menu starts the day.
    pub wanted: BTreeMap<String, (u32, Option<u32>)>,
    /// How days begin.
    pub schedule: Schedule,
    /// The store's time zone.
    pub zone: TimeZone,
}

/// An order that is on the disk.
#[derive(Debug, Clone)]
pub struct Placed {
    /// The order as it is now.
    pub order: Arc<Order>,
    /// The seqs of its events.
    pub seqs: Vec<u64>,
    /// Whether it had been placed before with the same key.
    pub repeated: bool,
}

/// Why no order was placed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceRefusal {
    /// The key belongs to another order.
    #[error("the idempotency key belongs to an order with other content")]
    KeyReused,
    /// Too little is left.
    #[error("sold out")]
    SoldOut(Vec<Shortage>),
    /// The business day is closed.
    #[error("the business day is closed")]
    Closed,
    /// The disk is full or fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for PlaceRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// What the file knows of an idempotency key.
pub(super) fn known(
    conn: &Connection,
    key: Uuid,
    content: Hash,
) -> Result<Option<Placed>, PlaceRefusal> {
    let mut query = conn.prepare_cached(
        "SELECT content, seqs, document, event FROM whole_orders WHERE idempotency_key = ?1",
    )?;
    let mut rows = query.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let blob = |column| -> rusqlite::Result<&[u8]> { Ok(row.get_ref(column)?.as_blob()?) };
    if blob(0)? != content.0 {
        return Err(PlaceRefusal::KeyReused);
    }
    Ok(Some(Placed {
        order: Arc::new(order_from(row, 2)?),
        seqs: seqs_from(blob(1)?),
        repeated: true,
    }))
}

pub(super) fn seqs_from(bytes: &[u8]) -> Vec<u64> {
    bytes
        .chunks_exact(8)
        .filter_map(|chunk| chunk.try_into().ok().map(u64::from_be_bytes))
        .collect()
}

impl Group<'_> {
    /// The answer while there is no room for new orders: what is known of the key.
    pub(super) fn only_known(
        &self,
        key: Uuid,
        content: Hash,
        free: u64,
    ) -> Result<Placed, PlaceRefusal> {
        let reserve = self.settings.reserve_bytes;
        known(self.conn, key, content)?
            .ok_or_else(|| JournalError::DiskFull { free, reserve }.into())
    }

    pub(super) fn place(&mut self, request: Draft) -> Result<Placed, PlaceRefusal> {
        let (key, content) = (request.key, request.content);
        let day = request
            .schedule
            .for_order(self.head.day, request.stamp.at, &request.zone);
        let result = match day {
            DayForOrder::Open(date) => self.place_on(date, request),
            DayForOrder::Opens(date) => self.in_savepoint(|group| {
                // Asked first, so that a retry across a close does not open the next day.
                if let Some(placed) = known(group.conn, key, content)? {
                    return Ok(placed);
                }
                let stamp = Stamp {
                    event: request.day_event,
                    ..request.stamp.clone()
                };
                group.open_day(stamp, date, None)?;
                group.place_on(date, request)
            }),
            DayForOrder::Closed => Err(PlaceRefusal::Closed),
        };
        match result {
            Err(refusal) if refusal.ends_transaction().is_none() => {
                known(self.conn, key, content)?.ok_or(refusal)
            }
            result => result,
        }
    }

    /// Places an order on the open day. Everything that can be refused is looked at before the
    /// first write, and the first write refuses a key that is taken: so no savepoint is needed.
    fn place_on(&mut self, date: Date, draft: Draft) -> Result<Placed, PlaceRefusal> {
        let taken = self.take_stock(&draft)?;
        let number = order_number(&self.head.prefix, self.head.counter + 1);
        let (key, content) = (draft.key, draft.content);
        let now = draft.stamp.since(self.settings.boot);
        let (order, bytes) = draft.finish(number, date)?;
        let id = order.id;
        if !self.insert_order(key, content, &order)? {
            return known(self.conn, key, content)?.ok_or_else(|| {
                JournalError::Damaged(format!("order {id} is there under another key")).into()
            });
        }
        let seq = self.push(&bytes)?;
        for (item, level) in taken {
            self.store_level(date, &item, level)
                .map_err(|error| JournalError::Storage(error.to_string()))?;
        }
        self.spool_placed(&order, now)
            .map_err(|error| JournalError::Storage(error.to_string()))?;
        self.head.counter += 1;
        let order = Arc::new(order);
        self.changes.push(Change::Order {
            seq,
            order: Arc::clone(&order),
            action: None,
        });
        Ok(Placed {
            order,
            seqs: vec![seq],
            repeated: false,
        })
    }

    /// Whether the order was inserted: not if its key is taken.
    fn insert_order(&self, key: Uuid, content: Hash, order: &Order) -> Result<bool, JournalError> {
        let seq = self.head.next_seq;
        let inserted = self
            .conn
            .prepare_cached(
                "INSERT INTO orders (seq, id, idempotency_key, content, business_date, status, seqs)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
            )
            .and_then(|mut insert| {
                insert.execute((
                    to_sql(seq),
                    order.id.0.as_bytes(),
                    key.as_bytes(),
                    &content.0[..],
                    order.business_date.to_string(),
                    order.status.as_str(),
                    &seq.to_be_bytes()[..],
                ))
            })
            .map_err(|error| storage(&error))?;
        Ok(inserted > 0)
    }

    /// Opens the day of `date`: a new one, or the same again after its close.
    pub(super) fn open_day(
        &mut self,
        stamp: Stamp,
        date: Date,
        by: Option<String>,
    ) -> Result<(), JournalError> {
        let again = self.head.day.filter(|day| day.date == date);
        let at = stamp.at;
        self.append(
            stamp,
            None,
            Fact::DayOpened(DayChanged {
                date,
                orders: None,
                gross: None,
                tips: None,
                z: None,
                by,
            }),
        )?;
        let opened_at = again.map_or(at, |day| day.opened_at);
        self.head.day = Some(Day {
            date,
            opened_at,
            closed_at: None,
        });
        if again.is_none() {
            self.head.counter = 0;
            // Not cleared: a manager may have set tomorrow's stock after the close.
            self.levels = stock::load(self.conn, self.head.day)?;
            self.levels_changed = true;
        }
        self.head.store_day(self.conn)?;
        self.changes.push(Change::Day);
        Ok(())
    }

    fn take_stock(&self, request: &Draft) -> Result<Vec<(String, Level)>, PlaceRefusal> {
        let wanted: BTreeMap<&str, u32> = request
            .wanted
            .iter()
            .map(|(item, (quantity, _))| (item.as_str(), *quantity))
            .collect();
        let level = |item: &str| {
            let start = request.wanted.get(item).and_then(|(_, start)| *start);
            self.levels
                .get(item)
                .copied()
                .unwrap_or(Level::starting_with(start))
        };
        match reserve(&wanted, level) {
            Ok(taken) => Ok(taken
                .into_iter()
                .map(|(item, level)| (item.to_owned(), level))
                .collect()),
            Err(short) => Err(PlaceRefusal::SoldOut(short)),
        }
    }
}
