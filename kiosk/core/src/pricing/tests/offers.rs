//! Dayparts, combos, nested choices, promotions and tips, as they are priced.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::money::Rate;

const BREAKFAST: &str = "2026-11-20T08:00:00Z";

fn name(text: &str) -> Value {
    json!({ "en": text })
}

/// Items at three rates, a breakfast, two combos, scoops with toppings, every kind of promotion.
pub(super) fn house() -> Value {
    let item = |id: &str, price: i64, tax: &str| json!({"id": id, "name": name(id), "price": price, "tax": tax});
    let mut ramen = item("ramen", 1290, "food");
    ramen["allergens"] = json!(["wheat", "egg"]);
    ramen["option_groups"] = json!(["spice"]);
    let mut congee = item("congee", 500, "food");
    congee["dayparts"] = json!(["breakfast"]);
    let mut ice = item("ice", 300, "food");
    ice["option_groups"] = json!(["scoops"]);
    json!({
        "name": name("House"), "currency": "USD", "languages": ["en"], "time_zone": "UTC",
        "taxes": [{"id": "food", "rate": "0.0825", "inclusive": true},
                  {"id": "drink", "rate": "0.1", "inclusive": false},
                  {"id": "none", "rate": "0", "inclusive": true}],
        "dayparts": [{"id": "breakfast", "name": name("Breakfast"), "from": "06:00", "until": "11:00"}],
        "categories": [
            {"id": "all", "name": name("All"), "items": ["ramen", "tea", "bun", "ice"], "combos": ["set"]},
            {"id": "morning", "name": name("Morning"), "items": ["egg"], "combos": ["early"], "dayparts": ["breakfast"]}],
        "items": [ramen, item("tea", 250, "drink"), item("bun", 333, "none"), congee, ice, item("egg", 150, "food")],
        "option_groups": [
            {"id": "spice", "name": name("S"), "min": 1, "max": 1, "options": [
                {"id": "mild", "name": name("Mild")},
                {"id": "hot", "name": name("Hot"), "price": 50, "allergens": ["peanut", "egg"]}]},
            {"id": "scoops", "name": name("Scoops"), "min": 1, "max": 3, "options": [
                {"id": "plum", "name": name("Plum"), "price": 100},
                {"id": "taro", "name": name("Taro"), "price": 100, "option_groups": ["topping"]}]},
            {"id": "topping", "name": name("Topping"), "min": 1, "max": 2, "options": [
                {"id": "nuts", "name": name("Nuts"), "price": 30},
                {"id": "syrup", "name": name("Syrup"), "price": -20}]}],
        "combos": [
            {"id": "set", "name": name("Set"), "price": 1500, "parts": [
                {"id": "main", "name": name("Main"), "choices": [{"item": "ramen"}, {"item": "bun"}]},
                {"id": "drink", "name": name("Drink"), "choices": [{"item": "tea"}, {"item": "ice", "price": 100}]}]},
            {"id": "early", "name": name("Early"), "price": 600, "parts": [
                {"id": "a", "name": name("A"), "choices": [{"item": "congee"}]},
                {"id": "b", "name": name("B"), "choices": [{"item": "egg"}]}]}],
        "promotions": [
            {"id": "ten", "name": name("Ten"), "kind": "percent", "percent": "0.1", "items": ["tea", "bun"]},
            {"id": "off", "name": name("Off"), "kind": "amount", "amount": 500, "coupon": "Lantern5", "min_total": 1000},
            {"id": "buns", "name": name("Buns"), "kind": "buy_get", "buy": 2, "get": 1, "items": ["bun"]},
            {"id": "late", "name": name("Late"), "kind": "percent", "percent": "0.5", "coupon": "OLD", "until": "2026-11-19"},
            {"id": "home", "name": name("Home"), "kind": "percent", "percent": "0.05", "coupon": "HOME", "service": "take_away"},
            {"id": "sweet", "name": name("Sweet"), "kind": "percent", "percent": "1", "coupon": "SWEET", "categories": ["morning"]}],
        "tips": {"percents": ["0.1", "0.2"], "amount": true}
    })
}

fn menu() -> Menu {
    Menu::parse(house().to_string().as_bytes()).unwrap().menu
}

fn body(lines: Value) -> Value {
    json!({ "service": "eat_in", "lines": lines })
}

fn asked(body: &Value, at: &str) -> Result<Quote, Refusal> {
    let cart = Cart::quote(body).unwrap();
    super::super::price(&menu(), &cart, at.parse().unwrap())
}

fn quoted(body: &Value) -> Quote {
    asked(body, NOON).unwrap()
}

fn faults(refused: Result<Quote, Refusal>) -> (char, Vec<String>) {
    let (kind, faults) = match refused.unwrap_err() {
        Refusal::Invalid(faults) => ('i', faults),
        Refusal::MenuChanged(faults) => ('m', faults),
        Refusal::NotNow(faults) => ('n', faults),
    };
    (
        kind,
        faults.into_iter().map(|fault| fault.pointer).collect(),
    )
}

fn set(main: &str, drink: &str) -> Value {
    let mut main = json!({"part": "main", "item": main});
    if main["item"] == "ramen" {
        main["options"] = json!([{"group": "spice", "option": "hot"}]);
    }
    json!({"item": "set", "parts": [main, {"part": "drink", "item": drink}]})
}

#[test]
fn breakfast_is_sold_in_the_morning_and_told_as_not_now_at_noon() {
    let congee = body(json!([{"item": "tea"}, {"item": "congee"}]));
    assert_eq!(asked(&congee, BREAKFAST).unwrap().lines.len(), 2);
    let refused = asked(&congee, NOON);
    assert!(
        refused
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("06:00–11:00")
    );
    assert_eq!(faults(refused), ('n', vec!["/lines/1/item".to_owned()]));
    // By its shelf alone.
    let egg = body(json!([{"item": "egg"}]));
    assert!(asked(&egg, BREAKFAST).is_ok());
    assert_eq!(faults(asked(&egg, NOON)).0, 'n');
    let menu = menu();
    let serves = |id, at: &str| menu.serves(id, menu.running(at.parse().unwrap()));
    for id in ["early", "congee", "egg"] {
        assert!(serves(id, BREAKFAST) && !serves(id, NOON), "{id}");
    }
    assert!(serves("set", NOON) && serves("ramen", NOON) && !serves("pizza", NOON));
}

#[test]
fn a_combo_is_a_line_for_each_part_that_together_come_to_its_price() {
    let quote = quoted(&body(json!([set("ramen", "tea"), {"item": "bun"}])));
    let [main, drink, bun] = &quote.lines[..] else {
        panic!("{:?}", quote.lines);
    };
    // 1550 shared by 1340 and 250; the drink's discounts don't reach into the combo.
    assert_eq!((main.unit_price, drink.unit_price), (1306, 244));
    assert_eq!(main.unit_price + drink.unit_price, 1550);
    let combo = main.combo.as_ref().unwrap();
    assert_eq!(
        (combo.id.as_str(), combo.part.as_str(), combo.set),
        ("set", "main", 1)
    );
    assert_eq!((drink.tax_inclusive, drink.tax), (false, 24));
    assert_eq!((bun.combo.as_ref(), bun.discount), (None, 33));
    assert_eq!(main.allergens, ["wheat", "egg", "peanut"]);
    let want = [("bun", 1), ("ramen", 1), ("set", 1), ("tea", 1)];
    assert_eq!(taken(&quote.lines), want.into());
}

#[test]
fn surcharges_count_and_a_quantity_multiplies_the_whole_combo() {
    let mut line = set("bun", "ice");
    line["parts"][1]["options"] = json!([{"group": "scoops", "option": "plum"}]);
    line["quantity"] = json!(3);
    let quote = quoted(&body(json!([line])));
    let totals: i64 = quote.lines.iter().map(|line| line.total).sum();
    assert_eq!(totals, 3 * (1500 + 100 + 100));
    assert_eq!(taken(&quote.lines)["set"], 3);
}

#[test]
fn what_is_wrong_with_a_combo_is_told_by_place() {
    let told = |line: Value| faults(asked(&body(json!([line])), NOON));
    let at = |kind, pointer: &str| (kind, vec![pointer.to_owned()]);
    assert_eq!(
        told(json!({"item": "set", "parts": [{"part": "main", "item": "bun"}]})),
        at('i', "/lines/0/parts")
    );
    let mut line = set("bun", "tea");
    line["parts"][1]["item"] = json!("bun");
    assert_eq!(told(line.clone()), at('m', "/lines/0/parts/1/item"));
    line["parts"][1] = json!({"part": "sauce", "item": "bun"});
    assert_eq!(told(line).0, 'm');
    let mut line = set("bun", "tea");
    line["parts"][1]["part"] = json!("main");
    assert_eq!(told(line).1, ["/lines/0/parts/1/part", "/lines/0/parts"]);
    let mut line = set("ramen", "tea");
    line["parts"][0]["options"] = json!([]);
    assert_eq!(told(line), at('i', "/lines/0/parts/0/options"));
    assert_eq!(
        told(json!({"item": "bun", "parts": [{"part": "main", "item": "bun"}]})),
        at('i', "/lines/0/parts")
    );
    let mut line = set("bun", "tea");
    line["options"] = json!([{"group": "spice", "option": "hot"}]);
    assert_eq!(told(line), at('i', "/lines/0/options"));
}

#[test]
fn an_opened_group_is_asked_as_often_as_it_is_opened() {
    let ice = |options: Value| asked(&body(json!([{"item": "ice", "options": options}])), NOON);
    let scoop = |id: &str, n: u32| json!({"group": "scoops", "option": id, "quantity": n});
    let top = |id: &str, n: u32| json!({"group": "topping", "option": id, "quantity": n});
    assert_eq!(ice(json!([scoop("plum", 1)])).unwrap().total, 400);
    assert_eq!(
        ice(json!([scoop("taro", 2), top("nuts", 1), top("syrup", 1)]))
            .unwrap()
            .total,
        510
    );
    for wrong in [
        json!([scoop("plum", 1), top("nuts", 1)]),
        json!([scoop("taro", 1)]),
        json!([scoop("taro", 2), top("nuts", 1)]),
        json!([scoop("taro", 1), top("nuts", 3)]),
    ] {
        assert_eq!(faults(ice(wrong.clone())).0, 'i', "{wrong}");
    }
    let strange = json!([scoop("plum", 1), {"group": "spice", "option": "hot"}]);
    assert_eq!(
        faults(ice(strange)),
        ('m', vec!["/lines/0/options/1/group".to_owned()])
    );
}

#[test]
fn promotions_are_applied_in_the_told_order() {
    let mut order = body(json!([{"item": "bun", "quantity": 4}, {"item": "tea"}]));
    order["coupon"] = json!(" lantern5");
    let quote = quoted(&order);
    let told: Vec<_> = quote
        .discounts
        .iter()
        .map(|d| (d.promotion.as_str(), d.amount))
        .collect();
    // One of three buns is free; a tenth of 999 + 250; five off what is left.
    assert_eq!(told, [("buns", 333), ("ten", 125), ("off", 500)]);
    assert_eq!(
        quote.lines.iter().map(|line| line.discount).sum::<i64>(),
        958
    );
    let [bun, tea] = &quote.lines[..] else {
        panic!()
    };
    assert_eq!(
        tea.tax,
        "0.1".parse::<Rate>().unwrap().on_top(tea.discounted())
    );
    assert_eq!(quote.total, bun.discounted() + tea.discounted() + tea.tax);
}

#[test]
fn a_coupon_that_takes_nothing_off_is_refused_with_the_reason() {
    let with = |code: &str, lines: Value| {
        let mut order = body(lines);
        order["coupon"] = json!(code);
        let refused = asked(&order, NOON);
        let told = refused.as_ref().unwrap_err().to_string();
        assert_eq!(faults(refused), ('i', vec!["/coupon".to_owned()]));
        told
    };
    let ramen = || json!([{"item": "ramen", "options": [{"group": "spice", "option": "mild"}]}]);
    assert!(with("NO", ramen()).contains("known"));
    assert!(with("old", ramen()).contains("today"));
    assert!(with("HOME", ramen()).contains("eating in"));
    assert!(with("LANTERN5", json!([{"item": "bun"}])).contains("1000"));
    assert!(with("SWEET", ramen()).contains("other items"));
}

#[test]
fn a_tip_is_untaxed_and_beside_the_total() {
    let mut order = body(json!([{"item": "bun", "quantity": 2}]));
    order["tip"] = json!({"percent": "0.2"});
    let quote = quoted(&order);
    assert_eq!((quote.total, quote.tip, quote.to_pay()), (599, 120, 719));
    assert_eq!(quote.subtotal + quote.tax, quote.total);
    order["tip"] = json!({"percent": "0.25"});
    assert_eq!(faults(asked(&order, NOON)), ('i', vec!["/tip".to_owned()]));
    order["tip"] = json!({"amount": 600});
    assert_eq!(faults(asked(&order, NOON)).0, 'i');
}

/// Lines of a cart: (what, how many, which option).
fn lines() -> impl Strategy<Value = Vec<(u8, u32, u8)>> {
    prop::collection::vec((0_u8..6, 1_u32..8, 0_u8..3), 1..9)
}

fn line((what, quantity, option): (u8, u32, u8)) -> Value {
    let mut line = match what {
        0 => {
            json!({"item": "ramen", "options": [{"group": "spice", "option": if option == 0 { "mild" } else { "hot" }}]})
        }
        1 => json!({"item": "tea"}),
        2 => json!({"item": "bun"}),
        3 => {
            json!({"item": "ice", "options": [{"group": "scoops", "option": "plum", "quantity": u32::from(option) + 1}]})
        }
        4 => set("bun", "tea"),
        _ => set("ramen", "tea"),
    };
    line["quantity"] = json!(quantity);
    line
}

fn coupons() -> impl Strategy<Value = Option<&'static str>> {
    prop::sample::select(vec![None, Some("lantern5"), Some("HOME")])
}

/// The cart priced; without its coupon where that takes nothing off.
fn at_best(lines: Vec<Value>, coupon: Option<&str>) -> Quote {
    let mut order = body(Value::Array(lines));
    order["service"] = json!("take_away");
    order["tip"] = json!({"percent": "0.1"});
    order["coupon"] = json!(coupon);
    asked(&order, NOON).unwrap_or_else(|_| {
        order["coupon"] = Value::Null;
        quoted(&order)
    })
}

fn sums(quote: &Quote) -> Value {
    let mut taxes = BTreeMap::<String, i64>::new();
    for line in &quote.lines {
        *taxes.entry(line.tax_rate.to_string()).or_default() += line.tax;
    }
    json!([
        quote.subtotal,
        quote.tax,
        quote.total,
        quote.tip,
        quote.discounts,
        taxes
    ])
}

proptest! {
    #[test]
    fn parts_sum_to_the_total_and_nothing_is_negative(chosen in lines(), coupon in coupons()) {
        let quote = at_best(chosen.into_iter().map(line).collect(), coupon);
        let sum = |of: fn(&Line) -> i64| quote.lines.iter().map(of).sum::<i64>();
        prop_assert_eq!(quote.subtotal + quote.tax, quote.total);
        prop_assert_eq!(sum(Line::payable), quote.total);
        prop_assert_eq!(sum(|line| line.tax), quote.tax);
        prop_assert_eq!(sum(|line| line.discount), quote.discounts.iter().map(|d| d.amount).sum::<i64>());
        for line in &quote.lines {
            prop_assert!(line.discount >= 0 && line.discount <= line.total, "{:?}", line);
            prop_assert!(line.tax >= 0 && line.unit_price >= 0, "{:?}", line);
            prop_assert_eq!(line.total, line.unit_price * i64::from(line.quantity));
        }
        prop_assert!(quote.discounts.iter().all(|discount| discount.amount > 0));
        prop_assert!(quote.tip >= 0 && quote.total >= 0);
    }

    /// However a cart came about: lines added one by one, in any order, doubled and taken away.
    #[test]
    fn any_sequence_of_cart_edits_prices_the_same_as_building_the_cart_at_once(
        (chosen, edits) in lines().prop_flat_map(|chosen| {
            let units: Vec<(u8, u8)> = chosen.iter()
                .flat_map(|(what, quantity, option)| (0..*quantity).map(|_| (*what, *option)))
                .collect();
            (Just(chosen), Just(units).prop_shuffle())
        }),
        detours in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..6), 0..6),
        coupon in coupons(),
        merges in any::<bool>(),
    ) {
        let mut cart: Vec<(u8, u32, u8)> = Vec::new();
        let limit = 45;
        for (step, (what, option)) in edits.iter().enumerate() {
            for (_, detour) in detours.iter().filter(|(at, _)| at.index(edits.len()) == step) {
                // Taken, priced, and put back.
                cart.push((*detour, 1, 0));
                let _ = at_best(cart.iter().copied().map(line).collect(), coupon);
                cart.pop();
            }
            let same = cart.iter_mut().find(|(w, _, o)| w == what && o == option);
            match same {
                Some(line) if merges || step >= limit => line.1 += 1,
                _ => cart.push((*what, 1, *option)),
            }
        }
        let edited = at_best(cart.into_iter().map(line).collect(), coupon);
        let at_once = at_best(chosen.into_iter().map(line).collect(), coupon);
        prop_assert_eq!(sums(&edited), sums(&at_once));
    }
}
