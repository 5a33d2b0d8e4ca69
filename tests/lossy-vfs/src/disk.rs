use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::faults::{Failure, Op};
use crate::locks::HandleId;
use crate::rng::Rng;
use crate::storage::{Device, Storage};
use crate::vfs::Registration;

/// What a power cut leaves of the changes that were never synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// All of them: what `kill -9` leaves, since the operating system lives on.
    KeepAll,
    /// None of them. Needs no luck: a commit that skipped its sync is surely lost.
    ForgetAll,
    /// By seed, each is kept, dropped or torn into sectors old, new and garbage, in any order;
    /// created and removed names likewise are kept or not.
    Scramble,
}

/// One simulated disk, known to SQLite under [`Disk::vfs_name`] while it lives.
///
/// Connections may outlive it, and then keep their open files, but can open no more.
#[derive(Debug)]
pub struct Disk {
    registration: Registration,
    shared: Arc<Shared>,
}

/// What the disk and its open files hold together.
#[derive(Debug)]
pub(crate) struct Shared {
    seed: u64,
    rng: Mutex<Rng>,
    storage: RwLock<Storage>,
    next_handle: AtomicU64,
}

impl Shared {
    pub(crate) fn storage(&self) -> RwLockReadGuard<'_, Storage> {
        self.storage.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn storage_mut(&self) -> RwLockWriteGuard<'_, Storage> {
        self.storage.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn randomness(&self, bytes: &mut [u8]) {
        self.rng
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .fill(bytes);
    }

    pub(crate) fn new_handle(&self) -> HandleId {
        HandleId(self.next_handle.fetch_add(1, Ordering::Relaxed))
    }
}

impl Disk {
    /// An empty disk without limits. The seed goes into every random choice about it.
    #[must_use]
    pub fn new(seed: u64) -> Disk {
        Disk::holding(seed, Storage::default())
    }

    fn holding(seed: u64, storage: Storage) -> Disk {
        let shared = Arc::new(Shared {
            seed,
            rng: Mutex::new(Rng::new(seed)),
            storage: RwLock::new(storage),
            next_handle: AtomicU64::new(0),
        });
        Disk {
            registration: Registration::new(&shared),
            shared,
        }
    }

    /// For `Connection::open_with_flags_and_vfs`; no two disks of a process share a name.
    #[must_use]
    pub fn vfs_name(&self) -> &str {
        self.registration.name()
    }

    /// A second disk in the state of this one, unsynced changes included, without its faults.
    #[must_use]
    pub fn snapshot(&self) -> Disk {
        Disk::holding(self.shared.seed, self.shared.storage().snapshot())
    }

    /// A second disk, as this one would be found if the power went now, or as it was found when
    /// [`Disk::cut_at_operation`] took its effect. Of the same kind, without faults, counts at zero.
    #[must_use]
    pub fn power_cut(&self, seed: u64, policy: Policy) -> Disk {
        let mixed = self.shared.seed.rotate_left(32) ^ seed;
        let storage = self
            .shared
            .storage()
            .after_cut(policy, &mut Rng::new(mixed));
        Disk::holding(mixed, storage)
    }

    /// Cuts the power at the `n`-th operation from now (1 is the next), reads not counted. That
    /// operation may have begun its work, but fails; every later one fails too and changes nothing.
    pub fn cut_at_operation(&self, n: u64) {
        self.shared.storage_mut().faults.cut_at(n);
    }

    /// Whether the power has gone.
    #[must_use]
    pub fn is_off(&self) -> bool {
        self.shared.storage().faults.is_off()
    }

    /// Fails the `n`-th operation of this kind from now (1 is the next), and only that one.
    /// It has no effect, except as [`Disk::set_forgetful_sync_error`] says.
    pub fn fail_nth(&self, op: Op, n: u64, failure: Failure) {
        self.shared.storage_mut().faults.fail(op, n, false, failure);
    }

    /// Fails the `n`-th operation of this kind from now and all after it.
    pub fn fail_from(&self, op: Op, n: u64, failure: Failure) {
        self.shared.storage_mut().faults.fail(op, n, true, failure);
    }

    /// Takes back every failure and cut still to come. Power that has gone stays gone.
    pub fn heal(&self) {
        self.shared.storage_mut().faults.heal();
    }

    fn configure(&self, change: impl FnOnce(&mut Device)) {
        change(&mut self.shared.storage_mut().device);
    }

    /// Bytes the disk holds; writes that need more fail as "disk full".
    pub fn set_capacity(&self, bytes: Option<usize>) {
        self.configure(|device| device.capacity = bytes);
    }

    /// Whether the disk promises that a torn write leaves its neighbours in the sector alone, as
    /// SQLite takes for granted on Unix. Off at first. To be set before files are opened.
    pub fn set_powersafe_overwrite(&self, on: bool) {
        self.configure(|device| device.powersafe_overwrite = on);
    }

    /// Whether syncs report success and do nothing: the control for every other test.
    pub fn set_lying_sync(&self, on: bool) {
        self.configure(|device| device.lying_sync = on);
    }

    /// Whether an injected sync failure behaves as fsync does on Linux: reads go on to show the
    /// unsynced bytes, and no later sync makes them safe. Off, they stay unsynced until one does.
    pub fn set_forgetful_sync_error(&self, on: bool) {
        self.configure(|device| device.forgetful_sync_error = on);
    }

    /// Whether created and removed names are safe at once, as on a file system mounted `dirsync`.
    pub fn set_synchronous_directory(&self, on: bool) {
        self.configure(|device| device.synchronous_directory = on);
    }

    /// Operations asked for so far, reads not counted: the range for [`Disk::cut_at_operation`].
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.storage().faults.operations()
    }

    /// How often this operation was asked for so far, failures included.
    #[must_use]
    pub fn count(&self, op: Op) -> u64 {
        self.shared.storage().faults.count(op)
    }

    /// Changes to bytes and names that a cut could undo.
    #[must_use]
    pub fn unsynced(&self) -> usize {
        self.shared.storage().unsynced()
    }

    /// Bytes in use, as a program would see it.
    #[must_use]
    pub fn used(&self) -> usize {
        self.shared.storage().used()
    }

    /// Names of the files, as a program would see them.
    #[must_use]
    pub fn files(&self) -> Vec<String> {
        self.shared.storage().names()
    }

    /// Puts a whole file on the disk, safe at once, as from an image; in the place of what had its name.
    pub fn put(&self, name: &str, bytes: Vec<u8>) {
        self.shared.storage_mut().put(name, bytes);
    }

    /// The bytes of a file, as a program would see them.
    #[must_use]
    pub fn contents(&self, name: &str) -> Option<Vec<u8>> {
        let storage = self.shared.storage();
        let id = storage.find(name)?;
        storage.content(id).map(<[u8]>::to_vec)
    }
}
