//! What a hello proves about this ledger: that it went back in time, or that the journal's history
//! has forked. Pure.
//!
//! A ledger put back from a backup does not know it. But each kiosk holds the latest ack it took, signed
//! by this ledger's key: if that says more than the ledger holds, the ledger has lost what it once
//! acked. A new generation then has every kiosk send again what is missing.

use std::collections::HashMap;

use cloud_sync_wire::ack::{Ack, Range};
use cloud_sync_wire::chain::Hash;

use super::coverage::Coverage;

/// Seqs and the chain hashes that somebody knows there.
pub(crate) fn ends<'a>(
    watermark: u64,
    chain: Hash,
    ranges: &'a [Range],
) -> impl Iterator<Item = (u64, Hash)> + 'a {
    let beyond = ranges.iter().map(|range| (range.last, range.chain));
    std::iter::once((watermark, chain))
        .filter(|(seq, _)| *seq > 0)
        .chain(beyond)
}

/// How the generation of a proof stands to the ledger's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kinship {
    /// The one in force.
    Same,
    /// One that this ledger had before.
    Earlier,
    /// One that it never had: as far as it can remember.
    Unknown,
}

/// Whether a genuine ack of this journal says that the ledger has lost something. `stored` has the
/// chain hashes of what the ledger holds at the seqs that the ack names.
pub(crate) fn shows_loss(
    proof: &Ack,
    kinship: Kinship,
    (coverage, ack_no): (&Coverage, u64),
    stored: &HashMap<u64, Hash>,
) -> bool {
    match kinship {
        Kinship::Earlier => return false,
        Kinship::Unknown => return true,
        Kinship::Same => {}
    }
    let held = |range: &Range| coverage.covers_all(range.first, range.last);
    let whole = coverage.watermark >= proof.watermark && proof.ranges.iter().all(held);
    let ends = ends(proof.watermark, proof.chain, &proof.ranges);
    proof.ack_no > ack_no || !whole || differs(ends, stored).is_some()
}

/// The first seq at which another chain hash is stored.
pub(crate) fn differs(
    known: impl IntoIterator<Item = (u64, Hash)>,
    stored: &HashMap<u64, Hash>,
) -> Option<u64> {
    let other = |(seq, chain): &(u64, Hash)| stored.get(seq).is_some_and(|found| found != chain);
    known.into_iter().find(other).map(|(seq, _)| seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_sync_wire::chain::{chain_hash, content_hash};
    use kiosk_core::ids::{Generation, JournalId};
    use kiosk_core::wall::WallTime;
    use uuid::Uuid;

    fn chain(seq: u64) -> Hash {
        (1..=seq).fold(Hash::START, |chain, seq| {
            chain_hash(chain, seq, content_hash(&seq.to_be_bytes()))
        })
    }

    fn holding(seqs: impl IntoIterator<Item = u64>) -> Coverage {
        let mut coverage = Coverage::start();
        for seq in seqs {
            let content = content_hash(&seq.to_be_bytes());
            coverage.take(seq, content, chain(seq), false).unwrap();
        }
        coverage
    }

    fn proof(ack_no: u64, watermark: u64, ranges: &[(u64, u64)]) -> Ack {
        let range = |(first, last): &(u64, u64)| Range {
            first: *first,
            last: *last,
            chain: chain(*last),
        };
        Ack {
            journal: JournalId(Uuid::nil()),
            generation: Generation(Uuid::nil()),
            ack_no,
            watermark,
            chain: chain(watermark),
            ranges: ranges.iter().map(range).collect(),
            quarantined: Vec::new(),
            quarantine_reasons: Vec::new(),
            quarantined_total: 0,
            credit: 1,
            at: WallTime::from_millis(0),
            heartbeat_ms: None,
            epoch: None,
            lineage: 1,
            forked: false,
        }
    }

    fn shows(proof: &Ack, held: &Coverage, ack_no: u64) -> bool {
        let stored = ends(proof.watermark, proof.chain, &proof.ranges)
            .filter(|(seq, _)| held.covers(*seq))
            .map(|(seq, _)| (seq, chain(seq)))
            .collect();
        shows_loss(proof, Kinship::Same, (held, ack_no), &stored)
    }

    #[test]
    fn an_ack_that_says_no_more_than_is_held_shows_no_loss() {
        let held = holding([1, 2, 3, 6, 7]);
        assert!(!shows(&proof(9, 3, &[(6, 7)]), &held, 9));
        assert!(!shows(&proof(4, 0, &[]), &held, 9));
        assert!(!shows(&proof(4, 1, &[(3, 3), (7, 7)]), &held, 9));
    }

    #[test]
    fn an_ack_that_says_more_shows_a_loss_also_when_its_number_was_overtaken() {
        let held = holding([1, 2, 3, 6, 7]);
        assert!(shows(&proof(10, 3, &[]), &held, 9), "its number");
        assert!(shows(&proof(4, 4, &[]), &held, 9), "its watermark");
        assert!(shows(&proof(4, 3, &[(5, 7)]), &held, 9), "a range");
        assert!(shows(&proof(4, 3, &[(9, 9)]), &held, 9), "a range beyond");
    }

    #[test]
    fn another_history_where_an_ack_was_given_shows_a_loss() {
        let held = holding([1, 2, 3]);
        let proof = proof(4, 3, &[]);
        let stored = HashMap::from([(3, Hash([7; 32]))]);
        assert!(shows_loss(&proof, Kinship::Same, (&held, 9), &stored));
        assert_eq!(differs([(2, chain(2)), (3, chain(3))], &stored), Some(3));
    }

    #[test]
    fn an_earlier_generation_is_past_and_one_never_had_shows_a_loss() {
        let (held, ahead) = (holding([1]), proof(9, 9, &[]));
        let stored = HashMap::new();
        assert!(!shows_loss(&ahead, Kinship::Earlier, (&held, 1), &stored));
        let behind = proof(1, 1, &[]);
        assert!(shows_loss(&behind, Kinship::Unknown, (&held, 1), &stored));
    }
}
