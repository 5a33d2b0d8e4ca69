//! How the dashboard's facts are put for people: in their language and time zone.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use kiosk_core::cart::Method;
use kiosk_core::money::Currency;
use kiosk_core::order::Order;
use kiosk_core::pricing::Line;
use kiosk_core::wall::WallTime;

use super::facts::{Facts, KioskState};
use super::lines::{CareLine, Figures, HourBar, Hours, KioskLine, OrderLine, StoreLine};
use super::words::Words;
use crate::ledger::orders::{Listed, StoreSum};

/// Lines that the cards have room for.
const KIOSKS_SHOWN: usize = 8;
const STORES_SHOWN: usize = 5;

/// For whom the page is put.
#[derive(Clone)]
pub(crate) struct Reader {
    pub(crate) words: &'static Words,
    pub(crate) zone: TimeZone,
    pub(crate) zone_name: String,
    pub(crate) now: WallTime,
}

/// An amount as people write it: `$2,486.40`.
pub(crate) fn money(code: &str, minor: i64) -> String {
    let Ok(currency) = code.parse::<Currency>() else {
        return format!("{minor} {code}");
    };
    let plain = currency.plain(minor.saturating_abs());
    let (whole, part) = plain
        .split_once('.')
        .map_or((plain.as_str(), None), |(w, p)| (w, Some(p)));
    let sign = if minor < 0 { "−" } else { "" };
    let part = part.map_or(String::new(), |part| format!(".{part}"));
    format!("{sign}{}{}{part}", currency.symbol(), grouped(whole))
}

/// Digits in groups of three.
pub(crate) fn grouped(digits: &str) -> String {
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Reader {
    fn local(&self, at: WallTime, format: &str) -> String {
        at.timestamp()
            .to_zoned(self.zone.clone())
            .strftime(format)
            .to_string()
    }

    pub(crate) fn clock(&self) -> String {
        self.local(self.now, "%H:%M:%S")
    }

    /// Date and time of day.
    pub(crate) fn stamp(&self, at: WallTime) -> String {
        self.local(at, "%Y-%m-%d %H:%M")
    }

    /// A business date in words.
    pub(crate) fn date(&self, date: &str) -> String {
        let Ok(date) = date.parse::<Date>() else {
            return date.to_owned();
        };
        let format = if self.words.tag == "en" {
            "%A %-d %B %Y"
        } else {
            "%Y年%-m月%-d日"
        };
        date.strftime(format).to_string()
    }

    fn ago(&self, at: Option<WallTime>) -> String {
        let Some(at) = at else {
            return self.words.t("never");
        };
        let seconds = u64::try_from((self.now.as_millis() - at.as_millis()) / 1000).unwrap_or(0);
        match seconds {
            0..10 => self.words.t("now"),
            10..60 => self.words.t1("ago-s", "n", seconds),
            60..3600 => self.words.t1("ago-m", "n", seconds / 60),
            3600..86_400 => self.words.t1("ago-h", "n", seconds / 3600),
            _ => self.words.t1("ago-d", "n", seconds / 86_400),
        }
    }

    pub(crate) fn figures(&self, facts: &Facts, kiosks: &[KioskState]) -> Figures {
        let mut by_currency = BTreeMap::<&str, (i64, i64, i64)>::new();
        for sum in &facts.sums {
            let entry = by_currency.entry(&sum.currency).or_default();
            *entry = (entry.0 + sum.gross, entry.1 + sum.tax, entry.2 + sum.orders);
        }
        let mut totals: Vec<_> = by_currency.into_iter().collect();
        totals.sort_by_key(|(_, (_, _, orders))| -orders);
        let first = totals.first().copied().unwrap_or(("USD", (0, 0, 0)));
        let (code, (gross, tax, _)) = first;
        let orders: i64 = facts.sums.iter().map(|sum| sum.orders).sum();
        let voided: i64 = facts.sums.iter().map(|sum| sum.voided).sum();
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        let depth = kiosks.iter().map(|kiosk| kiosk.depth).sum();
        let selling = facts.sums.iter().map(|sum| &sum.store);
        let selling = selling.collect::<BTreeSet<_>>().len();
        Figures {
            gross: money(code, gross),
            more_gross: totals
                .iter()
                .skip(1)
                .map(|(code, sums)| money(code, sums.0))
                .collect(),
            gross_sub: self.words.t1("gross-sub", "tax", money(code, tax).as_str()),
            orders: grouped(&orders.to_string()),
            orders_sub: self.words.t1("orders-sub", "voided", count(voided)),
            average: money(code, gross.checked_div(first.1.2).unwrap_or(0)),
            average_sub: self.words.t1(
                "average-sub",
                "stores",
                u64::try_from(selling).unwrap_or(0),
            ),
            reachable: kiosks
                .iter()
                .filter(|kiosk| kiosk.link != "offline")
                .count(),
            kiosks: kiosks.len(),
            reachable_sub: match depth {
                0 => self.words.t("reachable-all"),
                depth => self.words.t1("reachable-sub", "depth", depth),
            },
            depth,
        }
    }

    pub(crate) fn orders(&self, facts: &Facts) -> Vec<OrderLine> {
        facts
            .latest
            .iter()
            .map(|(listed, order)| self.order(listed, order.as_ref()))
            .collect()
    }

    fn order(&self, listed: &Listed, order: Option<&Order>) -> OrderLine {
        let row = &listed.row;
        let lines = order.map_or(&[][..], |order| &order.lines);
        let item = |line: &Line| match line.quantity {
            1 => line.name.get(self.words.tag).to_owned(),
            many => format!("{} ×{many}", line.name.get(self.words.tag)),
        };
        let items: Vec<String> = lines.iter().map(item).collect();
        let method = order.map_or("counter", |order| match order.payment.method {
            Method::Counter => "counter",
            Method::Card => "card",
            Method::Qr => "qr",
        });
        let mut flags = Vec::new();
        if row.parked > 0 {
            flags.push(self.words.t("flag-parked"));
        }
        if row.refused > 0 {
            flags.push(self.words.t("flag-conflict"));
        }
        let today = self.local(self.now, "%Y-%m-%d");
        let day = self.local(row.placed_at, "%Y-%m-%d");
        OrderLine {
            id: row.order.to_string(),
            number: row.number.clone(),
            time: self.local(row.placed_at, "%H:%M"),
            day: if day == today { String::new() } else { day },
            store: listed.store.clone(),
            kiosk: listed.kiosk.clone(),
            items: items.join(" · "),
            total: money(&row.currency, row.total),
            method: self.words.t(&format!("method-{method}")),
            status_text: self.words.t(&format!("status-{}", row.status)),
            status: row.status.clone(),
            payment: self.words.t(&format!("pay-{}", row.payment_status)),
            flags,
        }
    }

    pub(crate) fn stores(&self, facts: &Facts) -> Vec<StoreLine> {
        let mut sums: Vec<&StoreSum> = facts.sums.iter().collect();
        sums.sort_by_key(|sum| (-sum.gross, &sum.store));
        let most = sums.first().map_or(1, |sum| sum.gross.max(1));
        let shown = sums.into_iter().take(STORES_SHOWN);
        shown
            .map(|sum| StoreLine {
                name: sum.store.clone(),
                orders: self.words.t1(
                    "store-orders",
                    "orders",
                    u64::try_from(sum.orders).unwrap_or(0),
                ),
                gross: money(&sum.currency, sum.gross),
                part: (sum.gross.max(0) * 1000 / most).clamp(0, 1000),
            })
            .collect()
    }

    pub(crate) fn kiosks(&self, kiosks: &[KioskState]) -> Vec<KioskLine> {
        let shown = kiosks.iter().take(KIOSKS_SHOWN);
        shown
            .map(|kiosk| KioskLine {
                store: kiosk.store.clone(),
                kiosk: kiosk.kiosk.clone(),
                seen: self.ago(kiosk.last_seen),
                link: kiosk.link,
                link_text: self.words.t(&format!("link-{}", kiosk.link)),
                unsent: (kiosk.depth > 0).then(|| self.words.t1("unsent", "n", kiosk.depth)),
                version: kiosk.version.clone(),
            })
            .collect()
    }

    pub(crate) fn hours(&self, facts: &Facts) -> Hours {
        const HEIGHT: u64 = 200;
        const STEP: usize = 56;
        let first = facts.hours.first().map_or(0, |hour| hour.0);
        let last = facts.hours.last().map_or(0, |hour| hour.0);
        // A day of orders that were placed far apart shows its latest hours.
        let first = first.max(last - 17);
        let counts: BTreeMap<i64, u64> = facts.hours.iter().copied().collect();
        let most = counts.values().copied().max().unwrap_or(0).max(1);
        let top = nice(most);
        let hours = if facts.hours.is_empty() {
            0..0
        } else {
            first..(last + 1).max(first + 8)
        };
        let bars = hours.enumerate().map(|(index, hour)| {
            let count = counts.get(&hour).copied().unwrap_or(0);
            let height = count * HEIGHT / top;
            HourBar {
                x: index * STEP,
                y: HEIGHT - height,
                height,
                label: self.local(WallTime::from_millis(hour * 3_600_000), "%H"),
                count,
                last: hour == last,
            }
        });
        let bars: Vec<HourBar> = bars.collect();
        Hours {
            width: bars.len() * STEP,
            bars,
            grid: [0, top / 2, top]
                .map(|value| (HEIGHT - value * HEIGHT / top, value))
                .to_vec(),
            sub: self
                .words
                .t1("per-hour-sub", "zone", self.zone_name.as_str()),
        }
    }

    pub(crate) fn care(&self, facts: &Facts, kiosks: &[KioskState]) -> Vec<CareLine> {
        let count = |link: &str| kiosks.iter().filter(|kiosk| kiosk.link == link).count() as u64;
        let quarantine_sub = match facts.reasons.first() {
            Some((reason, _)) => self.words.t(&format!("reason-{reason}")),
            None => self.words.t("care-quarantine-sub"),
        };
        let lost = kiosks.iter().map(|kiosk| kiosk.lost).sum();
        let lines = [
            ("bad", lost, "care-lost", self.words.t("care-lost-sub")),
            ("bad", facts.quarantined, "care-quarantine", quarantine_sub),
            (
                "bad",
                count("forked"),
                "care-forked",
                self.words.t("care-forked-sub"),
            ),
            (
                "warn",
                count("offline"),
                "care-offline",
                self.words.t("care-offline-sub"),
            ),
            (
                "warn",
                kiosks.iter().filter(|kiosk| kiosk.expired).count() as u64,
                "care-expired",
                self.words.t("care-expired-sub"),
            ),
            (
                "warn",
                facts.parked,
                "care-parked",
                self.words.t("care-parked-sub"),
            ),
        ];
        let some = lines.into_iter().filter(|(_, count, _, _)| *count > 0);
        some.map(|(tone, count, key, sub)| CareLine {
            tone,
            count,
            title: self.words.t1(key, "n", count),
            sub,
        })
        .collect()
    }
}

/// The next number at or above `most` that is easy on the eye and even.
fn nice(most: u64) -> u64 {
    let steps = (0..18).flat_map(|power| [1, 2, 4, 6].map(|base| base * 10_u64.pow(power)));
    steps
        .into_iter()
        .find(|step| *step >= most && step % 2 == 0)
        .unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_written_as_people_do() {
        assert_eq!(money("USD", 248_640), "$2,486.40");
        assert_eq!(money("JPY", 1_234_567), "¥1,234,567");
        assert_eq!(money("USD", -5), "−$0.05");
        assert_eq!(grouped("12"), "12");
        assert_eq!(grouped("123456"), "123,456");
    }

    #[test]
    fn a_chart_ends_at_an_even_number_above_its_highest_bar() {
        assert_eq!([1, 3, 7, 41, 199].map(nice), [2, 4, 10, 60, 200]);
    }
}
