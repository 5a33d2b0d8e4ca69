//! What can go wrong with the ledger, by what a caller does about it.

use rusqlite::ErrorCode;
use tokio_postgres::error::{DbError, SqlState};

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LedgerError {
    /// Ask again in a moment.
    #[error("the ledger has too much to do at the moment")]
    Busy,
    /// Nothing was stored; another transaction was in the way. The same again may well succeed.
    #[error("another transaction was in the way: {0}")]
    Contended(String),
    /// Nothing was stored, and nothing can be until the database is back.
    #[error("the ledger's database can't be reached: {0}")]
    Away(String),
    /// Nothing was stored; an operator has to make room.
    #[error("the disk that holds the ledger is full; make room, nothing acked is lost")]
    Full,
    /// Nothing was stored.
    #[error("the ledger's storage failed: {0}")]
    Storage(String),
    /// It may have been stored; sending it again shows which.
    #[error("it is unknown whether the ledger stored it: {0}")]
    Unknown(String),
    /// The process is ending.
    #[error("the ledger is closed")]
    Closed,
    /// The folder or the file can't be used at all.
    #[error("{0}")]
    Unusable(String),
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full,
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Busy,
            _ => Self::Storage(error.to_string()),
        }
    }
}

impl From<tokio_postgres::Error> for LedgerError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(told) => told.into(),
            // It never reached the server, or its answer never came back.
            None if error.is_closed() || is_io(&error) => Self::Away(with_causes(&error)),
            None => Self::Storage(with_causes(&error)),
        }
    }
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    let cause = std::error::Error::source(error);
    cause.is_some_and(|cause| cause.is::<std::io::Error>())
}

/// An error with what brought it about, which alone says what to do.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut told = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !told.contains(&more) {
            told = format!("{told}: {more}");
        }
        cause = error.source();
    }
    told
}

impl From<&DbError> for LedgerError {
    fn from(error: &DbError) -> Self {
        let told = format!("{} ({})", error.message(), error.code().code());
        let code = error.code();
        let contended = [
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::LOCK_NOT_AVAILABLE,
            &SqlState::QUERY_CANCELED,
            // Somebody else stored the same event in the meantime.
            &SqlState::UNIQUE_VIOLATION,
        ];
        if contended.contains(&code) {
            return Self::Contended(told);
        }
        if *code == SqlState::DISK_FULL {
            return Self::Full;
        }
        // Connection exceptions, no resources, and an operator's intervention: shutting down,
        // starting up, a standby that can't be written to.
        let class = code.code().get(..2).unwrap_or_default();
        match class {
            "08" | "53" | "57" => Self::Away(told),
            _ if *code == SqlState::READ_ONLY_SQL_TRANSACTION => Self::Away(told),
            _ => Self::Storage(told),
        }
    }
}
