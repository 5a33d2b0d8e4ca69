//! C. Open: how long, and what a refused caller learns.

use std::time::Duration;

use resilience::Moment;
use resilience::breaker::{
    Causes, EventKind, OpenWait, RejectReason, Report, Settings, State, Verdict,
};

use crate::desk::*;

fn waiting(wait: Duration) -> Settings {
    consecutive(3).waiting(wait)
}

#[test]
fn what_opened_it_first_is_told_until_it_closes() {
    let breaker = opened(consecutive(1).waiting(secs(5)), s(1));
    let begun = breaker.look(s(1)).outage.unwrap();
    assert_eq!(
        (begun.causes, begun.since),
        (Causes::CONSECUTIVE_FAILURES, s(1))
    );
    let _ = breaker.a(s(6)).failure(s(7));
    let seen = breaker.look(s(7));
    assert_eq!(
        (seen.causes, seen.outage),
        (Causes::PROBES_FAILED, Some(begun))
    );
    let probe = breaker.a(s(20));
    assert_eq!(breaker.look(s(20)).outage, Some(begun));
    let _ = probe.success(s(20));
    assert_eq!(breaker.look(s(20)).outage, None);
    breaker.fail(s(30), 1);
    assert_eq!(
        breaker.look(s(30)).outage.map(|outage| outage.since),
        Some(s(30))
    );
    breaker.force_open(s(31), "repairs");
    assert_eq!(breaker.look(s(31)).outage, None);
}

#[test]
fn c1_until_the_wait_is_over_calls_are_refused_and_not_counted() {
    let breaker = opened(waiting(secs(60)), s(0));
    let refused = breaker.r(ms(59_999));
    assert_eq!(
        (refused.state, refused.reason),
        (State::Open, RejectReason::Open)
    );
    assert_eq!(refused.causes, Causes::CONSECUTIVE_FAILURES);
    let seen = breaker.look(ms(59_999));
    assert_eq!((seen.state, seen.calls, seen.rejected), (State::Open, 0, 1));
}

#[test]
fn c2_at_exactly_the_end_of_the_wait_a_probe_passes() {
    let breaker = opened(waiting(secs(60)), s(0));
    let _ = breaker.r(just_before(s(60)));
    assert!(breaker.a(s(60)).is_probe());
}

#[test]
fn c3_after_the_wait_a_call_makes_it_half_open() {
    let breaker = opened(waiting(secs(60)), s(0));
    let _probe = breaker.a(s(60).plus(Duration::from_nanos(1)));
    assert_eq!(breaker.state(), State::HalfOpen);
}

#[test]
fn c4_looking_says_that_a_probe_is_due_and_changes_nothing() {
    let breaker = opened(waiting(secs(60)), s(0));
    let before = breaker.look(s(59));
    assert_eq!((before.probe_due, before.until), (false, Some(s(60))));
    assert_eq!(before.retry_in, Some(secs(1)));
    for _ in 0..3 {
        let due = breaker.look(s(61));
        assert_eq!((due.state, due.probe_due), (State::Open, true));
        assert_eq!(due.retry_in, Some(Duration::ZERO));
    }
    assert_eq!(breaker.state(), State::Open);
    assert_eq!(breaker.events().len(), 1);
}

#[test]
fn c5_time_alone_makes_it_half_open_if_asked_to() {
    let breaker = opened(waiting(secs(60)), s(0));
    assert_eq!(breaker.next_deadline(), Some(s(60)));
    breaker.tick(just_before(s(60)));
    assert_eq!(breaker.state(), State::Open);
    breaker.tick(s(60));
    assert_eq!(breaker.state(), State::HalfOpen);
    assert_eq!(
        breaker.next_deadline(),
        None,
        "nothing to wait for: a probe may go"
    );
    let _probe = breaker.a(s(60));
}

#[test]
fn c5_a_command_before_the_end_of_the_wait_cancels_the_timer() {
    let breaker = opened(waiting(secs(60)), s(0));
    breaker.reset(s(30));
    assert_eq!(breaker.next_deadline(), None);
    breaker.tick(s(60));
    assert_eq!(breaker.state(), State::Closed);
    breaker.force_open(s(61), "stocktaking");
    breaker.tick(s(1_000));
    assert_eq!(
        (breaker.state(), breaker.next_deadline()),
        (State::ForcedOpen, None)
    );
}

#[test]
fn c6_refusals_are_counted_until_the_breaker_is_half_open() {
    let breaker = opened(waiting(secs(5)), s(0));
    let _ = (breaker.r(s(1)), breaker.r(s(2)));
    assert_eq!(breaker.look(s(2)).rejected, 2);
    let _probe = breaker.a(s(5));
    let seen = breaker.look(s(5));
    assert_eq!((seen.rejected, seen.totals.rejected), (0, 2));
}

#[test]
fn c7_a_refusal_carries_the_rest_of_the_wait() {
    let breaker = opened(waiting(secs(5)), s(10));
    assert_eq!(breaker.r(s(10)).retry_in, Some(secs(5)));
    assert_eq!(
        breaker.r(ms(14_999)).retry_in,
        Some(Duration::from_millis(1))
    );
    let _probe = breaker.a(s(15));
    let refused = breaker.r(s(15));
    assert_eq!(
        (refused.retry_in, refused.reason),
        (Some(Duration::ZERO), RejectReason::ProbesBusy)
    );
    breaker.force_open(s(16), "stocktaking");
    assert_eq!(breaker.r(s(16)).retry_in, None);
}

#[test]
fn c8_refused_calls_do_not_lengthen_the_wait() {
    let breaker = opened(waiting(secs(5)), s(0));
    for millis in 0..5_000 {
        let _ = breaker.r(ms(millis));
    }
    let _probe = breaker.a(s(5));
}

#[test]
fn c9_each_failed_round_waits_longer_and_closing_starts_over() {
    let settings = Settings {
        open: OpenWait {
            initial: secs(1),
            growth: 2.0,
            max: secs(10),
            jitter: 0.0,
        },
        ..consecutive(1)
    };
    let breaker = breaker(settings);
    let mut now = s(0);
    for waits in [&[1, 2, 4, 8, 10, 10][..], &[1, 2, 4]] {
        breaker.fail(now, 1);
        for (round, wait) in waits.iter().enumerate() {
            let seen = breaker.look(now);
            assert_eq!(
                (seen.attempt as usize, seen.retry_in),
                (round, Some(secs(*wait)))
            );
            now = now.plus(secs(*wait));
            if round + 1 < waits.len() {
                let _ = breaker.a(now).failure(now);
            } else {
                let _ = breaker.a(now).success(now);
                assert_eq!(breaker.state(), State::Closed);
            }
        }
    }
}

#[test]
fn c10_the_longest_wait_saturates() {
    for growth in [1.0, 2.0, f64::MAX] {
        let open = OpenWait {
            initial: Duration::MAX,
            growth,
            max: Duration::MAX,
            jitter: 0.5,
        };
        let breaker = opened(
            Settings {
                open,
                ..consecutive(1)
            },
            s(1),
        );
        let _ = breaker.r(s(1_000_000_000));
    }
    let breaker = opened(waiting(Duration::MAX), s(1));
    assert_eq!(breaker.look(s(1)).until, Some(Moment::MAX));
    let _ = breaker.r(just_before(Moment::MAX));
}

#[test]
fn c10_growth_without_end_saturates_at_the_longest_wait() {
    let open = OpenWait {
        initial: secs(1),
        growth: f64::MAX,
        max: Duration::MAX,
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
    assert_eq!(breaker.look(s(1)).until, Some(Moment::MAX));
}

#[test]
fn c12_a_ban_opens_at_once_for_as_long_as_it_says() {
    let breaker = breaker(Settings::default());
    assert_eq!(breaker.a(s(0)).trip(s(1), secs(7_200)), Report::Counted);
    assert_eq!(breaker.look(s(1)).causes, Causes::ASKED_TO_WAIT);
    let _ = breaker.r(just_before(s(7_201)));
    let _probe = breaker.a(s(7_201));
}

#[test]
fn c12_the_next_wait_is_an_ordinary_one() {
    let breaker = breaker(consecutive(1).waiting(secs(5)));
    let _ = breaker.a(s(0)).trip(s(0), secs(1));
    let _ = breaker.a(s(1)).failure(s(1));
    assert_eq!(breaker.look(s(1)).retry_in, Some(secs(5)));
}

#[test]
fn c12_a_probe_can_be_told_to_wait() {
    let settings = consecutive(1)
        .waiting(secs(5))
        .probing(3, Verdict::FailureRatio(percent(100)));
    let breaker = opened(settings, s(0));
    let _ = breaker.a(s(5)).trip(s(5), secs(100));
    assert_eq!(breaker.look(s(5)).until, Some(s(105)));
}

#[test]
fn c12_an_open_breaker_can_be_told_to_wait_longer() {
    let breaker = opened(waiting(secs(5)), s(0));
    assert!(breaker.trip(s(1), secs(100)));
    assert_eq!(breaker.look(s(1)).until, Some(s(101)));
    assert!(matches!(
        breaker.events()[1].kind,
        EventKind::WaitChanged { .. }
    ));
}

#[test]
fn c12_an_overload_opens_at_once_and_is_no_failure() {
    let breaker = breaker(consecutive(2));
    breaker.fail(s(0), 1);
    assert_eq!(breaker.a(s(0)).pause(s(1), secs(30)), Report::Neutral);
    let seen = breaker.look(s(1));
    assert_eq!(
        (seen.state, seen.causes, seen.until),
        (State::Open, Causes::ASKED_TO_WAIT, Some(s(31)))
    );
    assert_eq!(
        (seen.totals.ignored, seen.totals.fail, seen.opened_by),
        (1, 1, Some(counts(1, 1, 0)))
    );
    let _probe = breaker.a(s(31));
}

#[test]
fn c12_a_stale_overload_neither_shortens_a_wait_nor_reopens() {
    let breaker = breaker(consecutive(1).waiting(secs(5)));
    let [first, second, third] = [breaker.a(s(0)), breaker.a(s(0)), breaker.a(s(0))];
    let _ = first.pause(s(1), secs(60));
    assert_eq!(second.pause(s(2), secs(1)), Report::Stale);
    assert_eq!(breaker.look(s(2)).until, Some(s(61)));
    breaker.ok(s(61), 1);
    assert_eq!(third.pause(s(62), secs(60)), Report::Stale);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn c12_a_probe_that_meets_an_overload_gives_its_place_back_and_waits() {
    let settings = consecutive(1)
        .waiting(secs(5))
        .probing(2, Verdict::FailureRatio(percent(100)));
    let breaker = opened(settings, s(0));
    let (probe, late) = (breaker.a(s(5)), breaker.a(s(5)));
    assert_eq!(probe.pause(s(6), secs(100)), Report::Neutral);
    assert_eq!(late.success(s(6)), Report::Stale);
    let seen = breaker.look(s(6));
    assert_eq!(
        (seen.causes, seen.until, seen.in_flight),
        (Causes::ASKED_TO_WAIT, Some(s(106)), 0)
    );
}

#[test]
fn c12_an_overload_moves_no_breaker_that_is_set_by_hand() {
    let breaker = breaker(consecutive(1));
    breaker.metrics_only(s(0), "trying new thresholds");
    assert_eq!(breaker.a(s(0)).pause(s(0), secs(9)), Report::Neutral);
    assert_eq!(breaker.state(), State::MetricsOnly);
    breaker.disable(s(1), "stocktaking");
    assert_eq!(breaker.a(s(1)).pause(s(1), secs(9)), Report::Unrecorded);
    assert_eq!(breaker.state(), State::Disabled);
}

#[test]
fn c13_without_a_wait_the_next_call_is_a_probe() {
    let breaker = opened(waiting(Duration::ZERO), s(0));
    assert!(breaker.a(s(0)).is_probe());
}

#[test]
fn c14_of_seven_attempts_three_reach_the_far_side() {
    let breaker = breaker(waiting(secs(60)));
    let (mut reached, mut refused) = (0, 0);
    for _attempt in 0..7 {
        match breaker.try_acquire(s(0)) {
            Ok(permit) => {
                reached += 1;
                let _ = permit.failure(s(0));
            }
            Err(_) => refused += 1,
        }
    }
    assert_eq!((reached, refused), (3, 4));
    assert_eq!(breaker.look(s(0)).totals.fail, 3);
}

#[test]
fn a_person_can_end_the_wait() {
    let breaker = opened(waiting(secs(3_600)), s(0));
    breaker.expire_wait(s(1));
    assert!(breaker.look(s(1)).probe_due);
    let _probe = breaker.a(s(1));
}

#[test]
fn jitter_shortens_a_wait_by_no_more_than_its_share_and_differs_between_seeds() {
    let mut waits = Vec::new();
    for seed in 0..200 {
        let open = OpenWait {
            jitter: 0.25,
            ..OpenWait::constant(secs(100))
        };
        let breaker = opened(
            Settings {
                open,
                seed,
                ..consecutive(1)
            },
            s(0),
        );
        let wait = breaker.look(s(0)).retry_in.unwrap();
        assert!(wait > secs(74) && wait <= secs(100), "{wait:?}");
        waits.push(wait);
    }
    waits.sort();
    waits.dedup();
    assert!(waits.len() > 190);
}
