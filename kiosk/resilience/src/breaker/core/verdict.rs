//! What a half-open breaker makes of its probes.

use std::time::Duration;

use super::{Core, Pass};
use crate::breaker::event::EventKind;
use crate::breaker::probes::Probe;
use crate::breaker::settings::Verdict;
use crate::breaker::{Causes, Outcome, Report, State};
use crate::moment::Moment;

impl Core {
    pub(super) fn admit_probe(&mut self, now: Moment) -> Option<Probe> {
        let settings = self.settings.half_open;
        if let Some(probe) = self.probes.admit(now, &settings) {
            return Some(probe);
        }
        self.give_up_hung_probes(now);
        self.probes.admit(now, &settings)
    }

    pub(super) fn give_up_hung_probes(&mut self, now: Moment) {
        let deadline = self.settings.half_open.deadline;
        let hung = self.probes.give_up_hung(now, deadline);
        if hung > 0 {
            self.log
                .push(now, EventKind::ProbesReplaced { probes: hung }, None);
        }
    }

    pub(super) fn book_probe(
        &mut self,
        pass: &Pass,
        now: Moment,
        outcome: Outcome,
        pause: Option<Duration>,
    ) -> Report {
        let Some(probe) = pass.probe else {
            return Report::Stale;
        };
        let Some(tally) = self.totals.add(outcome) else {
            self.probes.settle(probe, None);
            if pause.is_some() {
                self.open(now, Causes::ASKED_TO_WAIT, pause);
            }
            return Report::Neutral;
        };
        self.tally(tally);
        self.probes.settle(probe, Some(tally.failed || tally.slow));
        if pause.is_some() {
            self.open(now, Causes::ASKED_TO_WAIT.or(Causes::PROBES_FAILED), pause);
        } else {
            self.judge_probes(now);
        }
        Report::Counted
    }

    /// Decides on the outcomes of the probes, if there are enough of them.
    pub(super) fn judge_probes(&mut self, now: Moment) {
        let settings = self.settings.half_open;
        let counts = self.probes.counts();
        let done = counts.succeeded + counts.failed >= settings.permits;
        let closes = match settings.verdict {
            Verdict::FirstFailure if counts.failed > 0 => Some(false),
            Verdict::FirstFailure => done.then_some(true),
            Verdict::FailureRatio(ratio) => {
                let of = u64::from(counts.succeeded) + u64::from(counts.failed);
                done.then(|| !ratio.reached_by(counts.failed.into(), of))
            }
            Verdict::Successes(needed) if counts.succeeded >= needed => Some(true),
            Verdict::Successes(needed) => {
                (counts.failed > settings.permits.saturating_sub(needed)).then_some(false)
            }
        };
        match closes {
            Some(true) => self.enter(State::Closed, now, Causes::PROBES_SUCCEEDED, None),
            Some(false) => self.open(now, Causes::PROBES_FAILED, None),
            None => {}
        }
    }
}
