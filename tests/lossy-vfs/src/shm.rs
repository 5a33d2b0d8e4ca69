//! The shared memory of WAL mode. It belongs to the running process alone: after a cut it is gone
//! and SQLite builds it anew from the WAL, as it does with a `-shm` file nobody has open.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use crate::locks::{HandleId, SlotLocks};

/// A region's words are atomics for their interior mutability: SQLite writes through the pointer
/// it is given, from several threads, by its own protocol of locks and barriers.
#[derive(Debug, Default)]
pub(crate) struct SharedMemory {
    regions: Vec<Box<[AtomicU64]>>,
    users: BTreeSet<HandleId>,
    pub(crate) locks: SlotLocks,
}

impl SharedMemory {
    /// Region `index`, at least `size` bytes of it, all of them made if `extend`. It stays where it
    /// is until its last user unmaps. None also where SQLite asks for another size than before.
    pub(crate) fn map(
        &mut self,
        who: HandleId,
        index: usize,
        size: usize,
        extend: bool,
    ) -> Option<&[AtomicU64]> {
        self.users.insert(who);
        let words = size.div_ceil(size_of::<AtomicU64>());
        while extend && self.regions.len() <= index {
            self.regions
                .push((0..words).map(|_| AtomicU64::new(0)).collect());
        }
        self.regions
            .get(index)
            .map(|region| &**region)
            .filter(|region| region.len() >= words)
    }

    pub(crate) fn unmap(&mut self, who: HandleId) {
        self.locks.unlock(who, 0, crate::locks::SLOTS);
        self.users.remove(&who);
        if self.users.is_empty() {
            self.regions.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HandleId = HandleId(1);
    const B: HandleId = HandleId(2);

    #[test]
    fn connections_share_regions_until_the_last_one_unmaps() {
        let mut memory = SharedMemory::default();
        assert!(memory.map(A, 0, 32768, false).is_none());
        let first = memory.map(A, 0, 32768, true).unwrap().as_ptr();
        assert_eq!(memory.map(B, 0, 32768, false).unwrap().as_ptr(), first);
        memory.unmap(A);
        assert_eq!(memory.map(B, 0, 32768, false).unwrap().as_ptr(), first);
        memory.unmap(B);
        assert!(memory.map(A, 0, 32768, false).is_none());
    }

    #[test]
    fn unmapping_gives_locks_back() {
        let mut memory = SharedMemory::default();
        memory.map(A, 0, 32768, true);
        memory.map(B, 0, 32768, true);
        memory.locks.lock(A, 0, 8, true).unwrap();
        memory.unmap(A);
        assert_eq!(memory.locks.lock(B, 0, 8, true), Ok(()));
    }
}
