//! What a breaker would do that only counts: when it would open, and until when.

use std::time::Duration;

use super::Core;
use crate::breaker::Causes;
use crate::breaker::event::EventKind;
use crate::breaker::window::Tally;
use crate::moment::Moment;

/// An outage in a dry run. It lasts as a real one would: through the wait of an open breaker, and
/// then until as many calls in a row went well as there are probes; but not while a threshold is met,
/// for the windows go on counting. A dip below a threshold in between is no other outage.
#[derive(Clone, Copy, Debug)]
pub(in crate::breaker) struct WouldBe {
    /// What was told of it.
    pub(in crate::breaker) causes: Causes,
    pub(in crate::breaker) since: Moment,
    /// When the first probe would go.
    due: Moment,
    /// Rounds of probes that would have failed.
    rounds: u32,
    /// Calls that went well since it was due.
    well: u32,
}

impl Core {
    /// Tells once of each threshold that is met in a would-be outage, and of its end.
    pub(super) fn rehearse(
        &mut self,
        now: Moment,
        causes: Causes,
        pause: Option<Duration>,
        tally: Option<Tally>,
    ) {
        let first = self.would_be.is_none();
        if first && causes.is_empty() {
            return;
        }
        let wait = pause.unwrap_or_else(|| self.would_wait(0));
        let mut outage = self.would_be.unwrap_or(WouldBe {
            causes: Causes::NONE,
            since: now,
            due: now.plus(wait),
            rounds: 0,
            well: 0,
        });
        if let Some(pause) = pause {
            outage.due = outage.due.max(now.plus(pause));
        }
        if !first {
            self.would_probe(now, tally, &mut outage);
        }
        if outage.well >= self.settings.half_open.permits && causes.is_empty() {
            self.would_be = None;
            let lasted = now.since(outage.since);
            self.log
                .push(now, EventKind::WouldHaveClosed { lasted }, None);
            return;
        }
        let news = causes.without(outage.causes);
        outage.causes = outage.causes.or(causes);
        self.would_be = Some(outage);
        self.would_have_opened += u64::from(first);
        if !news.is_empty() {
            let (causes, counts) = (news, self.judged(self.state));
            self.log
                .push(now, EventKind::ThresholdExceeded { causes, counts }, None);
        }
    }

    /// A call that would have been a probe.
    fn would_probe(&self, now: Moment, tally: Option<Tally>, outage: &mut WouldBe) {
        let Some(tally) = tally.filter(|_| now >= outage.due) else {
            return;
        };
        if tally.failed || tally.slow {
            outage.rounds = outage.rounds.saturating_add(1);
            outage.well = 0;
            outage.due = now.plus(self.would_wait(outage.rounds));
        } else {
            outage.well = outage.well.saturating_add(1);
        }
    }

    fn would_wait(&self, rounds: u32) -> Duration {
        let seed = self.settings.seed ^ self.generation;
        self.settings.open.wait(rounds, seed)
    }
}
