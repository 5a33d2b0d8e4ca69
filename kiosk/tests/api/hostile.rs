//! Nothing that a client sends is answered with a server's error, or with anything undescribed.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::support::menu::ramen;
use super::support::{Ask, Kiosk};

static KIOSK: LazyLock<(Kiosk, String)> = LazyLock::new(|| {
    let kiosk = Kiosk::open();
    let token = kiosk.manager();
    (kiosk, token)
});

const CALLS: [(&str, &str); 19] = [
    ("POST", "/api/v1/orders"),
    ("POST", "/api/v1/quotes"),
    ("GET", "/api/v1/orders"),
    ("GET", "/api/v1/orders/"),
    (
        "GET",
        "/api/v1/orders/0199a1b2-0000-7000-8000-000000000001/receipt.html",
    ),
    (
        "POST",
        "/api/v1/orders/0199a1b2-0000-7000-8000-000000000001/void",
    ),
    (
        "POST",
        "/api/v1/print-jobs/0199a1b2-0000-7000-8000-000000000001/retry",
    ),
    (
        "POST",
        "/api/v1/print-jobs/0199a1b2-0000-7000-8000-000000000001/discard",
    ),
    ("GET", "/api/v1/print-jobs"),
    ("POST", "/api/v1/devices/kitchen/test"),
    ("PUT", "/api/v1/items/tea/availability"),
    ("PUT", "/api/v1/items/"),
    ("GET", "/api/v1/reports/day"),
    ("POST", "/api/v1/days/open"),
    ("POST", "/api/v1/sessions"),
    ("DELETE", "/api/v1/sessions"),
    ("GET", "/api/v1/menu"),
    ("GET", "/"),
    ("GET", "/items/"),
];

/// Sends it as somebody who may do all, and looks at what comes back.
fn survives(ask: Ask) {
    let answer = ask.bearer(&KIOSK.1).send();
    assert!(answer.status < 500, "{} {}", answer.status, answer.text());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any::<String>().prop_map(Value::from),
        select(vec![
            "tea",
            "tonkotsu-ramen",
            "spice",
            "hot",
            "eat_in",
            "counter"
        ])
        .prop_map(Value::from),
    ];
    let key = prop_oneof![
        select(vec![
            "service", "lines", "item", "quantity", "options", "group", "option", "note"
        ])
        .prop_map(str::to_owned),
        select(vec![
            "payment",
            "method",
            "expected_total",
            "reason",
            "pin",
            "left",
            "available"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The contract's order with one place of it replaced.
fn nearly_an_order() -> impl Strategy<Value = Value> {
    let places = vec![
        "/service",
        "/table",
        "/language",
        "/lines",
        "/lines/0",
        "/lines/0/item",
        "/lines/0/quantity",
        "/lines/0/note",
        "/lines/0/options",
        "/lines/0/options/0",
        "/lines/0/options/0/quantity",
        "/payment",
        "/payment/method",
        "/expected_total",
    ];
    (select(places), json_value()).prop_map(|(place, value)| {
        let mut body = ramen();
        *body.pointer_mut(place).unwrap() = value;
        body
    })
}

fn header_value() -> impl Strategy<Value = Vec<u8>> {
    // What would end the header is another request, not a value.
    let bytes = prop::collection::vec(any::<u8>(), 0..120);
    bytes.prop_map(|bytes| {
        bytes
            .into_iter()
            .filter(|byte| !matches!(byte, 0 | b'\r' | b'\n'))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_are_refused_politely(
        call in select(CALLS.to_vec()),
        body in prop::collection::vec(any::<u8>(), 0..400),
    ) {
        let ask = KIOSK.0.ask(call.0, call.1).raw(body);
        survives(ask.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()));
    }

    #[test]
    fn random_json_is_refused_politely(call in select(CALLS.to_vec()), body in json_value()) {
        let ask = KIOSK.0.ask(call.0, call.1).json(&body);
        survives(ask.header("Idempotency-Key", uuid::Uuid::new_v4().to_string()));
    }

    #[test]
    fn what_is_nearly_an_order_is_taken_or_refused_politely(body in nearly_an_order()) {
        survives(KIOSK.0.order(&body));
        survives(KIOSK.0.post("/api/v1/quotes", &body));
    }

    #[test]
    fn headers_of_junk_are_refused_politely(
        call in select(CALLS.to_vec()),
        name in select(vec![
            "Idempotency-Key", "Content-Type", "If-None-Match", "Last-Event-ID", "X-Request-Id",
            "Cookie", "Origin", "Sec-Fetch-Site", "Accept", "Accept-Encoding", "Expect", "Range",
        ]),
        value in header_value(),
    ) {
        survives(KIOSK.0.ask(call.0, call.1).json(&ramen()).header(name, value));
    }

    #[test]
    fn paths_and_queries_of_junk_are_refused_politely(
        call in select(CALLS.to_vec()),
        junk in "[!-~]{0,60}",
        query in "[!-~]{0,60}",
    ) {
        let target = format!("{}{}?{}", call.1, junk.replace(['#', '?'], ""), query.replace('#', ""));
        survives(KIOSK.0.ask(call.0, &target).json(&json!({})));
    }
}
