//! The ledger's statements on SQLite.

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql, params_from_iter};

use crate::ledger::LedgerError;
use crate::ledger::connection::{Batch, Connection, Each, Row, Take, Value};

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Self::Null => ValueRef::Null,
            Self::Flag(flag) => ValueRef::Integer(flag.into()),
            Self::Number(number) => ValueRef::Integer(number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn rows(
    statement: &mut CachedStatement<'_>,
    values: &[Value<'_>],
    take: Take<'_>,
) -> Result<(), LedgerError> {
    let mut rows = statement.query(params_from_iter(values))?;
    while let Some(row) = rows.next()? {
        take(&Row::Sqlite(row))?;
    }
    Ok(())
}

impl Connection for rusqlite::Connection {
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError> {
        let changed = self
            .prepare_cached(sql)?
            .execute(params_from_iter(values))?;
        Ok(changed.try_into().unwrap_or(u64::MAX))
    }

    fn query(&self, sql: &str, values: &[Value<'_>], take: Take<'_>) -> Result<(), LedgerError> {
        rows(&mut self.prepare_cached(sql)?, values, take)
    }

    fn execute_each(&self, statement: &Each, batch: &Batch<'_>) -> Result<(), LedgerError> {
        let mut prepared = self.prepare_cached(statement.one)?;
        for values in batch.rows() {
            prepared.execute(params_from_iter(values))?;
        }
        Ok(())
    }

    fn query_each(
        &self,
        statement: &Each,
        batch: &Batch<'_>,
        take: Take<'_>,
    ) -> Result<(), LedgerError> {
        let mut prepared = self.prepare_cached(statement.one)?;
        for values in batch.rows() {
            rows(&mut prepared, values, take)?;
        }
        Ok(())
    }
}
