//! Topics of the broker. Store and kiosk ids can't hold `/`, `+` or `#`.

use kiosk_core::ids::{KioskId, StoreId};

/// What every topic of this protocol begins with.
pub const ROOT: &str = "so1";

/// The topics of one kiosk.
#[derive(Debug, Clone)]
pub struct KioskTopics {
    base: String,
    store: String,
}

impl KioskTopics {
    /// The topics of that kiosk.
    #[must_use]
    pub fn new(store: &StoreId, kiosk: &KioskId) -> Self {
        Self {
            base: format!("{ROOT}/{store}/{kiosk}"),
            store: format!("{ROOT}/{store}"),
        }
    }

    /// Frames, kiosk to cloud.
    #[must_use]
    pub fn up_events(&self) -> String {
        format!("{}/up/events", self.base)
    }

    /// One hello per connection, kiosk to cloud.
    #[must_use]
    pub fn up_hello(&self) -> String {
        format!("{}/up/hello", self.base)
    }

    /// Acks, cloud to kiosk.
    #[must_use]
    pub fn down_ack(&self) -> String {
        format!("{}/down/ack", self.base)
    }

    /// What the cloud asks of this kiosk.
    #[must_use]
    pub fn down_control(&self) -> String {
        format!("{}/down/control", self.base)
    }

    /// Everything from the cloud to this kiosk alone.
    #[must_use]
    pub fn down_all(&self) -> String {
        format!("{}/down/#", self.base)
    }

    /// Presence, retained, and the last will.
    #[must_use]
    pub fn status(&self) -> String {
        format!("{}/status", self.base)
    }

    /// Everything from the cloud to all kiosks of the store.
    #[must_use]
    pub fn store_config(&self) -> String {
        format!("{}/config/#", self.store)
    }
}

/// The retained notice of a store's menu.
#[must_use]
pub fn store_menu(store: &StoreId) -> String {
    format!("{ROOT}/{store}/config/menu")
}

/// The retained notice of where headquarters has put switches for a store's kiosks.
#[must_use]
pub fn store_switches(store: &StoreId) -> String {
    format!("{ROOT}/{store}/config/switches")
}

/// The retained notice of how headquarters has set the remote calls of a store's kiosks.
#[must_use]
pub fn store_settings(store: &StoreId) -> String {
    format!("{ROOT}/{store}/config/settings")
}

/// The retained notice of the broker that a store's kiosks are to use.
#[must_use]
pub fn store_broker(store: &StoreId) -> String {
    format!("{ROOT}/{store}/config/broker")
}

/// The words that the cloud's keys gave for one another, retained.
pub const FLEET_KEYS: &str = "so1/fleet/config/keys";
/// Everything from the cloud to all kiosks.
pub const FLEET_CONFIG: &str = "so1/fleet/config/#";
/// Frames of all kiosks, shared among replicas.
pub const ALL_EVENTS: &str = "$share/ingest/so1/+/+/up/events";
/// Hellos of all kiosks, shared among replicas.
pub const ALL_HELLOS: &str = "$share/ingest/so1/+/+/up/hello";
/// Presence of all kiosks.
pub const ALL_STATUS: &str = "so1/+/+/status";

/// Which kiosk a topic `so1/{store}/{kiosk}/…` belongs to, and what follows.
#[must_use]
pub fn sender_of(topic: &str) -> Option<(StoreId, KioskId, &str)> {
    let rest = topic.strip_prefix(ROOT)?.strip_prefix('/')?;
    let (store, rest) = rest.split_once('/')?;
    let (kiosk, rest) = rest.split_once('/')?;
    Some((
        StoreId::try_new(store).ok()?,
        KioskId::try_new(kiosk).ok()?,
        rest,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_its_sender() {
        let topics = KioskTopics::new(
            &StoreId::try_new("s").unwrap(),
            &KioskId::try_new("k").unwrap(),
        );
        assert_eq!(topics.up_events(), "so1/s/k/up/events");
        let (store, kiosk, rest) = sender_of("so1/s/k/up/events").unwrap();
        assert_eq!(
            (store.as_str(), kiosk.as_str(), rest),
            ("s", "k", "up/events")
        );
        for bad in ["so1/s/k", "so2/s/k/up", "so1/S/k/up", "so1//k/up", "x"] {
            assert!(sender_of(bad).is_none(), "{bad}");
        }
    }
}
