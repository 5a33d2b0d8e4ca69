//! Orders that are refused, each in the words of the contract; none of them leaves a trace.

use serde_json::{Value, json};

use super::support::menu::{document, ramen, some};
use super::support::{Answer, Kiosk, Options};

/// Sends it and makes sure that nothing was stored.
fn refuse(kiosk: &Kiosk, body: &Value) -> Answer {
    let before = kiosk.events();
    let answer = kiosk.order(body).send();
    assert_eq!(kiosk.events(), before);
    answer
}

fn with(pointer: &str, value: Value) -> Value {
    let mut body = ramen();
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[field] = value;
    body
}

#[test]
fn a_key_that_is_missing_or_no_uuid_is_told_first() {
    let kiosk = Kiosk::open();
    let nothing = kiosk.ask("POST", "/api/v1/orders").raw(b"{".to_vec());
    nothing.clone().send().refused(400, "idempotency-key");
    for bad in ["", "1", "0199a1b2-0000-7000-8000-00000000000g", "\u{ff}"] {
        let ask = nothing.clone().header("Idempotency-Key", bad);
        ask.send().refused(400, "idempotency-key");
    }
}

#[test]
fn what_is_not_json_is_malformed() {
    let kiosk = Kiosk::open();
    let deep = "[".repeat(10_000);
    for bad in ["", "{", "nonsense", "{\"a\":1}{", "\"\\ud800\"", &deep] {
        let ask = kiosk
            .ask("POST", "/api/v1/orders")
            .raw(bad.as_bytes().to_vec());
        let ask = ask.header("Idempotency-Key", "0199a1b2-0000-7000-8000-000000000001");
        ask.send().refused(400, "malformed");
        let ask = kiosk
            .ask("POST", "/api/v1/quotes")
            .raw(bad.as_bytes().to_vec());
        ask.send().refused(400, "malformed");
    }
    let latin = kiosk
        .ask("POST", "/api/v1/quotes")
        .raw(b"{\"service\":\"\xe9\"}".to_vec());
    latin.send().refused(400, "malformed");
}

#[test]
fn limits_and_shapes_are_told_with_their_place() {
    let kiosk = Kiosk::open();
    let line = ramen()["lines"][0].clone();
    let options = vec![json!({"group": "toppings", "option": "egg"}); 201];
    let cases = [
        ("/service", json!("delivery")),
        ("/service", json!(null)),
        ("/table", json!("1".repeat(21))),
        ("/table", json!(7)),
        ("/language", json!("English")),
        ("/terminal", json!("t".repeat(41))),
        ("/menu_version", json!("v".repeat(201))),
        ("/lines", json!([])),
        ("/lines", json!(vec![line; 51])),
        ("/lines/0/item", json!("  ")),
        ("/lines/0/quantity", json!(0)),
        ("/lines/0/quantity", json!(-1)),
        ("/lines/0/quantity", json!(100)),
        ("/lines/0/quantity", json!(1.5)),
        ("/lines/0/quantity", json!("1")),
        ("/lines/0/quantity", json!(u64::MAX)),
        ("/lines/0/note", json!("n".repeat(201))),
        ("/lines/0/note", json!("two\nlines")),
        ("/lines/0/note", json!("\u{1b}@")),
        ("/lines/0/options", json!(options)),
        ("/lines/0/options/0/quantity", json!(0)),
        ("/lines/0/options/0/group", json!(null)),
        ("/payment", json!(null)),
        ("/payment/method", json!("cheque")),
        ("/expected_total", json!(-1)),
        ("/expected_total", json!(1_000_000_000_001_i64)),
        ("/tip", json!(100)),
        ("/lines/0/price", json!(1)),
        ("/lines/0/options/0/price", json!(1)),
        ("/payment/token", json!("x")),
    ];
    for (pointer, value) in cases {
        let faults = refuse(&kiosk, &with(pointer, value.clone())).faults();
        assert_eq!(faults, [pointer], "{value}");
    }
    for body in [json!([]), json!("order"), json!(null), json!(1)] {
        assert_eq!(refuse(&kiosk, &body).faults(), [""]);
    }
    kiosk
        .order(&with("/lines/0/note", json!("辣".repeat(200))))
        .send()
        .expect(201);
}

#[test]
fn choices_that_break_a_group_are_invalid() {
    let kiosk = Kiosk::open();
    let egg = |quantity| json!({"group": "toppings", "option": "egg", "quantity": quantity});
    let hot = json!({"group": "spice", "option": "hot"});
    let mild = json!({"group": "spice", "option": "mild"});
    let cases = [
        (json!([]), "/lines/0/options"),
        (json!([hot, mild]), "/lines/0/options"),
        (json!([hot, egg(4)]), "/lines/0/options"),
        (json!([hot, egg(1), egg(1)]), "/lines/0/options/2"),
    ];
    for (options, pointer) in cases {
        let faults = refuse(&kiosk, &with("/lines/0/options", options.clone())).faults();
        assert_eq!(faults, [pointer], "{options}");
    }
}

#[test]
fn a_total_stays_below_its_limit() {
    let kiosk = Kiosk::open();
    let mut body = some("gold", 99);
    body["lines"] = json!(vec![body["lines"][0].clone(); 10]);
    kiosk.order(&body).send().expect(201);
    body["lines"] = json!(vec![body["lines"][0].clone(); 11]);
    assert!(!refuse(&kiosk, &body).faults().is_empty());
}

#[test]
fn a_body_that_is_too_large_is_refused_however_it_comes() {
    let kiosk = Kiosk::open();
    let long = with("/lines/0/note", json!("n".repeat(300_000)))
        .to_string()
        .into_bytes();
    let ask = kiosk.ask("POST", "/api/v1/orders").raw(long);
    let ask = ask.header("Idempotency-Key", "0199a1b2-0000-7000-8000-000000000001");
    ask.clone().send().refused(413, "too-large");
    ask.chunked().send().refused(413, "too-large");
}

#[test]
fn the_largest_legal_order_is_taken_however_its_notes_are_escaped() {
    let kiosk = Kiosk::open();
    let mut body = with("/lines/0/note", json!("NOTE"));
    body["lines"] = json!(vec![body["lines"][0].clone(); 50]);
    body["expected_total"] = json!(50 * 1340);
    let body = body
        .to_string()
        .replace("NOTE", &r"\ud83c\udf36".repeat(200));
    assert!(body.len() > 64 * 1024);
    let ask = kiosk.ask("POST", "/api/v1/orders").raw(body.into_bytes());
    let ask = ask.header("Idempotency-Key", "0199a1b2-0000-7000-8000-000000000002");
    ask.send().expect(201);
}

#[test]
fn an_order_with_too_much_in_it_for_one_event_is_too_large_and_harms_no_other() {
    let kiosk = Kiosk::open();
    let mut wordy = document();
    wordy["items"][0]["name"]["en"] = json!("Ramen ".repeat(40));
    kiosk.set_menu(&wordy);
    let mut body = with("/lines/0/note", json!("🌶".repeat(200)));
    body["lines"] = json!(vec![body["lines"][0].clone(); 50]);
    body["expected_total"] = json!(50 * 1340);
    refuse(&kiosk, &body).refused(413, "too-large");
    kiosk.get("/readyz").send().expect(200);
    kiosk.order(&ramen()).send().expect(201);
}

#[test]
fn what_is_gone_from_the_menu_is_told_whole() {
    let kiosk = Kiosk::open();
    let cases = [
        (with("/lines/0/item", json!("pizza")), "/lines/0/item"),
        (
            with("/lines/0/options/0/group", json!("size")),
            "/lines/0/options/0/group",
        ),
        (
            with("/lines/0/options/0/option", json!("nuclear")),
            "/lines/0/options/0/option",
        ),
    ];
    for (body, pointer) in cases {
        let problem = refuse(&kiosk, &body).refused(409, "menu-changed");
        assert_eq!(problem["errors"][0]["pointer"], pointer);
        let quote = kiosk.post("/api/v1/quotes", &body);
        quote.send().refused(409, "menu-changed");
    }
}

#[test]
fn a_price_that_changed_is_told_and_not_charged() {
    let kiosk = Kiosk::open();
    let mut dearer = document();
    dearer["items"][0]["price"] = json!(1390);
    kiosk.set_menu(&dearer);
    let problem = refuse(&kiosk, &ramen()).refused(409, "price-changed");
    assert_eq!(problem["quote"]["total"], 1440);
    let mut agreed = ramen();
    agreed["expected_total"] = problem["quote"]["total"].clone();
    kiosk.order(&agreed).send().expect(201);
}

#[test]
fn a_way_to_pay_that_is_not_to_be_had_names_those_that_are() {
    let kiosk = Kiosk::open();
    for method in ["card", "qr"] {
        let body = with("/payment/method", json!(method));
        let problem = refuse(&kiosk, &body).refused(409, "payment-unavailable");
        assert_eq!(problem["available"], json!(["counter"]));
    }
}

#[test]
fn sold_out_is_told_before_a_price_and_a_price_before_a_way_to_pay() {
    let kiosk = Kiosk::open();
    let mut body = some("bun", 2);
    body["expected_total"] = json!(1);
    body["payment"]["method"] = json!("card");
    refuse(&kiosk, &body).refused(409, "sold-out");
    body["lines"][0]["quantity"] = json!(1);
    refuse(&kiosk, &body).refused(409, "price-changed");
    body["expected_total"] = json!(300);
    refuse(&kiosk, &body).refused(409, "payment-unavailable");
}

#[test]
fn a_full_disk_refuses_new_orders_and_nothing_else() {
    let kiosk = Kiosk::with(&Options {
        reserve_bytes: 1_000,
        ..Options::default()
    });
    let key = "0199a1b2-0000-7000-8000-000000000001";
    let order = kiosk.order_with(key, &ramen()).send().expect(201);
    kiosk.act(&order, "pay", &json!({})).send().expect(200);
    kiosk.get("/readyz").send().expect(200);

    kiosk.set_free_bytes(999);
    let answer = kiosk.order(&ramen()).send();
    let problem = answer.refused(507, "storage");
    assert!(
        problem["detail"].as_str().unwrap().contains("same key"),
        "{problem}"
    );
    assert!(answer.header("retry-after").is_some());
    let ready = kiosk.get("/readyz").send().expect(503);
    assert_eq!(
        (&ready["ready"], ready["reasons"].as_array().unwrap().len()),
        (&json!(false), 1)
    );
    kiosk.order_with(key, &ramen()).send().expect(200);
    kiosk
        .act(&order, "refund", &json!({"reason": "cold"}))
        .send()
        .expect(200);

    kiosk.set_free_bytes(1_000);
    kiosk.order(&ramen()).send().expect(201);
    kiosk.get("/readyz").send().expect(200);
}

#[test]
fn a_field_that_stands_twice_is_malformed_and_makes_no_order() {
    let kiosk = Kiosk::open();
    let once = ramen().to_string();
    let twice = once.replacen('{', r#"{"service":"take_away","#, 1);
    let key = "0199a1b2-0000-7000-8000-0000000000cd";
    let order = || {
        kiosk
            .ask("POST", "/api/v1/orders")
            .header("Idempotency-Key", key)
    };
    let refused = order().raw(twice.into_bytes()).send();
    let problem = refused.refused(400, "malformed");
    assert!(
        problem["detail"].as_str().unwrap().contains("/service"),
        "{problem}"
    );
    order().raw(once.into_bytes()).send().expect(201);
}
