//! G8. A dry run: everything passes, thresholds are only told of.

use resilience::breaker::{Breaker, Causes, Counts, Event, EventKind, Outcome, State, Thresholds};

use crate::desk::*;

/// What a dry run told of.
fn warnings(breaker: &Breaker) -> Vec<(Causes, Counts)> {
    let told = |event: Event| match event.kind {
        EventKind::ThresholdExceeded { causes, counts } => Some((causes, counts)),
        _ => None,
    };
    breaker.events().into_iter().filter_map(told).collect()
}

#[test]
fn g8_a_dry_run_passes_all_counts_all_and_warns_once_as_long_as_it_holds() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 2)));
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker.fail(s(1), 10);
    assert_eq!(
        warnings(&breaker),
        [(Causes::FAILURE_RATIO, counts(2, 2, 0))]
    );
    breaker.ok(s(1), 20);
    breaker.fail(s(1), 90);
    let seen = breaker.look(s(1));
    assert_eq!(
        (seen.state, seen.calls, seen.failures),
        (State::MetricsOnly, 120, 100)
    );
    assert_eq!(
        warnings(&breaker)[1..],
        [(Causes::FAILURE_RATIO, counts(40, 20, 0))],
        "met anew"
    );
    assert_eq!(breaker.moves(), [(State::Closed, State::MetricsOnly)]);
}

#[test]
fn g8_a_dry_run_warns_of_a_second_outage() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 4)));
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker.fail(s(1), 4);
    breaker.ok(s(30), 100);
    breaker.fail(s(60), 4);
    let outage = (Causes::FAILURE_RATIO, counts(4, 4, 0));
    assert_eq!(warnings(&breaker), [outage, outage]);
}

#[test]
fn g8_a_dry_run_warns_of_each_threshold() {
    let breaker = breaker(rolling(
        secs(10),
        10,
        Thresholds {
            minimum_calls: 4,
            failure_ratio: Some(percent(50)),
            slow_ratio: Some(percent(50)),
            failures: None,
        },
    ));
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker.fail(s(1), 4);
    for _ in 0..4 {
        let _ = breaker.one(s(1), Outcome::Slow);
    }
    let told = [
        (Causes::FAILURE_RATIO, counts(4, 4, 0)),
        (Causes::SLOW_RATIO, counts(8, 4, 4)),
    ];
    assert_eq!(warnings(&breaker), told);
    let _ = breaker.a(s(1)).pause(s(1), secs(9));
    let asked = (Causes::ASKED_TO_WAIT, counts(8, 4, 4));
    assert_eq!(warnings(&breaker)[2..], [asked]);
}

#[test]
fn g8_new_thresholds_are_warned_of_again() {
    let breaker = breaker(consecutive(2));
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker.fail(s(1), 5);
    breaker.retune(consecutive(3), s(2)).unwrap();
    breaker.fail(s(2), 5);
    assert_eq!(warnings(&breaker).len(), 2);
}
