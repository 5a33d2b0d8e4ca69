//! One opening of one file: what SQLite's calls on it come down to. Safe code all of it; the C side
//! is in `handle`.

use std::ffi::c_int;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::ffi;

use crate::directory::FileId;
use crate::disk::Shared;
use crate::faults::Failure;
use crate::locks::{Busy, HandleId, Level};

pub(crate) struct OpenFile {
    pub(crate) disk: Arc<Shared>,
    pub(crate) file: FileId,
    pub(crate) id: HandleId,
    /// None for a temporary file.
    name: Option<String>,
    delete_on_close: bool,
    /// As on Unix: the first sync of a journal or WAL that may have been created just now also
    /// syncs the directory it stands in.
    directory_due: AtomicBool,
}

impl OpenFile {
    pub(crate) fn new(
        disk: Arc<Shared>,
        file: FileId,
        name: Option<String>,
        flags: c_int,
    ) -> OpenFile {
        let journals =
            ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_SUPER_JOURNAL | ffi::SQLITE_OPEN_WAL;
        let due = flags & ffi::SQLITE_OPEN_CREATE != 0 && flags & journals != 0;
        OpenFile {
            id: disk.new_handle(),
            disk,
            file,
            name,
            delete_on_close: flags & ffi::SQLITE_OPEN_DELETEONCLOSE != 0,
            directory_due: AtomicBool::new(due),
        }
    }

    pub(crate) fn sync(&self) -> Result<(), Failure> {
        let due = self.directory_due.load(Ordering::Relaxed);
        let directory_of = self.name.as_deref().filter(|_| due);
        self.disk.storage_mut().sync(self.file, directory_of)?;
        self.directory_due.store(false, Ordering::Relaxed);
        Ok(())
    }

    pub(crate) fn lock(&self, level: Level) -> Result<(), Busy> {
        let storage = self.disk.storage();
        storage
            .locks(self.file)
            .map_or(Ok(()), |mut locks| locks.lock(self.id, level))
    }

    pub(crate) fn unlock(&self, level: Level) {
        let storage = self.disk.storage();
        if let Some(mut locks) = storage.locks(self.file) {
            locks.unlock(self.id, level);
        }
    }

    pub(crate) fn unmap(&self) {
        let storage = self.disk.storage();
        if let Some(mut memory) = storage.memory(self.file) {
            memory.unmap(self.id);
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        self.disk.storage().faults.is_off()
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.unlock(Level::None);
        self.unmap();
        let mut storage = self.disk.storage_mut();
        if self.delete_on_close
            && let Some(name) = &self.name
        {
            // A temporary file that cannot be removed is only a leftover.
            let _ = storage.delete(name, false);
        }
        storage.close(self.file);
    }
}
