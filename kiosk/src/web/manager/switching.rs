//! Switches for the manager: where each stands, who put it there and why, and turning it.

use fluent_bundle::FluentArgs;
use resilience::switches::Scope;

use super::store::Store;
use crate::switches::{SwitchSetting, SwitchStatus};
use crate::web::staff::local;
use crate::web::text::Language;

/// A switch and everything that is set for it here, what is in force first.
pub(super) struct Switch {
    pub(super) key: &'static str,
    pub(super) name: String,
    pub(super) tone: &'static str,
    pub(super) state: String,
    pub(super) lines: Vec<Standing>,
    pub(super) turns: Vec<Turn>,
}

/// Somebody's word about a switch.
pub(super) struct Standing {
    pub(super) words: String,
    /// Why, as it was written.
    pub(super) why: String,
}

/// A way to turn it.
pub(super) struct Turn {
    pub(super) to: &'static str,
    pub(super) name: String,
    /// The manager has it there already.
    pub(super) here: bool,
}

impl Store {
    pub(super) fn switch(&self, status: &SwitchStatus, t: &Language) -> Switch {
        let name = t.say_if_known(&format!("switch-{}", status.name));
        let here = status.settings.iter().find(|setting| setting.here);
        let here = here.map_or("auto", |setting| setting.state);
        let turns = [
            ("on", "switch-on"),
            ("off", "switch-off"),
            ("auto", "switch-auto"),
        ];
        let turns = turns.map(|(to, key)| Turn {
            to,
            name: t.say(key),
            here: to == here,
        });
        let standing = status.settings.iter().enumerate();
        Switch {
            key: status.name,
            name: name.unwrap_or_else(|| status.name.to_owned()),
            tone: if status.effective == "on" {
                "good"
            } else {
                "plain"
            },
            state: state(status.effective, t),
            lines: standing
                .map(|(place, setting)| self.standing(place, setting, t))
                .collect(),
            turns: turns.into(),
        }
    }

    fn standing(&self, place: usize, setting: &SwitchSetting, t: &Language) -> Standing {
        let who = match setting.set_by.split_once('/') {
            Some(("hq", name)) => t.say_one("switch-by-hq", "name", name),
            Some((_, name)) => name.to_owned(),
            None => t.say("switch-by-manager"),
        };
        let at = local(setting.at, &self.menu.time_zone);
        let mut args = FluentArgs::new();
        args.set("state", state(setting.state, t));
        args.set("who", who);
        args.set("scope", scope(&setting.whose, t));
        args.set("at", at.strftime("%Y-%m-%d %H:%M").to_string());
        let words = if place == 0 {
            t.say_with("switch-line", &args)
        } else {
            t.say_with("switch-else", &args)
        };
        Standing {
            words,
            why: setting.reason.clone(),
        }
    }
}

fn state(state: &str, t: &Language) -> String {
    if state == "on" {
        t.say("switch-on")
    } else {
        t.say("switch-off")
    }
}

/// For which kiosks, in words.
fn scope(scope: &Scope, t: &Language) -> String {
    match scope {
        Scope::Here => t.say("scope-here"),
        Scope::All => t.say("scope-all"),
        Scope::Percent(percent) => t.say_one("scope-percent", "percent", &percent.to_string()),
        Scope::Group(group) => t.say_one("scope-group", "group", group),
        Scope::Kiosk(kiosk) => t.say_one("scope-kiosk", "kiosk", kiosk),
    }
}
