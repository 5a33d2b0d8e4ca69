//! How the staff's screens write times, ages and where an order comes from.

use fluent_bundle::FluentArgs;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use kiosk_core::cart::Service;
use kiosk_core::order::Order;
use kiosk_core::wall::WallTime;

use crate::web::text::Language;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// A moment in the store's own time.
pub(crate) fn local(at: WallTime, zone: &TimeZone) -> jiff::Zoned {
    at.timestamp().to_zoned(zone.clone())
}

/// The store's time of day, such as `17:21`.
pub(crate) fn clock_time(at: WallTime, zone: &TimeZone) -> String {
    local(at, zone).strftime("%H:%M").to_string()
}

/// Seconds between two moments; a clock that was set back makes no negative age.
pub(in crate::web) fn age(from: WallTime, now: WallTime) -> i64 {
    ((now.as_millis() - from.as_millis()) / 1000).max(0)
}

/// A length of time in words: `40 s`, `14 min`, `2 h 5 min`, `3 days`.
pub(in crate::web) fn span(t: &Language, seconds: i64) -> String {
    let say = |key, number: i64| t.count(key, u32::try_from(number).unwrap_or(u32::MAX));
    match seconds {
        ..MINUTE => say("span-seconds", seconds.max(0)),
        MINUTE..HOUR => say("span-minutes", seconds / MINUTE),
        HOUR..DAY => {
            let mut args = FluentArgs::new();
            args.set("hours", seconds / HOUR);
            args.set("minutes", seconds % HOUR / MINUTE);
            t.say_with("span-hours", &args)
        }
        _ => say("span-days", seconds / DAY),
    }
}

/// A date as people write it, with its day of the week.
pub(in crate::web) fn long_date(t: &Language, date: Date) -> String {
    let mut args = FluentArgs::new();
    let weekday = date.weekday().to_monday_one_offset();
    args.set("weekday", t.say(&format!("weekday-{weekday}")));
    args.set("month", t.say(&format!("month-{}", date.month())));
    args.set("day", i64::from(date.day()));
    t.say_with("date-long", &args)
}

/// Where an order goes, in as few words as tell it: `Table 7`, `Take away`.
pub(crate) fn destination(t: &Language, order: &Order) -> String {
    match order.table.as_deref().filter(|table| !table.is_empty()) {
        Some(table) => t.say_one("staff-table", "table", table),
        None => service(t, order),
    }
}

fn service(t: &Language, order: &Order) -> String {
    match order.service {
        Service::EatIn => t.say("eat-in"),
        Service::TakeAway => t.say("take-away"),
    }
}

/// What a kitchen station is called. A menu names stations by plain words; those we know are said in
/// every language.
pub(crate) fn station_name(t: &Language, station: &str) -> String {
    t.say_if_known(&format!("station-{station}"))
        .unwrap_or_else(|| {
            let mut letters = station.chars();
            let first = letters.next().map(|letter| letter.to_uppercase());
            first.into_iter().flatten().chain(letters).collect()
        })
}
