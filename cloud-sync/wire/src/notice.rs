//! Notices: what the cloud tells kiosks through retained messages. Signed with the cloud's key.

use kiosk_core::ids::StoreId;
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use crate::signed::Message;

/// A menu has been published. Kiosks fetch it over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MenuNotice {
    /// For which store.
    pub store: StoreId,
    /// The version to be fetched.
    pub version: String,
    /// When it was published, by the cloud's clock; an older notice never replaces a newer one.
    pub at: WallTime,
}

impl Message for MenuNotice {
    const KIND: u8 = 4;
}

/// What a kiosk says of itself, retained; as the last will with `link` = `gone`. Not signed: it is
/// shown to people and decides nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Presence {
    /// `online`, `offline`, `catching_up` or `gone`.
    pub link: String,
    /// How many events are unconfirmed.
    pub depth: u64,
    /// Age of the oldest of them, in milliseconds.
    #[serde(default)]
    pub oldest_ms: Option<u64>,
    /// Version of the kiosk's software.
    #[serde(default)]
    pub version: String,
}
