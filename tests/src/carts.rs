//! Random carts from a real menu, as a diner might fill them.

use serde_json::{Value, json};

use crate::dice::Dice;

/// A cart as the kiosk's API takes it, without payment; none if nothing of the menu can be sold.
#[must_use]
pub fn random(menu: &Value, dice: &mut Dice) -> Option<Value> {
    let items: Vec<&Value> = list(menu, "items")
        .iter()
        .filter(|item| sells(item))
        .collect();
    let count = 1 + dice.below(3);
    let lines: Option<Vec<Value>> = (0..count)
        .map(|_| line(menu, dice.pick(&items)?, dice))
        .collect();
    let language = dice.pick(list(menu, "languages"))?.clone();
    let eat_in = dice.below(3) > 0;
    let mut cart = json!({
        "menu_version": menu["version"],
        "service": if eat_in { "eat_in" } else { "take_away" },
        "language": language,
        "lines": lines?,
    });
    if eat_in && dice.below(2) == 0 {
        cart["table"] = json!((1 + dice.below(30)).to_string());
    }
    Some(cart)
}

/// Counted items may be gone before the order comes: a test that wants no refusal leaves them alone.
fn sells(item: &Value) -> bool {
    item["available"] != json!(false) && item.get("left").is_none_or(Value::is_null)
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn line(menu: &Value, item: &Value, dice: &mut Dice) -> Option<Value> {
    let mut options = Vec::new();
    for id in list(item, "option_groups") {
        let group = list(menu, "option_groups")
            .iter()
            .find(|group| group["id"] == *id)?;
        options.extend(choices(group, dice));
    }
    let quantity = 1 + dice.below(4) / 3;
    Some(json!({ "item": item["id"], "quantity": quantity, "options": options }))
}

/// Different options of a group, as many as it asks for and perhaps one more.
fn choices(group: &Value, dice: &mut Dice) -> Vec<Value> {
    let mut options: Vec<&Value> = list(group, "options").iter().collect();
    let least = group["min"].as_u64().unwrap_or(0);
    let most = group["max"].as_u64().unwrap_or(least).min(least + 1);
    let wanted = least + dice.below(most - least + 1);
    let mut chosen = Vec::new();
    for _ in 0..wanted {
        if options.is_empty() {
            break;
        }
        let index = usize::try_from(dice.below(options.len() as u64)).unwrap_or(0);
        let option = options.swap_remove(index);
        chosen.push(json!({ "group": group["id"], "option": option["id"], "quantity": 1 }));
    }
    chosen
}
