//! The rules in force, under the keys that set them.

use std::time::Duration;

use cloud_sync_wire::notice::tuning::{DRY_RUN, OFF};
use resilience::Ratio;
use resilience::backoff::Jitter;
use resilience::breaker::{Settings, Thresholds, Verdict, Window};
use serde_json::{Value, json};

use crate::protect::Rules;

type Told = Vec<(&'static str, Value)>;

impl Rules {
    /// Every rule that holds, under its key; what only another rule looks at is left out with it. What
    /// is tried beside stands under `dry_run`, whole.
    #[must_use]
    pub fn told(&self) -> Vec<(&'static str, Value)> {
        let mut told = vec![
            ("mode", json!(self.mode.name())),
            ("initial", json!(self.breaker.initial.name())),
        ];
        tell_thresholds(&mut told, &self.breaker);
        self.tell_recovery(&mut told);
        told.extend([
            ("timeout_ms", json!(millis(self.timeout))),
            ("calls_at_once", json!(self.places.calls)),
            ("calls_waiting", json!(self.places.waiting)),
            ("burst", json!(self.rate.burst)),
        ]);
        if self.rate.period == Duration::from_secs(1) {
            told.push(("calls_per_second", json!(self.rate.calls)));
        } else {
            told.push(("calls_per_period", json!(self.rate.calls)));
            told.push(("per_ms", json!(millis(self.rate.period))));
        }
        self.tell_retries(&mut told);
        if let Some(beside) = &self.dry_run {
            let mut tried = Told::new();
            tell_thresholds(&mut tried, beside);
            let tried = tried.into_iter();
            let tried = tried.map(|(key, value)| (key.to_owned(), value));
            told.push((DRY_RUN, Value::Object(tried.collect())));
        }
        told
    }

    fn tell_recovery(&self, told: &mut Told) {
        let (open, half) = (self.breaker.open, self.breaker.half_open);
        told.extend([
            ("open_ms", json!(millis(open.initial))),
            ("open_growth_percent", json!((open.growth * 100.0).round())),
            ("open_most_ms", json!(millis(open.max))),
            ("open_jitter_percent", json!((open.jitter * 100.0).round())),
            ("probes", json!(half.permits)),
            ("probe_deadline_ms", json!(millis(half.deadline))),
        ]);
        let verdict = match half.verdict {
            Verdict::FirstFailure => ("probe_verdict", json!("first_failure")),
            Verdict::FailureRatio(ratio) => {
                told.push(("probe_failure_percent", json!(percent(ratio))));
                ("probe_verdict", json!("failure_ratio"))
            }
            Verdict::Successes(wanted) => {
                told.push(("probe_successes", json!(wanted)));
                ("probe_verdict", json!("successes"))
            }
        };
        told.push(verdict);
        if let Some(slope) = self.breaker.ramp {
            told.push(("ramp_first_percent", json!(percent(slope.first))));
            told.push(("ramp_seconds", json!(slope.over.as_secs())));
        }
    }

    fn tell_retries(&self, told: &mut Told) {
        let retries = self.retries;
        told.push(("retries", json!(retries.most)));
        if retries.most == 0 {
            return;
        }
        let jitter = match retries.backoff.jitter {
            Jitter::None => "none",
            Jitter::Full => "full",
            Jitter::Equal => "equal",
        };
        let growth = (retries.backoff.factor * 100.0).round();
        told.extend([
            ("retry_ms", json!(millis(retries.backoff.initial))),
            ("retry_growth_percent", json!(growth)),
            ("retry_most_ms", json!(millis(retries.backoff.cap))),
            ("retry_jitter", json!(jitter)),
            ("retry_least_ms", json!(millis(retries.least))),
            ("retry_percent", json!(percent(retries.allowance.share))),
            ("retries_per_second", json!(retries.allowance.per_second)),
            ("retries_saved", json!(retries.allowance.most)),
        ]);
    }
}

/// When a breaker opens.
fn tell_thresholds(told: &mut Told, breaker: &Settings) {
    told.push(("consecutive_failures", or_off(breaker.consecutive_failures)));
    told.push(("slow_after_ms", or_off(breaker.slow_after.map(millis))));
    let names = [
        "minimum_calls",
        "failure_percent",
        "slow_percent",
        "failures",
    ];
    match breaker.time {
        None => told.push(("window", json!(OFF))),
        Some(rule) => {
            let (span, kind) = match rule.window {
                Window::Rolling { span, buckets } => {
                    told.push(("window_buckets", json!(buckets)));
                    (span, "rolling")
                }
                Window::Fixed { span } => (span, "fixed"),
            };
            told.push(("window", json!(kind)));
            told.push(("window_seconds", json!(span.as_secs())));
            thresholds(told, names, rule.thresholds);
        }
    }
    let names = [
        "last_minimum_calls",
        "last_failure_percent",
        "last_slow_percent",
        "last_failures",
    ];
    match breaker.last_calls {
        None => told.push(("last_calls", json!(OFF))),
        Some(rule) => {
            told.push(("last_calls", json!(rule.calls)));
            thresholds(told, names, rule.thresholds);
        }
    }
}

fn thresholds(
    told: &mut Told,
    [minimum, failed, slow, failures]: [&'static str; 4],
    of: Thresholds,
) {
    told.extend([
        (minimum, json!(of.minimum_calls)),
        (failed, or_off(of.failure_ratio.map(percent))),
        (slow, or_off(of.slow_ratio.map(percent))),
        (failures, or_off(of.failures)),
    ]);
}

fn or_off(measure: Option<impl serde::Serialize>) -> Value {
    measure.map_or_else(|| json!(OFF), |measure| json!(measure))
}

fn millis(wait: Duration) -> u64 {
    u64::try_from(wait.as_millis()).unwrap_or(u64::MAX)
}

fn percent(ratio: Ratio) -> f64 {
    // Whole wherever it was set.
    (ratio.as_f64() * 10_000.0).round() / 100.0
}
