//! A dependency that asks to be left alone.

use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn an_overload_is_no_failure_and_is_left_alone_for_as_long_as_it_asks() {
    let test = dependency();
    let limits = Limits {
        attempt: LONG,
        total: LONG,
        judged_by_time: true,
    };
    let _ = test.call(limits, judge, || fails(Trouble::Busy)).await;
    let seen = test.seen();
    assert_eq!((seen.totals.fail, seen.totals.ignored), (0, 1));
    assert_eq!(seen.state, State::Open);
    assert!(seen.retry_in.unwrap() > LONG - Duration::from_secs(5));
    test.assert_idle(1);
}

#[tokio::test]
async fn an_overload_moves_the_breaker_once() {
    let test = dependency();
    let _ = test.once(LONG, judge, fails(Trouble::Busy)).await;
    assert_eq!(test.breaker.events_after(0).events.len(), 1);
}

/// More calls than one at a time.
fn roomy() -> Dependency {
    let places = bulkhead::Settings {
        calls: 4,
        waiting: 0,
    };
    let rules = Rules { places, ..rules() };
    Dependency::new("test", &rules, 1, now()).unwrap()
}

fn busy_for(wait: Duration) -> impl Fn(&Result<(), Trouble>) -> Verdict {
    move |result| match result {
        Err(Trouble::Busy) => Verdict::Overloaded(wait),
        other => judge(other),
    }
}

async fn busy_when(told: oneshot::Receiver<()>) -> Result<(), Trouble> {
    told.await.unwrap();
    Err(Trouble::Busy)
}

async fn opened(test: &Dependency) {
    for _ in 0..2 {
        let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    }
    assert_eq!(test.seen().state, State::Open);
}

#[tokio::test]
async fn a_stale_overload_does_not_change_the_wait_of_an_open_breaker() {
    let test = roomy();
    let (tell, told) = oneshot::channel();
    let mut old = pin!(test.once(LONG, busy_for(SHORT), busy_when(told)));
    assert!((&mut old).now_or_never().is_none());
    opened(&test).await;
    let until = test.seen().until;
    tell.send(()).unwrap();
    assert!(matches!(old.await, Err(NotDone::Failed(Trouble::Busy))));
    let seen = test.seen();
    assert_eq!((seen.until, seen.totals.stale), (until, 1));
}

#[tokio::test]
async fn a_stale_overload_does_not_open_a_breaker_that_probes() {
    let test = roomy();
    let (tell, told) = oneshot::channel();
    let mut old = pin!(test.once(LONG, busy_for(LONG), busy_when(told)));
    assert!((&mut old).now_or_never().is_none());
    opened(&test).await;
    test.breaker.expire_wait(now());
    let probe = test.breaker.try_acquire(now()).unwrap();
    tell.send(()).unwrap();
    assert!(matches!(old.await, Err(NotDone::Failed(Trouble::Busy))));
    assert_eq!(test.seen().state, State::HalfOpen);
    let _ = probe.success(now());
    assert_eq!(test.seen().state, State::Closed);
}
