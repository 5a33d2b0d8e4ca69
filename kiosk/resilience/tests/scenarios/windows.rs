//! B. Windows: what is remembered, and for how long.

use resilience::breaker::{Breaker, Causes, Outcome, Report, Settings, State, Thresholds};

use crate::desk::*;

#[test]
fn b1_the_last_ten_calls_decide_whatever_came_before() {
    let breaker = breaker(last_calls(10, ratio_thresholds(50, 10)));
    breaker.ok(s(0), 1_000);
    breaker.fail(s(0), 4);
    assert_eq!(breaker.state(), State::Closed);
    breaker.fail(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn b2_a_fixed_window_starts_again_from_nothing() {
    let breaker = breaker(fixed(secs(30), ratio_thresholds(60, 3)));
    breaker.ok(s(0), 10);
    breaker.fail(just_before(s(30)), 6);
    assert_eq!(breaker.counts(just_before(s(30))), (16, 6));
    breaker.fail(ms(30_001), 1);
    assert_eq!(breaker.counts(ms(30_001)), (1, 1));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn b3_a_rolling_window_weighs_a_burst_against_what_came_before_a_fixed_one_does_not() {
    let rules = ratio_thresholds(90, 100);
    let rolls = breaker(rolling(secs(10), 10, rules));
    let restarts = breaker(fixed(secs(10), rules));
    for second in 1..10 {
        rolls.ok(s(second), 1_000);
        restarts.ok(s(second), 1_000);
    }
    rolls.fail(s(10), 900);
    assert_eq!(rolls.counts(s(10)), (9_900, 900));
    assert_eq!(rolls.state(), State::Closed);
    restarts.fail(s(10), 100);
    assert_eq!(restarts.state(), State::Open);
}

#[test]
fn b4_totals_drop_by_exactly_the_bucket_that_leaves() {
    let breaker = breaker(rolling(secs(30), 10, Thresholds::COUNT_ONLY));
    breaker.ok(s(0), 9);
    breaker.fail(s(0), 6);
    for bucket in 1..10 {
        breaker.fail(s(bucket * 3), 1);
    }
    assert_eq!(breaker.counts(just_before(s(30))), (24, 15));
    assert_eq!(breaker.counts(s(30)), (9, 9));
    breaker.ok(s(30), 1);
    assert_eq!(breaker.counts(s(30)), (10, 9));
}

#[test]
fn b5_no_bucket_survives_a_long_gap() {
    for gap in [10, 11, 19, 20, 21, 1_000_000] {
        let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
        for second in 0..10 {
            breaker.fail(s(second), 1);
        }
        assert_eq!(breaker.counts(s(9 + gap)), (0, 0), "read {gap} s later");
        breaker.ok(s(9 + gap), 1);
        assert_eq!(breaker.counts(s(9 + gap)), (1, 0), "{gap} s later");
    }
}

#[test]
fn b5_every_skipped_bucket_is_cleared_on_the_way() {
    for gap in 1..10 {
        let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
        for second in 0..10 {
            breaker.fail(s(second), 1);
        }
        breaker.ok(s(9 + gap), 1);
        assert_eq!(
            breaker.counts(s(9 + gap)),
            (10 - gap + 1, 10 - gap),
            "{gap} s later"
        );
    }
}

#[test]
fn b7_calls_stay_until_their_bucket_is_a_window_old() {
    let breaker = breaker(rolling(secs(5), 5, Thresholds::COUNT_ONLY));
    breaker.ok(ms(0), 1);
    breaker.fail(ms(450), 1);
    breaker.ok(ms(900), 1);
    assert_eq!(breaker.counts(ms(4_900)), (3, 1));
    assert_eq!(breaker.counts(ms(5_900)), (0, 0));
}

#[test]
fn b8_the_oldest_slot_leaves_as_the_new_one_begins() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    for second in 0..10 {
        breaker.ok(s(second), 1);
    }
    assert_eq!(breaker.counts(s(10)).0, 9);
    assert_eq!(breaker.counts(s(11)).0, 8);
}

#[test]
fn b9_a_failure_just_inside_the_window_counts() {
    for start in [s(0), ms(5_500), ms(123_456_789)] {
        let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 4)));
        breaker.fail(start, 3);
        breaker.fail(just_before(start.plus(secs(10))), 1);
        assert_eq!(breaker.state(), State::Open);
    }
}

#[test]
fn b10_a_failure_exactly_one_window_old_no_longer_counts() {
    for buckets in [1, 2, 3, 7, 10, 1_000] {
        for start in [s(0), ms(5_500), ms(123_456_789)] {
            let breaker = breaker(rolling(secs(10), buckets, ratio_thresholds(50, 4)));
            breaker.fail(start, 3);
            breaker.fail(start.plus(secs(10)), 1);
            assert_eq!(
                breaker.state(),
                State::Closed,
                "{buckets} buckets from {start}"
            );
        }
    }
}

#[test]
fn b13_a_call_is_booked_where_it_ended() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    breaker.ok(s(0), 1);
    let permit = breaker.a(s(0));
    assert_eq!(permit.failure(s(3)), Report::Counted);
    assert_eq!(
        breaker.counts(s(10)),
        (1, 1),
        "only the one that began at the start has left"
    );
    assert_eq!(breaker.counts(s(12)), (1, 1));
    assert_eq!(breaker.counts(s(13)), (0, 0));
}

#[test]
fn b13_a_call_longer_than_the_window_still_counts() {
    let breaker = breaker(rolling(secs(1), 10, ratio_thresholds(50, 1)));
    assert_eq!(breaker.a(s(0)).failure(s(60)), Report::Counted);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn b14_a_run_of_failures_may_be_longer_than_the_window() {
    let settings = Settings {
        consecutive_failures: Some(5),
        ..rolling(secs(2), 2, ratio_thresholds(50, 100))
    };
    let breaker = breaker(settings);
    for minute in 0..4 {
        breaker.fail(s(minute * 60), 1);
        assert_eq!(breaker.state(), State::Closed);
    }
    breaker.fail(s(240), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn b15_old_history_does_not_lift_one_failure_over_the_minimum() {
    let breaker = breaker(rolling(secs(5), 5, ratio_thresholds(50, 2)));
    breaker.ok(s(0), 6);
    breaker.fail(s(0), 1);
    breaker.fail(s(5), 1);
    assert_eq!(breaker.counts(s(5)), (1, 1));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn b16_without_calls_the_ratios_are_unknown() {
    for settings in [
        Settings::default(),
        last_calls(5, Thresholds::COUNT_ONLY),
        Settings::without_rules(),
    ] {
        let breaker = breaker(settings);
        let seen = breaker.look(s(0));
        assert_eq!((seen.failure_ratio, seen.slow_ratio), (None, None));
        let _ = breaker.one(s(0), Outcome::Ignored);
        assert_eq!(breaker.look(s(0)).failure_ratio, None);
        breaker.ok(s(0), 1);
        assert_eq!(breaker.look(s(0)).failure_ratio, Some(0.0));
    }
}

#[test]
fn looking_at_a_later_time_forgets_nothing() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    breaker.fail(s(0), 3);
    assert_eq!(breaker.counts(s(100)), (0, 0));
    assert_eq!(breaker.counts(s(1)), (3, 3));
}

/// Calls of two seconds each, beside a fixed window of one.
fn two_second_failures(settings: Settings, calls: u64) -> Breaker {
    let breaker = breaker(settings);
    for call in 0..calls {
        let report = breaker.a(s(2 * call)).failure(s(2 * call + 2));
        assert_eq!(report, Report::Counted);
    }
    assert_eq!(
        breaker.look(s(2 * calls)).opened_by,
        Some(counts(0, 0, 0)),
        "the window saw none of them"
    );
    breaker
}

#[test]
fn a_call_longer_than_the_fixed_window_still_counts_in_a_run_of_failures() {
    let settings = Settings {
        consecutive_failures: Some(3),
        ..fixed(secs(1), ratio_thresholds(50, 1_000))
    };
    let breaker = two_second_failures(settings, 3);
    assert_eq!(
        (breaker.state(), breaker.look(s(6)).causes),
        (State::Open, Causes::CONSECUTIVE_FAILURES)
    );
}

#[test]
fn a_call_longer_than_the_fixed_window_still_counts_among_the_last_calls() {
    let settings = Settings {
        last_calls: so_many_of(3, 5).last_calls,
        ..fixed(secs(1), ratio_thresholds(50, 1_000))
    };
    let breaker = two_second_failures(settings, 3);
    assert_eq!(
        (breaker.state(), breaker.look(s(6)).causes),
        (State::Open, Causes::LAST_CALLS_FAILURE_COUNT)
    );
}

#[test]
fn a_success_longer_than_the_fixed_window_still_ends_a_run_of_failures() {
    let breaker = breaker(Settings {
        consecutive_failures: Some(3),
        ..fixed(secs(1), ratio_thresholds(50, 1_000))
    });
    let early = breaker.a(s(0));
    breaker.fail(s(1), 2);
    assert_eq!(early.success(s(1)), Report::Counted);
    breaker.fail(s(1), 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_call_longer_than_the_fixed_window_still_carries_a_wait_that_was_asked_for() {
    let breaker = breaker(fixed(secs(1), ratio_thresholds(50, 1_000)));
    let early = breaker.a(s(0));
    breaker.ok(s(1), 1);
    assert_eq!(early.trip(s(1), secs(7_200)), Report::Counted);
    assert_eq!(breaker.look(s(1)).until, Some(s(7_201)));
}

#[test]
fn a_call_cancelled_after_its_fixed_window_is_cancelled_and_not_stale() {
    let breaker = breaker(fixed(secs(10), ratio_thresholds(50, 4)));
    let early = breaker.a(s(1));
    breaker.ok(s(11), 1);
    drop(early);
    let totals = breaker.look(s(11)).totals;
    assert_eq!((totals.cancelled, totals.stale), (1, 0));
}

#[test]
fn f13_one_reading_far_ahead_does_not_hold_the_window() {
    let ten = Thresholds {
        failures: Some(10),
        ..Thresholds::COUNT_ONLY
    };
    let breaker = breaker(rolling(secs(10), 10, ten));
    breaker.fail(s(1), 1);
    breaker.fail(s(4_000), 1);
    for turn in 2..30 {
        breaker.fail(s(turn * 30), 1);
    }
    assert_eq!(
        breaker.state(),
        State::Closed,
        "never ten within ten seconds"
    );
    assert_eq!(breaker.counts(s(29 * 30)), (1, 1));
}

#[test]
fn f13_a_clock_that_went_back_loses_no_counts() {
    for after in 1..6 {
        let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
        breaker.fail(s(100), 4);
        breaker.fail(s(40), after);
        let all = 4 + after as u64;
        assert_eq!(breaker.counts(s(40)), (all, all), "{after} outcomes later");
    }
}

#[test]
fn f13_reporters_that_read_the_clock_long_ago_do_not_turn_it_back() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    for _ in 0..5 {
        breaker.fail(s(100), 1);
        breaker.fail(s(40), 2);
    }
    assert_eq!(breaker.counts(s(109)), (15, 15));
    assert_eq!(breaker.counts(s(110)), (0, 0));
}

#[test]
fn f13_permits_dropped_long_after_they_were_taken_do_not_turn_it_back() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    let old = [(); 5].map(|()| breaker.a(s(1)));
    breaker.fail(s(100), 3);
    drop(old);
    assert_eq!(breaker.counts(s(100)), (3, 3));
    assert_eq!(breaker.counts(s(109)), (3, 3));
}

#[test]
fn f13_successes_tallied_aside_follow_the_clock_too() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    breaker.ok(s(4_000), 100);
    for second in 0..100 {
        breaker.ok(s(100 + second), 5);
    }
    assert_eq!(breaker.counts(s(199)).0, 50, "of the last ten seconds");
}
