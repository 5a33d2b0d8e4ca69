//! Counted items, and what the manager says of them.

use kiosk_core::stock::Level;
use serde_json::{Value, json};

use super::orders::at_once;
use super::support::menu::some;
use super::support::{Answer, Kiosk};

fn set(kiosk: &Kiosk, item: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/items/{item}/availability");
    kiosk
        .ask("PUT", &path)
        .json(body)
        .bearer(&kiosk.manager())
        .send()
}

fn shown(kiosk: &Kiosk, item: &str) -> (Value, Value) {
    let menu = kiosk.get("/api/v1/menu").send().expect(200);
    let items = menu["items"].as_array().unwrap();
    let item = items.iter().find(|found| found["id"] == item).unwrap();
    (item["available"].clone(), item["left"].clone())
}

#[test]
fn the_last_portion_is_sold_once_to_thirty_two_who_want_it() {
    let kiosk = Kiosk::open();
    let answers = at_once(32, |_| kiosk.order(&some("bun", 1)).send());
    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(placed, 1);
    for refused in answers.iter().filter(|answer| answer.status != 201) {
        let problem = refused.refused(409, "sold-out");
        assert_eq!(problem["items"], json!([{"item": "bun", "left": 0}]));
    }
    assert_eq!(shown(&kiosk, "bun"), (json!(false), json!(0)));
}

#[test]
fn all_of_an_order_is_taken_or_nothing_of_it() {
    let kiosk = Kiosk::open();
    let mut body = some("pie", 20);
    let lines = body["lines"].as_array_mut().unwrap();
    lines.push(json!({"item": "pie", "quantity": 31, "note": "well done"}));
    lines.push(json!({"item": "bun", "quantity": 2}));
    let problem = kiosk.order(&body).send().refused(409, "sold-out");
    let short = json!([{"item": "bun", "left": 1}, {"item": "pie", "left": 50}]);
    assert_eq!(problem["items"], short);
    kiosk.placed(&some("pie", 50));
    assert_eq!(shown(&kiosk, "pie"), (json!(false), json!(0)));
    assert_eq!(shown(&kiosk, "bun"), (json!(true), json!(1)));
}

#[test]
fn a_negative_quantity_gives_nothing_back() {
    let kiosk = Kiosk::open();
    let mut body = some("pie", 1);
    body["lines"][0]["quantity"] = json!(-1);
    assert_eq!(kiosk.order(&body).send().faults(), ["/lines/0/quantity"]);
    assert!(kiosk.levels().is_empty());
}

#[test]
fn a_void_before_the_start_gives_counted_items_back_and_a_later_one_does_not() {
    let kiosk = Kiosk::open();
    let void = |order: &Value| {
        kiosk
            .act(order, "void", &json!({"reason": "left"}))
            .send()
            .expect(200)
    };
    let order = kiosk.placed(&some("bun", 1));
    void(&order);
    assert_eq!(shown(&kiosk, "bun"), (json!(true), json!(1)));
    void(&order);
    assert_eq!(shown(&kiosk, "bun"), (json!(true), json!(1)));
    let order = kiosk.placed(&some("bun", 1));
    kiosk.act(&order, "start", &json!({})).send().expect(200);
    void(&order);
    assert_eq!(shown(&kiosk, "bun"), (json!(false), json!(0)));
}

#[test]
fn what_the_manager_says_holds_at_once() {
    let kiosk = Kiosk::open();
    let held = set(&kiosk, "tea", &json!({"available": false})).expect(200);
    assert_eq!(
        held,
        json!({"item": "tea", "available": false, "left": null})
    );
    let problem = kiosk.order(&some("tea", 1)).send().refused(409, "sold-out");
    assert_eq!(problem["items"], json!([{"item": "tea", "left": 0}]));
    set(&kiosk, "tea", &json!({"available": true, "left": 2})).expect(200);
    assert_eq!(shown(&kiosk, "tea"), (json!(true), json!(2)));
    kiosk.order(&some("tea", 3)).send().refused(409, "sold-out");
    kiosk.placed(&some("tea", 2));
    // Said as null: no longer counted.
    set(&kiosk, "tea", &json!({"left": null})).expect(200);
    assert_eq!(shown(&kiosk, "tea"), (json!(true), Value::Null));
    kiosk.placed(&some("tea", 99));
    assert_eq!(kiosk.levels().get("tea"), Some(&Level::UNLIMITED));
}

#[test]
fn what_changes_nothing_is_no_event() {
    let kiosk = Kiosk::open();
    set(&kiosk, "pie", &json!({"left": 50, "available": null})).expect(200);
    set(&kiosk, "pie", &json!({})).expect(200);
    assert_eq!(kiosk.events(), 0);
    set(&kiosk, "pie", &json!({"left": 49})).expect(200);
    assert_eq!(kiosk.events(), 1);
}

#[test]
fn nonsense_about_an_item_is_refused() {
    let kiosk = Kiosk::open();
    for bad in [
        json!({"left": -1}),
        json!({"left": 1_000_001}),
        json!({"left": "3"}),
    ] {
        assert_eq!(set(&kiosk, "pie", &bad).faults(), ["/left"]);
    }
    assert_eq!(
        set(&kiosk, "pie", &json!({"available": 1})).faults(),
        ["/available"]
    );
    assert_eq!(
        set(&kiosk, "pie", &json!({"count": 1})).faults(),
        ["/count"]
    );
    assert_eq!(set(&kiosk, "pie", &json!([])).faults(), [""]);
    set(&kiosk, "pizza", &json!({"left": 1})).refused(404, "not-found");
    set(&kiosk, "%FF", &json!({"left": 1})).refused(404, "not-found");
}

#[test]
fn the_menus_etag_covers_availability() {
    let kiosk = Kiosk::open();
    let first = kiosk.get("/api/v1/menu").send();
    let etag = first.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"'), "{etag} is not strong");
    let known = |etag: &str| {
        kiosk
            .get("/api/v1/menu")
            .header("If-None-Match", etag)
            .send()
    };
    let same = known(&format!("\"x\", {etag}"));
    assert_eq!(
        (same.status, same.body.len(), same.header("etag")),
        (304, 0, Some(etag.as_str()))
    );
    set(&kiosk, "pie", &json!({"left": 7})).expect(200);
    let changed = known(&etag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("etag"), Some(etag.as_str()));
    // What is as it was has the tag it had.
    set(&kiosk, "pie", &json!({"left": 50})).expect(200);
    assert_eq!(known(&etag).status, 304);
}
