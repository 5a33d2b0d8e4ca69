//! The tables, and how an older file becomes today's.
//!
//! Migrations only add, so that yesterday's binary opens today's file; each runs once, in a
//! transaction with the step of `user_version` that remembers it.

use rusqlite::{Connection, TransactionBehavior};

use crate::ledger::LedgerError;

const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
    include_str!("schema/0003.sql"),
    include_str!("schema/0004.sql"),
    include_str!("schema/0005.sql"),
];

/// A file written by a version up to this many migrations ahead only has additions and is fine.
const AHEAD: usize = 1;

pub(in crate::ledger) fn migrate(connection: &mut Connection) -> Result<(), LedgerError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let done = usize::try_from(found).unwrap_or(usize::MAX);
    if done > MIGRATIONS.len() + AHEAD {
        return Err(LedgerError::Unusable(format!(
            "the ledger was written by a newer cloud-sync (schema {found}, this one knows {}); install that version again",
            MIGRATIONS.len()
        )));
    }
    for (step, sql) in MIGRATIONS.iter().enumerate().skip(done) {
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "user_version", step + 1)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory() -> Connection {
        Connection::open_in_memory().unwrap()
    }

    #[test]
    fn migrating_twice_changes_nothing() {
        let mut connection = memory();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        let version: usize = connection
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, MIGRATIONS.len());
    }

    #[test]
    fn a_file_from_the_far_future_is_refused_and_from_the_next_version_opened() {
        let mut connection = memory();
        migrate(&mut connection).unwrap();
        let set = |connection: &Connection, version: usize| {
            connection
                .pragma_update(None, "user_version", version)
                .unwrap();
        };
        set(&connection, MIGRATIONS.len() + AHEAD);
        migrate(&mut connection).unwrap();
        set(&connection, MIGRATIONS.len() + AHEAD + 1);
        assert!(
            migrate(&mut connection)
                .unwrap_err()
                .to_string()
                .contains("newer")
        );
    }
}
