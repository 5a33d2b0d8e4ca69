//! Dayparts: the hours in which a part of the menu is served, such as breakfast until 11:00.
//!
//! Hours are the store's own, by the menu's time zone. They say what may be chosen now; they never
//! say anything about an order that was accepted.

use jiff::civil::{DateTime, Time, Weekday};

use crate::text::Text;

/// The most dayparts of one menu.
pub const DAYPARTS_LIMIT: usize = 32;

/// Hours of the day, every day or on some days of the week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Daypart {
    /// Its identity.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// When it begins.
    pub from: Time,
    /// When it is over. Before `from`: on the next morning.
    pub until: Time,
    /// On which days it begins; none is every day.
    pub days: Vec<Weekday>,
}

/// Some of a menu's dayparts. As a limit, none means at any time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Dayparts(u32);

/// When something is served: by its own hours and by those of the shelves it stands on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hours {
    /// Its own limit.
    pub own: Dayparts,
    /// What all of its categories together allow.
    pub shelf: Dayparts,
}

impl Daypart {
    /// Whether it runs at this local time: from its first moment to just before its last.
    #[must_use]
    pub fn holds(&self, local: DateTime) -> bool {
        let (time, date) = (local.time(), local.date());
        let begins =
            |date: jiff::civil::Date| self.days.is_empty() || self.days.contains(&date.weekday());
        if self.from < self.until {
            return (self.from..self.until).contains(&time) && begins(date);
        }
        // Over midnight: the early hours belong to the day on which it began.
        (time >= self.from && begins(date))
            || (time < self.until && date.yesterday().is_ok_and(begins))
    }

    /// Its hours for people: `06:00–11:00`.
    #[must_use]
    pub fn hours(&self) -> String {
        let short = |time: Time| format!("{:02}:{:02}", time.hour(), time.minute());
        format!("{}–{}", short(self.from), short(self.until))
    }
}

impl Dayparts {
    /// The dayparts at these places of a menu's list.
    pub fn at(places: impl IntoIterator<Item = usize>) -> Self {
        let bit = |place| 1_u32.checked_shl(u32::try_from(place).unwrap_or(u32::MAX));
        Self(
            places
                .into_iter()
                .filter_map(bit)
                .fold(0, |all, bit| all | bit),
        )
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the daypart at that place is among them.
    #[must_use]
    pub fn has(self, place: usize) -> bool {
        self.0 & Self::at([place]).0 != 0
    }

    /// These and those.
    #[must_use]
    pub fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether this limit lets something be served while `now` runs.
    #[must_use]
    pub fn allow(self, now: Self) -> bool {
        self.is_empty() || self.0 & now.0 != 0
    }
}

impl Hours {
    /// Whether it is served while `now` runs.
    #[must_use]
    pub fn allow(self, now: Dayparts) -> bool {
        self.own.allow(now) && self.shelf.allow(now)
    }

    /// The limit that `now` does not meet, if any.
    #[must_use]
    pub fn unmet(self, now: Dayparts) -> Option<Dayparts> {
        [self.own, self.shelf]
            .into_iter()
            .find(|limit| !limit.allow(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daypart(from: &str, until: &str, days: &[Weekday]) -> Daypart {
        Daypart {
            id: "d".to_owned(),
            name: Text::default(),
            from: from.parse().unwrap(),
            until: until.parse().unwrap(),
            days: days.to_vec(),
        }
    }

    fn at(text: &str) -> DateTime {
        text.parse().unwrap()
    }

    #[test]
    fn breakfast_is_over_at_eleven_sharp() {
        let breakfast = daypart("06:00", "11:00", &[]);
        assert!(breakfast.holds(at("2026-11-20T06:00:00")));
        assert!(breakfast.holds(at("2026-11-20T10:59:59.999")));
        assert!(!breakfast.holds(at("2026-11-20T11:00:00")));
        assert!(!breakfast.holds(at("2026-11-20T05:59:59")));
        assert_eq!(breakfast.hours(), "06:00–11:00");
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_began() {
        // 2026-11-20 is a Friday.
        let night = daypart("22:00", "02:00", &[Weekday::Friday]);
        assert!(night.holds(at("2026-11-20T23:00:00")));
        assert!(night.holds(at("2026-11-21T01:59:00")));
        assert!(!night.holds(at("2026-11-21T02:00:00")));
        assert!(!night.holds(at("2026-11-20T01:00:00")));
        assert!(!night.holds(at("2026-11-21T23:00:00")));
    }

    #[test]
    fn no_limit_is_at_any_time() {
        let (first, last) = (Dayparts::at([0]), Dayparts::at([31]));
        assert!(Dayparts::default().allow(Dayparts::default()));
        assert!(first.allow(first.and(last)) && !first.allow(last));
        assert!(last.has(31) && !last.has(32));
        let hours = Hours {
            own: first,
            shelf: last,
        };
        assert!(hours.allow(first.and(last)));
        assert_eq!(hours.unmet(first), Some(last));
    }
}
