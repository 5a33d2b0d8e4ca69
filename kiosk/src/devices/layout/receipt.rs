//! What a diner takes along.

use std::collections::BTreeMap;

use kiosk_core::cart::Method;
use kiosk_core::money::Rate;
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::pricing::Line;
use kiosk_paper::{Block, Sheet, all, banner, cut, maybe, pair, qr, rule, space, text, when};

use super::{Slip, copy_mark, moment};
use crate::web::staff::destination;
use crate::web::text::percent;

/// The receipt of an order, in the diner's language.
#[must_use]
pub fn receipt(slip: &Slip<'_>) -> Sheet {
    let (order, t) = (slip.order, slip.t());
    let voided = order.status == Status::Voided;
    let title = t.say_one("paper-receipt", "number", &order.number);
    Sheet::new(
        slip.language,
        title,
        [
            copy_mark(slip.copy, t),
            when(voided, banner(t.say("paper-void"))),
            text(slip.menu.name.get(slip.tag()))
                .large()
                .bold()
                .centred(),
            space(),
            text(t.say("done-number")).centred(),
            text(&order.number).huge().bold().centred(),
            space(),
            pair(destination(t, order), moment(order.placed_at, slip.menu)),
            rule(),
            all(order.lines.iter().map(|line| dish(slip, line))),
            rule(),
            all(order.discounts.iter().map(|discount| {
                pair(discount.name.get(slip.tag()), slip.money(-discount.amount)).hanging(4)
            })),
            pair(t.say("subtotal"), slip.money(order.subtotal)),
            all(taxes(order).into_iter().map(|(rate, tax)| {
                pair(
                    t.say_one("paper-tax-at", "rate", &percent(&rate.to_string())),
                    slip.money(tax),
                )
            })),
            pair(t.say("total"), slip.money(order.total)).large().bold(),
            when(
                order.tip > 0,
                all([
                    pair(t.say("tip"), slip.money(order.tip)),
                    pair(t.say("to-pay"), slip.money(order.to_pay())).bold(),
                ]),
            ),
            rule(),
            payment(slip),
            maybe(order.reason.as_deref(), |reason| {
                text(t.say_one("paper-reason", "reason", reason))
            }),
            space(),
            text(t.say("paper-thanks")).centred(),
            qr(order.id.to_string()),
            cut(),
        ],
    )
}

fn dish(slip: &Slip<'_>, line: &Line) -> Block {
    let each = slip
        .t()
        .say_one("paper-each", "price", &slip.money(line.unit_price));
    let options: Vec<_> = line
        .options
        .iter()
        .map(|option| slip.option(option))
        .collect();
    let options = options.join(&slip.t().say("list-comma"));
    let name = format!(
        "{}\u{a0}×\u{a0}{}",
        line.quantity,
        line.name.get(slip.tag())
    );
    let combo = line.combo.as_ref().map(|combo| combo.name.get(slip.tag()));
    all([
        maybe(combo, |combo| text(combo).bold()),
        pair(name, slip.money(line.total)).hanging(4),
        when(line.quantity > 1, text(each).indented(4)),
        when(!options.is_empty(), text(options).indented(4)),
        maybe(line.note.as_deref(), |note| {
            text(format!("“{note}”")).indented(4)
        }),
    ])
}

/// What the diner still has to do, or what was done.
fn payment(slip: &Slip<'_>) -> Block {
    let (order, t) = (slip.order, slip.t());
    let payment = &order.payment;
    let owed = payment.status == PaymentStatus::Due && order.status != Status::Voided;
    all([
        pair(
            t.say(&format!("method-{}", payment.method.as_str())),
            t.say(&format!("payment-{}", payment.status.as_str())),
        ),
        when(
            owed && payment.method == Method::Counter,
            text(t.say("paper-pay")).tall().bold().centred(),
        ),
    ])
}

/// The tax of each rate.
fn taxes(order: &Order) -> BTreeMap<Rate, i64> {
    let mut taxes = BTreeMap::new();
    for line in &order.lines {
        *taxes.entry(line.tax_rate).or_default() += line.tax;
    }
    taxes
}
