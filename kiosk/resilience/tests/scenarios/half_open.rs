//! D. HalfOpen: who may pass.

use std::sync::Arc;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use resilience::breaker::{
    Breaker, EventKind, HalfOpen, Outcome, RejectReason, Report, Settings, State, Verdict,
};

use crate::desk::*;

fn half_open(permits: u32) -> Breaker {
    half_open_with(permits, Verdict::FirstFailure)
}

fn half_open_with(permits: u32, verdict: Verdict) -> Breaker {
    opened(
        consecutive(1).waiting(secs(10)).probing(permits, verdict),
        s(0),
    )
}

#[test]
fn d1_exactly_as_many_probes_as_permits_pass() {
    for permits in [1, 2, 4, 17, 1_024] {
        let breaker = half_open(permits);
        let probes: Vec<_> = (0..permits).map(|_| breaker.a(s(10))).collect();
        let _ = (breaker.r(s(10)), breaker.r(s(10)));
        assert_eq!(breaker.look(s(10)).probes.in_flight, permits);
        drop(probes);
    }
}

#[test]
fn d2_permits_are_fresh_each_time_it_is_half_open() {
    let breaker = half_open(4);
    let held: Vec<_> = (0..3).map(|_| breaker.a(s(10))).collect();
    let _ = breaker.a(s(10)).failure(s(10));
    assert_eq!(breaker.state(), State::Open);
    let again: Vec<_> = (0..4).map(|_| breaker.a(s(20))).collect();
    let _ = (breaker.r(s(20)), breaker.r(s(20)));
    drop(held);
    let _ = breaker.r(s(20));
    drop(again);
}

#[test]
fn d3_a_permit_released_without_outcome_lets_one_more_in() {
    let breaker = half_open(4);
    let mut probes: Vec<_> = (0..4).map(|_| breaker.a(s(10))).collect();
    let _ = breaker.r(s(10));
    probes.pop();
    let _one_more = breaker.a(s(10));
    let _ = breaker.r(s(10));
}

#[test]
fn d4_the_last_outcome_closes_it_and_until_then_others_are_refused() {
    let breaker = half_open(3);
    breaker.ok(s(10), 2);
    let third = breaker.a(s(10));
    assert_eq!(breaker.r(s(10)).reason, RejectReason::ProbesBusy);
    let _ = third.success(s(11));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn d6_of_eight_threads_exactly_one_is_the_probe() {
    for _round in 0..200 {
        let breaker = Arc::new(half_open(1));
        let (start, admitted) = (Barrier::new(8), AtomicUsize::new(0));
        let held: Vec<_> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        let permit = breaker.try_acquire_owned(s(10)).ok();
                        admitted.fetch_add(usize::from(permit.is_some()), Ordering::SeqCst);
                        permit
                    })
                })
                .collect();
            racers
                .into_iter()
                .map(|racer| racer.join().unwrap())
                .collect()
        });
        assert_eq!(admitted.into_inner(), 1);
        assert_eq!(breaker.look(s(10)).totals.rejected, 7);
        drop(held);
    }
}

#[test]
fn d7_a_cancelled_probe_gives_its_place_back() {
    let breaker = half_open(1);
    drop(breaker.a(s(10)));
    assert_eq!(breaker.state(), State::HalfOpen);
    let again = breaker.a(s(10));
    assert_eq!(again.record(s(10), Outcome::Cancelled), Report::Neutral);
    let _ = breaker.a(s(11)).success(s(11));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn d8_a_hung_probe_is_replaced_and_its_late_result_is_stale() {
    let breaker = half_open(1);
    let hung = breaker.a(s(10));
    let _ = breaker.r(just_before(s(40)));
    assert_eq!(breaker.next_deadline(), Some(s(40)));
    let replacement = breaker.a(s(40));
    assert_eq!(hung.success(s(41)), Report::Stale);
    assert_eq!(breaker.state(), State::HalfOpen);
    let _ = breaker.r(s(41));
    assert_eq!(replacement.success(s(42)), Report::Counted);
    assert_eq!(breaker.state(), State::Closed);
    let replaced = EventKind::ProbesReplaced { probes: 1 };
    assert!(breaker.events().iter().any(|event| event.kind == replaced));
}

#[test]
fn d8_a_late_probe_that_nobody_replaced_still_counts() {
    let breaker = half_open(1);
    let late = breaker.a(s(10));
    assert!(breaker.look(s(100)).probe_due);
    assert_eq!(late.success(s(100)), Report::Counted);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn d8_a_replaced_probe_that_is_dropped_frees_nothing() {
    let breaker = half_open(1);
    let hung = breaker.a(s(10));
    let _replacement = breaker.a(s(40));
    drop(hung);
    let _ = breaker.r(s(41));
    assert_eq!(breaker.look(s(41)).probes.in_flight, 1);
}

#[test]
fn d8_a_probe_that_is_never_given_back_does_not_keep_others_out_for_ever() {
    let breaker = half_open(2);
    std::mem::forget(breaker.a(s(10)));
    std::mem::forget(breaker.a(s(11)));
    let _ = breaker.r(s(39));
    let _one = breaker.a(s(40));
    let _ = breaker.r(s(40));
    let _two = breaker.a(s(41));
}

#[test]
fn d8_a_driver_that_ticks_at_each_deadline_gets_on() {
    let breaker = opened(
        consecutive(1)
            .waiting(secs(5))
            .probing(2, Verdict::FirstFailure),
        s(0),
    );
    let (first, second) = (breaker.a(s(5)), breaker.a(s(9)));
    assert_eq!(breaker.next_deadline(), Some(s(35)));
    breaker.tick(just_before(s(35)));
    assert_eq!(breaker.look(s(35)).probes.in_flight, 2);
    breaker.tick(s(35));
    assert_eq!(
        (
            breaker.next_deadline(),
            breaker.look(s(35)).probes.in_flight
        ),
        (None, 1)
    );
    assert_eq!(first.success(s(36)), Report::Stale);
    assert_eq!(second.success(s(90)), Report::Counted, "it kept nobody out");
}

#[test]
fn d8_the_deadline_can_be_for_ever() {
    let settings = consecutive(1).waiting(secs(1));
    let deadline = std::time::Duration::MAX;
    let half_open = HalfOpen {
        deadline,
        ..settings.half_open
    };
    let breaker = opened(
        Settings {
            half_open,
            ..settings
        },
        s(0),
    );
    let _hung = breaker.a(s(1));
    let _ = breaker.r(s(1_000_000_000));
}

#[test]
fn d10_a_probe_that_another_rule_keeps_back_returns_its_place() {
    let breaker = half_open(1);
    for _ in 0..100 {
        let permit = breaker.a(s(10));
        let full = true;
        if full {
            assert_eq!(permit.record(s(10), Outcome::Ignored), Report::Neutral);
        }
    }
    assert_eq!(breaker.look(s(10)).probes.in_flight, 0);
    let _ = breaker.a(s(10)).success(s(10));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn more_permits_while_half_open_let_more_probes_in() {
    let breaker = half_open(1);
    let _first = breaker.a(s(10));
    let _ = breaker.r(s(10));
    let wider = Settings {
        half_open: HalfOpen {
            permits: 3,
            ..breaker.settings().half_open
        },
        ..breaker.settings()
    };
    breaker.retune(wider, s(10)).unwrap();
    let _more = (breaker.a(s(10)), breaker.a(s(10)));
    let _ = breaker.r(s(10));
}

#[test]
fn fewer_permits_while_half_open_judge_what_is_there() {
    let breaker = half_open(4);
    breaker.ok(s(10), 2);
    let narrower = Settings {
        half_open: HalfOpen {
            permits: 2,
            ..breaker.settings().half_open
        },
        ..breaker.settings()
    };
    breaker.retune(narrower, s(10)).unwrap();
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn fewer_permits_than_probes_under_way_admit_nobody_until_there_is_room() {
    let breaker = half_open_with(4, Verdict::FailureRatio(percent(100)));
    let mut held: Vec<_> = (0..4).map(|_| breaker.a(s(10))).collect();
    let narrower = Settings {
        half_open: HalfOpen {
            permits: 2,
            ..breaker.settings().half_open
        },
        ..breaker.settings()
    };
    breaker.retune(narrower, s(10)).unwrap();
    held.truncate(2);
    let _ = breaker.r(s(10));
    held.truncate(1);
    held.push(breaker.a(s(10)));
    for permit in held {
        assert_eq!(permit.success(s(11)), Report::Counted);
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn a_probe_is_due_only_when_fewer_permits_have_room_for_it() {
    let settings = consecutive(1).waiting(secs(5));
    let breaker = opened(settings.probing(3, Verdict::FirstFailure), s(0));
    let _held = [breaker.a(s(5)), breaker.a(s(20)), breaker.a(s(20))];
    breaker
        .retune(settings.probing(1, Verdict::FirstFailure), s(21))
        .unwrap();
    assert!(!breaker.look(s(36)).probe_due, "one of three is hung");
    let _ = breaker.r(s(36));
    assert!(breaker.look(s(50)).probe_due);
    let _probe = breaker.a(s(50));
}
