//! However a cart came about, it costs what it holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::offers::house;
use super::*;

/// One dish or combo with its choices, without a quantity.
fn palette() -> Vec<Value> {
    let option =
        |group: &str, option: &str| json!({"group": group, "option": option, "quantity": 1});
    let dish = |item: &str, options: Vec<Value>| json!({"item": item, "options": options});
    let part = |part: &str, item: &str, options: Vec<Value>| json!({"part": part, "item": item, "options": options});
    vec![
        dish("ramen", vec![option("spice", "mild")]),
        dish("ramen", vec![option("spice", "hot")]),
        dish("tea", vec![]),
        dish("bun", vec![]),
        dish("ice", vec![option("scoops", "plum")]),
        dish(
            "ice",
            vec![option("scoops", "taro"), option("topping", "nuts")],
        ),
        json!({"item": "set", "parts": [
            part("main", "ramen", vec![option("spice", "hot")]), part("drink", "tea", vec![])]}),
        json!({"item": "set", "parts": [
            part("main", "bun", vec![]), part("drink", "ice", vec![option("scoops", "plum")])]}),
    ]
}

/// What fingers do to a cart; positions are taken modulo its length.
#[derive(Debug, Clone)]
enum Edit {
    Add(usize, u32),
    SetQuantity(usize, u32),
    Change(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let choice = 0..palette().len();
    prop_oneof![
        3 => (choice.clone(), 1..4_u32).prop_map(|(choice, more)| Edit::Add(choice, more)),
        2 => (0..9_usize, 0..5_u32).prop_map(|(at, quantity)| Edit::SetQuantity(at, quantity)),
        1 => (0..9_usize, choice).prop_map(|(at, choice)| Edit::Change(at, choice)),
    ]
}

/// The lines of a screen after all that, in the order in which they stand there.
fn edited(edits: &[Edit]) -> Vec<(usize, u32)> {
    let mut lines: Vec<(usize, u32)> = Vec::new();
    let put = |lines: &mut Vec<(usize, u32)>, choice: usize, quantity: u32| match lines
        .iter_mut()
        .find(|(other, _)| *other == choice)
    {
        Some((_, twin)) => *twin += quantity,
        None => lines.push((choice, quantity)),
    };
    for edit in edits {
        match *edit {
            Edit::Add(choice, more) => put(&mut lines, choice, more),
            _ if lines.is_empty() => {}
            Edit::SetQuantity(at, 0) => {
                lines.remove(at % lines.len());
            }
            Edit::SetQuantity(at, quantity) => {
                let at = at % lines.len();
                lines[at].1 = quantity;
            }
            Edit::Change(at, choice) => {
                let at = at % lines.len();
                let quantity = lines[at].1;
                if lines.iter().any(|(other, _)| *other == choice) && lines[at].0 != choice {
                    lines.remove(at);
                    put(&mut lines, choice, quantity);
                } else {
                    lines[at].0 = choice;
                }
            }
        }
    }
    lines
}

/// What it comes to, without the shares of single lines.
fn sums(
    lines: &[(usize, u32)],
    coupon: Option<&str>,
    tip: bool,
) -> (i64, i64, i64, i64, BTreeMap<String, i64>) {
    let palette = palette();
    let lines: Vec<Value> = lines
        .iter()
        .map(|(choice, quantity)| {
            let mut line = palette[*choice].clone();
            line["quantity"] = (*quantity).into();
            line
        })
        .collect();
    let mut body = json!({"service": "take_away", "lines": lines});
    if let Some(code) = coupon {
        body["coupon"] = code.into();
    }
    if tip {
        body["tip"] = json!({"percent": "0.1"});
    }
    let menu = Menu::parse(house().to_string().as_bytes()).unwrap().menu;
    let quote = price(&menu, &Cart::quote(&body).unwrap()).unwrap();
    let off = quote.discounts.iter();
    let off = off.map(|one| (one.promotion.clone(), one.amount)).collect();
    (quote.total, quote.tax, quote.subtotal, quote.tip, off)
}

proptest! {
    #[test]
    fn any_sequence_of_edits_costs_what_the_same_cart_costs_built_at_once(
        edits in prop::collection::vec(edit(), 1..24),
        coupon in prop::sample::select(vec![None, Some("HOME")]),
        tip in any::<bool>(),
    ) {
        let lines = edited(&edits);
        prop_assume!(!lines.is_empty());
        let asked = sums(&lines, coupon, tip);
        let mut at_once: BTreeMap<usize, u32> = BTreeMap::new();
        for (choice, quantity) in &lines {
            *at_once.entry(*choice).or_default() += quantity;
        }
        let at_once: Vec<_> = at_once.into_iter().collect();
        prop_assert_eq!(&asked, &sums(&at_once, coupon, tip));
        // And as many lines of one each, as far as a cart takes so many.
        let single: Vec<_> = at_once
            .iter()
            .flat_map(|(choice, quantity)| (0..*quantity).map(|_| (*choice, 1)))
            .collect();
        if single.len() <= 50 {
            prop_assert_eq!(&asked, &sums(&single, coupon, tip));
        }
    }
}
