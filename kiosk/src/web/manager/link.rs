//! The link to the cloud, its breakers and the journal, in plain words.

use super::calls::Calls;
use super::levels::LevelLine;
use super::orders::Row;
use super::shell::{LinkLine, Shell};
use super::store::Store;
use super::switching::Switch;
use crate::status::LinkMode;
use crate::wallclock::is_set;
use crate::web::staff::{asset, clock_time, icon, span};
use crate::web::text::Language;
use askama::Template;

/// Orders on the page that headquarters does not have yet.
const LISTED: usize = 40;
/// Below this many free bytes somebody should look after the disk.
const LOW_DISK: u64 = 512 * 1024 * 1024;

/// For so long the manager is told that a new journal was begun: a week.
const ANEW_NEWS_MS: i64 = 7 * 24 * 3_600_000;

#[derive(Template)]
#[template(path = "manager/link.html")]
struct Page<'a> {
    shell: Shell<'a>,
    facts: Facts,
    level: LevelLine,
    calls: Vec<Calls<'a>>,
    switches: Vec<Switch>,
    reason: Option<String>,
    rows: Vec<Row<'a>>,
    standalone: bool,
    store: &'a str,
    kiosk: &'a str,
    journal: &'a str,
    version: &'static str,
}

/// What is known of the journal, in words.
pub(super) struct Facts {
    pub(super) line: LinkLine,
    /// None without a cloud: nothing waits then.
    pub(super) unsent: Option<u64>,
    pub(super) oldest: Option<String>,
    pub(super) written: u64,
    pub(super) free: Option<String>,
    pub(super) low_disk: bool,
    pub(super) trouble: Option<String>,
    /// What the cloud lost, and how many events that is.
    pub(super) lost: Option<String>,
    /// Why this is not the kiosk's first journal, while that is news.
    pub(super) anew: Option<String>,
    pub(super) clock: Clock,
}

/// The wall clock, in words.
pub(super) struct Clock {
    pub(super) tone: &'static str,
    pub(super) text: String,
}

impl Store {
    pub(super) fn link_page(&self, lang: Option<&str>) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "link");
        let t = shell.frame.t;
        let standalone = self.link.mode == LinkMode::Standalone;
        let unsent = self.orders.iter().filter(|kept| kept.sync != "confirmed");
        let rows = unsent
            .filter(|_| !standalone)
            .take(LISTED)
            .map(|kept| self.row(kept, t, shell.frame.tag));
        Page {
            rows: rows.collect(),
            facts: self.facts(t),
            level: LevelLine::of(&self.level_now, t),
            calls: self.calls(t),
            switches: self.switches.iter().map(|s| self.switch(s, t)).collect(),
            reason: self
                .link
                .reason
                .map(|why| t.say(&format!("link-why-{}", why.name()))),
            standalone,
            store: &self.place.store,
            kiosk: &self.place.kiosk,
            journal: &self.journal.id,
            version: env!("CARGO_PKG_VERSION"),
            shell,
        }
        .render()
    }

    fn calls(&self, t: &Language) -> Vec<Calls<'_>> {
        let settings = |name: &str| {
            let mut all = self.settings.iter();
            all.find(|(of, _)| of == name)
                .map_or(&[][..], |(_, settings)| settings)
        };
        let calls = self.link.breakers.iter();
        calls
            .map(|status| Calls::of(status, settings(&status.name), t))
            .collect()
    }

    pub(super) fn facts(&self, t: &Language) -> Facts {
        let health = &self.journal.health;
        let connected = self.link.mode != LinkMode::Standalone;
        Facts {
            line: self.link_line(t),
            unsent: connected.then_some(self.journal.unsent),
            oldest: self
                .journal
                .oldest
                .filter(|_| connected)
                .map(|seconds| span(t, seconds)),
            written: self.journal.written,
            free: health.free_bytes.map(bytes),
            low_disk: health.free_bytes.is_some_and(|free| free < LOW_DISK),
            trouble: health.trouble.clone(),
            lost: self
                .journal
                .lost
                .map(|(first, last)| t.say_one("lost-events", "range", &format!("{first}–{last}"))),
            anew: self.anew(t),
            clock: self.clock(t),
        }
    }

    fn anew(&self, t: &Language) -> Option<String> {
        let succeeds = self.journal.succeeds.as_ref()?;
        let since = self.now.as_millis() - succeeds.at.as_millis();
        let at = clock_time(succeeds.at, &self.menu.time_zone);
        (since < ANEW_NEWS_MS).then(|| t.say_one("journal-anew", "at", &at))
    }

    fn clock(&self, t: &Language) -> Clock {
        let (tone, text) = match self.jump {
            _ if !is_set(self.now) => ("bad", t.say("clock-not-set")),
            Some(jump) => {
                let by = span(t, jump.by_ms.saturating_abs() / 1000);
                let way = if jump.by_ms < 0 {
                    "clock-went-back"
                } else {
                    "clock-went-on"
                };
                ("care", t.say_one(way, "span", &by))
            }
            None => ("good", clock_time(self.now, &self.menu.time_zone)),
        };
        Clock { tone, text }
    }
}

/// Bytes for people: `8.1 GB`, `420 MB`.
fn bytes(count: u64) -> String {
    const MB: u64 = 1_000_000;
    let tenths = count / (MB * 100);
    if tenths >= 10 {
        format!("{}.{} GB", tenths / 10, tenths % 10)
    } else {
        format!("{} MB", count / MB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_in_the_unit_that_fits() {
        assert_eq!(bytes(8_150_000_000), "8.1 GB");
        assert_eq!(bytes(420_999_999), "420 MB");
        assert_eq!(bytes(0), "0 MB");
    }
}
