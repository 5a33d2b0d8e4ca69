//! The cash drawer of a day: what should be in it, what was counted, and every entry.

use kiosk_core::cash::CashKind;
use kiosk_core::money::Currency;
use kiosk_core::report::DayReport;

use super::records::cash_key;
use super::sheet::who;
use super::store::Store;
use crate::web::staff::clock_time;
use crate::web::text::Language;

/// The drawer in words.
pub(super) struct Drawer {
    /// Each part of what should be there, and the sum of them last.
    pub(super) parts: Vec<(String, String, bool)>,
    pub(super) counted: Option<String>,
    pub(super) difference: Option<Difference>,
    pub(super) entries: Vec<Entry>,
    /// Whether something can be done with it: only while its day is open.
    pub(super) open: bool,
    /// Whether there is one that opens by itself.
    pub(super) opens: bool,
    /// What can be counted one by one, in minor units, with how it is written.
    pub(super) pieces: Vec<(i64, String)>,
    /// How amounts are written, for the script.
    pub(super) money: String,
    pub(super) expected: i64,
}

pub(super) struct Difference {
    pub(super) tone: &'static str,
    pub(super) text: String,
}

/// Something done with the drawer.
pub(super) struct Entry {
    pub(super) time: String,
    pub(super) what: String,
    pub(super) detail: String,
    pub(super) off: String,
}

impl Store {
    pub(super) fn drawer(&self, report: &DayReport, t: &Language) -> Drawer {
        let money = |minor| t.money(report.currency, minor);
        let cash = &report.cash;
        let part = |key, amount| (t.say(key), money(amount), false);
        let mut parts = vec![
            part("cash-float", cash.float),
            part("cash-taken", cash.taken),
            part("cash-refunded", -cash.refunded),
            part("cash-in", cash.put_in),
            part("cash-out", -cash.taken_out),
        ];
        parts.push((t.say("cash-expected"), money(cash.expected), true));
        let entries = self.cash.iter().rev().map(|entry| {
            let off = entry
                .cash
                .expected
                .map(|expected| entry.cash.amount - expected);
            let by = entry.cash.by.as_deref().map(|by| who(by, t));
            let parts = [by, entry.cash.reason.clone()];
            Entry {
                time: clock_time(entry.at, &self.menu.time_zone),
                what: t.say_one(cash_key(entry.cash.kind), "name", &money(entry.cash.amount)),
                detail: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
                off: match (entry.cash.kind, off) {
                    (CashKind::Count, Some(0)) => t.say("cash-right"),
                    (_, Some(off)) => money(off),
                    _ => String::new(),
                },
            }
        });
        Drawer {
            parts,
            counted: cash.counted.map(money),
            difference: cash.difference.map(|off| Difference {
                tone: if off == 0 { "good" } else { "bad" },
                text: if off == 0 {
                    t.say("cash-right")
                } else {
                    money(off)
                },
            }),
            entries: entries.collect(),
            open: self.is_open(),
            opens: self.devices.iter().any(|device| device.kind == "drawer")
                || self.printers.iter().any(|printer| printer.drawer.is_some()),
            pieces: pieces(report.currency)
                .into_iter()
                .map(|minor| (minor, money(minor)))
                .collect(),
            money: serde_json::to_string(&t.money_format(report.currency)).unwrap_or_default(),
            expected: cash.expected,
        }
    }
}

/// The notes and coins of a currency, the largest first; of one we don't know, round steps.
fn pieces(currency: Currency) -> Vec<i64> {
    let known: &[i64] = match currency.code() {
        "USD" => &[10_000, 5_000, 2_000, 1_000, 500, 100, 25, 10, 5, 1],
        "CAD" => &[10_000, 5_000, 2_000, 1_000, 500, 200, 100, 25, 10, 5],
        "EUR" => &[
            20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10, 5, 2, 1,
        ],
        "GBP" => &[5_000, 2_000, 1_000, 500, 200, 100, 50, 20, 10, 5, 2, 1],
        "CNY" => &[10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10],
        "JPY" => &[10_000, 5_000, 1_000, 500, 100, 50, 10, 5, 1],
        _ => &[],
    };
    if !known.is_empty() {
        return known.to_vec();
    }
    let unit = 10_i64.pow(u32::from(currency.exponent()));
    let notes = [100, 50, 20, 10, 5, 2, 1].map(|note| note * unit);
    let coins = [50, 20, 10, 5].map(|coin| coin * unit / 100);
    let coins = coins.into_iter().filter(|coin| *coin > 0 && *coin < unit);
    notes.into_iter().chain(coins).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_currency_can_be_counted_piece_by_piece() {
        for code in [
            "USD", "CAD", "EUR", "GBP", "CNY", "JPY", "CHF", "KWD", "KRW",
        ] {
            let pieces = pieces(code.parse().unwrap());
            assert!(pieces.len() >= 7, "{code}");
            assert!(pieces.windows(2).all(|two| two[0] > two[1]), "{code}");
            assert!(pieces.iter().all(|piece| *piece > 0), "{code}");
        }
    }
}
