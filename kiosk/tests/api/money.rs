//! Refunds of lines, the cash drawer, and the reports that tell of both.

use serde_json::{Value, json};

use super::support::menu::some;
use super::support::{Answer, Kiosk};

fn paid(kiosk: &Kiosk, item: &str, quantity: u32, tender: &str) -> Value {
    let order = kiosk.placed(&some(item, quantity));
    let paid = kiosk.act(&order, "pay", &json!({ "tender": tender }));
    paid.send().expect(200)
}

fn refund(kiosk: &Kiosk, order: &Value, line: u32, quantity: u32) -> Answer {
    let body = json!({
        "reason": "cold", "version": order["version"],
        "lines": [{"line": line, "quantity": quantity}],
    });
    kiosk.act(order, "refund", &body).send()
}

fn report(kiosk: &Kiosk, query: &str) -> Answer {
    kiosk
        .get(&format!("/api/v1/reports/day{query}"))
        .bearer(&kiosk.manager())
        .send()
}

fn cash(kiosk: &Kiosk, body: &Value) -> Answer {
    kiosk
        .post("/api/v1/days/cash", body)
        .bearer(&kiosk.manager())
        .send()
}

#[test]
fn lines_are_refunded_unit_by_unit_until_nothing_is_left() {
    let kiosk = Kiosk::open();
    // Tea is taxed on top: three for 7.50 and 0.75.
    let order = paid(&kiosk, "tea", 3, "cash");
    assert_eq!(order["to_pay"], 825);
    let once = refund(&kiosk, &order, 0, 2).expect(200);
    assert_eq!(
        (&once["refunded"], &once["payment"]["status"]),
        (&json!(550), &json!("paid"))
    );
    assert_eq!(once["refunds"][0]["by"], "manager");
    assert_eq!(
        once["refunds"][0]["lines"],
        json!([{"line": 0, "quantity": 2, "amount": 550, "tax": 50}])
    );
    // The same again, as a second tap would: the order has changed since.
    refund(&kiosk, &order, 0, 1).refused(409, "illegal-transition");
    assert_eq!(refund(&kiosk, &once, 0, 2).faults(), ["/lines"]);
    assert_eq!(refund(&kiosk, &once, 1, 1).faults(), ["/lines"]);
    let last = refund(&kiosk, &once, 0, 1).expect(200);
    assert_eq!(
        (&last["refunded"], &last["payment"]["status"]),
        (&json!(825), &json!("refunded"))
    );
    refund(&kiosk, &last, 0, 1).refused(409, "illegal-transition");
    let told = report(&kiosk, "").expect(200);
    assert_eq!(told["refunds"], json!({"count": 1, "amount": 825}));
}

#[test]
fn the_rest_is_refunded_whole() {
    let kiosk = Kiosk::open();
    let order = paid(&kiosk, "pie", 2, "cash");
    let part = refund(&kiosk, &order, 0, 1).expect(200);
    let whole = kiosk.act(&part, "refund", &json!({"reason": "all of it"}));
    let whole = whole.send().expect(200);
    assert_eq!(
        (&whole["refunded"], &whole["payment"]["status"]),
        (&json!(900), &json!("refunded"))
    );
    assert_eq!(report(&kiosk, "").expect(200)["cash"]["expected"], 0);
}

#[test]
fn a_refund_of_lines_needs_money_a_reason_a_version_and_the_manager() {
    let kiosk = Kiosk::open();
    let due = kiosk.placed(&some("pie", 1));
    refund(&kiosk, &due, 0, 1).refused(409, "illegal-transition");
    let order = paid(&kiosk, "pie", 1, "card");
    assert_eq!(order["payment"]["tender"], "card");
    let said = |body: Value| kiosk.act(&order, "refund", &body).send().faults();
    assert_eq!(
        said(json!({"reason": "x", "lines": [{"line": 0}]})),
        ["/version"]
    );
    assert_eq!(
        said(json!({"version": 2, "lines": [{"line": 0}]})),
        ["/reason"]
    );
    assert_eq!(
        said(json!({"reason": "x", "version": 2, "lines": []})),
        ["/lines"]
    );
    assert_eq!(
        said(
            json!({"reason": "x", "version": 2, "lines": [{"line": 0, "quantity": 0, "amount": 5}]})
        ),
        ["/lines/0/amount", "/lines/0/quantity"]
    );
    let path = format!("/api/v1/orders/{}/refund", order["id"].as_str().unwrap());
    let kitchen = kiosk
        .post(&path, &json!({"reason": "x"}))
        .bearer(&kiosk.kitchen());
    kitchen.send().refused(403, "forbidden");
    assert_eq!(
        kiosk
            .act(&due, "pay", &json!({"tender": "shells"}))
            .send()
            .faults(),
        ["/tender"]
    );
}

#[test]
fn the_drawer_is_what_was_put_in_less_what_was_taken_out() {
    let kiosk = Kiosk::open();
    cash(&kiosk, &json!({"kind": "float", "amount": 10_000})).refused(409, "illegal-transition");
    let order = paid(&kiosk, "pie", 2, "cash");
    paid(&kiosk, "pie", 1, "card");
    cash(&kiosk, &json!({"kind": "float", "amount": 10_000})).expect(200);
    cash(
        &kiosk,
        &json!({"kind": "in", "amount": 500, "reason": "coins"}),
    )
    .expect(200);
    cash(
        &kiosk,
        &json!({"kind": "out", "amount": 300, "reason": "milk"}),
    )
    .expect(200);
    refund(&kiosk, &order, 0, 1).expect(200);
    let drawer = cash(&kiosk, &json!({"kind": "count", "amount": 10_640})).expect(200);
    assert_eq!(
        (&drawer["taken"], &drawer["refunded"]),
        (&json!(900), &json!(450))
    );
    assert_eq!(
        (&drawer["expected"], &drawer["difference"]),
        (&json!(10_650), &json!(-10))
    );
    assert_eq!(report(&kiosk, "").expect(200)["cash"], drawer);
    for (bad, pointer) in [
        (json!({"kind": "out", "amount": 1}), "/reason"),
        (json!({"kind": "count", "amount": -1}), "/amount"),
        (json!({"kind": "gift", "amount": 1}), "/kind"),
    ] {
        assert_eq!(cash(&kiosk, &bad).faults(), [pointer], "{bad}");
    }
}

#[test]
fn a_z_report_has_its_own_number_and_says_for_ever_what_it_said() {
    let kiosk = Kiosk::open();
    let act = |path: &str| {
        kiosk
            .post(path, &json!({}))
            .bearer(&kiosk.manager())
            .send()
            .expect(200)
    };
    paid(&kiosk, "pie", 1, "cash");
    assert_eq!(report(&kiosk, "").expect(200)["z"], Value::Null);
    let closed = act("/api/v1/days/close");
    assert_eq!(closed["report"]["z"], 1);
    // Closing again is no second close.
    assert_eq!(act("/api/v1/days/close")["report"]["z"], 1);
    act("/api/v1/days/open");
    paid(&kiosk, "pie", 2, "cash");
    let second = act("/api/v1/days/close");
    assert_eq!(
        (&second["report"]["z"], &second["report"]["gross"]),
        (&json!(2), &json!(1350))
    );
    assert_eq!(report(&kiosk, "?z=1").expect(200), closed["report"]);
    assert_eq!(report(&kiosk, "?z=2").expect(200), second["report"]);
    report(&kiosk, "?z=3").refused(404, "not-found");
    assert_eq!(report(&kiosk, "?z=0").faults(), ["/z"]);
}
