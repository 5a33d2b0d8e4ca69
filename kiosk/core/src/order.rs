//! Orders: a priced cart that a kiosk has accepted, changed by events alone.
//!
//! ```text
//! placed ──start──► preparing ──ready──► ready ──collect──► collected
//!    └────────────────┴─────────────────────┴──void──► voided
//!
//! payment:  due | pending | failed ──pay──► paid ──refund──► refunded
//!                                            └─refund of lines─► paid, or refunded with the last
//!           due | failed ──ask──► pending ──fail──► failed;  pending | failed ──owe──► due
//! ```

use serde::{Deserialize, Serialize};

use crate::cart::{Method, Service};
use crate::ids::OrderId;
use crate::money::Currency;
use crate::pricing::{Line, is_zero};
use crate::promotion::Discount;
use crate::refund::Refund;
use crate::wall::WallTime;

/// How far the food is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Accepted, nobody works on it yet.
    Placed,
    /// The kitchen works on it.
    Preparing,
    /// It waits to be fetched.
    Ready,
    /// The diner has it.
    Collected,
    /// It will not be made.
    Voided,
}

/// How far the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// To be paid.
    Due,
    /// A provider works on it.
    Pending,
    /// Received.
    Paid,
    /// A provider said no.
    Failed,
    /// Given back.
    Refunded,
}

/// What staff do with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// The kitchen begins.
    Start,
    /// The kitchen is done.
    Ready,
    /// The diner has it.
    Collect,
    /// Money was received.
    Pay,
    /// A provider was asked for the money.
    Ask,
    /// The provider said no.
    Fail,
    /// The provider is let be; the diner pays at the counter.
    Owe,
    /// It will not be made.
    Void,
    /// All money that is left is given back.
    Refund,
    /// The money of some lines is given back.
    RefundLines,
}

/// What money came in as at the counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tender {
    /// Into the drawer.
    Cash,
    /// By a card at the counter.
    Card,
    /// By a voucher or anything else that is not in the drawer.
    Other,
}

/// What an action leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The food's state changes.
    Status(Status),
    /// The money's state changes.
    Payment(PaymentStatus),
    /// The order is there already; nothing happens.
    Already,
    /// Not from here.
    Illegal,
}

/// The payment of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// How.
    pub method: Method,
    /// How far.
    pub status: PaymentStatus,
    /// What it came in as, if it was said; at the counter, cash otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tender: Option<Tender>,
    /// The number by which the card terminal knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Why a provider said no, or was let be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// An order as all its events so far make it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Its identity.
    pub id: OrderId,
    /// What the diner is called by.
    pub number: String,
    /// The business day it belongs to.
    pub business_date: jiff::civil::Date,
    /// When it was accepted.
    pub placed_at: WallTime,
    /// How far the food is.
    pub status: Status,
    /// How many events have made it.
    pub version: u32,
    /// Where the food is eaten.
    pub service: Service,
    /// At which table.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub table: Option<String>,
    /// The diner's language.
    pub language: String,
    /// The terminal it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<String>,
    /// What all amounts are in.
    pub currency: Currency,
    /// The menu it was priced by.
    pub menu_version: String,
    /// What was ordered.
    pub lines: Vec<Line>,
    /// What remains without tax.
    pub subtotal: i64,
    /// All tax, inside or on top.
    pub tax: i64,
    /// What it comes to: always `subtotal` + `tax`.
    pub total: i64,
    /// What promotions took off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// What is given on top of `total`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tip: i64,
    /// The payment.
    pub payment: Payment,
    /// When it last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<WallTime>,
    /// Why it was voided or refunded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Lines whose money was given back, while other money was kept.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refunds: Vec<Refund>,
}

impl Order {
    /// What is to be paid: `total` and `tip`.
    #[must_use]
    pub fn to_pay(&self) -> i64 {
        self.total + self.tip
    }

    /// What has been given back.
    #[must_use]
    pub fn refunded(&self) -> i64 {
        match self.payment.status {
            PaymentStatus::Refunded => self.to_pay(),
            _ => self.refunds.iter().map(|refund| refund.amount).sum(),
        }
    }

    /// Whether its money went through the drawer.
    #[must_use]
    pub fn in_cash(&self) -> bool {
        match self.payment.tender {
            Some(tender) => tender == Tender::Cash,
            None => self.payment.method == Method::Counter,
        }
    }
}

impl Status {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Placed => "placed",
            Self::Preparing => "preparing",
            Self::Ready => "ready",
            Self::Collected => "collected",
            Self::Voided => "voided",
        }
    }

    /// Reads the name on the wire.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [
            Self::Placed,
            Self::Preparing,
            Self::Ready,
            Self::Collected,
            Self::Voided,
        ]
        .into_iter()
        .find(|status| status.as_str() == name)
    }
}

impl PaymentStatus {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Due => "due",
            Self::Pending => "pending",
            Self::Paid => "paid",
            Self::Failed => "failed",
            Self::Refunded => "refunded",
        }
    }
}

/// The one table of legal moves.
#[must_use]
pub fn next(status: Status, payment: PaymentStatus, action: Action) -> Move {
    use Status::{Collected, Placed, Preparing, Ready, Voided};
    match (action, status, payment) {
        (Action::Start, Placed, _) => Move::Status(Preparing),
        (Action::Start, Preparing, _) => Move::Already,
        (Action::Start, Ready | Collected | Voided, _) => Move::Illegal,

        (Action::Ready, Preparing, _) => Move::Status(Ready),
        (Action::Ready, Ready, _) => Move::Already,
        (Action::Ready, Placed | Collected | Voided, _) => Move::Illegal,

        (Action::Collect, Ready, _) => Move::Status(Collected),
        (Action::Collect, Collected, _) => Move::Already,
        (Action::Collect, Placed | Preparing | Voided, _) => Move::Illegal,

        (Action::Void, Placed | Preparing | Ready, _) => Move::Status(Voided),
        (Action::Void, Voided, _) => Move::Already,
        (Action::Void, Collected, _) => Move::Illegal,

        (Action::Pay, _, PaymentStatus::Paid) => Move::Already,
        // A provider may have taken the money while the order was voided; it is there to be given back.
        (Action::Pay, _, PaymentStatus::Pending)
        | (
            Action::Pay,
            Placed | Preparing | Ready | Collected,
            PaymentStatus::Due | PaymentStatus::Failed,
        ) => Move::Payment(PaymentStatus::Paid),
        (Action::Pay, Voided, PaymentStatus::Due | PaymentStatus::Failed)
        | (Action::Pay, _, PaymentStatus::Refunded) => Move::Illegal,

        (Action::Ask, _, PaymentStatus::Pending) => Move::Already,
        (
            Action::Ask,
            Placed | Preparing | Ready | Collected,
            PaymentStatus::Due | PaymentStatus::Failed,
        ) => Move::Payment(PaymentStatus::Pending),
        (Action::Ask, Voided, PaymentStatus::Due | PaymentStatus::Failed)
        | (Action::Ask, _, PaymentStatus::Paid | PaymentStatus::Refunded) => Move::Illegal,

        (Action::Fail, _, PaymentStatus::Failed) => Move::Already,
        (Action::Fail, _, PaymentStatus::Pending) => Move::Payment(PaymentStatus::Failed),
        (Action::Fail, _, PaymentStatus::Due | PaymentStatus::Paid | PaymentStatus::Refunded) => {
            Move::Illegal
        }

        (Action::Owe, _, PaymentStatus::Due) => Move::Already,
        (Action::Owe, _, PaymentStatus::Pending | PaymentStatus::Failed) => {
            Move::Payment(PaymentStatus::Due)
        }
        (Action::Owe, _, PaymentStatus::Paid | PaymentStatus::Refunded) => Move::Illegal,

        (Action::Refund, _, PaymentStatus::Paid) => Move::Payment(PaymentStatus::Refunded),
        (Action::Refund, _, PaymentStatus::Refunded) => Move::Already,
        (
            Action::Refund,
            _,
            PaymentStatus::Due | PaymentStatus::Pending | PaymentStatus::Failed,
        ) => Move::Illegal,

        (Action::RefundLines, _, PaymentStatus::Paid) => Move::Payment(PaymentStatus::Paid),
        (
            Action::RefundLines,
            _,
            PaymentStatus::Due
            | PaymentStatus::Pending
            | PaymentStatus::Failed
            | PaymentStatus::Refunded,
        ) => Move::Illegal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [Status; 5] = [
        Status::Placed,
        Status::Preparing,
        Status::Ready,
        Status::Collected,
        Status::Voided,
    ];

    #[test]
    fn food_goes_forward_one_step_at_a_time() {
        let steps = [
            (Action::Start, Status::Placed, Status::Preparing),
            (Action::Ready, Status::Preparing, Status::Ready),
            (Action::Collect, Status::Ready, Status::Collected),
        ];
        for (action, from, to) in steps {
            for status in STATUSES {
                let want = if status == from {
                    Move::Status(to)
                } else if status == to {
                    Move::Already
                } else {
                    Move::Illegal
                };
                assert_eq!(
                    next(status, PaymentStatus::Due, action),
                    want,
                    "{action:?} {status:?}"
                );
            }
        }
    }

    #[test]
    fn an_order_is_voided_from_any_state_before_collected() {
        for status in [Status::Placed, Status::Preparing, Status::Ready] {
            let got = next(status, PaymentStatus::Paid, Action::Void);
            assert_eq!(got, Move::Status(Status::Voided));
        }
        assert_eq!(
            next(Status::Collected, PaymentStatus::Due, Action::Void),
            Move::Illegal
        );
        assert_eq!(
            next(Status::Voided, PaymentStatus::Due, Action::Void),
            Move::Already
        );
    }

    #[test]
    fn only_what_was_paid_is_refunded_also_after_a_void() {
        for status in STATUSES {
            let refund = |payment| next(status, payment, Action::Refund);
            assert_eq!(
                refund(PaymentStatus::Paid),
                Move::Payment(PaymentStatus::Refunded)
            );
            assert_eq!(refund(PaymentStatus::Refunded), Move::Already);
            assert_eq!(refund(PaymentStatus::Due), Move::Illegal);
        }
        assert_eq!(
            next(Status::Voided, PaymentStatus::Due, Action::Pay),
            Move::Illegal
        );
    }

    #[test]
    fn a_provider_is_asked_says_no_and_is_asked_again_or_let_be() {
        use PaymentStatus::{Due, Failed, Paid, Pending, Refunded};
        for status in STATUSES {
            let moved = |payment, action| next(status, payment, action);
            let alive = status != Status::Voided;
            for (from, to) in [(Due, Pending), (Failed, Pending)] {
                let want = if alive {
                    Move::Payment(to)
                } else {
                    Move::Illegal
                };
                assert_eq!(moved(from, Action::Ask), want, "{status:?} {from:?}");
            }
            assert_eq!(moved(Pending, Action::Fail), Move::Payment(Failed));
            assert_eq!(moved(Pending, Action::Owe), Move::Payment(Due));
            assert_eq!(moved(Failed, Action::Owe), Move::Payment(Due));
            for (there, action) in [
                (Pending, Action::Ask),
                (Failed, Action::Fail),
                (Due, Action::Owe),
            ] {
                assert_eq!(moved(there, action), Move::Already);
                assert_eq!(moved(Paid, action), Move::Illegal);
                assert_eq!(moved(Refunded, action), Move::Illegal);
            }
            assert_eq!(moved(Due, Action::Fail), Move::Illegal);
        }
    }

    #[test]
    fn money_that_came_in_while_the_order_was_voided_is_there_to_be_given_back() {
        let paid = next(Status::Voided, PaymentStatus::Pending, Action::Pay);
        assert_eq!(paid, Move::Payment(PaymentStatus::Paid));
        let back = next(Status::Voided, PaymentStatus::Paid, Action::Refund);
        assert_eq!(back, Move::Payment(PaymentStatus::Refunded));
    }

    #[test]
    fn lines_are_refunded_while_something_is_paid_and_never_twice_over() {
        for status in STATUSES {
            let refund = |payment| next(status, payment, Action::RefundLines);
            let paid = Move::Payment(PaymentStatus::Paid);
            assert_eq!(refund(PaymentStatus::Paid), paid);
            for payment in [
                PaymentStatus::Due,
                PaymentStatus::Pending,
                PaymentStatus::Failed,
                PaymentStatus::Refunded,
            ] {
                assert_eq!(refund(payment), Move::Illegal, "{payment:?}");
            }
        }
    }
}
