//! What headquarters last said, kept with the events of what it turned here, in one transaction.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kiosk_core::event::{Fact, SwitchChanged};
use kiosk_core::ids::Generation;
use rusqlite::OptionalExtension;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::read::Reader;
use super::{JournalError, Stamp};

/// A notice to be kept in place of the one before.
#[derive(Debug, Clone)]
pub struct NoticeRequest {
    /// Of which kind.
    pub kind: &'static str,
    /// What to keep.
    pub notice: KeptNotice,
    /// The switches that it turns here; each becomes an event.
    pub turned: Vec<(Stamp, SwitchChanged)>,
}

/// A notice as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptNotice {
    /// The lineage of the ledger that it came from.
    pub generation: Generation,
    /// Its number in that lineage.
    pub number: u64,
    /// The signed bytes: whoever reads them checks again who signed them.
    pub bytes: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    generation: Generation,
    number: u64,
    bytes: String,
}

fn name(kind: &str) -> String {
    format!("notice/{kind}")
}

impl Group<'_> {
    pub(super) fn keep_notice(&mut self, request: NoticeRequest) -> Result<(), JournalError> {
        let NoticeRequest {
            kind,
            notice,
            turned,
        } = request;
        for (stamp, change) in turned {
            self.append(stamp, None, Fact::SwitchChanged(change))?;
        }
        let row = Row {
            generation: notice.generation,
            number: notice.number,
            bytes: STANDARD.encode(&notice.bytes),
        };
        let value = serde_json::to_string(&row)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.conn
            .prepare_cached(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute((name(kind), value))?;
        Ok(())
    }
}

impl Reader {
    /// The notice of that kind that was kept last, if any was.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn notice(&self, kind: &str) -> Result<Option<KeptNotice>, JournalError> {
        let value: Option<String> = self
            .conn
            .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
            .query_row([name(kind)], |row| row.get(0))
            .optional()?;
        value.as_deref().map(parse).transpose()
    }
}

fn parse(value: &str) -> Result<KeptNotice, JournalError> {
    let damaged =
        |error: &dyn std::error::Error| JournalError::Damaged(format!("a kept notice: {error}"));
    let row: Row = serde_json::from_str(value).map_err(|error| damaged(&error))?;
    Ok(KeptNotice {
        generation: row.generation,
        number: row.number,
        bytes: STANDARD
            .decode(row.bytes)
            .map_err(|error| damaged(&error))?,
    })
}
