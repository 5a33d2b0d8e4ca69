use std::time::Duration;

use proptest::prelude::*;
use resilience::Moment;
use resilience::limiter::{Limited, Rate, SlidingWindow, TokenBucket, Window};

use crate::*;

fn rate(calls: u32, period: Duration, burst: u32) -> Rate {
    Rate {
        calls,
        period,
        burst,
    }
}

fn window(calls: u32, span: Duration) -> Window {
    Window { calls, span }
}

#[test]
fn a_bucket_lets_a_burst_through_and_then_the_rate() {
    let bucket = TokenBucket::new(rate(10, secs(1), 5), s(0)).unwrap();
    let passed = (0..20).filter(|_| bucket.try_acquire(s(0)).is_ok()).count();
    assert_eq!(passed, 5);
    let limited = bucket.try_acquire(s(0)).unwrap_err();
    assert_eq!(limited.retry_in, Some(Duration::from_millis(100)));
    assert!(bucket.try_acquire(ms(99)).is_err());
    assert!(bucket.try_acquire(ms(100)).is_ok());
    assert!(bucket.try_acquire(ms(100)).is_err());
}

#[test]
fn a_rate_that_does_not_divide_its_period_does_not_drift() {
    let bucket = TokenBucket::new(rate(7, secs(1), 1), s(0)).unwrap();
    let (mut now, mut passed) = (s(0), 0);
    while now < s(100) {
        match bucket.try_acquire(now) {
            Ok(()) => passed += 1,
            Err(limited) => now = now.plus(limited.retry_in.expect("it comes in")),
        }
    }
    assert_eq!(passed, 700);
}

#[test]
fn more_than_a_burst_can_never_be_had() {
    let bucket = TokenBucket::new(rate(1, secs(1), 3), s(0)).unwrap();
    assert_eq!(
        bucket.try_acquire_many(s(0), 4),
        Err(Limited { retry_in: None })
    );
    assert_eq!(bucket.try_acquire_many(s(0), 3), Ok(()));
    assert_eq!(
        bucket.try_acquire_many(s(1), 3),
        Err(Limited {
            retry_in: Some(secs(2))
        })
    );
}

#[test]
fn reservations_are_served_in_order_at_the_rate() {
    let bucket = TokenBucket::new(rate(1, secs(1), 1), s(0)).unwrap();
    bucket.try_acquire(s(0)).unwrap();
    let queue: Vec<_> = (0..3)
        .map(|_| bucket.reserve(s(0), secs(3)).unwrap())
        .collect();
    assert_eq!(
        bucket.reserve(s(0), secs(3)).unwrap_err().retry_in,
        Some(secs(4))
    );
    for (place, reservation) in queue.iter().enumerate() {
        assert_eq!(bucket.wait(reservation, s(0)), secs(place as u64 + 1));
    }
    assert!(
        bucket.try_acquire(s(3)).is_err(),
        "what came in was reserved"
    );
    assert!(
        queue
            .iter()
            .all(|reservation| bucket.wait(reservation, s(3)).is_zero())
    );
}

#[test]
fn behind_a_reservation_given_back_all_move_up_and_ahead_nobody_does() {
    let bucket = TokenBucket::new(rate(1, secs(1), 1), s(0)).unwrap();
    bucket.try_acquire(s(0)).unwrap();
    let reserve = || bucket.reserve(s(0), secs(9)).unwrap();
    let (first, second, third, last) = (reserve(), reserve(), reserve(), reserve());
    bucket.cancel(last, s(0));
    bucket.cancel(second, s(0));
    assert_eq!(bucket.wait(&first, s(0)), secs(1));
    assert_eq!(bucket.wait(&third, s(0)), secs(2));
    let again = reserve();
    assert_eq!(bucket.wait(&again, s(0)), secs(3));
    bucket.cancel(first, s(1));
    assert_eq!(bucket.wait(&third, s(1)), secs(0), "its token is there");
    assert_eq!(bucket.wait(&again, s(1)), secs(1));
    assert!(
        bucket.try_acquire(s(2)).is_err(),
        "what came in is reserved"
    );
    assert!(bucket.try_acquire(s(3)).is_ok());
}

#[test]
fn a_token_given_back_is_there_whoever_came_after() {
    let bucket = TokenBucket::new(rate(1, secs(3_600), 10), s(0)).unwrap();
    let held: Vec<_> = (0..10)
        .map(|_| bucket.reserve(s(0), secs(0)).unwrap())
        .collect();
    assert_eq!(bucket.available(s(1)), 0);
    for reservation in held {
        bucket.cancel(reservation, s(1));
    }
    assert_eq!(bucket.available(s(1)), 10);
}

#[test]
fn callers_that_gave_up_take_nothing_from_those_who_come_later() {
    let bucket = TokenBucket::new(rate(1, secs(1), 1), s(0)).unwrap();
    bucket.try_acquire(s(0)).unwrap();
    for _ in 0..50 {
        let queue = [(); 5].map(|()| bucket.reserve(s(0), secs(9)).unwrap());
        for reservation in queue {
            bucket.cancel(reservation, s(0));
        }
    }
    let next = bucket.reserve(s(0), secs(1)).unwrap();
    assert_eq!(bucket.wait(&next, s(0)), secs(1));
}

#[test]
fn looking_ahead_brings_no_tokens_and_forgets_no_calls() {
    let bucket = TokenBucket::new(rate(1, secs(10), 1), s(0)).unwrap();
    bucket.try_acquire(s(0)).unwrap();
    assert_eq!(bucket.available(s(100)), 1);
    assert!(bucket.try_acquire(s(5)).is_err());
    let held = bucket.reserve(s(5), secs(9)).unwrap();
    assert_eq!(bucket.wait(&held, s(100)), secs(0));
    assert_eq!(bucket.wait(&held, s(5)), secs(5));
    let limiter = SlidingWindow::new(window(1, secs(10))).unwrap();
    limiter.try_acquire(s(0)).unwrap();
    assert_eq!((limiter.counted(s(100)), limiter.counted(s(9))), (0, 1));
    assert!(limiter.try_acquire(s(5)).is_err());
}

#[test]
fn a_retune_keeps_tokens_in_number_whatever_the_period() {
    let bucket = TokenBucket::new(rate(1, secs(1), 10), s(0)).unwrap();
    bucket.try_acquire_many(s(0), 4).unwrap();
    for period in [Duration::from_nanos(1), secs(3_600), Duration::MAX, secs(1)] {
        bucket.retune(rate(1, period, 10), s(0)).unwrap();
        assert_eq!(bucket.available(s(0)), 6, "{period:?}");
    }
    bucket.retune(rate(1, secs(1), 2), s(0)).unwrap();
    assert_eq!(bucket.available(s(0)), 2, "down to the new burst");
}

#[test]
fn impossible_limits_are_refused_and_the_old_ones_stay() {
    let bucket = TokenBucket::new(rate(1, secs(1), 1), s(0)).unwrap();
    for bad in [
        rate(0, secs(1), 1),
        rate(1, secs(0), 1),
        rate(1, secs(1), 0),
    ] {
        assert!(TokenBucket::new(bad, s(0)).is_err() && bucket.retune(bad, s(0)).is_err());
    }
    assert_eq!(bucket.rate(), rate(1, secs(1), 1));
    let limiter = SlidingWindow::new(window(1, secs(1))).unwrap();
    for bad in [
        window(0, secs(1)),
        window(1, secs(0)),
        window(u32::MAX, secs(1)),
    ] {
        assert!(SlidingWindow::new(bad).is_err() && limiter.retune(bad).is_err());
    }
    assert_eq!(limiter.window(), window(1, secs(1)));
}

#[test]
fn a_sliding_window_has_no_edge_to_burst_over() {
    let limiter = SlidingWindow::new(window(10, secs(1))).unwrap();
    let passed = |now| (0..20).filter(|_| limiter.try_acquire(now).is_ok()).count();
    assert_eq!(passed(ms(999)), 10);
    assert_eq!(passed(ms(1_001)), 0);
    assert_eq!(passed(ms(1_998)), 0);
    assert_eq!(passed(ms(1_999)), 10, "exactly one span later");
}

#[test]
fn a_sliding_window_can_be_narrowed_and_widened() {
    let limiter = SlidingWindow::new(window(4, secs(10))).unwrap();
    for second in 0..4 {
        limiter.try_acquire(s(second)).unwrap();
    }
    limiter.retune(window(2, secs(10))).unwrap();
    assert_eq!(
        limiter.try_acquire(s(4)).unwrap_err().retry_in,
        Some(secs(8))
    );
    assert!(limiter.try_acquire(s(12)).is_ok());
    limiter.retune(window(3, secs(10))).unwrap();
    assert!(limiter.try_acquire(s(12)).is_ok());
    assert!(limiter.try_acquire(s(12)).is_err());
}

#[test]
fn clocks_that_step_back_and_extreme_values_break_no_limiter() {
    let limiter = SlidingWindow::new(window(2, secs(1))).unwrap();
    limiter.try_acquire(s(100)).unwrap();
    limiter.try_acquire(s(50)).unwrap();
    assert_eq!(
        limiter.try_acquire(s(50)).unwrap_err().retry_in,
        Some(secs(1))
    );
    assert!(limiter.try_acquire(s(101)).is_ok());
    for calls in [1, u32::MAX] {
        for period in [Duration::from_nanos(1), Duration::MAX] {
            let bucket = TokenBucket::new(rate(calls, period, u32::MAX), Moment::MAX).unwrap();
            for now in [Moment::START, Moment::MAX, s(1)] {
                let _ = bucket.try_acquire_many(now, u32::MAX);
                let held = bucket.reserve(now, Duration::MAX);
                bucket.retune(rate(u32::MAX, secs(1), 1), now).unwrap();
                let _ = held.map(|held| (bucket.wait(&held, now), bucket.cancel(held, now)));
                bucket.retune(rate(calls, period, u32::MAX), now).unwrap();
            }
        }
    }
}

proptest! {
    #[test]
    fn no_span_ever_sees_more_than_it_may(gaps in prop::collection::vec(0_u64..300, 1..300)) {
        let limiter = SlidingWindow::new(window(5, secs(1))).expect("valid");
        let (mut now, mut passed) = (s(0), Vec::new());
        for gap in gaps {
            now = now.plus(Duration::from_millis(gap));
            let young = passed.iter().filter(|at| now.since(**at) < secs(1)).count();
            let admitted = limiter.try_acquire(now);
            prop_assert_eq!(admitted.is_ok(), young < 5);
            match admitted {
                Ok(()) => passed.push(now),
                Err(limited) => {
                    let free = now.plus(limited.retry_in.expect("it frees"));
                    let then = passed.iter().filter(|at| free.since(**at) < secs(1)).count();
                    prop_assert!(then < 5);
                }
            }
        }
    }

    #[test]
    fn whoever_reserves_and_gives_up_no_more_pass_than_came_in(
        calls in 1_u32..20,
        burst in 1_u32..5,
        steps in prop::collection::vec((0_u64..200, 0_usize..4), 1..200),
    ) {
        let bucket = TokenBucket::new(rate(calls, secs(1), burst), s(0)).expect("valid");
        let (mut now, mut passed, mut queue) = (s(0), 0_u128, Vec::new());
        for (gap, choice) in steps {
            now = now.plus(Duration::from_millis(gap));
            match choice {
                0 | 1 => queue.extend(bucket.reserve(now, secs(3)).ok()),
                2 if !queue.is_empty() => bucket.cancel(queue.remove(queue.len() / 2), now),
                _ => passed += u128::from(bucket.try_acquire(now).is_ok()),
            }
            let waits: Vec<_> = queue.iter().map(|held| bucket.wait(held, now)).collect();
            prop_assert!(waits.is_sorted(), "in order");
            if waits.first().is_some_and(Duration::is_zero) {
                let _served = queue.remove(0);
                passed += 1;
            }
            let came_in = u128::from(now.as_nanos()) * u128::from(calls) / 1_000_000_000;
            prop_assert!(passed <= came_in + u128::from(burst));
            if queue.is_empty() {
                prop_assert!(bucket.reserve(now, secs(1)).map(|held| bucket.cancel(held, now)).is_ok(), "nothing leaks");
            }
        }
    }

    #[test]
    fn a_bucket_passes_what_came_in_and_the_burst_and_no_more(
        calls in 1_u32..50,
        burst in 1_u32..20,
        gaps in prop::collection::vec(0_u64..200, 1..300),
    ) {
        let bucket = TokenBucket::new(rate(calls, secs(1), burst), s(0)).expect("valid");
        let (mut now, mut passed) = (s(0), 0_u128);
        for gap in gaps {
            now = now.plus(Duration::from_millis(gap));
            if let Err(limited) = bucket.try_acquire(now) {
                let ready = now.plus(limited.retry_in.expect("it comes in"));
                prop_assert!(bucket.try_acquire(ready.minus(Duration::from_nanos(1))).is_err());
                prop_assert!(bucket.try_acquire(ready).is_ok(), "at the time it said");
                now = ready;
            }
            passed += 1;
            let came_in = u128::from(now.as_nanos()) * u128::from(calls) / 1_000_000_000;
            prop_assert!(passed <= came_in + u128::from(burst));
        }
    }
}
