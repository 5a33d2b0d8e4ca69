//! People at headquarters and their sessions.

use kiosk_core::wall::WallTime;
use rusqlite::{Connection, OptionalExtension};

use super::LedgerError;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Role {
    /// May look.
    Viewer,
    /// May publish menus and replay events too.
    Editor,
    /// May do all.
    Admin,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        [Self::Viewer, Self::Editor, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == name)
    }
}

#[derive(Debug, Clone)]
pub(crate) struct User {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// Adds a user, or sets role and password of one; their sessions end.
pub(crate) fn put(
    connection: &Connection,
    name: &str,
    role: Role,
    password_hash: &str,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO users (name, role, password, added_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password",
        (name, role.as_str(), password_hash, now.as_millis()),
    )?;
    connection.execute(
        "DELETE FROM sessions WHERE user = (SELECT id FROM users WHERE name = ?1)",
        [name],
    )?;
    Ok(())
}

/// A user with the hash of the password.
pub(crate) fn find(
    connection: &Connection,
    name: &str,
) -> Result<Option<(User, String)>, LedgerError> {
    let mut statement =
        connection.prepare_cached("SELECT id, name, role, password FROM users WHERE name = ?1")?;
    let user = statement.query_row([name], |row| Ok((user(row)?, row.get(3)?)));
    Ok(user.optional()?)
}

fn user(row: &rusqlite::Row<'_>) -> rusqlite::Result<User> {
    let role: String = row.get(2)?;
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::from_name(&role).unwrap_or(Role::Viewer),
    })
}

/// Begins a session, and forgets those that are over.
pub(crate) fn begin_session(
    connection: &Connection,
    token_digest: [u8; 32],
    user: i64,
    now: WallTime,
    expires: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "DELETE FROM sessions WHERE expires_at <= ?1",
        [now.as_millis()],
    )?;
    connection.execute(
        "INSERT INTO sessions (token_digest, user, created_at, expires_at) VALUES (?1, ?2, ?3, ?4)",
        (token_digest, user, now.as_millis(), expires.as_millis()),
    )?;
    Ok(())
}

pub(crate) fn end_session(
    connection: &Connection,
    token_digest: [u8; 32],
) -> Result<(), LedgerError> {
    connection.execute(
        "DELETE FROM sessions WHERE token_digest = ?1",
        [token_digest],
    )?;
    Ok(())
}

/// Whose session a token opens.
pub(crate) fn of_session(
    connection: &Connection,
    token_digest: [u8; 32],
    now: WallTime,
) -> Result<Option<User>, LedgerError> {
    let mut statement = connection.prepare_cached(
        "SELECT u.id, u.name, u.role FROM sessions s JOIN users u ON u.id = s.user
         WHERE s.token_digest = ?1 AND s.expires_at > ?2",
    )?;
    let found = statement.query_row((token_digest, now.as_millis()), user);
    Ok(found.optional()?)
}

/// Whether anybody could sign in.
pub(crate) fn any(connection: &Connection) -> Result<bool, LedgerError> {
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM users)")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}
