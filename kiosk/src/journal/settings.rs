//! What the journal keeps beside orders: PINs of staff and named settings.

use kiosk_core::event::{Fact, StaffChanged};
use rusqlite::{Connection, OptionalExtension};

use super::group::Group;
use super::{JournalError, Stamp};

/// A role of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, clap::ValueEnum)]
pub enum StaffRole {
    /// Works on orders.
    Kitchen,
    /// May do all.
    Manager,
}

impl StaffRole {
    /// The name in the file, on the wire and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kitchen => "kitchen",
            Self::Manager => "manager",
        }
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

    pub(super) fn set_pin(
        &mut self,
        stamp: Stamp,
        role: StaffRole,
        hash: &str,
    ) -> Result<(), JournalError> {
        let fact = StaffChanged {
            role: role.as_str().to_owned(),
        };
        self.append(stamp, None, Fact::StaffChanged(fact))?;
        self.conn
            .prepare_cached(
                "INSERT INTO staff (role, pin) VALUES (?1, ?2)
                 ON CONFLICT (role) DO UPDATE SET pin = ?2",
            )?
            .execute((role.as_str(), hash))?;
        Ok(())
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
