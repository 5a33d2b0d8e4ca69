//! Menus as they were published; the latest of a store is in force.

use kiosk_core::ids::StoreId;
use kiosk_core::wall::WallTime;

use super::connection::{Connection, values};
use super::{LedgerError, devices};

/// What is told of a published menu.
#[derive(Debug, Clone)]
pub(crate) struct Published {
    pub(crate) id: i64,
    pub(crate) store: StoreId,
    pub(crate) version: String,
    pub(crate) at: WallTime,
}

/// Publishes a menu. The same version again changes nothing; false then. Its time is later than
/// that of the one before, also when the clock was set back.
pub(crate) fn publish(
    connection: &dyn Connection,
    store: &StoreId,
    version: &str,
    document: &[u8],
    by: &str,
    now: WallTime,
) -> Result<bool, LedgerError> {
    let store = devices::store_made(connection, store)?;
    let before: Option<(String, i64)> = connection.find(
        "SELECT version, published_at FROM menus WHERE store = ?1 ORDER BY id DESC LIMIT 1",
        values![store],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if before.as_ref().is_some_and(|(same, _)| same == version) {
        return Ok(false);
    }
    let at = before.map_or(now.as_millis(), |(_, at)| now.as_millis().max(at + 1));
    connection.execute(
        "INSERT INTO menus (store, version, document, published_at, published_by)
         VALUES (?1, ?2, ?3, ?4, ?5)",
        values![store, version, document, at, by],
    )?;
    Ok(true)
}

/// Version and document of the menu in force.
pub(crate) fn current(
    connection: &dyn Connection,
    store: &str,
) -> Result<Option<(String, Vec<u8>)>, LedgerError> {
    connection.find(
        "SELECT m.version, m.document FROM menus m JOIN stores s ON s.id = m.store
         WHERE s.name = ?1 ORDER BY m.id DESC LIMIT 1",
        values![store],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// The menus in force that were published behind the row `after`, in order.
pub(crate) fn published_since(
    connection: &dyn Connection,
    after: i64,
) -> Result<Vec<Published>, LedgerError> {
    connection.rows(
        "SELECT m.id, s.name, m.version, m.published_at FROM menus m JOIN stores s ON s.id = m.store
         WHERE m.id > ?1 AND m.id = (SELECT max(id) FROM menus WHERE store = m.store) ORDER BY m.id",
        values![after],
        |row| {
            Ok(Published {
                id: row.get(0)?,
                store: row.parsed(1)?,
                version: row.get(2)?,
                at: row.get(3)?,
            })
        },
    )
}

/// The latest menu of all.
pub(crate) fn latest(connection: &dyn Connection) -> Result<i64, LedgerError> {
    connection.one("SELECT coalesce(max(id), 0) FROM menus", &[], |row| {
        row.get(0)
    })
}
