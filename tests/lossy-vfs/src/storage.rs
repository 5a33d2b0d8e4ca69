//! Files, names and faults of one disk, behind one lock: so a cut falls between two operations,
//! never inside one of another thread.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Policy;
use crate::content::Content;
use crate::directory::{Directory, FileId};
use crate::faults::{Failure, Faults, Moment, Op};
use crate::locks::FileLocks;
use crate::rng::Rng;
use crate::shm::SharedMemory;

/// What kind of disk it is; a snapshot and the disk after a cut are of the same kind.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Device {
    pub(crate) capacity: Option<usize>,
    pub(crate) powersafe_overwrite: bool,
    pub(crate) lying_sync: bool,
    pub(crate) forgetful_sync_error: bool,
    pub(crate) synchronous_directory: bool,
}

#[derive(Debug, Default)]
struct File {
    content: Content,
    handles: usize,
    locks: Mutex<FileLocks>,
    memory: Mutex<SharedMemory>,
}

#[derive(Debug, Default)]
pub(crate) struct Storage {
    pub(crate) device: Device,
    pub(crate) faults: Faults,
    files: BTreeMap<FileId, File>,
    directory: Directory,
    next_file: u64,
}

pub(crate) struct Creation {
    pub(crate) create: bool,
    pub(crate) exclusive: bool,
}

impl Storage {
    /// The same disk at this instant, unsynced changes included; faults and counts are new.
    pub(crate) fn snapshot(&self) -> Storage {
        let copy = |file: &File| File {
            content: file.content.clone(),
            ..File::default()
        };
        let mut storage = Storage {
            device: self.device,
            files: self
                .files
                .iter()
                .map(|(id, file)| (*id, copy(file)))
                .collect(),
            directory: self.directory.clone(),
            next_file: self.next_file,
            ..Storage::default()
        };
        storage.sweep();
        storage
    }

    pub(crate) fn after_cut(&self, policy: Policy, rng: &mut Rng) -> Storage {
        let powersafe = self.device.powersafe_overwrite;
        let names = self.directory.after_cut(policy, rng);
        let mut files: BTreeMap<FileId, File> = BTreeMap::new();
        for (id, file) in &self.files {
            let content = Content::safe(file.content.after_cut(policy, powersafe, rng));
            files.insert(
                *id,
                File {
                    content,
                    ..File::default()
                },
            );
        }
        let directory = Directory::safe(names);
        let mut storage = Storage {
            device: self.device,
            files,
            directory,
            next_file: self.next_file,
            ..Storage::default()
        };
        storage.sweep();
        storage
    }

    pub(crate) fn open(
        &mut self,
        name: Option<&str>,
        creation: &Creation,
    ) -> Result<FileId, Failure> {
        let moment = self.faults.admit(Op::Open)?;
        let found = name.and_then(|name| self.directory.find(name));
        let id = match found {
            Some(_) if creation.create && creation.exclusive => return Err(Failure::Io),
            Some(id) => id,
            None if creation.create => self.create(name, moment),
            None => return Err(Failure::Io),
        };
        hear(moment)?;
        if let Some(file) = self.files.get_mut(&id) {
            file.handles += 1;
        }
        Ok(id)
    }

    /// A file without a name is a temporary one, gone with its handle or the power.
    fn create(&mut self, name: Option<&str>, moment: Moment) -> FileId {
        let id = FileId(self.next_file);
        self.next_file += 1;
        self.files.insert(id, File::default());
        if let Some(name) = name {
            self.directory.add(name, id);
            self.settle(name, moment);
        }
        id
    }

    pub(crate) fn put(&mut self, name: &str, bytes: Vec<u8>) {
        let id = FileId(self.next_file);
        self.next_file += 1;
        let file = File {
            content: Content::safe(bytes),
            ..File::default()
        };
        self.files.insert(id, file);
        self.directory.add(name, id);
        self.directory.sync(name);
    }

    fn settle(&mut self, name: &str, moment: Moment) {
        if self.device.synchronous_directory && moment == Moment::Usual {
            self.directory.sync(name);
        }
    }

    pub(crate) fn close(&mut self, id: FileId) {
        if let Some(file) = self.files.get_mut(&id) {
            file.handles = file.handles.saturating_sub(1);
        }
        self.sweep();
    }

    /// False if there is no such file.
    pub(crate) fn delete(&mut self, name: &str, sync: bool) -> Result<bool, Failure> {
        let moment = self.faults.admit(Op::Delete)?;
        let found = self.directory.find(name).is_some();
        if found {
            self.directory.remove(name);
            self.settle(name, moment);
        }
        hear(moment)?;
        if sync && !self.device.lying_sync {
            self.directory.sync(name);
        }
        self.sweep();
        Ok(found)
    }

    /// Drops files that no name and no handle can reach any more.
    fn sweep(&mut self) {
        let named = self.directory.files();
        self.files
            .retain(|id, file| file.handles > 0 || named.contains(id));
    }

    pub(crate) fn read(&self, id: FileId, at: usize, into: &mut [u8]) -> Result<usize, Failure> {
        self.faults.admit_read(Op::Read)?;
        Ok(self
            .files
            .get(&id)
            .map_or(0, |file| file.content.read(at, into)))
    }

    pub(crate) fn write(&mut self, id: FileId, at: usize, bytes: &[u8]) -> Result<(), Failure> {
        let moment = self.faults.admit(Op::Write)?;
        let end = at.checked_add(bytes.len()).ok_or(Failure::NoSpace)?;
        let growth = end.saturating_sub(self.len(id));
        let over = |capacity| growth > 0 && self.used().saturating_add(growth) > capacity;
        if self.device.capacity.is_some_and(over) {
            return Err(Failure::NoSpace);
        }
        self.change(id, moment, |content| content.write(at, bytes))
    }

    pub(crate) fn truncate(&mut self, id: FileId, len: usize) -> Result<(), Failure> {
        let moment = self.faults.admit(Op::Truncate)?;
        self.change(id, moment, |content| content.truncate(len))
    }

    fn change(
        &mut self,
        id: FileId,
        moment: Moment,
        change: impl FnOnce(&mut Content),
    ) -> Result<(), Failure> {
        let file = self.files.get_mut(&id).ok_or(Failure::Io)?;
        change(&mut file.content);
        hear(moment)
    }

    /// `directory_of`: also sync the directory in which that name stands.
    pub(crate) fn sync(&mut self, id: FileId, directory_of: Option<&str>) -> Result<(), Failure> {
        let outcome = self.faults.admit(Op::Sync).and_then(hear);
        let file = self.files.get_mut(&id).ok_or(Failure::Io)?;
        if outcome.is_err() {
            if self.device.forgetful_sync_error && !self.faults.is_off() {
                file.content.forget_unsynced();
            }
            return outcome;
        }
        if !self.device.lying_sync {
            file.content.sync();
            if let Some(name) = directory_of {
                self.directory.sync(name);
                self.sweep();
            }
        }
        Ok(())
    }

    pub(crate) fn locks(&self, id: FileId) -> Option<MutexGuard<'_, FileLocks>> {
        self.files.get(&id).map(|file| held(&file.locks))
    }

    pub(crate) fn memory(&self, id: FileId) -> Option<MutexGuard<'_, SharedMemory>> {
        self.files.get(&id).map(|file| held(&file.memory))
    }

    pub(crate) fn find(&self, name: &str) -> Option<FileId> {
        self.directory.find(name)
    }

    pub(crate) fn len(&self, id: FileId) -> usize {
        self.content(id).map_or(0, <[u8]>::len)
    }

    pub(crate) fn content(&self, id: FileId) -> Option<&[u8]> {
        self.files.get(&id).map(|file| file.content.current())
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.directory.names()
    }

    pub(crate) fn used(&self) -> usize {
        self.files
            .values()
            .map(|file| file.content.current().len())
            .sum()
    }

    pub(crate) fn unsynced(&self) -> usize {
        let in_files: usize = self
            .files
            .values()
            .map(|file| file.content.unsynced())
            .sum();
        in_files + self.directory.unsynced()
    }
}

/// Nobody hears of success from the operation during which the power went.
fn hear(moment: Moment) -> Result<(), Failure> {
    match moment {
        Moment::Usual => Ok(()),
        Moment::Last => Err(Failure::Io),
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREATE: Creation = Creation {
        create: true,
        exclusive: false,
    };
    const OPEN: Creation = Creation {
        create: false,
        exclusive: false,
    };

    fn after(storage: &Storage, policy: Policy) -> Storage {
        storage.after_cut(policy, &mut Rng::new(1))
    }

    #[test]
    fn a_file_needs_its_bytes_and_its_name_synced() {
        let mut storage = Storage::default();
        let id = storage.open(Some("/d/wal"), &CREATE).unwrap();
        storage.write(id, 0, b"abc").unwrap();
        storage.sync(id, None).unwrap();
        assert!(after(&storage, Policy::ForgetAll).names().is_empty());
        storage.sync(id, Some("/d/wal")).unwrap();
        let kept = after(&storage, Policy::ForgetAll);
        assert_eq!(
            kept.content(kept.find("/d/wal").unwrap()),
            Some(&b"abc"[..])
        );
        assert_eq!(kept.unsynced(), 0);
    }

    #[test]
    fn a_deleted_file_lives_on_for_its_handle_and_then_goes() {
        let mut storage = Storage::default();
        let id = storage.open(Some("x"), &CREATE).unwrap();
        storage.write(id, 0, b"abc").unwrap();
        assert_eq!(storage.delete("x", true), Ok(true));
        assert_eq!(storage.delete("x", true), Ok(false));
        assert_eq!(storage.len(id), 3);
        assert!(storage.open(Some("x"), &OPEN).is_err());
        storage.close(id);
        assert_eq!(storage.used(), 0);
    }

    #[test]
    fn a_synchronous_directory_keeps_names_at_once() {
        let mut storage = Storage::default();
        storage.device.synchronous_directory = true;
        storage.open(Some("x"), &CREATE).unwrap();
        assert_eq!(after(&storage, Policy::ForgetAll).names(), ["x"]);
        storage.delete("x", false).unwrap();
        assert!(after(&storage, Policy::ForgetAll).names().is_empty());
    }

    #[test]
    fn a_full_disk_refuses_growth_and_nothing_else() {
        let mut storage = Storage::default();
        storage.device.capacity = Some(4);
        let id = storage.open(Some("x"), &CREATE).unwrap();
        storage.write(id, 0, b"abcd").unwrap();
        assert_eq!(storage.write(id, 4, b"e"), Err(Failure::NoSpace));
        assert_eq!(storage.write(id, 0, b"wxyz"), Ok(()));
        storage.truncate(id, 0).unwrap();
        assert_eq!(storage.write(id, 0, b"ab"), Ok(()));
    }

    #[test]
    fn the_operation_under_way_at_the_cut_is_neither_safe_nor_confirmed() {
        let mut storage = Storage::default();
        let id = storage.open(Some("x"), &CREATE).unwrap();
        storage.sync(id, Some("x")).unwrap();
        storage.faults.cut_at(1);
        assert_eq!(storage.write(id, 0, b"abc"), Err(Failure::Io));
        assert_eq!(storage.sync(id, None), Err(Failure::Io));
        assert_eq!(after(&storage, Policy::ForgetAll).used(), 0);
        assert_eq!(after(&storage, Policy::KeepAll).used(), 3);
    }

    #[test]
    fn a_forgetful_sync_error_leaves_bytes_that_no_later_sync_saves() {
        let mut storage = Storage::default();
        storage.device.forgetful_sync_error = true;
        let id = storage.open(Some("x"), &CREATE).unwrap();
        storage.sync(id, Some("x")).unwrap();
        storage.write(id, 0, b"abc").unwrap();
        storage.faults.fail(Op::Sync, 1, false, Failure::Io);
        assert_eq!(storage.sync(id, None), Err(Failure::Io));
        assert_eq!(storage.sync(id, None), Ok(()));
        assert_eq!(storage.content(id), Some(&b"abc"[..]));
        assert_eq!(after(&storage, Policy::ForgetAll).used(), 0);
    }
}
