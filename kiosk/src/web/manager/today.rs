//! Today at a glance.

use askama::Template;
use kiosk_core::menu::Item;
use kiosk_core::order::Status;
use kiosk_core::report::DayReport;

use super::chart::{Chart, HEIGHT, MIX, WIDTH, mix};
use super::link::Facts;
use super::orders::Row;
use super::shell::Shell;
use super::small;
use super::stock::StockRow;
use super::store::Store;
use crate::web::pictures::Url;
use crate::web::staff::{age, asset, icon, local, span, station_name};
use crate::web::text::Language;

/// Rows of the lists; the rest is one touch away.
const TOP: usize = 6;
const LIVE: usize = 6;
const STOCK: usize = 5;
/// The length of a bar in the list of dishes.
const BAR: u64 = 100;

#[derive(Template)]
#[template(path = "manager/today.html")]
struct Page<'a> {
    shell: Shell<'a>,
    sums: Sums,
    chart: Chart,
    chart_text: String,
    takings: Chart,
    takings_text: String,
    mix: Vec<Part>,
    mix_text: String,
    top: Vec<TopItem<'a>>,
    queues: Vec<Queue>,
    in_work: String,
    rows: Vec<Row<'a>>,
    stock: Vec<StockRow<'a>>,
    facts: Facts,
}

struct Sums {
    gross: String,
    gross_note: String,
    orders: u64,
    orders_note: String,
    average: String,
    average_note: String,
    due: String,
    due_note: String,
}

/// What a part of the money came in as.
struct Part {
    tender: &'static str,
    name: String,
    x: i64,
    width: i64,
    told: String,
}

struct TopItem<'a> {
    name: &'a str,
    picture: Option<Url>,
    quantity: u64,
    amount: String,
    bar: u64,
}

/// What waits at a station.
struct Queue {
    name: String,
    items: u32,
    oldest: String,
    tone: &'static str,
}

impl Store {
    pub(super) fn today(&self, lang: Option<&str>) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "today");
        let (t, tag) = (shell.frame.t, shell.frame.tag);
        let report = self.report();
        let hour = self
            .is_open()
            .then(|| local(self.now, &self.menu.time_zone).hour());
        let in_the_kitchen = self.cooking().count();
        let rows: Vec<_> = self
            .unfinished()
            .take(LIVE)
            .map(|kept| self.row(kept, t, tag))
            .collect();
        Page {
            sums: self.sums(&report, t),
            chart: Chart::new(&report.by_hour, self.starts, hour, |sum| sum.count),
            chart_text: chart_text(&report, t),
            takings: Chart::new(&report.by_hour, self.starts, hour, |sum| {
                whole_units(&report, sum.amount)
            }),
            takings_text: takings_text(&report, t),
            mix_text: parts(&report, t)
                .iter()
                .map(|part| format!("{} {}", part.name, part.told))
                .collect::<Vec<_>>()
                .join(&t.say("list-comma")),
            mix: parts(&report, t),
            top: self.top(&report, t, tag),
            queues: self.queues(t),
            in_work: t.count("today-tickets", small(in_the_kitchen)),
            stock: self.watched(t, tag),
            facts: self.facts(t),
            rows,
            shell,
        }
        .render()
    }

    fn sums(&self, report: &DayReport, t: &Language) -> Sums {
        let money = |minor| t.money(report.currency, minor);
        let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        let sold = i64::try_from(report.orders).unwrap_or(i64::MAX);
        let dishes: u64 = report.by_item.iter().map(|item| item.quantity).sum();
        let eat_in = self.orders.iter().filter(|kept| {
            kept.order.status != Status::Voided && kept.order.service.as_str() == "eat_in"
        });
        let eat_in = u64::try_from(eat_in.count()).unwrap_or(u64::MAX);
        let due: i64 = self.unpaid().map(|kept| kept.order.to_pay()).sum();
        let mut args = fluent_bundle::FluentArgs::new();
        args.set("in", eat_in);
        args.set("away", report.orders.saturating_sub(eat_in));
        Sums {
            gross: money(report.gross),
            gross_note: t.say_one("today-tax-of", "tax", &money(report.tax)),
            orders: report.orders,
            orders_note: t.say_with("today-services", &args),
            average: money(report.gross.checked_div(sold).unwrap_or(0)),
            average_note: t.count("today-dishes", count(dishes)),
            due: money(due),
            due_note: t.count("today-unpaid", small(self.unpaid().count())),
        }
    }

    fn top<'a>(&'a self, report: &DayReport, t: &Language, tag: &str) -> Vec<TopItem<'a>> {
        let mut sold: Vec<_> = report
            .by_item
            .iter()
            .filter_map(|sum| Some((self.menu.item(&sum.item)?, sum)))
            .collect();
        sold.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.quantity, sum.amount)));
        let most = sold.first().map_or(1, |(_, sum)| sum.quantity.max(1));
        sold.into_iter()
            .take(TOP)
            .map(|(item, sum)| TopItem {
                name: item.name.get(tag),
                picture: self.picture(item),
                quantity: sum.quantity,
                amount: t.money(report.currency, sum.amount),
                bar: (sum.quantity.saturating_mul(BAR) / most).max(2),
            })
            .collect()
    }

    fn cooking(&self) -> impl Iterator<Item = &super::store::Kept> {
        self.unfinished()
            .filter(|kept| kept.order.status != Status::Ready)
    }

    fn queues(&self, t: &Language) -> Vec<Queue> {
        let mut stations: Vec<&str> = Vec::new();
        for station in self
            .menu
            .items()
            .iter()
            .filter_map(|item| item.station.as_deref())
        {
            if !stations.contains(&station) {
                stations.push(station);
            }
        }
        let queue = |station: &str| {
            let mut items = 0_u32;
            let mut oldest = None;
            for kept in self.cooking() {
                let here = kept.order.lines.iter().filter(|line| {
                    let of_menu = || self.menu.item(&line.item)?.station.as_deref();
                    line.station.as_deref().or_else(of_menu) == Some(station)
                });
                let count: u32 = here.map(|line| line.quantity).sum();
                items = items.saturating_add(count);
                if count > 0 {
                    // Newest first: the last one seen is the oldest.
                    oldest = Some(age(kept.order.placed_at, self.now));
                }
            }
            Queue {
                name: station_name(t, station),
                items,
                tone: match oldest {
                    None => "plain",
                    Some(seconds) => match self.patience.heat(seconds) {
                        "late" => "bad",
                        "care" => "care",
                        _ => "good",
                    },
                },
                oldest: oldest.map_or_else(
                    || t.say("today-idle"),
                    |seconds| t.say_one("today-oldest", "span", &span(t, seconds)),
                ),
            }
        };
        stations.into_iter().map(queue).collect()
    }

    /// The dishes whose stock is worth a look: those that are out, then those of which least is left.
    fn watched<'a>(&'a self, t: &Language, tag: &str) -> Vec<StockRow<'a>> {
        let mut watched: Vec<(&Item, u32)> = self
            .menu
            .items()
            .iter()
            .filter_map(|item| {
                let level = self.level(item);
                let left = if level.available { level.left } else { Some(0) };
                Some((item, left?))
            })
            .collect();
        watched.sort_by_key(|(_, left)| *left);
        watched
            .into_iter()
            .take(STOCK)
            .map(|(item, _)| self.stock_row(item, t, tag))
            .collect()
    }
}

/// An amount in whole units of its currency.
fn whole_units(report: &DayReport, minor: i64) -> u64 {
    let unit = 10_i64.pow(u32::from(report.currency.exponent()));
    u64::try_from((minor + unit / 2) / unit).unwrap_or(0)
}

fn takings_text(report: &DayReport, t: &Language) -> String {
    let hour = |sum: &kiosk_core::report::HourSum| {
        format!(
            "{:02}:00 {}",
            sum.hour,
            t.money(report.currency, sum.amount)
        )
    };
    let hours: Vec<_> = report.by_hour.iter().map(hour).collect();
    let title = t.say("today-takings");
    format!("{title}: {}", hours.join(&t.say("list-comma")))
}

fn parts(report: &DayReport, t: &Language) -> Vec<Part> {
    let parts = mix(&report.by_tender).into_iter().map(|share| Part {
        tender: share.tender,
        name: t.say(&format!("tender-{}", share.tender)),
        x: share.x,
        width: share.width,
        told: format!(
            "{} · {} %",
            t.money(report.currency, share.amount),
            share.percent
        ),
    });
    parts.collect()
}

/// The chart in words, for those who don't see it.
fn chart_text(report: &DayReport, t: &Language) -> String {
    let hour = |sum: &kiosk_core::report::HourSum| format!("{:02}:00 {}", sum.hour, sum.count);
    let hours: Vec<_> = report.by_hour.iter().map(hour).collect();
    let title = t.say("today-per-hour");
    format!("{title}: {}", hours.join(&t.say("list-comma")))
}
