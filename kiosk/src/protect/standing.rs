//! Who holds a breaker in a state of its own, and why: a switch, or what is set about its calls.

use std::sync::PoisonError;

use resilience::Moment;
use resilience::breaker::State;

use super::{Dependency, Mode};

/// Who holds a breaker where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// A switch that somebody turned off.
    BySwitch,
    /// The mode that is set for its calls.
    BySettings,
}

impl Held {
    /// As the status tells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BySwitch => "switch",
            Self::BySettings => "settings",
        }
    }
}

/// What the breaker is wanted to be.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// The words of whoever switched it off.
    off: Option<String>,
    mode: Mode,
    /// The words of whoever set the mode.
    why: String,
}

impl Standing {
    /// As the rules say from the start.
    pub(super) fn of(mode: Mode) -> Self {
        Self {
            mode,
            ..Self::default()
        }
    }

    fn wanted(&self) -> Option<(State, &str)> {
        match (&self.off, self.mode.state()) {
            (Some(word), _) => Some((State::ForcedOpen, word)),
            (None, Some(state)) => Some((state, &self.why)),
            (None, None) => None,
        }
    }
}

impl Dependency {
    pub(super) fn held(&self) -> Option<Held> {
        let standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        match (&standing.off, standing.mode.state()) {
            (Some(_), _) => Some(Held::BySwitch),
            (None, Some(_)) => Some(Held::BySettings),
            (None, None) => None,
        }
    }

    /// Holds the breaker open for these words, or lets go of it; says whether that changed anything.
    pub fn switch(&self, off: Option<String>, now: Moment) -> bool {
        self.stand(now, |standing| standing.off = off)
    }

    /// Has the breaker stand as its rules say, for these words; says whether that changed anything.
    pub(super) fn set_mode(&self, mode: Mode, why: &str, now: Moment) -> bool {
        self.stand(now, |standing| {
            standing.mode = mode;
            why.clone_into(&mut standing.why);
        })
    }

    fn stand(&self, now: Moment, change: impl FnOnce(&mut Standing)) -> bool {
        let mut standing = self.standing.lock().unwrap_or_else(PoisonError::into_inner);
        let before = standing.clone();
        change(&mut standing);
        // What a breaker found out by itself is not touched as long as nobody wants anything of it.
        if standing.wanted() == before.wanted() {
            return false;
        }
        let seen = self.breaker.snapshot(now);
        match standing.wanted() {
            Some((state, why)) if seen.state == state && seen.note.as_deref() == Some(why) => {
                return false;
            }
            Some((State::ForcedOpen, why)) => self.breaker.force_open(now, why),
            Some((State::Disabled, why)) => self.breaker.disable(now, why),
            Some((_, why)) => self.breaker.metrics_only(now, why),
            // Whether it answers is not known: the next call is a probe.
            None if seen.state == State::ForcedOpen => self.breaker.auto_by_probe(now),
            None if seen.state.is_manual() => self.breaker.auto(now),
            None => return false,
        }
        self.diary.tell(&self.breaker);
        true
    }
}
