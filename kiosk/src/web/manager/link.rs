//! The link to the cloud, its breakers and the journal, in plain words.

use askama::Template;
use fluent_bundle::FluentArgs;

use super::orders::Row;
use super::shell::{LinkLine, Shell};
use super::store::Store;
use crate::status::{BreakerStatus, LinkMode};
use crate::switches::{SwitchSetting, SwitchStatus};
use crate::wallclock::is_set;
use crate::web::staff::{asset, clock_time, icon, span};
use crate::web::text::Language;

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
    breakers: Vec<Breaker<'a>>,
    switches: Vec<Switch>,
    reason: Option<&'a str>,
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

struct Breaker<'a> {
    name: String,
    tone: &'static str,
    state: String,
    detail: String,
    reason: Option<&'a str>,
}

/// A switch and everything that is set for it here, what is in force first.
struct Switch {
    name: String,
    tone: &'static str,
    state: String,
    lines: Vec<Standing>,
}

struct Standing {
    words: String,
    /// For whom and why, as it was written.
    why: String,
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
            breakers: self.link.breakers.iter().map(|b| breaker(b, t)).collect(),
            switches: self.switches.iter().map(|s| switch(s, t)).collect(),
            reason: self.link.reason.as_deref(),
            standalone,
            store: &self.place.store,
            kiosk: &self.place.kiosk,
            journal: &self.journal.id,
            version: env!("CARGO_PKG_VERSION"),
            shell,
        }
        .render()
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

fn breaker<'a>(status: &'a BreakerStatus, t: &Language) -> Breaker<'a> {
    let name = t.say_if_known(&format!("breaker-{}", status.name));
    let known = t.say_if_known(&format!("breaker-state-{}", status.state));
    let mut args = FluentArgs::new();
    args.set("calls", status.calls);
    args.set("failures", status.failures);
    args.set("slow", status.slow);
    let calls = (status.calls > 0).then(|| t.say_with("breaker-calls", &args));
    let retry = status.retry_in_seconds;
    let retry = retry.map(|seconds| t.say_one("breaker-retry", "span", &span(t, whole(seconds))));
    let detail: Vec<String> = calls.into_iter().chain(retry).collect();
    Breaker {
        name: name.unwrap_or_else(|| status.name.clone()),
        tone: match status.state.as_str() {
            "closed" => "good",
            "half_open" => "care",
            "disabled" => "plain",
            _ => "bad",
        },
        state: known.unwrap_or_else(|| status.state.clone()),
        detail: detail.join(" "),
        reason: status.reason.as_deref(),
    }
}

fn switch(status: &SwitchStatus, t: &Language) -> Switch {
    let state = |state: &str| {
        t.say(if state == "on" {
            "switch-on"
        } else {
            "switch-off"
        })
    };
    let standing = |(place, setting): (usize, &SwitchSetting)| {
        let who = match setting.set_by.strip_prefix("hq/") {
            Some(name) => t.say_one("switch-by-hq", "name", name),
            None => t.say("switch-by-manager"),
        };
        let mut args = FluentArgs::new();
        args.set("state", state(setting.state));
        args.set("who", who);
        let key = if place == 0 {
            "switch-line"
        } else {
            "switch-else"
        };
        Standing {
            words: t.say_with(key, &args),
            why: format!("{}: {}", setting.scope, setting.reason),
        }
    };
    let name = t.say_if_known(&format!("switch-{}", status.name));
    Switch {
        name: name.unwrap_or_else(|| status.name.to_owned()),
        tone: if status.effective == "on" {
            "good"
        } else {
            "plain"
        },
        state: state(status.effective),
        lines: status.settings.iter().enumerate().map(standing).collect(),
    }
}

/// Seconds for people, rounded up.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a wait for people; beyond the range it saturates"
)]
fn whole(seconds: f64) -> i64 {
    seconds.max(0.0).ceil() as i64
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

    #[test]
    fn waits_are_rounded_up_and_never_negative() {
        assert_eq!((whole(0.2), whole(-3.0), whole(f64::NAN)), (1, 0, 0));
    }
}
