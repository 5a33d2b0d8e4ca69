//! What can be set about remote calls: the same keys in a kiosk's configuration file, in the API of
//! headquarters and in a [`SettingsNotice`](super::SettingsNotice).
//!
//! | key | means |
//! |---|---|
//! | `consecutive_failures` | the breaker opens at so many failures in a row |
//! | `window_seconds` | how far back calls count for the shares below |
//! | `minimum_calls` | fewer calls in the window are not judged |
//! | `failure_percent` | the breaker opens at this share of failures |
//! | `slow_percent` | the breaker opens at this share of slow calls |
//! | `slow_after_ms` | a call is slow if it took longer |
//! | `probes` | so many calls in a row must succeed before an open breaker closes |
//! | `timeout_ms` | an answer is waited for so long |
//! | `calls_at_once` | the bulkhead: so many calls at a time |
//! | `calls_waiting` | so many callers may wait for a place in it |
//! | `calls_per_second`, `burst` | the limiter |
//! | `retries` | a failed call is made again so often, within its own time |
//! | `retry_percent`, `retries_per_second` | the budget: all retries together may add this share to the calls, and so many more |
//! | `ramp_first_percent`, `ramp_seconds` | after an outage this share of calls passes at first, and all of them after that time |
//!
//! What is not set stays as the software has it.

use std::collections::BTreeMap;

use kiosk_core::document::{At, Faults, Object, whole};
use serde_json::{Map, Value};

/// The remote dependencies whose rules can be set.
pub const DEPENDENCIES: [&str; 2] = ["menu", "ordering"];

/// Every key with its least and greatest value.
pub const KEYS: [(&str, u32, u32); 17] = [
    ("burst", 1, 100_000),
    ("calls_at_once", 1, 1_024),
    ("calls_per_second", 1, 100_000),
    ("calls_waiting", 0, 1_024),
    ("consecutive_failures", 1, 1_000),
    ("failure_percent", 1, 100),
    ("minimum_calls", 1, 100_000),
    ("probes", 1, 64),
    ("ramp_first_percent", 1, 100),
    ("ramp_seconds", 0, 3_600),
    ("retries", 0, 10),
    ("retries_per_second", 0, 1_000),
    ("retry_percent", 1, 100),
    ("slow_after_ms", 1, 600_000),
    ("slow_percent", 1, 100),
    ("timeout_ms", 50, 120_000),
    ("window_seconds", 1, 3_600),
];

/// What is set, by dependency and key. All of it is in range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tuning(BTreeMap<(&'static str, &'static str), u32>);

impl Tuning {
    /// Reads what somebody wrote; every fault is told at its place.
    pub fn read(value: &Value, at: &At<'_>, faults: &mut Faults) -> Self {
        let mut tuning = Self::default();
        let Some(object) = Object::read(value, at, faults) else {
            return tuning;
        };
        for unknown in object.unknown(&DEPENDENCIES) {
            let known = DEPENDENCIES.join(", ");
            faults.add(
                &at.key(unknown),
                format!("is not a dependency of a kiosk; known are {known}"),
            );
        }
        for name in DEPENDENCIES {
            let read = |value, at: &At<'_>, faults: &mut Faults| {
                tuning.read_one(name, value, at, faults);
                Some(())
            };
            object.optional(name, at, faults, read);
        }
        tuning
    }

    fn read_one(&mut self, name: &'static str, value: &Value, at: &At<'_>, faults: &mut Faults) {
        let Some(object) = Object::read(value, at, faults) else {
            return;
        };
        let known = KEYS.map(|(key, ..)| key);
        for unknown in object.unknown(&known) {
            let known = known.join(", ");
            faults.add(&at.key(unknown), format!("can't be set; known are {known}"));
        }
        for (key, least, most) in KEYS {
            let read = |value, at: &At<'_>, faults: &mut Faults| {
                whole(value, at, faults, least.into(), most.into())
            };
            let number = object.optional(key, at, faults, read);
            if let Some(number) = number.and_then(|number| u32::try_from(number).ok()) {
                self.0.insert((name, key), number);
            }
        }
    }

    /// Takes what this software knows and can work with from a notice, and passes over the rest:
    /// a later version may say more.
    #[must_use]
    pub fn known(settings: &Map<String, Value>) -> Self {
        let mut tuning = Self::default();
        for name in DEPENDENCIES {
            for (key, least, most) in KEYS {
                let value = settings.get(name).and_then(|keys| keys.get(key));
                let number = value.and_then(Value::as_u64);
                let number = number.and_then(|number| u32::try_from(number).ok());
                if let Some(number) = number.filter(|number| (least..=most).contains(number)) {
                    tuning.0.insert((name, key), number);
                }
            }
        }
        tuning
    }

    /// What is set, if it is.
    #[must_use]
    pub fn get(&self, dependency: &str, key: &str) -> Option<u32> {
        let mut all = self.0.iter();
        all.find(|((of, which), _)| *of == dependency && *which == key)
            .map(|(_, number)| *number)
    }

    /// Puts `other` over this: where both set a key, `other` holds.
    #[must_use]
    pub fn under(mut self, other: &Self) -> Self {
        self.0.extend(&other.0);
        self
    }

    /// Whether nothing is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// As it stands in a notice.
    #[must_use]
    pub fn to_json(&self) -> Map<String, Value> {
        let mut all: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for ((name, key), number) in &self.0 {
            all.entry(name)
                .or_default()
                .insert((*key).to_owned(), (*number).into());
        }
        let named = all.into_iter();
        named
            .map(|(name, keys)| (name.to_owned(), Value::Object(keys)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(value: &Value) -> (Tuning, Vec<String>) {
        let mut faults = Faults::default();
        let tuning = Tuning::read(value, &At::Root, &mut faults);
        let told = faults.into_vec().into_iter().map(|fault| fault.pointer);
        (tuning, told.collect())
    }

    #[test]
    fn every_fault_is_told_at_its_place() {
        let (_, faults) = read(&json!({
            "ordering": {"slow_percent": 0, "timeout_ms": "1", "colour": 1},
            "payments": {},
            "menu": 3,
        }));
        let want = [
            "/payments",
            "/menu",
            "/ordering/colour",
            "/ordering/slow_percent",
            "/ordering/timeout_ms",
        ];
        assert_eq!(faults, want);
    }

    #[test]
    fn what_is_read_is_written_and_known_again() {
        let value = json!({"menu": {"retries": 0}, "ordering": {"timeout_ms": 900}});
        let (tuning, faults) = read(&value);
        assert_eq!(faults, [""; 0]);
        assert_eq!(Value::Object(tuning.to_json()), value);
        assert_eq!(Tuning::known(&tuning.to_json()), tuning);
        assert_eq!(tuning.get("ordering", "timeout_ms"), Some(900));
        assert_eq!(tuning.get("menu", "timeout_ms"), None);
    }

    #[test]
    fn what_a_later_version_says_is_passed_over() {
        let value = json!({"ordering": {"retries": 2, "hedge": "fast", "burst": 0}, "members": 1});
        let tuning = Tuning::known(value.as_object().unwrap());
        assert_eq!(
            Value::Object(tuning.to_json()),
            json!({"ordering": {"retries": 2}})
        );
    }

    #[test]
    fn what_is_set_more_narrowly_holds_key_by_key() {
        let wide = read(&json!({"menu": {"retries": 1, "probes": 2}})).0;
        let narrow = read(&json!({"menu": {"retries": 5}})).0;
        let both = wide.under(&narrow);
        assert_eq!(both.get("menu", "retries"), Some(5));
        assert_eq!(both.get("menu", "probes"), Some(2));
    }
}
