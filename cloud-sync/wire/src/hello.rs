//! Hello: what a kiosk says of its journal on every connection.

use kiosk_core::ids::{BootId, Generation, JournalId, KioskId, StoreId};
use serde::{Deserialize, Serialize};

use crate::ack::Range;
use crate::chain::Hash;
use crate::keys::PublicKey;
use crate::signed::{Message, SignedError, open_unsure};

/// Ties a journal's key to a device. Signed with the *device's* key, which the cloud knows from
/// enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The store of the credential.
    pub store: StoreId,
    /// The kiosk of the credential.
    pub kiosk: KioskId,
    /// The journal.
    pub journal: JournalId,
    /// What the journal's frames are signed with.
    pub key: PublicKey,
}

impl Message for Registration {
    const KIND: u8 = 2;
}

/// The state of a journal. Signed with the journal's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The signed [`Registration`] of the journal, in hex.
    pub registration: String,
    /// The journal.
    pub journal: JournalId,
    /// The number that the next event will get.
    pub next_seq: u64,
    /// The first event that the journal still holds.
    pub retained_from: u64,
    /// What the kiosk knows to be durable, and in which lineage; none before the first ack.
    #[serde(default)]
    pub generation: Option<Generation>,
    /// The number of the latest ack it took.
    #[serde(default)]
    pub ack_no: u64,
    /// All events up to this seq are confirmed.
    #[serde(default)]
    pub watermark: u64,
    /// Its own chain hash at the watermark.
    #[serde(default)]
    pub chain: Hash,
    /// What it knows to be durable beyond.
    #[serde(default)]
    pub ranges: Vec<Range>,
    /// The latest signed ack, in hex: proof of what the cloud once said.
    #[serde(default)]
    pub last_ack: Option<String>,
    /// This run of the kiosk.
    pub boot: BootId,
    /// How many events are unconfirmed.
    pub depth: u64,
    /// Version of the kiosk's software.
    pub version: String,
    /// Schema its events are written in.
    pub schema: u16,
    /// Free bytes on its disk.
    pub free_bytes: u64,
    /// The journal that this one took the place of because its history had forked. What that one
    /// held comes again in this one, and nothing more comes in that one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<JournalId>,
}

impl Message for Hello {
    const KIND: u8 = 3;
}

/// Bytes as hex digits.
#[must_use]
pub fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            text.extend(
                [byte >> 4, byte & 15]
                    .map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or('0')),
            );
            text
        })
}

/// Hex digits as bytes.
#[must_use]
pub fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    digits
        .chunks_exact(2)
        .map(|pair| Some(pair.first()? << 4 | pair.last()?))
        .collect()
}

/// Reads a hello: its registration is checked against the device's key that `device_key` finds,
/// and the hello itself against the journal's key that the registration names.
///
/// # Errors
/// [`SignedError`] if either signature fails or the two speak of different journals.
pub fn open_hello(
    bytes: &[u8],
    device_key: impl FnOnce(&Registration) -> Option<PublicKey>,
) -> Result<(Registration, Hello), SignedError> {
    let mut registered = None;
    let hello = open_unsure::<Hello>(bytes, |hello| {
        let inner = from_hex(&hello.registration)?;
        let registration = open_unsure::<Registration>(&inner, device_key).ok()?;
        if registration.journal != hello.journal {
            return None;
        }
        let key = registration.key;
        registered = Some(registration);
        Some(key)
    })?;
    registered
        .map(|registration| (registration, hello))
        .ok_or(SignedError::Signature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;
    use crate::signed::sign;
    use uuid::Uuid;

    fn registration(journal: &SecretKey) -> Registration {
        Registration {
            store: StoreId::try_new("s").unwrap(),
            kiosk: KioskId::try_new("k").unwrap(),
            journal: JournalId(Uuid::from_u128(1)),
            key: journal.public(),
        }
    }

    fn hello(registration: &[u8]) -> Hello {
        Hello {
            registration: to_hex(registration),
            journal: JournalId(Uuid::from_u128(1)),
            next_seq: 1,
            retained_from: 1,
            generation: None,
            ack_no: 0,
            watermark: 0,
            chain: Hash::START,
            ranges: Vec::new(),
            last_ack: None,
            boot: BootId(Uuid::nil()),
            depth: 0,
            version: "0.1.0".to_owned(),
            schema: 1,
            free_bytes: 0,
            replaces: None,
        }
    }

    #[test]
    fn version_one_is_still_read_without_and_with_a_journal_that_is_replaced() {
        let [device, journal] = [[1; 32], [2; 32]].map(|seed| SecretKey::from_seed(&seed));
        let inner = sign(&registration(&journal), &device).unwrap();
        let replacing = Hello {
            replaces: Some(JournalId(Uuid::from_u128(7))),
            ..hello(&inner)
        };
        for (name, want) in [
            ("hello-v1", hello(&inner)),
            ("hello-v1-replaces", replacing),
        ] {
            let path = format!("{}/golden/{name}.bin", env!("CARGO_MANIFEST_DIR"));
            if std::env::var_os("WRITE_GOLDEN").is_some() {
                std::fs::write(&path, sign(&want, &journal).unwrap()).unwrap();
            }
            let golden = std::fs::read(path).unwrap();
            let (_, read) = open_hello(&golden, |_| Some(device.public())).unwrap();
            assert_eq!(read, want);
        }
    }

    #[test]
    fn a_hello_needs_the_devices_word_for_the_journals_key() {
        let device = SecretKey::from_seed(&[1; 32]);
        let journal = SecretKey::from_seed(&[2; 32]);
        let inner = sign(&registration(&journal), &device).unwrap();
        let bytes = sign(&hello(&inner), &journal).unwrap();
        assert!(open_hello(&bytes, |_| Some(device.public())).is_ok());
        assert!(open_hello(&bytes, |_| Some(journal.public())).is_err());
        assert!(open_hello(&bytes, |_| None).is_err());
        // A thief of the registration has not the journal's key.
        let thief = sign(&hello(&inner), &SecretKey::from_seed(&[3; 32])).unwrap();
        assert!(open_hello(&thief, |_| Some(device.public())).is_err());
    }

    #[test]
    fn hex_is_read_back_and_nonsense_refused() {
        assert_eq!(from_hex(&to_hex(&[0, 15, 255])), Some(vec![0, 15, 255]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }
}
