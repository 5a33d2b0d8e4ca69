//! Frames: batches of events, signed by the kiosk's journal key.
//!
//! ```text
//! "SO" | version u8 | flags u8 | schema u16 | store (u8 length, bytes) | kiosk (u8 length, bytes)
//!      | journal 16 B | key id 8 B | first seq u64 | count u16 | body length u32 | body
//!      | Ed25519 signature 64 B over all before it
//! body, perhaps compressed: count × ( seq u64 | chain hash 32 B | length u32 | event bytes )
//! ```
//! All numbers are big-endian. An event's bytes never change; framing is free: the same events may
//! be cut into other frames after a restart, to find a bad one, or for another transport.

use kiosk_core::ids::{JournalId, KioskId, StoreId};
use uuid::Uuid;

use crate::bytes::{Reader, put_sized};
use crate::chain::Hash;
use crate::keys::{KeyId, PublicKey, SIGNATURE_LENGTH, SecretKey};

/// The frame version that this software writes.
///
/// * 1: first; body compressed with zstd if flag bit 0 is set.
pub const VERSION: u8 = 1;
/// The most events in a frame.
pub const EVENTS_LIMIT: usize = 64;
/// The largest body before compression, in bytes.
pub const BODY_LIMIT: usize = 128 * 1024;
/// The largest frame, in bytes: a body that didn't compress, and its header.
pub const FRAME_LIMIT: usize = BODY_LIMIT + 1024;

const MAGIC: &[u8; 2] = b"SO";
const COMPRESSED: u8 = 1;
const ENTRY_OVERHEAD: usize = 8 + 32 + 4;
/// Level 1 gets most of what repeated names in JSON can give, at a third of the default's time.
const LEVEL: i32 = 1;

/// An event on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its number in the journal.
    pub seq: u64,
    /// The journal's chain hash at it.
    pub chain: Hash,
    /// Its stored bytes.
    pub bytes: Vec<u8>,
}

/// Who sends a frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sender {
    /// The store of the credential.
    pub store: StoreId,
    /// The kiosk of the credential.
    pub kiosk: KioskId,
    /// The journal that the events are numbered in.
    pub journal: JournalId,
}

/// A frame whose signature has not been looked at.
#[derive(Debug, Clone)]
pub struct Unverified<'a> {
    /// Who claims to send it.
    pub sender: Sender,
    /// The schema its events claim to be written in.
    pub schema: u16,
    /// Which key claims to have signed it.
    pub key: KeyId,
    /// The lowest seq in it.
    pub first_seq: u64,
    count: u16,
    compressed: bool,
    body: &'a [u8],
    signed: &'a [u8],
    signature: [u8; SIGNATURE_LENGTH],
}

/// Why bytes are no frame that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Something else.
    #[error("not a frame")]
    NotAFrame,
    /// A newer version; the sender must fall back or this side be upgraded.
    #[error("frame version {0} is not supported; this software reads {VERSION}")]
    Version(u8),
    /// Cut short, too long or with impossible lengths.
    #[error("the frame is damaged: {0}")]
    Damaged(&'static str),
    /// Not signed by the key it was checked against.
    #[error("the frame's signature does not verify")]
    Signature,
}

/// Whether an event of `length` bytes still fits into a frame of so many events and body bytes.
#[must_use]
pub fn fits(events: usize, body: usize, length: usize) -> bool {
    events < EVENTS_LIMIT && body + entry_size(length) <= BODY_LIMIT
}

/// What an event of `length` bytes takes in a body.
#[must_use]
pub fn entry_size(length: usize) -> usize {
    length + ENTRY_OVERHEAD
}

/// Puts events into a signed frame. The caller keeps to [`fits`]; entries are in order of seq.
#[must_use]
pub fn encode(sender: &Sender, schema: u16, entries: &[Entry], key: &SecretKey) -> Vec<u8> {
    let mut body = Vec::with_capacity(entries.iter().map(|e| entry_size(e.bytes.len())).sum());
    for entry in entries {
        body.extend(entry.seq.to_be_bytes());
        body.extend(entry.chain.0);
        put_sized(&mut body, &entry.bytes);
    }
    let packed = zstd::bulk::compress(&body, LEVEL)
        .ok()
        .filter(|packed| packed.len() < body.len());
    let flags = if packed.is_some() { COMPRESSED } else { 0 };
    let body = packed.unwrap_or(body);
    let mut out = Vec::with_capacity(body.len() + 256);
    out.extend(MAGIC);
    out.extend([VERSION, flags]);
    out.extend(schema.to_be_bytes());
    for name in [sender.store.as_str(), sender.kiosk.as_str()] {
        out.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        out.extend(name.as_bytes());
    }
    out.extend(sender.journal.0.as_bytes());
    out.extend(key.public().id().0);
    out.extend(entries.first().map_or(0, |entry| entry.seq).to_be_bytes());
    out.extend(
        u16::try_from(entries.len())
            .unwrap_or(u16::MAX)
            .to_be_bytes(),
    );
    put_sized(&mut out, &body);
    let signature = key.sign(&out);
    out.extend(signature);
    out
}

/// Reads the header of a frame. Nothing in it is to be believed before
/// [`Unverified::verify`].
///
/// # Errors
/// [`FrameError`]; never panics, whatever the bytes.
pub fn decode(bytes: &[u8]) -> Result<Unverified<'_>, FrameError> {
    let mut reader = Reader(bytes);
    if reader.array() != Some(*MAGIC) {
        return Err(FrameError::NotAFrame);
    }
    match reader.u8() {
        Some(VERSION) => {}
        Some(other) => return Err(FrameError::Version(other)),
        None => return Err(FrameError::Damaged("it ends in its header")),
    }
    if bytes.len() > FRAME_LIMIT {
        return Err(FrameError::Damaged("it is too long"));
    }
    header(bytes, reader).ok_or(FrameError::Damaged("its header or length is impossible"))
}

fn header<'a>(bytes: &'a [u8], mut reader: Reader<'a>) -> Option<Unverified<'a>> {
    let flags = reader.u8().filter(|flags| flags & !COMPRESSED == 0)?;
    let schema = reader.u16()?;
    let mut name = || {
        let length = usize::from(reader.u8()?);
        std::str::from_utf8(reader.take(length)?).ok()
    };
    let store = StoreId::try_new(name()?).ok()?;
    let kiosk = KioskId::try_new(name()?).ok()?;
    let journal = JournalId(Uuid::from_bytes(reader.array()?));
    let key = KeyId(reader.array()?);
    let first_seq = reader.u64()?;
    let count = reader
        .u16()
        .filter(|count| usize::from(*count) <= EVENTS_LIMIT)?;
    let body = reader.sized(FRAME_LIMIT)?;
    let signature = reader.array()?;
    let signed = bytes.get(..bytes.len().checked_sub(SIGNATURE_LENGTH)?)?;
    let sender = Sender {
        store,
        kiosk,
        journal,
    };
    let compressed = flags & COMPRESSED != 0;
    reader.is_empty().then_some(Unverified {
        sender,
        schema,
        key,
        first_seq,
        count,
        compressed,
        body,
        signed,
        signature,
    })
}

impl Unverified<'_> {
    /// How many events it claims to hold; one that holds another number does not verify.
    #[must_use]
    pub fn count(&self) -> usize {
        usize::from(self.count)
    }

    /// Checks the signature and opens the body.
    ///
    /// # Errors
    /// [`FrameError::Signature`], or [`FrameError::Damaged`] if the sender signed nonsense.
    pub fn verify(&self, key: &PublicKey) -> Result<Vec<Entry>, FrameError> {
        if key.id() != self.key || !key.verifies(self.signed, &self.signature) {
            return Err(FrameError::Signature);
        }
        let opened;
        let body = if self.compressed {
            opened = zstd::bulk::decompress(self.body, BODY_LIMIT)
                .map_err(|_| FrameError::Damaged("its body does not decompress"))?;
            &opened
        } else {
            self.body
        };
        entries(body, self.count).ok_or(FrameError::Damaged("its body is cut short or too long"))
    }
}

fn entries(body: &[u8], count: u16) -> Option<Vec<Entry>> {
    let mut reader = Reader(body);
    let mut entries: Vec<Entry> = Vec::with_capacity(usize::from(count));
    for _ in 0..count {
        let seq = reader.u64()?;
        let chain = Hash(reader.array()?);
        let bytes = reader.sized(BODY_LIMIT)?.to_vec();
        if seq == 0 || entries.last().is_some_and(|before| before.seq >= seq) {
            return None;
        }
        entries.push(Entry { seq, chain, bytes });
    }
    reader.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::{chain_hash, content_hash};
    use proptest::prelude::*;

    fn key() -> SecretKey {
        SecretKey::from_seed(&[7; 32])
    }

    fn sender() -> Sender {
        Sender {
            store: StoreId::try_new("canal-street").unwrap(),
            kiosk: KioskId::try_new("k1").unwrap(),
            journal: JournalId(Uuid::from_u128(0x0123_4567)),
        }
    }

    fn chained(texts: &[&str]) -> Vec<Entry> {
        let mut chain = Hash::START;
        let each = texts.iter().zip(1..);
        each.map(|(text, seq)| {
            chain = chain_hash(chain, seq, content_hash(text.as_bytes()));
            Entry {
                seq,
                chain,
                bytes: text.as_bytes().to_vec(),
            }
        })
        .collect()
    }

    #[test]
    fn a_frame_opens_with_the_key_that_signed_it_and_no_other() {
        let entries = chained(&["one", "two", &"three".repeat(500)]);
        let bytes = encode(&sender(), 1, &entries, &key());
        let frame = decode(&bytes).unwrap();
        assert_eq!((frame.sender.clone(), frame.first_seq), (sender(), 1));
        assert_eq!(frame.verify(&key().public()).unwrap(), entries);
        let other = SecretKey::from_seed(&[8; 32]).public();
        assert_eq!(frame.verify(&other), Err(FrameError::Signature));
    }

    #[test]
    fn any_flipped_bit_is_noticed() {
        let bytes = encode(&sender(), 1, &chained(&["one", "two"]), &key());
        for index in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[index] ^= 0x10;
            let opened = decode(&bad).and_then(|frame| frame.verify(&key().public()));
            assert!(opened.is_err(), "byte {index}");
        }
    }

    #[test]
    fn a_frame_cut_short_anywhere_is_refused() {
        let bytes = encode(&sender(), 1, &chained(&["one", "two"]), &key());
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn a_newer_version_is_told_by_its_number() {
        let mut bytes = encode(&sender(), 1, &chained(&["one"]), &key());
        bytes[2] = 9;
        assert_eq!(decode(&bytes).unwrap_err(), FrameError::Version(9));
    }

    #[test]
    fn a_body_that_grows_beyond_the_limit_is_refused() {
        let mut huge = chained(&["x"]);
        huge[0].bytes = vec![b'x'; BODY_LIMIT + 1];
        let bytes = encode(&sender(), 1, &huge, &key());
        assert!(bytes.len() < FRAME_LIMIT, "compresses to {}", bytes.len());
        let opened = decode(&bytes).unwrap().verify(&key().public());
        assert!(matches!(opened, Err(FrameError::Damaged(_))));
    }

    #[test]
    fn version_one_is_still_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/frame-v1.bin");
        let golden = std::fs::read(path).unwrap();
        let entries = decode(&golden).unwrap().verify(&key().public()).unwrap();
        assert_eq!(entries, chained(&["{\"v\":1}", "{\"v\":1,\"x\":2}"]));
    }

    /// `WRITE_GOLDEN=1` writes the file of a new version; by hand, once per version.
    #[test]
    fn what_is_written_today_opens_to_what_the_golden_file_holds() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/frame-v1.bin");
        let bytes = encode(
            &sender(),
            1,
            &chained(&["{\"v\":1}", "{\"v\":1,\"x\":2}"]),
            &key(),
        );
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(path, &bytes).unwrap();
        }
        // The bytes may differ when the compressor changes; what they hold may not.
        let golden = std::fs::read(path).unwrap();
        let open = |bytes: &[u8]| decode(bytes).unwrap().verify(&key().public());
        assert_eq!(open(&golden), open(&bytes));
    }

    proptest! {
        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let mut framed = MAGIC.to_vec();
            framed.push(VERSION);
            framed.extend(&bytes);
            for bytes in [&bytes, &framed] {
                if let Ok(frame) = decode(bytes) {
                    let _ = frame.verify(&key().public());
                }
            }
            let _ = entries(&bytes, 3);
        }
    }
}
