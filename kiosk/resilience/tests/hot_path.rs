//! What must hold for a part that every call goes through.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use resilience::breaker::{
    Breaker, CallRule, Classifier, HalfOpen, OpenWait, Outcome, Permit, Rejected, Report, Settings,
    State, Thresholds, TimeRule, Window,
};
use resilience::bulkhead::{Bulkhead, Place, Waiting};
use resilience::limiter::{SlidingWindow, TokenBucket};
use resilience::{Moment, Ratio};

fn settings() -> Settings {
    let thresholds = Thresholds {
        minimum_calls: 20,
        failure_ratio: Some(Ratio::HALF),
        slow_ratio: Some(Ratio::HALF),
        failures: None,
    };
    let window = Window::Rolling {
        span: Duration::from_secs(10),
        buckets: 10,
    };
    Settings {
        consecutive_failures: Some(5),
        time: Some(TimeRule { window, thresholds }),
        last_calls: Some(CallRule {
            calls: 100,
            thresholds,
        }),
        open: OpenWait::constant(Duration::from_secs(1)),
        half_open: HalfOpen {
            permits: 3,
            ..HalfOpen::default()
        },
        ..Settings::default()
    }
}

/// Closed, failing, open, refusing, probing, hung probes, and closed again, a hundred times.
fn whole_life(breaker: &Arc<Breaker>, mut now: Moment) -> Moment {
    for _ in 0..100 {
        for call in 0..50 {
            let permit = breaker.try_acquire(now).expect("closed");
            let outcome = if call % 10 == 0 {
                Outcome::Fail
            } else {
                Outcome::Ok
            };
            let _ = permit.finish(now, outcome);
            now = now.plus(Duration::from_millis(100));
        }
        while breaker.state() == State::Closed {
            let _ = breaker.try_acquire_owned(now).expect("closed").failure(now);
        }
        assert!(breaker.try_acquire(now).is_err());
        now = now.plus(Duration::from_secs(1));
        std::mem::forget(breaker.try_acquire(now));
        for _ in 0..3 {
            now = now.plus(Duration::from_secs(60));
            let _ = breaker.try_acquire(now).expect("a probe").success(now);
        }
        assert_eq!(breaker.state(), State::Closed);
    }
    now
}

#[test]
fn nothing_is_allocated_in_the_whole_life_of_a_breaker() {
    let breaker = Arc::new(Breaker::new("hot", settings(), Moment::START).expect("valid settings"));
    let now = whole_life(&breaker, Moment::START);
    let counted = allocation_counter::measure(|| {
        whole_life(&breaker, now);
    });
    assert_eq!(counted.count_total, 0);
    let control = allocation_counter::measure(|| drop(breaker.events_after(0)));
    assert!(control.count_total > 0, "the counter counts");
}

#[test]
fn all_that_is_shared_may_cross_threads() {
    const fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Breaker>();
    crosses::<Permit<Arc<Breaker>>>();
    crosses::<Rejected>();
    crosses::<Classifier<Result<(), ()>>>();
    crosses::<(Bulkhead, Place, Waiting)>();
    crosses::<(TokenBucket, SlidingWindow)>();
}

/// What four threads were told, added up.
#[derive(Default)]
struct Told {
    counted: AtomicU64,
    neutral: AtomicU64,
    stale: AtomicU64,
    rejected: AtomicU64,
}

/// The same, soon open and soon back.
fn brisk() -> Settings {
    let open = OpenWait::constant(Duration::from_millis(1));
    Settings { open, ..settings() }
}

fn meddle(breaker: &Breaker, thread: u64, told: &Told) {
    for step in 0..20_000_u64 {
        let now = Moment::from_micros(step * 50);
        let choice = step
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .wrapping_add(thread)
            >> 7;
        match choice % 997 {
            0 => breaker.reset(now),
            1 => breaker.open(now),
            2 => drop(breaker.half_open(now)),
            3 => drop(breaker.snapshot(now)),
            4 => {
                let last_calls = brisk().last_calls.filter(|_| choice & 1024 == 0);
                breaker
                    .retune(
                        Settings {
                            last_calls,
                            ..brisk()
                        },
                        now,
                    )
                    .expect("valid");
            }
            _ => {}
        }
        let Ok(permit) = breaker.try_acquire(now) else {
            told.rejected.fetch_add(1, Ordering::Relaxed);
            continue;
        };
        let outcome = match choice % 64 {
            0 => Outcome::Fail,
            1 => Outcome::Ignored,
            _ => Outcome::Ok,
        };
        let column = match permit.finish(now, outcome) {
            Report::Counted => &told.counted,
            Report::Neutral => &told.neutral,
            Report::Stale => &told.stale,
            Report::Unrecorded => panic!("nobody disables it"),
        };
        column.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn what_reporters_are_told_is_what_was_booked_whatever_threads_do() {
    let breaker = Breaker::new("hot", brisk(), Moment::START).expect("valid settings");
    let told = Told::default();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (breaker, told) = (&breaker, &told);
            scope.spawn(move || meddle(breaker, thread, told));
        }
    });
    let seen = breaker.snapshot(Moment::from_secs(1));
    let totals = seen.totals;
    let booked = totals.ok + totals.fail + totals.slow + totals.slow_fail;
    assert_eq!(
        (booked, totals.ignored),
        (told.counted.into_inner(), told.neutral.into_inner())
    );
    let others = (told.stale.into_inner(), told.rejected.into_inner());
    assert_eq!((totals.stale, totals.rejected), others);
    assert_eq!(
        (
            booked + totals.ignored + others.0 + others.1,
            seen.in_flight
        ),
        (80_000, 0)
    );
}

#[test]
fn a_permit_may_end_on_another_thread() {
    let breaker = Arc::new(Breaker::new("hot", settings(), Moment::START).expect("valid settings"));
    let permits: Vec<_> = (0..100)
        .map(|_| breaker.try_acquire_owned(Moment::START).expect("closed"))
        .collect();
    std::thread::scope(|scope| {
        for permit in permits {
            scope.spawn(|| permit.success(Moment::START));
        }
    });
    let seen = breaker.snapshot(Moment::START);
    assert_eq!((seen.calls, seen.in_flight), (100, 0));
}
