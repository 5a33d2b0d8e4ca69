//! The business day: opened and closed by people or by a schedule, never computed from a clock
//! alone.

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::wall::WallTime;

/// A business day of this kiosk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    /// The store's local date when it was opened.
    pub date: Date,
    /// When it was opened.
    pub opened_at: WallTime,
    /// When it was closed; none while it is open.
    pub closed_at: Option<WallTime>,
}

/// How days begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The local time at which a new date begins; before it the night still belongs to the day before.
    pub starts: Time,
    /// Whether the first order opens the day.
    pub opens_by_itself: bool,
}

impl Default for Schedule {
    /// Days start at 04:00 and open by themselves.
    fn default() -> Self {
        Self {
            starts: Time::constant(4, 0, 0, 0),
            opens_by_itself: true,
        }
    }
}

/// What a new order does to the business day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayForOrder {
    /// It belongs to the open day.
    Open(Date),
    /// It opens the day of that date.
    Opens(Date),
    /// The day is closed; the order has to wait for the next day or for the manager.
    Closed,
}

impl Schedule {
    /// The store's date at `now`.
    #[must_use]
    pub fn date(&self, now: WallTime, zone: &TimeZone) -> Date {
        let local = now.timestamp().to_zoned(zone.clone()).datetime();
        let date = local.date();
        if local.time() < self.starts {
            date.yesterday().unwrap_or(date)
        } else {
            date
        }
    }

    /// Which day an order at `now` belongs to, given the latest day there is.
    #[must_use]
    pub fn for_order(&self, latest: Option<Day>, now: WallTime, zone: &TimeZone) -> DayForOrder {
        let today = self.date(now, zone);
        match latest {
            Some(day) if day.closed_at.is_none() => DayForOrder::Open(day.date),
            Some(day) if today <= day.date => DayForOrder::Closed,
            _ if self.opens_by_itself => DayForOrder::Opens(today),
            _ => DayForOrder::Closed,
        }
    }

    /// The date that opening by hand at `now` gives. A date already used is opened again, also when
    /// the clock was set back, so that numbers stay unique.
    #[must_use]
    pub fn opened_by_hand(&self, latest: Option<Day>, now: WallTime, zone: &TimeZone) -> Date {
        let today = self.date(now, zone);
        latest.map_or(today, |day| day.date.max(today))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> WallTime {
        text.parse().unwrap()
    }

    fn new_york() -> TimeZone {
        TimeZone::get("America/New_York").unwrap()
    }

    fn day(date: &str, closed: bool) -> Day {
        let time = at("2026-11-20T12:00:00Z");
        Day {
            date: date.parse().unwrap(),
            opened_at: time,
            closed_at: closed.then_some(time),
        }
    }

    #[test]
    fn the_night_belongs_to_the_day_before() {
        let schedule = Schedule::default();
        let date = |text| schedule.date(at(text), &new_york()).to_string();
        assert_eq!(date("2026-11-20T08:59:59Z"), "2026-11-19");
        assert_eq!(date("2026-11-20T09:00:00Z"), "2026-11-20");
    }

    #[test]
    fn an_open_day_lasts_until_it_is_closed_whatever_the_clock_says() {
        let schedule = Schedule::default();
        let latest = Some(day("2026-11-20", false));
        for now in ["1970-01-01T00:00:00Z", "2026-11-22T18:00:00Z"] {
            let got = schedule.for_order(latest, at(now), &new_york());
            assert_eq!(got, DayForOrder::Open("2026-11-20".parse().unwrap()));
        }
    }

    #[test]
    fn after_a_close_orders_wait_for_the_next_start() {
        let schedule = Schedule::default();
        let latest = Some(day("2026-11-20", true));
        let on = |now| schedule.for_order(latest, at(now), &new_york());
        assert_eq!(on("2026-11-21T08:59:00Z"), DayForOrder::Closed);
        assert_eq!(
            on("2026-11-21T09:00:00Z"),
            DayForOrder::Opens("2026-11-21".parse().unwrap())
        );
        assert_eq!(on("1970-01-01T12:00:00Z"), DayForOrder::Closed);
    }

    #[test]
    fn a_day_opened_by_hand_never_goes_back() {
        let schedule = Schedule {
            opens_by_itself: false,
            ..Schedule::default()
        };
        let now = at("1970-01-01T12:00:00Z");
        assert_eq!(
            schedule.for_order(None, now, &new_york()),
            DayForOrder::Closed
        );
        let latest = Some(day("2026-11-20", true));
        let date = schedule.opened_by_hand(latest, now, &new_york());
        assert_eq!(date.to_string(), "2026-11-20");
    }
}
