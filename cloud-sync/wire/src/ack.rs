//! Acks: the cloud's signed statement of what is durable there. A state, not a delta: lost,
//! repeated and reordered acks are harmless.

use kiosk_core::ids::{Generation, JournalId};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use crate::chain::Hash;
use crate::signed::Message;

/// The most ranges in an ack; what lies beyond them is told by a later one.
pub const RANGES_LIMIT: usize = 32;
/// The most quarantined seqs in an ack; they are told for people, `quarantined_total` counts all.
pub const QUARANTINED_LIMIT: usize = 64;

/// What is durable in the cloud of one journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ack {
    /// The journal it speaks of.
    pub journal: JournalId,
    /// The lineage of the ledger.
    pub generation: Generation,
    /// Grows with every ack of this journal and generation; a lower one is older.
    pub ack_no: u64,
    /// All events up to this seq are durable.
    pub watermark: u64,
    /// The journal's chain hash at the watermark, as the cloud knows it.
    pub chain: Hash,
    /// What is durable beyond the watermark, in order, neither touching nor overlapping.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// Seqs that are kept but could not be applied.
    #[serde(default)]
    pub quarantined: Vec<u64>,
    /// How many there are in all.
    #[serde(default)]
    pub quarantined_total: u64,
    /// Why, for each of them, such as `revoked`; none from a cloud that doesn't tell.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quarantine_reasons: Vec<String>,
    /// How many frames may be on their way at once; 0 means hold.
    pub credit: u16,
    /// The cloud's clock.
    pub at: WallTime,
    /// How often an idle kiosk should ask, in milliseconds.
    #[serde(default)]
    pub heartbeat_ms: Option<u64>,
    /// Which of the kiosk's journals this is, from 1, for people and for the number prefix.
    #[serde(default)]
    pub epoch: Option<u32>,
    /// Counts the generations of the ledger, so that of two a reader knows the later one; 0 from a
    /// cloud that doesn't count them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub lineage: u64,
    /// Events that contradict each other were sent under this journal's numbers: a rolled-back or
    /// copied disk. Whoever writes it carries on in a new journal.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forked: bool,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over a reference"
)]
fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Ack {
    /// The last seq that this ack speaks of: one with as many ranges as there can be leaves what
    /// lies beyond them to a later one.
    #[must_use]
    pub fn horizon(&self) -> u64 {
        let full = self.ranges.len() >= RANGES_LIMIT;
        let last = self.ranges.last().map(|range| range.last);
        last.filter(|_| full).unwrap_or(u64::MAX)
    }
}

/// Events that are durable beyond the watermark.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The first seq.
    pub first: u64,
    /// The last seq.
    pub last: u64,
    /// The chain hash at the last.
    pub chain: Hash,
}

impl Message for Ack {
    const KIND: u8 = 1;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hello::Registration;
    use crate::keys::SecretKey;
    use crate::signed::{self, SignedError};
    use uuid::Uuid;

    fn ack() -> Ack {
        Ack {
            journal: JournalId(Uuid::from_u128(1)),
            generation: Generation(Uuid::from_u128(2)),
            ack_no: 3,
            watermark: 4,
            chain: Hash([5; 32]),
            ranges: vec![Range {
                first: 6,
                last: 7,
                chain: Hash([8; 32]),
            }],
            quarantined: vec![2],
            quarantine_reasons: Vec::new(),
            quarantined_total: 1,
            credit: 4,
            at: WallTime::from_millis(1_795_168_200_000),
            heartbeat_ms: Some(5000),
            epoch: Some(1),
            lineage: 0,
            forked: false,
        }
    }

    fn cloud() -> SecretKey {
        SecretKey::from_seed(&[9; 32])
    }

    #[test]
    fn only_the_clouds_own_signature_opens_an_ack() {
        let bytes = signed::sign(&ack(), &cloud()).unwrap();
        assert_eq!(
            signed::open::<Ack>(&bytes, &cloud().public()).unwrap(),
            ack()
        );
        let forger = SecretKey::from_seed(&[1; 32]);
        let forged = signed::sign(&ack(), &forger).unwrap();
        let refused = signed::open::<Ack>(&forged, &cloud().public());
        assert_eq!(refused, Err(SignedError::Signature));
        for index in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[index] ^= 1;
            assert!(
                signed::open::<Ack>(&bad, &cloud().public()).is_err(),
                "byte {index}"
            );
        }
    }

    #[test]
    fn a_message_is_not_taken_for_one_of_another_kind() {
        let bytes = signed::sign(&ack(), &cloud()).unwrap();
        let refused = signed::open::<Registration>(&bytes, &cloud().public());
        assert_eq!(refused.unwrap_err(), SignedError::NotOne);
    }

    #[test]
    fn version_one_is_still_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/ack-v1.bin");
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(path, signed::sign(&ack(), &cloud()).unwrap()).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        assert_eq!(
            signed::open::<Ack>(&golden, &cloud().public()).unwrap(),
            ack()
        );
    }

    #[test]
    fn version_one_with_lineage_and_fork_is_still_read() {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/golden/ack-v1-lineage-fork.bin"
        );
        let later = Ack {
            lineage: 3,
            forked: true,
            ..ack()
        };
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(path, signed::sign(&later, &cloud()).unwrap()).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        assert_eq!(
            signed::open::<Ack>(&golden, &cloud().public()).unwrap(),
            later
        );
    }

    #[test]
    fn an_ack_full_of_ranges_says_nothing_of_what_lies_beyond() {
        let range = |first| Range {
            first,
            last: first + 1,
            chain: Hash::START,
        };
        let limit = u64::try_from(RANGES_LIMIT).unwrap();
        let mut full = ack();
        full.ranges = (1..=limit).map(|at| range(at * 10)).collect();
        assert_eq!(full.horizon(), limit * 10 + 1);
        full.ranges.pop();
        assert_eq!(full.horizon(), u64::MAX);
    }
}
