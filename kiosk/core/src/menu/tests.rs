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
