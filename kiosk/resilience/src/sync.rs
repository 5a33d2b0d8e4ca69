//! The only names of shared memory in this crate, so that the interleaving tests can put a model
//! checker's in their place.

use std::cell::Cell;

pub(crate) use std::sync::atomic::{AtomicU64, Ordering};
pub(crate) use std::sync::{Mutex, MutexGuard};

/// Into how many lanes threads are spread.
pub(crate) const LANES: usize = 4;

static NEXT_LANE: AtomicU64 = AtomicU64::new(0);

thread_local! {
    static OWN_LANE: Cell<u8> = const { Cell::new(u8::MAX) };
}

/// The lane of this thread: given out in turn, kept for its life.
#[inline]
pub(crate) fn own_lane() -> usize {
    match OWN_LANE.get() {
        u8::MAX => choose_lane(),
        lane => lane.into(),
    }
}

#[cold]
#[expect(clippy::cast_possible_truncation, reason = "below LANES")]
fn choose_lane() -> usize {
    let lane = (NEXT_LANE.fetch_add(1, Ordering::Relaxed) % LANES as u64) as u8;
    OWN_LANE.set(lane);
    lane.into()
}
