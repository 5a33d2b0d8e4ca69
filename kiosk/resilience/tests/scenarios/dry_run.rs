//! G8. A dry run: everything passes, thresholds are only told of.

use resilience::breaker::{
    Breaker, Causes, Counts, Event, EventKind, OpenWait, Outage, Outcome, Settings, State,
    Thresholds,
};

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
    assert_eq!(warnings(&breaker).len(), 1, "it would still be open");
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

/// Opens at two in a row and waits two seconds, then longer.
fn rehearsing() -> Breaker {
    let open = OpenWait {
        initial: secs(2),
        growth: 2.0,
        max: secs(60),
        jitter: 0.0,
    };
    let breaker = breaker(Settings {
        open,
        ..consecutive(2)
    });
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker
}

#[test]
fn g8_calls_that_flap_would_open_it_once_and_not_at_each_dip() {
    let breaker = rehearsing();
    for _ in 0..100 {
        breaker.fail(s(1), 2);
        breaker.ok(s(1), 1);
    }
    assert_eq!(warnings(&breaker).len(), 1);
    // What would be probes fail time after time.
    for second in 2..100 {
        breaker.fail(s(second), 2);
        breaker.ok(s(second), 1);
    }
    assert!(
        warnings(&breaker).len() < 10,
        "{}",
        warnings(&breaker).len()
    );
}

#[test]
fn g8_a_would_be_outage_ends_with_the_probe_that_would_have_closed_it() {
    let breaker = rehearsing();
    breaker.fail(s(1), 2);
    let would_be = breaker.look(s(1)).would_be;
    let began = Outage {
        causes: Causes::CONSECUTIVE_FAILURES,
        since: s(1),
    };
    assert_eq!(would_be, Some(began));
    breaker.ok(s(2), 9);
    assert_eq!(breaker.look(s(2)).would_be, Some(began), "it would wait");
    // A failed probe makes it wait for longer.
    breaker.fail(s(3), 1);
    breaker.ok(s(6), 9);
    assert_eq!(breaker.look(s(6)).would_be, Some(began));
    breaker.ok(s(7), 1);
    let seen = breaker.look(s(7));
    assert_eq!((seen.would_be, seen.would_have_opened), (None, 1));
    let ended = EventKind::WouldHaveClosed { lasted: secs(6) };
    assert_eq!(
        breaker.events().last().map(|event| event.kind.clone()),
        Some(ended)
    );
    breaker.fail(s(8), 2);
    assert_eq!(breaker.look(s(8)).would_have_opened, 2);
    assert_eq!(breaker.state(), State::MetricsOnly);
}

#[test]
fn g8_a_would_be_outage_does_not_end_while_a_threshold_is_met() {
    let breaker = breaker(rolling(secs(60), 10, ratio_thresholds(50, 4)));
    breaker.metrics_only(s(0), "trying new thresholds");
    breaker.fail(s(1), 20);
    breaker.ok(s(20), 10);
    assert!(breaker.look(s(20)).would_be.is_some());
    breaker.ok(s(21), 20);
    assert_eq!(breaker.look(s(21)).would_be, None);
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

#[test]
fn g8_a_retune_of_waits_goes_on_with_the_outage_and_one_of_thresholds_begins_anew() {
    let breaker = rehearsing();
    breaker.fail(s(1), 2);
    let longer = consecutive(2).waiting(secs(9));
    breaker.retune(longer, s(1)).unwrap();
    breaker.fail(s(1), 2);
    assert_eq!(warnings(&breaker).len(), 1);
    breaker.retune(consecutive(3), s(1)).unwrap();
    breaker.fail(s(1), 3);
    assert_eq!(warnings(&breaker).len(), 2);
}
