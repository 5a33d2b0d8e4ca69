//! The report of a business day on paper: X while it is open, Z once it is closed.

use kiosk_core::cash::Drawer;
use kiosk_core::menu::Menu;
use kiosk_core::report::{DayReport, Sum};
use kiosk_core::wall::WallTime;
use kiosk_paper::{Block, Sheet, all, cut, maybe, pair, rule, space, text, when};

use super::moment;
use crate::web::text::{self, Language, percent};

/// The report, made at that moment. A day that is still open gives an X report.
#[must_use]
pub fn report(
    report: &DayReport,
    menu: &Menu,
    language: &str,
    made: WallTime,
    open: bool,
) -> Sheet {
    let t = text::language(language);
    let tag = menu.language_or_own(Some(language));
    let day = Day { report, t, tag };
    let title = t.say(if open { "report-x" } else { "report-z" });
    let made = t.say_one("report-made", "time", &moment(made, menu));
    let blocks = [
        text(menu.name.get(tag)).bold().centred(),
        text(&title).large().bold().centred(),
        text(report.business_date.to_string()).tall().centred(),
        text(made).centred(),
        rule(),
        day.sums(),
        day.part("report-by-rate", day.rates()),
        day.part("report-by-payment", day.payments()),
        day.part("report-exceptions", day.exceptions()),
        when(
            report.cash != Drawer::default(),
            day.part("report-cash", day.drawer()),
        ),
        day.part("report-by-hour", day.hours()),
        day.part("report-by-item", day.items()),
        space(),
        cut(),
    ];
    Sheet::new(language, title, blocks)
}

struct Day<'a> {
    report: &'a DayReport,
    t: &'static Language,
    tag: &'a str,
}

impl Day<'_> {
    fn part(&self, title: &str, rows: Block) -> Block {
        all([rule(), text(self.t.say(title)).bold(), rows])
    }

    fn sums(&self) -> Block {
        let (report, t) = (self.report, self.t);
        all([
            pair(t.say("report-orders"), report.orders.to_string()),
            pair(t.say("report-net"), self.money(report.net)),
            pair(t.say("report-tax"), self.money(report.tax)),
            pair(t.say("report-gross"), self.money(report.gross))
                .tall()
                .bold(),
            when(
                report.tips.count > 0,
                self.counted(&t.say("tips"), report.tips.count, report.tips.amount),
            ),
        ])
    }

    fn rates(&self) -> Block {
        all(self.report.tax_by_rate.iter().map(|rate| {
            let name = self.t.say_one("paper-tax-at", "rate", &percent(&rate.rate));
            all([
                pair(name, self.money(rate.tax)),
                pair(self.t.say("report-net"), self.money(rate.net)).indented(2),
            ])
        }))
    }

    fn payments(&self) -> Block {
        all(self.report.by_payment.iter().map(|payment| {
            let method = self.t.say(&format!("method-{}", payment.method.as_str()));
            let status = self.t.say(&format!("payment-{}", payment.status.as_str()));
            self.counted(
                &format!("{method}, {status}"),
                payment.count,
                payment.amount,
            )
        }))
    }

    fn exceptions(&self) -> Block {
        let sum = |key, Sum { count, amount }| self.counted(&self.t.say(key), count, amount);
        all([
            sum("report-voids", self.report.voids),
            sum("report-refunds", self.report.refunds),
            all(self
                .report
                .discounts
                .iter()
                .map(|off| self.counted(off.name.get(self.tag), off.count, off.amount))),
        ])
    }

    /// The drawer, where somebody has counted it or put something in.
    fn drawer(&self) -> Block {
        let drawer = &self.report.cash;
        let row = |key, amount| pair(self.t.say(key), self.money(amount));
        all([
            row("cash-expected", drawer.expected),
            maybe(drawer.counted, |counted| row("cash-counted", counted)),
            maybe(drawer.difference, |difference| {
                row("cash-difference", difference).bold()
            }),
        ])
    }

    fn hours(&self) -> Block {
        all(self
            .report
            .by_hour
            .iter()
            .map(|hour| self.counted(&format!("{:02}:00", hour.hour), hour.count, hour.amount)))
    }

    fn items(&self) -> Block {
        all(self.report.by_item.iter().map(|item| {
            let name = format!("{}\u{a0}×\u{a0}{}", item.quantity, item.name.get(self.tag));
            pair(name, self.money(item.amount)).hanging(4)
        }))
    }

    fn counted(&self, name: &str, count: u64, amount: i64) -> Block {
        pair(format!("{name} ·\u{a0}{count}"), self.money(amount))
    }

    fn money(&self, minor: i64) -> String {
        self.t.money(self.report.currency, minor)
    }
}
