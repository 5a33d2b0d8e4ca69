//! The ledger's lineage and the key that signs for it.

use std::sync::Arc;

use cloud_sync_wire::keys::SecretKey;
use kiosk_core::ids::Generation;
use kiosk_core::wall::WallTime;
use uuid::Uuid;

use super::LedgerError;
use super::connection::{Connection, values};

/// Who signs, and for which lineage.
#[derive(Clone)]
pub(crate) struct Lineage {
    pub(crate) generation: Generation,
    pub(crate) key: Arc<SecretKey>,
}

/// The lineage, made at first use. `seed` is used only then.
pub(crate) fn found_or_made(
    connection: &dyn Connection,
    seed: [u8; 32],
    now: WallTime,
) -> Result<Lineage, LedgerError> {
    if let Some(lineage) = current(connection)? {
        return Ok(lineage);
    }
    let first = Uuid::new_v4();
    connection.execute(
        "INSERT INTO ledger (id, generation, ack_seed, created_at) VALUES (1, ?1, ?2, ?3)",
        values![first.as_bytes(), &seed, now],
    )?;
    note_generation(connection, first, 1, "the first", now)?;
    current(connection)?.ok_or_else(|| LedgerError::Storage("the ledger has no lineage".to_owned()))
}

/// The lineage as it is now.
pub(crate) fn current(connection: &dyn Connection) -> Result<Option<Lineage>, LedgerError> {
    connection.find("SELECT generation, ack_seed FROM ledger", &[], |row| {
        let seed: [u8; 32] = row.get(1)?;
        Ok(Lineage {
            generation: Generation(row.get(0)?),
            key: Arc::new(SecretKey::from_seed(&seed)),
        })
    })
}

/// Where the ledger stands in time, as acks and greetings tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) generation: Generation,
    /// Counts the generations.
    pub(crate) lineage: u64,
    /// A kiosk's frames are taken only after a hello under the present opening.
    pub(crate) opening: i64,
}

pub(crate) fn standing(connection: &dyn Connection) -> Result<Standing, LedgerError> {
    let sql = "SELECT generation, lineage, opening FROM ledger";
    connection.one(sql, &[], |row| {
        Ok(Standing {
            generation: Generation(row.get(0)?),
            lineage: row.get(1)?,
            opening: row.get(2)?,
        })
    })
}

/// Keeps other transactions from changing where the ledger stands until this one ends.
pub(crate) fn hold(connection: &dyn Connection) -> Result<(), LedgerError> {
    connection.execute("UPDATE ledger SET opening = opening", &[])?;
    Ok(())
}

/// Begins a new opening: this file may have been put back from a backup before it was opened.
pub(crate) fn open_anew(connection: &dyn Connection) -> Result<(), LedgerError> {
    connection.execute("UPDATE ledger SET opening = opening + 1", &[])?;
    Ok(())
}

/// Whether this ledger ever was of that generation.
pub(crate) fn has_been(
    connection: &dyn Connection,
    generation: Generation,
) -> Result<bool, LedgerError> {
    connection.exists(
        "SELECT 1 FROM generations WHERE generation = ?1
         UNION ALL SELECT 1 FROM ledger WHERE generation = ?1",
        values![generation.0.as_bytes()],
    )
}

/// Begins a new generation, later than any of which the number is known: this ledger has lost what
/// it once acked.
pub(crate) fn begin_new(
    connection: &dyn Connection,
    known: u64,
    why: &str,
    now: WallTime,
) -> Result<Standing, LedgerError> {
    let generation = Uuid::new_v4();
    let lineage = standing(connection)?.lineage.max(known).saturating_add(1);
    connection.execute(
        "UPDATE ledger SET generation = ?1, lineage = ?2",
        values![generation.as_bytes(), lineage],
    )?;
    note_generation(connection, generation, lineage, why, now)?;
    standing(connection)
}

fn note_generation(
    connection: &dyn Connection,
    generation: Uuid,
    lineage: u64,
    why: &str,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO generations (generation, lineage, begun_at, why) VALUES (?1, ?2, ?3, ?4)",
        values![generation.as_bytes(), lineage, now, why],
    )?;
    Ok(())
}

/// Remembers a small fact of this installation.
pub(crate) fn set(connection: &dyn Connection, name: &str, value: &str) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        values![name, value],
    )?;
    Ok(())
}

/// A small fact of this installation.
pub(crate) fn get(connection: &dyn Connection, name: &str) -> Result<Option<String>, LedgerError> {
    let sql = "SELECT value FROM settings WHERE name = ?1";
    connection.find(sql, values![name], |row| row.get(0))
}
