//! F. Late and unusual outcomes.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use resilience::Moment;
use resilience::breaker::{
    Breaker, Classifier, Outcome, Rejected, Report, Settings, State, Thresholds, Verdict,
};

use crate::desk::*;

#[test]
fn f1_in_a_fixed_window_a_call_from_the_span_before_is_dropped() {
    let breaker = breaker(fixed(secs(30), ratio_thresholds(100, 1)));
    let early = breaker.a(s(29));
    assert_eq!(early.success(ms(30_500)), Report::Stale);
    assert_eq!(breaker.counts(ms(30_500)), (0, 0));
    assert_eq!(breaker.a(ms(30_500)).success(s(31)), Report::Counted);
    assert_eq!(breaker.counts(s(31)), (1, 0));
}

#[test]
fn f2_a_probe_that_ends_after_another_one_closed_the_breaker_is_stale() {
    let settings = consecutive(1)
        .waiting(secs(1))
        .probing(2, Verdict::Successes(1));
    let breaker = opened(settings, s(0));
    let (first, second) = (breaker.a(s(1)), breaker.a(s(1)));
    let _ = first.success(s(2));
    assert_eq!(
        (breaker.state(), second.failure(s(2))),
        (State::Closed, Report::Stale)
    );
    assert_eq!(
        (breaker.state(), breaker.counts(s(2))),
        (State::Closed, (0, 0))
    );
}

/// Admitted while closed, reported while half-open.
fn stale(outcome: Outcome) -> (Breaker, Report) {
    let breaker = breaker(
        consecutive(2)
            .waiting(secs(10))
            .probing(2, Verdict::FirstFailure),
    );
    let early = breaker.try_acquire(s(0)).expect("closed");
    breaker.fail(s(0), 2);
    let probe = breaker.a(s(10));
    let report = early.record(s(11), outcome);
    drop(probe);
    untouched(&breaker);
    (breaker, report)
}

fn untouched(breaker: &Breaker) {
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(breaker.look(s(11)).calls, 0);
}

#[test]
fn f3_a_stale_failure_cannot_reopen_the_breaker() {
    let (breaker, report) = stale(Outcome::Fail);
    assert_eq!((breaker.state(), report), (State::HalfOpen, Report::Stale));
}

#[test]
fn f3b_a_stale_success_cannot_close_the_breaker() {
    let breaker = breaker(consecutive(2).waiting(secs(10)));
    let early: Vec<_> = (0..5).map(|_| breaker.a(s(0))).collect();
    breaker.fail(s(0), 2);
    let probe = breaker.a(s(10));
    for permit in early {
        assert_eq!(permit.success(s(11)), Report::Stale);
    }
    assert_eq!(breaker.state(), State::HalfOpen);
    let _ = breaker.r(s(11));
    let _ = probe.success(s(12));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn f3b_outcomes_from_before_an_outage_do_not_count_after_it() {
    let breaker = breaker(consecutive(2).waiting(secs(10)));
    let early = breaker.a(s(0));
    breaker.fail(s(0), 2);
    let _ = breaker.a(s(10)).success(s(10));
    assert_eq!(early.failure(s(11)), Report::Stale);
    assert_eq!(breaker.counts(s(11)), (0, 0));
    assert_eq!(breaker.look(s(11)).consecutive_failures, 0);
}

#[test]
fn f3c_the_reporter_learns_that_its_outcome_was_dropped() {
    let (breaker, report) = stale(Outcome::Ok);
    assert_eq!(report, Report::Stale);
    assert_eq!(breaker.look(s(11)).totals.stale, 1);
}

#[test]
fn f4_a_cancelled_call_is_neutral_and_leaves_the_gauge() {
    let breaker = breaker(consecutive(2));
    breaker.fail(s(0), 1);
    let permit = breaker.a(s(0));
    assert_eq!(breaker.look(s(0)).in_flight, 1);
    drop(permit);
    let seen = breaker.look(s(0));
    assert_eq!(
        (seen.in_flight, seen.calls, seen.consecutive_failures),
        (0, 1, 1)
    );
    assert_eq!(seen.totals.cancelled, 1);
    breaker.fail(s(0), 1);
    assert_eq!(
        breaker.state(),
        State::Open,
        "neutral outcomes do not end a run"
    );
}

#[test]
fn f4_a_drop_is_booked_at_the_instant_the_permit_was_taken() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    let permit = breaker.a(s(0));
    breaker.fail(s(20), 2);
    drop(permit);
    assert_eq!(breaker.counts(s(20)), (2, 2));
    assert_eq!(breaker.counts(s(29)), (2, 2));
}

#[test]
fn f5_a_panic_is_a_failure_and_goes_on() {
    let breaker = breaker(consecutive(2));
    for _ in 0..2 {
        let unwound = catch_unwind(AssertUnwindSafe(|| {
            breaker.call(|| s(1), |()| Outcome::Ok, || panic!("the call fell over"))
        }));
        assert!(unwound.is_err());
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.look(s(1)).totals.fail, 2);
}

#[test]
fn f5_a_panicking_classifier_is_a_failure_too() {
    let breaker = breaker(consecutive(1));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        breaker.call(|| s(1), |()| panic!("the classifier fell over"), || ())
    }));
    assert!(unwound.is_err());
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn f6_a_probe_that_panics_is_a_failed_probe_and_leaves_no_place_taken() {
    let breaker = opened(consecutive(1).waiting(secs(1)), s(0));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        breaker.call(|| s(1), |()| Outcome::Ok, || panic!("the probe fell over"))
    }));
    assert!(unwound.is_err());
    assert_eq!(
        (breaker.state(), breaker.look(s(1)).until),
        (State::Open, Some(s(2)))
    );
    let _ = breaker.a(s(2)).success(s(2));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn f6_a_bare_permit_dropped_by_a_panic_is_neutral() {
    let breaker = opened(consecutive(1).waiting(secs(1)), s(0));
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _probe = breaker.a(s(1));
        panic!("the caller fell over");
    }));
    assert!(unwound.is_err());
    let seen = breaker.look(s(1));
    assert_eq!((seen.state, seen.probes.in_flight), (State::HalfOpen, 0));
}

#[test]
fn f7_an_outcome_is_reported_once() {
    // Reporting twice does not compile (see `Permit`); a report is not followed by a neutral one.
    let breaker = breaker(Settings::without_rules());
    let _ = breaker.a(s(0)).success(s(0));
    let totals = breaker.look(s(0)).totals;
    assert_eq!((totals.ok, totals.cancelled), (1, 0));
}

#[test]
fn f8_a_permit_never_reported_is_released() {
    let breaker = breaker(consecutive(1));
    for _ in 0..100 {
        drop(breaker.a(s(0)));
    }
    let seen = breaker.look(s(0));
    assert_eq!(
        (seen.state, seen.in_flight, seen.totals.cancelled),
        (State::Closed, 0, 100)
    );
}

#[test]
fn f9_an_answer_can_be_a_failure() {
    let breaker = breaker(consecutive(2));
    let by_status = |status: &u16| {
        if *status >= 500 {
            Outcome::Fail
        } else {
            Outcome::Ok
        }
    };
    for _ in 0..2 {
        assert_eq!(breaker.call(|| s(0), by_status, || 503).unwrap(), 503);
    }
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn f10_ignored_wins_over_failed_and_failed_over_ok() {
    let classifier = Classifier::<Result<u16, ()>>::errors_fail()
        .fail_if(|result| matches!(result, Ok(400..)))
        .ignore_if(|result| matches!(result, Ok(400..500)));
    let breaker = breaker(consecutive(2));
    for (result, outcome) in [
        (Ok(200), Outcome::Ok),
        (Ok(404), Outcome::Ignored),
        (Ok(503), Outcome::Fail),
        (Err(()), Outcome::Fail),
    ] {
        assert_eq!(classifier.classify(&result), outcome);
        let _ = breaker.call(|| s(0), |result| classifier.classify(result), || result);
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.look(s(0)).totals.ignored, 1);
}

#[test]
fn f11_an_outer_breaker_does_not_count_the_refusals_of_an_inner_one() {
    #[derive(Debug)]
    enum Failure {
        Backend,
        Refused(#[expect(dead_code, reason = "shown when the test fails")] Rejected),
    }
    let (inner, outer) = (breaker(consecutive(1)), breaker(consecutive(1)));
    let classify_outer = |result: &Result<(), Failure>| match result {
        Ok(()) => Outcome::Ok,
        Err(Failure::Backend | Failure::Refused(_)) => Outcome::Ignored,
    };
    for _ in 0..3 {
        let _ = outer.call(
            || s(0),
            classify_outer,
            || {
                inner
                    .call(
                        || s(0),
                        |_: &Result<(), Failure>| Outcome::Fail,
                        || Err(Failure::Backend),
                    )
                    .unwrap_or_else(|refused| Err(Failure::Refused(refused)))
            },
        );
    }
    assert_eq!((inner.state(), outer.state()), (State::Open, State::Closed));
    assert_eq!(inner.look(s(0)).totals.rejected, 2);
    assert_eq!(outer.look(s(0)).totals.ignored, 3);
}

#[test]
fn f12_a_clock_that_steps_back_does_not_change_the_wait() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(100));
    let refused = breaker.r(s(40));
    assert_eq!(
        refused.retry_in,
        Some(secs(60)),
        "never more than the whole wait"
    );
    assert_eq!(breaker.look(s(40)).retry_in, Some(secs(60)));
    let _ = breaker.r(just_before(s(160)));
    let _probe = breaker.a(s(160));
}

#[test]
fn f13_time_that_runs_backwards_neither_panics_nor_corrupts_the_window() {
    let settings = Settings {
        slow_after: Some(secs(1)),
        ..rolling(secs(10), 10, Thresholds::COUNT_ONLY)
    };
    let breaker = breaker(settings);
    breaker.ok(s(100), 3);
    let _ = breaker.a(s(100)).failure(s(5));
    assert_eq!(
        breaker.look(s(100)).slow,
        0,
        "the time taken saturates at zero"
    );
    assert_eq!(breaker.counts(s(5)), (4, 1));
    assert_eq!(breaker.counts(s(100)), (4, 1));
    breaker.fail(s(109), 1);
    assert_eq!(breaker.counts(s(109)), (5, 2));
    assert_eq!(breaker.counts(s(110)), (1, 1));
    for now in [Moment::MAX, Moment::START, Moment::MAX, s(3)] {
        breaker.ok(now, 1);
        let _ = breaker.look(now);
    }
}

#[test]
fn f14_after_a_long_sleep_a_due_probe_is_due_at_once() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(0));
    let _probe = breaker.a(s(8 * 3_600));
}

#[test]
fn f14_after_a_sleep_in_which_the_clock_stood_still_the_wait_can_be_ended() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(0));
    breaker.expire_wait(s(1));
    let _probe = breaker.a(s(1));
}

#[test]
fn f15_ten_threads_lose_no_count() {
    let breaker = breaker(Settings {
        slow_after: Some(secs(1)),
        ..rolling(secs(60), 60, Thresholds::COUNT_ONLY)
    });
    std::thread::scope(|scope| {
        for thread in 0..10 {
            let breaker = &breaker;
            scope.spawn(move || {
                for call in 0..10_000_u64 {
                    let now = Moment::START.plus(Duration::from_nanos(call));
                    let permit = breaker.try_acquire(now).unwrap();
                    let _ = match (call + thread) % 4 {
                        0 => permit.finish(now, Outcome::Ignored),
                        1 => permit.failure(now),
                        _ => permit.success(now),
                    };
                }
            });
        }
    });
    let seen = breaker.look(s(1));
    assert_eq!((seen.calls, seen.failures), (75_000, 25_000));
    assert_eq!(
        (seen.totals.ok, seen.totals.fail, seen.totals.ignored),
        (50_000, 25_000, 25_000)
    );
    assert_eq!(seen.in_flight, 0);
}

#[test]
fn f14_on_resume_a_wait_that_is_over_is_due_at_once_and_another_is_shorter() {
    let breaker = opened(consecutive(1).waiting(secs(300)), s(0));
    breaker.slept(s(10), secs(100));
    assert_eq!(breaker.look(s(10)).retry_in, Some(secs(190)));
    // Settings that come later move it no more than any wait that was changed.
    breaker.slept(s(20), secs(8 * 3_600));
    let seen = breaker.look(s(20));
    assert_eq!((seen.state, seen.probe_due), (State::Open, true));
    let _ = breaker.a(s(20)).failure(s(20));
    assert_eq!(
        breaker.look(s(20)).retry_in,
        Some(secs(300)),
        "the next wait is whole"
    );
}

#[test]
fn f14_sleep_moves_nothing_but_a_wait() {
    let breaker = breaker(consecutive(1));
    let before = breaker.look(s(1));
    breaker.slept(s(1), secs(9));
    assert_eq!(breaker.look(s(1)), before);
    breaker.force_open(s(1), "stocktaking");
    breaker.slept(s(1), secs(9));
    assert_eq!(breaker.state(), State::ForcedOpen);
}
