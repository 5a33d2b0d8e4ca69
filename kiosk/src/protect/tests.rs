use std::future::{Ready, pending, poll_fn, ready};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};

use futures_util::FutureExt;
use resilience::backoff::{Allowance, Backoff, Jitter};
use resilience::breaker::{self, Snapshot, State};
use resilience::limiter::Rate;
use resilience::{Ratio, bulkhead};
use tokio::time::timeout;

use super::*;

mod overload;
mod results;
mod standing;
mod told;

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(20);

#[derive(Debug, PartialEq)]
enum Trouble {
    Down,
    Mine,
    Busy,
}

fn judge<T>(result: &Result<T, Trouble>) -> Verdict {
    match result {
        Ok(_) => Verdict::Is(Outcome::Ok),
        Err(Trouble::Down) => Verdict::Is(Outcome::Fail),
        Err(Trouble::Mine) => Verdict::Is(Outcome::Ignored),
        Err(Trouble::Busy) => Verdict::Overloaded(LONG),
    }
}

/// Opens at two failures in a row, has one place, tries twice more.
fn rules() -> Rules {
    Rules {
        mode: Mode::Auto,
        waits: Waits::default(),
        breaker: breaker::Settings {
            consecutive_failures: Some(2),
            open: OpenWait::constant(LONG),
            ..breaker::Settings::default()
        },
        places: bulkhead::Settings {
            calls: 1,
            waiting: 1,
        },
        rate: Rate {
            calls: 1,
            period: LONG * 60,
            burst: 4,
        },
        retries: Retries {
            most: 2,
            backoff: Backoff {
                initial: Duration::from_millis(1),
                factor: 1.0,
                cap: SHORT,
                jitter: Jitter::None,
            },
            allowance: Allowance {
                share: Ratio::ALL,
                per_second: 0,
                most: 9,
            },
            least: Duration::ZERO,
        },
        timeout: LONG,
        dry_run: None,
    }
}

fn dependency() -> Dependency {
    Dependency::new("test", &rules(), 1, now()).unwrap()
}

fn patient() -> Dependency {
    let breaker = breaker::Settings {
        consecutive_failures: Some(9),
        ..rules().breaker
    };
    let rules = Rules { breaker, ..rules() };
    Dependency::new("test", &rules, 1, now()).unwrap()
}

impl Dependency {
    fn seen(&self) -> Snapshot {
        self.breaker.snapshot(now())
    }

    /// Waits for long between attempts.
    fn take_time(&self) {
        let mut retries = self.retries.lock().unwrap();
        (retries.backoff.initial, retries.backoff.cap) = (LONG, LONG);
    }

    /// All that a call takes has come back, tokens of calls that were sent excepted.
    fn assert_idle(&self, tokens_spent: u32) {
        assert_eq!(self.places.snapshot().in_use, 0);
        assert_eq!(self.seen().in_flight, 0);
        assert_eq!(self.rate.available(now()), 4 - tokens_spent);
    }
}

fn fails(trouble: Trouble) -> Ready<Result<(), Trouble>> {
    ready(Err(trouble))
}

fn panics() -> impl Future<Output = Result<(), Trouble>> {
    poll_fn(|_| panic!("told"))
}

fn answers() -> Ready<Result<u8, Trouble>> {
    ready(Ok(7))
}

/// Polls a future as far as it goes and then drops it.
async fn leave<F: Future>(future: F) {
    assert!(timeout(SHORT, future).await.is_err(), "it ended");
}

#[tokio::test]
async fn an_answer_is_a_success() {
    let test = dependency();
    assert_eq!(test.once(LONG, judge, answers()).await.unwrap(), 7);
    assert_eq!(test.seen().totals.ok, 1);
    test.assert_idle(1);
}

#[tokio::test]
async fn what_an_error_means_is_the_judges_word() {
    let test = dependency();
    for trouble in [Trouble::Mine, Trouble::Down] {
        let failed = test.once(LONG, judge, fails(trouble)).await.unwrap_err();
        assert!(matches!(failed, NotDone::Failed(_)), "{failed:?}");
    }
    let totals = test.seen().totals;
    assert_eq!((totals.ignored, totals.fail), (1, 1));
    test.assert_idle(2);
}

#[tokio::test]
async fn no_answer_in_time_is_a_failure() {
    let test = dependency();
    let late = test.once(SHORT, judge, pending::<Result<(), _>>()).await;
    assert!(matches!(late, Err(NotDone::TimedOut(_))), "{late:?}");
    assert_eq!(test.seen().totals.fail, 1);
    test.assert_idle(1);
}

#[tokio::test]
async fn a_panic_is_a_failure_and_goes_on() {
    let test = dependency();
    let ended = AssertUnwindSafe(test.once(LONG, judge, panics()))
        .catch_unwind()
        .await;
    assert_eq!(ended.unwrap_err().downcast_ref::<&str>(), Some(&"told"));
    let totals = test.seen().totals;
    assert_eq!((totals.fail, totals.cancelled), (1, 0));
    test.assert_idle(1);
}

#[tokio::test]
async fn a_panic_of_the_judge_is_a_failure_and_goes_on() {
    let test = dependency();
    let judge = |_: &Result<(), Trouble>| -> Verdict { panic!("judged") };
    let ended = AssertUnwindSafe(test.once(LONG, judge, fails(Trouble::Down)))
        .catch_unwind()
        .await;
    assert_eq!(ended.unwrap_err().downcast_ref::<&str>(), Some(&"judged"));
    let totals = test.seen().totals;
    assert_eq!((totals.fail, totals.cancelled), (1, 0));
    test.assert_idle(1);
}

#[tokio::test]
async fn a_caller_that_leaves_during_the_call_is_neutral_when_the_permit_was_taken() {
    let test = dependency();
    leave(test.once(LONG, judge, pending::<Result<(), _>>())).await;
    let totals = test.seen().totals;
    assert_eq!((totals.cancelled, totals.fail), (1, 0));
    test.assert_idle(1);
}

#[tokio::test]
async fn a_caller_that_leaves_the_queue_takes_nothing_along() {
    let test = dependency();
    let mut first = pin!(test.once(LONG, judge, pending::<Result<(), _>>()));
    assert!(timeout(SHORT, &mut first).await.is_err());
    leave(test.once(LONG, judge, answers())).await;
    assert_eq!(test.places.snapshot().waiting, 0);
    assert_eq!(test.rate.available(now()), 3);
    assert_eq!(test.seen().totals.cancelled, 0);
}

#[tokio::test]
async fn callers_that_leave_the_queue_in_any_order_leave_their_tokens() {
    let places = bulkhead::Settings {
        calls: 1,
        waiting: 3,
    };
    let rules = Rules { places, ..rules() };
    let test = Dependency::new("test", &rules, 1, now()).unwrap();
    let mut inside = pin!(test.once(LONG, judge, pending::<Result<(), _>>()));
    assert!((&mut inside).now_or_never().is_none());
    let wait = |times| test.once(SHORT * times, judge, answers());
    let _ = tokio::join!(wait(1), wait(2), wait(3));
    assert_eq!(test.rate.available(now()), 3, "three calls were never sent");
}

#[tokio::test]
async fn a_caller_that_leaves_between_attempts_holds_nothing() {
    let test = patient();
    test.take_time();
    let limits = Limits {
        attempt: LONG,
        total: LONG * 9,
        judged_by_time: true,
    };
    leave(test.call(limits, judge, || fails(Trouble::Down))).await;
    let totals = test.seen().totals;
    assert_eq!((totals.fail, totals.cancelled), (1, 0));
    test.assert_idle(1);
}

#[tokio::test]
async fn a_call_that_its_caller_forgot_in_the_queue_gets_its_place_and_its_rest_of_time() {
    let test = dependency();
    let held = test.places.try_acquire().unwrap();
    let mut waiting = pin!(test.once(LONG, judge, answers()));
    assert!(timeout(SHORT, &mut waiting).await.is_err());
    drop(held);
    assert_eq!(waiting.await.unwrap(), 7);
    test.assert_idle(1);
}

#[tokio::test]
async fn an_open_breaker_gives_token_and_place_back_and_counts_no_failure() {
    let test = dependency();
    test.breaker.force_open(now(), "stocktaking");
    let refused = test.once(LONG, judge, answers()).await.unwrap_err();
    let NotDone::Refused(Refused::Open(rejected)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(rejected.retry_in, None);
    let totals = test.seen().totals;
    assert_eq!((totals.rejected, totals.fail), (1, 0));
    test.assert_idle(0);
}

#[tokio::test]
async fn a_full_bulkhead_refuses_and_gives_the_token_back() {
    let test = dependency();
    let _inside = test.places.try_acquire().unwrap();
    let late = test.once(SHORT, judge, answers()).await;
    assert!(matches!(late, Err(NotDone::Refused(Refused::Full(_)))));
    let _queue = test.places.acquire().unwrap();
    let full = test.once(LONG, judge, answers()).await;
    assert!(matches!(full, Err(NotDone::Refused(Refused::Full(_)))));
    assert_eq!(test.rate.available(now()), 4);
    assert_eq!(test.seen().totals, breaker::Totals::default());
}

#[tokio::test]
async fn a_spent_limiter_refuses_and_says_for_how_long() {
    let test = dependency();
    for _ in 0..4 {
        test.once(LONG, judge, answers()).await.unwrap();
    }
    let refused = test.once(LONG, judge, answers()).await.unwrap_err();
    let NotDone::Refused(refused @ Refused::Limited(_)) = refused else {
        panic!("{refused:?}");
    };
    assert!(refused.retry_in().unwrap() > LONG);
    assert_eq!(test.seen().totals.ok, 4);
    test.assert_idle(4);
}

#[tokio::test]
async fn a_failure_is_tried_again_and_a_refusal_is_not() {
    let test = dependency();
    let made = AtomicU32::new(0);
    let limits = Limits {
        attempt: LONG,
        total: LONG,
        judged_by_time: true,
    };
    let result = test
        .call(limits, judge, || {
            made.fetch_add(1, Ordering::Relaxed);
            fails(Trouble::Down)
        })
        .await;
    // The second failure opens the breaker, and what it refuses is not repeated; what is told is
    // how the last call that was made ended.
    assert!(matches!(result, Err(NotDone::Failed(Trouble::Down))));
    assert_eq!(made.load(Ordering::Relaxed), 2);
    assert_eq!(test.seen().totals.rejected, 1);
    test.assert_idle(2);
}

#[tokio::test]
async fn retries_end_with_their_number_with_the_money_or_with_the_time() {
    let limits = Limits {
        attempt: LONG,
        total: LONG,
        judged_by_time: true,
    };
    let tries = async |test: &Dependency, limits| {
        let result = test.call(limits, judge, || fails(Trouble::Down)).await;
        assert!(matches!(result, Err(NotDone::Failed(Trouble::Down))));
        test.seen().totals.fail
    };
    assert_eq!(tries(&patient(), limits).await, 3);
    let poor = patient();
    poor.affordable.retune(
        Allowance {
            share: Ratio::ALL,
            per_second: 0,
            most: 1,
        },
        now(),
    );
    assert_eq!(tries(&poor, limits).await, 2);
    let slow = patient();
    slow.take_time();
    assert_eq!(tries(&slow, limits).await, 1);
}

#[tokio::test]
async fn a_call_that_a_rule_refuses_earns_no_retry() {
    let test = dependency();
    for _ in 0..9 {
        assert!(test.affordable.try_retry(now()));
    }
    test.breaker.force_open(now(), "stocktaking");
    for _ in 0..9 {
        let _ = test.once(LONG, judge, answers()).await;
        let _ = test.call(Limits::within(LONG), judge, answers).await;
    }
    assert_eq!(test.affordable.snapshot(now()).0, 0);
    test.breaker.auto(now());
    test.once(LONG, judge, answers()).await.unwrap();
    assert_eq!(test.affordable.snapshot(now()).0, 1, "a call that was made");
}

#[tokio::test]
async fn a_retry_that_is_not_made_costs_nothing() {
    let refused = dependency();
    let make = || {
        refused.breaker.force_open(now(), "stocktaking");
        fails(Trouble::Down)
    };
    let result = refused.call(Limits::within(LONG), judge, make).await;
    assert!(matches!(result, Err(NotDone::Failed(Trouble::Down))));
    assert_eq!(refused.affordable.snapshot(now()).0, 9);
    let left = patient();
    left.take_time();
    let limits = Limits::within(LONG * 9);
    leave(left.call(limits, judge, || fails(Trouble::Down))).await;
    assert_eq!(left.affordable.snapshot(now()).0, 9);
}

#[tokio::test]
async fn new_rules_keep_what_was_counted_and_senseless_ones_change_nothing() {
    let test = dependency();
    let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    let mut bad = rules();
    bad.breaker.consecutive_failures = Some(9);
    bad.places.calls = 0;
    assert!(test.retune(&bad, "a test", now()).is_err());
    assert_eq!(test.breaker.settings().consecutive_failures, Some(2));
    let mut good = rules();
    good.breaker.consecutive_failures = Some(3);
    test.retune(&good, "a test", now()).unwrap();
    let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    assert_eq!(test.seen().state, State::Closed);
    let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    assert_eq!(test.seen().state, State::Open);
}

#[tokio::test]
async fn a_dependency_that_hangs_opens_its_breaker_by_slow_calls() {
    let mut rules = rules();
    rules.breaker = breaker::Settings {
        slow_after: Some(Duration::from_millis(5)),
        time: Some(breaker::TimeRule {
            window: breaker::Window::Rolling {
                span: LONG,
                buckets: 10,
            },
            thresholds: breaker::Thresholds {
                minimum_calls: 2,
                slow_ratio: Some(Ratio::HALF),
                ..breaker::Thresholds::COUNT_ONLY
            },
        }),
        ..breaker::Settings::without_rules()
    };
    let test = Dependency::new("test", &rules, 1, now()).unwrap();
    for _ in 0..2 {
        let slow = async {
            tokio::time::sleep(SHORT).await;
            answers().await
        };
        test.once(LONG, judge, slow).await.unwrap();
    }
    let seen = test.seen();
    assert_eq!((seen.state, seen.totals.slow), (State::Open, 2));
}

#[tokio::test]
async fn only_a_call_that_is_judged_by_time_is_slow() {
    let test = patient();
    let mut slow = rules();
    slow.breaker.slow_after = Some(Duration::from_nanos(1));
    test.retune(&slow, "a test", now()).unwrap();
    for judged_by_time in [true, false] {
        let limits = Limits {
            judged_by_time,
            ..Limits::within(LONG)
        };
        let call = async || {
            tokio::task::yield_now().await;
            Ok::<_, Trouble>(7)
        };
        test.call(limits, judge, call).await.unwrap();
    }
    let totals = test.seen().totals;
    assert_eq!((totals.slow, totals.ok), (1, 1));
}

#[tokio::test]
async fn the_waits_of_an_open_breaker_and_its_other_rules_are_set_apart() {
    let test = dependency();
    let waits = OpenWait::constant(LONG * 2);
    test.pace(waits, now()).unwrap();
    let mut other = rules();
    other.breaker.consecutive_failures = Some(7);
    test.retune(&other, "a test", now()).unwrap();
    let in_force = test.breaker().settings();
    assert_eq!(in_force.open, waits);
    assert_eq!(in_force.consecutive_failures, Some(7));
    test.pace(OpenWait::constant(LONG), now()).unwrap();
    assert_eq!(test.breaker().settings().consecutive_failures, Some(7));
    assert_eq!(test.look(now()).rules.breaker, test.breaker().settings());
}

#[tokio::test]
async fn waits_that_are_set_hold_over_the_heartbeat_and_give_way_to_it_again() {
    let test = dependency();
    let mut set = rules();
    set.waits.initial = Some(SHORT);
    test.retune(&set, "a test", now()).unwrap();
    assert_eq!(test.breaker().settings().open.initial, SHORT);
    test.pace(OpenWait::constant(LONG * 2), now()).unwrap();
    let open = test.breaker().settings().open;
    assert_eq!((open.initial, open.max), (SHORT, LONG * 2));
    test.retune(&rules(), "a test", now()).unwrap();
    assert_eq!(test.breaker().settings().open, OpenWait::constant(LONG * 2));
}
