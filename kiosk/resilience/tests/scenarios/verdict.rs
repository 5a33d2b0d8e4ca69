//! E. HalfOpen: what the outcomes of probes amount to.

use resilience::breaker::{
    Breaker, Causes, OpenWait, Outcome, RejectReason, Report, Settings, State, Thresholds, Verdict,
};
use resilience::ramp::Slope;

use crate::desk::*;

fn half_open(permits: u32, verdict: Verdict) -> Breaker {
    let settings = Settings {
        consecutive_failures: Some(1),
        ..rolling(secs(60), 6, ratio_thresholds(50, 2))
    };
    opened(settings.waiting(secs(10)).probing(permits, verdict), s(0))
}

fn half() -> Verdict {
    Verdict::FailureRatio(percent(50))
}

#[test]
fn e1_a_good_probe_closes_clears_and_ends_the_growing_wait() {
    let open = OpenWait {
        initial: secs(1),
        growth: 3.0,
        max: secs(100),
        jitter: 0.0,
    };
    let breaker = opened(
        Settings {
            open,
            ..consecutive(1)
        },
        s(0),
    );
    let _ = breaker.a(s(1)).failure(s(1));
    let _ = breaker.a(s(4)).success(s(4));
    let seen = breaker.look(s(4));
    assert_eq!(
        (seen.state, seen.calls, seen.attempt),
        (State::Closed, 0, 0)
    );
    assert_eq!(seen.causes, Causes::PROBES_SUCCEEDED);
    breaker.fail(s(5), 1);
    assert_eq!(breaker.look(s(5)).retry_in, Some(secs(1)));
}

#[test]
fn e2_a_bad_probe_opens_again_and_the_wait_starts_now() {
    let breaker = half_open(1, Verdict::FirstFailure);
    let _ = breaker.a(s(25)).failure(s(27));
    let seen = breaker.look(s(27));
    assert_eq!(
        (seen.state, seen.until, seen.since),
        (State::Open, Some(s(37)), s(27))
    );
    assert_eq!(seen.causes, Causes::PROBES_FAILED);
}

#[test]
fn e3_it_closes_with_the_last_permit_not_before() {
    let breaker = half_open(3, Verdict::FirstFailure);
    breaker.ok(s(10), 2);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.ok(s(10), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn e4_the_first_failure_reopens_by_default() {
    let breaker = half_open(3, Verdict::FirstFailure);
    breaker.ok(s(10), 2);
    breaker.fail(s(10), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn e4_in_ratio_mode_all_permits_are_judged_together() {
    let breaker = half_open(3, half());
    breaker.fail(s(10), 1);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.ok(s(10), 2);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn e5_a_ratio_at_or_above_the_threshold_opens_at_the_last_outcome() {
    let breaker = half_open(4, half());
    breaker.fail(s(10), 2);
    breaker.ok(s(10), 1);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.fail(s(10), 1);
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.look(s(10)).opened_by, Some(counts(4, 3, 0)));
}

#[test]
fn e6_a_ratio_below_the_threshold_closes_with_an_empty_window() {
    let breaker = half_open(4, half());
    breaker.fail(s(10), 1);
    breaker.ok(s(10), 3);
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.counts(s(10)), (0, 0));
}

#[test]
fn e9_ignored_probes_count_for_nothing_and_return_their_places() {
    let breaker = half_open(4, half());
    for _ in 0..4 {
        assert_eq!(breaker.one(s(10), Outcome::Ignored), Report::Neutral);
    }
    let seen = breaker.look(s(10));
    assert_eq!(
        (seen.state, seen.calls, seen.probes.in_flight),
        (State::HalfOpen, 0, 0)
    );
    breaker.ok(s(10), 4);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn e9_an_ignored_last_probe_does_not_leave_it_stuck() {
    let breaker = half_open(3, Verdict::FirstFailure);
    breaker.ok(s(10), 2);
    let _ = breaker.one(s(10), Outcome::Ignored);
    breaker.ok(s(10), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn e11_closed_rules_do_not_govern_half_open() {
    let rules = Thresholds {
        failures: Some(100),
        ..Thresholds::COUNT_ONLY
    };
    let settings = Settings {
        consecutive_failures: Some(1),
        ..last_calls(100, rules)
    };
    let breaker = opened(
        settings.waiting(secs(10)).probing(3, Verdict::Successes(3)),
        s(0),
    );
    breaker.ok(s(10), 2);
    breaker.fail(s(10), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn e11_so_many_successes_of_so_many_permits_close() {
    let breaker = half_open(3, Verdict::Successes(2));
    breaker.fail(s(10), 1);
    breaker.ok(s(10), 1);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.ok(s(10), 1);
    assert_eq!(breaker.state(), State::Closed);
    let breaker = half_open(3, Verdict::Successes(2));
    breaker.fail(s(10), 2);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn e12_the_window_that_opened_it_does_not_open_it_again() {
    let breaker = breaker(rolling(secs(60), 6, ratio_thresholds(50, 2)).waiting(secs(5)));
    breaker.fail(s(0), 2);
    let _ = breaker.a(s(5)).success(s(5));
    for second in 6..30 {
        breaker.ok(s(second), 1);
    }
    assert_eq!(breaker.state(), State::Closed);
    assert_eq!(breaker.counts(s(30)), (24, 0));
}

#[test]
fn e13_after_several_failed_rounds_a_good_probe_still_closes() {
    let breaker = half_open(1, Verdict::FirstFailure);
    for round in 1..=5 {
        let _ = breaker.a(s(round * 10)).failure(s(round * 10));
        assert_eq!(breaker.state(), State::Open);
    }
    let _ = breaker.a(s(60)).success(s(60));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_slow_probe_is_a_failed_probe() {
    for (outcome, causes) in [
        (Outcome::Slow, Causes::PROBES_FAILED),
        (Outcome::SlowFail, Causes::PROBES_FAILED),
    ] {
        let breaker = half_open(2, Verdict::FirstFailure);
        let _ = breaker.one(s(10), outcome);
        assert_eq!(
            (breaker.state(), breaker.look(s(10)).causes),
            (State::Open, causes)
        );
    }
    let settings = Settings {
        slow_after: Some(secs(1)),
        ..consecutive(1).waiting(secs(10))
    };
    let breaker = opened(settings, s(0));
    let _ = breaker.a(s(10)).success(s(12));
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn the_verdict_does_not_age() {
    let breaker = half_open(3, Verdict::FirstFailure);
    breaker.ok(s(10), 1);
    breaker.ok(s(10_000), 1);
    breaker.ok(s(1_000_000), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn probes_under_way_when_another_fails_are_stale() {
    let breaker = half_open(3, Verdict::FirstFailure);
    let (one, two) = (breaker.a(s(10)), breaker.a(s(10)));
    let _ = breaker.a(s(10)).failure(s(10));
    assert_eq!(one.success(s(11)), Report::Stale);
    assert_eq!(two.failure(s(11)), Report::Stale);
    assert_eq!(breaker.look(s(11)).until, Some(s(20)));
}

#[test]
fn after_recovery_traffic_comes_back_along_the_slope() {
    let ramp = Some(Slope {
        first: percent(10),
        over: secs(10),
    });
    let breaker = opened(
        Settings {
            ramp,
            ..consecutive(5).waiting(secs(10))
        },
        s(0),
    );
    let _ = breaker.a(s(10)).success(s(10));
    let passed = |at| (0..100).filter(|_| breaker.try_acquire(at).is_ok()).count();
    assert_eq!((breaker.state(), passed(s(10))), (State::Closed, 10));
    let refused = (0..100)
        .find_map(|_| breaker.try_acquire(s(10)).err())
        .unwrap();
    assert_eq!(
        (refused.state, refused.reason),
        (State::Closed, RejectReason::Ramping)
    );
    assert_eq!(breaker.look(s(15)).ramp, Some(0.55));
    assert_eq!(passed(s(15)), 55);
    assert_eq!((passed(s(20)), breaker.look(s(20)).ramp), (100, None));
    assert_eq!(breaker.look(s(20)).rejected, 90 + 1 + 45);
}

#[test]
fn a_breaker_that_began_open_and_never_failed_has_no_outage_to_come_back_from() {
    let ramp = Some(Slope {
        first: percent(10),
        over: secs(10),
    });
    let settings = Settings {
        ramp,
        initial: State::Open,
        ..consecutive(5).waiting(secs(10))
    };
    let began = breaker(settings);
    began.ok(s(10), 1);
    assert_eq!(
        (began.state(), began.look(s(10)).ramp),
        (State::Closed, None)
    );
    let began = breaker(settings);
    began.fail(s(10), 1);
    began.ok(s(30), 1);
    assert_eq!(began.look(s(30)).ramp, Some(0.1));
}

#[test]
fn a_breaker_that_a_person_held_open_has_a_crowd_behind_it_too() {
    let ramp = Some(Slope {
        first: percent(10),
        over: secs(10),
    });
    let held = breaker(Settings {
        ramp,
        ..consecutive(1).waiting(secs(10))
    });
    held.force_open(s(1), "repairs");
    held.half_open(s(100)).unwrap();
    held.ok(s(100), 1);
    assert_eq!(held.look(s(100)).ramp, Some(0.1));

    // Since the slope's end everything passed: nobody waits behind probes that a person asks for.
    held.metrics_only(s(200), "a dry run");
    held.half_open(s(201)).unwrap();
    held.ok(s(201), 1);
    assert_eq!(held.look(s(201)).ramp, None);
}

#[test]
fn a_breaker_closed_by_hand_or_opened_again_has_no_slope() {
    let ramp = Some(Slope {
        first: percent(1),
        over: secs(100),
    });
    let breaker = opened(
        Settings {
            ramp,
            ..consecutive(1).waiting(secs(10))
        },
        s(0),
    );
    breaker.reset(s(1));
    breaker.ok(s(1), 100);
    breaker.fail(s(2), 1);
    breaker.ok(s(12), 1);
    breaker.fail(s(111), 1);
    assert_eq!(
        (breaker.state(), breaker.look(s(111)).ramp),
        (State::Open, None)
    );
}

#[test]
fn a_reset_on_the_slope_lets_all_calls_through() {
    let ramp = Some(Slope {
        first: percent(1),
        over: secs(100),
    });
    let settings = Settings {
        ramp,
        ..consecutive(1).waiting(secs(10))
    };
    let breaker = opened(settings, s(0));
    breaker.ok(s(10), 1);
    assert!(breaker.look(s(11)).ramp.is_some());
    breaker.reset(s(11));
    assert_eq!(breaker.look(s(11)).ramp, None);
    breaker.ok(s(11), 100);
}
