mod edits;
mod offers;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cart::Service;

struct Dish {
    price: i64,
    rate: &'static str,
    inclusive: bool,
    quantity: u32,
}

const NOON: &str = "2026-11-20T12:00:00Z";

/// As [`super::price`], at noon.
fn price(menu: &Menu, cart: &Cart) -> Result<Quote, Refusal> {
    super::price(menu, cart, NOON.parse().unwrap())
}

fn priced(currency: &str, dishes: &[Dish]) -> Quote {
    let taxes: Vec<_> = dishes
        .iter()
        .enumerate()
        .map(|(i, dish)| json!({"id": format!("t{i}"), "rate": dish.rate, "inclusive": dish.inclusive}))
        .collect();
    let items: Vec<_> = dishes
        .iter()
        .enumerate()
        .map(|(i, dish)| {
            json!({"id": format!("d{i}"), "name": {"en": "Dish"}, "price": dish.price, "tax": format!("t{i}")})
        })
        .collect();
    let menu = json!({"name": {"en": "M"}, "currency": currency, "languages": ["en"], "time_zone": "UTC",
        "taxes": taxes, "categories": [], "items": items});
    let menu = Menu::parse(menu.to_string().as_bytes()).unwrap().menu;
    let lines = dishes
        .iter()
        .enumerate()
        .map(|(i, dish)| CartLine {
            item: format!("d{i}"),
            quantity: dish.quantity,
            options: Vec::new(),
            note: None,
            parts: Vec::new(),
        })
        .collect();
    price(&menu, &cart(lines)).unwrap()
}

fn cart(lines: Vec<CartLine>) -> Cart {
    Cart {
        menu_version: None,
        service: Service::EatIn,
        table: None,
        language: None,
        lines,
        payment: None,
        expected_total: None,
        terminal: None,
        coupon: None,
        tip: None,
    }
}

fn noodle_menu() -> Menu {
    let menu = json!({"name": {"en": "M"}, "currency": "USD", "languages": ["en"], "time_zone": "UTC",
        "taxes": [{"id": "food", "rate": "0.0825", "inclusive": true}], "categories": [],
        "items": [{"id": "ramen", "name": {"en": "Ramen"}, "price": 1290, "tax": "food",
                   "option_groups": ["spice", "extra"]},
                  {"id": "tea", "name": {"en": "Tea"}, "price": 300, "tax": "food"}],
        "option_groups": [
            {"id": "spice", "name": {"en": "S"}, "min": 1, "max": 1, "options": [
                {"id": "mild", "name": {"en": "Mild"}}, {"id": "hot", "name": {"en": "Hot"}, "price": 50}]},
            {"id": "extra", "name": {"en": "E"}, "max": 3, "options": [
                {"id": "egg", "name": {"en": "Egg"}, "price": 150}]}]});
    Menu::parse(menu.to_string().as_bytes()).unwrap().menu
}

fn ramen(options: &[(&str, &str, u32)]) -> Cart {
    let options = options.iter().map(|(group, option, quantity)| CartOption {
        group: (*group).to_owned(),
        option: (*option).to_owned(),
        quantity: *quantity,
    });
    let line = CartLine {
        item: "ramen".to_owned(),
        quantity: 1,
        options: options.collect(),
        note: None,
        parts: Vec::new(),
    };
    cart(vec![line])
}

use crate::cart::CartOption;

#[test]
fn the_contracts_order_costs_what_the_contract_says() {
    let quote = price(&noodle_menu(), &ramen(&[("spice", "hot", 1)])).unwrap();
    assert_eq!((quote.subtotal, quote.tax, quote.total), (1238, 102, 1340));
    assert_eq!((quote.lines[0].unit_price, quote.lines[0].tax), (1340, 102));
}

#[test]
fn inclusive_rates_in_a_mix_add_up_to_the_shelf_price() {
    let dishes = [
        Dish {
            price: 2890,
            rate: "0.22",
            inclusive: true,
            quantity: 1,
        },
        Dish {
            price: 125,
            rate: "0.10",
            inclusive: true,
            quantity: 1,
        },
    ];
    let quote = priced("EUR", &dishes);
    assert_eq!(quote.total, 3015);
    assert_eq!((quote.lines[0].tax, quote.lines[1].tax), (521, 11));
    assert_eq!(quote.subtotal, 3015 - 532);
}

#[test]
fn exclusive_tax_is_on_top_of_the_line_totals() {
    let dishes = [
        Dish {
            price: 1000,
            rate: "0.0825",
            inclusive: false,
            quantity: 2,
        },
        Dish {
            price: 500,
            rate: "0.1",
            inclusive: true,
            quantity: 1,
        },
    ];
    let quote = priced("USD", &dishes);
    assert_eq!(quote.lines[0].tax, 165);
    assert_eq!(quote.lines[1].tax, 45);
    assert_eq!((quote.subtotal, quote.tax, quote.total), (2455, 210, 2665));
}

#[test]
fn equal_remainders_favour_the_earlier_line() {
    assert_eq!(largest_remainder(2, &[1, 1, 1]), [1, 1, 0]);
    assert_eq!(largest_remainder(5, &[1, 1]), [3, 2]);
    assert_eq!(largest_remainder(7, &[0, 0]), [0, 0]);
}

#[test]
fn options_count_with_their_quantities() {
    let menu = noodle_menu();
    let quote = price(&menu, &ramen(&[("spice", "mild", 1), ("extra", "egg", 3)])).unwrap();
    assert_eq!(quote.total, 1290 + 450);
    for bad in [
        &[][..],
        &[("spice", "mild", 2)],
        &[("spice", "mild", 1), ("spice", "hot", 1)],
        &[("spice", "mild", 1), ("extra", "egg", 4)],
        &[
            ("spice", "mild", 1),
            ("extra", "egg", 1),
            ("extra", "egg", 1),
        ],
    ] {
        assert!(
            matches!(price(&menu, &ramen(bad)), Err(Refusal::Invalid(_))),
            "{bad:?}"
        );
    }
}

#[test]
fn what_is_gone_from_the_menu_is_told_by_place() {
    let menu = noodle_menu();
    let pointer = |cart: &Cart| match price(&menu, cart) {
        Err(Refusal::MenuChanged(faults)) => faults[0].pointer.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(
        pointer(&ramen(&[("ice", "less", 1)])),
        "/lines/0/options/0/group"
    );
    assert_eq!(
        pointer(&ramen(&[("spice", "x", 1)])),
        "/lines/0/options/0/option"
    );
    let mut cart = ramen(&[("spice", "hot", 1)]);
    cart.lines[0].item = "pizza".to_owned();
    assert_eq!(pointer(&cart), "/lines/0/item");
    // The group exists, but this item does not offer it.
    let mut cart = ramen(&[("spice", "hot", 1)]);
    cart.lines[0].item = "tea".to_owned();
    assert_eq!(pointer(&cart), "/lines/0/options/0/group");
}

#[test]
fn a_total_of_ten_to_the_twelfth_is_refused() {
    let menu = json!({"name": {"en": "M"}, "currency": "JPY", "languages": ["en"], "time_zone": "UTC",
        "taxes": [{"id": "t", "rate": "0", "inclusive": true}], "categories": [],
        "items": [{"id": "gold", "name": {"en": "Gold"}, "price": 1_000_000_000, "tax": "t"}]});
    let menu = Menu::parse(menu.to_string().as_bytes()).unwrap().menu;
    let line = CartLine {
        item: "gold".to_owned(),
        quantity: 99,
        options: Vec::new(),
        note: None,
        parts: Vec::new(),
    };
    assert!(price(&menu, &cart(vec![line.clone(); 10])).is_ok());
    let refusal = price(&menu, &cart(vec![line; 11])).unwrap_err();
    assert!(matches!(refusal, Refusal::Invalid(_)));
}

prop_compose! {
    fn dish()(
        price in prop_oneof![0_i64..20_000, 0_i64..1_000_000_000],
        rate in prop::sample::select(vec!["0", "0.05", "0.0825", "0.1", "0.22", "0.333333", "1"]),
        inclusive in any::<bool>(),
        quantity in 1_u32..=99,
    ) -> Dish { Dish { price, rate, inclusive, quantity } }
}

impl std::fmt::Debug for Dish {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} x {} at {} {}",
            self.quantity, self.price, self.rate, self.inclusive
        )
    }
}

proptest! {
    #[test]
    fn parts_always_sum_to_the_total(
        dishes in prop::collection::vec(dish(), 1..10),
        currency in prop::sample::select(vec!["JPY", "USD", "KWD"]),
    ) {
        let quote = priced(currency, &dishes);
        prop_assert_eq!(quote.subtotal + quote.tax, quote.total);
        prop_assert_eq!(quote.lines.iter().map(|line| line.tax).sum::<i64>(), quote.tax);
        let payable: i64 = quote.lines.iter()
            .map(|line| line.total + if line.tax_inclusive { 0 } else { line.tax }).sum();
        prop_assert_eq!(payable, quote.total);
        for line in &quote.lines {
            prop_assert!(line.tax >= 0 && (line.tax <= line.total));
        }
    }

    #[test]
    fn shares_sum_to_the_amount_and_stay_within_one_of_exact(
        amount in 0_i64..1_000_000_000,
        weights in prop::collection::vec(0_i64..1_000_000_000, 1..30),
    ) {
        let shares = largest_remainder(amount, &weights);
        let sum: i128 = weights.iter().map(|w| i128::from(*w)).sum();
        if sum > 0 {
            prop_assert_eq!(shares.iter().sum::<i64>(), amount);
            for (share, weight) in shares.iter().zip(&weights) {
                let floor = i128::from(amount) * i128::from(*weight) / sum;
                prop_assert!((floor..=floor + 1).contains(&i128::from(*share)));
            }
        }
    }
}
