//! The business day and its report.

use serde_json::{Value, json};

use super::support::menu::{ramen, some};
use super::support::{Answer, Kiosk};

fn change(kiosk: &Kiosk, what: &str) -> Answer {
    let path = format!("/api/v1/days/{what}");
    kiosk.ask("POST", &path).bearer(&kiosk.manager()).send()
}

fn report(kiosk: &Kiosk, query: &str) -> Value {
    let path = format!("/api/v1/reports/day{query}");
    kiosk.get(&path).bearer(&kiosk.manager()).send().expect(200)
}

#[test]
fn after_a_close_orders_wait_until_the_day_is_opened() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    let closed = change(&kiosk, "close").expect(200);
    assert_eq!(closed["business_date"], order["business_date"]);
    assert!(closed["closed_at"].is_string(), "{closed}");
    kiosk.order(&some("tea", 1)).send().refused(409, "closed");
    // Work on what was ordered goes on.
    kiosk.act(&order, "start", &json!({})).send().expect(200);
    let opened = change(&kiosk, "open").expect(200);
    assert_eq!(
        (&opened["closed_at"], &opened["report"]),
        (&Value::Null, &Value::Null)
    );
    // The same day again: its numbers go on.
    assert_eq!(kiosk.placed(&some("tea", 1))["number"], "A002");
}

#[test]
fn opening_what_is_open_and_closing_what_is_closed_changes_nothing() {
    let kiosk = Kiosk::open();
    change(&kiosk, "close").refused(409, "illegal-transition");
    let opened = change(&kiosk, "open").expect(200);
    let events = kiosk.events();
    assert_eq!(change(&kiosk, "open").expect(200), opened);
    assert_eq!(kiosk.events(), events);
    let closed = change(&kiosk, "close").expect(200);
    let events = kiosk.events();
    assert_eq!(change(&kiosk, "close").expect(200), closed);
    assert_eq!(kiosk.events(), events);
}

#[test]
fn the_sums_of_the_report_are_those_of_the_orders() {
    let kiosk = Kiosk::open();
    let mut orders: Vec<Value> = (1..=4).map(|n| kiosk.placed(&some("tea", n))).collect();
    orders.push(kiosk.placed(&ramen()));
    for paid in &orders[1..3] {
        kiosk.act(paid, "pay", &json!({})).send().expect(200);
    }
    kiosk
        .act(&orders[2], "refund", &json!({"reason": "cold"}))
        .send()
        .expect(200);
    kiosk
        .act(&orders[3], "void", &json!({"reason": "left"}))
        .send()
        .expect(200);
    let closed = change(&kiosk, "close").expect(200);
    let report = report(&kiosk, "");
    assert_eq!(closed["report"], report);

    let sold: Vec<&Value> = orders
        .iter()
        .filter(|order| order["id"] != orders[3]["id"])
        .collect();
    let sum = |orders: &[&Value], field: &str| -> i64 {
        orders
            .iter()
            .map(|order| order[field].as_i64().unwrap())
            .sum()
    };
    assert_eq!(report["orders"], 4);
    assert_eq!(report["gross"], sum(&sold, "total"));
    assert_eq!(report["tax"], sum(&sold, "tax"));
    assert_eq!(report["net"], sum(&sold, "subtotal"));
    assert_eq!(
        report["voids"],
        json!({"count": 1, "amount": orders[3]["total"]})
    );
    assert_eq!(
        report["refunds"],
        json!({"count": 1, "amount": orders[2]["total"]})
    );
    let parts = |list: &str, field: &str| -> i64 {
        report[list]
            .as_array()
            .unwrap()
            .iter()
            .map(|part| part[field].as_i64().unwrap())
            .sum()
    };
    assert_eq!(parts("tax_by_rate", "tax"), sum(&sold, "tax"));
    assert_eq!(parts("tax_by_rate", "net"), sum(&sold, "subtotal"));
    assert_eq!(parts("by_payment", "amount"), sum(&sold, "total"));
    assert_eq!(parts("by_hour", "count"), 4);
    assert_eq!(parts("by_item", "quantity"), 1 + 2 + 3 + 1);
}

#[test]
fn a_report_is_of_the_day_that_was_asked_for() {
    let kiosk = Kiosk::open();
    kiosk.placed(&some("tea", 1));
    let other = report(&kiosk, "?business_date=2020-02-29");
    assert_eq!(
        (&other["orders"], &other["business_date"]),
        (&json!(0), &json!("2020-02-29"))
    );
    let manager = kiosk.manager();
    for bad in ["business_date=2020-02-30", "day=2020-02-29"] {
        let path = format!("/api/v1/reports/day?{bad}");
        assert_eq!(kiosk.get(&path).bearer(&manager).send().faults().len(), 1);
    }
}
