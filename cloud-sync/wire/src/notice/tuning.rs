//! What can be set about remote calls: the same keys in a kiosk's configuration file, in the API of
//! headquarters and in a [`SettingsNotice`](super::SettingsNotice).
//!
//! | key | means |
//! |---|---|
//! | `mode` | `auto`; `metrics_only`: a dry run, the breaker lets all pass and tells of thresholds that are met; `disabled`: all pass and nothing is counted; `forced_open` |
//! | `initial` | the state in which the breaker begins at a start: `closed`, `open`, `half_open` |
//! | `consecutive_failures` | the breaker opens at so many failures in a row |
//! | `window`, `window_seconds`, `window_buckets` | `rolling`, `fixed` or `off`; how far back calls count for the four below, and in how many steps they are forgotten |
//! | `minimum_calls` | fewer calls in the window are not judged |
//! | `failure_percent` | the breaker opens at this share of failures |
//! | `slow_percent` | the breaker opens at this share of slow calls |
//! | `failures` | the breaker opens at so many failures |
//! | `slow_after_ms` | a call is slow if it took longer |
//! | `last_calls`, `last_minimum_calls`, `last_failure_percent`, `last_slow_percent`, `last_failures` | the same over the last so many calls |
//! | `open_ms`, `open_growth_percent`, `open_most_ms`, `open_jitter_percent` | how long an open breaker waits; 200 doubles the wait with each failed round, up to the most; this share of it is left to chance |
//! | `probes` | so many calls must succeed before an open breaker closes |
//! | `probe_verdict` | `first_failure` reopens it; `failure_ratio` judges all of them by `probe_failure_percent`; `successes` closes it after `probe_successes` |
//! | `probe_deadline_ms` | a probe that takes longer makes room for another |
//! | `timeout_ms` | an answer is waited for so long |
//! | `calls_at_once` | the bulkhead: so many calls at a time |
//! | `calls_waiting` | so many callers may wait for a place in it |
//! | `calls_per_second`, `burst` | the limiter |
//! | `calls_per_period`, `per_ms` | the same for another period than a second |
//! | `retries` | a failed call is made again so often, within its own time |
//! | `retry_ms`, `retry_growth_percent`, `retry_most_ms`, `retry_jitter` | after what waits: `none`, `full` or `equal` of them left to chance |
//! | `retry_least_ms` | an attempt with less time left than this is not begun |
//! | `retry_percent`, `retries_per_second`, `retries_saved` | the budget: all retries together may add this share to the calls, and so many more; so many can be saved up |
//! | `ramp_first_percent`, `ramp_seconds` | after an outage this share of calls passes at first, and all of them after that time |
//!
//! A rule that a number turns on is turned off by the word `off`. What is not set stays as the
//! software has it.
//!
//! Under `dry_run` stands what is tried beside the rules in force: of the keys above those that say
//! when a breaker opens. The rest of them is as in force, the same calls are counted, and what would
//! have opened the breaker is told; nothing is stopped by it.

use std::collections::BTreeMap;

use kiosk_core::document::{At, Faults, Object};
use serde_json::{Map, Value};

mod keys;
mod sense;

pub use self::keys::{DRY_RUN_KEYS, KEYS, OFF, Range, Set};
pub use self::sense::Idle;

/// The remote dependencies whose rules can be set.
pub const DEPENDENCIES: [&str; 2] = ["menu", "ordering"];
/// Where thresholds stand that are tried beside those in force.
pub const DRY_RUN: &str = "dry_run";

/// What is tried beside the rules of a dependency stands under this name in a [`Tuning`].
#[must_use]
pub fn dry_run_of(dependency: &str) -> Option<&'static str> {
    match dependency {
        "menu" => Some("menu.dry_run"),
        "ordering" => Some("ordering.dry_run"),
        _ => None,
    }
}

/// What is set, by dependency and key. All of it is in range.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tuning(BTreeMap<(&'static str, &'static str), Set>);

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
        let all = Self::software().under(&tuning);
        for Idle { of, key, why } in tuning.idle(&all) {
            let (name, beside) = of.split_once('.').unwrap_or((of, ""));
            let of = at.key(name);
            if beside.is_empty() {
                faults.add(&of.key(key), why);
            } else {
                faults.add(&of.key(beside).key(key), why);
            }
        }
        tuning
    }

    fn read_one(&mut self, name: &'static str, value: &Value, at: &At<'_>, faults: &mut Faults) {
        let Some(object) = Object::read(value, at, faults) else {
            return;
        };
        let mut known = KEYS.map(|(key, ..)| key).to_vec();
        known.push(DRY_RUN);
        refuse_unknown(&object, &known, at, faults);
        self.read_keys(name, &object, &known, at, faults);
        let read = |value, at: &At<'_>, faults: &mut Faults| {
            let object = Object::read(value, at, faults)?;
            refuse_unknown(&object, &DRY_RUN_KEYS, at, faults);
            self.read_keys(dry_run_of(name)?, &object, &DRY_RUN_KEYS, at, faults);
            Some(())
        };
        object.optional(DRY_RUN, at, faults, read);
    }

    fn read_keys(
        &mut self,
        name: &'static str,
        object: &Object<'_>,
        known: &[&str],
        at: &At<'_>,
        faults: &mut Faults,
    ) {
        for (key, range) in KEYS.into_iter().filter(|(key, _)| known.contains(key)) {
            let read = |value, at: &At<'_>, faults: &mut Faults| range.read(value, at, faults);
            if let Some(set) = object.optional(key, at, faults, read) {
                self.0.insert((name, key), set);
            }
        }
    }

    /// Takes what this software knows and can work with from a notice, and passes over the rest:
    /// a later version may say more.
    #[must_use]
    pub fn known(settings: &Map<String, Value>) -> Self {
        let mut tuning = Self::default();
        for name in DEPENDENCIES {
            let Some(object) = settings.get(name) else {
                continue;
            };
            for (key, range) in KEYS {
                let known = |of: &Value| of.get(key).and_then(|value| range.known(value));
                if let Some(set) = known(object) {
                    tuning.0.insert((name, key), set);
                }
                let beside = object.get(DRY_RUN).and_then(known);
                let beside = beside.filter(|_| DRY_RUN_KEYS.contains(&key));
                if let (Some(set), Some(name)) = (beside, dry_run_of(name)) {
                    tuning.0.insert((name, key), set);
                }
            }
        }
        tuning
    }

    /// What is set, if it is.
    #[must_use]
    pub fn set(&self, dependency: &str, key: &str) -> Option<Set> {
        let mut all = self.0.iter();
        all.find(|((of, which), _)| *of == dependency && *which == key)
            .map(|(_, set)| *set)
    }

    /// The number that is set, if one is.
    #[must_use]
    pub fn number(&self, dependency: &str, key: &str) -> Option<u32> {
        match self.set(dependency, key)? {
            Set::Number(number) => Some(number),
            Set::Word(_) => None,
        }
    }

    /// The word that is set, if one is.
    #[must_use]
    pub fn word(&self, dependency: &str, key: &str) -> Option<&'static str> {
        match self.set(dependency, key)? {
            Set::Word(word) => Some(word),
            Set::Number(_) => None,
        }
    }

    /// All that is set for a dependency, in the order of the keys.
    pub fn of(&self, dependency: &str) -> impl Iterator<Item = (&'static str, Set)> {
        self.0
            .iter()
            .filter(move |((of, _), _)| *of == dependency)
            .map(|((_, key), set)| (*key, *set))
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
        let mut all = Map::new();
        let object = || Value::Object(Map::new());
        for ((name, key), set) in &self.0 {
            let (name, beside) = name.split_once('.').unwrap_or((name, ""));
            let mut of = all.entry(name).or_insert_with(object);
            if !beside.is_empty() {
                let fields = of.as_object_mut().map(|fields| fields.entry(beside));
                let Some(beside) = fields else { continue };
                of = beside.or_insert_with(object);
            }
            of[*key] = (*set).into();
        }
        all
    }
}

fn refuse_unknown(object: &Object<'_>, known: &[&str], at: &At<'_>, faults: &mut Faults) {
    for unknown in object.unknown(known) {
        let known = known.join(", ");
        faults.add(&at.key(unknown), format!("can't be set; known are {known}"));
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
        assert_eq!(tuning.number("ordering", "timeout_ms"), Some(900));
        assert_eq!(tuning.number("menu", "timeout_ms"), None);
    }

    #[test]
    fn keys_stand_in_order_and_once() {
        let names = KEYS.map(|(key, _)| key);
        assert!(names.is_sorted_by(|one, next| one < next), "{names:?}");
    }

    #[test]
    fn a_rule_is_turned_off_by_a_word_and_only_where_that_means_something() {
        let value = json!({"ordering": {
            "consecutive_failures": "off", "slow_after_ms": "off", "window": "off", "mode": "metrics_only",
        }});
        let (tuning, faults) = read(&value);
        assert_eq!(faults, [""; 0]);
        assert_eq!(Value::Object(tuning.to_json()), value);
        assert_eq!(Tuning::known(&tuning.to_json()), tuning);
        assert_eq!(tuning.word("ordering", "mode"), Some("metrics_only"));
        assert_eq!(tuning.number("ordering", "slow_after_ms"), None);
        let (_, faults) = read(&json!({"ordering": {
            "probes": "off", "mode": "off", "failures": "none", "window": 7,
        }}));
        let want = ["failures", "mode", "probes", "window"];
        assert_eq!(faults, want.map(|key| format!("/ordering/{key}")));
    }

    #[test]
    fn what_would_do_nothing_or_contradicts_itself_is_told() {
        let (_, mut faults) = read(&json!({
            "menu": {"retry_percent": 10, "last_failures": 2, "probe_successes": 1},
            "ordering": {
                "retries": 1, "retry_percent": 10, "retry_ms": 9, "retry_most_ms": 8,
                "last_calls": 5, "last_failures": 6, "open_ms": 2, "open_most_ms": 1,
                "probe_verdict": "successes", "probes": 2, "probe_successes": 3,
                "timeout_ms": 900, "probe_deadline_ms": 800, "slow_after_ms": 500,
            },
        }));
        faults.sort_unstable();
        let want = [
            "/menu/last_failures",
            "/menu/probe_successes",
            "/menu/retry_percent",
            "/ordering/last_failures",
            "/ordering/open_ms",
            "/ordering/probe_successes",
            "/ordering/retry_ms",
            "/ordering/timeout_ms",
        ];
        assert_eq!(faults, want);
        let (_, faults) = read(&json!({"menu": {"last_calls": "off", "last_failures": 2}}));
        assert_eq!(faults, ["/menu/last_failures"]);
    }

    #[test]
    fn what_is_dead_beside_what_holds_is_told_where_it_is_set() {
        for (set, dead) in [
            (
                json!({"slow_after_ms": "off", "slow_percent": 80}),
                "slow_percent",
            ),
            (json!({"slow_after_ms": 1_500}), "slow_after_ms"),
            (
                json!({"timeout_ms": 1_200, "slow_percent": 70}),
                "slow_percent",
            ),
            (json!({"last_calls": 20}), "last_calls"),
            (
                json!({"last_calls": 20, "last_slow_percent": 9, "slow_after_ms": "off"}),
                "last_slow_percent",
            ),
            (
                json!({"window": "off", "window_seconds": 9}),
                "window_seconds",
            ),
            (
                json!({"window": "fixed", "window_buckets": 9}),
                "window_buckets",
            ),
            (
                json!({"failure_percent": "off", "slow_percent": "off", "minimum_calls": 9}),
                "minimum_calls",
            ),
            (json!({"retries": 0, "retry_ms": 9}), "retry_ms"),
            (
                json!({"retries": 1, "retry_least_ms": 1_500}),
                "retry_least_ms",
            ),
            (
                json!({"ramp_seconds": 0, "ramp_first_percent": 9}),
                "ramp_first_percent",
            ),
            (json!({"per_ms": 60_000}), "per_ms"),
            (
                json!({"calls_per_second": 1, "calls_per_period": 1, "per_ms": 9}),
                "calls_per_second",
            ),
            (
                json!({"dry_run": {"slow_after_ms": "off", "slow_percent": 9}}),
                "dry_run/slow_percent",
            ),
            (json!({"dry_run": {"last_calls": 9}}), "dry_run/last_calls"),
            (
                json!({"probe_verdict": "successes", "probe_successes": 2}),
                "probe_successes",
            ),
        ] {
            let (_, faults) = read(&json!({ "ordering": set }));
            assert_eq!(faults, [format!("/ordering/{dead}")], "{set}");
        }
    }

    #[test]
    fn what_has_an_effect_is_no_fault() {
        for fine in [
            json!({"slow_after_ms": "off"}),
            json!({"timeout_ms": 900}),
            json!({"slow_percent": "off", "minimum_calls": 9}),
            json!({"last_calls": 20, "last_failures": 9, "last_minimum_calls": 9}),
            json!({"calls_per_period": 5, "per_ms": 60_000}),
            json!({"dry_run": {"slow_percent": 30, "minimum_calls": 3}}),
        ] {
            let (_, faults) = read(&json!({ "ordering": fine }));
            assert_eq!(faults, [""; 0], "{fine}");
        }
    }

    #[test]
    fn what_one_scope_kills_of_another_is_found_where_both_hold() {
        let wide = read(&json!({"ordering": {"slow_after_ms": "off"}})).0;
        let narrow = read(&json!({"ordering": {"slow_percent": 40}})).0;
        let all = Tuning::software().under(&wide).under(&narrow);
        let idle = narrow.idle(&all);
        assert_eq!((idle.len(), idle[0].key), (1, "slow_percent"));
        assert!(idle[0].why.contains("slow_after_ms is off"), "{idle:?}");
        assert_eq!(wide.idle(&all), []);
    }

    #[test]
    fn what_is_tried_beside_is_written_and_known_again_and_is_thresholds_alone() {
        let value = json!({"ordering": {
            "dry_run": {"consecutive_failures": "off", "failure_percent": 20}, "retries": 1,
        }});
        let (tuning, faults) = read(&value);
        assert_eq!(faults, [""; 0]);
        assert_eq!(Value::Object(tuning.to_json()), value);
        assert_eq!(Tuning::known(&tuning.to_json()), tuning);
        assert_eq!(tuning.number("ordering", "failure_percent"), None);
        assert_eq!(
            tuning.number("ordering.dry_run", "failure_percent"),
            Some(20)
        );
        let (_, faults) = read(&json!({"menu": {"dry_run": {"retries": 1, "failures": 0}}}));
        assert_eq!(faults, ["/menu/dry_run/retries", "/menu/dry_run/failures"]);
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
        assert_eq!(both.number("menu", "retries"), Some(5));
        assert_eq!(both.number("menu", "probes"), Some(2));
    }
}
