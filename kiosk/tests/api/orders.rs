//! Quotes and orders that are taken.

use serde_json::{Value, json};

use super::support::menu::{ramen, some};
use super::support::{Kiosk, Options};

#[test]
fn the_contracts_order_is_placed_as_the_contract_shapes_it() {
    let kiosk = Kiosk::open();
    let answer = kiosk.order(&ramen()).send();
    let order = answer.expect(201);
    let id = order["id"].as_str().unwrap();
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/v1/orders/{id}").as_str())
    );
    let line = &order["lines"][0];
    assert_eq!(
        (&order["number"], &order["status"]),
        (&json!("A001"), &json!("placed"))
    );
    assert_eq!(
        (&order["subtotal"], &order["tax"], &order["total"]),
        (&json!(1238), &json!(102), &json!(1340))
    );
    assert_eq!(
        (&line["unit_price"], &line["total"], &line["tax"]),
        (&json!(1340), &json!(1340), &json!(102))
    );
    assert_eq!(
        (&line["tax_rate"], &line["note"]),
        (&json!("0.0825"), &json!("no scallion"))
    );
    assert_eq!(line["options"][0]["price"], 50);
    assert_eq!(
        order["payment"],
        json!({"method": "counter", "status": "due"})
    );
    assert_eq!(
        (&order["sync"], &order["version"], &order["table"]),
        (&json!("saved"), &json!(1), &json!("7"))
    );
    assert_eq!(
        kiosk
            .get(&format!("/api/v1/orders/{id}"))
            .send()
            .expect(200),
        order
    );
}

#[test]
fn tax_on_top_and_inside_sum_to_the_total() {
    let kiosk = Kiosk::open();
    let mut body = ramen();
    body["lines"]
        .as_array_mut()
        .unwrap()
        .push(json!({"item": "tea", "quantity": 3}));
    body["expected_total"] = json!(1340 + 825);
    let order = kiosk.placed(&body);
    assert_eq!(
        (&order["tax"], &order["subtotal"]),
        (&json!(102 + 75), &json!(1238 + 750))
    );
}

#[test]
fn a_quote_is_what_the_order_then_costs_and_leaves_nothing_behind() {
    let kiosk = Kiosk::open();
    let mut body = ramen();
    let fields = body.as_object_mut().unwrap();
    fields.remove("payment");
    fields.remove("expected_total");
    let quote = kiosk.post("/api/v1/quotes", &body).send().expect(200);
    assert_eq!(kiosk.events(), 0);
    let order = kiosk.placed(&ramen());
    for field in [
        "lines",
        "subtotal",
        "tax",
        "total",
        "currency",
        "menu_version",
    ] {
        assert_eq!(quote[field], order[field], "{field}");
    }
}

#[test]
fn absent_null_and_the_default_mean_the_same() {
    let kiosk = Kiosk::open();
    let key = "0199a1b2-0000-7000-8000-000000000001";
    let absent = json!({
        "service": "take_away", "lines": [{"item": "tea"}], "payment": {"method": "counter"}
    });
    let null = json!({
        "menu_version": null, "service": "take_away", "table": null, "language": null,
        "terminal": null, "expected_total": null, "payment": {"method": "counter"},
        "lines": [{"item": "tea", "quantity": null, "options": null, "note": null}]
    });
    let default = json!({
        "payment": {"method": "counter"}, "service": "take_away",
        "lines": [{"note": "  ", "options": [], "quantity": 1, "item": "tea"}]
    });
    let order = kiosk.order_with(key, &absent).send().expect(201);
    for same in [null, default] {
        assert_eq!(kiosk.order_with(key, &same).send().expect(200), order);
    }
    let spelled = absent.to_string().replace(':', " :\n ").into_bytes();
    let again = kiosk
        .ask("POST", "/api/v1/orders")
        .raw(spelled)
        .header("Idempotency-Key", key);
    assert_eq!(again.send().expect(200), order);
}

#[test]
fn an_older_menu_is_fine_while_the_total_is_the_expected_one() {
    let kiosk = Kiosk::open();
    let mut body = ramen();
    body["menu_version"] = json!("of yesterday");
    kiosk.order(&body).send().expect(201);
    body.as_object_mut().unwrap().remove("expected_total");
    kiosk.order(&body).send().refused(409, "price-changed");
    body["menu_version"] = json!(kiosk.state.menu().version());
    kiosk.order(&body).send().expect(201);
}

#[test]
fn the_language_of_an_order_is_one_the_menu_speaks() {
    let kiosk = Kiosk::open();
    let mut body = some("tea", 1);
    for (asked, got) in [("zh-Hans", "zh-Hans"), ("fr-CA", "en")] {
        body["language"] = json!(asked);
        assert_eq!(kiosk.placed(&body)["language"], got);
    }
}

#[test]
fn numbers_of_orders_placed_at_once_are_unique_and_leave_no_gap() {
    let kiosk = Kiosk::open();
    let mut numbers = at_once(64, |_| {
        kiosk.placed(&some("tea", 1))["number"]
            .as_str()
            .unwrap()
            .to_owned()
    });
    numbers.sort();
    let wanted: Vec<_> = (1..=64).map(|n| format!("A{n:03}")).collect();
    assert_eq!(numbers, wanted);
}

#[test]
fn more_orders_than_can_be_in_hand_are_told_to_come_back() {
    let kiosk = Kiosk::with(&Options {
        admitted: 0,
        ..Options::default()
    });
    let answer = kiosk.order(&ramen()).send();
    answer.refused(429, "too-many-requests");
    assert_eq!(answer.header("retry-after"), Some("1"));
}

/// Runs it so many times at once and gives what each gave.
pub(crate) fn at_once<T: Send>(times: usize, run: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let gate = std::sync::Barrier::new(times);
    std::thread::scope(|scope| {
        let begin = |n| {
            let (gate, run) = (&gate, &run);
            scope.spawn(move || {
                gate.wait();
                run(n)
            })
        };
        let threads: Vec<_> = (0..times).map(begin).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    })
}

#[test]
fn the_order_of_a_stranger_is_found_by_nobody() {
    let kiosk = Kiosk::open();
    for id in [
        "0199a1b2-0000-7000-8000-000000000001",
        "A001",
        "..",
        "%FF",
        "%00",
        "'",
    ] {
        kiosk
            .get(&format!("/api/v1/orders/{id}"))
            .send()
            .refused(404, "not-found");
    }
    let order: Value = kiosk.placed(&ramen());
    let simple = order["id"]
        .as_str()
        .unwrap()
        .replace('-', "")
        .to_uppercase();
    assert_eq!(
        kiosk
            .get(&format!("/api/v1/orders/{simple}"))
            .send()
            .expect(200),
        order
    );
}
