use super::*;
use resilience::breaker::{HalfOpen, OpenWait, Verdict, Window};
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
    let span = Duration::from_secs(20);
    assert_eq!(rule.window, Window::Rolling { span, buckets: 10 });
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
        let fault =
            format!("breaker.ordering.{key}: does nothing without retries; set retries beside it");
        assert_eq!(faults, [fault]);
        tuning(&json!({"ordering": {"retries": 1, key: 10}}));
    }
}

#[test]
fn a_rule_can_be_turned_off_and_others_on_in_its_place() {
    let ordering = json!({
        "consecutive_failures": "off", "window": "off", "slow_after_ms": "off",
        "last_calls": 20, "last_failures": 15, "last_minimum_calls": 15,
    });
    let breaker = base()
        .tuned("ordering", &tuning(&json!({ "ordering": ordering })))
        .breaker;
    assert_eq!(
        (
            breaker.consecutive_failures,
            breaker.time,
            breaker.slow_after
        ),
        (None, None, None)
    );
    let last = breaker.last_calls.unwrap();
    assert_eq!(
        (
            last.calls,
            last.thresholds.failures,
            last.thresholds.minimum_calls
        ),
        (20, Some(15), 15)
    );
    let ordering = json!({
        "window": "fixed", "window_seconds": 60, "failures": 12, "failure_percent": "off", "slow_percent": "off",
    });
    let rule = base()
        .tuned("ordering", &tuning(&json!({ "ordering": ordering })))
        .breaker
        .time
        .unwrap();
    assert_eq!(
        rule.window,
        Window::Fixed {
            span: Duration::from_secs(60)
        }
    );
    let of = rule.thresholds;
    assert_eq!(
        (of.failures, of.failure_ratio, of.slow_ratio),
        (Some(12), None, None)
    );
}

#[test]
fn recovery_goes_as_it_is_set() {
    let ordering = json!({
        "mode": "metrics_only", "initial": "closed", "open_ms": 7_000, "open_growth_percent": 150,
        "open_jitter_percent": 0, "probes": 4, "probe_verdict": "failure_ratio",
        "probe_failure_percent": 75, "probe_deadline_ms": 9_000,
    });
    let rules = base().tuned("ordering", &tuning(&json!({ "ordering": ordering })));
    assert_eq!(rules.mode, Mode::MetricsOnly);
    assert_eq!(rules.breaker.initial, State::Closed);
    let short = OpenWait::constant(Duration::from_secs(1));
    let open = OpenWait {
        initial: Duration::from_secs(7),
        growth: 1.5,
        max: Duration::from_secs(7),
        jitter: 0.0,
    };
    assert_eq!(rules.waits.over(short), open);
    let half_open = HalfOpen {
        permits: 4,
        verdict: Verdict::FailureRatio(Ratio::percent(75).unwrap()),
        deadline: Duration::from_secs(9),
    };
    assert_eq!(rules.breaker.half_open, half_open);
    let few =
        json!({"ordering": {"probes": 3, "probe_verdict": "successes", "probe_successes": 2}});
    let verdict = base()
        .tuned("ordering", &tuning(&few))
        .breaker
        .half_open
        .verdict;
    assert_eq!(verdict, Verdict::Successes(2));
}

#[test]
fn retries_wait_as_it_is_set() {
    let ordering = json!({
        "retries": 3, "retry_ms": 50, "retry_growth_percent": 300, "retry_most_ms": 400,
        "retry_jitter": "none", "retry_least_ms": 20, "retries_saved": 99,
    });
    let retries = base()
        .tuned("ordering", &tuning(&json!({ "ordering": ordering })))
        .retries;
    let waits: Vec<_> = (0..3)
        .map(|retry| retries.backoff.delay(retry, 1).as_millis())
        .collect();
    assert_eq!(waits, [50, 150, 400]);
    assert_eq!(
        (retries.least, retries.allowance.most),
        (Duration::from_millis(20), 99)
    );
}

#[test]
fn whatever_is_in_range_can_be_worked_under() {
    use cloud_sync_wire::notice::tuning::{KEYS, Range};
    let value = |range: Range, pick: usize| match range {
        Range::Whole(least, most) | Range::OrOff(least, most) => {
            json!([least, most, least.midpoint(most)][pick % 3])
        }
        Range::Words(words) => json!(words[pick % words.len()]),
    };
    for base in [Rules::ordering(1), Rules::menu(1)] {
        // Each key alone, all at one end, and at ends that differ from key to key, as when
        // several places set them.
        for pick in 0..60 {
            let all = KEYS.iter().enumerate().map(|(place, (key, range))| {
                let pick = if pick < 4 {
                    pick
                } else {
                    pick * (place + 7) / 4
                };
                ((*key).to_owned(), value(*range, pick))
            });
            let all: Vec<_> = all.collect();
            let one_by_one = all.iter().cloned().map(|pair| [pair].into_iter().collect());
            let whole: serde_json::Map<_, _> = all.iter().cloned().collect();
            for keys in one_by_one.chain([whole]) {
                let tuning = Tuning::known(json!({ "ordering": keys }).as_object().unwrap());
                let rules = base.tuned("ordering", &tuning);
                rules
                    .validate()
                    .unwrap_or_else(|fault| panic!("{fault}: {tuning:?}"));
            }
        }
    }
}

#[test]
fn what_is_told_of_rules_sets_them_again() {
    let sets = [
        json!({}),
        json!({"window": "off", "last_calls": 9, "last_failures": 4, "consecutive_failures": "off"}),
        json!({"window": "fixed", "failures": 7, "slow_after_ms": "off", "probe_verdict": "failure_ratio",
               "probes": 5, "probe_failure_percent": 33, "mode": "disabled", "initial": "closed"}),
        json!({"retries": 2, "retry_jitter": "equal", "retry_ms": 7, "open_ms": 9, "open_most_ms": 99,
               "probe_verdict": "successes", "probes": 4, "probe_successes": 2, "ramp_seconds": 0}),
    ];
    for set in sets {
        let rules = base().tuned("ordering", &tuning(&json!({ "ordering": set })));
        let mut shown = rules;
        shown.breaker.open = rules.waits.over(rules.breaker.open);
        let whole = |value: Value| match value.as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "whole wherever it was set")]
            Some(number) => json!(number.round() as i64),
            None => value,
        };
        let told = shown
            .told()
            .into_iter()
            .map(|(key, value)| (key.to_owned(), whole(value)));
        let told: serde_json::Map<_, _> = told.collect();
        let whole = json!({ "ordering": told });
        let again = base().tuned("ordering", &Tuning::known(whole.as_object().unwrap()));
        assert_eq!(again.told(), rules.told(), "{set}");
        let open = again.waits.over(again.breaker.open);
        assert_eq!(
            (open, again.breaker.half_open),
            (shown.breaker.open, rules.breaker.half_open)
        );
        assert_eq!(
            (again.breaker.time, again.breaker.last_calls),
            (rules.breaker.time, rules.breaker.last_calls)
        );
        assert_eq!((again.mode, again.places), (rules.mode, rules.places));
        // A budget without retries is nobody's.
        if rules.retries.most > 0 {
            assert_eq!(again.retries, rules.retries);
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

#[test]
fn a_limiter_may_count_by_another_period_than_a_second() {
    let set = json!({"ordering": {"calls_per_period": 30, "per_ms": 60_000, "burst": 5}});
    let rules = base().tuned("ordering", &tuning(&set));
    let rate = (rules.rate.calls, rules.rate.period, rules.rate.burst);
    assert_eq!(rate, (30, Duration::from_secs(60), 5));
    let told = rules.told();
    assert!(told.contains(&("per_ms", json!(60_000))), "{told:?}");
    assert!(!told.iter().any(|(key, _)| *key == "calls_per_second"));
}

#[test]
fn what_is_tried_beside_is_what_is_in_force_with_other_thresholds() {
    let set = json!({"ordering": {"slow_percent": 60, "dry_run": {"consecutive_failures": 9}}});
    let rules = base().tuned("ordering", &tuning(&set));
    let beside = rules.beside().unwrap();
    assert_eq!(beside.consecutive_failures, Some(9));
    assert_eq!(beside.initial, State::MetricsOnly);
    assert_eq!(
        beside.time, rules.breaker.time,
        "as set for the rules in force"
    );
    assert_eq!(rules.breaker.consecutive_failures, Some(2));
    rules.validate().unwrap();
    let none = base().tuned(
        "ordering",
        &tuning(&json!({"ordering": {"slow_percent": 60}})),
    );
    assert_eq!(none.dry_run, None);
}

#[test]
fn what_settings_are_judged_beside_is_what_the_software_has() {
    let software = Tuning::software();
    for (name, rules) in [("ordering", Rules::ordering(1)), ("menu", Rules::menu(1))] {
        let told = rules.told();
        for (key, set) in software.of(name) {
            let known = told.iter().find(|(known, _)| *known == key);
            let value = known.map(|(_, value)| value.clone()).unwrap();
            let value = value.as_f64().map_or(value.clone(), |number| {
                #[expect(clippy::cast_possible_truncation, reason = "whole in the software")]
                let whole = number as i64;
                json!(whole)
            });
            assert_eq!(value, Value::from(set), "{name}.{key}");
        }
    }
}
