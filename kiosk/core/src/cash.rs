//! The cash drawer: what was put in and taken out, what was counted, and what should be there.

use serde::{Deserialize, Serialize};

use crate::order::{Order, PaymentStatus};
use crate::wall::WallTime;

/// What was done with the drawer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CashKind {
    /// What is in it when work begins.
    Float,
    /// Something was put in besides payments.
    In,
    /// Something was taken out besides refunds.
    Out,
    /// It was counted.
    Count,
}

/// Data of a change or a count of the drawer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashCounted {
    /// The business day.
    pub date: jiff::civil::Date,
    /// What was done.
    pub kind: CashKind,
    /// How much, in minor units; never negative.
    pub amount: i64,
    /// Of a count: what should have been there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected: Option<i64>,
    /// Why; always there for money put in or taken out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The role that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Something done with the drawer, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CashEntry {
    /// When.
    pub at: WallTime,
    /// What.
    #[serde(flatten)]
    pub cash: CashCounted,
}

/// The drawer of one business day, in minor units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drawer {
    /// What was in it when work began; the last that was said.
    pub float: i64,
    /// What orders brought in, tips included.
    pub taken: i64,
    /// What refunds took out.
    pub refunded: i64,
    /// What was put in besides.
    pub put_in: i64,
    /// What was taken out besides.
    pub taken_out: i64,
    /// What should be there.
    pub expected: i64,
    /// What the last count found; none if nobody counted.
    pub counted: Option<i64>,
    /// By how much that count was above what should have been there then.
    pub difference: Option<i64>,
}

/// What the orders and the entries of one business day make of the drawer.
#[must_use]
pub fn drawer<'a>(orders: impl IntoIterator<Item = &'a Order>, entries: &[CashEntry]) -> Drawer {
    let mut drawer = Drawer::default();
    for order in orders {
        let received = matches!(
            order.payment.status,
            PaymentStatus::Paid | PaymentStatus::Refunded
        );
        if received && order.in_cash() {
            drawer.taken += order.to_pay();
            drawer.refunded += order.refunded();
        }
    }
    for entry in entries {
        let amount = entry.cash.amount;
        match entry.cash.kind {
            CashKind::Float => drawer.float = amount,
            CashKind::In => drawer.put_in += amount,
            CashKind::Out => drawer.taken_out += amount,
            CashKind::Count => {
                drawer.counted = Some(amount);
                drawer.difference = entry.cash.expected.map(|expected| amount - expected);
            }
        }
    }
    drawer.expected =
        drawer.float + drawer.taken - drawer.refunded + drawer.put_in - drawer.taken_out;
    drawer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::tests::order;
    use crate::order::Tender;

    fn entry(kind: CashKind, amount: i64, expected: Option<i64>) -> CashEntry {
        CashEntry {
            at: WallTime::from_millis(0),
            cash: CashCounted {
                date: order().business_date,
                kind,
                amount,
                expected,
                reason: None,
                by: None,
            },
        }
    }

    #[test]
    fn only_what_was_paid_in_cash_is_in_the_drawer() {
        let mut paid = order();
        paid.payment.status = PaymentStatus::Paid;
        paid.tip = 15;
        let mut refunded = paid.clone();
        refunded.payment.status = PaymentStatus::Refunded;
        let mut card = paid.clone();
        card.payment.tender = Some(Tender::Card);
        let orders = [order(), paid, refunded, card];
        let entries = [
            entry(CashKind::Float, 1000, None),
            entry(CashKind::In, 50, None),
            entry(CashKind::Out, 30, None),
            entry(CashKind::Count, 1130, Some(1135)),
        ];
        let drawer = drawer(&orders, &entries);
        assert_eq!((drawer.taken, drawer.refunded), (230, 115));
        assert_eq!(drawer.expected, 1000 + 115 + 20);
        assert_eq!((drawer.counted, drawer.difference), (Some(1130), Some(-5)));
    }

    #[test]
    fn a_drawer_nobody_counted_tells_no_difference() {
        let drawer = drawer(&[], &[]);
        assert_eq!((drawer.expected, drawer.difference), (0, None));
    }
}
