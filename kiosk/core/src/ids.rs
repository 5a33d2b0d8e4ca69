//! Identities. Each kind is a type of its own, so that one can't be taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

uuid_id! {
    /// An order. UUIDv7; knowing it is the diner's right to read the order.
    OrderId
}
uuid_id! {
    /// One immutable fact. UUIDv7, kept when the event is re-emitted under another journal.
    EventId
}
uuid_id! {
    /// One journal file: random, made when the file is created.
    JournalId
}
uuid_id! {
    /// One run of the process between two starts.
    BootId
}
uuid_id! {
    /// The lineage of the cloud's ledger; a new one after a restore.
    Generation
}

/// A name that is not usable as a store's or kiosk's identity.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{found:?} can't name a {what}: use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit"
)]
pub struct BadName {
    what: &'static str,
    found: String,
}

macro_rules! name_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a name of 1 to 63 of `a-z`, `0-9` and `-` that begins with a letter or digit.
            ///
            /// # Errors
            /// [`BadName`] for anything else: the name goes into topics and paths as it is.
            pub fn try_new(text: &str) -> Result<Self, BadName> {
                let fits = (1..=63).contains(&text.len())
                    && !text.starts_with('-')
                    && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
                if fits {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(BadName { what: $what, found: text.chars().take(80).collect() })
                }
            }

            /// The name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = BadName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::try_new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::try_new(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name_id! {
    /// One restaurant.
    StoreId, "store"
}
name_id! {
    /// One appliance of a store.
    KioskId, "kiosk"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_could_reach_out_of_its_topic_is_refused() {
        for bad in ["", "-a", "a/b", "a+", "#", "A", "ä", "a b", &"a".repeat(64)] {
            assert!(StoreId::try_new(bad).is_err(), "{bad:?}");
        }
        for good in ["a", "0", "canal-street", &"a".repeat(63)] {
            assert!(KioskId::try_new(good).is_ok(), "{good:?}");
        }
    }
}
