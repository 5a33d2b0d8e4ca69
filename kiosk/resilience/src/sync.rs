//! The only names of shared memory in this crate, so that the interleaving tests can put a model
//! checker's in their place.

use std::cell::Cell;

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Into how many lanes threads are spread.
pub(crate) const LANES: usize = 4;

/// The lane that all threads share for which none is left.
const COMMON: u8 = 3;
/// No lane was chosen yet.
const NONE: u8 = u8::MAX;

/// The lanes that belong to nobody, as bits.
static FREE: AtomicU64 = AtomicU64::new((1 << COMMON) - 1);

thread_local! {
    static OWN_LANE: Cell<u8> = const { Cell::new(NONE) };
    static HELD: Held = const { Held(Cell::new(COMMON)) };
}

/// The lane of a thread: its alone as long as it lives, if one was left when it asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnLane(u8);

impl OwnLane {
    #[inline]
    pub(crate) const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether no other thread counts in this lane.
    #[inline]
    pub(crate) const fn is_sole(self) -> bool {
        self.0 < COMMON
    }
}

/// The lane of this thread.
#[inline]
pub(crate) fn own_lane() -> OwnLane {
    match OWN_LANE.get() {
        NONE => choose_lane(),
        lane => OwnLane(lane),
    }
}

#[cold]
fn choose_lane() -> OwnLane {
    let taken = FREE.fetch_update(Ordering::AcqRel, Ordering::Acquire, |free| {
        (free != 0).then(|| free & (free - 1))
    });
    let lane = taken.map_or(COMMON, first);
    // Whoever can't give a lane back must not have one: the thread is ending.
    let lane = match HELD.try_with(|held| held.0.set(lane)) {
        Ok(()) => lane,
        Err(_) => {
            give_back(lane);
            COMMON
        }
    };
    OWN_LANE.set(lane);
    OwnLane(lane)
}

/// The lowest of the lanes.
#[expect(clippy::cast_possible_truncation, reason = "below 64")]
const fn first(free: u64) -> u8 {
    free.trailing_zeros() as u8
}

fn give_back(lane: u8) {
    if lane < COMMON {
        // What this thread counted is seen by whoever takes the lane.
        FREE.fetch_or(1 << lane, Ordering::Release);
    }
}

/// Gives the lane back when its thread ends.
struct Held(Cell<u8>);

impl Drop for Held {
    fn drop(&mut self) {
        // Whatever this thread still counts must not meet the next owner.
        OWN_LANE.set(COMMON);
        give_back(self.0.get());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_living_threads_own_a_lane_and_what_ends_gives_it_back() {
        use std::sync::Barrier;
        for _ in 0..20 {
            let together = Barrier::new(8);
            let lanes: Vec<_> = std::thread::scope(|scope| {
                let threads: Vec<_> = (0..8)
                    .map(|_| {
                        scope.spawn(|| {
                            let lane = own_lane();
                            together.wait();
                            lane
                        })
                    })
                    .collect();
                let ended = threads
                    .into_iter()
                    .map(|thread| thread.join().expect("no panic"));
                ended.collect()
            });
            let mut sole: Vec<_> = lanes
                .iter()
                .filter(|lane| lane.is_sole())
                .map(|lane| lane.0)
                .collect();
            let all = sole.len();
            sole.sort_unstable();
            sole.dedup();
            assert_eq!(sole.len(), all, "{lanes:?}");
            assert!(all > 0, "lanes come back");
        }
    }
}
