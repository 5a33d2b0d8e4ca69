//! What an outcome means for the counts of a closed breaker, and for its state.

use std::time::Duration;

use super::{Core, Pass};
use crate::breaker::snapshot::Totals;
use crate::breaker::window::Tally;
use crate::breaker::{Causes, Outcome, Report, State};
use crate::moment::Moment;

impl Core {
    pub(super) fn book(
        &mut self,
        pass: &Pass,
        now: Moment,
        outcome: Outcome,
        pause: Option<Duration>,
    ) -> Report {
        // A neutral outcome has no time of its own: a permit that is dropped tells when it was taken.
        if let Some(window) = self.time.as_mut().filter(|_| !outcome.is_neutral()) {
            window.follow(now);
        }
        let in_span = self.advance(pass, now);
        // What no rule hears of was dropped, and its reporter is to know.
        let heard = in_span
            || pause.is_some()
            || self.settings.consecutive_failures.is_some()
            || self.last_calls.is_some();
        if !heard && !outcome.is_neutral() {
            self.totals.stale += 1;
            return Report::Stale;
        }
        let Some(tally) = self.totals.add(outcome) else {
            if pause.is_some() {
                self.judge(now, Causes::ASKED_TO_WAIT, pause, None);
            }
            return Report::Neutral;
        };
        self.tally(tally);
        if let Some(window) = self.time.as_mut().filter(|_| in_span) {
            window.book(tally);
        }
        if let Some(window) = &mut self.last_calls {
            window.book(tally);
        }
        let causes = self
            .exceeded()
            .or_if(pause.is_some(), Causes::ASKED_TO_WAIT);
        self.judge(now, causes, pause, Some(tally));
        Report::Counted
    }

    /// Brings the time window up to `now`; says whether the call belongs into it. One that began in
    /// an earlier span of a fixed window does not.
    fn advance(&mut self, pass: &Pass, now: Moment) -> bool {
        let Some(window) = &mut self.time else {
            return true;
        };
        if window.advance(now) {
            self.quiet = 0;
        }
        !window.is_over_for(pass.taken_at)
    }

    pub(super) fn tally(&mut self, tally: Tally) {
        self.era.add(tally);
        self.consecutive = if tally.failed {
            self.consecutive + 1
        } else {
            0
        };
        self.quiet = if tally.failed || tally.slow {
            0
        } else {
            self.quiet.saturating_add(1)
        };
    }

    /// Opens for these reasons, if there are any; a dry run only tells of it.
    fn judge(
        &mut self,
        now: Moment,
        causes: Causes,
        pause: Option<Duration>,
        tally: Option<Tally>,
    ) {
        if self.state == State::MetricsOnly {
            self.rehearse(now, causes, pause, tally);
        } else if !causes.is_empty() {
            self.open(now, causes, pause);
        }
    }
}

impl Totals {
    /// Counts an outcome and says what it means for the windows, if anything.
    pub(super) const fn add(&mut self, outcome: Outcome) -> Option<Tally> {
        let (total, failed, slow) = match outcome {
            Outcome::Ok => (&mut self.ok, false, false),
            Outcome::Fail => (&mut self.fail, true, false),
            Outcome::Slow => (&mut self.slow, false, true),
            Outcome::SlowFail => (&mut self.slow_fail, true, true),
            Outcome::Ignored => {
                self.ignored += 1;
                return None;
            }
            Outcome::Cancelled => {
                self.cancelled += 1;
                return None;
            }
        };
        *total += 1;
        Some(Tally { failed, slow })
    }
}
