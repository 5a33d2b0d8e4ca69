//! People at headquarters and their sessions.

use kiosk_core::wall::WallTime;

use super::LedgerError;
use super::connection::{Connection, Row, values};

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
    connection: &dyn Connection,
    name: &str,
    role: Role,
    password_hash: &str,
    now: WallTime,
) -> Result<(), LedgerError> {
    connection.execute(
        "INSERT INTO users (name, role, password, added_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password",
        values![name, role.as_str(), password_hash, now],
    )?;
    connection.execute(
        "DELETE FROM sessions WHERE \"user\" = (SELECT id FROM users WHERE name = ?1)",
        values![name],
    )?;
    Ok(())
}

/// A user with the hash of the password.
pub(crate) fn find(
    connection: &dyn Connection,
    name: &str,
) -> Result<Option<(User, String)>, LedgerError> {
    let sql = "SELECT id, name, role, password FROM users WHERE name = ?1";
    connection.find(sql, values![name], |row| Ok((user(row)?, row.get(3)?)))
}

fn user(row: &Row<'_>) -> Result<User, LedgerError> {
    let role: String = row.get(2)?;
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        role: Role::from_name(&role).unwrap_or(Role::Viewer),
    })
}

/// Begins a session, and forgets those that are over.
pub(crate) fn begin_session(
    connection: &dyn Connection,
    token_digest: [u8; 32],
    user: i64,
    now: WallTime,
    expires: WallTime,
) -> Result<(), LedgerError> {
    let sql = "DELETE FROM sessions WHERE expires_at <= ?1";
    connection.execute(sql, values![now])?;
    connection.execute(
        "INSERT INTO sessions (token_digest, \"user\", created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4)",
        values![&token_digest, user, now, expires],
    )?;
    Ok(())
}

pub(crate) fn end_session(
    connection: &dyn Connection,
    token_digest: [u8; 32],
) -> Result<(), LedgerError> {
    let sql = "DELETE FROM sessions WHERE token_digest = ?1";
    connection.execute(sql, values![&token_digest])?;
    Ok(())
}

/// Whose session a token opens.
pub(crate) fn of_session(
    connection: &dyn Connection,
    token_digest: [u8; 32],
    now: WallTime,
) -> Result<Option<User>, LedgerError> {
    connection.find(
        "SELECT u.id, u.name, u.role FROM sessions s JOIN users u ON u.id = s.\"user\"
         WHERE s.token_digest = ?1 AND s.expires_at > ?2",
        values![&token_digest, now],
        user,
    )
}

/// Whether anybody could sign in.
pub(crate) fn any(connection: &dyn Connection) -> Result<bool, LedgerError> {
    connection.exists("SELECT 1 FROM users LIMIT 1", &[])
}
