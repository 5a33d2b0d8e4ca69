//! Whether a printer hands back marks: found out while it is idle, believed until it shows otherwise.
//!
//! A mark that fails to come may be one printer's bad minute, so a few in a row are needed before it
//! counts as one that has none; a single one that comes shows that it has them after all.

use std::time::Duration;

use firmware_hal::printer::JobId;

use super::{ASK, Failure, Line, Report, Thread};
use crate::clock;
use crate::devices::settings::Confirm;

/// So many marks in a row that do not come mean that there are none.
const MOST_MISSED: u8 = 3;
/// What an idle printer is asked to hand back; any mark tells.
const PROBE: u32 = 0;

/// What is known of a printer's marks.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Marks {
    has: Option<bool>,
    missed: u8,
    probed: Option<Duration>,
}

impl Marks {
    /// What the run before has found out.
    pub(super) fn known(has: Option<bool>) -> Self {
        Self {
            has,
            ..Self::default()
        }
    }

    /// One came; says whether that is news.
    fn came(&mut self) -> bool {
        let news = self.has != Some(true);
        *self = Self::known(Some(true));
        news
    }

    /// One did not come; says whether that shows that there are none.
    fn missed(&mut self) -> bool {
        self.missed = self.missed.saturating_add(1);
        let news = self.missed >= MOST_MISSED && self.has != Some(false);
        if news {
            self.has = Some(false);
        }
        news
    }

    /// Whether an idle printer is to be asked for one now.
    fn is_to_be_probed(&self, now: Duration) -> bool {
        let rested = |at: Duration| now.saturating_sub(at) >= ASK;
        self.has.is_none() && self.probed.is_none_or(rested)
    }
}

impl Thread {
    /// How it confirms, as far as that is known.
    pub(super) fn confirm(&self) -> Confirm {
        match (self.settings.confirm, self.marks.has) {
            (Confirm::Auto, Some(false)) => Confirm::Status,
            (Confirm::Auto, Some(true)) => Confirm::Mark,
            (confirm, _) => confirm,
        }
    }

    /// Whether it is being found out, which a job waits for.
    pub(super) fn finds_out(&self) -> bool {
        let works = self.health.as_ref().is_some_and(|(one, _)| one.works());
        self.confirm() == Confirm::Auto && works
    }

    /// A mark came.
    pub(super) fn has_marked(&mut self) {
        if self.marks.came() && self.settings.confirm == Confirm::Auto {
            self.tell_confirms();
        }
    }

    /// A mark did not come although nothing stopped the printer.
    pub(super) fn has_missed(&mut self) {
        if self.marks.missed() && self.settings.confirm == Confirm::Auto {
            tracing::warn!(
                printer = %self.settings.name,
                "the printer hands back no marks: from now on a job counts as printed when the \
                 printer has taken all of it and nothing stops it"
            );
            self.tell_confirms();
        }
    }

    fn tell_confirms(&self) {
        let _ = self.report(Report::Confirms(self.confirm(), self.marks.has));
    }

    /// Asks an idle printer of which nobody knows yet for a mark.
    pub(super) fn probe(&mut self, line: &mut Line) -> Result<(), Failure> {
        let now = clock::monotonic();
        if !self.finds_out() || !self.marks.is_to_be_probed(now) {
            return Ok(());
        }
        if self.marks.probed.is_some() {
            self.has_missed();
        }
        if self.finds_out() {
            line.printer.mark(JobId::from_number(PROBE))?;
            self.marks.probed = Some(now);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_misses_in_a_row_are_needed_and_one_mark_brings_them_back() {
        let mut marks = Marks::known(Some(true));
        assert!(!marks.missed() && !marks.missed());
        assert!(!marks.came(), "nothing new");
        assert!(!marks.missed() && !marks.missed(), "counted anew");
        assert!(marks.missed());
        assert_eq!(marks.has, Some(false));
        assert!(!marks.missed(), "told once");
        assert!(marks.came());
        assert_eq!(marks.has, Some(true));
    }

    #[test]
    fn an_idle_printer_is_probed_until_it_is_known() {
        let mut marks = Marks::default();
        let at = Duration::from_secs;
        assert!(marks.is_to_be_probed(at(5)));
        marks.probed = Some(at(5));
        assert!(!marks.is_to_be_probed(at(5)));
        assert!(marks.is_to_be_probed(at(6)));
        marks.came();
        assert!(!marks.is_to_be_probed(at(60)));
    }
}
