//! Hashes that make loss and edits evident.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::hello::from_hex;

/// A SHA-256 hash.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The chain hash before the first event of a journal.
    pub const START: Hash = Hash([0; 32]);

    /// From exactly 32 bytes.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// The content hash of an event: SHA-256 of its stored bytes, without its seq.
#[must_use]
pub fn content_hash(event: &[u8]) -> Hash {
    Hash(Sha256::digest(event).into())
}

/// The chain hash at `seq`: SHA-256 of the previous chain hash, the seq (64 bits, big-endian) and
/// the content hash.
#[must_use]
pub fn chain_hash(previous: Hash, seq: u64, content: Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(previous.0);
    hasher.update(seq.to_be_bytes());
    hasher.update(content.0);
    Hash(hasher.finalize().into())
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// A text that is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 hash in 64 hex digits")]
pub struct BadHash;

impl FromStr for Hash {
    type Err = BadHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = from_hex(text).ok_or(BadHash)?;
        Self::from_slice(&bytes).ok_or(BadHash)
    }
}

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_chain_depends_on_content_seq_and_all_that_came_before() {
        let content = content_hash(b"order");
        let base = chain_hash(Hash::START, 1, content);
        assert_ne!(base, chain_hash(Hash::START, 2, content));
        assert_ne!(base, chain_hash(Hash::START, 1, content_hash(b"orders")));
        assert_ne!(base, chain_hash(content, 1, content));
    }

    #[test]
    fn a_hash_is_written_in_hex_and_read_back() {
        let hash = content_hash(b"x");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert!("00".parse::<Hash>().is_err());
        assert!("zz".repeat(32).parse::<Hash>().is_err());
    }
}
