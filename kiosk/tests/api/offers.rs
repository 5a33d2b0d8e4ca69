//! Dayparts, combos, coupons, tips and suggestions, through the API.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use kiosk_core::ids::OrderId;
use serde_json::{Value, json};

use super::support::{Answer, Kiosk, menu};

fn name(text: &str) -> Value {
    json!({ "en": text, "zh-Hans": text })
}

/// The hour of the store's clock that lies so many hours from now.
fn hour(from_now: i64) -> String {
    let zone = TimeZone::get("America/New_York").unwrap();
    let local = Timestamp::now().to_zoned(zone).datetime();
    let at = local
        .checked_add(jiff::Span::new().hours(from_now))
        .unwrap();
    format!("{:02}:{:02}", at.hour(), at.minute())
}

/// The usual menu with hours that run now and hours that don't, a combo, promotions and tips.
fn document() -> Value {
    let mut document = menu::document();
    document["dayparts"] = json!([
        {"id": "now", "name": name("Now"), "from": hour(-1), "until": hour(2)},
        {"id": "later", "name": name("Later"), "from": hour(3), "until": hour(6)}]);
    let items = document["items"].as_array_mut().unwrap();
    let gold = items.iter().position(|item| item["id"] == "gold").unwrap();
    items[gold]["dayparts"] = json!(["later"]);
    let pie = items.iter().position(|item| item["id"] == "pie").unwrap();
    items[pie]["dayparts"] = json!(["now"]);
    items[pie]["goes_with"] = json!("tea");
    document["categories"].as_array_mut().unwrap().push(
        json!({"id": "evening", "name": name("Evening"), "items": [], "combos": ["feast"], "dayparts": ["later"]}),
    );
    document["categories"][0]["combos"] = json!(["set"]);
    document["combos"] = json!([
        {"id": "set", "name": name("Set"), "price": 600, "parts": [
            {"id": "main", "name": name("Main"), "choices": [{"item": "bun"}, {"item": "pie", "price": 100}]},
            {"id": "drink", "name": name("Drink"), "choices": [{"item": "tea"}]}]},
        {"id": "feast", "name": name("Feast"), "price": 5000, "parts": [
            {"id": "a", "name": name("A"), "choices": [{"item": "pie"}]},
            {"id": "b", "name": name("B"), "choices": [{"item": "tea"}]}]}]);
    document["promotions"] = json!([
        {"id": "pies", "name": name("Pies"), "kind": "buy_get", "buy": 1, "get": 1, "items": ["pie"]},
        {"id": "five", "name": name("Five"), "kind": "amount", "amount": 500, "coupon": "FIVE", "min_total": 1000}]);
    document["tips"] = json!({"percents": ["0.1"], "amount": true});
    document
}

fn house() -> Kiosk {
    let kiosk = Kiosk::open();
    kiosk.set_menu(&document());
    kiosk
}

fn body(lines: Value) -> Value {
    json!({"service": "eat_in", "lines": lines, "payment": {"method": "counter"}})
}

fn set(main: &str) -> Value {
    json!({"item": "set", "parts": [{"part": "main", "item": main}, {"part": "drink", "item": "tea"}]})
}

fn quote(kiosk: &Kiosk, body: &Value) -> Answer {
    kiosk.post("/api/v1/quotes", body).send()
}

fn find<'v>(list: &'v Value, id: &str) -> &'v Value {
    let list = list.as_array().unwrap();
    list.iter().find(|one| one["id"] == id).unwrap()
}

#[test]
fn what_is_not_served_now_is_on_the_menu_but_not_to_be_had() {
    let kiosk = house();
    let menu = kiosk.get("/api/v1/menu").send().expect(200);
    let told = |list: &str, id: &str| {
        let one = find(&menu[list], id);
        (one["available"].clone(), one["served"].clone())
    };
    assert_eq!(told("items", "gold"), (json!(false), json!(false)));
    assert_eq!(told("items", "pie"), (json!(true), json!(true)));
    assert_eq!(told("combos", "set"), (json!(true), json!(true)));
    assert_eq!(told("combos", "feast"), (json!(false), json!(false)));
    assert_eq!(find(&menu["categories"], "all")["served"], true);
    assert_eq!(find(&menu["categories"], "evening")["served"], false);
    let late = body(json!([{"item": "tea"}, {"item": "gold"}]));
    for answer in [quote(&kiosk, &late), kiosk.order(&late).send()] {
        let problem = answer.refused(409, "menu-changed");
        assert_eq!(problem["not_now"], true);
        assert_eq!(problem["errors"][0]["pointer"], "/lines/1/item");
    }
    assert_eq!(kiosk.events(), 0);
}

#[test]
fn the_menus_etag_changes_when_hours_begin_or_end() {
    let kiosk = house();
    let etag = |kiosk: &Kiosk| {
        let answer = kiosk.get("/api/v1/menu").send();
        answer.header("etag").unwrap().to_owned()
    };
    let before = etag(&kiosk);
    assert_eq!(etag(&kiosk), before);
    // The same menu to a diner, but for the hours in which it is served.
    let mut other = document();
    other["dayparts"][0]["until"] = json!(hour(-2));
    other["dayparts"][0]["from"] = json!(hour(-3));
    kiosk.set_menu(&other);
    assert_ne!(etag(&kiosk), before);
    let menu = kiosk.get("/api/v1/menu").send().expect(200);
    assert_eq!(find(&menu["items"], "pie")["available"], false);
}

#[test]
fn a_combo_takes_its_items_from_stock_and_gives_them_back() {
    let kiosk = house();
    let order = kiosk.placed(&body(json!([set("bun")])));
    assert_eq!(order["lines"].as_array().unwrap().len(), 2);
    assert_eq!(order["lines"][0]["combo"]["id"], "set");
    assert_eq!(kiosk.levels()["bun"].left, Some(0));
    let menu = kiosk.get("/api/v1/menu").send().expect(200);
    assert_eq!(
        find(&menu["combos"], "set")["available"],
        true,
        "there is pie"
    );
    let problem = kiosk
        .order(&body(json!([set("bun")])))
        .send()
        .refused(409, "sold-out");
    assert_eq!(problem["items"], json!([{"item": "bun", "left": 0}]));
    kiosk
        .act(&order, "void", &json!({"reason": "left"}))
        .send()
        .expect(200);
    assert_eq!(kiosk.levels()["bun"].left, Some(1));
    // The combo itself can be taken off sale.
    let path = "/api/v1/items/set/availability";
    let off = kiosk.ask("PUT", path).json(&json!({"available": false}));
    off.bearer(&kiosk.manager()).send().expect(200);
    let problem = kiosk
        .order(&body(json!([set("pie")])))
        .send()
        .refused(409, "sold-out");
    assert_eq!(problem["items"], json!([{"item": "set", "left": 0}]));
}

#[test]
fn a_cart_with_something_sold_out_is_priced_and_told() {
    let kiosk = house();
    let quoted = quote(
        &kiosk,
        &body(json!([{"item": "bun", "quantity": 2}, {"item": "tea"}])),
    );
    let quoted = quoted.expect(200);
    assert_eq!(quoted["not_sold"], json!([{"item": "bun", "left": 1}]));
    assert_eq!(quoted["lines"].as_array().unwrap().len(), 2);
    let fine = quote(&kiosk, &body(json!([{"item": "bun"}]))).expect(200);
    assert_eq!(fine["not_sold"], Value::Null);
}

#[test]
fn coupons_take_off_what_they_say_and_their_codes_are_told_to_nobody() {
    let kiosk = house();
    let menu = kiosk.get("/api/v1/menu").send();
    assert!(!menu.text().contains("FIVE") && menu.text().contains("pies"));
    let mut order = body(json!([{"item": "pie", "quantity": 4}]));
    order["coupon"] = json!("five");
    let quoted = quote(&kiosk, &order).expect(200);
    assert_eq!(quoted["total"], 400);
    order["expected_total"] = json!(400);
    let placed = kiosk.placed(&order);
    let off = |at: usize| {
        (
            placed["discounts"][at]["promotion"].clone(),
            placed["discounts"][at]["amount"].clone(),
        )
    };
    assert_eq!(off(0), (json!("pies"), json!(900)));
    assert_eq!(off(1), (json!("five"), json!(500)));
    assert_eq!(placed["lines"][0]["discount"], 1400);
    let stored = kiosk.get(&format!(
        "/api/v1/orders/{}",
        placed["id"].as_str().unwrap()
    ));
    assert_eq!(stored.send().expect(200)["discounts"], placed["discounts"]);
    for (code, lines) in [
        ("SIX", json!([{"item": "pie", "quantity": 4}])),
        ("FIVE", json!([{"item": "pie"}])),
    ] {
        let mut wrong = body(lines);
        wrong["coupon"] = json!(code);
        assert_eq!(kiosk.order(&wrong).send().faults(), ["/coupon"], "{code}");
    }
}

#[test]
fn a_tip_is_paid_and_reported_beside_what_was_sold() {
    let kiosk = house();
    let mut order = body(json!([{"item": "bun"}]));
    order["tip"] = json!({"amount": 45});
    order["expected_total"] = json!(300);
    let placed = kiosk.placed(&order);
    assert_eq!(
        (&placed["total"], &placed["tip"], &placed["to_pay"]),
        (&json!(300), &json!(45), &json!(345))
    );
    kiosk
        .act(&placed, "pay", &json!({"tender": "cash"}))
        .send()
        .expect(200);
    let report = kiosk
        .get("/api/v1/reports/day")
        .bearer(&kiosk.manager())
        .send()
        .expect(200);
    assert_eq!(
        (&report["gross"], &report["tips"]["amount"]),
        (&json!(300), &json!(45))
    );
    assert_eq!(report["by_payment"][0]["tips"], 45);
    assert_eq!(report["cash"]["expected"], 345);
    order["tip"] = json!({"amount": 301});
    assert_eq!(kiosk.order(&order).send().faults(), ["/tip"]);
}

#[test]
fn one_thing_at_most_is_suggested_and_the_switch_ends_it() {
    let kiosk = house();
    let suggested = |lines: Value| quote(&kiosk, &body(lines)).expect(200)["suggestion"].clone();
    assert_eq!(
        suggested(json!([{"item": "pie"}])),
        json!({"item": "tea", "why": "menu"})
    );
    assert_eq!(
        suggested(json!([{"item": "pie"}, {"item": "tea"}])),
        Value::Null
    );
    // What the store's diners do counts once it is a habit.
    let both = json!([{"item": "tea"}, menu::ramen()["lines"][0]]);
    for _ in 0..3 {
        kiosk.placed(&body(both.clone()));
    }
    let (habits, journal) = (kiosk.state.habits.clone(), kiosk.state.journal.clone());
    kiosk.runtime.block_on(habits.count(&journal)).unwrap();
    let liked = json!({"item": "tonkotsu-ramen", "why": "together"});
    assert_eq!(suggested(json!([{"item": "tea"}])), liked);
    let turn = |state: &str| {
        let turn = json!({"state": state, "reason": "quiet"});
        let ask = kiosk
            .ask("PUT", "/api/v1/switches/recommendations")
            .json(&turn);
        ask.bearer(&kiosk.manager()).send().expect(200)
    };
    turn("off");
    assert_eq!(suggested(json!([{"item": "tea"}])), Value::Null);
    assert_eq!(suggested(json!([{"item": "pie"}])), Value::Null);
    turn("auto");
    assert_eq!(suggested(json!([{"item": "tea"}])), liked);
}

#[test]
fn a_retry_of_an_order_with_everything_is_the_same_order() {
    let kiosk = house();
    let mut order = body(json!([set("pie"), {"item": "pie", "quantity": 4}]));
    order["coupon"] = json!("FIVE");
    order["tip"] = json!({"percent": "0.1"});
    let key = "0199a1b2-0000-7000-8000-0000000000aa";
    let first = kiosk.order_with(key, &order).send().expect(201);
    let again = kiosk.order_with(key, &order).send().expect(200);
    assert_eq!(first["id"], again["id"]);
    order["coupon"] = Value::Null;
    kiosk
        .order_with(key, &order)
        .send()
        .refused(422, "key-reused");
    // The order in the journal is the one that was shown.
    let id: OrderId = first["id"].as_str().unwrap().parse().unwrap();
    let journal = kiosk.state.journal.clone();
    let stored = journal.read(move |reader| reader.order(id));
    let stored = kiosk.runtime.block_on(stored).unwrap().unwrap();
    let stored = Arc::new(stored.order);
    assert_eq!(json!(stored.discounts), first["discounts"]);
    assert_eq!(json!(stored.tip), first["tip"]);
}
