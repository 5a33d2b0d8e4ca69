//! The record of who did what, and what headquarters does not have yet: events in plain words.

use askama::Template;
use fluent_bundle::FluentArgs;
use kiosk_core::cash::CashKind;
use kiosk_core::event::{Fact, SettingChanged, StaffChanged, StockAdjusted, SwitchChanged};
use kiosk_core::order::Action;

use super::report::csv_cell;
use super::sheet::who;
use super::shell::{LinkLine, Shell};
use super::store::Store;
use crate::journal::{Aside, Record, Records};
use crate::status::LinkMode;
use crate::web::staff::{Frame, age, asset, icon, local, span};
use crate::web::text::Language;

/// What is shown of the record, by the name of the choice; the first is everything worth a look.
pub(super) const CHOICES: [(&str, &[&str]); 8] = [
    (
        "all",
        &[
            "order.voided",
            "payment.pending",
            "payment.failed",
            "payment.due",
            "payment.captured",
            "payment.refunded",
            "cash.counted",
            "stock.adjusted",
            "staff.changed",
            "switch.changed",
            "setting.changed",
            "day.opened",
            "day.closed",
            "clock.jumped",
        ],
    ),
    (
        "money",
        &[
            "order.voided",
            "payment.pending",
            "payment.failed",
            "payment.due",
            "payment.captured",
            "payment.refunded",
        ],
    ),
    ("cash", &["cash.counted"]),
    ("stock", &["stock.adjusted"]),
    ("staff", &["staff.changed"]),
    ("settings", &["switch.changed", "setting.changed"]),
    ("day", &["day.opened", "day.closed", "clock.jumped"]),
    (
        "kitchen",
        &["order.started", "order.ready", "order.collected"],
    ),
];

/// What is shown for a choice; an unknown one is everything.
pub(super) fn choice(name: Option<&str>) -> (&'static str, &'static [&'static str]) {
    let known = CHOICES.iter().find(|(choice, _)| Some(*choice) == name);
    known.copied().unwrap_or(CHOICES[0])
}

#[derive(Template)]
#[template(path = "manager/records.html")]
struct Page<'a> {
    shell: Shell<'a>,
    show: &'static str,
    choices: Vec<(&'static str, String)>,
    rows: Vec<Row>,
    before: Option<u64>,
    first: bool,
}

#[derive(Template)]
#[template(path = "manager/outbox.html")]
struct Outbox<'a> {
    shell: Shell<'a>,
    line: LinkLine,
    standalone: bool,
    unsent: u64,
    oldest: Option<String>,
    written: u64,
    rows: Vec<Row>,
    more: Option<String>,
    quarantined: u64,
    aside: Vec<Row>,
    aside_text: String,
}

/// A record in words.
#[derive(Default)]
struct Row {
    seq: u64,
    at: String,
    age: String,
    who: String,
    what: String,
    detail: String,
    /// Why headquarters put it aside, if it did.
    reason: String,
}

/// What headquarters lacks, and what it put aside.
pub(super) struct Queue {
    pub(super) unconfirmed: Vec<Record>,
    pub(super) aside: Vec<Aside>,
    pub(super) quarantined: u64,
}

impl Store {
    pub(super) fn records_page(
        &self,
        show: &'static str,
        records: &Records,
        first: bool,
        lang: Option<&str>,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "records");
        let (t, tag) = (shell.frame.t, shell.frame.tag);
        let choices = CHOICES.map(|(name, _)| (name, t.say(&format!("records-{name}"))));
        Page {
            show,
            choices: choices.into(),
            rows: records
                .found
                .iter()
                .map(|one| self.record(one, t, tag))
                .collect(),
            before: records.before,
            first,
            shell,
        }
        .render()
    }

    /// The same as comma-separated values (RFC 4180), times in the store's own time.
    pub(super) fn records_csv(&self, records: &Records, lang: Option<&str>) -> String {
        let frame = Frame::new(&self.menu, lang, &[]);
        let mut csv = String::from("record,time,type,who,what,detail\r\n");
        for one in &records.found {
            let row = self.record(one, frame.t, frame.tag);
            let time = local(one.event.at, &self.menu.time_zone);
            let time = time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string();
            let kind = one.event.fact.kind();
            let cells = [
                &row.seq.to_string(),
                &time,
                kind,
                &row.who,
                &row.what,
                &row.detail,
            ];
            csv.push_str(&cells.map(csv_cell).join(","));
            csv.push_str("\r\n");
        }
        csv
    }

    pub(super) fn outbox_page(
        &self,
        queue: &Queue,
        lang: Option<&str>,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "outbox");
        let (t, tag) = (shell.frame.t, shell.frame.tag);
        let shown = u64::try_from(queue.unconfirmed.len()).unwrap_or(u64::MAX);
        let standalone = self.link.mode == LinkMode::Standalone;
        let hidden = self.journal.unsent.saturating_sub(shown);
        let hidden = u32::try_from(hidden).unwrap_or(u32::MAX);
        let aside = queue.aside.iter().map(|aside| self.aside(aside, t, tag));
        let count = u32::try_from(queue.quarantined).unwrap_or(u32::MAX);
        let rows = queue.unconfirmed.iter();
        Outbox {
            line: self.link_line(t),
            standalone,
            unsent: self.journal.unsent,
            oldest: self
                .journal
                .oldest
                .filter(|_| !standalone)
                .map(|seconds| span(t, seconds)),
            written: self.journal.written,
            rows: rows.map(|one| self.record(one, t, tag)).collect(),
            more: (hidden > 0).then(|| t.count("outbox-more", hidden)),
            quarantined: queue.quarantined,
            aside: aside.collect(),
            aside_text: t.count("outbox-aside-text", count),
            shell,
        }
        .render()
    }

    fn aside(&self, aside: &Aside, t: &Language, tag: &str) -> Row {
        let row = match &aside.record {
            Some(record) => self.record(record, t, tag),
            None => Row {
                seq: aside.seq,
                what: t.say("outbox-pruned"),
                ..Row::default()
            },
        };
        // A reason of a later headquarters is told as it came.
        let reason = aside.reason.as_ref().map(|reason| {
            t.say_if_known(&format!("aside-{reason}"))
                .unwrap_or_else(|| reason.clone())
        });
        Row {
            reason: reason.unwrap_or_default(),
            ..row
        }
    }

    fn record(&self, one: &Record, t: &Language, tag: &str) -> Row {
        let event = &one.event;
        let at = local(event.at, &self.menu.time_zone);
        let told = self.told(one, t, tag);
        Row {
            seq: one.seq,
            at: at.strftime("%m-%d %H:%M:%S").to_string(),
            age: span(t, age(event.at, self.now)),
            who: told
                .by
                .map_or_else(|| t.say("record-itself"), |by| who(by, t)),
            what: told.what,
            detail: told.detail,
            reason: String::new(),
        }
    }

    /// What a record says, and who did it.
    fn told<'a>(&self, one: &'a Record, t: &Language, tag: &str) -> Told<'a> {
        let about = |key: &str, value: &str| t.say_one(key, "name", value);
        let money = |minor| t.money(self.menu.currency, minor);
        match &one.event.fact {
            Fact::Placed(_) | Fact::Acted(..) => self.told_of_order(one, t),
            Fact::StockAdjusted(data) => self.told_of_stock(data, t, tag),
            Fact::DayOpened(day) => Told {
                by: day.by.as_deref(),
                what: about("record-day-opened", &day.date.to_string()),
                detail: String::new(),
            },
            Fact::DayClosed(day) => {
                let z = day.z.map(|z| t.say_one("report-z-no", "z", &z.to_string()));
                Told {
                    by: day.by.as_deref(),
                    what: about("record-day-closed", &day.date.to_string()),
                    detail: joined([z, day.gross.map(money)]),
                }
            }
            Fact::CashCounted(cash) => {
                let off = cash.expected.map(|expected| cash.amount - expected);
                let off = off.filter(|off| *off != 0);
                let off = off.map(|off| t.say_one("record-off", "amount", &money(off)));
                Told {
                    by: cash.by.as_deref(),
                    what: about(cash_key(cash.kind), &money(cash.amount)),
                    detail: joined([off, cash.reason.clone()]),
                }
            }
            Fact::ClockJumped(jump) => Told {
                by: None,
                what: about("record-clock", &span(t, jump.by_ms.abs() / 1000)),
                detail: String::new(),
            },
            Fact::SwitchChanged(change) => told_of_switch(change, t),
            Fact::SettingChanged(change) => told_of_setting(change, t),
            Fact::StaffChanged(change) => Told {
                by: change.by.as_deref(),
                what: about(staff_key(change), &staff_name(change, t)),
                detail: String::new(),
            },
            Fact::Unknown(kind) => Told {
                by: None,
                what: kind.clone(),
                detail: String::new(),
            },
        }
    }

    fn told_of_order<'a>(&self, one: &'a Record, t: &Language) -> Told<'a> {
        let number = one.number.as_deref().unwrap_or("?");
        let about = |key: &str| t.say_one(key, "name", number);
        match &one.event.fact {
            Fact::Placed(order) => Told {
                by: order.terminal.as_deref(),
                what: about("record-placed"),
                detail: t.money(order.currency, order.to_pay()),
            },
            Fact::Acted(action, data) => {
                let part = *action == Action::RefundLines;
                let refunded = part.then(|| t.money(self.menu.currency, data.amount));
                Told {
                    by: data.by.as_deref(),
                    what: about(action_key(*action)),
                    detail: joined([refunded, data.reason.clone()]),
                }
            }
            other => Told {
                by: None,
                what: other.kind().to_owned(),
                detail: String::new(),
            },
        }
    }

    fn told_of_stock<'a>(&self, data: &'a StockAdjusted, t: &Language, tag: &str) -> Told<'a> {
        let item = self.menu.item(&data.item);
        let name = item.map_or(data.item.as_str(), |item| item.name.get(tag));
        let key = if data.level.available {
            "record-on-sale"
        } else {
            "record-sold-out"
        };
        let left = data.level.left.map(|left| t.count("stock-left", left));
        Told {
            by: data.by.as_deref(),
            what: t.say_one(key, "name", name),
            detail: left.unwrap_or_default(),
        }
    }
}

fn told_of_switch<'a>(change: &'a SwitchChanged, t: &Language) -> Told<'a> {
    let known = |word: &str| t.say_if_known(&format!("switch-{word}"));
    let name = known(&change.name).unwrap_or_else(|| change.name.clone());
    let state = known(&change.state).unwrap_or_else(|| change.state.clone());
    Told {
        by: Some(&change.by),
        what: set_to(&name, &state, t),
        detail: change.reason.clone(),
    }
}

fn told_of_setting<'a>(change: &'a SettingChanged, t: &Language) -> Told<'a> {
    let name = t.say_if_known(&format!("setting-{}", change.name));
    let name = name.unwrap_or_else(|| change.name.clone());
    let value = change.value.as_deref().map(|value| setting_value(value, t));
    let value = value.unwrap_or_else(|| t.say("setting-as-configured"));
    Told {
        by: Some(&change.by),
        what: set_to(&name, &value, t),
        detail: String::new(),
    }
}

/// A setting's value as people read it.
pub(super) fn setting_value(value: &str, t: &Language) -> String {
    match value {
        "on" => t.say("switch-on"),
        "off" => t.say("switch-off"),
        other => other.to_owned(),
    }
}

fn set_to(name: &str, state: &str, t: &Language) -> String {
    let mut args = FluentArgs::new();
    args.set("name", name);
    args.set("state", state);
    t.say_with("record-set", &args)
}

/// A record in words, and who did it.
struct Told<'a> {
    by: Option<&'a str>,
    what: String,
    detail: String,
}

fn joined(parts: [Option<String>; 2]) -> String {
    parts.into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

fn action_key(action: Action) -> &'static str {
    match action {
        Action::Start => "record-started",
        Action::Ready => "record-ready",
        Action::Collect => "record-collected",
        Action::Pay => "record-paid",
        Action::Ask => "record-asked",
        Action::Fail => "record-failed",
        Action::Owe => "record-owed",
        Action::Void => "record-voided",
        Action::Refund => "record-refunded",
        Action::RefundLines => "record-refunded-part",
    }
}

pub(super) fn cash_key(kind: CashKind) -> &'static str {
    match kind {
        CashKind::Float => "record-cash-float",
        CashKind::In => "record-cash-in",
        CashKind::Out => "record-cash-out",
        CashKind::Count => "record-cash-count",
    }
}

fn staff_key(change: &StaffChanged) -> &'static str {
    match change.change.as_deref() {
        Some("added") => "record-staff-added",
        Some("revoked") => "record-staff-revoked",
        Some("role") => "record-staff-role",
        _ => "record-staff-pin",
    }
}

fn staff_name(change: &StaffChanged, t: &Language) -> String {
    let role = t.say_if_known(&format!("role-{}", change.role));
    let role = role.unwrap_or_else(|| change.role.clone());
    match &change.name {
        Some(name) => format!("{name} ({role})"),
        None => role,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_names_types_that_are_written() {
        let all: std::collections::BTreeSet<&str> = CHOICES
            .iter()
            .flat_map(|(_, kinds)| kinds.iter().copied())
            .collect();
        for kind in all {
            let data = "{}";
            let text = format!(
                r#"{{"v":1,"id":"01a1f90a-0000-7000-8000-000000000001","type":"{kind}","at":"2026-11-20T15:00:01.000Z","boot":"01a1f90a-0000-7000-8000-000000000900","mono_ms":1,"data":{data}}}"#
            );
            // Data may be missing; an unknown type would be read as such.
            let read = kiosk_core::event::Event::decode(text.as_bytes());
            let unknown = read.is_ok_and(|event| matches!(event.fact, Fact::Unknown(_)));
            assert!(!unknown, "{kind}");
        }
        assert_eq!(choice(Some("nonsense")).0, "all");
    }
}
