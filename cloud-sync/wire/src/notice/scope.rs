//! For which kiosks something was set.

use std::fmt;

use kiosk_core::ids::{KioskId, StoreId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// For which kiosks something was set.
///
/// As JSON it is an object with one field: `{"all":true}`, `{"percent":25}`,
/// `{"group":"airport"}`, `{"kiosk":"canal-street/front-left"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Value", into = "Value")]
pub enum Scope {
    /// All of them.
    All,
    /// A share of them, 0 to 100 per cent.
    Percent(u8),
    /// Those that headquarters has put into a group.
    Group(String),
    /// One.
    Kiosk(StoreId, KioskId),
    /// What a later version means by it; it covers nobody here.
    Unknown(Value),
}

impl Scope {
    /// How one kiosk is named in a scope: its own id is only unique in its store.
    #[must_use]
    pub fn name_of(store: &StoreId, kiosk: &KioskId) -> String {
        format!("{store}/{kiosk}")
    }

    fn read(value: &Value) -> Option<Self> {
        let fields = value.as_object().filter(|fields| fields.len() == 1)?;
        let (key, value) = fields.iter().next()?;
        match key.as_str() {
            "all" => value.as_bool()?.then_some(Self::All),
            "percent" => {
                let percent = u8::try_from(value.as_u64()?).ok()?;
                (percent <= 100).then_some(Self::Percent(percent))
            }
            "group" => Some(Self::Group(value.as_str()?.to_owned())),
            "kiosk" => {
                let (store, kiosk) = value.as_str()?.split_once('/')?;
                Some(Self::Kiosk(store.parse().ok()?, kiosk.parse().ok()?))
            }
            _ => None,
        }
    }
}

impl From<Value> for Scope {
    fn from(value: Value) -> Self {
        Self::read(&value).unwrap_or(Self::Unknown(value))
    }
}

impl From<Scope> for Value {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::All => json!({ "all": true }),
            Scope::Percent(percent) => json!({ "percent": percent }),
            Scope::Group(group) => json!({ "group": group }),
            Scope::Kiosk(store, kiosk) => json!({ "kiosk": Scope::name_of(&store, &kiosk) }),
            Scope::Unknown(value) => value,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All => f.write_str("all kiosks"),
            Self::Percent(percent) => write!(f, "{percent} % of kiosks"),
            Self::Group(group) => write!(f, "group {group}"),
            Self::Kiosk(store, kiosk) => write!(f, "kiosk {store}/{kiosk}"),
            Self::Unknown(value) => write!(f, "{value}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_is_read_as_it_was_written_and_what_is_unknown_is_kept() {
        for text in [
            r#"{"all":true}"#,
            r#"{"percent":0}"#,
            r#"{"percent":100}"#,
            r#"{"group":"airport"}"#,
            r#"{"kiosk":"canal-street/front-left"}"#,
        ] {
            let scope: Scope = serde_json::from_str(text).unwrap();
            assert!(!matches!(scope, Scope::Unknown(_)), "{text}");
            assert_eq!(serde_json::to_string(&scope).unwrap(), text);
        }
        for text in [
            r#"{"percent":101}"#,
            r#"{"all":false}"#,
            r#"{"kiosk":"front-left"}"#,
            r#"{"region":"south"}"#,
            r#"{"all":true,"percent":1}"#,
            "7",
        ] {
            let scope: Scope = serde_json::from_str(text).unwrap();
            assert!(matches!(scope, Scope::Unknown(_)), "{text}");
            let (again, meant): (Value, Value) =
                (scope.into(), serde_json::from_str(text).unwrap());
            assert_eq!(again, meant);
        }
    }
}
