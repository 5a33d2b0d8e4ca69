//! What the journal keeps beside orders: named settings.

use rusqlite::{Connection, OptionalExtension};

use super::group::Group;
use super::read::Reader;
use super::{Journal, JournalError};
use crate::journal::jobs::Job;

impl Journal {
    /// Keeps a named setting; none forgets it.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) async fn keep(
        &self,
        name: impl Into<String>,
        value: Option<String>,
    ) -> Result<(), JournalError> {
        let name = name.into();
        self.ask(|reply| Job::Keep(name, value, reply)).await?
    }
}

impl Group<'_> {
    /// Writes what nobody reads, to see that writing works. A value that changes each time: SQLite
    /// does not write a page whose bytes stay the same.
    pub(super) fn probe(&self) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(
                "INSERT INTO settings (name, value) VALUES ('probed', '1')
                 ON CONFLICT (name) DO UPDATE SET value = value + 1",
            )?
            .execute([])?;
        Ok(())
    }

    /// A named setting.
    pub(super) fn setting(&self, name: &str) -> Result<Option<String>, JournalError> {
        setting(self.conn, name)
    }

    pub(super) fn set_setting(&self, name: &str, value: &str) -> Result<(), JournalError> {
        self.conn
            .prepare_cached(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = ?2",
            )?
            .execute((name, value))?;
        Ok(())
    }

    pub(super) fn remove_setting(&self, name: &str) -> Result<(), JournalError> {
        self.conn
            .prepare_cached("DELETE FROM settings WHERE name = ?1")?
            .execute([name])?;
        Ok(())
    }

    pub(super) fn keep(&self, name: &str, value: Option<&str>) -> Result<(), JournalError> {
        match value {
            Some(value) => self.set_setting(name, value),
            None => self.remove_setting(name),
        }
    }
}

impl Reader {
    /// The named settings whose names begin so, without that beginning.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) fn settings_below(
        &self,
        prefix: &str,
    ) -> Result<Vec<(String, String)>, JournalError> {
        let mut query = self.conn.prepare_cached(
            "SELECT substr(name, length(?1) + 1), value FROM settings
             WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name",
        )?;
        let rows = query.query_map([prefix], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.map(|row| row.map_err(JournalError::from)).collect()
    }
}

/// A named setting.
pub(super) fn setting(conn: &Connection, name: &str) -> Result<Option<String>, JournalError> {
    let value = conn
        .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    Ok(value)
}
