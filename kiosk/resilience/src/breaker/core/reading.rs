//! What can be learned of a breaker without changing it.

use std::time::Duration;

use super::Core;
use crate::breaker::State;
use crate::breaker::snapshot::{Outage, Snapshot, Totals};
use crate::breaker::window::LastCalls;
use crate::moment::Moment;

impl Core {
    pub(crate) fn snapshot(&self, now: Moment, rejected: u64, started: u64) -> Snapshot {
        let time = self.time.as_ref().map(|window| window.at(now));
        let last_calls = self.last_calls.as_ref().map(LastCalls::total);
        let judged = match self.state {
            State::HalfOpen => self.era,
            _ => time.or(last_calls).unwrap_or(self.era),
        };
        let until = (self.state == State::Open).then_some(self.due);
        let probe_due = match self.state {
            State::Open => now >= self.due,
            State::HalfOpen => self.probes.would_have_room(now, &self.settings.half_open),
            _ => false,
        };
        Snapshot {
            state: self.state,
            since: self.since,
            causes: self.causes,
            outage: self.outage,
            note: self.note.clone(),
            generation: self.generation,
            probe_due,
            until,
            retry_in: self.retry_in(now),
            attempt: self.attempt,
            failed_rounds: self.failed_rounds,
            would_be: self.would_be.map(|outage| Outage {
                causes: outage.causes,
                since: outage.since,
            }),
            would_have_opened: self.would_have_opened,
            calls: judged.calls,
            failures: judged.failures,
            slow: judged.slow,
            failure_ratio: judged.failure_ratio(),
            slow_ratio: judged.slow_ratio(),
            consecutive_failures: self.consecutive,
            rejected: rejected - self.rejected_before,
            in_flight: started - self.ended,
            time,
            last_calls,
            probes: self.probes.counts(),
            ramp: self
                .ramp
                .filter(|ramp| !ramp.is_over(now))
                .map(|ramp| ramp.share(now)),
            opened_by: self.opened_by,
            totals: Totals {
                rejected,
                ..self.totals
            },
            last_event: self.log.seq(),
        }
    }

    pub(crate) fn retry_in(&self, now: Moment) -> Option<Duration> {
        match self.state {
            State::Open => Some(self.due.since(now.max(self.waits_from))),
            State::HalfOpen => Some(Duration::ZERO),
            _ => None,
        }
    }
}
