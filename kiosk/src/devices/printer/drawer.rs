//! The drawer on the printer's connector.

use super::{Failure, Line, Thread, mark_of};
use crate::clock;
use crate::devices::drawer::Unopened;
use crate::devices::settings::Confirm;

impl Thread {
    /// Forgets a wish that has waited too long.
    pub(super) fn let_the_drawer_be(&mut self) {
        let now = clock::monotonic();
        if let Some(kick) = self.kick.take_if(|kick| kick.is_over(now)) {
            kick.answer(Err(match self.line {
                Some(_) => Unopened::Busy,
                None => Unopened::Away,
            }));
        }
    }

    /// Opens the drawer if somebody wants that: not inside a slip, whose bytes it would tear, and only
    /// of a printer that answers, as a pulse that waits on the line would come late.
    pub(super) fn open_drawer(&mut self, line: &mut Line) -> Result<(), Failure> {
        let torn = self
            .job
            .as_ref()
            .is_some_and(|job| job.written > 0 && !job.is_written());
        let Some(kick) = self.kick.take_if(|_| !torn) else {
            return Ok(());
        };
        let Some(connector) = self.settings.drawer else {
            kick.answer(Err(Unopened::NoDrawer));
            return Ok(());
        };
        match self.answers(line) {
            Ok(true) => {}
            Ok(false) => {
                kick.answer(Err(Unopened::Away));
                return Ok(());
            }
            Err(failure) => {
                kick.answer(Err(Unopened::Away));
                return Err(failure);
            }
        }
        let opened = line.printer.open_drawer_now(connector);
        kick.answer(match opened {
            Ok(()) => Ok(()),
            Err(_) => Err(Unopened::Away),
        });
        opened
    }

    /// Whether the printer answers now.
    fn answers(&mut self, line: &mut Line) -> Result<bool, Failure> {
        if self.settings.confirm == Confirm::Written {
            return Ok(true);
        }
        // A job that waits for its mark must not miss it among the answers.
        if let Some(mut job) = self.job.take_if(|job| job.is_written()) {
            let heard = self.ask_beside(line, mark_of(job.no));
            job.marked |= matches!(heard, Ok(true));
            let marked = job.marked;
            self.job = Some(job);
            heard?;
            return Ok(marked || self.is_heard());
        }
        let status = line.printer.status()?;
        self.tell_status(&status);
        Ok(true)
    }

    fn is_heard(&self) -> bool {
        use crate::devices::health::Health;
        let silent = [Health::Offline, Health::Missing];
        let health = self.health.as_ref();
        health.is_some_and(|(health, _)| !silent.contains(health))
    }
}
