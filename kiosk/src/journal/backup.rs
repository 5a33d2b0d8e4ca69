//! `kiosk backup`: a consistent copy of the journal, while it is written.

use std::path::Path;

use super::newfile::{CopyError, NewFile};
use super::open::{connect_reader, identity};
use super::{JournalError, JournalSettings};

/// Copies the journal in `folder` to the new file `out`, all of it as of one moment, and gives the
/// copy's size in bytes. The copy holds the journal's key: it is to be kept like a password.
///
/// # Errors
/// [`CopyError`]; then there is no `out`.
pub fn backup(folder: &Path, out: &Path) -> Result<u64, CopyError> {
    let conn = connect_reader(&JournalSettings::reading(folder))?;
    let (journal, _) = identity(&conn)?;
    let new = NewFile::begin(out)?;
    let name = new.temporary().to_str().ok_or_else(|| CopyError::File {
        path: out.display().to_string(),
        error: "its name is not UTF-8".to_owned(),
    })?;
    conn.execute("VACUUM INTO ?1", [name])
        .map_err(|error| CopyError::File {
            path: out.display().to_string(),
            error: error.to_string(),
        })?;
    drop(conn);
    let copied = rusqlite::Connection::open_with_flags(
        new.temporary(),
        rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY,
    )
    .and_then(|copy| identity(&copy))?
    .0;
    if copied != journal {
        let text = format!("the copy is of {copied} instead of {journal}");
        return Err(JournalError::Damaged(text).into());
    }
    let size = new
        .file
        .metadata()
        .map_err(|error| new.trouble(&error))?
        .len();
    new.finish()?;
    Ok(size)
}
