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
    let combos: Vec<&Value> = list(menu, "combos")
        .iter()
        .filter(|combo| sells(combo))
        .collect();
    let count = 1 + dice.below(3);
    let lines: Option<Vec<Value>> = (0..count)
        .map(|_| match dice.pick(&combos) {
            Some(combo) if dice.below(6) == 0 => set(menu, combo, &items, dice),
            _ => line(menu, dice.pick(&items)?, dice),
        })
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
    let tips = list(&menu["tips"], "percents");
    if dice.below(4) == 0
        && let Some(percent) = dice.pick(tips)
    {
        cart["tip"] = json!({ "percent": percent });
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
    let quantity = 1 + dice.below(4) / 3;
    Some(json!({ "item": item["id"], "quantity": quantity, "options": options(menu, item, dice)? }))
}

/// A combo, each part filled by something that can be sold.
fn set(menu: &Value, combo: &Value, items: &[&Value], dice: &mut Dice) -> Option<Value> {
    let mut parts = Vec::new();
    for part in list(combo, "parts") {
        let named = |item: &&&Value| {
            let mut choices = list(part, "choices").iter();
            choices.any(|choice| choice["item"] == item["id"])
        };
        let fits: Vec<&&Value> = items.iter().filter(named).collect();
        let item = dice.pick(&fits)?;
        let options = options(menu, item, dice)?;
        parts.push(json!({ "part": part["id"], "item": item["id"], "options": options }));
    }
    Some(json!({ "item": combo["id"], "quantity": 1 + dice.below(2), "parts": parts }))
}

/// What is chosen of an item's groups, and of those that the choices open.
fn options(menu: &Value, item: &Value, dice: &mut Dice) -> Option<Vec<Value>> {
    let mut options = Vec::new();
    let mut asked: Vec<&Value> = list(item, "option_groups").iter().collect();
    while let Some(id) = asked.pop() {
        let group = list(menu, "option_groups")
            .iter()
            .find(|group| group["id"] == *id)?;
        for choice in choices(group, dice) {
            let mut of_group = list(group, "options").iter();
            let option = of_group.find(|option| option["id"] == choice["option"])?;
            asked.extend(list(option, "option_groups"));
            options.push(choice);
        }
    }
    Some(options)
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
