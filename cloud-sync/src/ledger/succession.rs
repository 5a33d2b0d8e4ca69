//! The key that the ledger signs with, and those before it.

use cloud_sync_wire::keys::{PublicKey, SecretKey};
use cloud_sync_wire::signed;
use cloud_sync_wire::succession::{Links, Succession};
use kiosk_core::wall::WallTime;

use super::connection::{Connection, values};
use super::{LedgerError, lineage};

/// The key in force gives its word for another one, which signs from now on.
pub(crate) fn rotate(
    connection: &dyn Connection,
    seed: [u8; 32],
    now: WallTime,
) -> Result<Succession, LedgerError> {
    lineage::hold(connection)?;
    let before = connection.one("SELECT ack_seed FROM ledger", &[], |row| {
        let seed: [u8; 32] = row.get(0)?;
        Ok(SecretKey::from_seed(&seed))
    })?;
    let sql = "SELECT coalesce(max(number), 0) + 1 FROM successions";
    let number: u64 = connection.one(sql, &[], |row| row.get(0))?;
    let next = Succession {
        number,
        key: SecretKey::from_seed(&seed).public(),
        at: now,
    };
    let link =
        signed::sign(&next, &before).map_err(|error| LedgerError::Storage(error.to_string()))?;
    connection.execute(
        "INSERT INTO successions (number, former, link) VALUES (?1, ?2, ?3)",
        values![number, &before.public().to_bytes(), &link],
    )?;
    connection.execute("UPDATE ledger SET ack_seed = ?1", values![&seed])?;
    Ok(next)
}

/// The words that the keys gave for one another, the oldest first.
pub(crate) fn links(connection: &dyn Connection) -> Result<Links, LedgerError> {
    let sql = "SELECT link FROM successions ORDER BY number";
    let links: Vec<Vec<u8>> = connection.rows(sql, &[], |row| row.get(0))?;
    Ok(Links::of(&links))
}

/// The keys before the present one, the latest first.
pub(crate) fn former(connection: &dyn Connection) -> Result<Vec<PublicKey>, LedgerError> {
    let sql = "SELECT former FROM successions ORDER BY number DESC";
    connection.rows(sql, &[], |row| row.get(0))
}
