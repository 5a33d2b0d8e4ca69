//! The rules before remote calls, a line for each, in words.

use cloud_sync_wire::notice::tuning::{DRY_RUN, DRY_RUN_KEYS};
use fluent_bundle::FluentArgs;
use serde_json::Value;

use crate::connect::Origin;
use crate::status::{RulesStatus, Setting};
use crate::web::staff::span;
use crate::web::text::Language;

/// A rule in words.
pub(super) struct Row {
    pub(super) label: String,
    pub(super) value: String,
    pub(super) from: String,
    /// Somebody has set it.
    pub(super) set: bool,
}

/// Settings by key.
#[derive(Clone, Copy)]
struct Known<'a> {
    settings: &'a [Setting],
    t: &'a Language,
}

/// Every rule in words, with how far it is taken now.
pub(super) fn rows(now: &RulesStatus, settings: &[Setting], t: &Language) -> Vec<Row> {
    if settings.is_empty() {
        return Vec::new();
    }
    let known = Known { settings, t };
    let rows = [
        ("rule-mode", known.mode(), "mode"),
        ("rule-run", known.run(), "consecutive_failures"),
        (
            "rule-window",
            known.window(),
            "window window_seconds window_buckets minimum_calls failure_percent slow_percent failures",
        ),
        (
            "rule-last",
            known.last(),
            "last_calls last_minimum_calls last_failure_percent last_slow_percent last_failures",
        ),
        ("rule-slow", known.slow(), "slow_after_ms"),
        (
            "rule-wait",
            known.wait(),
            "open_ms open_growth_percent open_most_ms open_jitter_percent",
        ),
        (
            "rule-probes",
            known.probes(),
            "initial probes probe_verdict probe_failure_percent probe_successes probe_deadline_ms",
        ),
        ("rule-timeout", known.length("timeout_ms"), "timeout_ms"),
        (
            "rule-bulkhead",
            known.bulkhead(now),
            "calls_at_once calls_waiting",
        ),
        (
            "rule-limiter",
            known.limiter(now),
            "calls_per_second calls_per_period per_ms burst",
        ),
        (
            "rule-retries",
            known.retries(now),
            "retries retry_ms retry_growth_percent retry_most_ms retry_jitter retry_least_ms \
             retry_percent retries_per_second retries_saved",
        ),
        ("rule-ramp", known.ramp(), "ramp_first_percent ramp_seconds"),
    ];
    let tried = known.tried().map(|value| ("rule-dry-run", value, DRY_RUN));
    rows.into_iter()
        .chain(tried)
        .map(|(label, value, keys)| known.row(label, value, keys))
        .collect()
}

/// Milliseconds as people write them: `300 ms`, `1.5 s`, `5 min`.
#[expect(clippy::cast_precision_loss, reason = "a length for people")]
fn lasting(t: &Language, millis: u64) -> String {
    if millis < 1_000 {
        return t.say_one("unit-ms", "n", &millis.to_string());
    }
    let seconds = millis as f64 / 1_000.0;
    if millis < 60_000 {
        return t.say_one("unit-s", "n", &seconds.to_string());
    }
    span(t, super::calls::whole(seconds))
}

/// The words for where a rule comes from.
pub(super) const fn origin(from: Origin) -> &'static str {
    match from {
        Origin::Software => "rule-from-software",
        Origin::File => "rule-from-file",
        Origin::Headquarters => "rule-from-hq",
    }
}

impl Known<'_> {
    fn row(self, label: &str, value: String, keys: &str) -> Row {
        let of = |key| self.settings.iter().find(|setting| setting.key == key);
        let from = keys.split(' ').filter_map(|key| Some(of(key)?.from)).max();
        let from = from.unwrap_or(Origin::Software);
        Row {
            label: self.t.say(label),
            value,
            from: self.t.say(origin(from)),
            set: from != Origin::Software,
        }
    }

    fn value(self, key: &str) -> Option<&'static str> {
        let words = [
            "auto",
            "metrics_only",
            "disabled",
            "forced_open",
            "rolling",
            "fixed",
            "first_failure",
            "failure_ratio",
            "successes",
        ];
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        let word = setting.value.as_str()?;
        words.into_iter().find(|known| *known == word)
    }

    fn number(self, key: &str) -> Option<f64> {
        let setting = self.settings.iter().find(|setting| setting.key == key)?;
        setting.value.as_f64()
    }

    /// A number as people write it: `2`, `33.3`.
    fn plain(self, key: &str) -> String {
        self.number(key)
            .map_or_else(String::new, |number| Value::from(number).to_string())
            .trim_end_matches(".0")
            .to_owned()
    }

    fn off(self) -> String {
        self.t.say("rule-off")
    }

    fn say(self, key: &str, args: &[(&'static str, String)]) -> String {
        let mut named = FluentArgs::new();
        for (name, value) in args {
            named.set(*name, value.as_str());
        }
        self.t.say_with(key, &named)
    }

    /// A key's milliseconds.
    fn length(self, key: &str) -> String {
        let setting = self.settings.iter().find(|setting| setting.key == key);
        let millis = setting.and_then(|setting| setting.value.as_u64());
        lasting(self.t, millis.unwrap_or(0))
    }

    fn seconds(self, key: &str) -> String {
        span(self.t, super::calls::whole(self.number(key).unwrap_or(0.0)))
    }

    fn mode(self) -> String {
        self.t.say(match self.value("mode") {
            Some("metrics_only") => "mode-metrics_only",
            Some("disabled") => "mode-disabled",
            Some("forced_open") => "mode-forced_open",
            _ => "mode-auto",
        })
    }

    /// The thresholds that are tried beside these.
    fn tried(self) -> Option<String> {
        let setting = self
            .settings
            .iter()
            .find(|setting| setting.key == DRY_RUN)?;
        let tried = DRY_RUN_KEYS.iter().filter_map(|key| {
            Some(Setting {
                key,
                value: setting.value.get(key)?.clone(),
                from: setting.from,
            })
        });
        let settings: Vec<_> = tried.collect();
        let tried = Known {
            settings: &settings,
            t: self.t,
        };
        let words = [
            ("rule-run", tried.run()),
            ("rule-window", tried.window()),
            ("rule-last", tried.last()),
            ("rule-slow", tried.slow()),
        ];
        let off = self.off();
        let words = words.into_iter().filter(|(_, value)| *value != off);
        let words = words.map(|(label, value)| {
            let label = self.t.say(label);
            self.say("value-tried", &[("label", label), ("value", value)])
        });
        Some(words.collect::<Vec<_>>().join(" "))
    }

    fn run(self) -> String {
        match self.number("consecutive_failures") {
            Some(_) => self.say("value-run", &[("n", self.plain("consecutive_failures"))]),
            None => self.off(),
        }
    }

    fn thresholds(self, of: &str) -> String {
        let key = |name: &str| format!("{of}{name}");
        let told = [
            ("failure_percent", "value-failed-percent"),
            ("slow_percent", "value-slow-percent"),
            ("failures", "value-failures"),
        ];
        let parts = told.into_iter().filter_map(|(name, words)| {
            self.number(&key(name))?;
            Some(self.say(words, &[("n", self.plain(&key(name)))]))
        });
        let parts: Vec<_> = parts.collect();
        if parts.is_empty() {
            self.t.say("value-counts-only")
        } else {
            parts.join(&self.t.say("list-or"))
        }
    }

    fn window(self) -> String {
        let Some(kind) = self.value("window") else {
            return self.off();
        };
        let args = [
            ("span", self.seconds("window_seconds")),
            ("calls", self.plain("minimum_calls")),
            ("parts", self.thresholds("")),
        ];
        self.say(
            if kind == "fixed" {
                "value-window-fixed"
            } else {
                "value-window"
            },
            &args,
        )
    }

    fn last(self) -> String {
        if self.number("last_calls").is_none() {
            return self.off();
        }
        let args = [
            ("n", self.plain("last_calls")),
            ("calls", self.plain("last_minimum_calls")),
            ("parts", self.thresholds("last_")),
        ];
        self.say("value-last", &args)
    }

    fn slow(self) -> String {
        match self.number("slow_after_ms") {
            Some(_) => self.say("value-slow", &[("span", self.length("slow_after_ms"))]),
            None => self.off(),
        }
    }

    fn wait(self) -> String {
        let growth = self.number("open_growth_percent").unwrap_or(100.0) / 100.0;
        let args = [
            ("first", self.length("open_ms")),
            ("growth", growth.to_string()),
            ("most", self.length("open_most_ms")),
            ("chance", self.plain("open_jitter_percent")),
        ];
        self.say("value-wait", &args)
    }

    fn probes(self) -> String {
        let (key, of) = match self.value("probe_verdict") {
            Some("failure_ratio") => ("value-probes-ratio", "probe_failure_percent"),
            Some("successes") => ("value-probes-successes", "probe_successes"),
            _ if self.plain("probes") == "1" => ("value-probe", "probes"),
            _ => ("value-probes", "probes"),
        };
        let args = [
            ("probes", self.plain("probes")),
            ("n", self.plain(of)),
            ("span", self.length("probe_deadline_ms")),
        ];
        self.say(key, &args)
    }

    fn bulkhead(self, now: &RulesStatus) -> String {
        let of = now.bulkhead;
        let args = [
            ("calls", of.calls.to_string()),
            ("queue", of.queue.to_string()),
            ("used", of.in_use.to_string()),
            ("waiting", of.waiting.to_string()),
        ];
        self.say("value-bulkhead", &args)
    }

    fn limiter(self, now: &RulesStatus) -> String {
        let of = now.limiter;
        let args = [
            ("calls", of.calls.to_string()),
            ("span", lasting(self.t, of.per_ms)),
            ("burst", of.burst.to_string()),
            ("now", of.available.to_string()),
        ];
        self.say("value-limiter", &args)
    }

    fn retries(self, now: &RulesStatus) -> String {
        if now.retries.most == 0 {
            return self.t.say("value-no-retries");
        }
        let args = [
            ("most", now.retries.most.to_string()),
            ("first", self.length("retry_ms")),
            ("longest", self.length("retry_most_ms")),
            ("percent", self.plain("retry_percent")),
            ("each", self.plain("retries_per_second")),
            ("now", now.retries.affordable.to_string()),
        ];
        self.say("value-retries", &args)
    }

    fn ramp(self) -> String {
        match self.number("ramp_seconds") {
            Some(seconds) if seconds > 0.0 => {
                let args = [
                    ("percent", self.plain("ramp_first_percent")),
                    ("span", self.seconds("ramp_seconds")),
                ];
                self.say("value-ramp", &args)
            }
            _ => self.t.say("value-no-ramp"),
        }
    }
}
