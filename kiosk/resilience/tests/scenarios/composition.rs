//! H. Composition: what the parts mean to each other.

use std::time::Duration;

use resilience::Budget;
use resilience::backoff::{Backoff, Jitter};
use resilience::breaker::{Report, State};
use resilience::bulkhead::{self, Bulkhead};
use resilience::limiter::{Rate, TokenBucket};

use crate::desk::*;

#[test]
fn h1_each_attempt_has_its_own_limit_and_the_wait_between_is_not_cut() {
    let budget = Budget::new(s(0), secs(60));
    let backoff = Backoff {
        initial: secs(5),
        jitter: Jitter::None,
        ..Backoff::default()
    };
    let (mut now, mut begins) = (s(0), Vec::new());
    for retry in 0..3 {
        assert_eq!(budget.attempt(now, secs(2)), Some(secs(2)));
        begins.push(now);
        now = now.plus(secs(2));
        let delay = backoff.delay(retry, 0);
        assert!(delay > secs(2), "longer than an attempt may take");
        assert!(budget.allows_retry(now, delay, secs(1)));
        now = now.plus(delay);
    }
    assert_eq!(begins, [s(0), s(7), s(19)]);
}

#[test]
fn h2_an_outer_limit_ends_retries_that_still_wait() {
    let budget = Budget::new(s(0), secs(10));
    assert_eq!(
        budget.attempt(s(9), secs(5)),
        Some(secs(1)),
        "the last attempt is cut"
    );
    assert!(
        !budget.allows_retry(s(8), secs(3), secs(1)),
        "no use in waiting"
    );
    assert_eq!(budget.attempt(s(10), secs(5)), None);
    assert!(budget.is_spent(s(10)));
}

#[test]
fn h3_a_fallback_outside_the_limit_has_time_and_one_inside_is_cut() {
    let whole = Budget::new(s(0), secs(10));
    let call = whole.keeping(secs(2));
    assert!(call.is_spent(s(8)));
    assert_eq!(
        whole.attempt(s(8), secs(5)),
        Some(secs(2)),
        "the fallback answers"
    );
    let inside = call.narrowed(s(7), secs(5));
    assert_eq!(
        inside.deadline(),
        s(8),
        "a fallback inside is over with the call"
    );
}

#[test]
fn h4_a_full_bulkhead_refuses_at_once_and_that_is_no_failure_of_the_called_side() {
    let breaker = opened(consecutive(1).waiting(secs(1)), s(0));
    let bulkhead = Bulkhead::new(bulkhead::Settings {
        calls: 1,
        waiting: 0,
    })
    .unwrap();
    let _inside = bulkhead.try_acquire().unwrap();
    for _ in 0..10 {
        let probe = breaker.a(s(1));
        assert!(bulkhead.try_acquire().is_err());
        drop(probe);
    }
    let seen = breaker.look(s(1));
    assert_eq!((seen.state, seen.probes.in_flight), (State::HalfOpen, 0));
    assert_eq!(breaker.a(s(1)).success(s(1)), Report::Counted);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn h5_a_doubled_rate_shortens_the_wait_and_brings_the_rest_in_its_time() {
    let rate = Rate {
        calls: 1,
        period: secs(10),
        burst: 2,
    };
    let bucket = TokenBucket::new(rate, s(0)).unwrap();
    bucket.try_acquire_many(s(0), 2).unwrap();
    let waiting = bucket.reserve(s(0), Duration::MAX).unwrap();
    assert_eq!(bucket.wait(&waiting, s(2)), secs(8));
    bucket.retune(Rate { calls: 2, ..rate }, s(2)).unwrap();
    assert_eq!(bucket.wait(&waiting, s(2)), secs(4));
    assert_eq!(
        bucket.available(s(2)),
        0,
        "the extra calls do not appear at once"
    );
    assert_eq!(bucket.wait(&waiting, s(6)), Duration::ZERO);
    assert_eq!(bucket.available(s(6)), 0);
    assert_eq!(
        bucket.available(s(16)),
        2,
        "twice as many in the next period"
    );
}
