//! Control: what the cloud asks of one kiosk by MQTT, where a refusal has no way back of its own.
//! By HTTP the same is said by the status of the answer.

use kiosk_core::ids::JournalId;
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use crate::signed::Message;

/// What the cloud asks of a kiosk. Signed with the cloud's key. Nothing is released or sent by it
/// alone, so that one repeated or late is harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Control {
    /// The journal it speaks of.
    pub journal: JournalId,
    /// What is asked.
    pub ask: Ask,
    /// The cloud's clock.
    pub at: WallTime,
}

/// What the cloud asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ask {
    /// A hello: a frame came before one, and moved nothing.
    Hello,
    /// Something that a later version asks; passed over.
    #[serde(other)]
    Unknown,
}

impl Message for Control {
    const KIND: u8 = 5;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::SecretKey;
    use crate::signed;
    use uuid::Uuid;

    fn cloud() -> SecretKey {
        SecretKey::from_seed(&[9; 32])
    }

    #[test]
    fn version_one_is_still_read() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/golden/control-v1.bin");
        let control = Control {
            journal: JournalId(Uuid::from_u128(1)),
            ask: Ask::Hello,
            at: WallTime::from_millis(1_795_168_200_000),
        };
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(path, signed::sign(&control, &cloud()).unwrap()).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        let read = signed::open::<Control>(&golden, &cloud().public());
        assert_eq!(read, Ok(control));
    }

    #[test]
    fn what_a_later_version_asks_is_no_error() {
        assert_eq!(
            serde_json::from_str::<Ask>("\"dance\"").unwrap(),
            Ask::Unknown
        );
    }
}
