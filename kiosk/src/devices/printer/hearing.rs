//! What a printer says by itself and when it is asked.

use embedded_io::{ReadReady as _, Write as _};
use firmware_hal::printer::{Error, JobId, Reply, Status};

use super::{ASK, Failure, Line, Thread, is_timeout};
use crate::clock;
use crate::devices::health::Health;
use crate::devices::settings::Confirm;

/// Transmits a real-time status (Epson ESC/POS Command Reference, `DLE EOT`).
const DLE: u8 = 0x10;
const EOT: u8 = 0x04;
/// Reports read at a time.
const MOST_REPORTS: usize = 32;

/// What answers a question.
enum Answer {
    RealTime(u8),
    Mark,
}

impl Thread {
    /// Asks a printer that has all of a job how it is, without missing the job's mark among the
    /// answers; gives whether it came. One that is switched off answers nothing and is waited for.
    pub(super) fn ask_beside(&mut self, line: &mut Line, mark: JobId) -> Result<bool, Failure> {
        let mut answers = [0; 4];
        for (question, place) in (1..).zip(&mut answers) {
            let asked = line.printer.port_mut().write_all(&[DLE, EOT, question]);
            asked.map_err(Error::Port)?;
            match self.answer(line, mark)? {
                Some(Answer::RealTime(byte)) => *place = byte,
                Some(Answer::Mark) => return Ok(true),
                None => {
                    self.tell(Health::Offline, None);
                    return Ok(false);
                }
            }
        }
        if let Some(status) = Status::from_real_time(answers) {
            self.tell_status(&status);
        }
        Ok(false)
    }

    /// The next answer to a question; none if it does not come.
    fn answer(&mut self, line: &mut Line, mark: JobId) -> Result<Option<Answer>, Failure> {
        for _ in 0..MOST_REPORTS {
            match line.printer.next_reply() {
                Ok(Reply::RealTime(byte)) => return Ok(Some(Answer::RealTime(byte))),
                Ok(Reply::Printed(done)) if done == mark => {
                    self.has_marked();
                    return Ok(Some(Answer::Mark));
                }
                Ok(Reply::Automatic(status)) => self.tell_status(&status),
                Ok(Reply::Printed(_) | Reply::Cleared) | Err(Error::Protocol(_)) => {}
                Err(failure) if is_timeout(&failure) => return Ok(None),
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    /// Hears what an idle printer says, and asks it from time to time.
    pub(super) fn hear(&mut self, line: &mut Line) -> Result<(), Failure> {
        if self.settings.confirm == Confirm::Written {
            return Ok(());
        }
        self.hear_reports(line, None)?;
        let now = clock::monotonic();
        if now.saturating_sub(line.asked) >= ASK {
            line.asked = now;
            let status = line.printer.status()?;
            self.tell_status(&status);
        }
        self.probe(line)
    }

    /// Reads what has arrived; says whether this mark was among it.
    pub(super) fn hear_reports(
        &mut self,
        line: &mut Line,
        mark: Option<JobId>,
    ) -> Result<bool, Failure> {
        if self.settings.confirm == Confirm::Written {
            return Ok(false);
        }
        let mut marked = false;
        for _ in 0..MOST_REPORTS {
            if !line.printer.port_mut().read_ready().map_err(Error::Port)? {
                break;
            }
            match line.printer.next_reply() {
                Ok(Reply::Automatic(status)) => self.tell_status(&status),
                Ok(Reply::Printed(done)) => {
                    self.has_marked();
                    marked |= Some(done) == mark;
                }
                Ok(Reply::RealTime(_) | Reply::Cleared) | Err(Error::Protocol(_)) => {}
                Err(failure) if is_timeout(&failure) => {}
                Err(failure) => return Err(failure),
            }
        }
        Ok(marked)
    }
}
