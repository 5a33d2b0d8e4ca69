//! Signed messages: everything that is signed and is not a frame.
//!
//! ```text
//! "SM" | version u8 | kind u8 | key id 8 B | payload length u32 | payload (JSON)
//!      | Ed25519 signature 64 B over all before it
//! ```
//! The kind is signed too, so that a message can't be passed off as one of another kind.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bytes::{Reader, put_sized};
use crate::keys::{KeyId, PublicKey, SIGNATURE_LENGTH, SecretKey};

/// The version that this software writes.
///
/// * 1: first; readers pass over unknown fields of the payload.
pub const VERSION: u8 = 1;
/// The longest payload, in bytes.
pub const PAYLOAD_LIMIT: usize = 64 * 1024;

const MAGIC: &[u8; 2] = b"SM";

/// A message that travels signed.
pub trait Message: Serialize + DeserializeOwned {
    /// Tells it from messages of other kinds.
    const KIND: u8;
}

/// Why bytes are not the signed message that was expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignedError {
    /// Something else, or cut short.
    #[error("not a signed message of this kind")]
    NotOne,
    /// A newer version.
    #[error("message version {0} is not supported; this software reads {VERSION}")]
    Version(u8),
    /// Not signed by the key it was checked against.
    #[error("the message's signature does not verify")]
    Signature,
    /// Signed, but its payload can't be read.
    #[error("the message's payload can't be read: {0}")]
    Payload(String),
}

/// Signs a message.
///
/// # Errors
/// If the payload can't be written as JSON or is longer than [`PAYLOAD_LIMIT`].
pub fn sign<M: Message>(message: &M, key: &SecretKey) -> Result<Vec<u8>, SignedError> {
    let payload =
        serde_json::to_vec(message).map_err(|error| SignedError::Payload(error.to_string()))?;
    if payload.len() > PAYLOAD_LIMIT {
        return Err(SignedError::Payload(format!(
            "it is {} bytes long",
            payload.len()
        )));
    }
    let mut out = Vec::with_capacity(payload.len() + 80);
    out.extend(MAGIC);
    out.extend([VERSION, M::KIND]);
    out.extend(key.public().id().0);
    put_sized(&mut out, &payload);
    let signature = key.sign(&out);
    out.extend(signature);
    Ok(out)
}

/// Which key claims to have signed these bytes.
#[must_use]
pub fn key_of(bytes: &[u8]) -> Option<KeyId> {
    let mut reader = Reader(bytes);
    reader.take(4)?;
    reader.array().map(KeyId)
}

/// Reads a message and checks who signed it.
///
/// # Errors
/// [`SignedError`]; never panics, whatever the bytes.
pub fn open<M: Message>(bytes: &[u8], key: &PublicKey) -> Result<M, SignedError> {
    open_unsure(bytes, |_| Some(*key))
}

/// Like [`open`], when the key to check against stands in the message itself: `key_for` looks at
/// the payload and says which key must have signed it, or none to refuse.
///
/// # Errors
/// [`SignedError`]; never panics, whatever the bytes.
pub fn open_unsure<M: Message>(
    bytes: &[u8],
    key_for: impl FnOnce(&M) -> Option<PublicKey>,
) -> Result<M, SignedError> {
    let mut reader = Reader(bytes);
    if reader.array() != Some(*MAGIC) {
        return Err(SignedError::NotOne);
    }
    match reader.u8() {
        Some(VERSION) => {}
        Some(other) => return Err(SignedError::Version(other)),
        None => return Err(SignedError::NotOne),
    }
    let (key_id, payload, signature) = parts::<M>(&mut reader).ok_or(SignedError::NotOne)?;
    let message: M =
        serde_json::from_slice(payload).map_err(|error| SignedError::Payload(error.to_string()))?;
    let key = key_for(&message).ok_or(SignedError::Signature)?;
    let signed = bytes
        .get(..bytes.len() - SIGNATURE_LENGTH)
        .ok_or(SignedError::NotOne)?;
    if key.id() != key_id || !key.verifies(signed, &signature) {
        return Err(SignedError::Signature);
    }
    Ok(message)
}

type MessageParts<'a> = (KeyId, &'a [u8], [u8; SIGNATURE_LENGTH]);

fn parts<'a, M: Message>(reader: &mut Reader<'a>) -> Option<MessageParts<'a>> {
    reader.u8().filter(|kind| *kind == M::KIND)?;
    let key = KeyId(reader.array()?);
    let payload = reader.sized(PAYLOAD_LIMIT)?;
    let signature = reader.array()?;
    reader.is_empty().then_some((key, payload, signature))
}
