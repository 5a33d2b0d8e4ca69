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
            }
            let missing = (1..).find(|seq| !set.contains(seq)).unwrap();
            prop_assert_eq!(ranges.watermark(), missing - 1);
        }
    }
}
