//! A printer's thread: it keeps the line to its printer, tells how the printer is, and brings one job
//! at a time to paper.
//!
//! The thread decides nothing about jobs. It reports what became of each: confirmed, not one byte
//! taken, or unknown. It never waits longer than its port's bounds before it looks at its orders again.

mod hearing;
mod in_hand;

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use embedded_io::Write as _;
use firmware_hal::printer::{Cut, Error, JobId, Printer, Reply, Status};
use firmware_hal_linux::{Address, Port, Timeouts};
use tokio::sync::mpsc::UnboundedSender;

use self::in_hand::InHand;
use super::health::Health;
use super::settings::{Confirm, PrinterSettings};
use super::spool::Outcome;
use crate::clock;

/// How long a printer with nothing to do is left alone before its reports are read.
const LISTEN: Duration = Duration::from_millis(200);
/// How often a printer is asked how it is, beside what it reports by itself.
const ASK: Duration = Duration::from_secs(1);
/// How often a printer that is not there is looked for.
const LOOK: Duration = Duration::from_millis(500);
/// A printer that could print confirms a job within so long; a long ticket takes some seconds.
pub(super) const CONFIRM_WITHIN: Duration = Duration::from_secs(20);
/// Bytes given to the port at a time: what a slow line carries in a tenth of a second.
const CHUNK: usize = 512;
/// White is filled in for at most so many bytes of a command that was cut off.
const MOST_OWED: usize = 64 * 1024;

/// A port waits for one thing no longer than this, so that news reach the manager in time.
const TIMEOUTS: Timeouts = Timeouts {
    open: Duration::from_secs(1),
    read: Duration::from_millis(300),
    write: Duration::from_millis(300),
};

/// What a printer's thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin to work; whether the run before has left a job in the middle.
    Begin(bool),
    /// Print this: the job's place in the spool, and its bytes.
    Print(u64, Vec<u8>),
    /// Open the drawer on the printer's connector.
    OpenDrawer,
}

/// What a printer's thread tells.
#[derive(Debug)]
pub(super) enum Report {
    /// How it is now, and what the system says to that.
    Health(Health, Option<String>),
    /// How it confirms jobs, as far as that is known.
    Confirms(Confirm),
    /// What became of a job.
    Ended(u64, Outcome),
}

/// The thread's own state.
pub(super) struct Thread {
    settings: PrinterSettings,
    confirm_within: Duration,
    commands: Receiver<Command>,
    reports: UnboundedSender<(String, Report)>,
    line: Option<Line>,
    job: Option<InHand>,
    drawer_wanted: bool,
    health: Option<(Health, Option<String>)>,
    /// Bytes that the printer may still wait for, of a job that was cut off.
    owed: usize,
    /// Whether the run before was cut off in a job: how much of it is owed, nobody knows.
    torn: bool,
    /// Whether it has marks, once that has shown.
    marks: Option<bool>,
}

struct Line {
    printer: Printer<Port>,
    /// When it was last asked.
    asked: Duration,
}

type Failure = Error<firmware_hal_linux::Error>;

/// Nobody gives orders any more.
struct Dismissed;

impl Thread {
    /// A thread that has not begun.
    #[must_use]
    pub(super) fn new(
        settings: PrinterSettings,
        confirm_within: Duration,
        commands: Receiver<Command>,
        reports: UnboundedSender<(String, Report)>,
    ) -> Self {
        Self {
            settings,
            confirm_within,
            commands,
            reports,
            line: None,
            job: None,
            drawer_wanted: false,
            health: None,
            owed: 0,
            torn: false,
            marks: None,
        }
    }

    /// Runs until nobody gives orders any more. A job in hand is left as it is: what became of it,
    /// nobody knows.
    pub(super) fn run(mut self) {
        match self.commands.recv() {
            Ok(Command::Begin(torn)) => self.torn = torn,
            Ok(command) => drop(self.obey(command)),
            Err(_) => return,
        }
        if self.settings.confirm != Confirm::Auto {
            let _ = self.report(Report::Confirms(self.settings.confirm));
        }
        while self.turn().is_ok() {}
    }

    fn turn(&mut self) -> Result<(), Dismissed> {
        let Some(mut line) = self.line.take() else {
            return self.look();
        };
        match self.work(&mut line) {
            Ok(going) => {
                self.line = Some(line);
                going
            }
            Err(failure) => {
                self.lost(&failure);
                Ok(())
            }
        }
    }

    /// Looks for the printer.
    fn look(&mut self) -> Result<(), Dismissed> {
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
        Ok(line)
    }

    /// Brings a printer that was just found into a known state.
    fn begin(&mut self, line: &mut Line) -> Result<(), Failure> {
        if self.settings.confirm == Confirm::Written {
            self.tell(Health::Ready, None);
            return Ok(());
        }
        // Completes a command that was cut off: white in a picture, nothing in text. What was
        // printed of that job is cut off, so that no other slip hangs on it.
        if self.torn {
            line.printer.resynchronise()?;
            line.printer.feed(1)?;
            line.printer.cut(Cut::Partial)?;
        } else if self.owed > 0 {
            let fill = vec![0; self.owed.min(MOST_OWED)];
            let mut rest = fill.as_slice();
            while !rest.is_empty() {
                let taken = line.printer.port_mut().write(rest).map_err(Error::Port)?;
                rest = rest.get(taken..).unwrap_or_default();
            }
            line.printer.initialise()?;
            line.printer.feed(1)?;
            line.printer.cut(Cut::Partial)?;
        }
        line.printer.report_changes(true)?;
        let status = line.printer.status()?;
        self.tell_status(&status);
        Ok(())
    }

    fn work(&mut self, line: &mut Line) -> Result<Result<(), Dismissed>, Failure> {
        let torn = self
            .job
            .as_ref()
            .is_some_and(|job| job.written > 0 && !job.is_written());
        if self.drawer_wanted && !torn {
            self.drawer_wanted = false;
            if let Some(connector) = self.settings.drawer {
                line.printer.open_drawer_now(connector)?;
            }
        }
        match self.job.take() {
            None => {
                let going = self.listen(LISTEN);
                if self.job.is_none() && going.is_ok() {
                    self.hear(line)?;
                }
                Ok(going)
            }
            Some(mut job) => {
                let printed = self.print(line, &mut job);
                let no = job.no;
                if !matches!(printed, Ok(true)) {
                    self.job = Some(job);
                    printed?;
                } else {
                    let _ = self.report(Report::Ended(no, Outcome::Printed));
                }
                // A printer that has no marks is asked at its leisure.
                match (&self.job, self.confirm()) {
                    (Some(job), Confirm::Status) if job.is_written() => Ok(self.listen(LISTEN)),
                    _ => Ok(self.glance()),
                }
            }
        }
    }

    /// Goes on with a job; gives whether it is on paper.
    fn print(&mut self, line: &mut Line, job: &mut InHand) -> Result<bool, Failure> {
        if let Some(rest) = job.rest() {
            let piece = rest.get(..CHUNK.min(rest.len())).unwrap_or(rest);
            match line.printer.port_mut().write(piece).map_err(Error::Port) {
                Ok(0) => return Err(Error::Closed),
                Ok(taken) => job.written += taken,
                // It takes no more until paper is back; it may say why.
                Err(failure) if is_timeout(&failure) => {}
                Err(failure) => return Err(failure),
            }
            // A fast printer may be done with it before this is.
            let marked = self.hear_reports(line, Some(mark_of(job.no)))?;
            job.looked = clock::monotonic();
            return Ok(marked && job.is_written());
        }
        match self.confirm() {
            Confirm::Written => {
                line.printer.flush()?;
                Ok(true)
            }
            Confirm::Status => {
                let status = line.printer.status()?;
                self.tell_status(&status);
                Ok(job.has_settled(status.obstacle().is_none()))
            }
            Confirm::Auto | Confirm::Mark => self.await_mark(line, job),
        }
    }

    /// How it confirms, as far as that is known.
    fn confirm(&self) -> Confirm {
        match (self.settings.confirm, self.marks) {
            (Confirm::Auto, Some(false)) => Confirm::Status,
            (Confirm::Auto, Some(true)) => Confirm::Mark,
            (confirm, _) => confirm,
        }
    }

    /// It has marks, or seems to have none.
    fn learn(&mut self, marks: bool) {
        if self.settings.confirm == Confirm::Auto && self.marks.is_none() {
            self.marks = Some(marks);
            if !marks {
                tracing::warn!(
                    printer = %self.settings.name,
                    "the printer hands back no marks: from now on a job counts as printed when the \
                     printer has taken all of it and nothing stops it"
                );
            }
            let _ = self.report(Report::Confirms(self.confirm()));
        }
    }

    fn await_mark(&mut self, line: &mut Line, job: &mut InHand) -> Result<bool, Failure> {
        let mark = mark_of(job.no);
        match line.printer.next_reply() {
            Ok(Reply::Printed(done)) => {
                self.learn(true);
                return Ok(done == mark);
            }
            Ok(Reply::Automatic(status)) => self.tell_status(&status),
            Ok(Reply::RealTime(_)) | Err(Error::Protocol(_)) => {}
            Err(failure) if is_timeout(&failure) => {}
            Err(failure) => return Err(failure),
        }
        let now = clock::monotonic();
        let passed = now.saturating_sub(job.looked);
        job.looked = now;
        if self
            .health
            .as_ref()
            .is_some_and(|(health, _)| health.works())
        {
            job.patience = job.patience.saturating_add(passed);
        }
        if job.patience > self.confirm_within {
            // Not a word although nothing stops it: it was switched off in between, or has no marks.
            // Which of them nobody knows, so this job goes on as a copy.
            self.learn(false);
            return Err(Error::Closed);
        }
        if now.saturating_sub(line.asked) >= ASK {
            line.asked = now;
            return self.ask_beside(line, mark);
        }
        Ok(false)
    }

    /// The line is gone; what became of a job in hand depends on whether it had taken any of it.
    fn lost(&mut self, failure: &Failure) {
        tracing::warn!(printer = %self.settings.name, %failure, "the line to the printer is lost");
        self.tell(self.health_of(failure), Some(failure.to_string()));
        self.end(Outcome::Interrupted);
    }

    fn end(&mut self, outcome: Outcome) {
        let Some(job) = self.job.take() else { return };
        self.owed = job.rest().map_or(0, <[u8]>::len);
        let outcome = match job.written {
            0 => Outcome::Untouched,
            _ => outcome,
        };
        if outcome == Outcome::Untouched {
            self.owed = 0;
        }
        let _ = self.report(Report::Ended(job.no, outcome));
    }

    /// Waits for orders, no longer than this.
    fn listen(&mut self, wait: Duration) -> Result<(), Dismissed> {
        match self.commands.recv_timeout(wait) {
            Ok(command) => self.obey(command),
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => Err(Dismissed),
        }
    }

    /// Takes an order if there is one.
    fn glance(&mut self) -> Result<(), Dismissed> {
        match self.commands.try_recv() {
            Ok(command) => self.obey(command),
            Err(TryRecvError::Empty) => Ok(()),
            Err(TryRecvError::Disconnected) => Err(Dismissed),
        }
    }

    fn obey(&mut self, command: Command) -> Result<(), Dismissed> {
        match command {
            Command::Begin(_) => {}
            Command::OpenDrawer => self.drawer_wanted = true,
            Command::Print(no, _) if self.job.is_some() => {
                return self.report(Report::Ended(no, Outcome::Untouched));
            }
            Command::Print(no, bytes) => {
                self.job = Some(InHand::new(no, bytes));
            }
        }
        Ok(())
    }

    fn tell_status(&mut self, status: &Status) {
        self.tell(Health::of_printer(status), None);
    }

    fn tell(&mut self, health: Health, why: Option<String>) {
        let now = Some((health, why));
        if self.health != now {
            self.health.clone_from(&now);
            if let Some((health, why)) = now {
                let _ = self.report(Report::Health(health, why));
            }
        }
    }

    fn report(&self, report: Report) -> Result<(), Dismissed> {
        let named = (self.settings.name.clone(), report);
        self.reports.send(named).map_err(|_| Dismissed)
    }

    fn is_wired(&self) -> bool {
        !matches!(self.settings.address, Address::Network(_))
    }

    fn health_of(&self, failure: &Failure) -> Health {
        match failure {
            Error::Port(error) => Health::of_error(error, self.is_wired()),
            _ => Health::Offline,
        }
    }
}

fn is_timeout(failure: &Failure) -> bool {
    failure.kind() == firmware_hal::printer::ErrorKind::Timeout
}

/// The number that the printer hands back for a job.
#[must_use]
pub(super) fn mark_of(no: u64) -> JobId {
    JobId::from_number(u32::try_from(no % 10_000).unwrap_or(0))
}
