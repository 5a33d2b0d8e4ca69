use std::time::Duration;

use resilience::Ratio;
use resilience::ramp::{Ramp, Slope};

use crate::*;

fn slope(percent: u32, over: Duration) -> Slope {
    Slope {
        first: Ratio::percent(percent).expect("1 to 100"),
        over,
    }
}

#[test]
fn the_first_call_always_passes() {
    for percent in [1, 10, 50, 100] {
        assert!(Ramp::begin(slope(percent, secs(10)), s(0)).admit(s(0)));
    }
}

#[test]
fn the_share_grows_evenly_to_all() {
    let ramp = Ramp::begin(slope(20, secs(10)), s(5));
    let shares: Vec<_> = [5, 10, 15, 1_000].map(|at| ramp.share(s(at))).to_vec();
    assert_eq!(shares, [0.2, 0.6, 1.0, 1.0]);
    assert_eq!(
        (ramp.ends(), ramp.is_over(s(14)), ramp.is_over(s(15))),
        (s(15), false, true)
    );
}

#[test]
fn calls_pass_in_even_proportion_and_after_the_end_all_do() {
    let mut ramp = Ramp::begin(slope(10, secs(10)), s(0));
    let mut passed = |at| (0..100).filter(|_| ramp.admit(at)).count();
    assert_eq!(passed(s(0)), 10);
    assert_eq!(passed(s(5)), 55);
    assert_eq!(passed(s(10)), 100);
    assert_eq!(passed(s(11)), 100);
}

#[test]
fn a_stampede_becomes_a_slope() {
    let mut ramp = Ramp::begin(slope(1, secs(60)), s(0));
    let mut per_second = Vec::new();
    for second in 0..61 {
        per_second.push(
            (0..1_000)
                .filter(|call| ramp.admit(ms(second * 1_000 + call)))
                .count(),
        );
    }
    assert!(per_second.is_sorted(), "{per_second:?}");
    assert!(per_second[0] < 25 && per_second[30] < 525 && per_second[60] == 1_000);
}

#[test]
fn no_time_is_no_ramp_and_backward_time_no_harm() {
    let mut at_once = Ramp::begin(slope(1, secs(0)), s(5));
    assert!((0..10).all(|_| at_once.admit(s(5))));
    let mut for_ever = Ramp::begin(slope(1, Duration::MAX), s(5));
    assert_eq!((0..100).filter(|_| for_ever.admit(s(0))).count(), 1);
    assert!(!for_ever.is_over(Moment::MAX));
}
