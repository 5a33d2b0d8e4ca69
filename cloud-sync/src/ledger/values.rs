//! How identities, times and hashes stand in columns.

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::wall::WallTime;
use rusqlite::Row;
use rusqlite::types::Type;
use uuid::Uuid;

fn bad(index: usize, what: &'static str) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(index, Type::Blob, what.into())
}

/// An identity of 16 bytes.
pub(super) fn uuid(row: &Row<'_>, index: usize) -> rusqlite::Result<Uuid> {
    let bytes: [u8; 16] = row.get(index)?;
    Ok(Uuid::from_bytes(bytes))
}

/// An identity that may be absent.
pub(super) fn uuid_or_null(row: &Row<'_>, index: usize) -> rusqlite::Result<Option<Uuid>> {
    let bytes: Option<[u8; 16]> = row.get(index)?;
    Ok(bytes.map(Uuid::from_bytes))
}

pub(super) fn hash(row: &Row<'_>, index: usize) -> rusqlite::Result<Hash> {
    row.get(index).map(Hash)
}

pub(super) fn key(row: &Row<'_>, index: usize) -> rusqlite::Result<PublicKey> {
    let bytes: [u8; 32] = row.get(index)?;
    PublicKey::from_bytes(&bytes).map_err(|_| bad(index, "not a public key"))
}

pub(super) fn wall(row: &Row<'_>, index: usize) -> rusqlite::Result<WallTime> {
    row.get(index).map(WallTime::from_millis)
}

pub(super) fn unsigned(row: &Row<'_>, index: usize) -> rusqlite::Result<u64> {
    let number: i64 = row.get(index)?;
    u64::try_from(number).map_err(|_| bad(index, "a number below zero"))
}

/// A name or other value of a type that reads itself from text.
pub(super) fn parsed<T: std::str::FromStr>(row: &Row<'_>, index: usize) -> rusqlite::Result<T> {
    let text: String = row.get(index)?;
    text.parse()
        .map_err(|_| bad(index, "a text that this version can't read"))
}

/// A number for an INTEGER column; what is above 2^63 saturates, callers refuse it before.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
