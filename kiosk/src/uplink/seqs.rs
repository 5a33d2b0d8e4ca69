//! Sets of event numbers, kept as ranges.

/// A set of seqs: ranges in order that neither touch nor overlap, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SeqSet(Vec<(u64, u64)>);

impl SeqSet {
    /// Everything up to `watermark`, and what lies beyond it.
    pub(crate) fn new(watermark: u64, beyond: impl IntoIterator<Item = (u64, u64)>) -> Self {
        let mut set = Self::default();
        set.insert(1, watermark);
        for (first, last) in beyond {
            set.insert(first, last);
        }
        set
    }

    pub(crate) fn insert(&mut self, first: u64, last: u64) {
        if last < first {
            return;
        }
        let begin = self
            .0
            .partition_point(|(_, end)| end.saturating_add(1) < first);
        let end = self
            .0
            .partition_point(|(start, _)| *start <= last.saturating_add(1));
        let joined = self.0.get(begin..end).unwrap_or_default();
        let first = joined.first().map_or(first, |(start, _)| first.min(*start));
        let last = joined.last().map_or(last, |(_, stop)| last.max(*stop));
        self.0.splice(begin..end.max(begin), [(first, last)]);
    }

    pub(crate) fn contains(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|(_, end)| *end < seq);
        self.0.get(at).is_some_and(|(start, _)| *start <= seq)
    }

    /// Whether all of `first..=last` is in.
    pub(crate) fn covers(&self, first: u64, last: u64) -> bool {
        self.gaps(first, last).next().is_none()
    }

    /// Whether `other` has all of this.
    pub(crate) fn is_within(&self, other: &Self) -> bool {
        self.0
            .iter()
            .all(|(first, last)| other.covers(*first, *last))
    }

    /// What is missing within `first..=last`.
    pub(crate) fn gaps(&self, first: u64, last: u64) -> impl Iterator<Item = (u64, u64)> {
        let from = self.0.partition_point(|(_, end)| *end < first);
        let inside = self.0.iter().skip(from).copied();
        let mut next = Some(first);
        inside
            .chain([(last.saturating_add(1), u64::MAX)])
            .filter_map(move |(start, end)| {
                let begin = next?;
                next = end.checked_add(1);
                let stop = start.checked_sub(1)?.min(last);
                (begin <= stop).then_some((begin, stop))
            })
    }

    /// How many are missing within `first..=last`.
    pub(crate) fn missing(&self, first: u64, last: u64) -> u64 {
        self.gaps(first, last).map(|(from, to)| to - from + 1).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn ranges_that_touch_become_one() {
        let mut set = SeqSet::new(3, [(7, 8)]);
        set.insert(4, 6);
        assert_eq!(set, SeqSet::new(8, []));
    }

    #[test]
    fn an_empty_range_adds_nothing() {
        assert_eq!(SeqSet::new(0, []), SeqSet::default());
    }

    proptest! {
        #[test]
        fn a_set_of_ranges_is_a_set_of_numbers(
            ranges in prop::collection::vec((1u64..60, 0u64..12), 0..12),
            asked in (1u64..70, 0u64..70),
        ) {
            let mut model = BTreeSet::new();
            let mut set = SeqSet::default();
            for (first, more) in ranges {
                model.extend(first..=first + more);
                set.insert(first, first + more);
            }
            for seq in 0..80 {
                prop_assert_eq!(set.contains(seq), model.contains(&seq));
            }
            let (first, last) = (asked.0, asked.0 + asked.1);
            let missing: Vec<u64> = (first..=last).filter(|seq| !model.contains(seq)).collect();
            let gaps: Vec<u64> = set.gaps(first, last).flat_map(|(from, to)| from..=to).collect();
            prop_assert_eq!(set.missing(first, last), missing.len() as u64);
            prop_assert_eq!(set.covers(first, last), missing.is_empty());
            prop_assert_eq!(gaps, missing);
        }
    }
}
