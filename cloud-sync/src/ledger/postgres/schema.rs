//! The tables in PostgreSQL, and how an older database becomes today's.
//!
//! Migrations only add, so that yesterday's binary works on today's database while replicas are
//! exchanged one by one; each runs once, under a lock, in a transaction with its number.

use tokio_postgres::Client;

use crate::ledger::LedgerError;

const MIGRATIONS: &[&str] = &[
    include_str!("schema/0001.sql"),
    include_str!("schema/0002.sql"),
];

/// A database migrated by a version up to this many migrations ahead only has additions and is fine.
const AHEAD: i64 = 1;

/// Of replicas that start at once one migrates and the others wait for it.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7108351)";

pub(super) async fn migrate(client: &mut Client) -> Result<(), LedgerError> {
    let transaction = client.transaction().await?;
    transaction.batch_execute(LOCK).await?;
    transaction
        .batch_execute("CREATE TABLE IF NOT EXISTS migrations (version BIGINT PRIMARY KEY, at TIMESTAMPTZ NOT NULL DEFAULT now())")
        .await?;
    let row = transaction
        .query_one("SELECT coalesce(max(version), 0) FROM migrations", &[])
        .await?;
    let done: i64 = row.try_get(0)?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if done > known + AHEAD {
        return Err(LedgerError::Unusable(format!(
            "the database was migrated by a newer cloud-sync (schema {done}, this one knows {known}); install that version again"
        )));
    }
    for (version, sql) in (1_i64..)
        .zip(MIGRATIONS)
        .filter(|(version, _)| *version > done)
    {
        transaction.batch_execute(sql).await?;
        transaction
            .execute("INSERT INTO migrations (version) VALUES ($1)", &[&version])
            .await?;
    }
    transaction.commit().await?;
    Ok(())
}
