//! What the ledger's statements run on: one narrow trait, behind which stand SQLite and PostgreSQL.
//!
//! It is as narrow as running a statement can be, so that everything above it exists once: which
//! statements there are, what they mean, and every decision. Statements are written in the SQL that
//! both speak, with `?1`, `?2` … for values. Where one statement a row would be a round trip each,
//! [`Each`] holds the wording for many rows beside that for one.

use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::keys::PublicKey;
use kiosk_core::wall::WallTime;
use uuid::Uuid;

use super::LedgerError;

/// A value handed to a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Null,
    Flag(bool),
    Number(i64),
    Text(&'a str),
    Bytes(&'a [u8]),
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $to:expr),* $(,)?) => {
        $(impl<'a> From<$from> for Value<'a> {
            fn from($value: $from) -> Self {
                $to
            }
        })*
    };
}

value_from! {
    bool => |value| Value::Flag(value),
    i64 => |value| Value::Number(value),
    u8 => |value| Value::Number(value.into()),
    u32 => |value| Value::Number(value.into()),
    // What is above 2^63 saturates; callers refuse it before.
    u64 => |value| Value::Number(i64::try_from(value).unwrap_or(i64::MAX)),
    usize => |value| Value::Number(i64::try_from(value).unwrap_or(i64::MAX)),
    &'a str => |value| Value::Text(value),
    &'a String => |value| Value::Text(value),
    &'a [u8] => |value| Value::Bytes(value),
    &'a Vec<u8> => |value| Value::Bytes(value),
    &'a Hash => |value| Value::Bytes(&value.0),
    WallTime => |value| Value::Number(value.as_millis()),
}

impl<'a, const N: usize> From<&'a [u8; N]> for Value<'a> {
    fn from(value: &'a [u8; N]) -> Self {
        Self::Bytes(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// The values of a statement, in order.
macro_rules! values {
    ($($value:expr),* $(,)?) => {
        &[$($crate::ledger::connection::Value::from($value)),*]
    };
}
pub(crate) use values;

/// One statement in two wordings.
#[derive(Debug)]
pub(crate) struct Each {
    /// For one row of values, `?1`, `?2` …
    pub(crate) one: &'static str,
    /// For all of them at once, as arrays `$1`, `$2` …
    pub(crate) all: &'static str,
}

/// Rows of values for an [`Each`].
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    width: usize,
    values: Vec<Value<'a>>,
}

impl<'a> Batch<'a> {
    pub(crate) fn new<const N: usize>(rows: impl IntoIterator<Item = [Value<'a>; N]>) -> Self {
        Self {
            width: N,
            values: rows.into_iter().flatten().collect(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = &[Value<'a>]> {
        self.values.chunks_exact(self.width)
    }

    /// The values at one place of every row.
    pub(crate) fn columns(&self) -> impl Iterator<Item = Vec<Value<'a>>> + '_ {
        let column = |index| self.values.iter().skip(index).step_by(self.width).copied();
        (0..self.width).map(move |index| column(index).collect())
    }
}

/// A row that a query gave.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

impl Row<'_> {
    /// The value at a place.
    pub(crate) fn get<T: Column>(&self, index: usize) -> Result<T, LedgerError> {
        T::read(self, index)
    }

    pub(super) fn bad(index: usize, what: &str) -> LedgerError {
        LedgerError::Storage(format!("column {index} of a row: {what}"))
    }
}

/// What can be read from a row.
pub(crate) trait Column: Sized {
    fn read(row: &Row<'_>, index: usize) -> Result<Self, LedgerError>;
}

macro_rules! column {
    ($($plain:ty),*) => {
        $(impl Column for $plain {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, LedgerError> {
                match row {
                    Row::Sqlite(row) => Ok(row.get(index)?),
                    Row::Postgres(row) => Ok(row.try_get(index)?),
                }
            }
        }
        impl Column for Option<$plain> {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, LedgerError> {
                match row {
                    Row::Sqlite(row) => Ok(row.get(index)?),
                    Row::Postgres(row) => Ok(row.try_get(index)?),
                }
            }
        })*
    };
}
column!(bool, i64, String, Vec<u8>);

macro_rules! converted {
    ($($to:ty: $from:ty, $what:literal, $convert:expr);* $(;)?) => {
        $(impl Column for $to {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, LedgerError> {
                let found: $from = row.get(index)?;
                let convert: fn($from) -> Option<$to> = $convert;
                convert(found).ok_or_else(|| Row::bad(index, $what))
            }
        }
        impl Column for Option<$to> {
            fn read(row: &Row<'_>, index: usize) -> Result<Self, LedgerError> {
                let found: Option<$from> = row.get(index)?;
                let convert: fn($from) -> Option<$to> = $convert;
                let convert = |found| convert(found).ok_or_else(|| Row::bad(index, $what));
                found.map(convert).transpose()
            }
        })*
    };
}
converted! {
    u8: i64, "not a small number", |number| number.try_into().ok();
    u32: i64, "not a number of 32 bits", |number| number.try_into().ok();
    u64: i64, "a number below zero", |number| number.try_into().ok();
    usize: i64, "a number below zero", |number| number.try_into().ok();
    [u8; 32]: Vec<u8>, "not 32 bytes", |bytes| bytes.try_into().ok();
    Uuid: Vec<u8>, "not an identity", |bytes| Uuid::from_slice(&bytes).ok();
    Hash: [u8; 32], "not a hash", |bytes| Some(Hash(bytes));
    PublicKey: [u8; 32], "not a public key", |bytes| PublicKey::from_bytes(&bytes).ok();
    WallTime: i64, "not a time", |millis| Some(WallTime::from_millis(millis));
}

impl Row<'_> {
    /// A name or other value of a type that reads itself from text.
    pub(crate) fn parsed<T: std::str::FromStr>(&self, index: usize) -> Result<T, LedgerError> {
        let text: String = self.get(index)?;
        text.parse()
            .map_err(|_| Self::bad(index, "a text that this version can't read"))
    }
}

/// Where a query's rows go.
pub(crate) type Take<'t> = &'t mut dyn FnMut(&Row<'_>) -> Result<(), LedgerError>;

/// A transaction of the ledger, whichever it is.
pub(crate) trait Connection {
    /// Runs a statement; how many rows it changed.
    fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<u64, LedgerError>;

    /// Runs a query.
    fn query(&self, sql: &str, values: &[Value<'_>], take: Take<'_>) -> Result<(), LedgerError>;

    /// Runs a statement for each row of a batch. That it failed may be told only when the
    /// transaction ends, which then fails.
    fn execute_each(&self, statement: &Each, batch: &Batch<'_>) -> Result<(), LedgerError>;

    /// Runs a query for each row of a batch; nothing tells which of them a row is for, but the row.
    fn query_each(
        &self,
        statement: &Each,
        batch: &Batch<'_>,
        take: Take<'_>,
    ) -> Result<(), LedgerError>;
}

impl dyn Connection + '_ {
    /// All rows of a query.
    pub(crate) fn rows<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Vec<T>, LedgerError> {
        let mut rows = Vec::new();
        self.query(sql, values, &mut |row| {
            rows.push(read(row)?);
            Ok(())
        })?;
        Ok(rows)
    }

    /// The first row of a query, if there is one.
    pub(crate) fn find<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        let mut found = None;
        self.query(sql, values, &mut |row| {
            if found.is_none() {
                found = Some(read(row)?);
            }
            Ok(())
        })?;
        Ok(found)
    }

    /// The row that there must be.
    pub(crate) fn one<T>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        read: impl Fn(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let found = self.find(sql, values, read)?;
        found.ok_or_else(|| LedgerError::Storage("a row is missing".to_owned()))
    }

    /// Whether a query gives any row.
    pub(crate) fn exists(&self, sql: &str, values: &[Value<'_>]) -> Result<bool, LedgerError> {
        Ok(self.find(sql, values, |_| Ok(()))?.is_some())
    }
}
