use std::sync::Arc;

use kiosk_core::day::{Day, Schedule};
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::report::DayReport;
use resilience::ladder::Reason;
use resilience::switches::Scope;

use super::store::{JournalLook, Kept};
use super::*;
use crate::config::{Configured, Source};
use crate::connect::Origin;
use crate::devices::DeviceStatus;
use crate::devices::health::Health as DeviceHealth;
use crate::journal::{Aside, Health, Person, Record, Records};
use crate::level::LevelStatus;
use crate::settings::{SettingStatus, Settings};
use crate::status::{BreakerStatus, LinkMode, LinkStatus, OutageStatus, RulesStatus, Setting};
use crate::switches::{SwitchSetting, SwitchStatus};
use crate::web::Place;
use crate::web::pictures::Pictures;
use crate::web::sessions::Session;
use crate::web::staff::tests::{at, busy, check, sample};

/// A journal with something to send.
fn journal() -> JournalLook {
    JournalLook {
        id: "00000000-0000-0000-0000-000000000000".to_owned(),
        unsent: 17,
        oldest: Some(840),
        written: 400,
        lost: None,
        succeeds: None,
        health: healthy(),
    }
}

/// The first of them set by somebody.
fn chosen() -> Vec<SettingStatus> {
    let mut all = Settings::new(Schedule::default()).status();
    all[0].value = "off".to_owned();
    all[0].set_by = Some("Mei".to_owned());
    all[0].at = Some(at(0));
    all
}

fn configured() -> Vec<Configured> {
    let told = |name, value: Option<&str>| Configured {
        name,
        value: value.map(str::to_owned),
        source: Source::BuiltIn,
    };
    vec![told("listen", Some("127.0.0.1:8080")), told("cloud", None)]
}

fn open(date: Date) -> Day {
    Day {
        date,
        opened_at: at(0),
        closed_at: None,
    }
}

fn store(orders: Vec<Order>, mode: LinkMode) -> Store {
    let date = "2026-11-20".parse().unwrap();
    let kept = |order| Kept {
        order,
        sync: "saved",
    };
    Store {
        menu: Arc::new(sample()),
        place: Place {
            store: "canal-street".to_owned(),
            kiosk: "front".to_owned(),
        },
        jump: None,
        pictures: Pictures::default(),
        now: at(61),
        date,
        day: Some(open(date)),
        starts: 4,
        patience: Settings::new(Schedule::default()).patience(),
        chosen: chosen(),
        configured: configured(),
        cash: Vec::new(),
        z: None,
        kept: None,
        orders: orders.into_iter().rev().map(kept).collect(),
        levels: Arc::default(),
        switches: vec![turned()],
        level_now: LevelStatus {
            level: "L2",
            reasons: Vec::new(),
            why: vec![missing()],
        },
        settings: vec![("ordering".to_owned(), settings())],
        link: LinkStatus {
            mode,
            reason: Some(crate::uplink::Why::NoAnswer),
            breakers: vec![paused()],
        },
        devices: vec![DeviceStatus {
            name: "kitchen".to_owned(),
            kind: "printer",
            state: DeviceHealth::PaperOut,
            detail: None,
            since: None,
            waiting: Some(3),
            confirms: None,
        }],
        printers: Vec::new(),
        stuck_prints: 2,
        paid_twice: 0,
        journal: journal(),
    }
}

fn paused() -> BreakerStatus {
    BreakerStatus {
        name: "ordering".to_owned(),
        state: "open".to_owned(),
        calls: 20,
        failures: 12,
        slow: 1,
        retry_in_seconds: Some(12.0),
        reason: None,
        idle_settings: Vec::new(),
        rules: Some(ruled()),
    }
}

fn pages(store: &Store, lang: &str) -> Vec<String> {
    let lang = Some(lang);
    vec![
        store.today(lang).unwrap(),
        store.orders_page(lang, None).unwrap(),
        store.orders_page(lang, Some("unpaid")).unwrap(),
        store.stock_page(lang).unwrap(),
        store.link_page(lang).unwrap(),
        store.report_page(lang).unwrap(),
        store.staff_page(&roll(), lang).unwrap(),
        store.settings_page(lang).unwrap(),
    ]
}

/// Staff with a name that has to be escaped, and two who are signed in.
fn roll() -> staff::Roll {
    let person = Person {
        id: uuid::Uuid::nil(),
        name: "<b>no</b>".to_owned(),
        role: StaffRole::Kitchen,
        since: at(0),
        pin: "hash".to_owned(),
    };
    let session = |name: Option<&str>| -> Session {
        serde_json::from_value(serde_json::json!({
            "who": {"role": "manager", "name": name}, "client": "127.0.0.1",
            "since": at(0), "until": at(720),
        }))
        .unwrap()
    };
    staff::Roll {
        roles: vec![StaffRole::Manager],
        people: vec![person],
        sessions: vec![(session(None), true), (session(Some("<b>no</b>")), false)],
    }
}

#[test]
fn an_empty_and_a_busy_day_render_in_both_languages_however_the_link_is() {
    for lang in ["en", "zh-Hans"] {
        for mode in [
            LinkMode::Standalone,
            LinkMode::Online,
            LinkMode::Offline,
            LinkMode::CatchingUp,
        ] {
            for orders in [Vec::new(), busy(&sample())] {
                for page in pages(&store(orders.clone(), mode), lang) {
                    check(&page, lang);
                }
            }
        }
    }
}

#[test]
fn today_tells_what_is_sold_owed_and_unsent() {
    let store = store(busy(&sample()), LinkMode::Offline);
    let page = store.today(Some("en")).unwrap();
    let report = store.report();
    let usd = report.currency;
    let gross = text_of(usd, report.gross);
    assert!(page.contains(&gross), "{gross}");
    assert!(page.contains("Working offline") && page.contains("17 records"));
    let due: i64 = busy(&sample())
        .iter()
        .filter(|o| o.payment.status == PaymentStatus::Due && o.status != Status::Voided)
        .map(|o| o.total)
        .sum();
    assert!(page.contains(&text_of(usd, due)));
}

fn text_of(currency: kiosk_core::money::Currency, minor: i64) -> String {
    crate::web::text::language("en").money(currency, minor)
}

#[test]
fn a_sheet_offers_what_the_table_of_moves_allows_and_nothing_else() {
    let menu = sample();
    let orders = busy(&menu);
    let offered = |order: &Order| {
        let sheet = sheet::render_sheet(
            &menu,
            order,
            "saved",
            None,
            &sheet::Terminal::default(),
            Some("en"),
        )
        .unwrap();
        let all = ["start", "ready", "collect", "pay", "void", "refund"];
        let found = all
            .into_iter()
            .filter(|a| sheet.contains(&format!("data-act=\"{a}\"")));
        found.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(offered(&orders[0]), "start pay void");
    assert_eq!(offered(&orders[1]), "ready void refund");
    assert_eq!(offered(&orders[3]), "refund");
    assert_eq!(offered(&orders[4]), "");
}

#[test]
fn a_sheet_tells_what_every_number_of_units_comes_to_and_what_was_given_back() {
    let menu = sample();
    let mut order = busy(&menu)[2].clone();
    order.payment.status = PaymentStatus::Paid;
    let price = order.lines[0].unit_price;
    let render = |order: &Order| {
        sheet::render_sheet(
            &menu,
            order,
            "saved",
            None,
            &sheet::Terminal::default(),
            Some("en"),
        )
        .unwrap()
    };
    let amounts = format!("data-amounts=\"{price} {} {}\"", 2 * price, 3 * price);
    assert!(render(&order).contains(&amounts), "{amounts}");
    order.refunds = serde_json::from_value(serde_json::json!([{
        "at": at(9), "by": "manager/Mei", "reason": "said <why>", "amount": price,
        "lines": [{"line": 0, "quantity": 1, "amount": price, "tax": 0}],
    }]))
    .unwrap();
    let page = render(&order);
    let amounts = format!("data-amounts=\"{price} {}\"", 2 * price);
    assert!(page.contains(&amounts) && page.contains("Mei"), "{page}");
    assert!(!page.contains("said <why>"));
}

#[test]
fn a_sheet_tells_how_many_records_wait_and_for_how_long() {
    let menu = sample();
    let unsent = sheet::Unsent {
        records: 2,
        since: None,
    };
    let order = &busy(&menu)[0];
    let page = sheet::render_sheet(
        &menu,
        order,
        "saved",
        Some(unsent),
        &sheet::Terminal::default(),
        Some("en"),
    )
    .unwrap();
    assert!(page.contains("2 records not confirmed"), "{page}");
}

#[test]
fn the_csv_adds_up_to_the_report() {
    let store = store(busy(&sample()), LinkMode::Online);
    let csv = store.report_csv(Some("en"));
    let report = store.report();
    let cents = |part: &str| -> i64 {
        let rows = csv.lines().filter(|line| line.starts_with(part));
        rows.map(|line| {
            let amount = line.rsplit(',').nth(1).unwrap().replace('.', "");
            amount.parse::<i64>().unwrap()
        })
        .sum()
    };
    assert_eq!(cents("item,"), report.gross);
    assert_eq!(cents("hour,"), report.gross);
    assert_eq!(cents("payment,"), report.gross);
    assert_eq!(cents("sum,net") + cents("sum,tax"), report.gross);
}

#[test]
fn a_closed_day_is_a_z_report_and_an_open_one_an_x_report() {
    let mut store = store(busy(&sample()), LinkMode::Online);
    assert!(store.report_page(Some("en")).unwrap().contains("X report"));
    store.day = store.day.map(|day| Day {
        closed_at: Some(at(600)),
        ..day
    });
    let page = store.report_page(Some("en")).unwrap();
    assert!(page.contains("Z report") && page.contains("data-day=\"open\""));
}

/// What happens to its orders after the close belongs to no report of that day.
#[test]
fn a_z_report_says_for_ever_what_it_said() {
    let mut store = store(busy(&sample()), LinkMode::Online);
    let at_close = DayReport {
        z: Some(7),
        ..store.report()
    };
    store.kept = Some(at_close.clone());
    store.day = store.day.map(|day| Day {
        closed_at: Some(at(600)),
        ..day
    });
    store.orders.pop();
    let page = store.report_page(Some("en")).unwrap();
    assert!(page.contains(&text_of(at_close.currency, at_close.gross)));
    assert!(page.contains("No. 7"), "{page}");
}

#[test]
fn closing_warns_of_what_is_unfinished_and_unpaid() {
    let busy_day = store(busy(&sample()), LinkMode::Online)
        .today(Some("en"))
        .unwrap();
    assert!(
        busy_day.contains("36 orders are not finished."),
        "{busy_day}"
    );
    let empty = store(Vec::new(), LinkMode::Online)
        .today(Some("en"))
        .unwrap();
    assert!(empty.contains("data-day=\"close\"") && !empty.contains("data-warning"));
}

fn standing(state: &'static str, scope: &str, by: &str, reason: &str) -> SwitchSetting {
    SwitchSetting {
        state,
        scope: scope.to_owned(),
        whose: if by == "manager" {
            Scope::Here
        } else {
            Scope::All
        },
        here: by == "manager",
        set_by: by.to_owned(),
        reason: reason.to_owned(),
        at: at(0),
    }
}

#[test]
fn the_menu_is_shown_as_diners_read_it_at_each_time_of_day() {
    let store = store(Vec::new(), LinkMode::Online);
    let page = |language, daypart| {
        let view = preview::View { language, daypart };
        let page = store.preview_page(&view, Some("en")).unwrap();
        check(&page, "en");
        page
    };
    let part = store.menu.dayparts[0].id.clone();
    let none = kiosk_core::daypart::Dayparts::default();
    let mut dishes = store.menu.items().iter();
    let limited = dishes.find(|item| !item.hours.allow(none)).unwrap();
    let dish = format!("<b>{}</b>", limited.name.get("zh-Hans"));
    let during = page(Some("zh-Hans"), Some(part.as_str()));
    assert!(during.contains(&dish) && during.contains("lang=\"zh-Hans\""));
    assert!(!page(Some("zh-Hans"), Some("none")).contains(&dish));
}

fn record(seq: u64, kind: &str, data: serde_json::Value) -> Record {
    let event = serde_json::json!({
        "v": 1, "id": "01a1f90a-0000-7000-8000-000000000001", "type": kind,
        "order": "01a1f90a-0000-7000-8000-000000000500", "order_version": 2, "at": at(3),
        "boot": "01a1f90a-0000-7000-8000-000000000900", "mono_ms": 1, "data": data,
    });
    Record {
        seq,
        event: kiosk_core::event::Event::decode(event.to_string().as_bytes()).unwrap(),
        number: Some("A042".to_owned()),
    }
}

fn some_records() -> Vec<Record> {
    use serde_json::json;
    let no = "<b>no</b>";
    vec![
        record(
            9,
            "order.voided",
            json!({"reason": no, "by": "manager/Mei"}),
        ),
        record(
            8,
            "payment.failed",
            json!({"reason": "declined", "by": "card"}),
        ),
        record(
            7,
            "cash.counted",
            json!({"date": "2026-11-20", "kind": "count", "amount": 900, "expected": 940, "by": "manager"}),
        ),
        record(
            6,
            "stock.adjusted",
            json!({"item": "tea-eggs", "available": true, "left": 4, "by": "manager"}),
        ),
        record(
            5,
            "staff.changed",
            json!({"role": "kitchen", "name": no, "change": "added", "by": "manager"}),
        ),
        record(
            4,
            "switch.changed",
            json!({"name": "recommendations", "state": "off", "reason": no, "by": "hq/mei"}),
        ),
        record(
            3,
            "setting.changed",
            json!({"name": "tips", "value": "off", "by": "manager"}),
        ),
        record(
            2,
            "day.closed",
            json!({"date": "2026-11-19", "orders": 3, "gross": 900, "z": 7}),
        ),
        record(1, "clock.jumped", json!({"by_ms": -5000})),
    ]
}

#[test]
fn every_record_is_told_in_words_of_the_page() {
    let store = store(Vec::new(), LinkMode::Online);
    let records = Records {
        found: some_records(),
        before: Some(1),
    };
    for lang in ["en", "zh-Hans"] {
        let page = store
            .records_page("all", &records, true, Some(lang))
            .unwrap();
        check(&page, lang);
        assert!(
            !page.contains("record-") || !page.contains(">record-"),
            "{lang}"
        );
        let queue = records::Queue {
            unconfirmed: some_records(),
            aside: vec![Aside {
                seq: 3,
                record: None,
                reason: Some("revoked".to_owned()),
            }],
            quarantined: 1,
        };
        check(&store.outbox_page(&queue, Some(lang)).unwrap(), lang);
    }
    let english = store
        .records_page("all", &records, true, Some("en"))
        .unwrap();
    for told in [
        "Order A042 voided",
        "Mei",
        "−$0.40 off",
        "Z report No. 7",
        "mei",
    ] {
        assert!(english.contains(told), "{told}");
    }
    let csv = store.records_csv(&records, Some("en"));
    assert_eq!(csv.lines().count(), 1 + records.found.len());
    assert!(
        csv.contains("9,2026-11-20T12:03:00-05:00,order.voided,Mei,"),
        "{csv}"
    );
}

#[test]
fn switches_are_shown_with_the_word_that_holds_and_the_one_behind_it() {
    let store = store(Vec::new(), LinkMode::Offline);
    let english = store.link_page(Some("en")).unwrap();
    let holds = english.find("On for this kiosk, by the manager,").unwrap();
    let behind = english
        .find("Otherwise Off for all kiosks, by head office, mei,")
        .unwrap();
    assert!(holds < behind, "the word that holds comes first");
    assert!(english.contains("a line is repaired"));
    let chinese = store.link_page(Some("zh-Hans")).unwrap();
    assert!(
        chinese.contains("否则为关（所有点餐机）：总部 mei，"),
        "{chinese}"
    );
}

#[test]
fn the_link_page_tells_why_and_until_when_and_who_set_what() {
    let store = store(Vec::new(), LinkMode::Offline);
    let english = store.link_page(Some("en")).unwrap();
    for told in [
        "Out of reach: Orders to head office.",
        "For 2 min: too many slow calls, too many failures in a row.",
        "3 tries since found it no better.",
        "Next try in 12 s.",
        "9 failures in a row",
        "Head office",
        "Configuration file",
        "data-turn=\"off\"",
    ] {
        assert!(english.contains(told), "{told}");
    }
    let chinese = store.link_page(Some("zh-Hans")).unwrap();
    assert!(chinese.contains("连续失败 9 次"), "{chinese}");
}

#[test]
fn every_setting_of_a_dependency_is_told_in_some_row() {
    use crate::protect::Rules;
    let t = crate::web::text::language("en");
    let set = serde_json::json!({"ordering": {
        "last_calls": 9, "retries": 2, "probe_verdict": "successes", "window": "fixed",
    }});
    let tuning = crate::protect::Tuning::known(set.as_object().unwrap());
    let told = Rules::ordering(1).tuned("ordering", &tuning).told();
    for (key, value) in told {
        let one = vec![Setting {
            key,
            value,
            from: Origin::Headquarters,
        }];
        let rows = rules::rows(&ruled(), &one, t);
        assert_eq!(rows.iter().filter(|row| row.set).count(), 1, "{key}");
    }
}

fn settings() -> Vec<Setting> {
    let told = crate::protect::Rules::ordering(1).told().into_iter();
    let told = told.map(|(key, value)| Setting {
        key,
        value: if key == "consecutive_failures" {
            9.into()
        } else {
            value
        },
        from: match key {
            "consecutive_failures" => Origin::Headquarters,
            "timeout_ms" => Origin::File,
            _ => Origin::Software,
        },
    });
    told.collect()
}

fn missing() -> Reason {
    Reason::Missing {
        dependency: "ordering".into(),
        state: resilience::breaker::State::Open,
        costs: resilience::ladder::Level::L2,
    }
}

fn ruled() -> RulesStatus {
    let now = crate::protect::now();
    let rules = crate::protect::Rules::ordering(1);
    let dependency = crate::protect::Dependency::new("ordering", &rules, 1, now).unwrap();
    let mut told = RulesStatus::of(&dependency.look(now), now);
    told.outage = Some(OutageStatus {
        causes: vec!["slow-call ratio", "consecutive failures"],
        seconds: 120.0,
        rounds: 3,
    });
    told
}

/// A switch that the manager turned over headquarters' word.
fn turned() -> SwitchStatus {
    SwitchStatus {
        name: "ordering_cloud",
        state: "on",
        effective: "on",
        set_by: Some("manager".to_owned()),
        reason: Some("busy".to_owned()),
        scope: Some("this kiosk".to_owned()),
        at: Some(at(0)),
        settings: vec![
            standing("on", "this kiosk", "manager", "busy"),
            standing("off", "all kiosks", "hq/mei", "a line is repaired"),
        ],
    }
}

fn healthy() -> Health {
    Health {
        trouble: None,
        free_bytes: Some(8_100_000_000),
    }
}
