//! What the kiosk does without at present, and why, for the manager.

use fluent_bundle::FluentArgs;
use resilience::breaker::State;
use resilience::ladder::Reason;

use super::calls::whole;
use crate::level::LevelStatus;
use crate::web::staff::span;
use crate::web::text::Language;

/// The level in words.
pub(super) struct LevelLine {
    pub(super) tone: &'static str,
    pub(super) name: &'static str,
    pub(super) text: String,
    pub(super) reasons: Vec<String>,
    /// The words of whoever holds it there, as they were written.
    pub(super) word: Option<String>,
}

impl LevelLine {
    pub(super) fn of(status: &LevelStatus, t: &Language) -> Self {
        let word = status.why.iter().find_map(|reason| match reason {
            Reason::Forced { by } => Some(by.to_string()),
            _ => None,
        });
        Self {
            tone: if status.level == "L0" { "good" } else { "care" },
            name: status.level,
            text: t.say(match status.level {
                "L0" => "level-0",
                "L1" => "level-1",
                "L2" => "level-2",
                _ => "level-3",
            }),
            reasons: status.why.iter().map(|reason| said(reason, t)).collect(),
            word,
        }
    }
}

fn said(reason: &Reason, t: &Language) -> String {
    match reason {
        Reason::Forced { .. } => t.say("level-forced"),
        Reason::Missing {
            dependency, state, ..
        } => {
            let name = t.say_if_known(&format!("breaker-{dependency}"));
            let name = name.unwrap_or_else(|| dependency.to_string());
            match state {
                State::ForcedOpen => t.say_one("level-switched-off", "name", &name),
                State::HalfOpen => t.say_one("level-tried-again", "name", &name),
                _ => t.say_one("level-missing", "name", &name),
            }
        }
        Reason::Busy { load, .. } => t.say_one("level-busy", "percent", &load.to_string()),
        Reason::Recovering { to, rest } => {
            let mut args = FluentArgs::new();
            args.set("level", to.name());
            args.set("span", span(t, whole(rest.as_secs_f64())));
            t.say_with("level-recovering", &args)
        }
        other => other.to_string(),
    }
}
