//! What can go wrong with the ledger, by what a caller does about it.

use rusqlite::ErrorCode;

#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum LedgerError {
    /// Ask again in a moment.
    #[error("the ledger has too much to do at the moment")]
    Busy,
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
