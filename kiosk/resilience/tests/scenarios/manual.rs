//! G. Manual control, modes, events, retuning.

use std::sync::Arc;

use resilience::Ratio;
use resilience::breaker::{
    Causes, EVENTS_KEPT, EventKind, Fault, HalfOpen, IllegalMove, OpenWait, Outage, Outcome,
    Report, Settings, State, Thresholds, Verdict,
};

use crate::desk::*;

#[test]
fn g1_a_breaker_opened_by_hand_never_closes_by_itself() {
    let breaker = breaker(consecutive(1).waiting(secs(60)));
    breaker.force_open(s(0), "stocktaking");
    for minute in 0..100 {
        let refused = breaker.r(s(minute * 60));
        assert_eq!((refused.state, refused.retry_in), (State::ForcedOpen, None));
        breaker.tick(s(minute * 60));
    }
    let seen = breaker.look(s(6_000));
    assert_eq!(
        (seen.state, seen.causes),
        (State::ForcedOpen, Causes::BY_HAND)
    );
    assert_eq!(
        (seen.note.as_deref(), seen.probe_due),
        (Some("stocktaking"), false)
    );
    assert_eq!(seen.rejected, 100);
}

#[test]
fn g2_a_switch_set_before_the_first_call_counts() {
    let breaker = breaker(Settings::default());
    breaker.force_open(s(0), "set up");
    let _ = breaker.r(s(0));
}

#[test]
fn g3_a_late_success_does_not_move_a_forced_breaker() {
    let breaker = breaker(consecutive(1).waiting(secs(1)));
    let (early, failing) = (breaker.a(s(0)), breaker.a(s(0)));
    breaker.force_open(s(0), "stocktaking");
    assert_eq!(early.success(s(5)), Report::Stale);
    assert_eq!(failing.failure(s(5)), Report::Stale);
    assert_eq!(breaker.state(), State::ForcedOpen);
    breaker.auto(s(6));
    assert_eq!(
        (breaker.state(), breaker.counts(s(6))),
        (State::Closed, (0, 0))
    );
}

#[test]
fn g3_a_probe_that_ends_after_the_breaker_was_forced_open_is_stale() {
    let breaker = opened(consecutive(1).waiting(secs(1)), s(0));
    let probe = breaker.a(s(1));
    breaker.force_open(s(1), "stocktaking");
    assert_eq!(probe.success(s(2)), Report::Stale);
    assert_eq!(breaker.state(), State::ForcedOpen);
}

#[test]
fn g3_trip_rules_do_not_move_a_breaker_set_by_hand() {
    let breaker = breaker(consecutive(1));
    breaker.force_open(s(0), "stocktaking");
    assert!(!breaker.trip(s(0), secs(1)));
    breaker.disable(s(1), "known bad thresholds");
    assert!(!breaker.trip(s(1), secs(1)));
    assert_eq!(breaker.state(), State::Disabled);
}

#[test]
fn g5_a_reset_closes_an_open_breaker_at_once() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(0));
    breaker.reset(s(1));
    let seen = breaker.look(s(1));
    assert_eq!(
        (seen.state, seen.retry_in, seen.attempt),
        (State::Closed, None, 0)
    );
    breaker.ok(s(1), 1);
}

#[test]
fn g6_a_reset_of_a_closed_breaker_clears_it_and_is_no_move() {
    let settings = Settings {
        consecutive_failures: Some(4),
        last_calls: last_calls(10, Thresholds::COUNT_ONLY).last_calls,
        ..rolling(secs(10), 10, Thresholds::COUNT_ONLY)
    };
    let breaker = breaker(settings);
    breaker.fail(s(0), 3);
    breaker.reset(s(0));
    let seen = breaker.look(s(0));
    assert_eq!((seen.calls, seen.consecutive_failures), (0, 0));
    assert_eq!(
        (seen.time, seen.last_calls),
        (Some(counts(0, 0, 0)), Some(counts(0, 0, 0)))
    );
    assert_eq!(seen.totals.fail, 3, "totals are for ever");
    assert!(breaker.moves().is_empty());
    assert_eq!(
        breaker.events()[0].kind,
        EventKind::Reset {
            counts: counts(3, 3, 0)
        }
    );
}

#[test]
fn g6_what_is_in_flight_at_a_reset_is_stale() {
    let breaker = breaker(consecutive(1));
    let permit = breaker.a(s(0));
    breaker.reset(s(0));
    assert_eq!(permit.failure(s(1)), Report::Stale);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn g7_a_disabled_breaker_passes_all_and_records_nothing() {
    let breaker = breaker(consecutive(1));
    breaker.disable(s(0), "known bad thresholds");
    for _ in 0..10 {
        assert_eq!(breaker.one(s(0), Outcome::Fail), Report::Unrecorded);
        assert_eq!(breaker.a(s(0)).trip(s(0), secs(9)), Report::Unrecorded);
    }
    let seen = breaker.look(s(0));
    assert_eq!(
        (seen.state, seen.calls, seen.totals.fail),
        (State::Disabled, 0, 0)
    );
    assert_eq!(seen.in_flight, 0);
}

#[test]
fn g9_a_closed_breaker_cannot_be_made_half_open() {
    let breaker = breaker(Settings::default());
    let refused = IllegalMove {
        from: State::Closed,
        to: State::HalfOpen,
    };
    assert_eq!(breaker.half_open(s(0)), Err(refused));
    assert!(breaker.events().is_empty());
    breaker.force_open(s(0), "stocktaking");
    assert_eq!(breaker.half_open(s(0)), Ok(()));
    let _ = breaker.a(s(0)).success(s(0));
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn g9_every_other_state_can_be_made_half_open() {
    for initial in State::ALL {
        let breaker = breaker(Settings {
            initial,
            ..Settings::default()
        });
        assert_eq!(breaker.half_open(s(0)).is_ok(), initial != State::Closed);
    }
}

#[test]
fn g9_a_breaker_opened_by_hand_for_its_wait_recovers_by_itself() {
    for initial in State::ALL {
        let settings = Settings {
            initial,
            ..consecutive(3).waiting(secs(60))
        };
        let breaker = breaker(settings);
        breaker.open(s(0));
        breaker.open(s(1));
        assert_eq!(breaker.look(s(1)).until, Some(s(60)), "{initial}");
        let _ = breaker.a(s(60)).success(s(60));
        assert_eq!(breaker.state(), State::Closed);
    }
}

#[test]
fn g10_a_move_to_the_same_state_is_no_event() {
    let breaker = breaker(Settings::default());
    breaker.auto(s(0));
    breaker.force_open(s(0), "stocktaking");
    breaker.force_open(s(1), "still stocktaking");
    breaker.tick(s(2));
    assert_eq!(breaker.events().len(), 1);
    let seen = breaker.look(s(2));
    assert_eq!(
        (seen.note.as_deref(), seen.since),
        (Some("still stocktaking"), s(0))
    );
}

#[test]
fn g11_a_reader_of_events_may_ask_and_command_the_breaker() {
    let breaker = breaker(consecutive(1));
    breaker.fail(s(0), 1);
    for event in breaker.events_after(0).events {
        if let EventKind::Moved {
            to: State::Open, ..
        } = event.kind
        {
            assert_eq!(breaker.look(s(0)).state, State::Open);
            breaker.reset(s(0));
        }
    }
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn g12_a_reader_that_panics_leaves_the_breaker_working() {
    let breaker = Arc::new(breaker(consecutive(1)));
    let reader = Arc::clone(&breaker);
    let unwound = std::thread::spawn(move || {
        reader.fail(s(0), 1);
        let permit = reader.try_acquire(s(0));
        assert!(permit.is_ok(), "this reader expects too much");
    })
    .join();
    assert!(unwound.is_err());
    breaker.reset(s(1));
    breaker.ok(s(1), 1);
}

#[test]
fn g13_events_carry_the_counts_that_caused_them_in_one_order() {
    let breaker = breaker(last_calls(2, ratio_thresholds(50, 2)).waiting(secs(1)));
    breaker.ok(s(0), 1);
    breaker.fail(s(0), 1);
    let _ = breaker.a(s(1)).success(s(1));
    let events = breaker.events();
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [1, 2, 3]
    );
    let EventKind::Moved {
        from,
        to,
        counts: judged,
        wait,
        ..
    } = events[0].kind
    else {
        panic!("a move")
    };
    assert_eq!(
        (from, to, judged),
        (State::Closed, State::Open, counts(2, 1, 0))
    );
    assert_eq!(wait, Some(secs(1)));
    let EventKind::Moved {
        to, counts: judged, ..
    } = events[2].kind
    else {
        panic!("a move")
    };
    assert_eq!((to, judged), (State::Closed, counts(1, 0, 0)));
}

#[test]
fn g13_a_reader_that_is_behind_learns_how_much_it_missed() {
    let breaker = breaker(Settings::default());
    for second in 0..500 {
        breaker.force_open(s(second), "on");
        breaker.auto(s(second));
    }
    let news = breaker.events_after(10);
    assert_eq!(news.events.len(), EVENTS_KEPT);
    assert_eq!(
        (news.lost, news.cursor),
        (1_000 - 10 - EVENTS_KEPT as u64, 1_000)
    );
    assert_eq!(breaker.events_after(news.cursor).events, []);
    assert_eq!(breaker.events_after(u64::MAX).lost, 0);
}

#[test]
fn g14_an_identical_retune_changes_nothing() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(0));
    let before = breaker.look(s(1));
    assert!(breaker.retune(breaker.settings(), s(1)).unwrap().unchanged);
    assert_eq!(breaker.look(s(1)), before);
}

#[test]
fn g15_a_new_threshold_while_open_keeps_state_generation_and_deadline() {
    let open = OpenWait {
        initial: secs(60),
        growth: 2.0,
        max: secs(600),
        jitter: 0.3,
    };
    let breaker = opened(
        Settings {
            open,
            ..consecutive(1)
        },
        s(0),
    );
    let before = breaker.look(s(1));
    let retuned = Settings {
        consecutive_failures: Some(9),
        ..breaker.settings()
    };
    assert!(!breaker.retune(retuned, s(30)).unwrap().unchanged);
    let after = breaker.look(s(1));
    assert_eq!(
        (after.state, after.generation),
        (State::Open, before.generation)
    );
    assert_eq!(
        (after.until, after.since, after.causes),
        (before.until, s(0), before.causes)
    );
    let _ = breaker.r(s(31));
}

#[test]
fn g15_a_new_threshold_while_closed_keeps_the_statistics() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 10)));
    breaker.fail(s(0), 4);
    let permit = breaker.a(s(0));
    breaker
        .retune(rolling(secs(10), 10, ratio_thresholds(80, 10)), s(0))
        .unwrap();
    assert_eq!(breaker.counts(s(0)), (4, 4));
    assert_eq!(
        permit.failure(s(1)),
        Report::Counted,
        "what is in flight still counts"
    );
}

#[test]
fn g15_a_probe_under_way_survives_a_retune() {
    let breaker = opened(consecutive(1).waiting(secs(1)), s(0));
    let probe = breaker.a(s(1));
    let half_open = HalfOpen {
        permits: 2,
        ..HalfOpen::default()
    };
    breaker
        .retune(
            Settings {
                half_open,
                ..breaker.settings()
            },
            s(1),
        )
        .unwrap();
    assert_eq!(probe.success(s(2)), Report::Counted);
    assert_eq!(breaker.state(), State::HalfOpen);
    breaker.ok(s(2), 1);
    assert_eq!(breaker.state(), State::Closed);
}

#[test]
fn g15_a_new_wait_counts_from_the_moment_it_opened() {
    let breaker = opened(consecutive(1).waiting(secs(600)), s(100));
    breaker
        .retune(consecutive(1).waiting(secs(30)), s(110))
        .unwrap();
    assert_eq!(breaker.look(s(110)).until, Some(s(130)));
    breaker
        .retune(consecutive(1).waiting(secs(5)), s(110))
        .unwrap();
    assert!(breaker.look(s(110)).probe_due);
}

#[test]
fn g15_a_wait_that_was_asked_for_survives_new_settings() {
    let breaker = breaker(consecutive(1).waiting(secs(5)));
    let _ = breaker.a(s(0)).trip(s(0), secs(7_200));
    breaker
        .retune(consecutive(1).waiting(secs(1)), s(1))
        .unwrap();
    assert_eq!(breaker.look(s(1)).until, Some(s(7_200)));
}

#[test]
fn g15_a_forced_state_survives_new_settings() {
    let breaker = breaker(consecutive(1));
    breaker.force_open(s(0), "stocktaking");
    breaker.retune(Settings::default(), s(1)).unwrap();
    assert_eq!(breaker.look(s(1)).note.as_deref(), Some("stocktaking"));
    assert_eq!(breaker.state(), State::ForcedOpen);
}

#[test]
fn g16_a_lowered_ratio_opens_with_the_next_outcome_not_before() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 5)));
    breaker.ok(s(0), 6);
    breaker.fail(s(0), 4);
    breaker
        .retune(rolling(secs(10), 10, ratio_thresholds(20, 5)), s(0))
        .unwrap();
    assert_eq!(breaker.state(), State::Closed);
    let _ = breaker.one(s(0), Outcome::Ignored);
    assert_eq!(breaker.state(), State::Closed);
    breaker.ok(s(0), 1);
    assert_eq!(breaker.state(), State::Open);
}

#[test]
fn g16_a_lowered_ratio_is_noticed_after_a_long_quiet_run_too() {
    let breaker = breaker(rolling(secs(10), 10, ratio_thresholds(50, 5)));
    breaker.ok(s(0), 60);
    breaker.fail(s(0), 40);
    breaker.ok(s(0), 90);
    breaker
        .retune(rolling(secs(10), 10, ratio_thresholds(20, 5)), s(0))
        .unwrap();
    breaker.ok(s(0), 1);
    assert_eq!(breaker.look(s(0)).opened_by, Some(counts(191, 40, 0)));
}

#[test]
fn g17_a_call_is_slow_by_the_limit_in_force_when_it_ends() {
    let settings = Settings {
        slow_after: Some(secs(1)),
        ..rolling(secs(60), 6, Thresholds::COUNT_ONLY)
    };
    let breaker = breaker(settings);
    let permits = [breaker.a(s(0)), breaker.a(s(0))];
    let [before, after] = permits;
    let _ = before.success(s(2));
    breaker
        .retune(
            Settings {
                slow_after: Some(secs(5)),
                ..settings
            },
            s(2),
        )
        .unwrap();
    let _ = after.success(s(2));
    assert_eq!((breaker.counts(s(2)).0, breaker.look(s(2)).slow), (2, 1));
}

#[test]
fn g18_a_window_with_the_same_buckets_keeps_its_counts() {
    for (span, buckets, kept) in [
        (20, 20, 10),
        (5, 5, 5),
        (10, 5, 10),
        (20, 4, 10),
        (10, 2, 10),
    ] {
        let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
        for second in 0..10 {
            breaker.ok(s(second), 1);
        }
        let wider = rolling(secs(span), buckets, Thresholds::COUNT_ONLY);
        assert!(
            breaker.retune(wider, s(9)).unwrap().window_kept,
            "{span} s in {buckets}"
        );
        assert_eq!(breaker.counts(s(9)).0, kept, "{span} s in {buckets}");
    }
}

#[test]
fn g18_kept_buckets_leave_when_the_new_window_says() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    for second in 0..10 {
        breaker.ok(s(second), 1);
    }
    breaker
        .retune(rolling(secs(20), 10, Thresholds::COUNT_ONLY), s(9))
        .unwrap();
    assert_eq!(breaker.counts(just_before(s(20))).0, 10);
    assert_eq!(
        breaker.counts(s(20)).0,
        8,
        "the first bucket of two seconds has left"
    );
    assert_eq!(breaker.counts(s(28)).0, 0);
}

#[test]
fn g18_a_window_of_any_other_shape_keeps_what_it_can_hold() {
    for (span, buckets) in [(5, 10), (15, 10), (10, 20), (9, 10), (10, 3), (2, 100)] {
        let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
        breaker.fail(s(0), 5);
        let other = rolling(secs(span), buckets, Thresholds::COUNT_ONLY);
        let said = breaker.retune(other, s(1)).unwrap();
        assert!(said.window_kept, "{span} s in {buckets}");
        assert_eq!(breaker.counts(s(1)), (5, 5), "{span} s in {buckets}");
        assert_eq!(
            breaker.counts(just_before(s(span))),
            (5, 5),
            "{span} s in {buckets}"
        );
        assert_eq!(breaker.counts(s(span)), (0, 0), "{span} s in {buckets}");
    }
}

#[test]
fn g18_what_a_shorter_window_cannot_hold_leaves_at_once() {
    let breaker = breaker(rolling(secs(10), 10, Thresholds::COUNT_ONLY));
    for second in 0..10 {
        breaker.ok(s(second), 1);
    }
    let shorter = rolling(secs(5), 10, Thresholds::COUNT_ONLY);
    assert!(breaker.retune(shorter, s(9)).unwrap().window_kept);
    assert_eq!(breaker.counts(s(9)).0, 5);
}

#[test]
fn g18_a_fixed_span_made_shorter_keeps_its_counts_while_it_lasts() {
    for (span, kept) in [(5, 3), (20, 3), (3, 0)] {
        let breaker = breaker(fixed(secs(10), Thresholds::COUNT_ONLY));
        breaker.fail(s(10), 3);
        let other = fixed(secs(span), Thresholds::COUNT_ONLY);
        assert!(breaker.retune(other, s(13)).unwrap().window_kept);
        assert_eq!(breaker.counts(s(13)).0, kept, "{span} s");
    }
}

#[test]
fn g18_a_window_of_another_kind_begins_empty_and_says_so() {
    let span = secs(10);
    let kinds = [
        rolling(span, 10, Thresholds::COUNT_ONLY),
        fixed(span, Thresholds::COUNT_ONLY),
    ];
    for [from, to] in [[kinds[0], kinds[1]], [kinds[1], kinds[0]]] {
        let breaker = breaker(from);
        breaker.fail(s(0), 5);
        assert!(!breaker.retune(to, s(1)).unwrap().window_kept);
        assert_eq!(breaker.counts(s(1)), (0, 0));
        let EventKind::Retuned(said) = breaker.events()[0].kind else {
            panic!("a retune")
        };
        assert!(!said.window_kept);
        assert_eq!(
            breaker.look(s(1)).consecutive_failures,
            5,
            "runs are no matter of windows"
        );
    }
}

#[test]
fn g18_a_count_window_keeps_its_newest_calls() {
    let breaker = breaker(last_calls(10, Thresholds::COUNT_ONLY));
    breaker.fail(s(0), 6);
    breaker.ok(s(0), 3);
    breaker
        .retune(last_calls(5, Thresholds::COUNT_ONLY), s(0))
        .unwrap();
    assert_eq!(breaker.counts(s(0)), (5, 2));
    breaker
        .retune(last_calls(50, Thresholds::COUNT_ONLY), s(0))
        .unwrap();
    breaker.ok(s(0), 1);
    assert_eq!(breaker.counts(s(0)), (6, 2));
}

#[test]
fn g20_invalid_settings_are_refused_whole_and_the_old_ones_stay() {
    let good = rolling(secs(10), 10, ratio_thresholds(50, 5)).waiting(secs(5));
    let breaker = breaker(good);
    breaker.fail(s(0), 2);
    for bad in bad_settings(good) {
        let before = breaker.look(s(0));
        assert!(breaker.retune(bad, s(1)).is_err(), "{bad:?}");
        assert_eq!((breaker.settings(), breaker.look(s(0))), (good, before));
        assert!(resilience::Breaker::new("bad", bad, s(0)).is_err());
    }
    for bad in [0.0, -0.1, 1.000_001, f64::NAN, f64::INFINITY, 1e-12] {
        assert!(Ratio::new(bad).is_err(), "{bad}");
    }
    assert!(Ratio::percent(0).is_err() && Ratio::percent(101).is_err());
}

fn bad_settings(good: Settings) -> Vec<Settings> {
    let none = Thresholds {
        minimum_calls: 0,
        ..Thresholds::COUNT_ONLY
    };
    let zero = Thresholds {
        failures: Some(0),
        ..Thresholds::COUNT_ONLY
    };
    let mut bad = vec![
        consecutive(0),
        Settings {
            slow_after: Some(secs(0)),
            ..good
        },
        rolling(secs(0), 10, Thresholds::COUNT_ONLY),
        rolling(secs(10), 0, Thresholds::COUNT_ONLY),
        rolling(secs(10), u32::MAX, Thresholds::COUNT_ONLY),
        rolling(
            std::time::Duration::from_nanos(9),
            10,
            Thresholds::COUNT_ONLY,
        ),
        rolling(secs(10), 10, none),
        rolling(secs(10), 10, zero),
        fixed(secs(0), Thresholds::COUNT_ONLY),
        last_calls(0, Thresholds::COUNT_ONLY),
        last_calls(u32::MAX, Thresholds::COUNT_ONLY),
        last_calls(10, none),
        last_calls(10, zero),
    ];
    bad.extend(bad_waits(good.open).map(|open| Settings { open, ..good }));
    bad.extend(bad_halves().map(|half_open| Settings { half_open, ..good }));
    bad
}

fn bad_waits(wait: OpenWait) -> [OpenWait; 7] {
    let initial = secs(61);
    [
        OpenWait { initial, ..wait },
        OpenWait {
            growth: 0.99,
            ..wait
        },
        OpenWait {
            growth: f64::NAN,
            ..wait
        },
        OpenWait {
            growth: f64::INFINITY,
            ..wait
        },
        OpenWait {
            jitter: f64::NAN,
            ..wait
        },
        OpenWait {
            jitter: -0.1,
            ..wait
        },
        OpenWait {
            jitter: 1.1,
            ..wait
        },
    ]
}

fn bad_halves() -> [HalfOpen; 5] {
    let first = Verdict::FirstFailure;
    [
        (0, first, 1),
        (u32::MAX, first, 1),
        (1, first, 0),
        (3, Verdict::Successes(0), 1),
        (3, Verdict::Successes(4), 1),
    ]
    .map(|(permits, verdict, deadline)| HalfOpen {
        permits,
        verdict,
        deadline: secs(deadline),
    })
}

#[test]
fn g20_all_faults_are_named_at_once() {
    let bad = Settings {
        consecutive_failures: Some(0),
        half_open: HalfOpen {
            permits: 0,
            ..HalfOpen::default()
        },
        ..Settings::default()
    };
    let error = bad.validate().unwrap_err();
    assert_eq!(
        error.faults,
        [Fault::ConsecutiveFailures, Fault::Permits(0)]
    );
    assert_eq!(
        error.to_string(),
        "consecutive failures must be at least 1; probe permits must be 1 to 1024, not 0"
    );
}

#[test]
fn g21_the_initial_state_comes_from_the_settings() {
    for initial in State::ALL {
        let breaker = breaker(Settings {
            initial,
            ..consecutive(1).waiting(secs(60))
        });
        let seen = breaker.look(s(0));
        assert_eq!((seen.state, seen.causes), (initial, Causes::INITIAL));
        assert_eq!(
            breaker.try_acquire(s(0)).is_ok(),
            initial.passes() || initial == State::HalfOpen
        );
    }
    let breaker = breaker(Settings {
        initial: State::Open,
        ..consecutive(1).waiting(secs(60))
    });
    let _ = breaker.r(just_before(s(60)));
    let _probe = breaker.a(s(60));
}

#[test]
fn an_ended_wait_stays_ended_whatever_the_clock_and_the_settings_do() {
    let breaker = opened(consecutive(1).waiting(secs(60)), s(100));
    breaker.expire_wait(s(90));
    assert_eq!(breaker.look(s(90)).retry_in, Some(secs(0)));
    breaker
        .retune(consecutive(1).waiting(secs(30)), s(90))
        .unwrap();
    assert!(breaker.look(s(90)).probe_due);
    assert!(breaker.a(s(90)).is_probe());
}

#[test]
fn a_wait_asked_for_while_the_clock_is_behind_is_told_whole() {
    let breaker = opened(consecutive(1).waiting(secs(5)), s(100));
    breaker.trip(s(90), secs(60));
    assert_eq!(breaker.r(s(90)).retry_in, Some(secs(60)));
    assert_eq!(breaker.look(s(120)).retry_in, Some(secs(30)));
    breaker
        .retune(consecutive(1).waiting(secs(1)), s(120))
        .unwrap();
    breaker.r(just_before(s(150)));
    assert!(breaker.a(s(150)).is_probe());
}

#[test]
fn g1_a_breaker_that_nobody_holds_any_more_is_untried_and_then_what_its_probe_found() {
    let breaker = breaker(consecutive(2).waiting(secs(5)));
    breaker.force_open(s(0), "stocktaking");
    breaker.auto_by_probe(s(10));
    let seen = breaker.look(s(10));
    assert_eq!((seen.state, seen.probe_due), (State::Open, true));
    let outage = |causes| {
        Some(Outage {
            causes,
            since: s(10),
        })
    };
    assert_eq!(
        (seen.causes, seen.outage),
        (Causes::UNTRIED, outage(Causes::UNTRIED))
    );
    for (round, at) in [(1, 11), (2, 16), (3, 21)] {
        let _ = breaker.a(s(at)).failure(s(at));
        let seen = breaker.look(s(at));
        assert_eq!(seen.outage, outage(Causes::PROBES_FAILED));
        assert_eq!((seen.failed_rounds, seen.retry_in), (round, Some(secs(5))));
    }
    let _ = breaker.a(s(26)).success(s(26));
    let seen = breaker.look(s(26));
    assert_eq!(
        (seen.state, seen.outage, seen.failed_rounds),
        (State::Closed, None, 0)
    );
}

#[test]
fn g1_only_a_state_that_a_hand_set_is_let_go_of() {
    let breaker = opened(consecutive(1).waiting(secs(5)), s(0));
    let before = breaker.look(s(1));
    breaker.auto_by_probe(s(1));
    assert_eq!(breaker.look(s(1)), before);
}

#[test]
fn an_outage_that_a_hand_began_is_told_by_what_its_probes_found() {
    let breaker = breaker(consecutive(2).waiting(secs(5)));
    breaker.open(s(0));
    assert_eq!(
        breaker.look(s(0)).outage.map(|outage| outage.causes),
        Some(Causes::BY_HAND)
    );
    let _ = breaker.a(s(5)).failure(s(6));
    let seen = breaker.look(s(6)).outage;
    assert_eq!(
        seen,
        Some(Outage {
            causes: Causes::PROBES_FAILED,
            since: s(0)
        })
    );
}

#[test]
fn a_probe_that_is_only_asked_to_wait_is_no_failed_round() {
    let breaker = opened(consecutive(1).waiting(secs(5)), s(0));
    let _ = breaker.a(s(5)).pause(s(5), secs(30));
    assert_eq!(breaker.look(s(5)).failed_rounds, 0);
    let _ = breaker.a(s(35)).trip(s(35), secs(1));
    assert_eq!(breaker.look(s(35)).failed_rounds, 1);
}

#[test]
fn a_wait_grows_by_failed_rounds_and_not_by_those_asked_to_wait() {
    let mut settings = consecutive(1).waiting(secs(5));
    settings.open.growth = 2.0;
    settings.open.max = secs(60);
    let breaker = opened(settings, s(0));
    for at in [5, 10, 15] {
        let _ = breaker.a(s(at)).pause(s(at), secs(5));
    }
    let _ = breaker.a(s(20)).failure(s(20));
    assert_eq!(breaker.look(s(20)).retry_in, Some(secs(10)));
}

#[test]
fn a_breaker_that_began_open_is_blamed_on_what_its_probes_found() {
    let settings = Settings {
        initial: State::Open,
        ..consecutive(1).waiting(secs(5))
    };
    let breaker = breaker(settings);
    let found = || breaker.look(s(6)).outage.map(|outage| outage.causes);
    assert_eq!(found(), Some(Causes::INITIAL));
    let _ = breaker.a(s(5)).failure(s(6));
    assert_eq!(found(), Some(Causes::PROBES_FAILED));
}
