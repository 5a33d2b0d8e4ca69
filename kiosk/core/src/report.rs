//! The report of a business day: what was sold, taxed, paid, voided and refunded.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::cart::Method;
use crate::cash::{CashEntry, Drawer, drawer};
use crate::money::{Currency, Rate};
use crate::order::{Order, PaymentStatus, Status, Tender};
use crate::pricing::Line;
use crate::text::Text;

/// Sums over the orders of one business day. Voided orders count in `voids` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayReport {
    /// The business day.
    pub business_date: jiff::civil::Date,
    /// What all amounts are in.
    pub currency: Currency,
    /// How many orders were not voided.
    pub orders: u64,
    /// Their sum, tax included.
    pub gross: i64,
    /// Their sum without tax.
    pub net: i64,
    /// Their tax.
    pub tax: i64,
    /// What one came to on average, rounded down; 0 without orders.
    pub average: i64,
    /// How many were neither collected nor voided yet.
    pub open_orders: u64,
    /// Orders with a tip, and the tips. Not in `gross`.
    pub tips: Sum,
    /// What each promotion took off. Not in `gross` any more.
    pub discounts: Vec<DiscountSum>,
    /// Tax by rate.
    pub tax_by_rate: Vec<TaxSum>,
    /// Orders and sums by payment method and status.
    pub by_payment: Vec<PaymentSum>,
    /// Money received by what it came in as, tips included, and what was given back of it. Voided
    /// orders count too: their money is there until it is refunded.
    #[serde(default)]
    pub by_tender: Vec<TenderSum>,
    /// Quantities and sums by item.
    pub by_item: Vec<ItemSum>,
    /// Orders and sums by local hour.
    pub by_hour: Vec<HourSum>,
    /// Voided orders.
    pub voids: Sum,
    /// Orders of which money was given back, and that money, tips included.
    pub refunds: Sum,
    /// The cash drawer.
    pub cash: Drawer,
    /// The number of the Z report, once the day was closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub z: Option<u64>,
}

/// What one promotion took off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscountSum {
    /// The promotion's identity.
    pub promotion: String,
    /// What it was called, in the latest order that it was part of.
    pub name: Text,
    /// How many orders.
    pub count: u64,
    /// How much.
    pub amount: i64,
}

/// A count and an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
}

/// Tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxSum {
    /// The rate as a decimal text.
    pub rate: String,
    /// What was sold at it, without tax.
    pub net: i64,
    /// The tax.
    pub tax: i64,
}

/// Orders of one payment method and status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentSum {
    /// How.
    pub method: Method,
    /// How far.
    pub status: PaymentStatus,
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
    /// Their tips.
    pub tips: i64,
    /// What was given back of both.
    pub refunded: i64,
}

/// Money received as one tender.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenderSum {
    /// What it came in as.
    pub tender: Received,
    /// Of how many orders.
    pub count: u64,
    /// Totals and tips.
    pub amount: i64,
    /// What was given back of them.
    pub refunded: i64,
}

/// What money came in as: at the counter what was said there, else the way of paying.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Received {
    /// Into the drawer.
    Cash,
    /// By a card.
    Card,
    /// By a QR code through the cloud.
    Qr,
    /// By a voucher or anything else.
    Other,
}

impl Received {
    /// What the money of a paid order came in as.
    #[must_use]
    pub fn of(order: &Order) -> Self {
        match (order.payment.tender, order.payment.method) {
            (Some(Tender::Cash), _) | (None, Method::Counter) => Self::Cash,
            (Some(Tender::Card), _) | (None, Method::Card) => Self::Card,
            (None, Method::Qr) => Self::Qr,
            (Some(Tender::Other), _) => Self::Other,
        }
    }

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cash => "cash",
            Self::Card => "card",
            Self::Qr => "qr",
            Self::Other => "other",
        }
    }
}

/// Sales of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemSum {
    /// The item's identity.
    pub item: String,
    /// What it was called, in the latest order that held it.
    pub name: Text,
    /// How many.
    pub quantity: u64,
    /// Sum of the line totals, before discounts.
    pub amount: i64,
}

/// Orders of one local hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourSum {
    /// 0 to 23 in the store's time zone.
    pub hour: i8,
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
}

/// Sums the orders of a business day up, and its drawer.
#[must_use]
pub fn day_report<'a>(
    business_date: jiff::civil::Date,
    currency: Currency,
    zone: &TimeZone,
    orders: impl IntoIterator<Item = &'a Order> + Clone,
    cash: &[CashEntry],
) -> DayReport {
    let mut tally = Tally::default();
    for order in orders.clone() {
        tally.add(order, zone);
    }
    DayReport {
        cash: drawer(orders, cash),
        ..tally.report(business_date, currency)
    }
}

/// The sums while they grow.
#[derive(Default)]
struct Tally<'a> {
    sold: Sum,
    net: i64,
    tax: i64,
    open: u64,
    tips: Sum,
    discounts: BTreeMap<&'a str, (&'a Text, Sum)>,
    rates: BTreeMap<Rate, (i64, i64)>,
    payments: BTreeMap<(Method, &'static str), PaymentSum>,
    tenders: BTreeMap<Received, TenderSum>,
    items: BTreeMap<&'a str, (&'a Text, u64, i64)>,
    hours: BTreeMap<i8, Sum>,
    voids: Sum,
    refunds: Sum,
}

impl<'a> Tally<'a> {
    fn add(&mut self, order: &'a Order, zone: &TimeZone) {
        if order.refunded() > 0 || order.payment.status == PaymentStatus::Refunded {
            self.refunds.add(order.refunded());
        }
        self.add_tender(order);
        if order.status == Status::Voided {
            self.voids.add(order.total);
            return;
        }
        self.sold.add(order.total);
        self.net += order.subtotal;
        self.tax += order.tax;
        self.open += u64::from(order.status != Status::Collected);
        if order.tip > 0 {
            self.tips.add(order.tip);
        }
        for discount in &order.discounts {
            let sum = self.discounts.entry(&discount.promotion);
            let sum = sum.or_insert((&discount.name, Sum::default()));
            sum.0 = &discount.name;
            sum.1.add(discount.amount);
        }
        self.add_payment(order);
        let local = order.placed_at.timestamp().to_zoned(zone.clone());
        self.hours.entry(local.hour()).or_default().add(order.total);
        for line in &order.lines {
            self.add_line(line);
        }
    }

    fn add_payment(&mut self, order: &Order) {
        // What was to be paid by card and came in at the counter is in its drawer.
        let method = match order.payment.method {
            Method::Card if order.in_cash() => Method::Counter,
            method => method,
        };
        let status = order.payment.status;
        let sum = self.payments.entry((method, status.as_str()));
        let sum = sum.or_insert(PaymentSum {
            method,
            status,
            count: 0,
            amount: 0,
            tips: 0,
            refunded: 0,
        });
        sum.count += 1;
        sum.amount += order.total;
        sum.tips += order.tip;
        sum.refunded += order.refunded();
    }

    fn add_tender(&mut self, order: &Order) {
        let status = order.payment.status;
        if !matches!(status, PaymentStatus::Paid | PaymentStatus::Refunded) {
            return;
        }
        let tender = Received::of(order);
        let sum = self.tenders.entry(tender).or_insert(TenderSum {
            tender,
            count: 0,
            amount: 0,
            refunded: 0,
        });
        sum.count += 1;
        sum.amount += order.to_pay();
        sum.refunded += order.refunded();
    }

    fn add_line(&mut self, line: &'a Line) {
        let (net, tax) = self.rates.entry(line.tax_rate).or_default();
        *net += line.discounted() - if line.tax_inclusive { line.tax } else { 0 };
        *tax += line.tax;
        let item = self.items.entry(&line.item).or_insert((&line.name, 0, 0));
        *item = (
            &line.name,
            item.1 + u64::from(line.quantity),
            item.2 + line.total,
        );
    }

    fn report(self, business_date: jiff::civil::Date, currency: Currency) -> DayReport {
        let rate_sum = |(rate, (net, tax)): (Rate, _)| TaxSum {
            rate: rate.to_string(),
            net,
            tax,
        };
        let discount_sum = |(promotion, (name, sum)): (&str, (&Text, Sum))| DiscountSum {
            promotion: promotion.to_owned(),
            name: name.clone(),
            count: sum.count,
            amount: sum.amount,
        };
        let item_sum = |(item, (name, quantity, amount)): (&str, (&Text, _, _))| ItemSum {
            item: item.to_owned(),
            name: name.clone(),
            quantity,
            amount,
        };
        let hour_sum = |(hour, Sum { count, amount })| HourSum {
            hour,
            count,
            amount,
        };
        DayReport {
            business_date,
            currency,
            orders: self.sold.count,
            gross: self.sold.amount,
            net: self.net,
            tax: self.tax,
            average: i64::try_from(self.sold.count)
                .ok()
                .and_then(|count| self.sold.amount.checked_div(count))
                .unwrap_or(0),
            open_orders: self.open,
            tips: self.tips,
            discounts: self.discounts.into_iter().map(discount_sum).collect(),
            tax_by_rate: self.rates.into_iter().map(rate_sum).collect(),
            by_payment: self.payments.into_values().collect(),
            by_tender: self.tenders.into_values().collect(),
            by_item: self.items.into_iter().map(item_sum).collect(),
            by_hour: self.hours.into_iter().map(hour_sum).collect(),
            voids: self.voids,
            refunds: self.refunds,
            cash: Drawer::default(),
            z: None,
        }
    }
}

impl Sum {
    fn add(&mut self, amount: i64) {
        self.count += 1;
        self.amount += amount;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fold::tests::order;
    use proptest::prelude::*;

    #[test]
    fn voided_orders_count_as_voids_alone() {
        let mut voided = order();
        voided.status = Status::Voided;
        let mut refunded = order();
        refunded.payment.status = PaymentStatus::Refunded;
        let orders = [order(), voided, refunded];
        let date = order().business_date;
        let report = day_report(date, order().currency, &TimeZone::UTC, &orders, &[]);
        assert_eq!((report.orders, report.gross), (2, 200));
        assert_eq!((report.voids.count, report.refunds.amount), (1, 100));
        assert_eq!(
            report.by_hour,
            [HourSum {
                hour: 0,
                count: 2,
                amount: 200
            }]
        );
    }

    #[test]
    fn tips_discounts_and_refunds_are_told_beside_what_was_sold() {
        let mut tipped = order();
        tipped.tip = 15;
        tipped.payment.status = PaymentStatus::Paid;
        tipped.refunds = serde_json::from_value(serde_json::json!([
            {"at": "2026-11-20T09:30:00.000Z", "amount": 40, "lines": []}
        ]))
        .unwrap();
        tipped.discounts = serde_json::from_value(serde_json::json!([
            {"promotion": "tea", "name": {"en": "Tea"}, "amount": 25}
        ]))
        .unwrap();
        tipped.lines = serde_json::from_value(serde_json::json!([{
            "item": "tea", "name": {"en": "Tea"}, "quantity": 1, "unit_price": 125, "total": 125,
            "discount": 25, "tax_rate": "0.1", "tax": 9,
        }]))
        .unwrap();
        let date = order().business_date;
        let currency = order().currency;
        let report = day_report(date, currency, &TimeZone::UTC, &[tipped, order()], &[]);
        assert_eq!(
            (report.gross, report.average, report.open_orders),
            (200, 100, 2)
        );
        assert_eq!((report.tips.count, report.tips.amount), (1, 15));
        assert_eq!((report.refunds.count, report.refunds.amount), (1, 40));
        assert_eq!(report.discounts[0].amount, 25);
        assert_eq!(
            (report.tax_by_rate[0].net, report.tax_by_rate[0].tax),
            (91, 9)
        );
        assert_eq!(report.by_item[0].amount, 125);
        let paid = report.by_payment.iter().find(|sum| sum.tips > 0).unwrap();
        assert_eq!((paid.amount, paid.refunded), (100, 40));
        assert_eq!(report.cash.expected, 75);
    }

    /// An order with whole lines: what is paid for them is its total, their tax its tax.
    fn arbitrary() -> impl Strategy<Value = Order> {
        let line = (1_i64..20_000, 0_i64..1_500, 0_usize..3, any::<bool>());
        let lines = prop::collection::vec(line, 1..6);
        let states = (0_usize..5, 0_usize..5, 0_usize..4, 0_usize..3);
        (lines, states, 0_i64..900, 0_i64..86_400_000).prop_map(|(lines, states, tip, at)| {
            let lines: Vec<Line> = lines.into_iter().map(line_of).collect();
            let total = lines.iter().map(Line::payable).sum();
            let tax = lines.iter().map(|line| line.tax).sum();
            let (status, payment, tender, method) = states;
            let mut order = Order {
                placed_at: crate::wall::WallTime::from_millis(at),
                subtotal: total - tax,
                tax,
                total,
                tip,
                lines,
                ..order()
            };
            use PaymentStatus::{Due, Failed, Paid, Pending, Refunded};
            use Status::{Collected, Placed, Preparing, Ready, Voided};
            order.status = [Placed, Preparing, Ready, Collected, Voided][status];
            order.payment.status = [Due, Pending, Failed, Paid, Refunded][payment];
            let tenders = [
                None,
                Some(Tender::Cash),
                Some(Tender::Card),
                Some(Tender::Other),
            ];
            order.payment.tender = tenders[tender];
            order.payment.method = [Method::Counter, Method::Card, Method::Qr][method];
            order
        })
    }

    fn line_of((total, tax, rate, inclusive): (i64, i64, usize, bool)) -> Line {
        let rate = ["0.0825", "0.1025", "0.22"][rate];
        serde_json::from_value(serde_json::json!({
            "item": "tea", "name": {"en": "Tea"}, "quantity": 1, "unit_price": total, "total": total,
            "tax_rate": rate, "tax_inclusive": inclusive,
            "tax": tax.min(total),
        }))
        .unwrap()
    }

    proptest! {
        #[test]
        fn the_parts_of_a_report_are_the_sum_of_its_orders_to_the_cent(
            orders in prop::collection::vec(arbitrary(), 0..40),
        ) {
            let (date, currency) = (order().business_date, order().currency);
            let report = day_report(date, currency, &TimeZone::UTC, &orders, &[]);
            let sold = || orders.iter().filter(|order| order.status != Status::Voided);
            let total: i64 = sold().map(|order| order.total).sum();
            prop_assert_eq!(report.gross, total);
            prop_assert_eq!(report.net + report.tax, total);
            let rates = || report.tax_by_rate.iter();
            prop_assert_eq!(rates().map(|sum| sum.net + sum.tax).sum::<i64>(), total);
            prop_assert_eq!(rates().map(|sum| sum.tax).sum::<i64>(), report.tax);
            for sum in rates() {
                let rate: Rate = sum.rate.parse().unwrap();
                let lines = sold().flat_map(|order| &order.lines);
                let of_rate = lines.filter(|line| line.tax_rate == rate);
                prop_assert_eq!(sum.tax, of_rate.map(|line| line.tax).sum::<i64>());
            }
            let payments = || report.by_payment.iter();
            prop_assert_eq!(payments().map(|sum| sum.amount).sum::<i64>(), total);
            prop_assert_eq!(payments().map(|sum| sum.tips).sum::<i64>(), report.tips.amount);
            prop_assert_eq!(report.by_hour.iter().map(|sum| sum.amount).sum::<i64>(), total);
            let received = |order: &&Order| {
                matches!(order.payment.status, PaymentStatus::Paid | PaymentStatus::Refunded)
            };
            let money: i64 = orders.iter().filter(received).map(Order::to_pay).sum();
            let tenders = || report.by_tender.iter();
            prop_assert_eq!(tenders().map(|sum| sum.amount).sum::<i64>(), money);
            let given: i64 = tenders().map(|sum| sum.refunded).sum();
            prop_assert_eq!(given, report.refunds.amount);
            let cash = tenders().find(|sum| sum.tender == Received::Cash);
            let cash = cash.map_or(0, |sum| sum.amount - sum.refunded);
            prop_assert_eq!(report.cash.expected, cash);
            let text = serde_json::to_string(&report).unwrap();
            prop_assert_eq!(serde_json::from_str::<DayReport>(&text).unwrap(), report);
        }
    }
}
