//! What is durable of one journal: all up to a watermark, and spans beyond it. Pure.
//!
//! Every event is joined to its neighbours only if their chain hashes follow from each other. So
//! events of two forks of one history (a disk image that was rolled back, a clone) never end up
//! under one watermark, and an ack never confirms to one fork what only the other one delivered.

use cloud_sync_wire::ack::{RANGES_LIMIT, Range};
use cloud_sync_wire::chain::{Hash, chain_hash};

/// The most spans of one journal. A kiosk keeps a few batches on their way, so that far fewer can
/// come about; events that would make more wait until the gaps are filled.
pub(crate) const SPANS_LIMIT: usize = 1024;
/// What a span takes when packed.
const PACKED: usize = 8 + 8 + 32 * 3;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Coverage {
    /// All events up to this seq are durable.
    pub(crate) watermark: u64,
    /// The chain hash at the watermark.
    pub(crate) chain: Hash,
    /// What is durable beyond, in order.
    spans: Vec<Span>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    first: u64,
    last: u64,
    chain: Hash,
    /// Of the first event, so that it can be checked against its predecessor when that comes.
    first_chain: Hash,
    first_content: Hash,
}

/// Why an event can't be taken into the coverage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unplaced {
    #[error("its chain hash does not follow from the event before it")]
    Unlinked,
    #[error("too many gaps before it")]
    Scattered,
    #[error("events are missing before it, and this journal's history has forked")]
    Unsure,
}

impl Coverage {
    #[cfg(test)]
    pub(crate) fn start() -> Self {
        Self {
            watermark: 0,
            chain: Hash::START,
            spans: Vec::new(),
        }
    }

    pub(crate) fn covers(&self, seq: u64) -> bool {
        seq <= self.watermark
            || self
                .spans
                .iter()
                .any(|span| (span.first..=span.last).contains(&seq))
    }

    /// Whether all of `first..=last` are covered.
    pub(crate) fn covers_all(&self, first: u64, last: u64) -> bool {
        let mut next = first.max(self.watermark + 1);
        for span in &self.spans {
            if span.first <= next && next <= span.last {
                next = span.last + 1;
            }
        }
        next > last
    }

    /// What is missing of `1..=last`, at most so many stretches of it.
    pub(crate) fn gaps_until(&self, last: u64, most: usize) -> Vec<(u64, u64)> {
        let mut next = self.watermark + 1;
        let mut gaps = Vec::new();
        for span in &self.spans {
            if span.first > next {
                gaps.push((next, span.first - 1));
            }
            next = next.max(span.last + 1);
        }
        gaps.push((next, u64::MAX));
        let until = gaps.into_iter().filter(|(first, _)| *first <= last);
        until
            .map(|(first, end)| (first, end.min(last)))
            .take(most)
            .collect()
    }

    /// Takes in an event that is not covered. Of a history that has forked one behind a gap is not
    /// taken: nobody can tell yet of which fork it is.
    pub(crate) fn take(
        &mut self,
        seq: u64,
        content: Hash,
        chain: Hash,
        forked: bool,
    ) -> Result<(), Unplaced> {
        let span = Span {
            first: seq,
            last: seq,
            chain,
            first_chain: chain,
            first_content: content,
        };
        if seq == self.watermark + 1 {
            if !span.follows(self.chain) {
                return Err(Unplaced::Unlinked);
            }
            (self.watermark, self.chain) = (seq, chain);
            self.absorb();
            return Ok(());
        }
        let at = self.spans.partition_point(|other| other.first < seq);
        let before = at
            .checked_sub(1)
            .and_then(|index| self.spans.get_mut(index));
        match before {
            Some(before) if before.last + 1 == seq => {
                if !span.follows(before.chain) {
                    return Err(Unplaced::Unlinked);
                }
                (before.last, before.chain) = (seq, chain);
                self.join(at - 1);
            }
            _ if forked => return Err(Unplaced::Unsure),
            _ => {
                if self.spans.len() >= SPANS_LIMIT {
                    return Err(Unplaced::Scattered);
                }
                self.spans.insert(at, span);
                self.join(at);
            }
        }
        Ok(())
    }

    /// Moves the watermark over the spans that follow from it.
    fn absorb(&mut self) {
        while let Some(span) = self.spans.first().copied() {
            if span.first != self.watermark + 1 || !span.follows(self.chain) {
                return;
            }
            (self.watermark, self.chain) = (span.last, span.chain);
            self.spans.remove(0);
        }
    }

    /// Joins the span at `index` with the one behind it, if that follows from it.
    fn join(&mut self, index: usize) {
        let (Some(left), Some(right)) = (self.spans.get(index), self.spans.get(index + 1)) else {
            return;
        };
        if right.first == left.last + 1 && right.follows(left.chain) {
            let (last, chain) = (right.last, right.chain);
            self.spans.remove(index + 1);
            if let Some(left) = self.spans.get_mut(index) {
                (left.last, left.chain) = (last, chain);
            }
        }
    }

    /// Whether two neighbours contradict each other: the journal's history has forked.
    pub(crate) fn is_forked(&self) -> bool {
        let mut end = self.watermark;
        self.spans.iter().any(|span| {
            let touches = span.first == end + 1;
            end = span.last;
            touches
        })
    }

    /// What an ack says beyond the watermark. Of two forks only the earlier one is told.
    pub(crate) fn ranges(&self) -> Vec<Range> {
        let mut end = self.watermark;
        let apart = self.spans.iter().filter(|span| {
            let apart = span.first > end + 1;
            end = span.last;
            apart
        });
        apart
            .take(RANGES_LIMIT)
            .map(|span| Range {
                first: span.first,
                last: span.last,
                chain: span.chain,
            })
            .collect()
    }

    /// The chain hash at `seq`, where it is known without looking at the event.
    pub(crate) fn chain_at(&self, seq: u64) -> Option<Hash> {
        if seq == self.watermark {
            return Some(self.chain);
        }
        let ends = self.spans.iter().find(|span| span.last == seq);
        ends.map(|span| span.chain)
    }

    /// The spans as bytes for a column.
    pub(crate) fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.spans.len() * PACKED);
        for span in &self.spans {
            bytes.extend(span.first.to_be_bytes());
            bytes.extend(span.last.to_be_bytes());
            for hash in [span.chain, span.first_chain, span.first_content] {
                bytes.extend(hash.0);
            }
        }
        bytes
    }

    pub(crate) fn unpack(watermark: u64, chain: Hash, bytes: &[u8]) -> Self {
        Self {
            watermark,
            chain,
            spans: bytes
                .chunks_exact(PACKED)
                .filter_map(Span::unpack)
                .collect(),
        }
    }
}

impl Span {
    fn follows(&self, chain: Hash) -> bool {
        chain_hash(chain, self.first, self.first_content) == self.first_chain
    }

    fn unpack(bytes: &[u8]) -> Option<Self> {
        let (first, rest) = bytes.split_first_chunk()?;
        let (last, rest) = rest.split_first_chunk()?;
        let (chain, rest) = rest.split_first_chunk()?;
        let (first_chain, rest) = rest.split_first_chunk()?;
        let (first_content, _) = rest.split_first_chunk()?;
        Some(Self {
            first: u64::from_be_bytes(*first),
            last: u64::from_be_bytes(*last),
            chain: Hash(*chain),
            first_chain: Hash(*first_chain),
            first_content: Hash(*first_content),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_sync_wire::chain::content_hash;
    use proptest::prelude::*;

    /// Content and chain hashes of a history; events from `fork` on differ from the common one.
    fn history(length: u64, fork: u64) -> Vec<(u64, Hash, Hash)> {
        let mut chain = Hash::START;
        let event = |seq: u64| {
            let content = content_hash(format!("{seq} {}", seq >= fork).as_bytes());
            chain = chain_hash(chain, seq, content);
            (seq, content, chain)
        };
        (1..=length).map(event).collect()
    }

    fn take(coverage: &mut Coverage, event: (u64, Hash, Hash)) -> Result<(), Unplaced> {
        coverage.take(event.0, event.1, event.2, false)
    }

    #[test]
    fn a_gap_holds_the_watermark_and_filling_it_moves_on() {
        let events = history(6, 99);
        let mut coverage = Coverage::start();
        for index in [0, 2, 3, 5] {
            take(&mut coverage, events[index]).unwrap();
        }
        let told: Vec<_> = coverage
            .ranges()
            .iter()
            .map(|r| (r.first, r.last))
            .collect();
        assert_eq!((coverage.watermark, told), (1, vec![(3, 4), (6, 6)]));
        take(&mut coverage, events[1]).unwrap();
        assert_eq!((coverage.watermark, coverage.chain), (4, events[3].2));
        assert!(!coverage.covers(5) && coverage.covers(6));
    }

    #[test]
    fn an_event_that_does_not_follow_is_never_covered() {
        let (one, other) = (history(4, 99), history(4, 2));
        let mut coverage = Coverage::start();
        take(&mut coverage, one[0]).unwrap();
        take(&mut coverage, one[1]).unwrap();
        assert_eq!(take(&mut coverage, other[2]), Err(Unplaced::Unlinked));
        assert_eq!(coverage.watermark, 2);
    }

    #[test]
    fn of_a_forked_history_nothing_behind_a_gap_is_taken_but_what_follows_is() {
        let events = history(6, 99);
        let mut coverage = Coverage::start();
        let take = |coverage: &mut Coverage, index: usize| {
            let (seq, content, chain) = events[index];
            coverage.take(seq, content, chain, true)
        };
        take(&mut coverage, 0).unwrap();
        assert_eq!(take(&mut coverage, 2), Err(Unplaced::Unsure));
        take(&mut coverage, 1).unwrap();
        take(&mut coverage, 2).unwrap();
        assert_eq!(coverage.watermark, 3);
    }

    #[test]
    fn two_forks_are_never_joined_and_only_the_first_is_told() {
        let (one, other) = (history(5, 99), history(5, 2));
        let mut coverage = Coverage::start();
        take(&mut coverage, one[0]).unwrap();
        take(&mut coverage, other[3]).unwrap();
        take(&mut coverage, one[1]).unwrap();
        take(&mut coverage, one[2]).unwrap();
        assert_eq!((coverage.watermark, coverage.chain), (3, one[2].2));
        assert!(coverage.is_forked());
        assert_eq!(coverage.ranges(), []);
    }

    #[test]
    fn more_gaps_than_the_limit_are_not_taken() {
        let events = history(4 * 1024, 99);
        let mut coverage = Coverage::start();
        let odd = events.iter().filter(|event| event.0 % 2 == 0);
        let taken = odd.map(|event| take(&mut coverage, *event));
        assert_eq!(taken.filter(Result::is_ok).count(), SPANS_LIMIT);
    }

    proptest! {
        #[test]
        fn the_watermark_is_the_contiguous_prefix_whatever_the_order(
            order in Just((0..24_usize).collect::<Vec<_>>()).prop_shuffle(), cut in 0..24_usize,
        ) {
            let events = history(24, 99);
            let mut coverage = Coverage::start();
            let mut there = std::collections::BTreeSet::new();
            for index in &order[..cut] {
                take(&mut coverage, events[*index]).unwrap();
                there.insert(events[*index].0);
                let prefix = (1..).take_while(|seq| there.contains(seq)).count() as u64;
                prop_assert_eq!(coverage.watermark, prefix);
                let told: u64 = coverage.ranges().iter().map(|r| r.last - r.first + 1).sum();
                prop_assert_eq!(coverage.watermark + told, there.len() as u64);
                let copy = Coverage::unpack(coverage.watermark, coverage.chain, &coverage.pack());
                prop_assert_eq!(&copy, &coverage);
                for last in 1..=24 {
                    let missing = |seq: &u64| !there.contains(seq);
                    let gaps = coverage.gaps_until(last, 99);
                    let told: u64 = gaps.iter().map(|(first, end)| end - first + 1).sum();
                    prop_assert_eq!(told, (1..=last).filter(missing).count() as u64);
                    for first in 1..=last {
                        let all = (first..=last).all(|seq| there.contains(&seq));
                        prop_assert_eq!(coverage.covers_all(first, last), all);
                    }
                }
            }
        }
    }
}
