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
    let first = Uuid::new_v4();
    connection.execute(
        "INSERT INTO ledger (id, generation, ack_seed, created_at) VALUES (1, ?1, ?2, ?3)",
        (first.as_bytes(), seed, now.as_millis()),
    )?;
    note_generation(connection, first, 1, "the first", now)?;
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

/// Where the ledger stands in time, as acks and greetings tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) generation: Generation,
    /// Counts the generations.
    pub(crate) lineage: u64,
    /// A kiosk's frames are taken only after a hello under the present opening.
    pub(crate) opening: i64,
}

pub(crate) fn standing(connection: &Connection) -> Result<Standing, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT generation, lineage, opening FROM ledger")?;
    let standing = statement.query_row([], |row| {
        Ok(Standing {
            generation: values::uuid(row, 0).map(Generation)?,
            lineage: values::unsigned(row, 1)?,
            opening: row.get(2)?,
        })
    })?;
    Ok(standing)
}

/// Begins a new opening. To be called whenever what is stored may have gone back in time: before
/// this file is served, for it may have been put back from a backup. (Of a database that several
/// processes share: whenever its server was started, promoted or recovered since the last one, and
/// not for each process, so that replicas come and go without a single hello.)
pub(crate) fn open_anew(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute("UPDATE ledger SET opening = opening + 1", [])?;
    Ok(())
}

/// Whether this ledger ever was of that generation.
pub(crate) fn has_been(
    connection: &Connection,
    generation: Generation,
) -> Result<bool, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM generations WHERE generation = ?1
         UNION ALL SELECT 1 FROM ledger WHERE generation = ?1",
    )?;
    Ok(statement.exists([generation.0.as_bytes()])?)
}

/// Begins a new generation, later than any of which the number is known: this ledger has lost what
/// it once acked.
pub(crate) fn begin_new(
    connection: &Connection,
    known: u64,
    why: &str,
    now: WallTime,
) -> Result<Standing, LedgerError> {
    let generation = Uuid::new_v4();
    let lineage = standing(connection)?.lineage.max(known).saturating_add(1);
    connection.execute(
        "UPDATE ledger SET generation = ?1, lineage = ?2",
        (generation.as_bytes(), values::signed(lineage)),
    )?;
    note_generation(connection, generation, lineage, why, now)?;
    standing(connection)
}

fn note_generation(
    connection: &Connection,
    generation: Uuid,
    lineage: u64,
    why: &str,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO generations (generation, lineage, begun_at, why) VALUES (?1, ?2, ?3, ?4)",
        (
            generation.as_bytes(),
            values::signed(lineage),
            now.as_millis(),
            why,
        ),
    )?;
    Ok(())
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
