//! What stands around every page of the manager: where one can go, and what needs care.

use fluent_bundle::FluentArgs;

use super::small;
use super::store::Store;
use crate::status::LinkMode;
use crate::web::staff::{Frame, clock_time, long_date, span};
use crate::web::text::Language;

/// What the scripts of these pages say.
const WORDS: &[&str] = &[
    "manager-count-for",
    "manager-reason-missing",
    "manager-closed-now",
    "manager-opened-now",
    "manager-sold-out-now",
    "manager-on-sale-now",
    "manager-counted-now",
    "cash-count-text",
    "cash-do-count",
    "cash-do-float",
    "cash-do-in",
    "cash-do-open",
    "cash-do-out",
    "cash-open-text",
    "order-choose-lines",
    "order-too-little",
    "staff-pin-of",
    "staff-newcomer",
    "staff-differ",
    "switch-turn-title",
    "switch-turn-on",
    "switch-turn-off",
    "switch-turn-auto",
];

/// The frame of the manager's pages.
pub(super) struct Shell<'a> {
    pub(super) frame: Frame<'a>,
    pub(super) here: &'static str,
    pub(super) place: String,
    pub(super) unfinished: usize,
    pub(super) sold_out: usize,
    pub(super) unsent: u64,
    /// Devices that don't work, and print jobs that wait for somebody.
    pub(super) troubles: usize,
    pub(super) link: LinkLine,
    pub(super) date: String,
    pub(super) day_line: String,
    pub(super) open: bool,
    /// What speaks against closing the day now, if anything does.
    pub(super) close_warning: Option<String>,
}

/// The link in a few words.
pub(super) struct LinkLine {
    /// `good`, `care` or `bad`.
    pub(super) tone: &'static str,
    pub(super) sign: &'static str,
    pub(super) title: String,
    pub(super) text: String,
}

impl Store {
    pub(super) fn shell<'a>(&'a self, lang: Option<&'a str>, here: &'static str) -> Shell<'a> {
        let frame = Frame::new(&self.menu, lang, WORDS);
        let t = frame.t;
        let items = self.menu.items().iter();
        Shell {
            here,
            place: self.place_line(t),
            unfinished: self.unfinished().count(),
            sold_out: items.filter(|item| !self.level(item).sells()).count(),
            unsent: self.unsent(),
            troubles: self.troubles(),
            link: self.link_line(t),
            date: long_date(t, self.date),
            day_line: self.day_line(t),
            open: self.is_open(),
            close_warning: self.close_warning(t),
            frame,
        }
    }

    fn place_line(&self, t: &Language) -> String {
        if self.link.mode == LinkMode::Standalone {
            return t.say("manager-standalone");
        }
        let mut args = FluentArgs::new();
        args.set("store", self.place.store.as_str());
        args.set("kiosk", self.place.kiosk.as_str());
        t.say_with("manager-place", &args)
    }

    /// What waits to be confirmed; without a cloud, nothing waits.
    fn unsent(&self) -> u64 {
        match self.link.mode {
            LinkMode::Standalone => 0,
            _ => self.journal.unsent,
        }
    }

    fn troubles(&self) -> usize {
        let broken = self.devices.iter().filter(|device| !device.state.works());
        let stuck = usize::try_from(self.stuck_prints).unwrap_or(usize::MAX);
        let twice = usize::try_from(self.paid_twice).unwrap_or(usize::MAX);
        broken.count().saturating_add(stuck).saturating_add(twice)
    }

    fn day_line(&self, t: &Language) -> String {
        let zone = &self.menu.time_zone;
        match self.day.filter(|day| day.date == self.date) {
            None => t.say("day-none"),
            Some(day) => match day.closed_at {
                None => t.say_one("day-open-since", "time", &clock_time(day.opened_at, zone)),
                Some(at) => t.say_one("day-closed-at", "time", &clock_time(at, zone)),
            },
        }
    }

    fn close_warning(&self, t: &Language) -> Option<String> {
        let unfinished = small(self.unfinished().count());
        let unpaid = small(self.unpaid().count());
        let mut warnings = Vec::new();
        if unfinished > 0 {
            warnings.push(t.count("day-unfinished", unfinished));
        }
        if unpaid > 0 {
            warnings.push(t.count("day-unpaid", unpaid));
        }
        (!warnings.is_empty()).then(|| warnings.join(" "))
    }

    pub(super) fn link_line(&self, t: &Language) -> LinkLine {
        let unsent = u32::try_from(self.journal.unsent).unwrap_or(u32::MAX);
        let waiting = || t.count("link-unsent", unsent);
        let (tone, sign, title, text) = match self.link.mode {
            LinkMode::Standalone => (
                "plain",
                "home",
                t.say("link-standalone"),
                t.say("link-standalone-text"),
            ),
            LinkMode::Online if unsent == 0 => (
                "good",
                "cloud",
                t.say("link-online"),
                t.say("link-all-sent"),
            ),
            LinkMode::Online => ("good", "cloud", t.say("link-online"), waiting()),
            LinkMode::CatchingUp => ("care", "cloud", t.say("link-catching-up"), waiting()),
            LinkMode::Offline => {
                let text = match self.journal.oldest.filter(|_| unsent > 0) {
                    Some(seconds) => {
                        let mut args = FluentArgs::new();
                        args.set("count", unsent);
                        args.set("span", span(t, seconds));
                        t.say_with("link-unsent-since", &args)
                    }
                    None => waiting(),
                };
                ("care", "cloud-off", t.say("link-offline"), text)
            }
        };
        LinkLine {
            tone,
            sign,
            title,
            text,
        }
    }
}
