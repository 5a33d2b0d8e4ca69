//! The menu of these tests: few items, each with a reason to be there.

use std::sync::Arc;

use kiosk_core::menu::Menu;
use serde_json::{Value, json};

fn name(text: &str) -> Value {
    json!({ "en": text, "zh-Hans": text })
}

/// Ramen as in the contract, plain tea, one counted bun, rice at another rate, something dear.
pub(crate) fn document() -> Value {
    let item = |id: &str, price: i64, tax: &str| json!({ "id": id, "name": name(id), "price": price, "tax": tax });
    let mut ramen = item("tonkotsu-ramen", 1290, "food");
    ramen["option_groups"] = json!(["spice", "toppings"]);
    let mut bun = item("bun", 300, "food");
    bun["stock"] = json!(1);
    let mut pie = item("pie", 450, "food");
    pie["stock"] = json!(50);
    json!({
        "name": name("Test House"), "currency": "USD", "languages": ["en", "zh-Hans"],
        "time_zone": "America/New_York",
        "taxes": [{"id": "food", "rate": "0.0825", "inclusive": true},
                  {"id": "drinks", "rate": "0.1", "inclusive": false}],
        "categories": [{"id": "all", "name": name("All"),
                        "items": ["tonkotsu-ramen", "tea", "bun", "pie", "gold"]}],
        "items": [ramen, item("tea", 250, "drinks"), bun, pie, item("gold", 1_000_000_000, "food")],
        "option_groups": [
            {"id": "spice", "name": name("Spice"), "min": 1, "max": 1, "options": [
                {"id": "mild", "name": name("Mild"), "price": 0, "default": true},
                {"id": "hot", "name": name("Hot"), "price": 50}]},
            {"id": "toppings", "name": name("Toppings"), "max": 3, "options": [
                {"id": "egg", "name": name("Egg"), "price": 150}]}]
    })
}

pub(crate) fn parsed(document: &Value) -> Arc<Menu> {
    let bytes = serde_json::to_vec(document).unwrap();
    Arc::new(Menu::parse(&bytes).unwrap().menu)
}

/// The order of the contract: 13.40, of which 1.02 is tax.
pub(crate) fn ramen() -> Value {
    json!({
        "service": "eat_in", "table": "7", "language": "en",
        "lines": [{"item": "tonkotsu-ramen", "quantity": 1, "note": "no scallion",
                   "options": [{"group": "spice", "option": "hot", "quantity": 1}]}],
        "payment": {"method": "counter"}, "expected_total": 1340
    })
}

/// So many of an item without options.
pub(crate) fn some(item: &str, quantity: u32) -> Value {
    json!({
        "service": "take_away", "lines": [{"item": item, "quantity": quantity}],
        "payment": {"method": "counter"}
    })
}
