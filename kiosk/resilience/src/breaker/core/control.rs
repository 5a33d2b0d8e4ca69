//! What people and settings do to a breaker.

use std::sync::Arc;
use std::time::Duration;

use super::Core;
use crate::breaker::event::{EventKind, Retuned};
use crate::breaker::settings::Settings;
use crate::breaker::window::{LastCalls, TimeWindow};
use crate::breaker::{Causes, State};
use crate::moment::Moment;

impl Core {
    /// Opens for so long on request of the called side or of a person.
    pub(crate) fn trip(&mut self, now: Moment, wait: Duration, causes: Causes) -> bool {
        match self.state {
            State::Closed | State::HalfOpen => self.open(now, causes, Some(wait)),
            State::Open => {
                self.wait(now, wait);
            }
            State::ForcedOpen | State::Disabled | State::MetricsOnly => return false,
        }
        true
    }

    /// Ends the wait of an open breaker: the next call is a probe.
    pub(crate) fn expire_wait(&mut self, now: Moment) {
        if self.state == State::Open && now < self.due {
            self.wait(now, Duration::ZERO);
        }
    }

    /// Takes what the clock did not count off the wait.
    pub(crate) fn slept(&mut self, now: Moment, slept: Duration) {
        let rest = self.due.since(now);
        if self.state == State::Open && !rest.is_zero() && !slept.is_zero() {
            self.wait(now, rest.saturating_sub(slept));
        }
    }

    /// Has an open breaker wait so long from now, whatever its settings say.
    fn wait(&mut self, now: Moment, wait: Duration) {
        self.waits_from = now;
        self.due = now.plus(wait);
        self.asked = Some(self.due.since(self.since));
        self.dirty = true;
        self.log.push(now, EventKind::WaitChanged { wait }, None);
    }

    /// Does what time alone brings about.
    pub(crate) fn tick(&mut self, now: Moment) {
        match self.state {
            State::Open if now >= self.due => {
                self.enter(State::HalfOpen, now, Causes::WAIT_OVER, None);
            }
            // A late probe that keeps nobody out may still bring its outcome.
            State::HalfOpen if !self.probes.has_room(&self.settings.half_open) => {
                self.give_up_hung_probes(now);
            }
            _ => {}
        }
    }

    pub(crate) fn next_deadline(&self) -> Option<Moment> {
        match self.state {
            State::Open => Some(self.due),
            State::HalfOpen if !self.probes.has_room(&self.settings.half_open) => {
                self.probes.first_deadline(self.settings.half_open.deadline)
            }
            _ => None,
        }
    }

    /// Puts the breaker where a person wants it.
    pub(crate) fn by_hand(&mut self, to: State, now: Moment, note: Option<Arc<str>>) {
        if self.state == to {
            self.note = note;
        } else {
            self.enter(to, now, Causes::BY_HAND, note);
        }
    }

    pub(crate) fn open_by_hand(&mut self, now: Moment) {
        if self.state != State::Open {
            self.open(now, Causes::BY_HAND, None);
        }
    }

    /// Lets go of a breaker of which nobody knows whether the called side answers.
    pub(crate) fn auto_by_probe(&mut self, now: Moment) {
        if self.state.is_manual() {
            self.open(now, Causes::UNTRIED, Some(Duration::ZERO));
        }
    }

    pub(crate) fn reset(&mut self, now: Moment) {
        if self.state == State::Closed {
            let counts = self.judged(self.state);
            // Whoever closes it by hand wants all calls through.
            self.ramp = None;
            self.kept_out = false;
            self.begin_generation(now);
            self.log.push(now, EventKind::Reset { counts }, None);
        } else {
            self.enter(State::Closed, now, Causes::BY_HAND, None);
        }
    }

    /// Swaps the settings; the state, its generation and the moment it began stay.
    pub(crate) fn retune(&mut self, settings: Settings, now: Moment) -> Retuned {
        let old = std::mem::replace(&mut self.settings, settings);
        if old
            == (Settings {
                initial: old.initial,
                ..settings
            })
        {
            return Retuned {
                unchanged: true,
                window_kept: true,
            };
        }
        let window_kept = self.retune_windows(now);
        self.probes.retune(&settings.half_open);
        if thresholds(&old) != thresholds(&settings) {
            self.would_be = None;
        }
        self.ramp = self.ramp.zip(settings.ramp).map(|(mut ramp, slope)| {
            ramp.retune(slope);
            ramp
        });
        // A wait that was asked for stands, to the instant.
        if self.asked.is_none() && (old.open != settings.open || old.seed != settings.seed) {
            self.set_due();
        }
        let retuned = Retuned {
            unchanged: false,
            window_kept,
        };
        self.dirty = true;
        self.log.push(now, EventKind::Retuned(retuned), None);
        // Fewer permits may mean that the probes so far are already the verdict.
        if self.state == State::HalfOpen {
            self.judge_probes(now);
        }
        retuned
    }

    fn retune_windows(&mut self, now: Moment) -> bool {
        let mut kept = true;
        self.time = match (self.settings.time, self.time.take()) {
            (Some(rule), Some(window)) if window.window() == rule.window => Some(window),
            (Some(rule), Some(window)) => {
                let (fresh, mapped) = window.reshaped(rule.window, now);
                kept = mapped;
                Some(fresh)
            }
            (Some(rule), None) => Some(TimeWindow::new(rule.window, now)),
            (None, _) => None,
        };
        self.last_calls = match (self.settings.last_calls, self.last_calls.take()) {
            (Some(rule), Some(window)) if window.holds(rule) => Some(window),
            (Some(rule), Some(window)) => Some(window.reshaped(rule)),
            (Some(rule), None) => Some(LastCalls::new(rule)),
            (None, _) => None,
        };
        kept
    }
}

/// What a dry run holds calls against.
fn thresholds(settings: &Settings) -> impl PartialEq + use<> {
    let Settings {
        consecutive_failures,
        time,
        last_calls,
        slow_after,
        ..
    } = *settings;
    (consecutive_failures, time, last_calls, slow_after)
}
