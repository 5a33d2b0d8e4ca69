//! Asking the printer how it is, and hearing from it.
//!
//! Source: Epson ESC/POS Command Reference, `DLE EOT` (transmit real-time status), `DLE ENQ` (send
//! real-time request), `DLE DC4` function 8 (clear buffers), `GS a` (automatic status back) and `GS ( H`
//! function 48 (process ID response).

use super::{DLE, Error, GS, JobId, Parsed, Printer, Reply, Status};
use embedded_io::{Read, ReadReady, Write};

/// Other answers that may arrive before the one waited for: a handful of reports at most.
const MOST_UNRELATED: usize = 32;

/// Drawer, online, error and paper changes are all reported.
const ALL_REPORTS: u8 = 0x0F;

/// What happens to the job that a fault interrupted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Pending {
    /// Printing starts again from the line where the fault came.
    Resume,
    /// Everything in the printer's buffers is thrown away.
    Discard,
}

impl<T: Write> Printer<T> {
    /// Has the printer report every change of its condition by itself, or stop that.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn report_changes(&mut self, on: bool) -> Result<(), Error<T::Error>> {
        self.send(&[GS, b'a', if on { ALL_REPORTS } else { 0 }])
    }

    /// Has the printer answer [`Reply::Printed`] with this number once everything sent so far is on
    /// paper. Printers without that function never answer.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn mark(&mut self, job: JobId) -> Result<(), Error<T::Error>> {
        let [a, b, c, d] = job.bytes();
        self.send(&[GS, b'(', b'H', 6, 0, 48, 48, a, b, c, d])
    }

    /// Has the printer throw away everything that it holds and has not printed, also in the middle of a
    /// command and while it is offline, and answer [`Reply::Cleared`]. Send nothing more until that has
    /// come; printers without this function never answer, and what they make of it is nothing.
    ///
    /// Works as well while this driver is torn: it ends the command that was under way. The printer's
    /// settings stay, so [`Self::initialise`] comes next.
    ///
    /// # Errors
    ///
    /// The port's.
    pub fn clear_buffers(&mut self) -> Result<(), Error<T::Error>> {
        // Whatever was owed is what is to be thrown away.
        self.owed = 0;
        self.forget();
        self.mid_line = false;
        self.send(&[DLE, 0x14, 8, 1, 3, 20, 1, 6, 2, 8])
    }

    /// Goes on after a fault that a human has cleared, such as a blocked cutter.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn clear_fault(&mut self, pending: Pending) -> Result<(), Error<T::Error>> {
        let request = match pending {
            Pending::Resume => 1,
            Pending::Discard => 2,
        };
        self.send(&[DLE, 0x05, request])
    }
}

impl<T: Read + Write> Printer<T> {
    /// Asks the printer how it is, also while it is offline. How long that may take is the port's
    /// business. After an error, answers may still be on their way: open the port anew, or call
    /// [`Self::discard_replies`] before asking again.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] if something else answers, [`Error::Closed`], [`Error::Torn`], or the port's.
    pub fn status(&mut self) -> Result<Status, Error<T::Error>> {
        let answers = [self.ask(1)?, self.ask(2)?, self.ask(3)?, self.ask(4)?];
        Status::from_real_time(answers).ok_or(Error::Protocol(answers[0]))
    }

    /// Waits for the next answer or report.
    ///
    /// # Errors
    ///
    /// [`Error::Protocol`] with a byte that belongs to no answer (the next call goes on after it),
    /// [`Error::Closed`], or the port's; a time-out keeps what has arrived of an answer.
    pub fn next_reply(&mut self) -> Result<Reply, Error<T::Error>> {
        loop {
            let mut byte = [0];
            if self.port.read(&mut byte).map_err(Error::Port)? == 0 {
                return Err(Error::Closed);
            }
            match self.replies.push(byte[0]) {
                Parsed::Pending => {}
                Parsed::Reply(reply) => return Ok(reply),
                Parsed::Unknown(byte) => return Err(Error::Protocol(byte)),
            }
        }
    }

    fn ask(&mut self, question: u8) -> Result<u8, Error<T::Error>> {
        self.send(&[DLE, 0x04, question])?;
        self.flush()?;
        for _ in 0..MOST_UNRELATED {
            if let Reply::RealTime(answer) = self.next_reply()? {
                return Ok(answer);
            }
        }
        Err(Error::Protocol(question))
    }
}

impl<T: Read + ReadReady + Write> Printer<T> {
    /// Throws away what has arrived and was not read, at most one kilobyte.
    ///
    /// # Errors
    ///
    /// The port's.
    pub fn discard_replies(&mut self) -> Result<(), Error<T::Error>> {
        let mut bytes = [0; 64];
        for _ in 0..16 {
            if !self.port.read_ready().map_err(Error::Port)?
                || self.port.read(&mut bytes).map_err(Error::Port)? == 0
            {
                break;
            }
        }
        self.replies = super::ReplyParser::new();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Error, ErrorKind, JobId, Obstacle, PaperLevel, Printer, Profile, Reply};
    use super::Pending;
    use crate::mock::{Fault, Port};
    use proptest::prelude::*;

    fn printer(answers: &[u8]) -> Printer<Port> {
        Printer::new(Port::new().answering(answers), Profile::MM80)
    }

    #[test]
    fn commands_byte_for_byte() {
        let mut printer = printer(&[]);
        printer.report_changes(true).unwrap();
        printer.report_changes(false).unwrap();
        printer.mark(JobId::from_number(12)).unwrap();
        printer.clear_fault(Pending::Resume).unwrap();
        printer.clear_fault(Pending::Discard).unwrap();
        printer.clear_buffers().unwrap();
        let expected = [
            b"\x1da\x0f\x1da\0".as_slice(),
            b"\x1d(H\x06\x00000012",
            b"\x10\x05\x01\x10\x05\x02",
            b"\x10\x14\x08\x01\x03\x14\x01\x06\x02\x08",
        ];
        assert_eq!(printer.port().written(), expected.concat());
    }

    #[test]
    fn status_asks_four_questions_and_puts_the_answers_together() {
        let mut printer = printer(&[0x1A, 0x32, 0x12, 0x7E]);
        let status = printer.status().unwrap();
        assert_eq!(status.paper, PaperLevel::Out);
        assert_eq!(status.obstacle(), Some(Obstacle::PaperOut));
        assert_eq!(
            printer.port().written(),
            b"\x10\x04\x01\x10\x04\x02\x10\x04\x03\x10\x04\x04"
        );
    }

    #[test]
    fn a_report_between_the_answers_does_not_disturb() {
        let mut printer = printer(b"\x12\x38\0\0\0\x16\x12\x13\x11\x12");
        assert!(printer.status().unwrap().cover_open);
    }

    #[test]
    fn a_silent_printer_is_a_time_out() {
        let error = printer(&[0x12, 0x12]).status().unwrap_err();
        assert_eq!(error, Error::Port(Fault(embedded_io::ErrorKind::TimedOut)));
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }

    #[test]
    fn a_stranger_on_the_line_is_told() {
        let error = printer(b"OK").status().unwrap_err();
        assert_eq!(error, Error::Protocol(b'O'));
        assert_eq!(error.kind(), ErrorKind::Protocol);
    }

    #[test]
    fn endless_reports_do_not_hold_the_asker_for_ever() {
        let mut printer = printer(&[0x10, 0, 0, 0].repeat(200));
        assert_eq!(printer.status(), Err(Error::Protocol(1)));
    }

    #[test]
    fn a_job_is_confirmed_by_its_number() {
        let mut printer = printer(b"\x37\x220012\0");
        assert_eq!(
            printer.next_reply(),
            Ok(Reply::Printed(JobId::from_number(12)))
        );
    }

    #[test]
    fn buffers_are_cleared_also_by_a_driver_that_is_torn() {
        let mut printer = Printer::new(
            Port::new()
                .taking(1)
                .refusing(1, embedded_io::ErrorKind::TimedOut),
            Profile::MM80,
        );
        printer.cut(super::super::Cut::Full).unwrap_err();
        assert!(printer.is_torn());
        printer.port = Port::new().answering(b"\x37\x25\0");
        printer.clear_buffers().unwrap();
        assert!(!printer.is_torn());
        assert_eq!(printer.next_reply(), Ok(Reply::Cleared));
    }

    #[test]
    fn a_time_out_in_the_middle_of_an_answer_loses_nothing() {
        let mut printer = printer(b"\x37\x2200");
        assert_eq!(printer.next_reply().unwrap_err().kind(), ErrorKind::Timeout);
        printer.port = Port::new().answering(b"12\0");
        assert_eq!(
            printer.next_reply(),
            Ok(Reply::Printed(JobId::from_number(12)))
        );
    }

    #[test]
    fn late_answers_can_be_thrown_away() {
        let mut printer = printer(b"\x12\x12\x38");
        printer.discard_replies().unwrap();
        assert_eq!(printer.next_reply().unwrap_err().kind(), ErrorKind::Timeout);
    }

    proptest! {
        #[test]
        fn whatever_a_printer_sends_every_question_ends(
            noise in proptest::collection::vec(
                prop_oneof![Just(0x12), Just(0x10), Just(0), Just(0x37), Just(0x22), any::<u8>()], 0..300,
            ),
        ) {
            let mut printer = printer(&noise);
            if let Ok(status) = printer.status()
                && status.paper == PaperLevel::Out
            {
                prop_assert!(status.obstacle().is_some());
            }
            let answers = (0..=noise.len()).map_while(|_| match printer.next_reply() {
                Err(Error::Port(_)) => None,
                other => Some(other),
            });
            prop_assert!(answers.count() <= noise.len(), "each answer takes a byte at least");
        }
    }
}
