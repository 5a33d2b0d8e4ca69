//! The report of a business day: X while it is open, Z once it is closed. Made to be printed.

use askama::Template;
use fluent_bundle::FluentArgs;
use kiosk_core::report::{DayReport, Sum};

use super::drawer::Drawer;
use super::shell::Shell;
use super::store::Store;
use crate::web::staff::{Frame, asset, icon, local};
use crate::web::text::{Language, percent};

#[derive(Template)]
#[template(path = "manager/report.html")]
struct Page<'a> {
    shell: Shell<'a>,
    title: String,
    made: String,
    sums: Vec<(String, String, bool)>,
    parts: Vec<Part>,
    date: String,
    before: String,
    after: Option<String>,
    empty: bool,
    /// What is asked for when it is printed on a slip, where there are printers.
    slip: Option<String>,
    drawer: Drawer,
}

/// A table of the report.
struct Part {
    title: String,
    counted: String,
    rows: Vec<PartRow>,
}

struct PartRow {
    name: String,
    count: String,
    amount: String,
}

impl Store {
    pub(super) fn report_page(&self, lang: Option<&str>) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "report");
        let t = shell.frame.t;
        let report = self.told_report();
        let day = |date: Option<jiff::civil::Date>| date.map(|date| date.to_string());
        let latest = self.day.map_or(self.date, |day| day.date);
        let now = local(self.now, &self.menu.time_zone);
        Page {
            title: match report.z.filter(|_| !self.is_open()) {
                Some(z) => t.say_one("report-z-no", "z", &z.to_string()),
                None if self.is_open() => t.say("report-x"),
                None => t.say("report-z"),
            },
            drawer: self.drawer(&report, t),
            made: now.strftime("%Y-%m-%d %H:%M").to_string(),
            sums: sums(&report, t),
            parts: parts(&report, t, shell.frame.tag),
            date: self.date.to_string(),
            before: day(self.date.yesterday().ok()).unwrap_or_default(),
            after: day(self.date.tomorrow().ok().filter(|next| *next <= latest)),
            empty: self.orders.is_empty(),
            slip: (!self.printers.is_empty()).then(|| match report.z.filter(|_| !self.is_open()) {
                Some(z) => format!("z={z}"),
                None => format!("business_date={}", self.date),
            }),
            shell,
        }
        .render()
    }

    /// The same as comma-separated values (RFC 4180), amounts in plain digits.
    pub(super) fn report_csv(&self, lang: Option<&str>) -> String {
        let frame = Frame::new(&self.menu, lang, &[]);
        let report = self.told_report();
        let code = report.currency.code();
        let mut csv = String::from("part,name,count,amount,currency\r\n");
        for CsvRow(part, name, count, amount) in csv_rows(&report, frame.t, frame.tag) {
            let count = count.map_or_else(String::new, |count| count.to_string());
            let amount = amount.map_or_else(String::new, |minor| report.currency.plain(minor));
            let cells = [part, &name, &count, &amount, code].map(csv_cell);
            csv.push_str(&cells.join(","));
            csv.push_str("\r\n");
        }
        csv
    }
}

/// The sums at the head of a report, each with whether it is the total.
fn sums(report: &DayReport, t: &Language) -> Vec<(String, String, bool)> {
    let money = |minor| t.money(report.currency, minor);
    let mut sums = vec![
        (t.say("report-orders"), report.orders.to_string(), false),
        (t.say("report-average"), money(report.average), false),
        (t.say("report-net"), money(report.net), false),
        (t.say("report-tax"), money(report.tax), false),
        (t.say("report-gross"), money(report.gross), true),
    ];
    if report.tips.count > 0 {
        sums.push((t.say("tips"), money(report.tips.amount), false));
    }
    if report.open_orders > 0 {
        let open = report.open_orders.to_string();
        sums.push((t.say("report-open"), open, false));
    }
    sums
}

/// Part, name, count and amount.
struct CsvRow(&'static str, String, Option<u64>, Option<i64>);

fn csv_rows(report: &DayReport, t: &Language, tag: &str) -> Vec<CsvRow> {
    let orders = Sum {
        count: report.orders,
        amount: report.gross,
    };
    let sum = |name: &str, sum: Sum| CsvRow("sum", name.into(), Some(sum.count), Some(sum.amount));
    let mut rows = vec![
        CsvRow("day", report.business_date.to_string(), None, None),
        sum("orders", orders),
        CsvRow("sum", "net".into(), None, Some(report.net)),
        CsvRow("sum", "tax".into(), None, Some(report.tax)),
    ];
    for rate in &report.tax_by_rate {
        rows.push(CsvRow(
            "net by rate",
            rate.rate.clone(),
            None,
            Some(rate.net),
        ));
        rows.push(CsvRow(
            "tax by rate",
            rate.rate.clone(),
            None,
            Some(rate.tax),
        ));
    }
    rows.extend(report.by_payment.iter().map(|sum| {
        let name = payment_name(sum.method.as_str(), sum.status.as_str(), t);
        CsvRow("payment", name, Some(sum.count), Some(sum.amount))
    }));
    rows.extend(report.by_hour.iter().map(|sum| {
        let hour = format!("{:02}:00", sum.hour);
        CsvRow("hour", hour, Some(sum.count), Some(sum.amount))
    }));
    rows.extend(report.by_item.iter().map(|sum| {
        let name = sum.name.get(tag).to_owned();
        CsvRow("item", name, Some(sum.quantity), Some(sum.amount))
    }));
    rows.push(sum("voids", report.voids));
    rows.push(sum("refunds", report.refunds));
    rows.push(sum("tips", report.tips));
    rows.extend(report.by_tender.iter().flat_map(|sum| {
        let name = t.say(&format!("tender-{}", sum.tender.as_str()));
        let received = CsvRow("received", name.clone(), Some(sum.count), Some(sum.amount));
        [
            received,
            CsvRow("given back", name, None, Some(sum.refunded)),
        ]
    }));
    rows.extend(report.discounts.iter().map(|off| {
        let name = off.name.get(tag).to_owned();
        CsvRow("discount", name, Some(off.count), Some(off.amount))
    }));
    rows.extend(drawer_rows(report));
    rows
}

fn drawer_rows(report: &DayReport) -> impl Iterator<Item = CsvRow> {
    let cash = &report.cash;
    let drawer = [
        ("float", Some(cash.float)),
        ("taken", Some(cash.taken)),
        ("refunded", Some(cash.refunded)),
        ("put in", Some(cash.put_in)),
        ("taken out", Some(cash.taken_out)),
        ("expected", Some(cash.expected)),
        ("counted", cash.counted),
        ("difference", cash.difference),
    ];
    let row = |(name, amount): (&str, _)| CsvRow("drawer", name.into(), None, amount);
    drawer.into_iter().map(row)
}

fn parts(report: &DayReport, t: &Language, tag: &str) -> Vec<Part> {
    let money = |minor| t.money(report.currency, minor);
    let row = |name: String, count: String, amount: i64| PartRow {
        name,
        count,
        amount: money(amount),
    };
    let mut items: Vec<_> = report.by_item.iter().collect();
    items.sort_by_key(|sum| std::cmp::Reverse((sum.amount, sum.quantity)));
    let part = |title: &str, counted: &str, rows: Vec<PartRow>| Part {
        title: t.say(title),
        counted: t.say(counted),
        rows,
    };
    let taxes = report.tax_by_rate.iter().map(|sum| {
        let name = t.say_one("report-at-rate", "rate", &percent(&sum.rate));
        row(name, money(sum.net), sum.tax)
    });
    let payments = report.by_payment.iter().map(|sum| {
        let name = payment_name(sum.method.as_str(), sum.status.as_str(), t);
        row(name, sum.count.to_string(), sum.amount)
    });
    let received = report.by_tender.iter().map(|sum| {
        let name = t.say(&format!("tender-{}", sum.tender.as_str()));
        row(name, sum.count.to_string(), sum.amount - sum.refunded)
    });
    let discounts = report.discounts.iter();
    let discounts = discounts.map(|off| {
        row(
            off.name.get(tag).to_owned(),
            off.count.to_string(),
            -off.amount,
        )
    });
    let exceptions = [
        ("report-voids", report.voids),
        ("report-refunds", report.refunds),
    ];
    let exceptions = exceptions
        .into_iter()
        .map(|(key, Sum { count, amount })| row(t.say(key), count.to_string(), amount));
    let hours = report.by_hour.iter().map(|sum| {
        let name = format!("{:02}:00–{:02}:00", sum.hour, (sum.hour + 1) % 24);
        row(name, sum.count.to_string(), sum.amount)
    });
    let items = items.into_iter().map(|sum| {
        row(
            sum.name.get(tag).to_owned(),
            sum.quantity.to_string(),
            sum.amount,
        )
    });
    vec![
        part("report-by-rate", "report-net", taxes.collect()),
        part("report-by-payment", "report-count", payments.collect()),
        part("report-by-tender", "report-count", received.collect()),
        part("report-exceptions", "report-count", exceptions.collect()),
        part("report-discounts", "report-count", discounts.collect()),
        part("report-by-hour", "report-count", hours.collect()),
        part("report-by-item", "report-count", items.collect()),
    ]
}

fn payment_name(method: &str, status: &str, t: &Language) -> String {
    let mut args = FluentArgs::new();
    args.set("method", t.say(&format!("method-{method}")));
    args.set("status", t.say(&format!("payment-{status}")));
    t.say_with("report-payment", &args)
}

/// A cell that no spreadsheet takes for a formula.
pub(super) fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '@', '\t']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(csv_cell("Noodles, \"hot\""), "\"Noodles, \"\"hot\"\"\"");
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("-5.00"), "-5.00");
    }
}
