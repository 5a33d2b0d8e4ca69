//! Keys that follow one another: each gives its word for the next, so that whoever trusts the first
//! can follow to the last, however many he missed.

use kiosk_core::ids::{KioskId, StoreId};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use crate::hello::{from_hex, to_hex};
use crate::keys::PublicKey;
use crate::signed::{self, Message};

/// The most links of a chain: a key a week for twenty years.
pub const LINKS_LIMIT: usize = 1024;

/// The cloud signs with another key from now on. Signed with the key before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Succession {
    /// Counts the keys of a cloud; the first one after enrolment is 1.
    pub number: u64,
    /// The key that follows.
    pub key: PublicKey,
    /// When, for people.
    pub at: WallTime,
}

impl Message for Succession {
    const KIND: u8 = 25;
}

/// A device has another key and another access token from now on. Signed with the key before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceSuccession {
    /// The store of the credential.
    pub store: StoreId,
    /// The kiosk of the credential.
    pub kiosk: KioskId,
    /// The key that follows.
    pub key: PublicKey,
    /// The new access token. It goes to the cloud alone, over an encrypted connection, as the token
    /// of every call does.
    pub token: String,
}

impl Message for DeviceSuccession {
    const KIND: u8 = 26;
}

/// All words that a cloud's keys gave for one another, the oldest first, as they travel and are kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// Signed [`Succession`]s, in hex.
    pub links: Vec<String>,
}

impl Links {
    /// Of these signed successions.
    #[must_use]
    pub fn of(links: &[Vec<u8>]) -> Self {
        Self {
            links: links.iter().map(|link| to_hex(link)).collect(),
        }
    }
}

/// Whom a kiosk believes to be its cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    /// Oldest first; never empty.
    first: PublicKey,
    later: Vec<PublicKey>,
    links: Vec<String>,
}

impl Trust {
    /// In the key that the credential names.
    #[must_use]
    pub fn new(first: PublicKey) -> Self {
        Self {
            first,
            later: Vec::new(),
            links: Vec::new(),
        }
    }

    /// The key that the cloud signs with now, as far as is known. None before it counts any more: it
    /// was given up, perhaps because somebody has it.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        self.later.last().copied().unwrap_or(self.first)
    }

    /// Which of the keys, past ones too, has signed this; for what was taken in when it was in force.
    #[must_use]
    pub fn signer(&self, bytes: &[u8]) -> Option<PublicKey> {
        let id = signed::key_of(bytes)?;
        let mut all = std::iter::once(&self.first).chain(&self.later);
        all.find(|key| key.id() == id).copied()
    }

    /// Follows each link that the key in force has signed, in their order. What nobody trusted gave
    /// his word for is passed over. Gives how many led on.
    pub fn follow(&mut self, links: &Links) -> usize {
        let before = self.later.len();
        for link in links.links.iter().take(LINKS_LIMIT) {
            let Some(bytes) = from_hex(link) else {
                continue;
            };
            if let Ok(next) = signed::open::<Succession>(&bytes, &self.key()) {
                self.later.push(next.key);
                self.links.push(link.clone());
            }
        }
        self.later.len() - before
    }

    /// The links that led here, to be kept.
    #[must_use]
    pub fn links(&self) -> Links {
        Links {
            links: self.links.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;

    fn key(seed: u8) -> SecretKey {
        SecretKey::from_seed(&[seed; 32])
    }

    fn link(from: u8, to: u8) -> Vec<u8> {
        let next = Succession {
            number: u64::from(to),
            key: key(to).public(),
            at: WallTime::from_millis(1_790_000_000_000),
        };
        signed::sign(&next, &key(from)).unwrap()
    }

    #[test]
    fn who_missed_two_keys_follows_to_the_third() {
        let mut trust = Trust::new(key(1).public());
        let links = Links::of(&[link(1, 2), link(2, 3)]);
        assert_eq!(trust.follow(&links), 2);
        assert_eq!(trust.key(), key(3).public());
        assert_eq!(trust.follow(&links), 0);
        assert_eq!(trust.links(), links);
        // Who was enrolled between begins in the middle.
        let mut later = Trust::new(key(2).public());
        assert_eq!((later.follow(&links), later.key()), (1, key(3).public()));
    }

    #[test]
    fn a_key_that_was_given_up_gives_its_word_for_nothing_more() {
        let mut trust = Trust::new(key(1).public());
        trust.follow(&Links::of(&[link(1, 2)]));
        let thief = Links::of(&[link(1, 9), link(7, 9)]);
        assert_eq!(trust.follow(&thief), 0);
        assert_eq!(trust.key(), key(2).public());
        let signed_before = link(1, 2);
        assert_eq!(trust.signer(&signed_before), Some(key(1).public()));
        assert_eq!(trust.signer(&link(9, 1)), None);
    }

    #[test]
    fn nonsense_is_passed_over() {
        let mut trust = Trust::new(key(1).public());
        let mut cut = link(1, 2);
        cut.pop();
        let mut links = Links::of(&[cut, Vec::new(), link(1, 2)]);
        links.links.push("not hex".to_owned());
        assert_eq!(trust.follow(&links), 1);
    }

    #[test]
    fn version_one_is_still_read() {
        let device = DeviceSuccession {
            store: StoreId::try_new("canal-street").unwrap(),
            kiosk: KioskId::try_new("front-left").unwrap(),
            key: key(8).public(),
            token: "ab".repeat(32),
        };
        let written = signed::sign(&device, &key(7)).unwrap();
        for (name, bytes) in [
            ("succession-v1", link(1, 2)),
            ("device-succession-v1", written),
        ] {
            let path = format!("{}/golden/{name}.bin", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_GOLDEN").is_some() {
                std::fs::write(&path, &bytes).unwrap();
            }
            assert_eq!(std::fs::read(path).unwrap(), bytes, "{name}");
        }
        let read: DeviceSuccession =
            signed::open(&signed::sign(&device, &key(7)).unwrap(), &key(7).public()).unwrap();
        assert_eq!(read, device);
    }
}
