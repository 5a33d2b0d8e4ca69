//! What happens to a breaker, as log lines and counters: each event once, in its order, whoever looks.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use resilience::Breaker;
use resilience::breaker::{Causes, Event, EventKind, State};

/// Of one outage so many rounds of probes are told as news; the rest only to whoever wants every
/// detail. A line every few seconds for a month would bury all others.
const ROUNDS_TOLD: u32 = 3;

/// How far the events of a breaker are told.
#[derive(Debug)]
pub(super) struct Diary {
    told: Mutex<Told>,
    /// Whether the rules of the breaker are in force or only tried.
    rules: &'static str,
}

impl Default for Diary {
    fn default() -> Self {
        Self {
            told: Mutex::default(),
            rules: "in_force",
        }
    }
}

#[derive(Debug, Default)]
struct Told {
    cursor: u64,
    /// Rounds of probes in this outage.
    rounds: u32,
    /// A dry run has told of an outage that goes on.
    would_be: bool,
}

/// How much an event matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Weight {
    Warning,
    News,
    Detail,
}

impl Diary {
    /// Of a breaker whose rules are only tried.
    pub(super) fn of_dry_run() -> Self {
        Self {
            rules: "dry_run",
            ..Self::default()
        }
    }

    /// Another breaker, of which nothing is told yet.
    pub(super) fn begin(&self) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = Told::default();
    }

    /// Tells what is not told yet.
    pub(super) fn tell(&self, breaker: &Breaker) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let news = breaker.events_after(told.cursor);
        told.cursor = news.cursor;
        let (name, rules) = (breaker.name(), self.rules);
        if news.lost > 0 {
            tracing::warn!(
                dependency = name,
                events = news.lost,
                "breaker events were missed"
            );
        }
        for event in &news.events {
            let (seq, weight) = (event.seq, told.weigh(event));
            if told.would_open(&event.kind) {
                counter!("kiosk_breaker_would_have_opened_total", "name" => name.to_owned(), "rules" => rules)
                    .increment(1);
            }
            count(name, &event.kind);
            let line = line(event);
            match weight {
                Weight::Warning => {
                    tracing::warn!(dependency = name, rules, event = seq, "breaker {line}")
                }
                Weight::News => {
                    tracing::info!(dependency = name, rules, event = seq, "breaker {line}")
                }
                Weight::Detail => {
                    tracing::debug!(dependency = name, rules, event = seq, "breaker {line}")
                }
            }
        }
    }
}

impl Told {
    /// Whether an outage in a dry run begins with this.
    fn would_open(&mut self, kind: &EventKind) -> bool {
        let told = matches!(kind, EventKind::ThresholdExceeded { .. });
        let begins = told && !self.would_be;
        let goes_on = self.would_be && matches!(kind, EventKind::WaitChanged { .. });
        self.would_be = told || goes_on;
        begins
    }

    fn weigh(&mut self, event: &Event) -> Weight {
        let EventKind::Moved { from, to, .. } = event.kind else {
            return match event.kind {
                EventKind::ThresholdExceeded { .. } if !self.would_be => Weight::Warning,
                EventKind::ThresholdExceeded { .. } => Weight::News,
                EventKind::Retuned(_)
                | EventKind::Reset { .. }
                | EventKind::WouldHaveClosed { .. } => Weight::News,
                _ => Weight::Detail,
            };
        };
        if (from, to) == (State::Open, State::HalfOpen) {
            self.rounds = self.rounds.saturating_add(1);
        }
        let probing = matches!(
            (from, to),
            (State::Open, State::HalfOpen) | (State::HalfOpen, State::Open)
        );
        if !probing {
            self.rounds = 0;
        }
        match to {
            _ if probing && self.rounds > ROUNDS_TOLD => Weight::Detail,
            State::Open | State::ForcedOpen if !probing => Weight::Warning,
            _ => Weight::News,
        }
    }
}

fn count(name: &str, kind: &EventKind) {
    let name = || name.to_owned();
    match kind {
        EventKind::Moved { from, to, .. } => {
            let (from, to) = (from.name(), to.name());
            counter!("kiosk_breaker_transitions_total", "name" => name(), "from" => from, "to" => to)
                .increment(1);
        }
        EventKind::Retuned(_) => {
            counter!("kiosk_breaker_retunes_total", "name" => name()).increment(1);
        }
        EventKind::ProbesReplaced { probes } => {
            counter!("kiosk_breaker_probes_replaced_total", "name" => name())
                .increment(u64::from(*probes));
        }
        _ => {}
    }
}

/// An event in one line for people.
fn line(event: &Event) -> String {
    match &event.kind {
        EventKind::Moved {
            from,
            to,
            causes,
            counts,
            consecutive_failures,
            wait,
        } => {
            let mut line = format!("{} → {}", from.name(), to.name());
            let word = event.note.as_deref().map(str::to_owned);
            let why = word.or((!causes.is_empty()).then(|| causes.to_string()));
            if let Some(why) = why {
                line += &format!(": {why}");
            }
            if counts.calls > 0 {
                let (calls, failures, slow) = (counts.calls, counts.failures, counts.slow);
                line += &format!(" (of {calls} calls {failures} failed and {slow} were slow");
                if causes.contains(Causes::CONSECUTIVE_FAILURES) {
                    line += &format!(", {consecutive_failures} failures in a row");
                }
                line.push(')');
            }
            if let Some(wait) = wait {
                line += &format!("; next try in {}", seconds(*wait));
            }
            line
        }
        EventKind::Reset { counts } => format!("reset: {} calls forgotten", counts.calls),
        EventKind::ThresholdExceeded { causes, counts } => format!(
            "would have opened (dry run): {causes} (of {} calls {} failed and {} were slow)",
            counts.calls, counts.failures, counts.slow
        ),
        EventKind::WouldHaveClosed { lasted } => {
            format!(
                "would be closed again (dry run), after {}",
                seconds(*lasted)
            )
        }
        EventKind::Retuned(retuned) if retuned.window_kept => "has other settings".to_owned(),
        EventKind::Retuned(_) => "has other settings; its window begins anew".to_owned(),
        EventKind::WaitChanged { wait } => format!("waits {} from now", seconds(*wait)),
        EventKind::ProbesReplaced { probes } => {
            format!("gave up {probes} probes that did not answer")
        }
        other => format!("{other:?}"),
    }
}

fn seconds(wait: Duration) -> String {
    format!("{:.1} s", wait.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;
    use resilience::Moment;
    use resilience::breaker::{OpenWait, Settings};

    fn breaker() -> Breaker {
        let settings = Settings {
            consecutive_failures: Some(2),
            open: OpenWait::constant(Duration::from_millis(1_500)),
            ..Settings::default()
        };
        Breaker::new("test", settings, Moment::START).unwrap()
    }

    fn fail(breaker: &Breaker, now: Moment) {
        let _ = breaker.try_acquire(now).unwrap().failure(now);
    }

    #[test]
    fn an_event_is_one_line_that_says_what_why_and_until_when() {
        let breaker = breaker();
        let at = Moment::from_secs;
        fail(&breaker, at(1));
        fail(&breaker, at(1));
        fail(&breaker, at(3));
        breaker.force_open(at(4), "manager: stocktaking");
        breaker.metrics_only(at(5), "set by headquarters");
        fail(&breaker, at(6));
        fail(&breaker, at(6));
        breaker.retune(Settings::default(), at(7)).unwrap();
        let lines: Vec<_> = breaker.events_after(0).events.iter().map(line).collect();
        let want = [
            "closed → open: consecutive failures (of 2 calls 2 failed and 0 were slow, 2 failures in \
             a row); next try in 1.5 s",
            "open → half_open: wait over",
            "half_open → open: probes failed (of 1 calls 1 failed and 0 were slow); next try in 1.5 s",
            "open → forced_open: manager: stocktaking",
            "forced_open → metrics_only: set by headquarters",
            "would have opened (dry run): consecutive failures (of 2 calls 2 failed and 0 were slow)",
            "has other settings",
        ];
        assert_eq!(lines, want);
    }

    #[test]
    fn a_long_outage_is_told_by_its_first_rounds_and_its_end() {
        let breaker = breaker();
        let at = |round: u64| Moment::from_secs(2 * round);
        fail(&breaker, at(0));
        for round in 0..20 {
            fail(&breaker, at(round));
        }
        let _ = breaker.try_acquire(at(20)).unwrap().success(at(20));
        let mut told = Told::default();
        let events = breaker.events_after(0).events;
        let weights: Vec<_> = events.iter().map(|event| told.weigh(event)).collect();
        let of = |wanted: Weight| weights.iter().filter(|weight| **weight == wanted).count();
        assert_eq!((of(Weight::Warning), of(Weight::News)), (1, 2 * 3 + 1));
        assert_eq!(weights.last(), Some(&Weight::News), "that it is back");
        assert_eq!(told.rounds, 0);
    }

    #[test]
    fn every_event_is_told_once() {
        let breaker = breaker();
        let diary = Diary::default();
        fail(&breaker, Moment::START);
        fail(&breaker, Moment::START);
        diary.tell(&breaker);
        let cursor = diary.told.lock().unwrap().cursor;
        diary.tell(&breaker);
        assert_eq!((cursor, diary.told.lock().unwrap().cursor), (1, 1));
    }
}
