//! Refunds of lines: how much of an order's money belongs to some units of a line.
//!
//! What the units of a line are worth is told cumulatively, so that however they are given back, in
//! one refund or in many, together they come to exactly what was paid for the line.

use serde::{Deserialize, Serialize};

use crate::order::Order;
use crate::pricing::Line;
use crate::wall::WallTime;

/// Lines whose money was given back together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// When.
    pub at: WallTime,
    /// The role that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// How much in all, tax included.
    pub amount: i64,
    /// Which lines.
    pub lines: Vec<RefundedLine>,
}

/// Units of one line whose money was given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundedLine {
    /// The line's place in the order, from 0.
    pub line: usize,
    /// How many of its units.
    pub quantity: u32,
    /// How much for them, tax included.
    pub amount: i64,
    /// The tax in it.
    pub tax: i64,
}

/// Units of one line whose money is to be given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// The line's place in the order, from 0.
    pub line: usize,
    /// How many of its units.
    pub quantity: u32,
}

/// Why lines can't be refunded so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRefund {
    /// No such line.
    #[error("the order has no line {0}")]
    NoLine(usize),
    /// A line named twice, or none at all.
    #[error("a refund of lines must name at least one, and each once")]
    Lines,
    /// More units than there still are.
    #[error("of line {line} {left} can still be refunded, not {wanted}")]
    TooMany {
        /// The line.
        line: usize,
        /// How many of its units were not refunded yet.
        left: u32,
        /// How many were asked for.
        wanted: u32,
    },
    /// The parts don't make the sum, or it is more than was paid.
    #[error("the refund comes to {found}, not to {want}")]
    Amount {
        /// What the event says.
        found: i64,
        /// What it must be.
        want: i64,
    },
}

/// How many units of a line were not refunded yet.
#[must_use]
pub fn left(order: &Order, line: usize) -> u32 {
    let Some(of) = order.lines.get(line) else {
        return 0;
    };
    of.quantity.saturating_sub(done(order, line))
}

fn done(order: &Order, line: usize) -> u32 {
    let lines = order.refunds.iter().flat_map(|refund| &refund.lines);
    lines
        .filter(|refunded| refunded.line == line)
        .fold(0, |sum, refunded| sum.saturating_add(refunded.quantity))
}

/// What giving these units back comes to.
///
/// # Errors
/// [`BadRefund`] if they are not there to be given back.
pub fn priced(order: &Order, wanted: &[Wanted]) -> Result<(Vec<RefundedLine>, i64), BadRefund> {
    let mut lines = Vec::with_capacity(wanted.len());
    for (index, one) in wanted.iter().enumerate() {
        let of = order
            .lines
            .get(one.line)
            .ok_or(BadRefund::NoLine(one.line))?;
        if wanted
            .iter()
            .take(index)
            .any(|other| other.line == one.line)
        {
            return Err(BadRefund::Lines);
        }
        let (before, left) = (done(order, one.line), left(order, one.line));
        if one.quantity == 0 || one.quantity > left {
            return Err(BadRefund::TooMany {
                line: one.line,
                left,
                wanted: one.quantity,
            });
        }
        let share = |amount| {
            let until = |units| share_of(of, amount, units);
            until(before + one.quantity) - until(before)
        };
        lines.push(RefundedLine {
            line: one.line,
            quantity: one.quantity,
            amount: share(of.payable()),
            tax: share(of.tax),
        });
    }
    if lines.is_empty() {
        return Err(BadRefund::Lines);
    }
    let amount = lines.iter().map(|line| line.amount).sum();
    Ok((lines, amount))
}

/// What the first `units` of a line are worth of an amount, half up.
fn share_of(line: &Line, amount: i64, units: u32) -> i64 {
    let all = i128::from(line.quantity.max(1));
    let doubled = 2 * i128::from(amount) * i128::from(units) + all;
    i64::try_from(doubled.div_euclid(2 * all)).unwrap_or(amount)
}

/// Whether an event's refund is one that the order allows.
///
/// # Errors
/// [`BadRefund`] if not; its amounts must be those that [`priced`] gives.
pub fn check(order: &Order, lines: &[RefundedLine], amount: i64) -> Result<(), BadRefund> {
    let wanted: Vec<Wanted> = lines
        .iter()
        .map(|line| Wanted {
            line: line.line,
            quantity: line.quantity,
        })
        .collect();
    let (want, sum) = priced(order, &wanted)?;
    if want != lines || sum != amount {
        return Err(BadRefund::Amount {
            found: amount,
            want: sum,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Acted, Event, Fact};
    use crate::fold::tests::{event, order};
    use crate::fold::{FoldError, apply};
    use crate::order::{Action, PaymentStatus};
    use proptest::prelude::*;

    fn line(quantity: u32, unit_price: i64, discount: i64, tax: i64, inclusive: bool) -> Line {
        serde_json::from_value(serde_json::json!({
            "item": "ramen", "name": {"en": "Ramen"}, "quantity": quantity,
            "unit_price": unit_price, "total": unit_price * i64::from(quantity),
            "discount": discount, "tax_rate": "0.1", "tax_inclusive": inclusive, "tax": tax,
        }))
        .unwrap()
    }

    fn paid(lines: Vec<Line>, tip: i64) -> Order {
        let total = lines.iter().map(Line::payable).sum();
        let tax = lines.iter().map(|line| line.tax).sum();
        let mut paid = Order {
            lines,
            total,
            tax,
            subtotal: total - tax,
            tip,
            ..order()
        };
        paid.payment.status = PaymentStatus::Paid;
        paid
    }

    fn refund(order: &Order, wanted: &[Wanted]) -> Result<Event, BadRefund> {
        let (lines, amount) = priced(order, wanted)?;
        let data = Acted {
            reason: Some("cold".to_owned()),
            lines,
            amount,
            ..Acted::default()
        };
        Ok(event(
            order.version + 1,
            Fact::Acted(Action::RefundLines, data),
        ))
    }

    fn one(line: usize, quantity: u32) -> [Wanted; 1] {
        [Wanted { line, quantity }]
    }

    #[test]
    fn the_last_unit_makes_the_order_refunded_and_then_nothing_is_left() {
        let mut known = Some(paid(vec![line(3, 100, 1, 27, true)], 0));
        for (units, want) in [(1, 100), (2, 199)] {
            let order = known.as_ref().unwrap();
            assert_eq!(order.payment.status, PaymentStatus::Paid);
            let event = refund(order, &one(0, units)).unwrap();
            apply(&mut known, &event).unwrap();
            let last = known.as_ref().unwrap().refunds.last().unwrap();
            assert_eq!(last.amount, want);
        }
        let order = known.unwrap();
        assert_eq!(order.payment.status, PaymentStatus::Refunded);
        assert_eq!((order.refunded(), left(&order, 0)), (299, 0));
        assert!(matches!(
            refund(&order, &one(0, 1)),
            Err(BadRefund::TooMany { left: 0, .. })
        ));
    }

    #[test]
    fn a_tip_is_kept_until_all_is_refunded() {
        let mut known = Some(paid(vec![line(1, 100, 0, 9, true)], 20));
        let event = refund(known.as_ref().unwrap(), &one(0, 1)).unwrap();
        apply(&mut known, &event).unwrap();
        let order = known.unwrap();
        assert_eq!(order.payment.status, PaymentStatus::Paid);
        assert_eq!((order.refunded(), order.to_pay()), (100, 120));
    }

    #[test]
    fn a_refund_that_says_another_amount_is_refused_and_changes_nothing() {
        let before = paid(vec![line(2, 100, 0, 18, true)], 0);
        let mut event = refund(&before, &one(0, 1)).unwrap();
        let Fact::Acted(_, data) = &mut event.fact else {
            panic!("a refund is an action");
        };
        data.amount += 1;
        let mut known = Some(before.clone());
        let refused = apply(&mut known, &event).unwrap_err();
        assert!(matches!(
            refused,
            FoldError::Refund(BadRefund::Amount { .. })
        ));
        assert_eq!(known, Some(before.clone()));
        assert_eq!(priced(&before, &[]), Err(BadRefund::Lines));
        assert_eq!(priced(&before, &one(1, 1)), Err(BadRefund::NoLine(1)));
        let twice = [one(0, 1), one(0, 1)].concat();
        assert_eq!(priced(&before, &twice), Err(BadRefund::Lines));
    }

    proptest! {
        #[test]
        fn units_refunded_in_any_portions_come_to_what_was_paid(
            quantity in 1_u32..=99, unit in 0_i64..100_000, off in 0_i64..100_000,
            tax in 0_i64..10_000, inclusive in any::<bool>(),
            portions in prop::collection::vec(1_u32..40, 1..100),
        ) {
            let discount = off.min(unit * i64::from(quantity));
            let mut known = Some(paid(vec![line(quantity, unit, discount, tax, inclusive)], 0));
            for portion in portions {
                let order = known.as_ref().unwrap();
                let units = portion.min(left(order, 0));
                if units == 0 || order.payment.status != PaymentStatus::Paid {
                    break;
                }
                let event = refund(order, &one(0, units)).unwrap();
                apply(&mut known, &event).unwrap();
            }
            let order = known.unwrap();
            let lines = || order.refunds.iter().flat_map(|refund| &refund.lines);
            prop_assert!(lines().all(|line| line.amount >= 0 && line.tax >= 0));
            if left(&order, 0) == 0 {
                prop_assert_eq!(lines().map(|line| line.amount).sum::<i64>(), order.total);
                prop_assert_eq!(lines().map(|line| line.tax).sum::<i64>(), order.tax);
                prop_assert_eq!(order.payment.status, PaymentStatus::Refunded);
            }
        }
    }
}
