//! An order's JSON: written once, inside the event that placed it, until something changes it.
//!
//! The column `document` is null as long as the order is as its first event tells it; the view
//! `whole_orders` then gives that event beside it. An action writes the document, and so does
//! pruning, before the event leaves.

use kiosk_core::order::Order;
use rusqlite::Row;
use rusqlite::types::ValueRef;

use super::JournalError;
use super::group::{Group, to_sql};

/// Reads an order from the columns `document` and, next to it, `event`.
pub(super) fn order_from(row: &Row<'_>, column: usize) -> Result<Order, JournalError> {
    let text = match row.get_ref(column)? {
        ValueRef::Null => match row.get_ref(column + 1)? {
            ValueRef::Blob(event) => data_of(event),
            _ => None,
        },
        ValueRef::Text(text) => std::str::from_utf8(text).ok(),
        _ => None,
    };
    let text = text.ok_or_else(|| JournalError::Damaged("an order is missing".to_owned()))?;
    serde_json::from_str(text)
        .map_err(|error| JournalError::Damaged(format!("an order can't be read: {error}")))
}

/// What the column `document` is to hold.
pub(super) fn document_of(order: &Order) -> Result<String, JournalError> {
    serde_json::to_string(order).map_err(|error| JournalError::Damaged(error.to_string()))
}

/// The data of an event as it stands in its bytes. Data is the last of an event's members, and no
/// text before it can hold its name unescaped.
fn data_of(event: &[u8]) -> Option<&str> {
    const NAME: &[u8] = b",\"data\":";
    let at = event.windows(NAME.len()).position(|part| part == NAME)?;
    let data = event.get(at + NAME.len()..event.len().checked_sub(1)?)?;
    std::str::from_utf8(data).ok()
}

impl Group<'_> {
    /// Writes the documents of orders whose first event is about to leave.
    pub(super) fn write_out(&self, after: u64, until: u64) -> Result<(), JournalError> {
        let mut query = self.conn.prepare_cached(
            "SELECT seq, document, event FROM whole_orders
             WHERE seq > ?1 AND seq <= ?2 AND document IS NULL",
        )?;
        let mut rows = query.query((to_sql(after), to_sql(until)))?;
        let mut documents = Vec::new();
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            documents.push((seq, document_of(&order_from(row, 1)?)?));
        }
        let mut update = self
            .conn
            .prepare_cached("UPDATE orders SET document = ?2 WHERE seq = ?1")?;
        for document in documents {
            update.execute(document)?;
        }
        Ok(())
    }
}
