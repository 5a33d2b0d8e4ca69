//! What a breaker remembers: counts over a time window or over the last calls.
//!
//! Both cost the same for one call as for a million: a window keeps a running total, and what
//! leaves it is subtracted bucket by bucket.

use super::Counts;
use super::settings::{CallRule, Window};
use crate::moment::{Moment, nanos};

/// Whether a call failed and whether it was slow.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) failed: bool,
    pub(super) slow: bool,
}

impl Counts {
    pub(super) fn add(&mut self, tally: Tally) {
        self.calls += 1;
        self.failures += u64::from(tally.failed);
        self.slow += u64::from(tally.slow);
    }

    fn remove(&mut self, other: Self) {
        self.calls -= other.calls;
        self.failures -= other.failures;
        self.slow -= other.slow;
    }

    fn merge(&mut self, other: Self) {
        self.calls += other.calls;
        self.failures += other.failures;
        self.slow += other.slow;
    }
}

/// Counts over a span of time.
///
/// Bucket `k` covers the nanoseconds `[k × span / n, (k + 1) × span / n)` after the anchor, kept as
/// exact fractions, so that what happened at the anchor leaves after exactly one span whatever
/// `n` is.
#[derive(Debug)]
pub(super) struct TimeWindow {
    window: Window,
    span: u64,
    anchor: u64,
    /// The number of the newest bucket, and its place in the ring.
    head: u128,
    place: usize,
    /// Where the newest bucket ends.
    ends: u64,
    total: Counts,
    ring: Box<[Counts]>,
    /// Outcomes in a row that ended a whole span or more before the newest bucket.
    strays: u8,
}

/// So many outcomes in a row from before everything that the window can hold: one or two may be
/// threads that slept between reading the clock and telling; more than that, with none in the
/// present among them, and it is the window that lies in the future.
const STRAYED: u8 = 3;

impl TimeWindow {
    pub(super) fn new(window: Window, now: Moment) -> Self {
        let (span, buckets) = match window {
            Window::Rolling { span, buckets } => (nanos(span), buckets as usize),
            Window::Fixed { span } => (nanos(span), 1),
        };
        let mut fresh = Self {
            window,
            span,
            anchor: now.as_nanos(),
            head: 0,
            place: 0,
            ends: 0,
            total: Counts::default(),
            ring: vec![Counts::default(); buckets].into_boxed_slice(),
            strays: 0,
        };
        fresh.ends = fresh.end_of(0);
        fresh
    }

    pub(super) const fn total(&self) -> Counts {
        self.total
    }

    pub(super) fn clear(&mut self, now: Moment) {
        self.ring.fill(Counts::default());
        self.total = Counts::default();
        self.anchor = now.as_nanos();
        self.head = 0;
        self.ends = self.end_of(0);
        self.strays = 0;
    }

    /// Follows a clock that went back, if this outcome is the last that it takes to believe it. What
    /// the window holds then counts as of `now`: nothing is lost, and nothing stays for longer than
    /// a span from here. Otherwise a single reading far ahead would hold its bucket until then.
    pub(super) fn follow(&mut self, now: Moment) {
        if now >= self.reaches_back_to() {
            self.strays = 0;
            return;
        }
        self.strays += 1;
        if self.strays < STRAYED {
            return;
        }
        let held = self.total;
        self.clear(now);
        self.ring[self.place] = held;
        self.total = held;
    }

    /// Whether the last outcome ended where this window expects outcomes to end.
    pub(super) const fn is_followed(&self) -> bool {
        self.strays == 0
    }

    /// An outcome of before this instant is a stray.
    pub(super) fn reaches_back_to(&self) -> Moment {
        Moment::from_nanos(self.start_of(self.head).saturating_sub(self.span))
    }

    /// Books a call that ended at the `now` of the last [`advance`](Self::advance).
    pub(super) fn book(&mut self, tally: Tally) {
        self.ring[self.place].add(tally);
        self.total.add(tally);
    }

    /// Books successes in the newest bucket.
    pub(super) fn book_successes(&mut self, successes: u64) {
        self.ring[self.place].calls += successes;
        self.total.calls += successes;
    }

    pub(super) const fn bucket_ends(&self) -> Moment {
        Moment::from_nanos(self.ends)
    }

    /// Forgets what is too old at `now`; says whether a new bucket began. A `now` before the newest
    /// bucket belongs to that bucket.
    pub(super) fn advance(&mut self, now: Moment) -> bool {
        let rolls = now.as_nanos() >= self.ends || self.total.calls == 0;
        if rolls {
            self.roll(now);
        }
        rolls
    }

    #[cold]
    fn roll(&mut self, now: Moment) {
        let wanted = self.number_at(now);
        if wanted > self.head {
            let steps = usize::try_from(wanted - self.head).unwrap_or(usize::MAX);
            for _ in 0..steps.min(self.ring.len()) {
                self.place = (self.place + 1) % self.ring.len();
                let gone = std::mem::take(&mut self.ring[self.place]);
                self.total.remove(gone);
            }
            self.head = wanted;
            self.ends = self.end_of(wanted);
        }
        // An empty window begins with its first call: what came first stays for exactly one span.
        if self.total.calls == 0 && matches!(self.window, Window::Rolling { .. }) {
            self.anchor = now.as_nanos();
            self.head = 0;
            self.ends = self.end_of(0);
        }
    }

    /// Whether a call that began then belongs to a span that is over (fixed windows only).
    pub(super) fn is_over_for(&self, began: Moment) -> bool {
        matches!(self.window, Window::Fixed { .. }) && self.number_at(began) < self.head
    }

    /// The counts as they are at `now`, without forgetting anything.
    pub(super) fn at(&self, now: Moment) -> Counts {
        let steps = self.number_at(now).saturating_sub(self.head);
        let mut left = self.total;
        if steps >= self.ring.len() as u128 {
            return Counts::default();
        }
        for step in 1..=self.ring.len() {
            if (step as u128) > steps {
                break;
            }
            left.remove(self.ring[(self.place + step) % self.ring.len()]);
        }
        left
    }

    /// A window of the new shape holding what it can of this one, and whether the two are of a kind;
    /// the other kind begins empty.
    ///
    /// What a bucket holds goes where the bucket began. So nothing is remembered for longer than the
    /// new span, and it is forgotten early by at most the width of an old bucket; not at all where
    /// the new buckets are as wide or a multiple.
    pub(super) fn reshaped(&self, window: Window, now: Moment) -> (Self, bool) {
        let mut fresh = Self::new(window, now);
        let alike = matches!(
            (self.window, window),
            (Window::Rolling { .. }, Window::Rolling { .. })
                | (Window::Fixed { .. }, Window::Fixed { .. })
        );
        if !alike {
            return (fresh, false);
        }
        let narrow = u128::from(self.span) * fresh.ring.len() as u128;
        let wide = u128::from(fresh.span) * self.ring.len() as u128;
        let moved = |number: u128| number.saturating_mul(narrow) / wide;
        fresh.anchor = self.anchor;
        fresh.head = moved(self.head);
        fresh.ends = fresh.end_of(fresh.head);
        for back in 0..self.ring.len() {
            let Some(number) = self.head.checked_sub(back as u128) else {
                break;
            };
            let fresh_back = fresh.head - moved(number);
            if fresh_back >= fresh.ring.len() as u128 {
                break;
            }
            let place = (fresh.ring.len() as u128 - fresh_back) % fresh.ring.len() as u128;
            let old = self.ring[(self.place + self.ring.len() - back) % self.ring.len()];
            fresh.ring[usize::try_from(place).unwrap_or(0)].merge(old);
            fresh.total.merge(old);
        }
        fresh.advance(now);
        (fresh, true)
    }

    pub(super) const fn window(&self) -> Window {
        self.window
    }

    fn number_at(&self, now: Moment) -> u128 {
        let age = now.as_nanos().saturating_sub(self.anchor);
        u128::from(age) * self.ring.len() as u128 / u128::from(self.span)
    }

    fn end_of(&self, number: u128) -> u64 {
        self.start_of(number + 1)
    }

    fn start_of(&self, number: u128) -> u64 {
        let length = (number * u128::from(self.span)).div_ceil(self.ring.len() as u128);
        self.anchor
            .saturating_add(u64::try_from(length).unwrap_or(u64::MAX))
    }
}

/// Counts over the last so many calls.
#[derive(Debug)]
pub(super) struct LastCalls {
    ring: Box<[Tally]>,
    /// Where the next call goes, and how many there are.
    next: usize,
    length: usize,
    total: Counts,
}

impl LastCalls {
    pub(super) fn new(rule: CallRule) -> Self {
        Self {
            ring: vec![Tally::default(); rule.calls as usize].into_boxed_slice(),
            next: 0,
            length: 0,
            total: Counts::default(),
        }
    }

    pub(super) const fn total(&self) -> Counts {
        self.total
    }

    pub(super) const fn clear(&mut self) {
        self.next = 0;
        self.length = 0;
        self.total = Counts {
            calls: 0,
            failures: 0,
            slow: 0,
        };
    }

    pub(super) fn book(&mut self, tally: Tally) {
        if self.length == self.ring.len() {
            let gone = self.ring[self.next];
            let mut counts = Counts::default();
            counts.add(gone);
            self.total.remove(counts);
        } else {
            self.length += 1;
        }
        self.ring[self.next] = tally;
        self.total.add(tally);
        self.next += 1;
        if self.next == self.ring.len() {
            self.next = 0;
        }
    }

    pub(super) fn book_successes(&mut self, successes: u64) {
        let length = self.ring.len();
        for _ in 0..usize::try_from(successes).unwrap_or(length).min(length) {
            self.book(Tally::default());
        }
    }

    pub(super) fn holds(&self, rule: CallRule) -> bool {
        self.ring.len() == rule.calls as usize
    }

    /// A window of the new length holding the newest calls of this one.
    pub(super) fn reshaped(&self, rule: CallRule) -> Self {
        let mut fresh = Self::new(rule);
        let kept = self.length.min(fresh.ring.len());
        for back in (1..=kept).rev() {
            fresh.book(self.ring[(self.next + self.ring.len() - back) % self.ring.len()]);
        }
        fresh
    }
}
