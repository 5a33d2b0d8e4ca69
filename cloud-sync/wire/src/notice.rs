//! Notices: what the cloud tells kiosks through retained messages. Signed with the cloud's key.
//!
//! Each is a state, not a delta: a lost one is made good by the next, and one that comes twice
//! changes nothing. The same bytes are given over HTTP to kiosks that no broker tells.

mod broker;
mod settings;
mod switches;

pub mod scope;
pub mod tuning;

pub use self::broker::BrokerNotice;
pub use self::settings::{CallSetting, SettingsNotice};
pub use self::switches::{SWITCHES, SwitchNotice, SwitchSetting};

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

/// The HTTP header with which a kiosk that asks for its ack says how many events are unconfirmed:
/// a decimal number. To be shown to people, as [`Presence`] is; a cloud that does not know it
/// passes it over.
pub const UNCONFIRMED_HEADER: &str = "stillopen-unconfirmed";

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

#[cfg(test)]
mod tests {
    use std::fmt::Debug;

    use kiosk_core::ids::{Generation, KioskId};
    use serde_json::json;
    use uuid::Uuid;

    use super::scope::Scope;
    use super::*;
    use crate::keys::SecretKey;
    use crate::signed;

    fn cloud() -> SecretKey {
        SecretKey::from_seed(&[9; 32])
    }

    fn name(text: &str) -> StoreId {
        StoreId::try_new(text).unwrap()
    }

    fn kiosk() -> KioskId {
        KioskId::try_new("front-left").unwrap()
    }

    fn switches() -> SwitchNotice {
        let setting = |scope, state: &str, number| SwitchSetting {
            name: "ordering_cloud".to_owned(),
            scope,
            state: state.to_owned(),
            by: "ada".to_owned(),
            reason: "the carrier repairs a line".to_owned(),
            at: WallTime::from_millis(1_790_000_000_000),
            number,
        };
        SwitchNotice {
            store: name("canal-street"),
            generation: Generation(Uuid::from_u128(5)),
            number: 12,
            groups: [(kiosk(), vec!["airport".to_owned()])].into(),
            switches: vec![
                setting(Scope::All, "off", 3),
                setting(Scope::Percent(25), "on", 4),
                setting(Scope::Group("airport".to_owned()), "auto", 9),
                setting(Scope::Kiosk(name("canal-street"), kiosk()), "on", 12),
            ],
        }
    }

    fn settings() -> SettingsNotice {
        let settings = json!({"ordering": {"slow_percent": 50, "slow_after_ms": 400}});
        SettingsNotice {
            store: name("canal-street"),
            generation: Generation(Uuid::from_u128(5)),
            number: 13,
            groups: [].into(),
            settings: vec![CallSetting {
                scope: Scope::All,
                settings: settings.as_object().unwrap().clone(),
                by: "ada".to_owned(),
                reason: "a slow provider".to_owned(),
                at: WallTime::from_millis(1_790_000_000_000),
                number: 13,
            }],
        }
    }

    fn is_still_read<M: Message + PartialEq + Debug>(notice: &M, golden: &str) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/golden");
        let path = format!("{folder}/{golden}");
        let written = signed::sign(notice, &cloud()).unwrap();
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(&path, &written).unwrap();
        }
        let golden = std::fs::read(path).unwrap();
        let read = signed::open::<M>(&golden, &cloud().public()).unwrap();
        assert_eq!(read, *notice);
        assert_eq!(golden, written, "what is written today is what was shipped");
    }

    #[test]
    fn version_one_is_still_read() {
        is_still_read(&switches(), "switches-v1.bin");
        is_still_read(&settings(), "settings-v1.bin");
        let broker = BrokerNotice {
            store: name("canal-street"),
            generation: Generation(Uuid::from_u128(5)),
            number: 4,
            url: Some("mqtts://b2.example:8883".to_owned()),
            by: "ada".to_owned(),
            reason: "the first is full".to_owned(),
            at: WallTime::from_millis(1_790_000_000_000),
        };
        is_still_read(&broker, "broker-v1.bin");
    }

    #[test]
    fn fields_of_a_later_version_are_passed_over() {
        #[derive(Serialize, Deserialize)]
        struct Later {
            #[serde(flatten)]
            notice: SwitchNotice,
            expires: u64,
        }
        impl Message for Later {
            const KIND: u8 = SwitchNotice::KIND;
        }
        let later = Later {
            notice: switches(),
            expires: 7,
        };
        let bytes = signed::sign(&later, &cloud()).unwrap();
        let read = signed::open::<SwitchNotice>(&bytes, &cloud().public()).unwrap();
        assert_eq!(read, switches());
    }

    #[test]
    fn one_notice_is_not_taken_for_the_other_and_none_for_a_forged_one() {
        let bytes = signed::sign(&switches(), &cloud()).unwrap();
        assert!(signed::open::<SettingsNotice>(&bytes, &cloud().public()).is_err());
        for index in 0..bytes.len() {
            let mut bad = bytes.clone();
            bad[index] ^= 1;
            let opened = signed::open::<SwitchNotice>(&bad, &cloud().public());
            assert!(opened.is_err(), "byte {index}");
        }
    }
}
