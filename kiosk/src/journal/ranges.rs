//! Which seqs are confirmed: everything up to a watermark, and ranges beyond it.

/// A set of seqs from 1: all up to the watermark, and ranges that neither touch nor overlap.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ranges {
    watermark: u64,
    beyond: Vec<(u64, u64)>,
}

impl Ranges {
    /// All up to `watermark` and what `beyond` holds, in whatever order.
    #[must_use]
    pub fn new(watermark: u64, beyond: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut ranges = Self {
            watermark,
            beyond: Vec::new(),
        };
        for (first, last) in beyond {
            ranges.insert(first, last);
        }
        ranges
    }

    /// All up to this one are in.
    #[must_use]
    pub fn watermark(&self) -> u64 {
        self.watermark
    }

    /// What is in beyond the watermark, in order.
    #[must_use]
    pub fn beyond(&self) -> &[(u64, u64)] {
        &self.beyond
    }

    /// The first and the last seq up to `last` that is not in; none if all are.
    #[must_use]
    pub fn missing_until(&self, last: u64) -> Option<(u64, u64)> {
        let first = self.first_missing(1);
        let mut end = last;
        for (from, to) in self.beyond.iter().rev() {
            if (*from..=*to).contains(&end) {
                end = from - 1;
            }
        }
        (first <= end).then_some((first, end))
    }

    /// How many are in.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.watermark
            + self
                .beyond
                .iter()
                .map(|(first, last)| last - first + 1)
                .sum::<u64>()
    }

    /// How many from `from` on are in.
    #[must_use]
    pub fn count_from(&self, from: u64) -> u64 {
        let before = from.saturating_sub(1);
        let beyond = self.beyond.iter().map(|(first, last)| {
            let first = (*first).max(before + 1);
            (last + 1).saturating_sub(first)
        });
        self.watermark.saturating_sub(before) + beyond.sum::<u64>()
    }

    /// How many of these are in `other` too.
    #[must_use]
    pub fn count_common(&self, other: &Self) -> u64 {
        let parts = |ranges: &Self| -> Vec<(u64, u64)> {
            std::iter::once((1, ranges.watermark))
                .chain(ranges.beyond.iter().copied())
                .collect()
        };
        let theirs = parts(other);
        let common = |(first, last): (u64, u64)| -> u64 {
            let overlap =
                |(from, to): &(u64, u64)| (last.min(*to) + 1).saturating_sub(first.max(*from));
            theirs.iter().map(overlap).sum()
        };
        parts(self).into_iter().map(common).sum()
    }

    /// The first one up to `until` that is in, but not in `other`.
    #[must_use]
    pub fn first_not_in(&self, other: &Self, until: u64) -> Option<u64> {
        let all = std::iter::once((1, self.watermark)).chain(self.beyond.iter().copied());
        let outside = all.filter_map(|(first, last)| {
            let seq = other.first_missing(first);
            (seq <= last.min(until)).then_some(seq)
        });
        outside.min()
    }

    /// Whether this one is in.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        seq <= self.watermark
            || self
                .beyond
                .iter()
                .any(|(first, last)| (*first..=*last).contains(&seq))
    }

    /// Adds `first..=last`.
    pub fn insert(&mut self, first: u64, last: u64) {
        if first == 0 || last < first {
            return;
        }
        self.beyond.push((first, last));
        self.beyond.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::with_capacity(self.beyond.len());
        for (first, last) in self.beyond.drain(..) {
            if first <= self.watermark.saturating_add(1) {
                self.watermark = self.watermark.max(last);
                continue;
            }
            match merged.last_mut() {
                Some(before) if first <= before.1.saturating_add(1) => {
                    before.1 = before.1.max(last)
                }
                _ => merged.push((first, last)),
            }
        }
        self.beyond = merged;
    }

    /// Adds everything up to `watermark`.
    pub fn advance(&mut self, watermark: u64) {
        self.insert(1, watermark);
    }

    /// The last seq before the next that is in, from `from` on, which is not.
    #[must_use]
    pub fn missing_from(&self, from: u64) -> u64 {
        let next = self.beyond.iter().find(|(first, _)| *first > from);
        next.map_or(u64::MAX, |(first, _)| first - 1)
    }

    /// The first seq from `from` on that is not in.
    #[must_use]
    pub fn first_missing(&self, from: u64) -> u64 {
        let mut seq = from.max(self.watermark + 1);
        for (first, last) in &self.beyond {
            if (*first..=*last).contains(&seq) {
                seq = last + 1;
            }
        }
        seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_that_touch_become_one_and_the_watermark_swallows_them() {
        let mut ranges = Ranges::new(3, [(6, 7), (8, 9)]);
        assert_eq!(ranges.beyond(), [(6, 9)]);
        assert_eq!((ranges.first_missing(1), ranges.first_missing(6)), (4, 10));
        ranges.insert(4, 5);
        assert_eq!((ranges.watermark(), ranges.beyond().len()), (9, 0));
    }

    proptest! {
        #[test]
        fn they_hold_what_a_plain_set_holds(
            parts in prop::collection::vec((1_u64..60, 0_u64..8), 0..20), watermark in 0_u64..10,
        ) {
            let mut ranges = Ranges::new(watermark, []);
            let mut set: BTreeSet<u64> = (1..=watermark).collect();
            for (first, length) in parts {
                ranges.insert(first, first + length);
                set.extend(first..=first + length);
            }
            prop_assert_eq!(ranges.count(), set.len() as u64);
            for seq in 1..80 {
                prop_assert_eq!(ranges.contains(seq), set.contains(&seq));
                prop_assert_eq!(ranges.count_from(seq), set.range(seq..).count() as u64);
            }
            for last in 1..80 {
                let missing = || (1..=last).filter(|seq| !set.contains(seq));
                let want = missing().next().zip(missing().next_back());
                prop_assert_eq!(ranges.missing_until(last), want);
            }
            let other = Ranges::new(5, [(9, 20), (30, 31)]);
            let common = set.iter().filter(|seq| other.contains(**seq)).count();
            prop_assert_eq!(ranges.count_common(&other), common as u64);
            for until in 1..80 {
                let outside = set.iter().find(|seq| **seq <= until && !other.contains(**seq));
                prop_assert_eq!(ranges.first_not_in(&other, until), outside.copied());
            }
            let missing = (1..).find(|seq| !set.contains(seq)).unwrap();
            prop_assert_eq!(ranges.watermark(), missing - 1);
        }
    }
}
