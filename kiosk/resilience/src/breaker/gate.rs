//! What callers touch without the lock.
//!
//! Admission while closed is one load and one addition. A plain success needs no more: as long as
//! a success can change nothing but counts (the breaker is *calm*, see `Core::is_calm`), successes
//! are tallied aside, in one of a few lanes, and every change under the lock begins by closing the
//! lanes and folding what is in them. The order among successes means nothing, so folding them
//! later is the same as having booked them one by one.
//!
//! A lane is one word: a tag that is never used twice, and a count. The tag stands for everything
//! that was checked (generation, bucket, slow limit): whoever changes one of these closes the lanes
//! first, so a tally that was checked against the old values finds another tag and goes to the
//! lock. A tag of zero is a closed lane.

use std::ops::Range;
use std::time::Duration;

use super::core::{Core, Pass};
use super::rejected::{RejectReason, Rejected};
use super::{Causes, State};
use crate::moment::{Moment, nanos};
use crate::sync::{AtomicU64, LANES, Ordering, OwnLane, own_lane};

const STATE_BITS: u32 = 3;
const CAUSE_BITS: u32 = 14;
/// The code of a closed breaker that does not pass everything yet.
const RAMPING: u64 = 6;
/// The codes of the states that pass every call, as bits.
const PASSING: u64 =
    (1 << State::Closed.code()) | (1 << State::Disabled.code()) | (1 << State::MetricsOnly.code());
const COUNT_BITS: u32 = 24;
const COUNT_MASK: u64 = (1 << COUNT_BITS) - 1;
/// How often a tally is tried again when another thread was in the same lane.
const TRIES: u32 = 8;

/// Generation, causes and state in one word, so that they are never seen apart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word(u64);

impl Word {
    pub(super) fn of(core: &Core) -> Self {
        let causes = u64::from(core.causes.bits());
        let generation = core.generation << (STATE_BITS + CAUSE_BITS);
        let state = if core.ramp.is_some() {
            RAMPING
        } else {
            core.state.code()
        };
        Self(generation | causes << STATE_BITS | state)
    }

    /// Closed while ramping, too.
    pub(super) const fn state(self) -> State {
        State::from_code(self.code())
    }

    const fn passes(self) -> bool {
        PASSING & (1 << self.code()) != 0
    }

    const fn code(self) -> u64 {
        self.0 & ((1 << STATE_BITS) - 1)
    }

    const fn causes(self) -> Causes {
        Causes::from_bits((self.0 >> STATE_BITS & ((1 << CAUSE_BITS) - 1)) as u16)
    }

    const fn generation(self) -> u64 {
        self.0 >> (STATE_BITS + CAUSE_BITS)
    }
}

/// What makes a [`Rejected`], in as many registers, so that it is built where it is wanted and not
/// copied there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refusal {
    word: Word,
    reason: RejectReason,
    /// Nanoseconds; without meaning where no time ends it.
    rest: u64,
}

impl From<Refusal> for Rejected {
    #[inline]
    fn from(refusal: Refusal) -> Self {
        let known = matches!(
            refusal.reason,
            RejectReason::Open | RejectReason::ProbesBusy
        );
        Self {
            state: refusal.word.state(),
            retry_in: known.then(|| Duration::from_nanos(refusal.rest)),
            reason: refusal.reason,
            causes: refusal.word.causes(),
        }
    }
}

/// One more in a lane. Where nobody else writes, no other core has to be asked.
#[inline]
fn count(counter: &AtomicU64, own: OwnLane) {
    if own.is_sole() {
        let counted = counter.load(Ordering::Relaxed);
        counter.store(counted.wrapping_add(1), Ordering::Relaxed);
    } else {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(super) struct Gate {
    word: AtomicU64,
    /// When an open breaker admits a probe, and where its wait began. Written before the word.
    due: AtomicU64,
    waits_from: AtomicU64,
    /// From where to where the newest bucket takes outcomes, and the longest time that is not slow:
    /// for tallies aside.
    begins: AtomicU64,
    ends: AtomicU64,
    slow_after: AtomicU64,
    lanes: [Lane; LANES],
}

/// A cache line (two, as they are fetched in pairs) of its own, so that threads do not disturb each
/// other.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    started: AtomicU64,
    rejected: AtomicU64,
    aside: AtomicU64,
}

impl Gate {
    pub(super) fn new(core: &Core) -> Self {
        Self {
            word: AtomicU64::new(Word::of(core).0),
            due: AtomicU64::new(core.due.as_nanos()),
            waits_from: AtomicU64::new(core.waits_from.as_nanos()),
            begins: AtomicU64::new(0),
            ends: AtomicU64::new(0),
            slow_after: AtomicU64::new(0),
            lanes: std::array::from_fn(|_| Lane {
                started: AtomicU64::new(0),
                rejected: AtomicU64::new(0),
                aside: AtomicU64::new(0),
            }),
        }
    }

    #[inline]
    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    /// A permit or a refusal, if that takes no more than a look.
    #[inline]
    pub(super) fn pass(&self, now: Moment) -> Option<Result<Pass, Refusal>> {
        let word = self.word();
        if word.passes() {
            let (generation, lane) = (word.generation(), self.count_start());
            return Some(Ok(Pass {
                generation,
                taken_at: now,
                lane,
                probe: None,
            }));
        }
        match word.state() {
            State::Open => {
                let due = self.due.load(Ordering::Acquire);
                (now.as_nanos() < due).then(|| Err(self.open_refusal(now, word, due)))
            }
            State::ForcedOpen => Some(Err(self.forced_refusal(word))),
            _ => None,
        }
    }

    #[inline]
    pub(super) fn count_start(&self) -> usize {
        let own = own_lane();
        let lane = own.index() % LANES;
        count(&self.lanes[lane].started, own);
        lane
    }

    #[inline]
    pub(super) fn open_refusal(&self, now: Moment, word: Word, due: u64) -> Refusal {
        // A clock that stepped back never shows more than the whole wait.
        let since = self.waits_from.load(Ordering::Acquire);
        self.refusal(
            word,
            RejectReason::Open,
            due.saturating_sub(now.as_nanos().max(since)),
        )
    }

    #[inline]
    pub(super) fn forced_refusal(&self, word: Word) -> Refusal {
        self.refusal(word, RejectReason::ForcedOpen, 0)
    }

    #[inline]
    pub(super) fn refusal(&self, word: Word, reason: RejectReason, rest: u64) -> Refusal {
        let own = own_lane();
        count(&self.lanes[own.index() % LANES].rejected, own);
        Refusal { word, reason, rest }
    }

    /// When an open breaker admits a probe.
    pub(super) fn due(&self) -> u64 {
        self.due.load(Ordering::Acquire)
    }

    /// Books a plain success without the lock, if that is all it takes.
    #[inline]
    pub(super) fn tally_aside(&self, pass: &Pass, now: Moment, timed: bool) -> bool {
        let aside = &self.lanes[pass.lane % LANES].aside;
        for _ in 0..TRIES {
            // The tag is read first: what is read after it is at least as new.
            let seen = aside.load(Ordering::Acquire);
            let open = seen >> COUNT_BITS != 0 && seen & COUNT_MASK != COUNT_MASK;
            if !open
                || self.word().generation() != pass.generation
                || now.as_nanos() < self.begins.load(Ordering::Acquire)
                || now.as_nanos() >= self.ends.load(Ordering::Acquire)
                || timed && self.is_slow(pass, now)
            {
                return false;
            }
            let tallied =
                aside.compare_exchange(seen, seen + 1, Ordering::AcqRel, Ordering::Relaxed);
            if tallied.is_ok() {
                return true;
            }
        }
        false
    }

    #[inline]
    fn is_slow(&self, pass: &Pass, now: Moment) -> bool {
        let took = now.as_nanos().saturating_sub(pass.taken_at.as_nanos());
        took > self.slow_after.load(Ordering::Acquire)
    }

    /// Ends tallying aside and says how many successes there were. With the lock only.
    pub(super) fn close_lanes(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| lane.aside.swap(0, Ordering::AcqRel) & COUNT_MASK)
            .sum()
    }

    /// Begins tallying aside, under a tag that was never used. With the lock only.
    pub(super) fn open_lanes(
        &self,
        tag: u64,
        within: &Range<Moment>,
        slow_after: Option<Duration>,
    ) {
        self.begins
            .store(within.start.as_nanos(), Ordering::Release);
        self.ends.store(within.end.as_nanos(), Ordering::Release);
        self.slow_after
            .store(slow_after.map_or(u64::MAX, nanos), Ordering::Release);
        for lane in &self.lanes {
            lane.aside.store(tag << COUNT_BITS, Ordering::Release);
        }
    }

    /// Shows callers what became of the breaker; says whether the generation is another. With the lock
    /// and closed lanes only.
    pub(super) fn publish(&self, core: &Core) -> bool {
        self.waits_from
            .store(core.waits_from.as_nanos(), Ordering::Release);
        self.due.store(core.due.as_nanos(), Ordering::Release);
        let before = Word(self.word.swap(Word::of(core).0, Ordering::AcqRel));
        before.generation() != core.generation
    }

    pub(super) fn rejected(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| lane.rejected.load(Ordering::Relaxed))
            .sum()
    }

    /// Permits ever given out.
    pub(super) fn started(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| lane.started.load(Ordering::Relaxed))
            .sum()
    }
}
