//! What a result means, and how attempts share their time.

use resilience::breaker::Classifier;

use super::*;

#[tokio::test]
async fn an_answer_that_means_failure_is_one_and_comes_back_all_the_same() {
    let test = patient();
    let by_status = Classifier::<Result<u16, Trouble>>::errors_fail()
        .fail_if(|result| matches!(result, Ok(500..)))
        .ignore_if(|result| matches!(result, Ok(404)));
    let judge = |result: &_| Verdict::Is(by_status.classify(result));
    let made = AtomicU32::new(0);
    let limits = Limits::within(LONG);
    let answers = |status| {
        made.fetch_add(1, Ordering::Relaxed);
        ready(Ok(status))
    };
    let answer = test.call(limits, judge, || answers(503)).await;
    assert_eq!(answer.unwrap(), 503);
    assert_eq!(
        made.load(Ordering::Relaxed),
        3,
        "tried again like any failure"
    );
    assert_eq!(
        test.call(limits, judge, || answers(404)).await.unwrap(),
        404
    );
    let totals = test.seen().totals;
    assert_eq!((totals.fail, totals.ignored, totals.ok), (3, 1, 0));
    test.assert_idle(4);
}

#[tokio::test]
async fn an_answer_that_asks_to_wait_opens_the_breaker_and_comes_back() {
    let test = dependency();
    let judge = |_: &Result<u8, Trouble>| Verdict::Overloaded(LONG);
    assert_eq!(test.once(LONG, judge, answers()).await.unwrap(), 7);
    let seen = test.seen();
    assert_eq!((seen.state, seen.totals.ignored), (State::Open, 1));
}

#[tokio::test]
async fn an_attempt_that_hangs_leaves_time_for_the_retry_that_is_set() {
    let test = patient();
    let made = AtomicU32::new(0);
    let call = async || match made.fetch_add(1, Ordering::Relaxed) {
        0 | 1 => pending().await,
        _ => Ok::<_, Trouble>(7),
    };
    let limits = Limits::within(SHORT * 10);
    let answer = test.call(limits, judge, call).await;
    assert_eq!(answer.unwrap(), 7);
    assert_eq!((test.seen().totals.fail, test.seen().totals.ok), (2, 1));
}

#[tokio::test]
async fn a_first_attempt_has_all_the_time_where_no_retry_is_affordable() {
    let test = patient();
    for _ in 0..9 {
        assert!(test.affordable.try_retry(now()));
    }
    let slow = async || {
        tokio::time::sleep(SHORT * 2).await;
        Ok::<_, Trouble>(7)
    };
    // A third of it would be too short.
    let answer = test.call(Limits::within(SHORT * 5), judge, slow).await;
    assert_eq!(answer.unwrap(), 7);
}

#[tokio::test]
async fn a_call_that_hangs_is_a_failure_and_a_slow_one() {
    let test = patient();
    let mut slow = rules();
    slow.breaker.slow_after = Some(SHORT / 2);
    test.retune(&slow, "a test", now()).unwrap();
    let hung = test.once(SHORT, judge, pending::<Result<(), _>>()).await;
    assert!(matches!(hung, Err(NotDone::TimedOut(_))));
    let totals = test.seen().totals;
    assert_eq!((totals.slow_fail, totals.fail), (1, 0));
}

#[tokio::test]
async fn a_dependency_that_never_answers_opens_its_breaker_by_slow_calls() {
    let mut rules = rules();
    rules.breaker = breaker::Settings {
        slow_after: Some(SHORT / 4),
        time: Some(breaker::TimeRule {
            window: breaker::Window::Rolling {
                span: LONG,
                buckets: 10,
            },
            thresholds: breaker::Thresholds {
                minimum_calls: 3,
                slow_ratio: Some(Ratio::HALF),
                ..breaker::Thresholds::COUNT_ONLY
            },
        }),
        ..breaker::Settings::without_rules()
    };
    let test = Dependency::new("test", &rules, 1, now()).unwrap();
    for _ in 0..3 {
        let hung = test.once(SHORT, judge, pending::<Result<(), _>>()).await;
        assert!(matches!(hung, Err(NotDone::TimedOut(_))));
    }
    let seen = test.seen();
    assert_eq!(
        (seen.state, seen.causes),
        (State::Open, breaker::Causes::SLOW_RATIO)
    );
}
