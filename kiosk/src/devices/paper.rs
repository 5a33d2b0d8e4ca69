//! From a job to the bytes of its slip, with what makes the printer answer around it.

use std::convert::Infallible;

use firmware_hal::printer::{Error, Printer};
use kiosk_core::menu::Menu;
use kiosk_core::order::Order;
use kiosk_core::pricing::Line;
use kiosk_core::report::DayReport;
use kiosk_core::wall::WallTime;
use kiosk_paper::{Paper, Printing, Sheet};

use super::job::{Job, Kind};
use super::layout::{self, GLYPHS, Ticket, receipt, ticket, trial};
use super::printer::mark_of;
use super::settings::{Confirm, PrinterSettings};
use crate::journal::JournalError;

/// What a slip is made of.
pub(super) struct Slip<'a> {
    pub(super) job: &'a Job,
    pub(super) order: Option<&'a Order>,
    pub(super) menu: &'a Menu,
    pub(super) printer: &'a PrinterSettings,
    /// Of a report: what it tells.
    pub(super) report: Option<&'a DayReport>,
    pub(super) now: WallTime,
}

/// Why there is no slip.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unprintable {
    /// The journal holds the order no more.
    #[error("its order is not in the journal")]
    NoOrder,
    /// There is no such report.
    #[error("its report is not in the journal")]
    NoReport,
    /// The journal can't be read now.
    #[error("{0}")]
    Unread(JournalError),
    /// The printer's driver refuses it.
    #[error("{0}")]
    Content(String),
}

impl From<Error<Infallible>> for Unprintable {
    fn from(error: Error<Infallible>) -> Self {
        Self::Content(error.to_string())
    }
}

impl Slip<'_> {
    /// The bytes for the printer: a known state, the slip, and the mark that it hands back.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Unprintable> {
        let printing = Printing::with(self.printer.profile);
        let slip = self.sheet()?.to_escpos(&printing, &GLYPHS)?;
        let mut printer = Printer::new(Vec::new(), self.printer.profile);
        if self.printer.confirm == Confirm::Written {
            return Ok(slip);
        }
        // A printer that was switched off in between reports no more, and an initialisation may end
        // it as well: so it is asked for again right after the slip's own.
        printer.initialise()?;
        let slip = slip
            .strip_prefix(printer.port().as_slice())
            .unwrap_or(&slip);
        printer.report_changes(true)?;
        printer.port_mut().extend(slip);
        if matches!(self.printer.confirm, Confirm::Mark | Confirm::Auto) {
            printer.mark(mark_of(self.job.no))?;
        }
        Ok(printer.into_port())
    }

    /// The bytes of a slip that says that this ticket does not count. Nothing answers for it.
    pub(super) fn disowning(&self) -> Result<Vec<u8>, Unprintable> {
        let order = self.order.ok_or(Unprintable::NoOrder)?;
        let slip = layout::Slip {
            order,
            menu: self.menu,
            language: &self.job.language,
            copy: false,
        };
        let sheet = layout::disowned(&slip, self.job.station.as_deref());
        Ok(sheet.to_escpos(&Printing::with(self.printer.profile), &GLYPHS)?)
    }

    fn sheet(&self) -> Result<Sheet, Unprintable> {
        let job = self.job;
        if job.kind == Kind::Test {
            let paper = Paper::of_dots(self.printer.profile.dots);
            let name = &self.printer.name;
            return Ok(trial(name, paper, self.menu, &job.language, self.now));
        }
        if job.kind == Kind::Report {
            let report = self.report.ok_or(Unprintable::NoReport)?;
            let open = report.z.is_none();
            return Ok(layout::report(
                report,
                self.menu,
                &job.language,
                self.now,
                open,
            ));
        }
        let order = self.order.ok_or(Unprintable::NoOrder)?;
        let slip = layout::Slip {
            order,
            menu: self.menu,
            language: &job.language,
            copy: job.copy,
        };
        Ok(match job.kind {
            Kind::Receipt | Kind::Test | Kind::Report => receipt(&slip),
            Kind::Ticket | Kind::VoidTicket => ticket(
                &slip,
                &Ticket {
                    station: job.station.as_deref(),
                    lines: &self.lines(order),
                    void: job.kind == Kind::VoidTicket,
                },
            ),
        })
    }

    fn lines<'a>(&self, order: &'a Order) -> Vec<&'a Line> {
        let wanted = |index| self.job.lines.is_empty() || self.job.lines.contains(&index);
        let lines = (0..).zip(&order.lines);
        lines
            .filter(|(index, _)| wanted(*index))
            .map(|(_, line)| line)
            .collect()
    }
}
