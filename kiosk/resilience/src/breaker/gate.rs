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

use std::time::Duration;

use super::core::{Core, Pass, Verdicted};
use super::rejected::{RejectReason, Rejected};
use super::{Causes, Outcome, State};
use crate::moment::{Moment, nanos};
use crate::sync::{AtomicU64, LANES, Ordering, own_lane};

const STATE_BITS: u32 = 3;
const CAUSE_BITS: u32 = 13;
/// The code of a closed breaker that does not pass everything yet.
const RAMPING: u64 = 6;
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

    const fn is_ramping(self) -> bool {
        self.code() == RAMPING
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

#[derive(Debug)]
pub(super) struct Gate {
    word: AtomicU64,
    /// When an open breaker admits a probe, and since when it is open. Written before the word.
    due: AtomicU64,
    since: AtomicU64,
    /// When the newest bucket ends, and the longest time that is not slow: for tallies aside.
    ends: AtomicU64,
    slow_after: AtomicU64,
    rejected: AtomicU64,
    lanes: [Lane; LANES],
}

/// A cache line (two, as they are fetched in pairs) of its own, so that threads do not disturb each
/// other.
#[derive(Debug)]
#[repr(align(128))]
struct Lane {
    started: AtomicU64,
    aside: AtomicU64,
}

/// What the gate alone can say to a caller.
pub(super) enum Quick {
    Pass(Pass),
    Refuse(Rejected),
    AskCore,
}

impl Gate {
    pub(super) fn new(core: &Core) -> Self {
        Self {
            word: AtomicU64::new(Word::of(core).0),
            due: AtomicU64::new(core.due.as_nanos()),
            since: AtomicU64::new(core.since.as_nanos()),
            ends: AtomicU64::new(0),
            slow_after: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            lanes: std::array::from_fn(|_| Lane {
                started: AtomicU64::new(0),
                aside: AtomicU64::new(0),
            }),
        }
    }

    pub(super) fn word(&self) -> Word {
        Word(self.word.load(Ordering::Acquire))
    }

    #[inline]
    pub(super) fn ask(&self, now: Moment) -> Quick {
        let word = self.word();
        match word.state() {
            State::Closed if word.is_ramping() => Quick::AskCore,
            State::Closed | State::Disabled | State::MetricsOnly => {
                Quick::Pass(self.start(word.generation(), now))
            }
            State::Open if now.as_nanos() < self.due.load(Ordering::Acquire) => {
                Quick::Refuse(self.refuse_open(now, word))
            }
            State::ForcedOpen => Quick::Refuse(self.refuse(RejectReason::ForcedOpen, None, word)),
            State::Open | State::HalfOpen => Quick::AskCore,
        }
    }

    #[inline]
    fn start(&self, generation: u64, now: Moment) -> Pass {
        let lane = own_lane();
        self.lanes[lane % LANES]
            .started
            .fetch_add(1, Ordering::Relaxed);
        Pass {
            generation,
            taken_at: now,
            lane,
            probe: None,
        }
    }

    pub(super) fn count_start(&self) -> usize {
        let lane = own_lane();
        self.lanes[lane % LANES]
            .started
            .fetch_add(1, Ordering::Relaxed);
        lane
    }

    pub(super) fn refuse_open(&self, now: Moment, word: Word) -> Rejected {
        let due = Moment::from_nanos(self.due.load(Ordering::Acquire));
        // A clock that stepped back never shows more than the whole wait.
        let since = Moment::from_nanos(self.since.load(Ordering::Acquire));
        self.refuse(RejectReason::Open, Some(due.since(now.max(since))), word)
    }

    #[inline]
    pub(super) fn refuse(
        &self,
        reason: RejectReason,
        retry_in: Option<Duration>,
        word: Word,
    ) -> Rejected {
        self.rejected.fetch_add(1, Ordering::Relaxed);
        Rejected {
            state: word.state(),
            retry_in,
            reason,
            causes: word.causes(),
        }
    }

    /// Books a plain success without the lock, if that is all it takes.
    #[inline]
    pub(super) fn tally_aside(&self, pass: &Pass, now: Moment, said: &Verdicted) -> bool {
        if said.outcome != Outcome::Ok || said.pause.is_some() || pass.probe.is_some() {
            return false;
        }
        let aside = &self.lanes[pass.lane % LANES].aside;
        for _ in 0..TRIES {
            // The tag is read first: what is read after it is at least as new.
            let seen = aside.load(Ordering::Acquire);
            let open = seen >> COUNT_BITS != 0 && seen & COUNT_MASK != COUNT_MASK;
            if !open
                || self.word().generation() != pass.generation
                || now.as_nanos() >= self.ends.load(Ordering::Acquire)
                || said.timed && self.is_slow(pass, now)
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
    pub(super) fn open_lanes(&self, tag: u64, ends: Moment, slow_after: Option<Duration>) {
        self.ends.store(ends.as_nanos(), Ordering::Release);
        self.slow_after
            .store(slow_after.map_or(u64::MAX, nanos), Ordering::Release);
        for lane in &self.lanes {
            lane.aside.store(tag << COUNT_BITS, Ordering::Release);
        }
    }

    /// Shows callers what became of the breaker; says whether the generation is another. With the lock
    /// and closed lanes only.
    pub(super) fn publish(&self, core: &Core) -> bool {
        self.since.store(core.since.as_nanos(), Ordering::Release);
        self.due.store(core.due.as_nanos(), Ordering::Release);
        let before = Word(self.word.swap(Word::of(core).0, Ordering::AcqRel));
        before.generation() != core.generation
    }

    pub(super) fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Permits ever given out.
    pub(super) fn started(&self) -> u64 {
        self.lanes
            .iter()
            .map(|lane| lane.started.load(Ordering::Relaxed))
            .sum()
    }
}
