use kiosk_core::cart::Method;
use kiosk_core::menu::Menu;
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::report::day_report;
use kiosk_core::wall::WallTime;
use kiosk_paper::{Glyphs, Line, Paper, Printing, Sheet};

use crate::menus;

use super::{Slip, Ticket, receipt, report, sample, ticket, trial};

const AT: &str = "2026-11-20T17:21:00.000Z";
const LANGUAGES: [&str; 2] = ["en", "zh-Hans"];
const PAPERS: [(&str, Paper); 2] = [("58", Paper::MM58), ("80", Paper::MM80)];

fn menu() -> Menu {
    menus::load(None).unwrap().menu
}

fn at() -> WallTime {
    AT.parse().unwrap()
}

fn order(menu: &Menu) -> Order {
    sample::order(menu, "en", at()).unwrap()
}

fn slip<'a>(order: &'a Order, menu: &'a Menu, language: &'a str) -> Slip<'a> {
    Slip {
        order,
        menu,
        language,
        copy: false,
    }
}

fn receipt_of(change: impl Fn(&mut Order), copy: bool) -> String {
    let menu = menu();
    let mut order = order(&menu);
    change(&mut order);
    plain(
        &receipt(&Slip {
            copy,
            ..slip(&order, &menu, "en")
        }),
        Paper::MM80,
    )
}

fn ticket_of(change: impl Fn(&mut Order), void: bool) -> Sheet {
    let menu = menu();
    let mut order = order(&menu);
    change(&mut order);
    let lines = sample::lines_of(&order, Some("noodle"));
    ticket(
        &slip(&order, &menu, "en"),
        &Ticket {
            station: Some("noodle"),
            lines: &lines,
            void,
        },
    )
}

fn plain(sheet: &Sheet, paper: Paper) -> String {
    let lines = sheet.lines(paper);
    lines.iter().map(|line| line.plain(paper) + "\n").collect()
}

/// Compares with a file of lines; `PAPER_GOLDEN=write` makes it anew, to be looked at and committed.
fn golden(name: &str, sheet: &Sheet, paper: Paper) {
    let file = format!(
        "{}/src/devices/layout/golden/{name}.txt",
        env!("CARGO_MANIFEST_DIR")
    );
    let found = plain(sheet, paper);
    if std::env::var_os("PAPER_GOLDEN").is_some_and(|how| how == "write") {
        std::fs::write(&file, &found).unwrap();
    }
    let expected = std::fs::read_to_string(&file).unwrap();
    assert_eq!(found, expected, "{name} on paper is not what {file} says");
}

#[test]
fn slips_are_line_for_line_as_agreed() {
    let menu = menu();
    let order = order(&menu);
    let lines = sample::lines_of(&order, Some("noodle"));
    let day = day_report(
        order.business_date,
        menu.currency,
        &menu.time_zone,
        [&order],
        &[],
    );
    for language in LANGUAGES {
        for (width, paper) in PAPERS {
            let slip = slip(&order, &menu, language);
            let noodle = Ticket {
                station: Some("noodle"),
                lines: &lines,
                void: false,
            };
            golden(
                &format!("receipt-{language}-{width}"),
                &receipt(&slip),
                paper,
            );
            golden(
                &format!("ticket-{language}-{width}"),
                &ticket(&slip, &noodle),
                paper,
            );
            golden(
                &format!("report-{language}-{width}"),
                &report(&day, &menu, language, at(), false),
                paper,
            );
            golden(
                &format!("trial-{language}-{width}"),
                &trial("receipt", paper, &menu, language, at()),
                paper,
            );
        }
    }
}

#[test]
fn a_copy_says_so_in_both_languages_and_an_original_does_not() {
    assert!(receipt_of(|_| (), true).contains("COPY 副本"));
    assert!(!receipt_of(|_| (), false).contains("副本"));
}

#[test]
fn the_diner_is_sent_to_the_counter_only_while_money_is_owed_there() {
    let asked =
        |change: fn(&mut Order)| receipt_of(change, false).contains("Please pay at the counter");
    assert!(asked(|_| ()));
    assert!(!asked(|order| order.payment.status = PaymentStatus::Paid));
    assert!(!asked(|order| order.payment.method = Method::Card));
    assert!(!asked(|order| order.status = Status::Voided));
}

#[test]
fn the_parts_of_a_receipt_sum_to_its_total() {
    let menu = menu();
    let order = order(&menu);
    let text = plain(&receipt(&slip(&order, &menu, "en")), Paper::MM80);
    let amount = |start: &str| {
        let line = text
            .lines()
            .find(|line| line.trim_start().starts_with(start))
            .unwrap();
        let digits: String = line
            .rsplit('$')
            .next()
            .unwrap()
            .chars()
            .filter(char::is_ascii_digit)
            .collect();
        digits.parse::<i64>().unwrap()
    };
    assert_eq!(amount("Net") + amount("Tax"), amount("Total"));
    assert_eq!(amount("Total"), order.total);
}

#[test]
fn a_void_ticket_is_struck_and_says_why() {
    let reason = |order: &mut Order| order.reason = Some("wrong table".to_owned());
    let void = ticket_of(reason, true);
    let text = plain(&void, Paper::MM80);
    assert!(
        text.contains("VOID 作废") && text.contains("wrong table"),
        "{text}"
    );
    let struck = |sheet: &Sheet| {
        let lines = sheet.lines(Paper::MM80);
        lines
            .iter()
            .filter(|line| matches!(line, Line::Words(words) if words.look.struck))
            .count()
    };
    assert!(struck(&void) >= 3);
    let valid = ticket_of(reason, false);
    assert_eq!(struck(&valid), 0);
    assert!(!plain(&valid, Paper::MM80).contains("wrong table"));
    let gone = ticket_of(|order| order.status = Status::Voided, false);
    assert!(
        plain(&gone, Paper::MM80).contains("VOID"),
        "a voided order has no valid ticket"
    );
}

#[test]
fn an_allergy_stands_out_on_the_ticket() {
    let inverted = |sheet: &Sheet| {
        let lines = sheet.lines(Paper::MM58);
        lines.iter().any(|line| matches!(line, Line::Words(words) if words.look.inverted && words.start.contains("ALLERGY")))
    };
    assert!(inverted(&ticket_of(|_| (), false)));
    assert!(!inverted(&ticket_of(
        |order| order.lines.iter_mut().for_each(|line| line.note = None),
        false
    )));
}

#[test]
fn a_station_gets_its_own_dishes_only() {
    let menu = menu();
    let order = order(&menu);
    let stations: Vec<_> = order
        .lines
        .iter()
        .map(|line| line.station.as_deref())
        .collect();
    for station in &stations {
        let lines = sample::lines_of(&order, *station);
        assert!(!lines.is_empty() && lines.iter().all(|line| line.station.as_deref() == *station));
    }
}

#[test]
fn hostile_words_print_as_words() {
    let bytes = |note: &str| {
        let menu = menu();
        let mut order = order(&menu);
        order.lines[0].note = Some(note.to_owned());
        let sheet = receipt(&slip(&order, &menu, "en"));
        sheet
            .to_escpos(&Printing::on(Paper::MM58), &Glyphs::built_in())
            .unwrap()
    };
    let kick = |bytes: &[u8]| {
        bytes
            .windows(3)
            .filter(|three| matches!(three, [0x1B, b'p', _] | [0x10, 0x14, _]))
            .count()
    };
    assert_eq!(kick(&bytes("\u{1b}p0\u{10}\u{14}\u{1}")), 0);
    assert_eq!(bytes("a\u{1b}@b"), bytes("a@b"));
}
