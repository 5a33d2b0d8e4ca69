//! The data folder: made for its owner alone, and held by one serving process.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::LedgerError;

/// Makes the folder if need be, readable by its owner alone: it holds the cloud's signing key.
pub(crate) fn create(data_dir: &Path) -> Result<(), LedgerError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| unusable(data_dir, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> LedgerError {
    let path = path.display();
    let advice = match error.kind() {
        ErrorKind::StorageFull => "make room on its disk",
        ErrorKind::ReadOnlyFilesystem => "mount it writable or name another folder with --data-dir",
        _ => "name a folder that this user may write to with --data-dir",
    };
    LedgerError::Unusable(format!(
        "can't use the data folder {path}: {error}; {advice}"
    ))
}

/// Keeps other serving processes out of the folder for as long as it lives; the system lets go of
/// it when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

impl FolderLock {
    pub(crate) fn take(data_dir: &Path) -> Result<Self, LedgerError> {
        create(data_dir)?;
        let path = data_dir.join("serving.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(|error| unusable(data_dir, &error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = fs::read_to_string(&path).unwrap_or_default();
                return Err(LedgerError::Unusable(format!(
                    "another cloud-sync (process {}) serves from {}; stop it or name another folder with --data-dir",
                    holder.trim(),
                    data_dir.display()
                )));
            }
            Err(TryLockError::Error(error)) => return Err(unusable(data_dir, &error)),
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|error| unusable(data_dir, &error))?;
        Ok(Self { _file: file })
    }
}

/// Reads all of a small file, or of standard input, up to `limit` bytes.
pub(crate) fn read_limited(mut from: impl Read, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.by_ref().take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_holds_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let held = FolderLock::take(dir.path()).unwrap();
        let refused = FolderLock::take(dir.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        drop(held);
        FolderLock::take(dir.path()).unwrap();
    }
}
