//! What threads share, under every interleaving of two or three of them.
//!
//! The crate's source is compiled a second time with the model checker's mutex and atomics in the
//! place of the standard ones, so that an ordinary `cargo test` explores it.
#![expect(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the crate is compiled as a module here, and not all of it is called"
)]

#[path = "../src/lib.rs"]
mod resilience;

use loom::model::Builder;
use loom::sync::Arc;
use loom::thread;
use resilience::breaker::{
    Breaker, HalfOpen, OpenWait, Outcome, Report, Settings, State, Thresholds, TimeRule, Verdict,
    Window,
};
use resilience::bulkhead::{self, Bulkhead};
use resilience::limiter::{Rate, TokenBucket};
use resilience::{Moment, Ratio, RatioError};
use resilience::{breaker, chance, moment, ramp, ratio};

/// Stands in for the crate's own `sync`.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicU64, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};

    pub(crate) const LANES: usize = 2;

    /// A lane, and whether no other thread counts in it.
    #[derive(Clone, Copy, Debug)]
    pub(crate) struct OwnLane(usize, bool);

    impl OwnLane {
        pub(crate) fn index(self) -> usize {
            self.0
        }

        pub(crate) fn is_sole(self) -> bool {
            self.1
        }
    }

    loom::thread_local! {
        static OWN_LANE: std::cell::Cell<OwnLane> = std::cell::Cell::new(OwnLane(0, false));
    }

    pub(crate) fn own_lane() -> OwnLane {
        OWN_LANE.with(std::cell::Cell::get)
    }

    pub(crate) fn use_lane(lane: usize) {
        OWN_LANE.with(|own| own.set(OwnLane(lane, false)));
    }

    pub(crate) fn own(lane: usize) {
        OWN_LANE.with(|own| own.set(OwnLane(lane, true)));
    }
}

fn explore(story: impl Fn() + Sync + Send + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(story);
}

fn s(secs: u64) -> Moment {
    Moment::from_secs(secs)
}

fn secs(secs: u64) -> std::time::Duration {
    std::time::Duration::from_secs(secs)
}

fn opened(permits: u32) -> Breaker {
    let settings = Settings {
        consecutive_failures: Some(1),
        open: OpenWait::constant(secs(10)),
        half_open: HalfOpen {
            permits,
            ..HalfOpen::default()
        },
        ..Settings::without_rules()
    };
    let breaker = Breaker::new("model", settings, s(0)).expect("valid settings");
    let _ = breaker.try_acquire(s(0)).expect("closed").failure(s(0));
    breaker
}

/// A breaker with a rolling window in which successes are tallied aside.
fn calm(failures_to_open: u32) -> Breaker {
    let thresholds = Thresholds {
        failures: Some(failures_to_open),
        ..Thresholds::COUNT_ONLY
    };
    let window = Window::Rolling {
        span: secs(10),
        buckets: 10,
    };
    let settings = Settings {
        time: Some(TimeRule { window, thresholds }),
        ..Settings::without_rules()
    };
    let breaker = Breaker::new("model", settings, s(0)).expect("valid settings");
    for _ in 0..20 {
        let _ = breaker.try_acquire(s(0)).expect("closed").success(s(0));
    }
    breaker
}

fn race<R: 'static>(
    breaker: &Arc<Breaker>,
    threads: usize,
    part: impl Fn(&Breaker, usize) -> R + Clone + Send + Sync + 'static,
) -> Vec<R> {
    let others: Vec<_> = (1..threads)
        .map(|thread| {
            let (breaker, part) = (breaker.clone(), part.clone());
            thread::spawn(move || {
                sync::use_lane(thread);
                part(&breaker, thread)
            })
        })
        .collect();
    let mut results = vec![part(breaker, 0)];
    results.extend(
        others
            .into_iter()
            .map(|other| other.join().expect("no panic")),
    );
    results
}

#[test]
fn exactly_as_many_probes_as_permits_pass_whoever_is_first() {
    for permits in [1, 2] {
        explore(move || {
            let breaker = Arc::new(opened(permits));
            let admitted = race(&breaker, 3, |breaker, _| match breaker.try_acquire(s(10)) {
                Ok(permit) => {
                    std::mem::forget(permit);
                    1
                }
                Err(_) => 0,
            });
            assert_eq!(admitted.into_iter().sum::<u32>(), permits);
            let seen = breaker.snapshot(s(10));
            assert_eq!(
                (seen.probes.in_flight, seen.rejected),
                (permits, u64::from(3 - permits))
            );
        });
    }
}

#[test]
fn a_dropped_probe_frees_exactly_one_place() {
    explore(|| {
        let breaker = Arc::new(opened(1));
        std::mem::forget(breaker.try_acquire(s(10)).expect("a probe is due"));
        // The first probe hangs: at its deadline two callers may replace it, but only one does.
        let admitted = race(&breaker, 2, |breaker, _| match breaker.try_acquire(s(40)) {
            Ok(permit) => {
                let reported = permit.record(s(40), Outcome::Cancelled);
                assert_eq!(reported, Report::Neutral);
                true
            }
            Err(_) => false,
        });
        assert!(admitted.contains(&true));
        assert_eq!(breaker.snapshot(s(40)).probes.in_flight, 0);
        assert!(breaker.try_acquire(s(40)).is_ok());
    });
}

#[test]
fn no_success_tallied_aside_is_lost_when_a_failure_comes() {
    explore(|| {
        let breaker = Arc::new(calm(5));
        race(&breaker, 2, |breaker, thread| {
            let permit = breaker.try_acquire(s(0)).expect("closed");
            let report = if thread == 0 {
                permit.failure(s(0))
            } else {
                permit.success(s(0))
            };
            assert_eq!(report, Report::Counted);
        });
        let seen = breaker.snapshot(s(0));
        assert_eq!((seen.calls, seen.failures, seen.in_flight), (22, 1, 0));
        assert_eq!((seen.totals.ok, seen.totals.fail), (21, 1));
    });
}

#[test]
fn two_threads_in_one_lane_lose_nothing() {
    explore(|| {
        let breaker = Arc::new(calm(5));
        race(&breaker, 3, |breaker, thread| {
            // Lanes are taken modulo their number, so 0 and 2 share one.
            assert_eq!(sync::own_lane().index(), thread);
            let permit = breaker.try_acquire(s(0)).expect("closed");
            assert_eq!(permit.success(s(0)), Report::Counted);
        });
        let seen = breaker.snapshot(s(0));
        assert_eq!((seen.calls, seen.failures, seen.in_flight), (23, 0, 0));
    });
}

#[test]
fn what_threads_count_in_lanes_of_their_own_is_all_there() {
    explore(|| {
        let breaker = Arc::new(calm(5));
        let refused = race(&breaker, 2, |breaker, thread| {
            sync::own(thread);
            let first = match breaker.try_acquire(s(0)) {
                Ok(permit) => {
                    let _ = permit.success(s(0));
                    0
                }
                Err(_) => 1,
            };
            breaker.force_open(s(0), "a test");
            first + u64::from(breaker.try_acquire(s(0)).is_err())
        });
        let refused: u64 = refused.into_iter().sum();
        let seen = breaker.snapshot(s(0));
        assert_eq!((seen.in_flight, seen.totals.rejected), (0, refused));
        assert_eq!(seen.totals.ok + seen.totals.stale + refused, 24);
    });
}

#[test]
fn two_failures_open_it_exactly_once_with_the_right_counts() {
    explore(|| {
        let breaker = Arc::new(calm(2));
        race(&breaker, 2, |breaker, _| {
            let permit = breaker.try_acquire(s(0)).expect("closed");
            assert_eq!(permit.failure(s(0)), Report::Counted);
        });
        let seen = breaker.snapshot(s(0));
        assert_eq!((seen.state, seen.last_event), (State::Open, 1));
        let judged = seen.opened_by.expect("it opened");
        assert_eq!((judged.calls, judged.failures), (22, 2));
    });
}

#[test]
fn a_success_is_counted_or_stale_never_carried_over_a_reset() {
    explore(|| {
        let breaker = Arc::new(calm(2));
        let reports = race(&breaker, 2, |breaker, thread| {
            if thread == 0 {
                breaker.reset(s(0));
                return None;
            }
            let permit = breaker.try_acquire(s(0)).expect("closed");
            let generation = permit.generation();
            Some((generation, permit.success(s(0))))
        });
        let seen = breaker.snapshot(s(0));
        let (generation, report) = reports[1].expect("the second thread reports");
        let after = generation == seen.generation;
        assert_eq!(seen.calls, u64::from(after));
        assert_eq!(seen.totals.ok, 20 + u64::from(report == Report::Counted));
        assert_eq!(seen.totals.stale, u64::from(report == Report::Stale));
        assert_eq!(seen.in_flight, 0);
    });
}

#[test]
fn a_success_in_a_new_bucket_never_lands_in_the_old_one() {
    explore(|| {
        let breaker = Arc::new(calm(2));
        race(&breaker, 2, |breaker, thread| {
            let now = if thread == 0 { s(1) } else { s(0) };
            let permit = breaker.try_acquire(now).expect("closed");
            assert_eq!(permit.success(now), Report::Counted);
        });
        assert_eq!(breaker.snapshot(s(1)).calls, 22);
        let left = breaker.snapshot(s(10)).calls;
        assert!(
            (1..=2).contains(&left),
            "{left} of the second bucket are left"
        );
    });
}

#[test]
fn a_retune_of_the_slow_limit_is_seen_whole() {
    explore(|| {
        let breaker = Arc::new(calm(2));
        race(&breaker, 2, |breaker, thread| {
            if thread == 0 {
                let slow_after = Some(std::time::Duration::from_millis(50));
                let limit = Settings {
                    slow_after,
                    ..breaker.settings()
                };
                assert!(breaker.retune(limit, s(0)).is_ok());
            } else {
                let permit = breaker.try_acquire(s(0)).expect("closed");
                assert_eq!(permit.success(Moment::from_millis(100)), Report::Counted);
            }
        });
        let seen = breaker.snapshot(s(0));
        assert_eq!((seen.calls, seen.in_flight), (21, 0));
        assert_eq!(
            (seen.totals.ok, seen.totals.slow),
            (21 - seen.slow, seen.slow)
        );
    });
}

#[test]
fn one_place_is_never_given_twice_and_never_lost() {
    explore(|| {
        let bulkhead = Bulkhead::new(bulkhead::Settings {
            calls: 1,
            waiting: 1,
        })
        .expect("a place");
        let inside = bulkhead.try_acquire().expect("free");
        let waiting = bulkhead.acquire().expect("room to wait");
        // The place comes back while its heir gives up and a third one asks.
        let gives_up = thread::spawn(move || drop(waiting));
        let asks = {
            let bulkhead = bulkhead.clone();
            thread::spawn(move || {
                let place = bulkhead.try_acquire();
                assert!(bulkhead.snapshot().in_use <= 1);
                drop(place);
            })
        };
        drop(inside);
        gives_up.join().expect("no panic");
        asks.join().expect("no panic");
        let seen = bulkhead.snapshot();
        assert_eq!((seen.in_use, seen.waiting), (0, 0));
    });
}

#[test]
fn one_token_is_taken_once() {
    explore(|| {
        let rate = Rate {
            calls: 1,
            period: secs(1),
            burst: 1,
        };
        let bucket = Arc::new(TokenBucket::new(rate, s(0)).expect("valid rate"));
        let other = {
            let bucket = bucket.clone();
            thread::spawn(move || bucket.try_acquire(s(0)).is_ok())
        };
        let here = bucket.try_acquire(s(0)).is_ok();
        assert!(here != other.join().expect("no panic"));
    });
}
