//! What the password files of other brokers say of devices.

use kiosk_core::ids::{KioskId, StoreId};

use super::LedgerError;
use super::connection::{Connection, values};

/// Keeps the salted hash of a device's access token.
pub(crate) fn keep(
    connection: &dyn Connection,
    store: &StoreId,
    kiosk: &KioskId,
    login: &str,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE devices SET broker_login = ?3
         WHERE kiosk = ?2 AND store = (SELECT id FROM stores WHERE name = ?1)",
        values![store.as_str(), kiosk.as_str(), login],
    )?;
    Ok(())
}

/// A device that may use a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entitled {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
    /// None for one enrolled by an earlier version whose token was not seen since.
    pub(crate) login: Option<String>,
}

/// The names, as brokers know them, of devices whose access was taken away.
pub(crate) fn taken_away(connection: &dyn Connection) -> Result<Vec<String>, LedgerError> {
    connection.rows(
        "SELECT s.name, d.kiosk FROM devices d JOIN stores s ON s.id = d.store
         WHERE d.revoked_at IS NOT NULL",
        &[],
        |row| {
            let (store, kiosk): (String, String) = (row.get(0)?, row.get(1)?);
            Ok(format!("{store}/{kiosk}"))
        },
    )
}

/// All devices whose access was not taken away, in order.
pub(crate) fn entitled(connection: &dyn Connection) -> Result<Vec<Entitled>, LedgerError> {
    connection.rows(
        "SELECT s.name, d.kiosk, d.broker_login FROM devices d JOIN stores s ON s.id = d.store
         WHERE d.revoked_at IS NULL ORDER BY s.name, d.kiosk",
        &[],
        |row| {
            Ok(Entitled {
                store: row.parsed(0)?,
                kiosk: row.parsed(1)?,
                login: row.get(2)?,
            })
        },
    )
}
