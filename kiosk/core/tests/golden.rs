//! What was written once is read for ever: events and menus as shipped software wrote them.

// Helpers beside the tests count as test code too.
#![cfg(test)]

use kiosk_core::cart::Cart;
use kiosk_core::event::{Event, Fact};
use kiosk_core::fold::fold;
use kiosk_core::menu::{Menu, Parsed};
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::pricing::price;
use serde_json::{Value, json};

const FIRST: &str = include_str!("../golden/events-v1.jsonl");
const OFFERS: &str = include_str!("../golden/events-v2.jsonl");
const PROVIDER: &str = include_str!("../golden/events-v1-provider.jsonl");
const FIRST_MENU: &[u8] = include_bytes!("../golden/menu-first.json");

fn events(lines: &str) -> Vec<Event> {
    lines
        .lines()
        .map(|line| Event::decode(line.as_bytes()).unwrap())
        .collect()
}

fn order(lines: &str) -> Order {
    let of_order: Vec<Event> = events(lines)
        .into_iter()
        .filter(|event| event.order.is_some())
        .collect();
    let folded = fold(&of_order);
    assert_eq!((folded.parked, folded.refused.len()), (0, 0));
    folded.order.unwrap()
}

#[test]
fn events_are_written_today_byte_for_byte_as_they_were() {
    for line in [FIRST, OFFERS, PROVIDER].into_iter().flat_map(str::lines) {
        let again = Event::decode(line.as_bytes()).unwrap().encode().unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), line);
    }
}

#[test]
fn an_order_of_the_first_release_folds_to_what_it_was() {
    let order = order(FIRST);
    assert_eq!((order.status, order.version), (Status::Preparing, 4));
    assert_eq!(order.payment.status, PaymentStatus::Refunded);
    assert_eq!((order.subtotal, order.tax, order.total), (2476, 204, 2680));
    assert_eq!((order.to_pay(), order.refunded()), (2680, 2680));
    assert_eq!((order.discounts.len(), order.tip), (0, 0));
    assert!(
        events(FIRST)
            .iter()
            .all(|event| !matches!(event.fact, Fact::Unknown(_)))
    );
}

#[test]
fn an_order_with_a_combo_a_coupon_and_a_tip_folds_through_a_refund_of_one_line() {
    let order = order(OFFERS);
    assert_eq!(order.payment.status, PaymentStatus::Paid);
    assert_eq!(order.refunds.len(), 1);
    assert_eq!(order.subtotal + order.tax, order.total);
    let off: i64 = order.discounts.iter().map(|discount| discount.amount).sum();
    assert_eq!(
        order.lines.iter().map(|line| line.discount).sum::<i64>(),
        off
    );
    assert!(off > 0 && order.tip > 0 && order.lines.iter().any(|line| line.combo.is_some()));
}

#[test]
fn a_card_that_was_refused_and_cash_in_its_place_fold_to_a_payment_in_cash() {
    let order = order(PROVIDER);
    assert_eq!(
        (order.payment.status, order.version),
        (PaymentStatus::Paid, 5)
    );
    assert!(order.in_cash() && order.payment.reason.is_none());
}

/// A reader of the first version reads the amounts of a discounted order as they are, and does not
/// take the refund of a line for one of the whole order: that event it must not read at all.
#[test]
fn only_what_an_older_reader_would_misread_has_a_newer_version() {
    for line in OFFERS.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let partial = event["type"] == "payment.refunded";
        assert_eq!(event["v"], json!(if partial { 2 } else { 1 }), "{line}");
    }
}

#[test]
fn a_menu_of_the_first_release_keeps_its_version_and_its_prices() {
    let Parsed { menu, warnings } = Menu::parse(FIRST_MENU).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(
        menu.version(),
        "0ff2f87645bbec5fa42af382646223f13a5f45b3b7cf0b45bc5e496162fe2570"
    );
    let cart = Cart::order(&json!({
        "service": "eat_in", "payment": {"method": "counter"},
        "lines": [{"item": "tonkotsu-ramen", "quantity": 2, "options": [
            {"group": "spice", "option": "hot"}, {"group": "firmness", "option": "firm"}]}]
    }));
    let quote = price(
        &menu,
        &cart.unwrap(),
        "2026-11-20T12:57:28Z".parse().unwrap(),
    )
    .unwrap();
    assert_eq!((quote.subtotal, quote.tax, quote.total), (2476, 204, 2680));
    // What came later is not there, not even empty.
    let written = serde_json::to_string(&quote).unwrap();
    for later in ["discount", "tip", "combo", "parts"] {
        assert!(!written.contains(later), "{later}");
    }
}
