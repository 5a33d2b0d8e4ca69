//! Orders as their events make them, and the sums over them, kept in step in the same transaction.

use kiosk_core::ids::OrderId;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{LedgerError, values};
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

fn order(row: &Row<'_>) -> rusqlite::Result<OrderRow> {
    Ok(OrderRow {
        store: row.get(0)?,
        device: row.get(1)?,
        order: OrderId(values::uuid(row, 2)?),
        business_date: row.get(3)?,
        number: row.get(4)?,
        placed_at: values::wall(row, 5)?,
        received_at: values::wall(row, 6)?,
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

pub(crate) fn find(
    connection: &Connection,
    store: i64,
    id: OrderId,
) -> Result<Option<OrderRow>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM orders o WHERE o.order_id = ?1 AND o.store = ?2"
    ))?;
    Ok(statement
        .query_row((id.0.as_bytes(), store), order)
        .optional()?)
}

/// Writes an order and moves the sums by what changed.
pub(crate) fn save(connection: &Connection, change: &OrderChange) -> Result<(), LedgerError> {
    let row = &change.after;
    let sql = if change.before.is_some() {
        "UPDATE orders SET device = ?2, business_date = ?4, number = ?5, placed_at = ?6,
         received_at = ?7, status = ?8, payment_status = ?9, version = ?10, currency = ?11,
         total = ?12, tax = ?13, parked = ?14, refused = ?15 WHERE order_id = ?3 AND store = ?1"
    } else {
        "INSERT INTO orders (store, device, order_id, business_date, number, placed_at,
         received_at, status, payment_status, version, currency, total, tax, parked, refused)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)"
    };
    connection.prepare_cached(sql)?.execute((
        row.store,
        row.device,
        row.order.0.as_bytes(),
        &row.business_date,
        &row.number,
        row.placed_at.as_millis(),
        row.received_at.as_millis(),
        &row.status,
        &row.payment_status,
        row.version,
        &row.currency,
        row.total,
        row.tax,
        row.parked,
        row.refused,
    ))?;
    Ok(())
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

pub(crate) fn add_sums(connection: &Connection, sums: &Sums<'_>) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO sums (business_date, store, currency, orders, voided, gross, tax)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (business_date, store, currency) DO UPDATE SET
         orders = orders + excluded.orders, voided = voided + excluded.voided,
         gross = gross + excluded.gross, tax = tax + excluded.tax",
    )?;
    for ((date, store, currency), sum) in sums {
        statement.execute((
            date, store, currency, sum.orders, sum.voided, sum.gross, sum.tax,
        ))?;
    }
    Ok(())
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
    connection: &Connection,
    date: Option<&str>,
) -> Result<Vec<StoreSum>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT st.name, m.currency, sum(m.orders), sum(m.voided), sum(m.gross), sum(m.tax)
         FROM sums m JOIN stores st ON st.id = m.store
         WHERE ?1 IS NULL OR m.business_date = ?1
         GROUP BY st.name, m.currency HAVING sum(m.orders) > 0 OR sum(m.voided) > 0
         ORDER BY st.name, m.currency",
    )?;
    let rows = statement.query_map([date], |row| {
        Ok(StoreSum {
            store: row.get(0)?,
            currency: row.get(1)?,
            orders: row.get(2)?,
            voided: row.get(3)?,
            gross: row.get(4)?,
            tax: row.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The latest business date there is an order of.
pub(crate) fn latest_date(connection: &Connection) -> Result<Option<String>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT max(business_date) FROM sums")?;
    Ok(statement.query_row([], |row| row.get(0))?)
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

fn listed(row: &Row<'_>) -> rusqlite::Result<Listed> {
    Ok(Listed {
        row: order(row)?,
        store: row.get(15)?,
        kiosk: row.get(16)?,
    })
}

/// Newest business date first, and inside a date newest order first.
pub(crate) fn list(connection: &Connection, wanted: &Wanted) -> Result<Vec<Listed>, LedgerError> {
    let mut terms = Vec::new();
    let mut values: Vec<&dyn rusqlite::ToSql> = Vec::new();
    let store = match &wanted.store {
        None => None,
        // A store that nobody knows has no orders.
        Some(name) => Some(super::devices::store_id(connection, name)?.unwrap_or(-1)),
    };
    if let Some(store) = &store {
        terms.push("o.store = ?");
        values.push(store);
    }
    if let Some(date) = &wanted.business_date {
        terms.push("o.business_date = ?");
        values.push(date);
    }
    let id = wanted
        .after
        .as_ref()
        .map(|(_, id)| id.0.as_bytes().to_vec());
    if let (Some((date, _)), Some(id)) = (&wanted.after, &id) {
        terms.push("(o.business_date, o.order_id) < (?, ?)");
        values.push(date);
        values.push(id);
    }
    let filter = if terms.is_empty() {
        String::new()
    } else {
        format!("WHERE {}", terms.join(" AND "))
    };
    values.push(&wanted.limit);
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         {filter} ORDER BY o.business_date DESC, o.order_id DESC LIMIT ?"
    ))?;
    let rows = statement.query_map(values.as_slice(), listed)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The orders that arrived last, the latest first.
pub(crate) fn latest(connection: &Connection, limit: usize) -> Result<Vec<Listed>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         ORDER BY o.id DESC LIMIT ?1"
    ))?;
    let rows = statement.query_map([limit], listed)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The business dates with orders before and after one.
pub(crate) fn neighbours(
    connection: &Connection,
    date: &str,
) -> Result<(Option<String>, Option<String>), LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT max(business_date) FROM sums WHERE business_date < ?1),
         (SELECT min(business_date) FROM sums WHERE business_date > ?1)",
    )?;
    Ok(statement.query_row([date], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// How many orders of a business date were placed in each hour since the epoch, voided ones left
/// out.
pub(crate) fn per_hour(
    connection: &Connection,
    date: &str,
) -> Result<Vec<(i64, u64)>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT placed_at / 3600000 AS hour, count(*) FROM orders
         WHERE business_date = ?1 AND status <> 'voided' GROUP BY hour ORDER BY hour",
    )?;
    let rows = statement.query_map([date], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// One order with the names of its store and kiosk.
pub(crate) fn named(
    connection: &Connection,
    store: i64,
    id: OrderId,
) -> Result<Option<Listed>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, st.name, d.kiosk FROM orders o
         JOIN stores st ON st.id = o.store JOIN devices d ON d.id = o.device
         WHERE o.order_id = ?1 AND o.store = ?2"
    ))?;
    Ok(statement
        .query_row((id.0.as_bytes(), store), listed)
        .optional()?)
}
