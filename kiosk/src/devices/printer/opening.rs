//! Finding a printer, and bringing it into a known state.

use embedded_io::Write as _;
use firmware_hal::printer::{Cut, Error, Printer, Reply};
use firmware_hal_linux::Port;

use super::{Dismissed, Failure, LOOK, Line, TIMEOUTS, Thread, is_timeout};
use crate::clock;
use crate::devices::health::Health;
use crate::devices::settings::Confirm;
use crate::devices::spool::Outcome;

/// Completes every short command, and is nothing to a printer that waits for none.
const SHORT: [u8; 4] = [0; 4];
/// White is filled in for at most so many bytes of a command that was cut off.
const MOST_OWED: usize = 64 * 1024;
/// Other things that a printer may say before it says that its buffers are clear.
const MOST_UNRELATED: usize = 16;

impl Thread {
    /// Looks for the printer.
    pub(super) fn look(&mut self) -> Result<(), Dismissed> {
        match self.open() {
            Ok(line) => {
                self.line = Some(line);
                Ok(())
            }
            Err((health, why)) => {
                self.tell(health, Some(why));
                self.end(Outcome::Interrupted);
                self.listen(LOOK)
            }
        }
    }

    fn open(&mut self) -> Result<Line, (Health, String)> {
        let wired = self.is_wired();
        let port = Port::open(&self.settings.address, TIMEOUTS)
            .map_err(|error| (Health::of_error(&error, wired), error.to_string()))?;
        let mut line = Line {
            printer: Printer::new(port, self.settings.profile),
            asked: clock::monotonic(),
        };
        let begun = self.begin(&mut line);
        begun.map_err(|failure| (self.health_of(&failure), failure.to_string()))?;
        self.owed = 0;
        self.torn = false;
        self.disowned.clear();
        Ok(line)
    }

    /// Brings a printer that was just found into a known state.
    fn begin(&mut self, line: &mut Line) -> Result<(), Failure> {
        if self.torn || self.owed > 0 {
            self.mend(line)?;
        }
        if self.settings.confirm == Confirm::Written {
            self.tell(Health::Ready, None);
            return Ok(());
        }
        // A run before may have died within a request for the status: it would take the first command
        // for its parameter.
        write_all(line, &SHORT)?;
        line.printer.report_changes(true)?;
        let status = line.printer.status()?;
        self.tell_status(&status);
        Ok(())
    }

    /// Rids the printer of a job that was cut off: throws away what it holds of it, completes the command
    /// it is in, white in a picture and nothing in text, and cuts off what was printed, so that no
    /// other slip hangs on it.
    fn mend(&mut self, line: &mut Line) -> Result<(), Failure> {
        if self.torn {
            // No short command may take the request for its parameter.
            write_all(line, &SHORT)?;
            // One that is only written to never says that it has.
            let hears = self.settings.confirm != Confirm::Written;
            line.printer.clear_buffers()?;
            match hears && is_cleared(line)? {
                true => line.printer.initialise()?,
                false => line.printer.resynchronise()?,
            }
        } else {
            write_all(line, &vec![0; self.owed.min(MOST_OWED)])?;
            line.printer.initialise()?;
        }
        line.printer.feed(1)?;
        line.printer.cut(Cut::Partial)?;
        write_all(line, &self.disowned)
    }
}

/// Waits for the word that buffers are clear; a printer that does not know that never says it.
fn is_cleared(line: &mut Line) -> Result<bool, Failure> {
    for _ in 0..MOST_UNRELATED {
        match line.printer.next_reply() {
            Ok(Reply::Cleared) => return Ok(true),
            Ok(_) | Err(Error::Protocol(_)) => {}
            Err(failure) if is_timeout(&failure) => break,
            Err(failure) => return Err(failure),
        }
    }
    Ok(false)
}

fn write_all(line: &mut Line, mut rest: &[u8]) -> Result<(), Failure> {
    while !rest.is_empty() {
        let taken = line.printer.port_mut().write(rest).map_err(Error::Port)?;
        if taken == 0 {
            return Err(Error::Closed);
        }
        rest = rest.get(taken..).unwrap_or_default();
    }
    Ok(())
}
