//! An order that nobody placed, to look at paper with.

use kiosk_core::cart::{Cart, Method};
use kiosk_core::ids::OrderId;
use kiosk_core::menu::{Item, Menu, OptionGroup};
use kiosk_core::order::{Order, Payment, PaymentStatus, Status};
use kiosk_core::pricing::{Line, price};
use kiosk_core::wall::WallTime;
use serde_json::{Value, json};
use uuid::Uuid;

/// Dishes of the sample.
const DISHES: usize = 3;

/// An order of the first dishes of a menu: two of the first, with a note and with an option that it does
/// not have anyway. `None` if the menu can't be ordered from.
#[must_use]
pub fn order(menu: &Menu, language: &str, at: WallTime) -> Option<Order> {
    let lines: Vec<Value> = menu
        .items()
        .iter()
        .take(DISHES)
        .enumerate()
        .map(|(index, item)| {
            let note = (index == 0).then_some("no scallion 不要葱 – peanut allergy");
            json!({
                "item": item.id,
                "quantity": if index == 0 { 2 } else { 1 },
                "options": options(menu, item),
                "note": note,
            })
        })
        .collect();
    let cart = Cart::order(&json!({
        "service": "eat_in", "table": "7", "language": language,
        "lines": lines, "payment": {"method": "counter"},
    }))
    .ok()?;
    let quote = price(menu, &cart, at).ok()?;
    Some(Order {
        id: OrderId(Uuid::from_u128(0x019a_9c3e_57a0_7000_8000_0000_0000_0042)),
        number: "A042".to_owned(),
        business_date: at.timestamp().to_zoned(menu.time_zone.clone()).date(),
        placed_at: at,
        status: Status::Placed,
        version: 1,
        service: cart.service,
        table: cart.table,
        language: language.to_owned(),
        terminal: None,
        currency: quote.currency,
        menu_version: quote.menu_version,
        lines: quote.lines,
        subtotal: quote.subtotal,
        tax: quote.tax,
        total: quote.total,
        discounts: quote.discounts,
        tip: quote.tip,
        payment: Payment {
            method: Method::Counter,
            status: PaymentStatus::Due,
            tender: None,
            reason: None,
            reference: None,
        },
        changed_at: None,
        reason: None,
        refunds: Vec::new(),
    })
}

/// What a group needs at least; where it takes one only, the last one, which is rarely the usual.
fn options(menu: &Menu, item: &Item) -> Vec<Value> {
    let chosen = |group: &OptionGroup| {
        let count = usize::try_from(group.min).unwrap_or(usize::MAX);
        let options: Vec<_> = group.options.iter().rev().take(count).collect();
        let options = options
            .into_iter()
            .map(|option| json!({"group": group.id, "option": option.id}));
        options.collect::<Vec<_>>()
    };
    menu.groups_of(item).flat_map(chosen).collect()
}

/// The lines of an order that one station makes.
#[must_use]
pub fn lines_of<'a>(order: &'a Order, station: Option<&str>) -> Vec<&'a Line> {
    order
        .lines
        .iter()
        .filter(|line| line.station.as_deref() == station)
        .collect()
}
