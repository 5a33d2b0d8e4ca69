//! A file that appears whole or not at all, and never in another's place.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::JournalError;

/// Why a copy or an export was not made.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Nothing is overwritten.
    #[error("{0} is there already; choose another name or move it away")]
    Exists(String),
    /// The file can't be written.
    #[error("{path} can't be written: {error}")]
    File {
        /// Which.
        path: String,
        /// What the system says.
        error: String,
    },
    /// The journal can't be read.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for CopyError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

/// A file under a temporary name beside its own; gone when dropped before [`NewFile::finish`].
pub(super) struct NewFile {
    path: PathBuf,
    temporary: PathBuf,
    pub(super) file: File,
}

impl NewFile {
    /// Begins the file, readable for this user alone: it may hold a key.
    pub(super) fn begin(path: &Path) -> Result<Self, CopyError> {
        if path.symlink_metadata().is_ok() {
            return Err(CopyError::Exists(path.display().to_string()));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.part", std::process::id()));
        let temporary = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&temporary)
            .map_err(|error| trouble(path, &error))?;
        Ok(Self {
            path: path.to_owned(),
            temporary,
            file,
        })
    }

    /// Where it is until it is finished.
    pub(super) fn temporary(&self) -> &Path {
        &self.temporary
    }

    /// What to say of an error while writing it.
    pub(super) fn trouble(&self, error: &io::Error) -> CopyError {
        trouble(&self.path, error)
    }

    /// Puts it on the disk under its own name.
    pub(super) fn finish(self) -> Result<(), CopyError> {
        self.file.sync_all().map_err(|error| self.trouble(&error))?;
        match renameat_with(
            CWD,
            &self.temporary,
            CWD,
            &self.path,
            RenameFlags::NOREPLACE,
        ) {
            Ok(()) => {}
            Err(Errno::EXIST) => return Err(CopyError::Exists(self.path.display().to_string())),
            // A file system that can't promise it; the name was free a moment ago.
            Err(Errno::INVAL | Errno::NOSYS) => {
                fs::rename(&self.temporary, &self.path).map_err(|error| self.trouble(&error))?
            }
            Err(error) => return Err(self.trouble(&error.into())),
        }
        let folder = self
            .path
            .parent()
            .filter(|path| !path.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(|error| self.trouble(&error))
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        // Finished, it has another name by now.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn trouble(path: &Path, error: &io::Error) -> CopyError {
    CopyError::File {
        path: path.display().to_string(),
        error: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_file_appears_when_finished_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out");
        drop(NewFile::begin(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        let mut new = NewFile::begin(&path).unwrap();
        new.file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        fs::write(&path, b"another's").unwrap();
        assert!(matches!(new.finish(), Err(CopyError::Exists(_))));
        assert!(matches!(NewFile::begin(&path), Err(CopyError::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"another's");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
