//! What a protected call costs that does nothing, beside the same on other crates.
//!
//! All contenders take turns in one process, round after round, so that a busy machine hits them
//! alike; each row shows the median of the rounds, how far they spread, and the median as a
//! multiple of the floor (of two threads: the lowest round, because where there is other work they
//! often share a core, and the lowest is the one in which they did not): reading the clock twice, which every breaker that knows of slow calls
//! must do.
//!
//! `cargo bench -p kiosk-resilience`
#![expect(
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a benchmark reads the clock and prints rounded numbers"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use failsafe::CircuitBreaker as _;
use resilience::breaker::{Breaker, CallRule, OpenWait, Settings, Thresholds, TimeRule, Window};
use resilience::{Moment, Ratio};
use tower::{Layer as _, Service as _, ServiceExt as _};
use tower_resilience_circuitbreaker::{CircuitBreakerLayer, SlidingWindowType};

/// Short turns: on a machine with other work, most of them are then not interrupted.
const ROUNDS: usize = 501;
const CALLS: u32 = 4_000;
/// Longer and fewer where threads must first be started.
const ROUNDS_OF_THREADS: usize = 101;
const CALLS_OF_THREADS: u32 = 50_000;
const HOUR: Duration = Duration::from_secs(3_600);

/// Makes so many calls.
type Work = Box<dyn FnMut(u32)>;

struct Row {
    name: &'static str,
    calls: u32,
    most_rounds: usize,
    work: Work,
    rounds: Vec<f64>,
}

fn row(name: &'static str, work: impl FnMut(u32) + 'static) -> Row {
    let (work, rounds) = (Box::new(work), Vec::new());
    Row {
        name,
        calls: CALLS,
        most_rounds: ROUNDS,
        work,
        rounds,
    }
}

fn main() {
    let started = Instant::now();
    let mut rows = vec![row("floor: the clock, twice", |calls| {
        for _ in 0..calls {
            black_box(Instant::now());
            black_box(Instant::now());
        }
    })];
    rows.extend(ours(Clock(started)));
    rows.extend(ours_by_window(Clock(started)));
    rows.extend(peers());
    rows.extend(two_threads(Clock(started)));
    for round in 0..ROUNDS {
        for row in &mut rows {
            if round >= row.most_rounds {
                continue;
            }
            let begins = Instant::now();
            (row.work)(row.calls);
            row.rounds
                .push(begins.elapsed().as_nanos() as f64 / f64::from(row.calls));
        }
    }
    print(&mut rows);
}

fn print(rows: &mut [Row]) {
    for row in rows.iter_mut() {
        row.rounds.sort_by(f64::total_cmp);
    }
    let floor = at(&rows[0].rounds, 50);
    println!("| call | ns, median | lowest | 90th | x floor |\n|---|---:|---:|---:|---:|");
    for Row {
        name,
        rounds,
        most_rounds,
        ..
    } in rows
    {
        let [low, median, high] = [0, 50, 90].map(|percent| at(rounds, percent));
        let telling = if *most_rounds == ROUNDS_OF_THREADS {
            low
        } else {
            median
        };
        let times = telling / floor;
        println!("| {name} | {median:.1} | {low:.1} | {high:.1} | {times:.2} |");
    }
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() - 1) * percent / 100]
}

#[derive(Clone, Copy)]
struct Clock(Instant);

impl Clock {
    fn now(self) -> Moment {
        Moment::from_duration(self.0.elapsed())
    }
}

/// Every rule there is: a run, a time window and a count window with three thresholds each, slow
/// calls.
fn all_rules() -> Settings {
    let thresholds = Thresholds {
        minimum_calls: 20,
        failure_ratio: Some(Ratio::HALF),
        slow_ratio: Some(Ratio::HALF),
        failures: Some(u32::MAX),
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
            thresholds: Thresholds {
                failures: Some(100),
                ..thresholds
            },
        }),
        slow_after: Some(Duration::from_secs(1)),
        open: OpenWait::constant(HOUR),
        ..Settings::default()
    }
}

fn breaker(settings: Settings, clock: Clock) -> Breaker {
    Breaker::new("bench", settings, clock.now()).expect("valid settings")
}

fn opened(clock: Clock) -> Breaker {
    let breaker = breaker(all_rules(), clock);
    assert!(breaker.trip(clock.now(), HOUR));
    breaker
}

fn succeed(breaker: &Breaker, clock: Clock) {
    if let Ok(permit) = black_box(breaker).try_acquire(clock.now()) {
        let _ = black_box(permit.success(clock.now()));
    }
}

fn fail(breaker: &Breaker, clock: Clock) {
    if let Ok(permit) = black_box(breaker).try_acquire(clock.now()) {
        let _ = black_box(permit.failure(clock.now()));
    }
}

fn ours(clock: Clock) -> Vec<Row> {
    let [passing, mixed] = [(); 2].map(|()| breaker(all_rules(), clock));
    let (open, open_frozen) = (opened(clock), opened(clock));
    let owned = Arc::new(breaker(all_rules(), clock));
    vec![
        row("ours, all rules: success", move |calls| {
            for _ in 0..calls {
                succeed(&passing, clock);
            }
        }),
        row("ours, all rules: success, owned permit", move |calls| {
            for _ in 0..calls {
                if let Ok(permit) = black_box(&owned).try_acquire_owned(clock.now()) {
                    let _ = black_box(permit.success(clock.now()));
                }
            }
        }),
        row("ours, all rules: one call in ten fails", move |calls| {
            for call in 0..calls {
                if call % 10 == 0 {
                    fail(&mixed, clock)
                } else {
                    succeed(&mixed, clock)
                }
            }
        }),
        row("ours: refused", move |calls| {
            for _ in 0..calls {
                black_box(black_box(&open).try_acquire(clock.now()).is_err());
            }
        }),
        row("ours: refused, without reading the clock", move |calls| {
            for _ in 0..calls {
                black_box(
                    black_box(&open_frozen)
                        .try_acquire(black_box(Moment::START))
                        .is_err(),
                );
            }
        }),
    ]
}

/// The same call with a hundred and with a million calls in the window.
fn ours_by_window(clock: Clock) -> Vec<Row> {
    let names = [
        "ours: 100 calls in a window of an hour",
        "ours: 1,000,000 calls in it",
    ];
    let window = Window::Rolling {
        span: HOUR,
        buckets: 60,
    };
    let rule = all_rules().time.map(|rule| TimeRule { window, ..rule });
    names
        .into_iter()
        .zip([100, 1_000_000])
        .map(|(name, before)| {
            let breaker = breaker(
                Settings {
                    time: rule,
                    ..all_rules()
                },
                clock,
            );
            for _ in 0..before {
                succeed(&breaker, clock);
            }
            row(name, move |calls| {
                for _ in 0..calls {
                    succeed(&breaker, clock);
                }
            })
        })
        .collect()
}

type Failsafe = failsafe::StateMachine<
    failsafe::failure_policy::OrElse<
        failsafe::failure_policy::SuccessRateOverTimeWindow<failsafe::backoff::Constant>,
        failsafe::failure_policy::ConsecutiveFailures<failsafe::backoff::Constant>,
    >,
    (),
>;

fn failsafe_breaker() -> Failsafe {
    use failsafe::FailurePolicy as _;
    use failsafe::backoff::constant;
    use failsafe::failure_policy::{consecutive_failures, success_rate_over_time_window};
    let window = Duration::from_secs(10);
    let policy = success_rate_over_time_window(0.5, 20, window, constant(HOUR))
        .or_else(consecutive_failures(5, constant(HOUR)));
    failsafe::Config::new().failure_policy(policy).build()
}

fn recloser_breaker() -> recloser::Recloser {
    recloser::Recloser::custom()
        .error_rate(0.5)
        .closed_len(100)
        .open_wait(HOUR)
        .build()
}

fn peers() -> Vec<Row> {
    let (passing, open) = (failsafe_breaker(), failsafe_breaker());
    for _ in 0..10 {
        let _ = open.call(|| Err::<(), ()>(()));
    }
    assert!(!open.is_call_permitted());
    let (recloser_passing, recloser_open) = (recloser_breaker(), recloser_breaker());
    for _ in 0..300 {
        let _ = recloser_open.call(|| Err::<(), ()>(()));
    }
    let mut rows = vec![
        row(
            "failsafe 1.3, rate over time and a run: success",
            move |calls| {
                for _ in 0..calls {
                    let _ = black_box(black_box(&passing).call(|| Ok::<(), ()>(())));
                }
            },
        ),
        row("failsafe 1.3: refused", move |calls| {
            for _ in 0..calls {
                let _ = black_box(black_box(&open).call(|| Ok::<(), ()>(())));
            }
        }),
        row("recloser 1.4, rate of 100 calls: success", move |calls| {
            for _ in 0..calls {
                let _ = black_box(black_box(&recloser_passing).call(|| Ok::<(), ()>(())));
            }
        }),
        row("recloser 1.4: refused", move |calls| {
            for _ in 0..calls {
                let _ = black_box(black_box(&recloser_open).call(|| Ok::<(), ()>(())));
            }
        }),
    ];
    let count = SlidingWindowType::CountBased;
    rows.push(tower_row(
        "tower-resilience 0.14, rate and slow rate of 100 calls",
        count,
        false,
    ));
    let time = SlidingWindowType::TimeBased;
    rows.push(tower_row(
        "tower-resilience 0.14, the same over 10 s",
        time,
        false,
    ));
    rows.push(tower_row("tower-resilience 0.14: refused", count, true));
    rows
}

fn tower_row(name: &'static str, window: SlidingWindowType, open: bool) -> Row {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    let layer = CircuitBreakerLayer::builder()
        .failure_rate_threshold(0.5)
        .slow_call_duration_threshold(Duration::from_secs(1))
        .slow_call_rate_threshold(0.5)
        .sliding_window_type(window)
        .sliding_window_size(100)
        .sliding_window_duration(Duration::from_secs(10))
        .minimum_number_of_calls(20)
        .wait_duration_in_open(HOUR)
        .build()
        .expect("valid settings");
    let answer = |ok: bool| async move { if ok { Ok(()) } else { Err(()) } };
    let mut service = layer.layer(tower::service_fn(answer));
    if open {
        runtime.block_on(async {
            for _ in 0..200 {
                let _ = service.ready().await.expect("ready").call(false).await;
            }
        });
    }
    let work = move |calls| {
        runtime.block_on(async {
            for _ in 0..calls {
                if let Ok(ready) = service.ready().await {
                    let _ = black_box(ready.call(true).await);
                }
            }
        });
    };
    // Its cost may grow with the calls in the window: fewer, so that the run ends.
    Row {
        calls: CALLS / 20,
        most_rounds: 201,
        ..row(name, work)
    }
}

/// Each of two threads makes all the calls, so a row is again the time of one call.
fn two_threads(clock: Clock) -> Vec<Row> {
    let (ours, ours_mixed) = (breaker(all_rules(), clock), breaker(all_rules(), clock));
    let (failsafe, recloser) = (failsafe_breaker(), recloser_breaker());
    vec![
        threads_row("two threads, floor", |_| {
            black_box(Instant::now());
            black_box(Instant::now());
        }),
        threads_row("two threads, ours, all rules: success", move |_| {
            succeed(&ours, clock)
        }),
        threads_row("two threads, ours: one call in ten fails", move |call| {
            if call % 10 == 0 {
                fail(&ours_mixed, clock)
            } else {
                succeed(&ours_mixed, clock)
            }
        }),
        threads_row("two threads, failsafe 1.3: success", move |_| {
            let _ = black_box(failsafe.call(|| Ok::<(), ()>(())));
        }),
        threads_row("two threads, recloser 1.4: success", move |_| {
            let _ = black_box(recloser.call(|| Ok::<(), ()>(())));
        }),
    ]
}

fn threads_row(name: &'static str, work: impl Fn(u32) + Sync + 'static) -> Row {
    let on_both = move |calls| {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..calls).for_each(&work));
            }
        });
    };
    Row {
        calls: CALLS_OF_THREADS,
        most_rounds: ROUNDS_OF_THREADS,
        ..row(name, on_both)
    }
}
