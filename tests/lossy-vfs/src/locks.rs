//! SQLite's five file locks and the eight locks of its shared memory, among the connections of this
//! process. Nobody waits here: who is refused comes again by SQLite's own busy handling.

use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct HandleId(pub(crate) u64);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    None,
    Shared,
    Reserved,
    Pending,
    Exclusive,
}

#[derive(Debug, Default)]
pub(crate) struct FileLocks(BTreeMap<HandleId, Level>);

impl FileLocks {
    fn highest_of_others(&self, who: HandleId) -> Level {
        let others = self.0.iter().filter(|(id, _)| **id != who);
        others.map(|(_, level)| *level).max().unwrap_or(Level::None)
    }

    pub(crate) fn lock(&mut self, who: HandleId, level: Level) -> Result<(), Busy> {
        let held = self.0.get(&who).copied().unwrap_or(Level::None);
        if held >= level {
            return Ok(());
        }
        let others = self.highest_of_others(who);
        let free = match level {
            Level::None => true,
            Level::Shared => others < Level::Pending,
            Level::Reserved | Level::Pending | Level::Exclusive => others < Level::Reserved,
        };
        if !free {
            return Err(Busy);
        }
        if level == Level::Exclusive && others > Level::None {
            // Keeps new readers out, so that the writer gets its turn once the present ones leave.
            self.0.insert(who, Level::Pending);
            return Err(Busy);
        }
        self.0.insert(who, level);
        Ok(())
    }

    pub(crate) fn unlock(&mut self, who: HandleId, level: Level) {
        let held = self.0.remove(&who).unwrap_or(Level::None);
        if level != Level::None {
            self.0.insert(who, level.min(held));
        }
    }

    pub(crate) fn is_reserved(&self) -> bool {
        self.0.values().any(|level| *level >= Level::Reserved)
    }
}

/// As SQLITE_SHM_NLOCK.
pub(crate) const SLOTS: usize = 8;

#[derive(Debug, Default)]
struct Slot {
    exclusive: Option<HandleId>,
    shared: BTreeSet<HandleId>,
}

#[derive(Debug, Default)]
pub(crate) struct SlotLocks([Slot; SLOTS]);

impl SlotLocks {
    /// Takes slots `first .. first + count`, or none of them.
    pub(crate) fn lock(
        &mut self,
        who: HandleId,
        first: usize,
        count: usize,
        exclusive: bool,
    ) -> Result<(), Busy> {
        let slots = self.0.get_mut(first..first + count).ok_or(Busy)?;
        let taken = slots.iter().any(|slot| {
            slot.exclusive.is_some_and(|id| id != who)
                || exclusive && slot.shared.iter().any(|id| *id != who)
        });
        if taken {
            return Err(Busy);
        }
        for slot in slots {
            if exclusive {
                slot.exclusive = Some(who);
            } else {
                slot.shared.insert(who);
            }
        }
        Ok(())
    }

    pub(crate) fn unlock(&mut self, who: HandleId, first: usize, count: usize) {
        for slot in self.0.iter_mut().skip(first).take(count) {
            slot.exclusive = slot.exclusive.filter(|id| *id != who);
            slot.shared.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: HandleId = HandleId(1);
    const B: HandleId = HandleId(2);

    #[test]
    fn one_writer_reserves_while_readers_read() {
        let mut locks = FileLocks::default();
        assert_eq!(locks.lock(A, Level::Shared), Ok(()));
        assert_eq!(locks.lock(B, Level::Shared), Ok(()));
        assert_eq!(locks.lock(A, Level::Reserved), Ok(()));
        assert!(locks.is_reserved());
        assert_eq!(locks.lock(B, Level::Reserved), Err(Busy));
    }

    #[test]
    fn a_waiting_writer_keeps_new_readers_out_and_gets_its_turn() {
        let mut locks = FileLocks::default();
        locks.lock(A, Level::Shared).unwrap();
        locks.lock(B, Level::Shared).unwrap();
        assert_eq!(locks.lock(A, Level::Exclusive), Err(Busy));
        assert_eq!(locks.lock(HandleId(3), Level::Shared), Err(Busy));
        locks.unlock(B, Level::None);
        assert_eq!(locks.lock(A, Level::Exclusive), Ok(()));
        locks.unlock(A, Level::Shared);
        assert_eq!(locks.lock(B, Level::Shared), Ok(()));
    }

    #[test]
    fn slots_are_taken_together_or_not_at_all() {
        let mut slots = SlotLocks::default();
        assert_eq!(slots.lock(A, 3, 1, false), Ok(()));
        assert_eq!(slots.lock(B, 3, 1, false), Ok(()));
        assert_eq!(slots.lock(A, 2, 2, true), Err(Busy));
        assert_eq!(slots.lock(B, 2, 1, true), Ok(()));
        slots.unlock(B, 2, 2);
        assert_eq!(slots.lock(A, 2, 2, true), Ok(()));
        assert_eq!(slots.lock(B, 3, 1, false), Err(Busy));
        assert_eq!(slots.lock(A, 7, 2, true), Err(Busy));
    }
}
