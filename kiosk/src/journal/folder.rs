//! The data folder: one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::OpenError;

/// The hold on a data folder; let go when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Makes the folder if need be and takes hold of it.
    ///
    /// # Errors
    /// [`OpenError::InUse`] if another process holds it, [`OpenError::Folder`] if it can't be used.
    pub fn take(folder: &Path) -> Result<Self, OpenError> {
        let trouble = |error: std::io::Error| unusable(folder, &error);
        make_folder(folder)?;
        let path = folder.join("kiosk.lock");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(trouble)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                // The holder may be just writing it; an unknown pid is told as such.
                let _ = file.read_to_string(&mut pid);
                let pid = if pid.trim().is_empty() {
                    "unknown"
                } else {
                    pid.trim()
                };
                return Err(OpenError::InUse {
                    folder: folder.display().to_string(),
                    pid: pid.to_owned(),
                });
            }
            Err(TryLockError::Error(error)) => return Err(trouble(error)),
        }
        file.set_len(0).map_err(trouble)?;
        file.seek(SeekFrom::Start(0)).map_err(trouble)?;
        writeln!(file, "{}", std::process::id()).map_err(trouble)?;
        Ok(Self { _file: file })
    }
}

/// Makes the data folder if need be, for this user alone.
///
/// # Errors
/// [`OpenError::Folder`] if it can't be made.
pub fn make_folder(folder: &Path) -> Result<(), OpenError> {
    make(folder).map_err(|error| unusable(folder, &error))
}

fn unusable(folder: &Path, error: &std::io::Error) -> OpenError {
    let advice = match error.kind() {
        ErrorKind::StorageFull => "make room on its disk",
        ErrorKind::ReadOnlyFilesystem => "mount it writable or choose another --data-dir",
        _ => "name a folder that this user may write to with --data-dir",
    };
    OpenError::Folder {
        folder: folder.display().to_string(),
        error: error.to_string(),
        advice,
    }
}

/// Makes the folder, for this user alone: it will hold a key. Its name is on the disk before the
/// first order is.
fn make(folder: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder
        .ancestors()
        .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
        .collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    for path in missing {
        let parent = path.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    }
    Ok(())
}

/// Free bytes for an unprivileged process on the disk that holds `path`.
#[must_use]
pub(super) fn free_bytes(path: &Path) -> Option<u64> {
    let stats = rustix::fs::statvfs(path).ok()?;
    Some(stats.f_bavail.saturating_mul(stats.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_where_the_folder_should_be_is_told_with_the_way_out() {
        let outer = tempfile::tempdir().unwrap();
        let file = outer.path().join("data");
        std::fs::write(&file, "").unwrap();
        let told = FolderLock::take(&file).unwrap_err().to_string();
        assert!(told.contains("name a folder"), "{told}");
    }

    #[test]
    fn the_second_holder_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let first = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}", std::process::id())),
            "{refused}"
        );
        drop(first);
        assert!(FolderLock::take(folder.path()).is_ok());
    }
}
