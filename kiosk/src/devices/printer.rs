//! A printer's thread: it keeps the line to its printer, tells how the printer is, and brings one job
//! at a time to paper.
//!
//! The thread decides nothing about jobs. It reports what became of each: confirmed, not one byte
//! taken, or unknown. It never waits longer than its port's bounds before it looks at its orders again.

mod drawer;
mod hearing;
mod in_hand;
mod marks;
mod opening;

use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError};
use std::time::Duration;

use embedded_io::Write as _;
use firmware_hal::printer::{Error, JobId, Printer, Reply, Status};
use firmware_hal_linux::{Address, Port, Timeouts};
use tokio::sync::mpsc::UnboundedSender;

use self::in_hand::InHand;
use self::marks::Marks;
use super::drawer::Kick;
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
/// What is said of a printer that takes no more of a slip; why not, it does not say.
const STUCK: &str = "it takes no more of a slip: look at its paper, its cover and its power";

/// A port waits for one thing no longer than this, so that news reach the manager in time.
const TIMEOUTS: Timeouts = Timeouts {
    open: Duration::from_secs(1),
    read: Duration::from_millis(300),
    write: Duration::from_millis(300),
};

/// What a printer's thread is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Begin to work; whether the run before has left a job in the middle, and whether it knew that the
    /// printer has marks.
    Begin { torn: bool, marks: Option<bool> },
    /// Print this: the job's place in the spool, and its bytes.
    Print(u64, Vec<u8>),
    /// Give this job back, and throw away what has left of it. What may come out all the same is
    /// followed by this slip, which says so.
    TakeBack(u64, Vec<u8>),
    /// Open the drawer on the printer's connector.
    OpenDrawer(Kick),
}

/// What a printer's thread tells.
#[derive(Debug)]
pub(super) enum Report {
    /// How it is now, and what the system says to that.
    Health(Health, Option<String>),
    /// How it confirms jobs, as far as that is known, and whether it has marks, once that has shown.
    Confirms(Confirm, Option<bool>),
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
    asked_back: Option<(u64, Vec<u8>)>,
    kick: Option<Kick>,
    health: Option<(Health, Option<String>)>,
    /// Bytes that the printer may still wait for, of a job that was cut off.
    owed: usize,
    /// A job was cut off: how much of it is owed, and what waits inside the printer, nobody knows.
    torn: bool,
    /// What follows the remains of jobs that were taken back.
    disowned: Vec<u8>,
    marks: Marks,
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
            asked_back: None,
            kick: None,
            health: None,
            owed: 0,
            torn: false,
            disowned: Vec::new(),
            marks: Marks::default(),
        }
    }

    /// Runs until nobody gives orders any more. A job in hand is left as it is: what became of it,
    /// nobody knows.
    pub(super) fn run(mut self) {
        match self.commands.recv() {
            Ok(Command::Begin { torn, marks }) => {
                self.torn = torn;
                self.marks = Marks::known(marks);
            }
            Ok(command) => drop(self.obey(command)),
            Err(_) => return,
        }
        if self.confirm() != Confirm::Auto {
            let _ = self.report(Report::Confirms(self.confirm(), None));
        }
        while self.turn().is_ok() {}
    }

    fn turn(&mut self) -> Result<(), Dismissed> {
        self.let_the_drawer_be();
        let Some(mut line) = self.line.take() else {
            return self.look();
        };
        if self.gives_back() {
            line.printer.into_port().abandon();
            return Ok(());
        }
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

    /// Gives the job in hand back if it was asked for; says whether the printer has some of it, so that
    /// it is to be thrown away with the line.
    fn gives_back(&mut self) -> bool {
        let Some((no, slip)) = self.asked_back.take() else {
            return false;
        };
        let Some(job) = self.job.take_if(|job| job.no == no) else {
            return false;
        };
        let outcome = match job.written {
            0 => Outcome::Untouched,
            _ => Outcome::Interrupted,
        };
        let _ = self.report(Report::Ended(no, outcome));
        if job.written > 0 {
            self.torn = true;
            self.disowned.extend(slip);
        }
        job.written > 0
    }

    fn work(&mut self, line: &mut Line) -> Result<Result<(), Dismissed>, Failure> {
        self.open_drawer(line)?;
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
                // A printer that has no marks is asked at its leisure, and found out before.
                match (&self.job, self.confirm()) {
                    (Some(job), Confirm::Status) if job.is_written() => Ok(self.listen(LISTEN)),
                    (Some(job), _) if job.written == 0 && self.finds_out() => {
                        Ok(self.listen(LISTEN))
                    }
                    _ => Ok(self.glance()),
                }
            }
        }
    }

    /// Goes on with a job; gives whether it is on paper.
    fn print(&mut self, line: &mut Line, job: &mut InHand) -> Result<bool, Failure> {
        if job.written == 0 && self.finds_out() {
            self.hear(line)?;
            job.progressed = clock::monotonic();
            return Ok(false);
        }
        if let Some(rest) = job.rest() {
            let piece = rest.get(..CHUNK.min(rest.len())).unwrap_or(rest);
            match line.printer.port_mut().write(piece).map_err(Error::Port) {
                Ok(0) => return Err(Error::Closed),
                Ok(taken) => {
                    job.took(taken, clock::monotonic());
                    self.goes_on();
                }
                // It takes no more until paper is back; it may say why.
                Err(failure) if is_timeout(&failure) => {
                    if job.is_stuck(clock::monotonic()) {
                        self.sticks();
                    }
                }
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
                // A mark that comes all the same is believed.
                if self.ask_beside(line, mark_of(job.no))? {
                    return Ok(true);
                }
                let works = |(health, _): &(Health, Option<String>)| health.works();
                Ok(job.has_settled(self.health.as_ref().is_some_and(works)))
            }
            Confirm::Auto | Confirm::Mark => self.await_mark(line, job),
        }
    }

    /// It takes no more. Nothing is asked: the bytes of a question would become part of whatever
    /// picture it waits for the rest of.
    fn sticks(&mut self) {
        let works = |health: &(Health, Option<String>)| health.0.works();
        if self.health.as_ref().is_none_or(works) {
            self.tell(Health::Offline, Some(STUCK.to_owned()));
        }
    }

    /// It takes bytes again. If it had another reason to stop it has said so, and will say what becomes
    /// of that.
    fn goes_on(&mut self) {
        let stuck = |(_, why): &(Health, Option<String>)| why.as_deref() == Some(STUCK);
        if self.health.as_ref().is_some_and(stuck) {
            self.tell(Health::Ready, None);
        }
    }

    fn await_mark(&mut self, line: &mut Line, job: &mut InHand) -> Result<bool, Failure> {
        let mark = mark_of(job.no);
        if job.marked {
            return Ok(true);
        }
        match line.printer.next_reply() {
            Ok(Reply::Printed(done)) => {
                self.has_marked();
                return Ok(done == mark);
            }
            Ok(Reply::Automatic(status)) => self.tell_status(&status),
            Ok(Reply::RealTime(_) | Reply::Cleared) | Err(Error::Protocol(_)) => {}
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
            self.has_missed();
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
            Command::Begin { .. } => {}
            Command::TakeBack(no, slip) => self.asked_back = Some((no, slip)),
            // The one before is too late.
            Command::OpenDrawer(kick) => drop(self.kick.replace(kick)),
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

/// The number that the printer hands back for a job; zero is none's.
#[must_use]
pub(super) fn mark_of(no: u64) -> JobId {
    JobId::from_number(u32::try_from(no % 9_999 + 1).unwrap_or(1))
}
