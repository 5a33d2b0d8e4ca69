//! When a success can change nothing but counts, and what becomes of those counted aside.

use std::ops::Range;

use super::{Core, reached};
use crate::breaker::settings::{Thresholds, Window};
use crate::breaker::{Counts, State};
use crate::moment::Moment;

impl Core {
    /// Whether no number of plain successes could open the breaker, end a run of failures or be
    /// stale, as long as the newest bucket lasts.
    ///
    /// A success lowers every ratio and leaves every failure count; it can open a breaker only by
    /// completing a minimum, and not even that where nothing failed and nothing was slow.
    pub(crate) fn is_calm(&self) -> bool {
        matches!(self.state, State::Closed | State::MetricsOnly)
            && self.consecutive == 0
            && self.would_be.is_none()
            && self
                .settings
                .time
                .zip(self.time.as_ref())
                .is_none_or(|(rule, window)| {
                    matches!(rule.window, Window::Rolling { .. })
                        && window.total().calls > 0
                        && window.is_followed()
                        && is_settled(&rule.thresholds, u64::MAX, window.total())
                })
            && self
                .settings
                .last_calls
                .zip(self.last_calls.as_ref())
                .is_none_or(|(rule, window)| {
                    is_settled(&rule.thresholds, rule.calls.into(), window.total())
                })
    }

    /// Notes that successes are tallied aside from now on; under which tag, and which of them: those
    /// that end within the range.
    pub(crate) fn set_aside(&mut self) -> (u64, Range<Moment>) {
        self.aside = true;
        self.tag += 1;
        let all = Moment::START..Moment::MAX;
        let within = self
            .time
            .as_ref()
            .map_or(all, |window| window.reaches_back_to()..window.bucket_ends());
        (self.tag, within)
    }

    /// Books so many plain successes that were tallied aside.
    pub(crate) fn fold(&mut self, successes: u64) {
        self.aside = false;
        if successes == 0 {
            return;
        }
        self.ended += successes;
        self.totals.ok += successes;
        self.era.calls += successes;
        if let Some(window) = &mut self.time {
            window.book_successes(successes);
        }
        if let Some(window) = &mut self.last_calls {
            window.book_successes(successes);
        }
    }
}

fn is_settled(thresholds: &Thresholds, capacity: u64, counts: Counts) -> bool {
    let spotless = counts.failures == 0 && counts.slow == 0;
    let judged = counts.calls >= u64::from(thresholds.minimum_calls).min(capacity);
    spotless || judged && reached(thresholds, capacity, counts) == [false; 3]
}
