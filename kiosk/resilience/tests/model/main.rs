//! The breaker and a slow, obviously right one do the same whatever happens to them.

mod reference;

use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use reference::{Pass, Reference};
use resilience::breaker::{
    Breaker, CallRule, EventKind, HalfOpen, OpenWait, Outcome, Permit, Settings, State, Thresholds,
    TimeRule, Verdict, Window,
};
use resilience::ramp::Slope;
use resilience::{Moment, Ratio};

const OUTCOMES: [Outcome; 6] = [
    Outcome::Ok,
    Outcome::Fail,
    Outcome::Slow,
    Outcome::SlowFail,
    Outcome::Ignored,
    Outcome::Cancelled,
];

/// A source of choices: what the property hands in, or a stream of pseudo-random numbers.
#[derive(Clone, Copy)]
struct Dice(u64);

impl Dice {
    /// A number below `n`.
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }

    fn small(&mut self, n: u64) -> u32 {
        u32::try_from(self.below(n)).unwrap_or(0)
    }

    fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let place = self.below(of.len() as u64);
        of[usize::try_from(place).unwrap_or(0)]
    }

    fn maybe<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(2) == 0).then(|| make(self))
    }
}

fn thresholds(dice: &mut Dice) -> Thresholds {
    let ratio = |dice: &mut Dice| Ratio::percent(dice.pick(&[10, 33, 50, 100])).expect("valid");
    Thresholds {
        minimum_calls: dice.pick(&[1, 2, 3, 5, 8, 40]),
        failure_ratio: dice.maybe(ratio),
        slow_ratio: dice.maybe(ratio),
        failures: dice.maybe(|dice| dice.small(6) + 1),
    }
}

fn window(dice: &mut Dice) -> Window {
    let span = Duration::from_millis(dice.pick(&[10, 20, 30, 40, 100]));
    match dice.below(5) {
        0 => Window::Fixed { span },
        _ => Window::Rolling {
            span,
            buckets: dice.pick(&[1, 2, 3, 4, 5, 10, 20]),
        },
    }
}

fn settings(dice: &mut Dice) -> Settings {
    let permits = dice.small(4) + 1;
    let initial = Duration::from_millis(dice.pick(&[0, 5, 20]));
    Settings {
        consecutive_failures: dice.maybe(|dice| dice.small(6) + 1),
        time: dice.maybe(|dice| TimeRule {
            window: window(dice),
            thresholds: thresholds(dice),
        }),
        last_calls: dice.maybe(|dice| {
            let (calls, wanted) = (dice.small(10) + 1, thresholds(dice));
            let thresholds = Thresholds {
                failures: wanted.failures.map(|n| n.min(calls)),
                ..wanted
            };
            CallRule { calls, thresholds }
        }),
        slow_after: dice.maybe(|dice| Duration::from_millis(dice.pick(&[1, 3, 10]))),
        open: OpenWait {
            initial,
            growth: dice.pick(&[1.0, 2.0]),
            max: Duration::from_millis(dice.pick(&[20, 100])),
            jitter: 0.0,
        },
        half_open: HalfOpen {
            permits,
            verdict: match dice.below(3) {
                0 => Verdict::FirstFailure,
                1 => Verdict::FailureRatio(Ratio::HALF),
                _ => Verdict::Successes(dice.small(permits.into()) + 1),
            },
            deadline: Duration::from_millis(dice.pick(&[5, 50])),
        },
        ramp: dice.maybe(|dice| Slope {
            first: Ratio::percent(dice.pick(&[1, 40, 100])).expect("valid"),
            over: Duration::from_millis(dice.pick(&[0, 10, 100])),
        }),
        initial: State::Closed,
        seed: 0,
    }
}

struct Pair {
    breaker: Arc<Breaker>,
    reference: Reference,
    held: Vec<(Permit<Arc<Breaker>>, Pass)>,
    now: Moment,
}

impl Pair {
    fn new(settings: Settings) -> Self {
        let now = Moment::from_secs(1);
        let breaker = Breaker::new("model", settings, now).expect("valid settings");
        let reference = Reference::new(settings, now);
        Self {
            breaker: Arc::new(breaker),
            reference,
            held: Vec::new(),
            now,
        }
    }

    /// One thing happens, chosen by the dice, and both breakers must agree on everything.
    fn step(&mut self, mut dice: Dice) {
        self.pass_time(&mut dice);
        match dice.below(100) {
            0..35 => self.acquire(),
            35..80 => self.finish(&mut dice),
            80..86 => self.burst(&mut dice),
            86..90 => self.retune(&mut dice),
            _ => self.command(&mut dice),
        }
        self.compare();
    }

    fn pass_time(&mut self, dice: &mut Dice) {
        let step = Duration::from_micros(dice.pick(&[0, 0, 1, 100, 1_000, 3_333, 20_000]));
        self.now = match dice.below(40) {
            0 => self.now.minus(step * 10),
            1 => self.now.plus(step * 50),
            _ => self.now.plus(step),
        };
    }

    fn acquire(&mut self) {
        let due = self.breaker.snapshot(self.now).probe_due;
        match (
            self.breaker.try_acquire_owned(self.now),
            self.reference.acquire(self.now),
        ) {
            (Ok(permit), Ok(pass)) => {
                assert_eq!(permit.is_probe(), due);
                self.held.push((permit, pass));
            }
            (Err(rejected), Err(expected)) => {
                assert!(!due);
                assert_eq!((rejected.reason, rejected.retry_in), expected);
            }
            (breaker, reference) => panic!("{breaker:?} where {reference:?} was expected"),
        }
        if self.held.len() > 12 {
            let (permit, pass) = self.held.remove(0);
            drop(permit);
            let _ = self
                .reference
                .settle(pass, pass.taken_at, Outcome::Cancelled, false, None);
        }
    }

    fn finish(&mut self, dice: &mut Dice) {
        if self.held.is_empty() {
            return self.acquire();
        }
        let place = dice.small(self.held.len() as u64) as usize;
        let (permit, pass) = self.held.remove(place);
        let outcome = match dice.below(10) {
            0..5 => Outcome::Ok,
            _ => dice.pick(&OUTCOMES),
        };
        let (now, pause) = (self.now, Duration::from_millis(dice.below(50)));
        let (report, expected) = match dice.below(20) {
            0 => (
                permit.trip(now, pause),
                self.reference
                    .settle(pass, now, Outcome::Fail, true, Some(pause)),
            ),
            1 => (
                permit.pause(now, pause),
                self.reference
                    .settle(pass, now, Outcome::Ignored, false, Some(pause)),
            ),
            2..5 => (
                permit.record(now, outcome),
                self.reference.settle(pass, now, outcome, false, None),
            ),
            _ => (
                permit.finish(now, outcome),
                self.reference.settle(pass, now, outcome, true, None),
            ),
        };
        assert_eq!(report, expected);
    }

    /// Enough plain successes that they are tallied aside.
    fn burst(&mut self, dice: &mut Dice) {
        for _ in 0..dice.below(60) {
            if let (Ok(permit), Ok(pass)) = (
                self.breaker.try_acquire_owned(self.now),
                self.reference.acquire(self.now),
            ) {
                let expected = self
                    .reference
                    .settle(pass, self.now, Outcome::Ok, true, None);
                assert_eq!(permit.success(self.now), expected);
            }
        }
    }

    fn retune(&mut self, dice: &mut Dice) {
        let mut wanted = self.reference.settings;
        let other = settings(dice);
        match dice.below(7) {
            0 => wanted = other,
            6 => wanted.ramp = other.ramp,
            1 => wanted.half_open = other.half_open,
            2 => wanted.open = other.open,
            3 => wanted.time = other.time,
            4 => wanted.last_calls = other.last_calls,
            _ => wanted.slow_after = other.slow_after,
        }
        self.breaker
            .retune(wanted, self.now)
            .expect("valid settings");
        self.reference.retune(wanted, self.now);
    }

    fn command(&mut self, dice: &mut Dice) {
        let (breaker, reference, now) = (&self.breaker, &mut self.reference, self.now);
        let wait = Duration::from_millis(dice.below(50));
        match dice.below(30) {
            0 => {
                breaker.force_open(now, "by hand");
                reference.by_hand(State::ForcedOpen, now);
            }
            1 => {
                breaker.disable(now, "by hand");
                reference.by_hand(State::Disabled, now);
            }
            2..4 => {
                breaker.metrics_only(now, "by hand");
                reference.by_hand(State::MetricsOnly, now);
            }
            4..10 => {
                breaker.auto(now);
                if reference.state.is_manual() {
                    reference.by_hand(State::Closed, now);
                }
            }
            10..12 => {
                breaker.reset(now);
                reference.reset(now);
            }
            12..14 => {
                let allowed = reference.state != State::Closed;
                assert_eq!(breaker.half_open(now).is_ok(), allowed);
                if allowed {
                    reference.by_hand(State::HalfOpen, now);
                }
            }
            14..16 => {
                breaker.trip(now, wait);
                reference.trip(now, wait);
            }
            16..18 => {
                breaker.expire_wait(now);
                reference.expire(now);
            }
            18 => {
                breaker.open(now);
                reference.open_by_hand(now);
            }
            _ => {
                breaker.tick(now);
                reference.tick(now);
            }
        }
    }

    fn compare(&self) {
        let (seen, expected) = (self.breaker.snapshot(self.now), &self.reference);
        assert_eq!(
            (
                seen.state,
                seen.generation,
                seen.since,
                seen.attempt,
                seen.consecutive_failures
            ),
            (
                expected.state,
                expected.generation,
                expected.since,
                expected.attempt,
                expected.consecutive
            )
        );
        assert_eq!(
            seen.until,
            (seen.state == State::Open).then_some(expected.due)
        );
        assert_eq!(
            (seen.totals, seen.rejected),
            (expected.totals, expected.rejected)
        );
        assert_eq!(seen.in_flight, expected.out);
        if let Some(time) = seen.time {
            assert_eq!(time, expected.time_counts_at(self.now));
        }
        if let Some(last) = seen.last_calls {
            assert_eq!(last, expected.last_counts());
        }
        let (in_flight, succeeded, failed) = expected.probes();
        assert_eq!(
            (
                seen.probes.in_flight as usize,
                seen.probes.succeeded,
                seen.probes.failed
            ),
            (in_flight, succeeded, failed)
        );
        if seen.time.is_none() && seen.last_calls.is_none() {
            assert_eq!(seen.calls, expected.era_counts().calls);
        }
        assert!(seen.probes.in_flight as usize <= self.held.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_both_breakers_agree(seed: u64, steps in prop::collection::vec(any::<u64>(), 1..300)) {
        let mut pair = Pair::new(settings(&mut Dice(seed)));
        for step in steps {
            pair.step(Dice(step));
        }
    }

    #[test]
    fn a_rolling_window_forgets_within_one_bucket_of_the_truth(
        buckets in 1_u32..20,
        gaps in prop::collection::vec(0_u64..400, 1..200),
    ) {
        let span = Duration::from_millis(1_000);
        let rule = TimeRule { window: Window::Rolling { span, buckets }, thresholds: Thresholds::COUNT_ONLY };
        let settings = Settings { time: Some(rule), ..Settings::without_rules() };
        let breaker = Breaker::new("window", settings, Moment::START).expect("valid settings");
        let (mut now, mut ends) = (Moment::START, Vec::new());
        for gap in gaps {
            now = now.plus(Duration::from_millis(gap));
            let _ = breaker.try_acquire(now).expect("closed").failure(now);
            ends.push(now);
            let younger = |than: Duration| ends.iter().filter(|end| now.since(**end) < than).count() as u64;
            let counted = breaker.snapshot(now).calls;
            prop_assert!(counted <= younger(span));
            prop_assert!(counted >= younger(span - span / buckets));
        }
    }
}

#[test]
fn a_million_random_operations_neither_panic_nor_disagree() {
    let mut dice = Dice(20_261_120);
    let mut left = 1_000_000_u32;
    while left > 0 {
        let mut pair = Pair::new(settings(&mut dice));
        for _ in 0..left.min(10_000) {
            left -= 1;
            let seed = dice.below(u64::MAX) << 32 | dice.below(u64::MAX);
            pair.step(Dice(seed));
        }
        let moves = pair.breaker.events_after(0).cursor;
        assert!(moves >= pair.reference.moves, "every move is an event");
    }
}

#[test]
fn extreme_moments_and_durations_neither_panic_nor_overflow() {
    let spans = [
        Duration::from_nanos(1),
        Duration::from_secs(1),
        Duration::MAX,
    ];
    let moments = [0, 1, 1 << 32, u64::MAX - 1, u64::MAX].map(Moment::from_nanos);
    for span in spans {
        for buckets in [1, 3, 1_024] {
            let window = Window::Rolling { span, buckets };
            let open = OpenWait {
                initial: span,
                growth: 1e300,
                max: Duration::MAX,
                jitter: 1.0,
            };
            let settings = Settings {
                time: Some(TimeRule {
                    window,
                    thresholds: Thresholds {
                        failures: Some(3),
                        ..Thresholds::COUNT_ONLY
                    },
                }),
                slow_after: Some(span),
                open,
                half_open: HalfOpen {
                    deadline: span,
                    permits: 2,
                    verdict: Verdict::FirstFailure,
                },
                ..Settings::default()
            };
            let Ok(breaker) = Breaker::new("extreme", settings, Moment::START) else {
                continue;
            };
            for begins in moments {
                for ends in moments {
                    extreme(&breaker, begins, ends, span);
                }
            }
            for event in breaker.events_after(0).events {
                assert!(!matches!(event.kind, EventKind::Reset { .. }));
            }
        }
    }
}

fn extreme(breaker: &Breaker, begins: Moment, ends: Moment, span: Duration) {
    if let Ok(permit) = breaker.try_acquire(begins) {
        let _ = permit.failure(ends);
    }
    if let Ok(permit) = breaker.try_acquire(ends) {
        let _ = permit.trip(begins, span);
    }
    let _ = breaker.snapshot(begins);
    breaker.expire_wait(ends);
    breaker.tick(begins);
    let _ = (
        breaker.next_deadline(),
        breaker
            .try_acquire(begins)
            .map(|permit| permit.success(ends)),
    );
}
