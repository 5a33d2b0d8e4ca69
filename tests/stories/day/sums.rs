//! A day's sums as anybody can add them up from its orders, beside what its report says.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use serde_json::Value;

/// Count and amount.
type Sum = (u64, i64);

/// What the report has to say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    sold: Sum,
    net: i64,
    tax: i64,
    tips: Sum,
    voids: Sum,
    refunds: Sum,
    tax_by_rate: BTreeMap<String, i64>,
    by_payment: BTreeMap<String, (u64, i64, i64, i64)>,
    by_tender: BTreeMap<String, (u64, i64, i64)>,
    discounts: BTreeMap<String, Sum>,
    by_item: BTreeMap<String, (u64, i64)>,
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap_or_default()
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn add(sum: &mut Sum, amount: i64) {
    sum.0 += 1;
    sum.1 += amount;
}

/// What all of them together were asked for, tips included.
pub(super) fn asked_for(orders: &[Value]) -> i64 {
    let sums = orders
        .iter()
        .map(|order| int(&order["total"]) + int(&order["tip"]));
    sums.sum()
}

impl Sums {
    /// Adds orders up, and what was given back of each.
    pub(super) fn of(orders: &[Value], refunds: &BTreeMap<String, i64>) -> Self {
        let mut sums = Self::default();
        for order in orders {
            sums.add(order, refunds.get(&text(&order["id"])).copied());
        }
        sums
    }

    fn add(&mut self, order: &Value, refunded: Option<i64>) {
        let (total, tip) = (int(&order["total"]), int(&order["tip"]));
        let payment = &order["payment"];
        if let Some(amount) = refunded {
            add(&mut self.refunds, amount);
        }
        if let Some(tender) = payment["tender"].as_str() {
            let row = self.by_tender.entry(tender.to_owned()).or_default();
            *row = (
                row.0 + 1,
                row.1 + total + tip,
                row.2 + refunded.unwrap_or(0),
            );
        }
        if order["status"] == "voided" {
            return add(&mut self.voids, total);
        }
        add(&mut self.sold, total);
        self.net += int(&order["subtotal"]);
        self.tax += int(&order["tax"]);
        if tip > 0 {
            add(&mut self.tips, tip);
        }
        let how = format!("{} {}", text(&payment["method"]), text(&payment["status"]));
        let row = self.by_payment.entry(how).or_default();
        *row = (
            row.0 + 1,
            row.1 + total,
            row.2 + tip,
            row.3 + refunded.unwrap_or(0),
        );
        for discount in list(&order["discounts"]) {
            let sum = self.discounts.entry(text(&discount["promotion"]));
            add(sum.or_default(), int(&discount["amount"]));
        }
        for line in list(&order["lines"]) {
            *self.tax_by_rate.entry(text(&line["tax_rate"])).or_default() += int(&line["tax"]);
            let item = self.by_item.entry(text(&line["item"])).or_default();
            item.0 += count(&line["quantity"]);
            item.1 += int(&line["total"]);
        }
    }

    /// What a report says.
    pub(super) fn told(report: &Value) -> anyhow::Result<Self> {
        let sum = |value: &Value| (count(&value["count"]), int(&value["amount"]));
        let rates = list(&report["tax_by_rate"]);
        let by_rate: i64 = rates
            .iter()
            .map(|rate| int(&rate["net"]) + int(&rate["tax"]))
            .sum();
        ensure!(
            by_rate == int(&report["gross"]),
            "rates do not sum up: {report}"
        );
        let payments = list(&report["by_payment"]).iter().map(|row| {
            let how = format!("{} {}", text(&row["method"]), text(&row["status"]));
            let refunded = int(&row["refunded"]);
            (
                how,
                (
                    count(&row["count"]),
                    int(&row["amount"]),
                    int(&row["tips"]),
                    refunded,
                ),
            )
        });
        let tenders = list(&report["by_tender"]).iter().map(|row| {
            let sums = (
                count(&row["count"]),
                int(&row["amount"]),
                int(&row["refunded"]),
            );
            (text(&row["tender"]), sums)
        });
        Ok(Self {
            sold: (count(&report["orders"]), int(&report["gross"])),
            net: int(&report["net"]),
            tax: int(&report["tax"]),
            tips: sum(&report["tips"]),
            voids: sum(&report["voids"]),
            refunds: sum(&report["refunds"]),
            tax_by_rate: rates
                .iter()
                .map(|rate| (text(&rate["rate"]), int(&rate["tax"])))
                .collect(),
            by_payment: payments.collect(),
            by_tender: tenders.collect(),
            discounts: list(&report["discounts"])
                .iter()
                .map(|row| (text(&row["promotion"]), sum(row)))
                .collect(),
            by_item: list(&report["by_item"])
                .iter()
                .map(|row| {
                    (
                        text(&row["item"]),
                        (count(&row["quantity"]), int(&row["amount"])),
                    )
                })
                .collect(),
        })
    }

    /// That the day had something of everything.
    pub(super) fn is_rich(&self) -> anyhow::Result<()> {
        let parts = [
            self.tax_by_rate.len() >= 2,
            self.by_tender.len() >= 2,
            self.by_payment.len() >= 3,
            self.discounts.len() >= 2,
            self.tips.0 > 0 && self.voids.0 > 0 && self.refunds.0 > 1,
        ];
        parts
            .iter()
            .all(|part| *part)
            .then_some(())
            .with_context(|| format!("a poor day: {self:?}"))
    }

    /// Takings as the page writes them.
    pub(super) fn written(&self) -> String {
        let (dollars, cents) = (self.sold.1 / 100, self.sold.1 % 100);
        match dollars / 1000 {
            0 => format!("${dollars}.{cents:02}"),
            thousands => format!("${thousands},{:03}.{cents:02}", dollars % 1000),
        }
    }
}
