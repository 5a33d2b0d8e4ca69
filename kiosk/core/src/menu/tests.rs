use serde_json::{Value, json};

use super::*;

fn document() -> Value {
    json!({
        "name": {"en": "Lantern Noodles", "zh-Hans": "灯笼面馆"},
        "currency": "USD", "languages": ["en", "zh-Hans"], "time_zone": "America/New_York",
        "taxes": [{"id": "food", "rate": "0.0825", "inclusive": true}],
        "categories": [{"id": "noodles", "name": {"en": "Noodles", "zh-Hans": "面"}, "items": ["ramen"]}],
        "items": [{"id": "ramen", "name": {"en": "Ramen", "zh-Hans": "拉面"}, "price": 1290, "tax": "food",
                   "option_groups": ["spice"], "stock": null}],
        "option_groups": [{"id": "spice", "name": {"en": "Spice", "zh-Hans": "辣度"}, "min": 1, "max": 1,
            "options": [{"id": "mild", "name": {"en": "Mild", "zh-Hans": "微辣"}, "price": 0, "default": true},
                        {"id": "hot", "name": {"en": "Hot", "zh-Hans": "特辣"}, "price": 50}]}]
    })
}

fn parse(document: &Value) -> Result<Parsed, Vec<Fault>> {
    Menu::parse(document.to_string().as_bytes())
}

fn pointers(document: &Value) -> Vec<String> {
    parse(document)
        .unwrap_err()
        .into_iter()
        .map(|fault| fault.pointer)
        .collect()
}

#[test]
fn the_contracts_menu_is_read() {
    let menu = parse(&document()).unwrap().menu;
    let ramen = menu.item("ramen").unwrap();
    assert_eq!((ramen.price, ramen.name.get("zh-Hans")), (1290, "拉面"));
    let spice = menu.group("spice").unwrap();
    assert_eq!((spice.min, spice.max, spice.options.len()), (1, 1, 2));
    assert!(spice.options[0].default);
    assert_eq!(menu.version().len(), 64);
}

#[test]
fn the_version_depends_on_content_and_not_on_form() {
    let one = parse(&document()).unwrap().menu;
    let pretty = serde_json::to_string_pretty(&document()).unwrap();
    let two = Menu::parse(pretty.as_bytes()).unwrap().menu;
    assert_eq!(one.version(), two.version());
    let mut changed = document();
    changed["items"][0]["price"] = json!(1300);
    assert_ne!(one.version(), parse(&changed).unwrap().menu.version());
}

#[test]
fn every_fault_is_told_at_once() {
    let mut bad = document();
    bad["currency"] = json!("XXQ");
    bad["time_zone"] = json!("Mars/Olympus");
    bad["taxes"][0]["rate"] = json!(0.08);
    bad["categories"][0]["items"][0] = json!("pizza");
    bad["items"][0]["price"] = json!(-1);
    bad["items"][0]["name"] = json!({"en": "Ramen"});
    bad["option_groups"][0]["min"] = json!(2);
    assert_eq!(
        pointers(&bad),
        [
            "/currency",
            "/time_zone",
            "/taxes/0/rate",
            "/option_groups/0/min",
            "/items/0/name/zh-Hans",
            "/items/0/price",
            "/categories/0/items/0",
        ]
    );
}

#[test]
fn a_reference_to_nothing_is_a_fault() {
    let mut bad = document();
    bad["items"][0]["tax"] = json!("drink");
    bad["items"][0]["option_groups"] = json!(["spice", "ice", "spice"]);
    assert_eq!(
        pointers(&bad),
        [
            "/items/0/tax",
            "/items/0/option_groups/1",
            "/items/0/option_groups/2"
        ]
    );
}

#[test]
fn an_identity_used_twice_is_a_fault() {
    let mut bad = document();
    let twin = bad["items"][0].clone();
    bad["items"].as_array_mut().unwrap().push(twin);
    assert_eq!(pointers(&bad), ["/items/1/id"]);
}

#[test]
fn options_can_never_make_a_price_negative() {
    let mut bad = document();
    bad["option_groups"][0]["options"][0]["price"] = json!(-700);
    assert!(parse(&bad).is_ok());
    bad["option_groups"][0]["max"] = json!(2);
    assert_eq!(pointers(&bad), ["/items/0/price"]);
}

#[test]
fn unknown_fields_are_kept_with_a_warning() {
    let mut odd = document();
    odd["items"][0]["chef"] = json!("Mei");
    let parsed = parse(&odd).unwrap();
    assert_eq!(parsed.warnings[0].pointer, "/items/0/chef");
    assert_eq!(parsed.menu.document()["items"][0]["chef"], "Mei");
}

#[test]
fn what_is_not_a_menu_is_told_as_such() {
    assert_eq!(Menu::parse(b"{").unwrap_err()[0].pointer, "");
    assert_eq!(pointers(&json!([])), [""]);
    assert!(pointers(&json!({})).contains(&"/items".to_owned()));
    assert!(Menu::parse(&[0xff, 0xfe]).is_err());
}

#[test]
fn a_faulty_document_never_panics() {
    let whole = document();
    let mut paths = Vec::new();
    collect(&whole, String::new(), &mut paths);
    for path in paths {
        for junk in [
            json!(null),
            json!(7),
            json!("x"),
            json!([]),
            json!({}),
            json!([1, null]),
        ] {
            let mut changed = whole.clone();
            *changed.pointer_mut(&path).unwrap() = junk;
            let _ = parse(&changed);
        }
    }
}

fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            map.iter()
                .for_each(|(key, value)| collect(value, format!("{path}/{key}"), paths));
        }
        Value::Array(list) => {
            let each = list.iter().enumerate();
            each.for_each(|(index, value)| collect(value, format!("{path}/{index}"), paths));
        }
        _ => {}
    }
    paths.push(path);
}

/// The document with one of everything that a menu may offer besides items.
fn offers() -> Value {
    let mut document = document();
    let name = json!({"en": "N", "zh-Hans": "名"});
    let mut tea = document["items"][0].clone();
    tea["id"] = json!("tea");
    tea["option_groups"] = json!([]);
    document["items"].as_array_mut().unwrap().push(tea);
    document["items"][0]["upgrade"] = json!({"combo": "set", "part": "main"});
    document["items"][0]["goes_with"] = json!("tea");
    document["items"][0]["dayparts"] = json!(["morning"]);
    document["dayparts"] = json!([{"id": "morning", "name": name, "from": "06:00", "until": "11:00", "days": ["mon", "sun"]}]);
    document["categories"][0]["combos"] = json!(["set"]);
    document["combos"] = json!([{"id": "set", "name": name, "price": 1500, "parts": [
        {"id": "main", "name": name, "choices": [{"item": "ramen", "default": true}]},
        {"id": "drink", "name": name, "choices": [{"item": "tea", "price": 50}]}]}]);
    document["promotions"] = json!([
        {"id": "p", "name": name, "kind": "percent", "percent": "0.1", "categories": ["noodles"], "coupon": "ten"},
        {"id": "a", "name": name, "kind": "amount", "amount": 100, "from": "2026-11-01", "until": "2026-11-30"},
        {"id": "b", "name": name, "kind": "buy_get", "buy": 2, "get": 1, "items": ["tea"], "service": "eat_in"}]);
    document["tips"] = json!({"percents": ["0.1"], "amount": true});
    document["option_groups"][0]["options"][1]["option_groups"] = json!(["sauce"]);
    document["option_groups"].as_array_mut().unwrap().push(
        json!({"id": "sauce", "name": name, "max": 2, "options": [{"id": "soy", "name": name, "price": -10}]}),
    );
    document
}

#[test]
fn everything_a_menu_may_offer_is_read() {
    let Parsed { menu, warnings } = parse(&offers()).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(menu.promotions[0].coupon.as_deref(), Some("TEN"));
    let meant: Vec<_> = menu.promotions[0].only.iter().flatten().collect();
    assert_eq!(meant, ["ramen", "set"]);
    assert!(menu.asks(menu.item("ramen").unwrap(), "sauce"));
    assert!(!menu.asks(menu.item("tea").unwrap(), "sauce"));
    assert_eq!(menu.combo("set").unwrap().parts.len(), 2);
}

#[test]
#[expect(clippy::too_many_lines, reason = "one case after the other")]
fn every_fault_of_an_offer_has_its_place() {
    let cases = [
        ("/dayparts/0/from", json!("6:00"), "/dayparts/0/from"),
        ("/dayparts/0/until", json!("06:00"), "/dayparts/0/until"),
        ("/dayparts/0/days/1", json!("sunday"), "/dayparts/0/days/1"),
        ("/items/0/dayparts/0", json!("noon"), "/items/0/dayparts/0"),
        ("/items/0/goes_with", json!("cake"), "/items/0/goes_with"),
        ("/items/0/upgrade/part", json!("drink"), "/items/0/upgrade"),
        ("/combos/0/id", json!("tea"), "/combos/0/id"),
        (
            "/combos/0/parts/1/choices/0/item",
            json!("cake"),
            "/combos/0/parts/1/choices/0/item",
        ),
        (
            "/combos/0/parts/1/choices/0/price",
            json!(-1),
            "/combos/0/parts/1/choices/0/price",
        ),
        (
            "/combos/0/parts/1/choices",
            json!([]),
            "/combos/0/parts/1/choices",
        ),
        ("/combos/0/price", json!(-1), "/combos/0/price"),
        (
            "/promotions/0/percent",
            json!("1.5"),
            "/promotions/0/percent",
        ),
        ("/promotions/0/percent", json!("0"), "/promotions/0/percent"),
        ("/promotions/0/kind", json!("gift"), "/promotions/0/kind"),
        (
            "/promotions/0/coupon",
            json!("t en"),
            "/promotions/0/coupon",
        ),
        (
            "/promotions/0/categories/0",
            json!("soups"),
            "/promotions/0/categories/0",
        ),
        ("/promotions/1/amount", json!(0), "/promotions/1/amount"),
        (
            "/promotions/1/until",
            json!("2026-10-31"),
            "/promotions/1/until",
        ),
        ("/promotions/2/get", Value::Null, "/promotions/2/get"),
        (
            "/promotions/2/service",
            json!("home"),
            "/promotions/2/service",
        ),
        ("/tips/percents/0", json!("x"), "/tips/percents/0"),
        (
            "/option_groups/0/options/1/option_groups/0",
            json!("dip"),
            "/option_groups/0/options/1/option_groups/0",
        ),
    ];
    for (path, value, pointer) in cases {
        let mut bad = offers();
        *bad.pointer_mut(path).unwrap() = value.clone();
        let told = pointers(&bad);
        assert!(
            told.iter().any(|one| one == pointer),
            "{path} {value}: {told:?}"
        );
    }
    let mut one_part = offers();
    one_part["combos"][0]["parts"].as_array_mut().unwrap().pop();
    assert_eq!(pointers(&one_part), ["/combos/0/parts"]);
    let mut twice = offers();
    twice["promotions"][1]["coupon"] = json!("Ten");
    assert_eq!(pointers(&twice), ["/promotions/1/coupon"]);
}

#[test]
fn groups_that_open_one_another_in_a_circle_or_too_deep_are_faults() {
    let mut circle = offers();
    circle["option_groups"][1]["options"][0]["option_groups"] = json!(["spice"]);
    assert_eq!(pointers(&circle), ["/option_groups/0", "/option_groups/1"]);
    let chain = |length: usize| {
        let mut document = document();
        let name = json!({"en": "N", "zh-Hans": "名"});
        let groups = (0..length).map(|place| {
            let opens = (place + 1 < length).then(|| format!("g{}", place + 1));
            json!({"id": format!("g{place}"), "name": name, "max": 1, "options": [
                {"id": "o", "name": name, "price": -100, "option_groups": opens.into_iter().collect::<Vec<_>>()}]})
        });
        document["option_groups"] = groups.collect();
        document["items"][0]["option_groups"] = json!(["g0"]);
        document
    };
    assert!(parse(&chain(NESTING_LIMIT)).is_ok());
    assert_eq!(pointers(&chain(NESTING_LIMIT + 1)), ["/option_groups/0"]);
    // What opened groups take off counts as well.
    let mut cheap = chain(3);
    cheap["items"][0]["price"] = json!(299);
    assert_eq!(pointers(&cheap), ["/items/0/price"]);
}

#[test]
fn a_faulty_offer_never_panics() {
    let whole = offers();
    let mut paths = Vec::new();
    collect(&whole, String::new(), &mut paths);
    for path in paths {
        for junk in [
            json!(null),
            json!(7),
            json!("x"),
            json!([]),
            json!({}),
            json!([1, null]),
        ] {
            let mut changed = whole.clone();
            *changed.pointer_mut(&path).unwrap() = junk;
            let _ = parse(&changed);
        }
    }
}
