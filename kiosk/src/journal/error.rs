//! What can go wrong: each variant is something that the caller does differently.

use super::{ActRefusal, DayRefusal, PlaceRefusal, PrintRefusal, StaffRefusal};

/// Why the journal could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The disk is full or fails. Whether the write happened is not known; asking again with the
    /// same idempotency key is safe.
    #[error("the journal can't be read or written: {0}")]
    Storage(String),
    /// Less than the reserve is free.
    #[error("{free} bytes are free on the journal's disk, less than the reserve of {reserve}")]
    DiskFull {
        /// What is free.
        free: u64,
        /// What must stay free.
        reserve: u64,
    },
    /// What was asked for makes an event that can't be synced; a smaller request can be kept.
    #[error("the event would be {bytes} bytes long; at most {limit} can be synced")]
    TooLarge {
        /// How long it would be.
        bytes: usize,
        /// How long it may be.
        limit: usize,
    },
    /// Something in the file is not what this software wrote. The rest of it can still be used.
    #[error("the journal is damaged: {0}; see `kiosk check`")]
    Damaged(String),
    /// There is no file to read.
    #[error("there is no journal at {0}; name the folder that `kiosk serve` uses with --data-dir")]
    Absent(String),
    /// The kiosk is stopping.
    #[error("the kiosk is stopping")]
    Stopping,
}

/// Why a journal can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process holds the data folder.
    #[error(
        "{folder} is in use by process {pid}; stop that kiosk first or choose another --data-dir"
    )]
    InUse {
        /// The folder.
        folder: String,
        /// The process that holds it.
        pid: String,
    },
    /// The folder can't be made or written.
    #[error("{folder} can't be used: {error}; {advice}")]
    Folder {
        /// The folder.
        folder: String,
        /// What the system says.
        error: String,
        /// What to do.
        advice: &'static str,
    },
    /// The file is there, but not as it should be.
    #[error("the journal {file} can't be opened: {detail}; {advice}")]
    Journal {
        /// The file.
        file: String,
        /// What is wrong.
        detail: String,
        /// What to do.
        advice: &'static str,
    },
}

impl From<rusqlite::Error> for JournalError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::Error;
        match error {
            Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::QueryReturnedNoRows
            | Error::Utf8Error(..) => Self::Damaged(error.to_string()),
            _ => Self::Storage(error.to_string()),
        }
    }
}

/// A refusal that may be the journal's own trouble rather than the request's fault.
pub(super) trait Refusal: From<JournalError> + Send + 'static {
    /// The trouble, if it is one.
    fn trouble(&self) -> Option<&JournalError>;

    /// The trouble if it ends the whole transaction: the disk failed. Everything else is refused
    /// alone and its neighbours stay.
    fn ends_transaction(&self) -> Option<&JournalError> {
        self.trouble()
            .filter(|error| matches!(error, JournalError::Storage(_)))
    }
}

impl Refusal for JournalError {
    fn trouble(&self) -> Option<&JournalError> {
        Some(self)
    }
}

impl Refusal for PlaceRefusal {
    fn trouble(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            Self::KeyReused | Self::SoldOut(_) | Self::Closed => None,
        }
    }
}

impl Refusal for ActRefusal {
    fn trouble(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            Self::NotFound | Self::Illegal(_) | Self::Changed(_) | Self::Refund(_) => None,
        }
    }
}

impl Refusal for PrintRefusal {
    fn trouble(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            Self::NotFound | Self::Illegal(_) => None,
        }
    }
}

impl Refusal for DayRefusal {
    fn trouble(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            Self::NoneOpen => None,
        }
    }
}

impl Refusal for StaffRefusal {
    fn trouble(&self) -> Option<&JournalError> {
        match self {
            Self::Journal(error) => Some(error),
            Self::NotFound
            | Self::NameTaken
            | Self::TooMany
            | Self::LastManager
            | Self::NotFirst => None,
        }
    }
}
