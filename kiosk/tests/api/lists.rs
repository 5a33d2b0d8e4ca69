//! Lists of orders.

use serde_json::{Value, json};

use super::support::Kiosk;
use super::support::menu::some;

fn list(kiosk: &Kiosk, query: &str) -> Value {
    let path = format!("/api/v1/orders{query}");
    kiosk.get(&path).bearer(&kiosk.kitchen()).send().expect(200)
}

fn numbers(page: &Value) -> Vec<String> {
    let orders = page["orders"].as_array().unwrap();
    orders
        .iter()
        .map(|order| order["number"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn pages_go_from_the_newest_to_the_oldest_without_a_gap() {
    let kiosk = Kiosk::open();
    assert_eq!(list(&kiosk, ""), json!({"orders": [], "next": null}));
    for _ in 0..5 {
        kiosk.placed(&some("tea", 1));
    }
    let first = list(&kiosk, "?limit=2");
    assert_eq!(numbers(&first), ["A005", "A004"]);
    // An order that comes in between moves no page.
    kiosk.placed(&some("tea", 1));
    let after = |page: &Value| format!("?limit=2&after={}", page["next"].as_str().unwrap());
    let second = list(&kiosk, &after(&first));
    assert_eq!(numbers(&second), ["A003", "A002"]);
    let last = list(&kiosk, &after(&second));
    assert_eq!(
        (numbers(&last), &last["next"]),
        (vec!["A001".to_owned()], &Value::Null)
    );
}

#[test]
fn orders_are_found_by_day_and_status() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    kiosk.placed(&some("tea", 1));
    kiosk.act(&order, "start", &json!({})).send().expect(200);
    assert_eq!(numbers(&list(&kiosk, "?status=preparing")), ["A001"]);
    assert_eq!(
        numbers(&list(&kiosk, "?status=placed&limit=&after=")),
        ["A002"]
    );
    let day = order["business_date"].as_str().unwrap();
    assert_eq!(
        numbers(&list(&kiosk, &format!("?business_date={day}"))).len(),
        2
    );
    assert_eq!(numbers(&list(&kiosk, "?business_date=1999-12-31")).len(), 0);
}

#[test]
fn parameters_that_nobody_understands_are_refused() {
    let kiosk = Kiosk::open();
    let kitchen = kiosk.kitchen();
    let faults = |query: &str| {
        kiosk
            .get(&format!("/api/v1/orders?{query}"))
            .bearer(&kitchen)
            .send()
            .faults()
    };
    assert_eq!(faults("status=eaten&limit=0"), ["/status", "/limit"]);
    assert_eq!(faults("limit=501"), ["/limit"]);
    assert_eq!(faults("after=A001"), ["/after"]);
    assert_eq!(faults("business_date=20.11.2026"), ["/business_date"]);
    assert_eq!(faults("date=2026-11-20"), ["/date"]);
    assert_eq!(faults("limit=1&limit=2"), ["/limit"]);
}
