//! The report of a business day: what was sold, taxed, paid, voided and refunded.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use serde::Serialize;

use crate::cart::Method;
use crate::money::{Currency, Rate};
use crate::order::{Order, PaymentStatus, Status};
use crate::pricing::Line;
use crate::text::Text;

/// Sums over the orders of one business day. Voided orders count in `voids` alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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
    /// Tax by rate.
    pub tax_by_rate: Vec<TaxSum>,
    /// Orders and sums by payment method and status.
    pub by_payment: Vec<PaymentSum>,
    /// Quantities and sums by item.
    pub by_item: Vec<ItemSum>,
    /// Orders and sums by local hour.
    pub by_hour: Vec<HourSum>,
    /// Voided orders.
    pub voids: Sum,
    /// Refunded orders.
    pub refunds: Sum,
}

/// A count and an amount.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
}

/// Tax of one rate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TaxSum {
    /// The rate as a decimal text.
    pub rate: String,
    /// What was sold at it, without tax.
    pub net: i64,
    /// The tax.
    pub tax: i64,
}

/// Orders of one payment method and status.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaymentSum {
    /// How.
    pub method: Method,
    /// How far.
    pub status: PaymentStatus,
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
}

/// Sales of one item.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ItemSum {
    /// The item's identity.
    pub item: String,
    /// What it was called, in the latest order that held it.
    pub name: Text,
    /// How many.
    pub quantity: u64,
    /// Sum of the line totals.
    pub amount: i64,
}

/// Orders of one local hour.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HourSum {
    /// 0 to 23 in the store's time zone.
    pub hour: i8,
    /// How many orders.
    pub count: u64,
    /// Their totals.
    pub amount: i64,
}

/// Sums the orders of a business day up.
#[must_use]
pub fn day_report<'a>(
    business_date: jiff::civil::Date,
    currency: Currency,
    zone: &TimeZone,
    orders: impl IntoIterator<Item = &'a Order>,
) -> DayReport {
    let mut tally = Tally::default();
    for order in orders {
        tally.add(order, zone);
    }
    tally.report(business_date, currency)
}

/// The sums while they grow.
#[derive(Default)]
struct Tally<'a> {
    sold: Sum,
    net: i64,
    tax: i64,
    rates: BTreeMap<Rate, (i64, i64)>,
    payments: BTreeMap<(Method, &'static str), (PaymentStatus, Sum)>,
    items: BTreeMap<&'a str, (&'a Text, u64, i64)>,
    hours: BTreeMap<i8, Sum>,
    voids: Sum,
    refunds: Sum,
}

impl<'a> Tally<'a> {
    fn add(&mut self, order: &'a Order, zone: &TimeZone) {
        if order.payment.status == PaymentStatus::Refunded {
            self.refunds.add(order.total);
        }
        if order.status == Status::Voided {
            self.voids.add(order.total);
            return;
        }
        self.sold.add(order.total);
        self.net += order.subtotal;
        self.tax += order.tax;
        let status = order.payment.status;
        let payment = self.payments.entry((order.payment.method, status.as_str()));
        payment
            .or_insert((status, Sum::default()))
            .1
            .add(order.total);
        let local = order.placed_at.timestamp().to_zoned(zone.clone());
        self.hours.entry(local.hour()).or_default().add(order.total);
        for line in &order.lines {
            self.add_line(line);
        }
    }

    fn add_line(&mut self, line: &'a Line) {
        let (net, tax) = self.rates.entry(line.tax_rate).or_default();
        *net += line.total - if line.tax_inclusive { line.tax } else { 0 };
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
        let payment_sum = |((method, _), (status, Sum { count, amount }))| PaymentSum {
            method,
            status,
            count,
            amount,
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
            tax_by_rate: self.rates.into_iter().map(rate_sum).collect(),
            by_payment: self.payments.into_iter().map(payment_sum).collect(),
            by_item: self.items.into_iter().map(item_sum).collect(),
            by_hour: self.hours.into_iter().map(hour_sum).collect(),
            voids: self.voids,
            refunds: self.refunds,
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

    #[test]
    fn voided_orders_count_as_voids_alone() {
        let mut voided = order();
        voided.status = Status::Voided;
        let mut refunded = order();
        refunded.payment.status = PaymentStatus::Refunded;
        let orders = [order(), voided, refunded];
        let date = order().business_date;
        let report = day_report(date, order().currency, &TimeZone::UTC, &orders);
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
}
