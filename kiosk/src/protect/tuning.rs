//! What somebody has set of the rules before a dependency, over what the software has.

use std::time::Duration;

use cloud_sync_wire::notice::tuning::{DEPENDENCIES, Tuning};
use kiosk_core::document::{At, Faults};
use resilience::Ratio;
use resilience::backoff::Allowance;
use resilience::breaker::{Thresholds, TimeRule, Verdict, Window};
use resilience::ramp::Slope;
use serde_json::Value;

use super::Rules;

/// In how many steps a window forgets.
const BUCKETS: u32 = 10;
/// The retries that go with `retries` where no budget is set: one for five calls, one a second
/// beside, and as many saved up as one outage may need.
const RETRY_PERCENT: u32 = 20;
const RETRIES_PER_SECOND: u32 = 1;
const RETRIES_SAVED: u32 = 10;
/// The ramp where only one half of it is set.
const RAMP_FIRST_PERCENT: u32 = 25;
const RAMP_SECONDS: u32 = 10;

/// The `[breaker]` part of a configuration file.
pub(crate) fn read(value: &Value, faults: &mut Vec<String>) -> Tuning {
    let mut found = Faults::default();
    let (root, absent) = (At::Root, value.is_null());
    let tuning = if absent {
        Tuning::default()
    } else {
        Tuning::read(value, &root.key("breaker"), &mut found)
    };
    moot(&tuning, &root.key("breaker"), &mut found);
    let told = found.into_vec().into_iter().map(|fault| {
        let key = fault.pointer.trim_start_matches('/').replace('/', ".");
        format!("{key}: {}", fault.detail)
    });
    faults.extend(told);
    tuning
}

/// A budget without retries would be passed over silently: only `retries` turns them on.
fn moot(tuning: &Tuning, breaker: &At<'_>, faults: &mut Faults) {
    for name in DEPENDENCIES {
        if tuning.get(name, "retries").is_some() {
            continue;
        }
        for key in ["retry_percent", "retries_per_second"] {
            if tuning.get(name, key).is_some() {
                let fault = "does nothing without retries; set retries beside it";
                faults.add(&breaker.key(name).key(key), fault);
            }
        }
    }
}

impl Rules {
    /// These rules with what is set for that dependency over them.
    #[must_use]
    pub fn tuned(mut self, name: &str, tuning: &Tuning) -> Self {
        let set = |key: &str| tuning.get(name, key);
        self.tune_breaker(&set);
        if let Some(millis) = set("timeout_ms") {
            self.timeout = Duration::from_millis(millis.into());
            // Twice as long, for a probe may also have to connect: one that may still be answered
            // is not replaced by another.
            let deadline = &mut self.breaker.half_open.deadline;
            *deadline = (*deadline).max(self.timeout * 2);
        }
        self.places.calls = set("calls_at_once").unwrap_or(self.places.calls);
        self.places.waiting = set("calls_waiting").unwrap_or(self.places.waiting);
        if let Some(calls) = set("calls_per_second") {
            self.rate.calls = calls;
            self.rate.period = Duration::from_secs(1);
            self.rate.burst = calls;
        }
        self.rate.burst = set("burst").unwrap_or(self.rate.burst);
        self.tune_retries(&set);
        self
    }

    fn tune_breaker(&mut self, set: &impl Fn(&str) -> Option<u32>) {
        let breaker = &mut self.breaker;
        breaker.consecutive_failures = set("consecutive_failures").or(breaker.consecutive_failures);
        let slow_after = set("slow_after_ms").map(|millis| Duration::from_millis(millis.into()));
        breaker.slow_after = slow_after.or(breaker.slow_after);
        let mut rule = breaker.time.unwrap_or(TimeRule {
            window: window(10),
            thresholds: Thresholds {
                minimum_calls: 10,
                ..Thresholds::COUNT_ONLY
            },
        });
        rule.window = set("window_seconds").map_or(rule.window, window);
        let thresholds = &mut rule.thresholds;
        thresholds.minimum_calls = set("minimum_calls").unwrap_or(thresholds.minimum_calls);
        thresholds.failure_ratio = share(set("failure_percent")).or(thresholds.failure_ratio);
        thresholds.slow_ratio = share(set("slow_percent")).or(thresholds.slow_ratio);
        breaker.time = Some(rule);
        if let Some(probes) = set("probes") {
            breaker.half_open.permits = probes;
            breaker.half_open.verdict = Verdict::FirstFailure;
        }
        let (first, over) = (set("ramp_first_percent"), set("ramp_seconds"));
        if first.is_some() || over.is_some() {
            let slope = breaker.ramp.unwrap_or(Slope {
                first: share(Some(RAMP_FIRST_PERCENT)).unwrap_or(Ratio::ALL),
                over: Duration::from_secs(RAMP_SECONDS.into()),
            });
            breaker.ramp = Some(Slope {
                first: share(first).unwrap_or(slope.first),
                over: over.map_or(slope.over, |seconds| Duration::from_secs(seconds.into())),
            });
        }
    }

    fn tune_retries(&mut self, set: &impl Fn(&str) -> Option<u32>) {
        let Some(most) = set("retries") else {
            return;
        };
        let percent = set("retry_percent").unwrap_or(RETRY_PERCENT);
        self.retries.most = most;
        self.retries.allowance = Allowance {
            share: share(Some(percent)).unwrap_or(Ratio::ALL),
            per_second: set("retries_per_second").unwrap_or(RETRIES_PER_SECOND),
            most: RETRIES_SAVED,
        };
    }
}

/// A share that is in range by now.
fn share(percent: Option<u32>) -> Option<Ratio> {
    percent.and_then(|percent| Ratio::percent(percent).ok())
}

fn window(seconds: u32) -> Window {
    Window::Rolling {
        span: Duration::from_secs(seconds.into()),
        buckets: BUCKETS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tuning(value: &Value) -> Tuning {
        let mut faults = Vec::new();
        let tuning = read(value, &mut faults);
        assert_eq!(faults, [""; 0]);
        tuning
    }

    fn base() -> Rules {
        Rules::ordering(7)
    }

    #[test]
    fn what_is_not_said_stays() {
        assert_eq!(base().tuned("ordering", &Tuning::default()), base());
        let tuning = tuning(&json!({"ordering": {"consecutive_failures": 9}}));
        assert_eq!(base().tuned("menu", &tuning), base());
        let mut want = base();
        want.breaker.consecutive_failures = Some(9);
        assert_eq!(base().tuned("ordering", &tuning), want);
    }

    #[test]
    fn every_key_moves_the_rule_that_it_names() {
        let ordering = json!({
            "window_seconds": 20, "minimum_calls": 5, "failure_percent": 40, "slow_percent": 80,
            "slow_after_ms": 500, "probes": 3, "timeout_ms": 900, "calls_at_once": 4,
            "calls_waiting": 2, "calls_per_second": 50, "burst": 7, "retries": 2,
            "retry_percent": 10, "retries_per_second": 3, "ramp_first_percent": 5,
            "ramp_seconds": 60,
        });
        let rules = base().tuned("ordering", &tuning(&json!({ "ordering": ordering })));
        let rule = rules.breaker.time.unwrap();
        assert_eq!(rule.window, window(20));
        assert_eq!(rule.thresholds.minimum_calls, 5);
        assert_eq!(rule.thresholds.failure_ratio, Ratio::percent(40).ok());
        assert_eq!(rule.thresholds.slow_ratio, Ratio::percent(80).ok());
        assert_eq!(rules.breaker.slow_after, Some(Duration::from_millis(500)));
        assert_eq!(rules.breaker.half_open.permits, 3);
        assert_eq!(rules.timeout, Duration::from_millis(900));
        assert_eq!((rules.places.calls, rules.places.waiting), (4, 2));
        assert_eq!((rules.rate.calls, rules.rate.burst), (50, 7));
        assert_eq!(
            (rules.retries.most, rules.retries.allowance.per_second),
            (2, 3)
        );
        let slope = rules.breaker.ramp.unwrap();
        assert_eq!(Some(slope.first), Ratio::percent(5).ok());
        assert_eq!(slope.over, Duration::from_secs(60));
        rules.validate().unwrap();
    }

    #[test]
    fn a_probe_may_take_as_long_as_its_answer_is_waited_for() {
        for base in [Rules::ordering(1), Rules::menu(1)] {
            for millis in [50, 3_000, 120_000] {
                let rules = base.tuned("menu", &tuning(&json!({"menu": {"timeout_ms": millis}})));
                let (deadline, least) = (rules.breaker.half_open.deadline, rules.timeout * 2);
                assert!(deadline >= least, "{deadline:?} for {least:?}");
                assert!(deadline >= base.breaker.half_open.deadline);
            }
        }
    }

    #[test]
    fn a_budget_without_retries_is_a_fault() {
        for key in ["retry_percent", "retries_per_second"] {
            let mut faults = Vec::new();
            read(
                &json!({"menu": {"retries": 1}, "ordering": {key: 10}}),
                &mut faults,
            );
            let fault = format!(
                "breaker.ordering.{key}: does nothing without retries; set retries beside it"
            );
            assert_eq!(faults, [fault]);
            tuning(&json!({"ordering": {"retries": 1, key: 10}}));
        }
    }

    #[test]
    fn whatever_is_in_range_can_be_worked_under() {
        use cloud_sync_wire::notice::tuning::KEYS;
        for base in [Rules::ordering(1), Rules::menu(1)] {
            let name = "ordering";
            for pick in 0..3_u32 {
                let all = KEYS.map(|(key, least, most)| {
                    let value = [least, most, least.midpoint(most)][pick as usize];
                    (key.to_owned(), json!(value))
                });
                let one_by_one = all.clone().map(|pair| [pair].into_iter().collect());
                let whole: serde_json::Map<_, _> = all.into_iter().collect();
                for mut keys in one_by_one.into_iter().chain([whole]) {
                    keys.entry("retries").or_insert(json!(1));
                    let tuning = tuning(&json!({ name: keys }));
                    base.tuned(name, &tuning).validate().unwrap();
                }
            }
        }
    }

    #[test]
    fn senseless_settings_are_told_by_name_and_all_at_once() {
        let text = "[menu]\nfailure_percent = 0\nslow_percent = 101\ncolour = 1\n[payments]\n\
                    [ordering]\ntimeout_ms = \"soon\"";
        let value: Value = toml::from_str(text).unwrap();
        let mut faults = Vec::new();
        read(&value, &mut faults);
        for key in [
            "breaker.menu.failure_percent: ",
            "breaker.menu.slow_percent: ",
            "breaker.menu.colour: ",
            "breaker.payments: ",
            "breaker.ordering.timeout_ms: ",
        ] {
            assert!(
                faults.iter().any(|fault| fault.starts_with(key)),
                "{key}: {faults:?}"
            );
        }
        assert_eq!(faults.len(), 5, "{faults:?}");
    }
}
