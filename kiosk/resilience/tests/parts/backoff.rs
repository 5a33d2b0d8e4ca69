use std::time::Duration;

use proptest::prelude::*;
use resilience::Ratio;
use resilience::backoff::{Allowance, Backoff, Jitter, RetryBudget};

use crate::*;

#[test]
fn delays_double_up_to_the_cap() {
    let backoff = Backoff {
        initial: secs(1),
        factor: 2.0,
        cap: secs(10),
        jitter: Jitter::None,
    };
    let delays: Vec<_> = backoff
        .delays(1)
        .take(6)
        .map(|delay| delay.as_secs())
        .collect();
    assert_eq!(delays, [1, 2, 4, 8, 10, 10]);
}

#[test]
fn no_number_of_retries_overflows() {
    for initial in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        for factor in [1.0, 2.0, f64::MAX] {
            for jitter in [Jitter::None, Jitter::Full, Jitter::Equal] {
                let backoff = Backoff {
                    initial,
                    factor,
                    cap: Duration::MAX,
                    jitter,
                };
                assert!(backoff.validate().is_ok());
                for retry in [0, 1, 31, 32, 63, 64, 1_000, u32::MAX] {
                    let _ = backoff.delay(retry, u64::MAX);
                }
            }
        }
    }
}

#[test]
fn senseless_backoffs_are_refused() {
    let good = Backoff::default();
    for bad in [
        Backoff {
            factor: 0.5,
            ..good
        },
        Backoff {
            factor: f64::NAN,
            ..good
        },
        Backoff {
            factor: f64::INFINITY,
            ..good
        },
        Backoff {
            initial: secs(31),
            ..good
        },
    ] {
        assert!(bad.validate().is_err(), "{bad:?}");
    }
}

#[test]
fn full_jitter_spreads_a_crowd_evenly() {
    let backoff = Backoff {
        initial: secs(10),
        ..Backoff::default()
    };
    let mut tenths = [0_u32; 10];
    for kiosk in 0..10_000 {
        let delay = backoff.delay(0, kiosk);
        tenths[usize::try_from(delay.as_millis() / 1_000).expect("below ten")] += 1;
    }
    assert!(
        tenths.iter().all(|count| (850..1_150).contains(count)),
        "{tenths:?}"
    );
}

#[test]
fn equal_jitter_waits_at_least_half() {
    let backoff = Backoff {
        initial: secs(10),
        jitter: Jitter::Equal,
        ..Backoff::default()
    };
    for random in 0..1_000 {
        let delay = backoff.delay(0, random);
        assert!(delay >= secs(5) && delay <= secs(10));
    }
}

#[test]
fn in_an_outage_retries_stay_a_tenth_of_the_calls() {
    let allowance = Allowance {
        share: Ratio::percent(10).unwrap(),
        per_second: 0,
        most: 10,
    };
    let budget = RetryBudget::new(allowance, s(0));
    let mut sent = 0;
    for _ in 0..10_000 {
        budget.call();
        sent += 1;
        // Everything fails, and everybody would try three times more.
        sent += (0..3).filter(|_| budget.try_retry(s(0))).count();
    }
    assert!((11_000..=11_010).contains(&sent), "{sent}");
    assert_eq!(budget.snapshot(s(0)).0, 0);
}

#[test]
fn what_is_given_back_can_be_spent_again_and_not_saved_beyond_the_most() {
    let allowance = Allowance {
        share: Ratio::percent(1).unwrap(),
        per_second: 0,
        most: 2,
    };
    let budget = RetryBudget::new(allowance, s(0));
    assert!(budget.try_retry(s(0)) && budget.try_retry(s(0)));
    budget.refund();
    assert_eq!(budget.snapshot(s(0)).0, 1);
    assert!(budget.try_retry(s(0)) && !budget.try_retry(s(0)));
    for _ in 0..3 {
        budget.refund();
    }
    assert_eq!(budget.snapshot(s(0)).0, 2);
}

#[test]
fn a_quiet_caller_may_retry_now_and_then() {
    let allowance = Allowance {
        share: Ratio::percent(1).unwrap(),
        per_second: 2,
        most: 3,
    };
    let budget = RetryBudget::new(allowance, s(0));
    assert_eq!((0..9).filter(|_| budget.try_retry(s(0))).count(), 3);
    assert!(!budget.try_retry(ms(499)));
    assert!(budget.try_retry(ms(500)));
    assert_eq!(budget.snapshot(s(1_000)), (3, 7));
    budget.retune(
        Allowance {
            most: 1,
            ..allowance
        },
        s(1_000),
    );
    assert_eq!(budget.snapshot(s(1_000)).0, 1);
    assert_eq!(
        budget.snapshot(s(0)).0,
        1,
        "time that runs backwards earns nothing"
    );
}

proptest! {
    #[test]
    fn retries_never_exceed_what_was_earned(steps in prop::collection::vec((0_u64..500, any::<bool>()), 1..300)) {
        let allowance = Allowance { share: Ratio::HALF, per_second: 1, most: 2 };
        let budget = RetryBudget::new(allowance, s(0));
        let (mut now, mut calls, mut retries) = (s(0), 0_u128, 0_u128);
        for (gap, is_call) in steps {
            now = now.plus(Duration::from_millis(gap));
            if is_call {
                budget.call();
                calls += 1;
            } else if budget.try_retry(now) {
                retries += 1;
            }
            let earned = 2_000 + calls * 500 + u128::from(now.as_nanos() / 1_000_000);
            prop_assert!(retries * 1_000 <= earned);
        }
    }
}

#[test]
fn looking_ahead_at_a_retry_budget_earns_nothing() {
    let allowance = Allowance {
        share: Ratio::percent(10).expect("valid"),
        per_second: 1,
        most: 1,
    };
    let budget = RetryBudget::new(allowance, s(0));
    assert!(budget.try_retry(s(0)));
    assert_eq!(budget.snapshot(s(100)), (1, 0));
    assert!(!budget.try_retry(s(0)));
    assert_eq!(budget.snapshot(s(0)), (0, 1));
}
