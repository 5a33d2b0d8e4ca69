//! Archives: events in a file, to be carried by hand.
//!
//! ```text
//! "SOX1" | records: kind u8 | length u32 | bytes
//! kind 1: a signed registration, kind 2: a frame
//! ```
//! The frames are those that would travel by HTTP or MQTT and go through the same door.

use crate::bytes::{Reader, put_sized};
use crate::frame::FRAME_LIMIT;

/// What an archive begins with.
pub const MAGIC: &[u8; 4] = b"SOX1";

/// One record of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record<'a> {
    /// A signed registration of the journal whose frames follow.
    Registration(&'a [u8]),
    /// A frame.
    Frame(&'a [u8]),
}

/// Why a file is no archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Something else.
    #[error("not a file of exported events")]
    NotOne,
    /// Cut short.
    #[error("the file ends in the middle of a record, after {0} whole ones")]
    CutShort(usize),
}

/// Writes a record behind what is there.
pub fn put(out: &mut Vec<u8>, record: &Record<'_>) {
    let (kind, bytes) = match record {
        Record::Registration(bytes) => (1, bytes),
        Record::Frame(bytes) => (2, bytes),
    };
    out.push(kind);
    put_sized(out, bytes);
}

/// Reads all records.
///
/// # Errors
/// [`ArchiveError`]; never panics, whatever the bytes.
pub fn records(bytes: &[u8]) -> Result<Vec<Record<'_>>, ArchiveError> {
    let mut reader = Reader(bytes);
    if reader.array() != Some(*MAGIC) {
        return Err(ArchiveError::NotOne);
    }
    let mut records = Vec::new();
    while !reader.is_empty() {
        let record = match (reader.u8(), reader.sized(FRAME_LIMIT)) {
            (Some(1), Some(bytes)) => Record::Registration(bytes),
            (Some(2), Some(bytes)) => Record::Frame(bytes),
            _ => return Err(ArchiveError::CutShort(records.len())),
        };
        records.push(record);
    }
    Ok(records)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_and_a_cut_is_told() {
        let mut file = MAGIC.to_vec();
        put(&mut file, &Record::Registration(b"r"));
        put(&mut file, &Record::Frame(b"frame"));
        let want = [Record::Registration(b"r"), Record::Frame(b"frame")];
        assert_eq!(records(&file).unwrap(), want);
        assert_eq!(
            records(&file[..file.len() - 1]),
            Err(ArchiveError::CutShort(1))
        );
        assert_eq!(records(b"SOX"), Err(ArchiveError::NotOne));
    }
}
