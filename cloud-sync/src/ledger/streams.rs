//! Streams: one per journal, with what is durable of it.

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::ids::{BootId, JournalId};
use kiosk_core::wall::WallTime;
use uuid::Uuid;

use super::LedgerError;
use super::connection::{Batch, Connection, Each, Row, Value, values};
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

fn stream(row: &Row<'_>) -> Result<Stream, LedgerError> {
    let spans: Vec<u8> = row.get(9)?;
    Ok(Stream {
        id: row.get(0)?,
        journal: JournalId(row.get(1)?),
        device: row.get(2)?,
        store: row.get(3)?,
        revoked: row.get(4)?,
        key: row.get(5)?,
        epoch: row.get(6)?,
        coverage: Coverage::unpack(row.get(7)?, row.get(8)?, &spans),
        ack_no: row.get(10)?,
        forked: row.get(11)?,
        greeted: row.get(12)?,
        retained_from: row.get(13)?,
        fenced: row.get(14)?,
        runs: Runs {
            latest: row.get::<Option<Uuid>>(15)?.map(BootId),
            before: row.get::<Option<Uuid>>(16)?.map(BootId),
            alternations: row.get(17)?,
        },
    })
}

/// The stream of a journal.
pub(crate) fn find(
    connection: &dyn Connection,
    journal: JournalId,
) -> Result<Option<Stream>, LedgerError> {
    let sql = format!("{SELECT} WHERE s.journal = ?1");
    connection.find(&sql, values![journal.0.as_bytes()], stream)
}

/// The stream with that row id.
pub(crate) fn by_id(connection: &dyn Connection, id: i64) -> Result<Stream, LedgerError> {
    connection.one(&format!("{SELECT} WHERE s.id = ?1"), values![id], stream)
}

/// The latest journal of the device that has said hello under this opening, if it is not this one.
pub(crate) fn rival(
    connection: &dyn Connection,
    stream: &Stream,
    opening: i64,
) -> Result<bool, LedgerError> {
    connection.exists(
        "SELECT 1 FROM streams WHERE device = ?1 AND epoch > ?2 AND greeted = ?3",
        values![stream.device, stream.epoch, opening],
    )
}

/// Nothing more is taken in of a journal of that device.
pub(crate) fn fence(
    connection: &dyn Connection,
    journal: JournalId,
    device: i64,
    now: WallTime,
) -> Result<bool, LedgerError> {
    let fenced = connection.execute(
        "UPDATE streams SET fenced_at = ?3 WHERE journal = ?1 AND device = ?2 AND fenced_at IS NULL",
        values![journal.0.as_bytes(), device, now],
    )?;
    Ok(fenced > 0)
}

/// Begins the stream of a journal, and seals the device's earlier ones.
pub(crate) fn begin(
    connection: &dyn Connection,
    journal: JournalId,
    device: i64,
    key: PublicKey,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "UPDATE streams SET sealed_at = ?2 WHERE device = ?1 AND sealed_at IS NULL",
        values![device, now],
    )?;
    connection.execute(
        "INSERT INTO streams (journal, device, key, epoch, chain, registered_at) VALUES (?1, ?2, ?3,
         (SELECT 1 + coalesce(max(epoch), 0) FROM streams WHERE device = ?2), ?4, ?5)",
        values![
            journal.0.as_bytes(),
            device,
            &key.to_bytes(),
            &Hash::START,
            now
        ],
    )?;
    Ok(())
}

const SAVE: Each = Each {
    one: "UPDATE streams SET watermark = ?2, chain = ?3, spans = ?4, ack_no = ?5,
         forked_at = CASE WHEN ?6 THEN coalesce(forked_at, ?7) END, greeted = ?8,
         retained_from = ?9, fenced_at = CASE WHEN ?10 THEN coalesce(fenced_at, ?7) END,
         boot = ?11, boot_before = ?12, alternations = ?13 WHERE id = ?1",
    all: "UPDATE streams s SET watermark = n.watermark, chain = n.chain, spans = n.spans,
         ack_no = n.ack_no, forked_at = CASE WHEN n.forked THEN coalesce(s.forked_at, n.now) END,
         greeted = n.greeted, retained_from = n.retained_from,
         fenced_at = CASE WHEN n.fenced THEN coalesce(s.fenced_at, n.now) END,
         boot = n.boot, boot_before = n.boot_before, alternations = n.alternations
         FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[],
                     $6::boolean[], $7::bigint[], $8::bigint[], $9::bigint[], $10::boolean[],
                     $11::bytea[], $12::bytea[], $13::bigint[])
         AS n (id, watermark, chain, spans, ack_no, forked, now, greeted, retained_from, fenced,
               boot, boot_before, alternations) WHERE s.id = n.id",
};

/// Writes back what a frame or hello changed.
pub(crate) fn save(
    connection: &dyn Connection,
    stream: &Stream,
    now: WallTime,
) -> Result<(), LedgerError> {
    let spans = stream.coverage.pack();
    let boot = |boot: &Option<BootId>| boot.map(|boot| boot.0.into_bytes());
    let (boot, before) = (boot(&stream.runs.latest), boot(&stream.runs.before));
    let row = [
        Value::from(stream.id),
        stream.coverage.watermark.into(),
        (&stream.coverage.chain).into(),
        (&spans).into(),
        stream.ack_no.into(),
        stream.forked.into(),
        now.into(),
        stream.greeted.into(),
        stream.retained_from.into(),
        stream.fenced.into(),
        boot.as_ref().into(),
        before.as_ref().into(),
        stream.runs.alternations.into(),
    ];
    connection.execute_each(&SAVE, &Batch::new([row]))
}
