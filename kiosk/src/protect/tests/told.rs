//! What the metrics tell of calls.

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};

use super::*;

fn assert_told(recorder: &PrometheusRecorder, outcomes: &[(&str, u32)]) {
    let text = recorder.handle().render();
    for (outcome, calls) in outcomes {
        let line =
            format!("kiosk_breaker_calls_total{{name=\"test\",outcome=\"{outcome}\"}} {calls}\n");
        assert!(text.contains(&line), "{line} is missing from\n{text}");
    }
}

#[tokio::test]
async fn what_happens_to_a_breaker_is_counted_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let test = dependency();
    for _ in 0..2 {
        let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    }
    let mut other = rules();
    other.breaker.consecutive_failures = Some(7);
    test.retune(&other, "a test", now()).unwrap();
    for _ in 0..3 {
        let _ = test.look(now());
    }
    let text = recorder.handle().render();
    for line in [
        "kiosk_breaker_transitions_total{name=\"test\",from=\"closed\",to=\"open\"} 1\n",
        "kiosk_breaker_retunes_total{name=\"test\"} 1\n",
    ] {
        assert!(text.contains(line), "{line} is missing from\n{text}");
    }
}

#[tokio::test]
async fn a_call_is_told_as_its_breaker_counts_it() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _installed = metrics::set_default_local_recorder(&recorder);
    Ending::show("test");
    let none = [
        "success",
        "slow",
        "failure",
        "ignored",
        "cancelled",
        "stale",
    ];
    assert_told(&recorder, &none.map(|outcome| (outcome, 0)));
    let test = patient();
    test.once(LONG, judge, answers()).await.unwrap();
    let _ = test.once(LONG, judge, fails(Trouble::Mine)).await;
    let _ = test.once(LONG, judge, fails(Trouble::Down)).await;
    leave(test.once(LONG, judge, pending::<Result<(), _>>())).await;
    assert_told(
        &recorder,
        &[
            ("success", 1),
            ("ignored", 1),
            ("failure", 1),
            ("cancelled", 1),
        ],
    );
    let mut slow = rules();
    slow.breaker.slow_after = Some(Duration::from_nanos(1));
    slow.rate.burst = 9;
    let test = Dependency::new("test", &slow, 1, now()).unwrap();
    let late = async {
        tokio::task::yield_now().await;
        answers().await
    };
    test.once(LONG, judge, late).await.unwrap();
    let moved_on = async {
        test.breaker.open(now());
        answers().await
    };
    test.once(LONG, judge, moved_on).await.unwrap();
    let _ = test.once(LONG, judge, answers()).await;
    let told = [("success", 1), ("slow", 1), ("stale", 1), ("rejected", 1)];
    assert_told(&recorder, &told);
    let totals = test.seen().totals;
    assert_eq!((totals.slow, totals.stale, totals.rejected), (1, 1, 1));
}
