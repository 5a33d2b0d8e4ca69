//! The ledger's lineage and the key that signs for it.

use std::sync::Arc;

use cloud_sync_wire::keys::SecretKey;
use kiosk_core::ids::Generation;
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};
use uuid::Uuid;

use super::{LedgerError, values};

/// Who signs, and for which lineage.
#[derive(Clone)]
pub(crate) struct Lineage {
    pub(crate) generation: Generation,
    pub(crate) key: Arc<SecretKey>,
}

/// The lineage, made at first use. `seed` is used only then.
pub(crate) fn found_or_made(
    connection: &Connection,
    seed: [u8; 32],
    now: WallTime,
) -> Result<Lineage, LedgerError> {
    if let Some(lineage) = current(connection)? {
        return Ok(lineage);
    }
    connection.execute(
        "INSERT INTO ledger (id, generation, ack_seed, created_at) VALUES (1, ?1, ?2, ?3)",
        (Uuid::new_v4().as_bytes(), seed, now.as_millis()),
    )?;
    current(connection)?.ok_or_else(|| LedgerError::Storage("the ledger has no lineage".to_owned()))
}

/// The lineage as it is now.
pub(crate) fn current(connection: &Connection) -> Result<Option<Lineage>, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT generation, ack_seed FROM ledger")?;
    let lineage = statement.query_row([], |row| {
        let seed: [u8; 32] = row.get(1)?;
        Ok(Lineage {
            generation: Generation(values::uuid(row, 0)?),
            key: Arc::new(SecretKey::from_seed(&seed)),
        })
    });
    Ok(lineage.optional()?)
}

/// The generation alone, as it is now.
pub(crate) fn generation(connection: &Connection) -> Result<Generation, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT generation FROM ledger")?;
    Ok(statement.query_row([], |row| values::uuid(row, 0).map(Generation))?)
}

/// Begins a new lineage: this ledger has lost what it once acked.
pub(crate) fn begin_new(connection: &Connection) -> Result<Generation, LedgerError> {
    let generation = Uuid::new_v4();
    connection.execute("UPDATE ledger SET generation = ?1", [generation.as_bytes()])?;
    Ok(Generation(generation))
}

/// Remembers a small fact of this installation.
pub(crate) fn set(connection: &Connection, name: &str, value: &str) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        (name, value),
    )?;
    Ok(())
}

/// A small fact of this installation.
pub(crate) fn get(connection: &Connection, name: &str) -> Result<Option<String>, LedgerError> {
    let value = connection
        .query_row(
            "SELECT value FROM settings WHERE name = ?1",
            [name],
            |row| row.get(0),
        )
        .optional()?;
    Ok(value)
}
