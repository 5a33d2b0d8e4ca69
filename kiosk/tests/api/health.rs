//! Alive, ready, measured; and what every answer carries.

use kiosk_core::event::Event;
use serde_json::json;

use super::support::Kiosk;
use super::support::menu::some;

#[test]
fn a_kiosk_that_takes_orders_is_alive_and_ready() {
    let kiosk = Kiosk::open();
    kiosk.get("/healthz").send().expect(200);
    assert_eq!(
        kiosk.get("/readyz").send().expect(200),
        json!({"ready": true, "reasons": []})
    );
}

#[test]
fn the_status_tells_link_journal_and_day() {
    let kiosk = Kiosk::open();
    let status = kiosk.get("/api/v1/status").send().expect(200);
    assert_eq!(
        (&status["link"], &status["level"], &status["level_reasons"]),
        (&json!("standalone"), &json!("L0"), &json!([]))
    );
    assert_eq!(status["journal"]["unconfirmed"], 0);
    assert_eq!(status["journal"]["oldest_unconfirmed_seconds"], json!(null));
    let order = kiosk.placed(&some("tea", 1));
    let status = kiosk.get("/api/v1/status").send().expect(200);
    assert_eq!(
        (&status["store"], &status["kiosk"]),
        (&json!("local"), &json!("local"))
    );
    assert_eq!(status["business_date"], order["business_date"]);
    let journal = &status["journal"];
    assert_eq!(
        (
            &journal["next_seq"],
            &journal["watermark"],
            &journal["unconfirmed"]
        ),
        (&json!(3), &json!(0), &json!(2))
    );
    assert!(journal["oldest_unconfirmed_seconds"].as_f64().unwrap() >= 0.0);
}

#[test]
fn every_metric_of_the_contract_is_there_before_the_first_order() {
    let kiosk = Kiosk::open();
    let text = kiosk.get("/metrics").send().text();
    let names = [
        "kiosk_orders_total{service=\"take_away\",method=\"counter\"}",
        "kiosk_order_accept_seconds_bucket{",
        "kiosk_journal_commit_seconds_bucket{",
        "kiosk_journal_group_size_bucket{",
        "kiosk_unconfirmed_events ",
        "kiosk_watermark ",
        "kiosk_link_state{state=\"standalone\"} 1",
        "kiosk_breaker_state{name=\"ordering\",state=\"closed\"}",
        "kiosk_breaker_state{name=\"ordering\",state=\"disabled\"}",
        "kiosk_breaker_calls_total{name=\"ordering\",outcome=\"success\"} 0",
        "kiosk_breaker_calls_total{name=\"ordering\",outcome=\"slow\"} 0",
        "kiosk_breaker_calls_total{name=\"ordering\",outcome=\"failure\"} 0",
        "kiosk_breaker_calls_total{name=\"ordering\",outcome=\"cancelled\"} 0",
        "kiosk_breaker_calls_total{name=\"ordering\",outcome=\"stale\"} 0",
        "kiosk_uplink_batches_total{transport=\"http\",result=",
        "kiosk_print_jobs_total{device=",
        "kiosk_level{level=\"L0\"} 1",
        "kiosk_switch_on{name=\"ordering_cloud\"} 1",
    ];
    for name in names {
        assert!(text.contains(name), "{name} is missing from\n{text}");
    }
}

#[test]
fn a_requests_identity_goes_from_the_header_to_the_answer_and_the_event() {
    let kiosk = Kiosk::open();
    let answer = kiosk
        .order(&some("tea", 1))
        .header("X-Request-Id", "tap-1")
        .send();
    answer.expect(201);
    assert_eq!(answer.header("x-request-id"), Some("tap-1"));
    let journal = kiosk.state.journal.clone();
    let entries = kiosk
        .runtime
        .block_on(journal.events(1, 9, 9, 1 << 20))
        .unwrap();
    let requests: Vec<_> = entries
        .iter()
        .map(|entry| Event::decode(&entry.bytes).unwrap().request)
        .collect();
    assert_eq!(
        requests,
        [Some("tap-1".to_owned()), Some("tap-1".to_owned())]
    );
    for hostile in [&b"a b"[..], b"\xff\xfe", b"<script>", &[b'x'; 200]] {
        let answer = kiosk.get("/healthz").header("X-Request-Id", hostile).send();
        let made = answer.header("x-request-id").unwrap();
        assert_eq!(made.len(), 36, "{made}");
    }
}

#[test]
fn what_is_not_there_is_a_problem_document_also_to_head() {
    let kiosk = Kiosk::open();
    for path in [
        "/nothing",
        "/api/v1/nothing",
        "/api/v2/menu",
        "//",
        "/api/v1/orders/a/b/c",
    ] {
        let answer = kiosk.get(path).send();
        answer.refused(404, "not-found");
        let head = kiosk.ask("HEAD", path).send();
        assert_eq!((head.status, head.body.len()), (404, 0));
        assert_eq!(
            head.header("content-type"),
            Some("application/problem+json")
        );
        assert!(head.header("x-request-id").is_some());
    }
    let head = kiosk.ask("HEAD", "/api/v1/menu").send();
    assert_eq!((head.status, head.body.len()), (200, 0));
}
