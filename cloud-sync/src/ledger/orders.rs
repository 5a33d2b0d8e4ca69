//! Orders as their events make them, and the sums over them, kept in step in the same transaction.

use std::collections::HashMap;

use kiosk_core::ids::OrderId;
use kiosk_core::wall::WallTime;

use super::LedgerError;
use super::connection::{Batch, Connection, Each, Row, Value, values};
use crate::ingest::decision::OrderChange;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderRow {
    pub(crate) store: i64,
    /// The device whose event placed it.
    pub(crate) device: i64,
    pub(crate) order: OrderId,
    pub(crate) business_date: String,
    pub(crate) number: String,
    pub(crate) placed_at: WallTime,
    pub(crate) received_at: WallTime,
    pub(crate) status: String,
    pub(crate) payment_status: String,
    pub(crate) version: u32,
    pub(crate) currency: String,
    pub(crate) total: i64,
    pub(crate) tax: i64,
    /// Events that wait for a predecessor.
    pub(crate) parked: usize,
    /// Events that its history forbids.
    pub(crate) refused: usize,
}

const COLUMNS: &str = "o.store, o.device, o.order_id, o.business_date, o.number, o.placed_at,
    o.received_at, o.status, o.payment_status, o.version, o.currency, o.total, o.tax, o.parked,
    o.refused";

/// How many columns an order has here.
const WIDTH: usize = 15;

fn order(row: &Row<'_>) -> Result<OrderRow, LedgerError> {
    Ok(OrderRow {
        store: row.get(0)?,
        device: row.get(1)?,
        order: OrderId(row.get(2)?),
        business_date: row.get(3)?,
        number: row.get(4)?,
        placed_at: row.get(5)?,
        received_at: row.get(6)?,
        status: row.get(7)?,
        payment_status: row.get(8)?,
        version: row.get(9)?,
        currency: row.get(10)?,
        total: row.get(11)?,
        tax: row.get(12)?,
        parked: row.get(13)?,
        refused: row.get(14)?,
    })
}

/// Orders of a store.
pub(crate) fn find<'o>(
    connection: &dyn Connection,
    store: i64,
    ids: impl IntoIterator<Item = &'o OrderId>,
) -> Result<HashMap<OrderId, OrderRow>, LedgerError> {
    const FIND: Each = Each {
        one: "SELECT o.store, o.device, o.order_id, o.business_date, o.number, o.placed_at,
             o.received_at, o.status, o.payment_status, o.version, o.currency, o.total, o.tax,
             o.parked, o.refused FROM orders o WHERE o.order_id = ?1 AND o.store = ?2",
        // By its identity alone: by its store the server might look through all orders of that.
        all: "SELECT o.store, o.device, o.order_id, o.business_date, o.number, o.placed_at,
             o.received_at, o.status, o.payment_status, o.version, o.currency, o.total, o.tax,
             o.parked, o.refused FROM unnest($1::bytea[], $2::bigint[]) AS k (order_id, store)
             CROSS JOIN LATERAL (SELECT * FROM orders WHERE order_id = k.order_id OFFSET 0) AS o
             WHERE o.store = k.store",
    };
    let wanted = ids
        .into_iter()
        .map(|id| [id.0.as_bytes().into(), store.into()]);
    let mut found = HashMap::new();
    connection.query_each(&FIND, &Batch::new(wanted), &mut |row| {
        let order = order(row)?;
        found.insert(order.order, order);
        Ok(())
    })?;
    Ok(found)
}

const SAVE: Each = Each {
    one: "INSERT INTO orders (store, device, order_id, business_date, number, placed_at,
         received_at, status, payment_status, version, currency, total, tax, parked, refused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT (order_id, store) DO UPDATE SET device = excluded.device,
         business_date = excluded.business_date, number = excluded.number,
         placed_at = excluded.placed_at, received_at = excluded.received_at,
         status = excluded.status, payment_status = excluded.payment_status,
         version = excluded.version, currency = excluded.currency, total = excluded.total,
         tax = excluded.tax, parked = excluded.parked, refused = excluded.refused",
    all: "INSERT INTO orders (store, device, order_id, business_date, number, placed_at,
         received_at, status, payment_status, version, currency, total, tax, parked, refused)
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::text[], $5::text[],
         $6::bigint[], $7::bigint[], $8::text[], $9::text[], $10::bigint[], $11::text[],
         $12::bigint[], $13::bigint[], $14::bigint[], $15::bigint[])
         ON CONFLICT (order_id, store) DO UPDATE SET device = excluded.device,
         business_date = excluded.business_date, number = excluded.number,
         placed_at = excluded.placed_at, received_at = excluded.received_at,
         status = excluded.status, payment_status = excluded.payment_status,
         version = excluded.version, currency = excluded.currency, total = excluded.total,
         tax = excluded.tax, parked = excluded.parked, refused = excluded.refused",
};

/// Writes orders as they stand now.
pub(crate) fn save(
    connection: &dyn Connection,
    changes: &[OrderChange],
) -> Result<(), LedgerError> {
    let rows = changes.iter().map(|change| row(&change.after));
    connection.execute_each(&SAVE, &Batch::new(rows))
}

fn row(row: &OrderRow) -> [Value<'_>; WIDTH] {
    [
        row.store.into(),
        row.device.into(),
        row.order.0.as_bytes().into(),
        (&row.business_date).into(),
        (&row.number).into(),
        row.placed_at.into(),
        row.received_at.into(),
        (&row.status).into(),
        (&row.payment_status).into(),
        row.version.into(),
        (&row.currency).into(),
        row.total.into(),
        row.tax.into(),
        row.parked.into(),
        row.refused.into(),
    ]
}

/// What orders add up to in one store, day and currency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) orders: i64,
    pub(crate) voided: i64,
    pub(crate) gross: i64,
    pub(crate) tax: i64,
}

/// Sums by business date, store and currency.
pub(crate) type Sums<'o> = std::collections::BTreeMap<(&'o str, i64, &'o str), Sum>;

/// What changes of orders do to the sums.
pub(crate) fn deltas(changes: &[OrderChange]) -> Sums<'_> {
    let mut sums = Sums::new();
    for change in changes {
        if let Some(before) = &change.before {
            add(&mut sums, before, -1);
        }
        add(&mut sums, &change.after, 1);
    }
    sums.retain(|_, sum| *sum != Sum::default());
    sums
}

/// Voided orders count as voided alone.
fn add<'o>(sums: &mut Sums<'o>, row: &'o OrderRow, sign: i64) {
    let key = (row.business_date.as_str(), row.store, row.currency.as_str());
    let sum = sums.entry(key).or_default();
    if row.status == "voided" {
        sum.voided += sign;
    } else {
        sum.orders += sign;
        sum.gross += sign * row.total;
        sum.tax += sign * row.tax;
    }
}

pub(crate) fn add_sums(connection: &dyn Connection, sums: &Sums<'_>) -> Result<(), LedgerError> {
    const ADD: Each = Each {
        one: "INSERT INTO sums (business_date, store, currency, orders, voided, gross, tax)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
             ON CONFLICT (business_date, store, currency) DO UPDATE SET
             orders = sums.orders + excluded.orders, voided = sums.voided + excluded.voided,
             gross = sums.gross + excluded.gross, tax = sums.tax + excluded.tax",
        all: "INSERT INTO sums (business_date, store, currency, orders, voided, gross, tax)
             SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bigint[],
             $6::bigint[], $7::bigint[])
             ON CONFLICT (business_date, store, currency) DO UPDATE SET
             orders = sums.orders + excluded.orders, voided = sums.voided + excluded.voided,
             gross = sums.gross + excluded.gross, tax = sums.tax + excluded.tax",
    };
    let rows = sums.iter().map(|((date, store, currency), sum)| {
        [
            Value::Text(date),
            (*store).into(),
            Value::Text(currency),
            sum.orders.into(),
            sum.voided.into(),
            sum.gross.into(),
            sum.tax.into(),
        ]
    });
    connection.execute_each(&ADD, &Batch::new(rows))
}

/// The sums of one store and currency.
#[derive(Debug, serde::Serialize)]
pub(crate) struct StoreSum {
    pub(crate) store: String,
    pub(crate) currency: String,
    pub(crate) orders: i64,
    pub(crate) voided: i64,
    pub(crate) gross: i64,
    pub(crate) tax: i64,
}

/// Sums of every store, of one business date or of all.
pub(crate) fn summary(
    connection: &dyn Connection,
    date: Option<&str>,
) -> Result<Vec<StoreSum>, LedgerError> {
    let of_date = date.map_or("", |_| "WHERE m.business_date = ?1");
    let date = date.map(Value::from);
    let sql = format!(
        "SELECT st.name, m.currency, CAST(sum(m.orders) AS BIGINT), CAST(sum(m.voided) AS BIGINT),
         CAST(sum(m.gross) AS BIGINT), CAST(sum(m.tax) AS BIGINT)
         FROM sums m JOIN stores st ON st.id = m.store {of_date}
         GROUP BY st.name, m.currency HAVING sum(m.orders) > 0 OR sum(m.voided) > 0
         ORDER BY st.name, m.currency"
    );
    connection.rows(&sql, date.as_slice(), |row| {
        Ok(StoreSum {
            store: row.get(0)?,
            currency: row.get(1)?,
            orders: row.get(2)?,
            voided: row.get(3)?,
            gross: row.get(4)?,
            tax: row.get(5)?,
        })
    })
}

/// The latest business date there is an order of.
pub(crate) fn latest_date(connection: &dyn Connection) -> Result<Option<String>, LedgerError> {
    let sql = "SELECT max(business_date) FROM sums";
    connection.one(sql, &[], |row| row.get(0))
}

/// An order in a list.
#[derive(Debug)]
pub(crate) struct Listed {
    pub(crate) row: OrderRow,
    pub(crate) store: String,
    pub(crate) kiosk: String,
}

/// Which orders to list.
#[derive(Debug, Default, Clone)]
pub(crate) struct Wanted {
    pub(crate) store: Option<String>,
    pub(crate) business_date: Option<String>,
    /// Lists what comes behind this business date and order.
    pub(crate) after: Option<(String, OrderId)>,
    pub(crate) limit: usize,
}

fn listed(row: &Row<'_>) -> Result<Listed, LedgerError> {
    Ok(Listed {
        row: order(row)?,
        store: row.get(WIDTH)?,
        kiosk: row.get(WIDTH + 1)?,
    })
}

/// Newest business date first, and inside a date newest order first.
pub(crate) fn list<'w>(
    connection: &dyn Connection,
    wanted: &'w Wanted,
) -> Result<Vec<Listed>, LedgerError> {
    let store = match &wanted.store {
        None => None,
        // A store that nobody knows has no orders.
        Some(name) => Some(super::devices::store_id(connection, name)?.unwrap_or(-1)),
    };
    let mut values: Vec<Value<'w>> = vec![wanted.limit.into()];
    let mut place = |value: Value<'w>| {
        values.push(value);
        values.len()
    };
    let mut terms = Vec::new();
    if let Some(store) = store {
        terms.push(format!("o.store = ?{}", place(store.into())));
    }
    if let Some(date) = &wanted.business_date {
        terms.push(format!("o.business_date = ?{}", place(date.into())));
    }
    if let Some((date, id)) = &wanted.after {
        let (date, id) = (place(date.into()), place(id.0.as_bytes().into()));
        terms.push(format!("(o.business_date, o.order_id) < (?{date}, ?{id})"));
    }
    let filter = match terms.as_slice() {
        [] => String::new(),
        terms => format!("WHERE {}", terms.join(" AND ")),
    };
    let sql = format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         {filter} ORDER BY o.business_date DESC, o.order_id DESC LIMIT ?1"
    );
    connection.rows(&sql, &values, listed)
}

/// The orders that arrived last, the latest first.
pub(crate) fn latest(
    connection: &dyn Connection,
    limit: usize,
) -> Result<Vec<Listed>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         ORDER BY o.id DESC LIMIT ?1"
    );
    connection.rows(&sql, values![limit], listed)
}

/// The business dates with orders before and after one.
pub(crate) fn neighbours(
    connection: &dyn Connection,
    date: &str,
) -> Result<(Option<String>, Option<String>), LedgerError> {
    connection.one(
        "SELECT (SELECT max(business_date) FROM sums WHERE business_date < ?1),
         (SELECT min(business_date) FROM sums WHERE business_date > ?1)",
        values![date],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// How many orders of a business date were placed in each hour since the epoch, voided ones left
/// out.
pub(crate) fn per_hour(
    connection: &dyn Connection,
    date: &str,
) -> Result<Vec<(i64, u64)>, LedgerError> {
    connection.rows(
        "SELECT placed_at / 3600000 AS hour, count(*) FROM orders
         WHERE business_date = ?1 AND status <> 'voided' GROUP BY hour ORDER BY hour",
        values![date],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// One order with the names of its store and kiosk.
pub(crate) fn named(
    connection: &dyn Connection,
    store: i64,
    id: OrderId,
) -> Result<Option<Listed>, LedgerError> {
    let sql = format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         WHERE o.order_id = ?1 AND o.store = ?2"
    );
    connection.find(&sql, values![id.0.as_bytes(), store], listed)
}
