//! What the manager sets at this kiosk, and what is configured elsewhere.

use askama::Template;
use fluent_bundle::FluentArgs;

use super::records::setting_value;
use super::sheet::who;
use super::shell::Shell;
use super::store::Store;
use crate::config::{Configured, SAMPLE, SELF_MADE};
use crate::settings::{Kind, SettingStatus};
use crate::web::staff::{asset, clock_time, icon, local, long_date};
use crate::web::text::Language;

#[derive(Template)]
#[template(path = "manager/settings.html")]
struct Page<'a> {
    shell: Shell<'a>,
    rows: Vec<Row>,
    facts: Vec<Fact>,
    configured: Vec<Fact>,
}

/// A setting and what can be done with it.
struct Row {
    name: &'static str,
    title: String,
    text: String,
    value: String,
    /// On or off; none: a number.
    on: Option<bool>,
    least: u16,
    most: u16,
    /// Who set it and when, if somebody did.
    set: Option<String>,
    /// What it goes back to, if somebody has set it.
    back: Option<String>,
}

/// Something that can only be looked at here.
struct Fact {
    name: String,
    /// None: there is none.
    value: Option<String>,
    /// Where it is said.
    source: String,
}

impl Store {
    pub(super) fn settings_page(&self, lang: Option<&str>) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "settings");
        let t = shell.frame.t;
        Page {
            rows: self
                .chosen
                .iter()
                .map(|one| self.setting_row(one, t))
                .collect(),
            facts: self.about(t),
            configured: self
                .configured
                .iter()
                .map(|one| configured(one, t))
                .collect(),
            shell,
        }
        .render()
    }

    fn setting_row(&self, setting: &SettingStatus, t: &Language) -> Row {
        let (on, least, most) = match setting.kind {
            Kind::Switch => (Some(setting.value == "on"), 0, 0),
            Kind::Minutes { least, most } => (None, least, most),
        };
        let shown = |value: &str| match setting.kind {
            Kind::Switch => setting_value(value, t),
            Kind::Minutes { .. } => t.say_one("settings-minutes", "n", value),
        };
        let set = setting.set_by.as_ref().zip(setting.at).map(|(by, at)| {
            let mut args = FluentArgs::new();
            args.set("name", who(by, t));
            args.set("date", long_date(t, local(at, &self.menu.time_zone).date()));
            args.set("time", clock_time(at, &self.menu.time_zone));
            t.say_with("settings-set-by", &args)
        });
        Row {
            name: setting.name,
            title: t.say(&format!("setting-{}", setting.name)),
            text: t.say(&format!("setting-{}-text", setting.name)),
            value: setting.value.clone(),
            on,
            least,
            most,
            back: set
                .as_ref()
                .map(|_| t.say_one("settings-back", "value", &shown(&setting.default))),
            set,
        }
    }

    fn about(&self, t: &Language) -> Vec<Fact> {
        let fact = |key: &str, value: &str| Fact {
            name: t.say(key),
            value: Some(value.to_owned()),
            source: String::new(),
        };
        vec![
            fact("settings-store", &self.place.store),
            fact("settings-kiosk", &self.place.kiosk),
            fact("settings-version", env!("CARGO_PKG_VERSION")),
            fact("settings-journal", &self.journal.id),
            fact(
                "settings-zone",
                self.menu.time_zone.iana_name().unwrap_or("UTC"),
            ),
        ]
    }
}

fn configured(one: &Configured, t: &Language) -> Fact {
    Fact {
        name: t.say(&format!("config-{}", one.name.replace('.', "-"))),
        value: one.value.as_deref().map(|value| in_words(value, t)),
        source: t.say(&format!("config-from-{}", one.source.name())),
    }
}

/// A configured value; what stands for itself stays as it is.
fn in_words(value: &str, t: &Language) -> String {
    match value {
        SELF_MADE => t.say("config-self-made"),
        SAMPLE => t.say("config-sample"),
        _ => match value.strip_suffix(" d").map(str::parse) {
            Some(Ok(days)) => t.count("config-days", days),
            _ => value.to_owned(),
        },
    }
}
