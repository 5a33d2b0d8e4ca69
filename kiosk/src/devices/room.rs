//! The print room: the spool's decisions carried out. One task that writes steps into the journal, gives
//! jobs to the printers' threads and hears what became of them.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use kiosk_core::day::Day;
use kiosk_core::ids::BootId;
use kiosk_core::menu::Menu;
use kiosk_core::report::{DayReport, day_report};
use tokio::sync::{mpsc, watch};

use super::board::Board;
use super::health::Health;
use super::job::{Job, Kind, PrintId, ReportOf, Step};
use super::paper::{Slip, Unprintable};
use super::printer::{CONFIRM_WITHIN, Command, Report, Thread};
use super::settings::{PrinterSettings, Settings};
use super::spool::{Do, Now, Outcome, Spool, since};
use crate::journal::{Journal, JournalError, PrintRefusal, PrintRequest, PrintWish};
use crate::{clock, metrics};

/// A kiosk that stops waits for jobs in hand no longer than this; then nobody knows of them.
const LAST_JOBS: Duration = Duration::from_secs(3);
/// Without news the room looks again after so long at the latest.
const IDLE: Duration = Duration::from_secs(60);
/// Steps in a row before news are heard.
const STEPS: usize = 256;

/// What the room works with.
pub(super) struct Room {
    settings: Settings,
    journal: Journal,
    menu: watch::Receiver<Arc<Menu>>,
    boot: BootId,
    board: Board,
    spool: Spool,
    printers: HashMap<String, Sender<Command>>,
    reports: mpsc::UnboundedReceiver<(String, Report)>,
    in_hand: usize,
    /// Which printers have marks, to be kept for the next run.
    learned: Vec<(String, bool)>,
}

/// The threads of all printers, and the room that they report to.
pub(super) fn open(
    settings: Settings,
    journal: Journal,
    menu: watch::Receiver<Arc<Menu>>,
    boot: BootId,
    board: Board,
) -> (Room, HashMap<String, Sender<Command>>) {
    let (reports_in, reports) = mpsc::unbounded_channel();
    let confirm_within = settings.confirm_within.unwrap_or(CONFIRM_WITHIN);
    let mut printers = HashMap::new();
    for printer in &settings.printers {
        metrics::print_jobs_of(&printer.name);
        let (commands_in, commands) = channel();
        let thread = Thread::new(
            printer.clone(),
            confirm_within,
            commands,
            reports_in.clone(),
        );
        let spawned = std::thread::Builder::new()
            .name(format!("printer {}", printer.name))
            .spawn(move || thread.run());
        match spawned {
            Ok(_) => drop(printers.insert(printer.name.clone(), commands_in)),
            Err(error) => {
                tracing::error!(printer = printer.name, %error, "its thread can't be started");
                board.set(
                    &printer.name,
                    Health::Error,
                    Some(error.to_string()),
                    clock::wall(),
                );
            }
        }
    }
    let room = Room {
        spool: Spool::new(settings.spool(), boot),
        settings,
        journal,
        menu,
        boot,
        board,
        printers: printers.clone(),
        reports,
        in_hand: 0,
        learned: Vec::new(),
    };
    (room, printers)
}

/// The journal is closed.
struct Closed;

impl Room {
    /// Runs until it is told to stop.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let mut prints = self.journal.prints();
        let mut day = self.journal.day();
        if self.reload().await.is_err() {
            return;
        }
        for (name, printer) in &self.printers {
            let torn = self.spool.is_torn(name);
            let marks = self.kept_marks(name).await;
            let _ = printer.send(Command::Begin { torn, marks });
        }
        loop {
            if self.work().await.is_err() {
                return;
            }
            let now = now();
            let wait = self.spool.deadline(now);
            let wait = wait.map_or(IDLE, |at| at.saturating_sub(now.mono).min(IDLE));
            let told = tokio::select! {
                report = self.reports.recv() => {
                    if let Some((device, report)) = report {
                        self.hear(&device, report);
                    }
                    Ok(())
                }
                changed = prints.changed() => match changed {
                    Ok(()) => self.reload().await,
                    Err(_) => Err(Closed),
                },
                changed = day.changed() => match changed {
                    Ok(()) => self.reload().await,
                    Err(_) => Err(Closed),
                },
                () = tokio::time::sleep(wait) => Ok(()),
                () = told_to(&mut stop) => Err(Closed),
            };
            if told.is_err() {
                break;
            }
        }
        let _ = tokio::time::timeout(LAST_JOBS, self.last_jobs()).await;
    }

    /// Hears what becomes of the jobs in hand, and begins no others.
    async fn last_jobs(&mut self) {
        while self.in_hand > 0 {
            let Some((device, report)) = self.reports.recv().await else {
                return;
            };
            self.hear(&device, report);
            while let Some(Do::Write(id, step)) = self.spool.next(now()) {
                let is_beginning = matches!(step, Step::Begin(_));
                if is_beginning || self.write(id, step).await.is_err() {
                    break;
                }
            }
        }
    }

    /// Takes the open jobs and the day as the journal has them.
    async fn reload(&mut self) -> Result<(), Closed> {
        // The day first: a job that is read afterwards may be of a later one, never of an earlier.
        let day = *self.journal.day().borrow();
        match self.journal.read(|reader| reader.open_prints()).await {
            Ok(open) => {
                self.spool.day(day.map(|day| day.date));
                self.spool.load(open);
                self.tell_waiting();
                Ok(())
            }
            Err(JournalError::Stopping) => Err(Closed),
            Err(error) => {
                tracing::error!(%error, "the print jobs can't be read");
                self.spool.trouble(now());
                Ok(())
            }
        }
    }

    /// Whether an earlier run has found out that the printer at this address has marks.
    async fn kept_marks(&self, name: &str) -> Option<bool> {
        let address = self.printer(name)?.address.to_string();
        let kept = self.journal.kept(marks_of(name)).await.ok()??;
        let kept: (String, bool) = serde_json::from_str(&kept).ok()?;
        (kept.0 == address).then_some(kept.1)
    }

    /// Keeps what was found out; what the journal does not take is found out anew after a start.
    async fn keep_marks(&mut self) {
        for (name, marks) in std::mem::take(&mut self.learned) {
            let Some(printer) = self.printer(&name) else {
                continue;
            };
            let kept = serde_json::json!([printer.address.to_string(), marks]);
            let kept = self.journal.keep(marks_of(&name), Some(kept.to_string()));
            if let Err(error) = kept.await {
                tracing::warn!(printer = name, %error, "its way to confirm can't be kept");
            }
        }
    }

    /// Does what is to be done now.
    async fn work(&mut self) -> Result<(), Closed> {
        self.keep_marks().await;
        for _ in 0..STEPS {
            match self.spool.next(now()) {
                None => break,
                Some(Do::Write(id, step)) => self.write(id, step).await?,
                Some(Do::Send(device, job)) => self.send(&device, &job).await?,
                Some(Do::TakeBack(device, job)) => self.take_back(&device, &job).await?,
            }
        }
        Ok(())
    }

    async fn write(&mut self, id: PrintId, step: Step) -> Result<(), Closed> {
        let now = now();
        let request = PrintRequest {
            now: since(now, self.boot),
            wish: PrintWish::Step(id, step.clone()),
        };
        match self.journal.print(request).await {
            Ok(job) => {
                metrics::print_step(&job, &step);
                log(&job, &step);
                self.spool.put(job);
                self.tell_waiting();
                Ok(())
            }
            Err(PrintRefusal::NotFound | PrintRefusal::Illegal(_)) => {
                // Somebody else had a hand in it.
                self.spool.refused(id);
                self.reload().await
            }
            Err(PrintRefusal::Journal(JournalError::Stopping)) => Err(Closed),
            Err(PrintRefusal::Journal(error)) => {
                tracing::error!(%error, "a print job's step can't be written yet");
                self.spool.trouble(now);
                Ok(())
            }
        }
    }

    async fn send(&mut self, device: &str, job: &Job) -> Result<(), Closed> {
        let outcome = match self.bytes(device, job, false).await? {
            Ok(bytes) => {
                let command = Command::Print(job.no, bytes);
                let printer = self.printers.get(device);
                match printer.map(|printer| printer.send(command)) {
                    Some(Ok(())) => {
                        self.in_hand += 1;
                        return Ok(());
                    }
                    _ => Outcome::Untouched,
                }
            }
            Err(Unprintable::Unread(error)) => {
                tracing::warn!(job = %job.id, %error, "what is to be printed can't be read yet");
                Outcome::Untouched
            }
            Err(error) => {
                tracing::error!(job = %job.id, %error, "this can't be printed");
                Outcome::Unprintable
            }
        };
        self.spool.ended(device, job.no, outcome, now());
        Ok(())
    }

    /// Has a stopped printer give a job back. What of a ticket may come out of it all the same is
    /// followed by a slip that says that it does not count.
    async fn take_back(&mut self, device: &str, job: &Job) -> Result<(), Closed> {
        let slip = match job.kind {
            Kind::Ticket => self.bytes(device, job, true).await?.unwrap_or_default(),
            _ => Vec::new(),
        };
        let command = Command::TakeBack(job.no, slip);
        let told = self.printers.get(device).map(|one| one.send(command));
        if !matches!(told, Some(Ok(()))) {
            self.spool
                .ended(device, job.no, Outcome::Interrupted, now());
        }
        Ok(())
    }

    /// The bytes of a job's slip, or of the one that says that it does not count.
    async fn bytes(
        &self,
        device: &str,
        job: &Job,
        disowned: bool,
    ) -> Result<Result<Vec<u8>, Unprintable>, Closed> {
        let order = match job.order {
            None => None,
            Some(id) => match self.journal.read(move |reader| reader.order(id)).await {
                Ok(stored) => stored.map(|stored| stored.order),
                Err(JournalError::Stopping) => return Err(Closed),
                Err(error) => return Ok(Err(Unprintable::Unread(error))),
            },
        };
        let Some(printer) = self.printer(device) else {
            let text = format!("{device} is not configured");
            return Ok(Err(Unprintable::Content(text)));
        };
        let menu = Arc::clone(&self.menu.borrow());
        let report = match self.report(job, &menu).await {
            Ok(report) => report,
            Err(JournalError::Stopping) => return Err(Closed),
            Err(error) => return Ok(Err(Unprintable::Unread(error))),
        };
        let slip = Slip {
            report: report.as_ref(),
            job,
            order: order.as_ref(),
            menu: &menu,
            printer,
            now: clock::wall(),
        };
        Ok(match disowned {
            true => slip.disowning(),
            false => slip.bytes(),
        })
    }

    /// The report that a job is of.
    async fn report(&self, job: &Job, menu: &Menu) -> Result<Option<DayReport>, JournalError> {
        let of = job.station.as_deref().filter(|_| job.kind == Kind::Report);
        match of.and_then(|of| of.parse().ok()) {
            None => Ok(None),
            Some(ReportOf::Closed(z)) => {
                let kept = self.journal.read(move |reader| reader.z_report(z)).await?;
                Ok(kept.and_then(|text| serde_json::from_str(&text).ok()))
            }
            Some(ReportOf::Day(date)) => {
                let day = self.journal.read(move |reader| {
                    Ok((reader.orders_of_day(date)?, reader.cash_of_day(date)?))
                });
                let (orders, (cash, z)) = day.await?;
                // A day that was opened again after its close is X once more.
                let today = *self.journal.day().borrow();
                let open = |day: Day| day.date == date && day.closed_at.is_none();
                let z = z.filter(|_| !today.is_some_and(open));
                Ok(Some(DayReport {
                    z,
                    ..day_report(date, menu.currency, &menu.time_zone, &orders, &cash)
                }))
            }
        }
    }

    fn printer(&self, device: &str) -> Option<&PrinterSettings> {
        let mut printers = self.settings.printers.iter();
        printers.find(|printer| printer.name == device)
    }

    fn hear(&mut self, device: &str, report: Report) {
        match report {
            Report::Health(health, why) => {
                self.spool.prints(device, health.works(), now());
                self.board.set(device, health, why, clock::wall());
            }
            Report::Confirms(confirm, marks) => {
                self.board.set_confirms(device, confirm);
                self.learned
                    .extend(marks.map(|marks| (device.to_owned(), marks)));
            }
            Report::Ended(no, outcome) => {
                self.in_hand = self.in_hand.saturating_sub(1);
                self.spool.ended(device, no, outcome, now());
            }
        }
    }

    fn tell_waiting(&self) {
        for printer in &self.settings.printers {
            let waiting = self.spool.waiting(&printer.name);
            self.board.set_waiting(&printer.name, waiting);
        }
    }
}

/// Where the journal keeps whether a printer has marks.
fn marks_of(printer: &str) -> String {
    format!("printer_marks/{printer}")
}

/// Comes when the room is to stop, or nobody is left to say so.
async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

fn log(job: &Job, step: &Step) {
    let (no, number) = (job.no, job.number.as_deref().unwrap_or_default());
    let (kind, state) = (job.kind.as_str(), job.state.as_str());
    match step {
        Step::Begin(device) => {
            tracing::debug!(
                no,
                kind,
                number,
                device,
                attempts = job.attempts,
                "printing"
            );
        }
        Step::Printed => tracing::info!(no, kind, number, copy = job.copy, "printed"),
        _ => {
            let why = job.why.map(super::job::Why::as_str);
            tracing::warn!(
                no,
                kind,
                number,
                state,
                why,
                "a print job did not get through"
            );
        }
    }
}

pub(super) fn now() -> Now {
    Now {
        at: clock::wall(),
        mono: clock::monotonic(),
    }
}
