//! Streams: one per journal, with what is durable of it.

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::ids::{BootId, JournalId};
use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension, Row};

use super::{LedgerError, values};
use crate::ingest::coverage::Coverage;
use crate::ingest::runs::Runs;

#[derive(Debug, Clone)]
pub(crate) struct Stream {
    pub(crate) id: i64,
    pub(crate) journal: JournalId,
    pub(crate) device: i64,
    pub(crate) store: i64,
    pub(crate) revoked: bool,
    pub(crate) key: PublicKey,
    pub(crate) epoch: u32,
    pub(crate) coverage: Coverage,
    pub(crate) ack_no: u64,
    pub(crate) forked: bool,
    /// The opening under which its kiosk last said hello.
    pub(crate) greeted: Option<i64>,
    /// The first event that the kiosk said to hold.
    pub(crate) retained_from: u64,
    /// A later journal carries on its history; nothing more is taken in.
    pub(crate) fenced: bool,
    pub(crate) runs: Runs,
}

const SELECT: &str = "SELECT s.id, s.journal, s.device, d.store, d.revoked_at IS NOT NULL, s.key,
    s.epoch, s.watermark, s.chain, s.spans, s.ack_no, s.forked_at IS NOT NULL,
    s.greeted, s.retained_from, s.fenced_at IS NOT NULL, s.boot, s.boot_before, s.alternations
    FROM streams s JOIN devices d ON d.id = s.device";

fn stream(row: &Row<'_>) -> rusqlite::Result<Stream> {
    let spans: Vec<u8> = row.get(9)?;
    Ok(Stream {
        id: row.get(0)?,
        journal: JournalId(values::uuid(row, 1)?),
        device: row.get(2)?,
        store: row.get(3)?,
        revoked: row.get(4)?,
        key: values::key(row, 5)?,
        epoch: row.get(6)?,
        coverage: Coverage::unpack(values::unsigned(row, 7)?, values::hash(row, 8)?, &spans),
        ack_no: values::unsigned(row, 10)?,
        forked: row.get(11)?,
        greeted: row.get(12)?,
        retained_from: values::unsigned(row, 13)?,
        fenced: row.get(14)?,
        runs: Runs {
            latest: values::uuid_or_null(row, 15)?.map(BootId),
            before: values::uuid_or_null(row, 16)?.map(BootId),
            alternations: row.get(17)?,
        },
    })
}

/// The stream of a journal.
pub(crate) fn find(
    connection: &Connection,
    journal: JournalId,
) -> Result<Option<Stream>, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE s.journal = ?1"))?;
    Ok(statement
        .query_row([journal.0.as_bytes()], stream)
        .optional()?)
}

/// The stream with that row id.
pub(crate) fn by_id(connection: &Connection, id: i64) -> Result<Stream, LedgerError> {
    let mut statement = connection.prepare_cached(&format!("{SELECT} WHERE s.id = ?1"))?;
    Ok(statement.query_row([id], stream)?)
}

/// The latest journal of the device that has said hello under this opening, if it is not this one.
pub(crate) fn rival(
    connection: &Connection,
    stream: &Stream,
    opening: i64,
) -> Result<bool, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM streams WHERE device = ?1 AND epoch > ?2 AND greeted = ?3",
    )?;
    Ok(statement.exists((stream.device, stream.epoch, opening))?)
}

/// Nothing more is taken in of a journal of that device.
pub(crate) fn fence(
    connection: &Connection,
    journal: JournalId,
    device: i64,
    now: WallTime,
) -> Result<bool, LedgerError> {
    let fenced = connection.execute(
        "UPDATE streams SET fenced_at = ?3 WHERE journal = ?1 AND device = ?2 AND fenced_at IS NULL",
        (journal.0.as_bytes(), device, now.as_millis()),
    )?;
    Ok(fenced > 0)
}

/// Begins the stream of a journal, and seals the device's earlier ones.
pub(crate) fn begin(
    connection: &Connection,
    journal: JournalId,
    device: i64,
    key: PublicKey,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE streams SET sealed_at = ?2 WHERE device = ?1 AND sealed_at IS NULL",
        (device, now.as_millis()),
    )?;
    connection.execute(
        "INSERT INTO streams (journal, device, key, epoch, chain, registered_at)
         SELECT ?1, ?2, ?3, 1 + coalesce(max(epoch), 0), ?4, ?5 FROM streams WHERE device = ?2",
        (
            journal.0.as_bytes(),
            device,
            key.to_bytes(),
            Hash::START.0,
            now.as_millis(),
        ),
    )?;
    Ok(())
}

/// Writes back what a frame or hello changed.
pub(crate) fn save(
    connection: &Connection,
    stream: &Stream,
    now: WallTime,
) -> Result<(), LedgerError> {
    let mut statement = connection.prepare_cached(
        "UPDATE streams SET watermark = ?2, chain = ?3, spans = ?4, ack_no = ?5,
         forked_at = CASE WHEN ?6 THEN coalesce(forked_at, ?7) END, greeted = ?8,
         retained_from = ?9, fenced_at = CASE WHEN ?10 THEN coalesce(fenced_at, ?7) END,
         boot = ?11, boot_before = ?12, alternations = ?13 WHERE id = ?1",
    )?;
    statement.execute((
        stream.id,
        values::signed(stream.coverage.watermark),
        stream.coverage.chain.0,
        stream.coverage.pack(),
        values::signed(stream.ack_no),
        stream.forked,
        now.as_millis(),
        stream.greeted,
        values::signed(stream.retained_from),
        stream.fenced,
        stream.runs.latest.map(|boot| boot.0.into_bytes()),
        stream.runs.before.map(|boot| boot.0.into_bytes()),
        stream.runs.alternations,
    ))?;
    Ok(())
}
