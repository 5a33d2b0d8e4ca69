//! A. Closed: when to open.

use resilience::breaker::{Causes, EventKind, Fault, Outcome, Settings, State, Thresholds};

use crate::desk::*;

#[test]
fn a1_five_failures_do_not_reach_six_in_a_row() {
    let breaker = breaker(consecutive(6));
    breaker.fail(s(0), 5);
    let seen = breaker.look(s(0));
    assert_eq!(
        (seen.state, seen.calls, seen.failures),
        (State::Closed, 5, 5)
    );
    assert_eq!(seen.consecutive_failures, 5);
}

#[test]
fn a2_a_success_ends_a_run_of_failures() {
    let breaker = breaker(consecutive(6));
    breaker.fail(s(0), 5);
    breaker.ok(s(0), 1);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.look(s(0)).consecutive_failures, 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a3_six_failures_in_a_row_open_and_clear_the_counts() {
    let breaker = breaker(consecutive(6));
    breaker.fail(s(0), 6);
    let seen = breaker.look(s(0));
    assert_eq!((seen.state, seen.calls, seen.failures), (State::Open, 0, 0));
    assert_eq!(seen.consecutive_failures, 0);
    assert_eq!(seen.opened_by, Some(counts(6, 6, 0)));
}

#[test]
fn a5_the_success_that_completes_the_minimum_opens_the_breaker() {
    let breaker = breaker(rolling(secs(20), 20, ratio_thresholds(50, 5)));
    breaker.fail(s(0), 3);
    breaker.ok(s(0), 1);
    assert_eq!(breaker.state(), State::Closed);
    breaker.ok(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a7_reaching_the_ratio_exactly_opens() {
    for percents in 1..=100 {
        let breaker = breaker(rolling(secs(20), 20, ratio_thresholds(percents, 100)));
        breaker.fail(s(0), percents as usize);
        breaker.ok(s(0), 100 - percents as usize);
        assert_eq!(breaker.state(), State::Open, "{percents} %");
    }
    let breaker = breaker(rolling(secs(20), 20, ratio_thresholds(10, 10)));
    breaker.ok(s(0), 9);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a8_below_the_minimum_nothing_opens() {
    for settings in [
        rolling(secs(20), 20, ratio_thresholds(10, 10)),
        last_calls(20, ratio_thresholds(10, 10)),
        fixed(secs(20), ratio_thresholds(10, 10)),
    ] {
        let breaker = breaker(settings);
        breaker.fail(s(0), 9);
        assert_eq!(breaker.state(), State::Closed);
        breaker.fail(s(0), 1);
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn a9_a_ratio_below_the_threshold_does_not_open() {
    let breaker = breaker(rolling(secs(20), 20, ratio_thresholds(40, 4)));
    breaker.ok(s(0), 5);
    breaker.fail(s(0), 3);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.counts(s(0)), (8, 3));
}

#[test]
fn a10_alternation_never_reaches_three_of_four() {
    let breaker = breaker(so_many_of(3, 4));
    for _ in 0..20 {
        breaker.ok(s(0), 1);
        assert_eq!(breaker.state(), State::Closed);
        breaker.fail(s(0), 1);
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn a11_two_failures_of_the_last_three_open() {
    let breaker = breaker(so_many_of(2, 3));
    breaker.fail(s(0), 1);
    breaker.ok(s(0), 1);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a12_only_failures_in_a_row_count_as_a_run() {
    let breaker = breaker(consecutive(3));
    breaker.fail(s(0), 1);
    breaker.ok(s(0), 1);
    breaker.fail(s(0), 2);
    assert_eq!(breaker.state(), State::Closed);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a14_a_call_is_slow_only_beyond_the_limit() {
    let thresholds = Thresholds {
        slow_ratio: Some(percent(50)),
        ..Thresholds::COUNT_ONLY
    };
    let limit = secs(1);
    let settings = Settings {
        slow_after: Some(limit),
        ..rolling(
            secs(20),
            20,
            Thresholds {
                minimum_calls: 2,
                ..thresholds
            },
        )
    };
    let breaker = breaker(settings);
    let _ = breaker.a(s(0)).success(s(1));
    assert_eq!(breaker.look(s(1)).slow, 0);
    let _ = breaker
        .a(s(0))
        .success(s(1).plus(std::time::Duration::from_nanos(1)));
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.look(s(1)).causes, Causes::SLOW_RATIO);
    assert_eq!(breaker.look(s(1)).totals.slow, 1);
}

#[test]
fn a14_a_slow_failure_counts_as_both() {
    let settings = Settings {
        slow_after: Some(secs(1)),
        ..rolling(secs(20), 20, Thresholds::COUNT_ONLY)
    };
    let breaker = breaker(settings);
    let _ = breaker.a(s(0)).failure(s(5));
    let seen = breaker.look(s(5));
    assert_eq!((seen.calls, seen.failures, seen.slow), (1, 1, 1));
    assert_eq!(seen.totals.slow_fail, 1);
}

#[test]
fn a14_a_slow_success_ends_a_run_of_failures() {
    let breaker = breaker(consecutive(2));
    breaker.fail(s(0), 1);
    let _ = breaker.one(s(0), Outcome::Slow);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a15_two_thresholds_crossed_by_one_call_are_one_event_with_both_reasons() {
    let thresholds = Thresholds {
        minimum_calls: 2,
        failure_ratio: Some(percent(50)),
        slow_ratio: Some(percent(50)),
        failures: None,
    };
    let breaker = breaker(rolling(secs(20), 20, thresholds));
    breaker.ok(s(0), 1);
    let _ = breaker.one(s(0), Outcome::SlowFail);
    assert_eq!(breaker.moves(), [(State::Closed, State::Open)]);
    let EventKind::Moved { causes, .. } = breaker.events()[0].kind else {
        panic!("a move")
    };
    assert!(causes.contains(Causes::FAILURE_RATIO) && causes.contains(Causes::SLOW_RATIO));
    assert_eq!(causes.to_string(), "failure ratio and slow-call ratio");
    assert_eq!(breaker.r(s(0)).causes, causes);
}

#[test]
fn a15_all_rules_can_be_met_by_one_call() {
    let thresholds = Thresholds {
        minimum_calls: 1,
        failure_ratio: Some(percent(1)),
        slow_ratio: Some(percent(1)),
        failures: Some(1),
    };
    let settings = Settings {
        consecutive_failures: Some(1),
        last_calls: last_calls(5, thresholds).last_calls,
        ..rolling(secs(20), 20, thresholds)
    };
    let breaker = breaker(settings);
    let _ = breaker.one(s(0), Outcome::SlowFail);
    assert_eq!(breaker.look(s(0)).causes.names().count(), 7);
    assert_eq!(breaker.events().len(), 1);
}

#[test]
fn a16_a_failure_count_in_a_window_opens() {
    let thresholds = Thresholds {
        minimum_calls: 12,
        failures: Some(10),
        ..Thresholds::COUNT_ONLY
    };
    let breaker = breaker(rolling(secs(1), 10, thresholds));
    breaker.fail(s(0), 10);
    assert_eq!(breaker.state(), State::Closed, "the minimum is not met");
    breaker.ok(ms(500), 2);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.look(ms(500)).causes, Causes::FAILURE_COUNT);
}

#[test]
fn a16_failures_that_left_the_window_are_not_in_the_count() {
    let thresholds = Thresholds {
        failures: Some(10),
        ..Thresholds::COUNT_ONLY
    };
    let breaker = breaker(rolling(secs(1), 10, thresholds));
    breaker.fail(s(0), 9);
    breaker.fail(s(1), 9);
    assert_eq!(breaker.state(), State::Closed);
    breaker.fail(ms(1_999), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a17_timeouts_are_failures() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 4)));
    for second in 0..4 {
        let _ = breaker.a(s(second)).failure(s(second + 1));
    }
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a18_a_minimum_above_the_count_window_is_clamped_to_it() {
    let breaker = breaker(last_calls(5, ratio_thresholds(50, 100)));
    breaker.fail(s(0), 4);
    assert_eq!(breaker.state(), State::Closed);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a18_a_high_minimum_of_a_time_window_stands() {
    let breaker = breaker(rolling(secs(10), 5, ratio_thresholds(50, 1_000)));
    breaker.fail(s(0), 999);
    assert_eq!(breaker.state(), State::Closed);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn a18_more_failures_than_last_calls_are_refused() {
    assert_eq!(so_many_of(3, 3).validate(), Ok(()));
    let refused = so_many_of(5, 3).validate().unwrap_err();
    assert_eq!(refused.faults, [Fault::UnreachableFailures(5, 3)]);
    assert_eq!(
        refused.to_string(),
        "5 failures never fit in the last 3 calls: want at most 3"
    );
}
