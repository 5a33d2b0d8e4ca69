//! The credential: what enrolment gives a kiosk. A JSON file, to be kept like a password.

use kiosk_core::ids::{KioskId, StoreId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::hello::{from_hex, to_hex};
use crate::keys::{PublicKey, SecretKey};

/// The credential version that this software writes.
///
/// * 1: first.
pub const VERSION: u32 = 1;

/// What a kiosk needs to speak for itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Credential {
    /// The version of this document.
    pub stillopen_credential: u32,
    /// The store.
    pub store: StoreId,
    /// The kiosk.
    pub kiosk: KioskId,
    /// Base URL of cloud-sync.
    pub cloud: String,
    /// URL of the broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mqtt: Option<String>,
    /// PEM: the only authorities that vouch for cloud and broker; without it those that the kiosk's
    /// machine trusts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Seed of the device's key.
    pub device_secret: DeviceSecret,
    /// What the cloud's messages are signed with.
    pub cloud_key: PublicKey,
    /// Prefixes of order numbers, unique in the store; a new journal takes the next.
    pub prefixes: Vec<String>,
}

/// The seed of a device's key. Not shown in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceSecret([u8; 32]);

impl DeviceSecret {
    /// From 32 random bytes.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        Self(seed)
    }

    /// The device's key, which signs registrations.
    #[must_use]
    pub fn key(&self) -> SecretKey {
        SecretKey::from_seed(&self.0)
    }

    /// What the device shows over HTTP (`Authorization: Bearer`) and MQTT (password). Derived, so
    /// that whoever sees it can't sign.
    #[must_use]
    pub fn access_token(&self) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"stillopen device access 1");
        hasher.update(self.0);
        to_hex(&hasher.finalize())
    }
}

/// What the cloud keeps to check an access token.
#[must_use]
pub fn token_digest(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

impl std::fmt::Debug for DeviceSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DeviceSecret(…)")
    }
}

impl Serialize for DeviceSecret {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&to_hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for DeviceSecret {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = from_hex(&text).and_then(|bytes| bytes.try_into().ok());
        bytes
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom("must be 64 hex digits"))
    }
}

/// What is wrong with a credential file.
#[derive(Debug, thiserror::Error)]
pub enum BadCredential {
    /// Not a credential.
    #[error("not a credential: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// Written by a newer version.
    #[error("credential version {0} is not supported; this software reads {VERSION}")]
    Version(u32),
    /// No prefix.
    #[error("the credential names no order-number prefix")]
    NoPrefix,
}

impl Credential {
    /// Reads a credential file.
    ///
    /// # Errors
    /// [`BadCredential`]. The error never shows the secret.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadCredential> {
        let credential: Self = serde_json::from_slice(bytes)?;
        if credential.stillopen_credential != VERSION {
            return Err(BadCredential::Version(credential.stillopen_credential));
        }
        if credential.prefixes.is_empty() {
            return Err(BadCredential::NoPrefix);
        }
        Ok(credential)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_is_neither_shown_nor_derived_from_the_token() {
        let secret = DeviceSecret::from_seed([0xAB; 32]);
        assert!(!format!("{secret:?}").contains("ab"));
        assert_ne!(secret.access_token(), to_hex(&[0xAB; 32]));
        assert_eq!(secret.access_token().len(), 64);
    }

    #[test]
    fn a_credential_is_read_back_and_a_newer_one_refused() {
        let credential = Credential {
            stillopen_credential: VERSION,
            store: StoreId::try_new("s").unwrap(),
            kiosk: KioskId::try_new("k").unwrap(),
            cloud: "http://127.0.0.1:9080".to_owned(),
            mqtt: None,
            ca: None,
            device_secret: DeviceSecret::from_seed([1; 32]),
            cloud_key: SecretKey::from_seed(&[2; 32]).public(),
            prefixes: vec!["A".to_owned()],
        };
        let text = serde_json::to_string(&credential).unwrap();
        let read = Credential::parse(text.as_bytes()).unwrap();
        assert_eq!(read.device_secret, credential.device_secret);
        let newer = text.replace("\"stillopen_credential\":1", "\"stillopen_credential\":2");
        assert!(matches!(
            Credential::parse(newer.as_bytes()),
            Err(BadCredential::Version(2))
        ));
    }
}
