//! A receipt printer made of software, for tests and demonstrations.
//!
//! It reads the bytes a real printer would get, keeps what would be on paper, answers status requests,
//! reports changes by itself if asked to, confirms jobs, and can be made to run out of paper, open its
//! cover, jam, or lose power at any moment. It is written from the Epson ESC/POS Command Reference and
//! shares no code with the driver but the code pages and the status bits' meaning.
//!
//! It is a port by itself ([`embedded_io`]), or stands at the far end of a real one: then give it what
//! arrives with [`Simulator::receive`] and send back what [`Simulator::take_replies`] gives.

pub mod card;
mod command;
mod port;

use crate::printer::{CodePage, Fault, PaperLevel};
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use command::Length;

/// What stands on paper.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Item {
    /// A line of text.
    Line(String),
    /// A picture: its width in dots, a multiple of eight, and its rows.
    Picture {
        /// Width in dots.
        width: usize,
        /// The bits, row after row.
        rows: Vec<u8>,
    },
    /// A bar code: the kind as in `GS k`, and the content.
    BarCode(u8, Vec<u8>),
    /// A QR code's content.
    QrCode(Vec<u8>),
}

/// `DLE DC4` function 8 without its last byte.
const CLEAR: [u8; 9] = [0x10, 0x14, 8, 1, 3, 20, 1, 6, 2];

/// How many bytes a small printer holds before it stops the sender.
const RECEIVE_BUFFER: usize = 4096;

/// The printer.
#[derive(Clone, Debug)]
pub struct Simulator {
    received: Vec<u8>,
    recent: [u8; 9],
    replies: VecDeque<u8>,
    powered: bool,
    cover_open: bool,
    fault: Option<Fault>,
    paper: PaperLevel,
    lines_left: Option<usize>,
    reporting: bool,
    reports: bool,
    marks: bool,
    clears: bool,
    page: CodePage,
    line: String,
    qr_content: Vec<u8>,
    slip: Vec<Item>,
    cut: Vec<Vec<Item>>,
    pulses: usize,
    unknown: Vec<u8>,
}

impl Default for Simulator {
    fn default() -> Self {
        Self::new()
    }
}

impl Simulator {
    /// A printer that is on, closed and full of paper.
    #[must_use]
    pub fn new() -> Self {
        Self {
            received: Vec::new(),
            recent: [0; 9],
            replies: VecDeque::new(),
            powered: true,
            cover_open: false,
            fault: None,
            paper: PaperLevel::Adequate,
            lines_left: None,
            reporting: false,
            reports: true,
            marks: true,
            clears: true,
            page: CodePage::Pc437,
            line: String::new(),
            qr_content: Vec::new(),
            slip: Vec::new(),
            cut: Vec::new(),
            pulses: 0,
            unknown: Vec::new(),
        }
    }

    /// The slips that were cut off, oldest first.
    #[must_use]
    pub fn slips(&self) -> &[Vec<Item>] {
        &self.cut
    }

    /// What was printed since the last cut.
    #[must_use]
    pub fn hanging(&self) -> &[Item] {
        &self.slip
    }

    /// Every line of text that is on paper, cut off or not.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.cut
            .iter()
            .chain([&self.slip])
            .flatten()
            .filter_map(|item| match item {
                Item::Line(line) => Some(line.as_str()),
                _ => None,
            })
    }

    /// How often a drawer was opened.
    #[must_use]
    pub fn pulses(&self) -> usize {
        self.pulses
    }

    /// Bytes that were no command. A printer skips them or prints nonsense.
    #[must_use]
    pub fn unknown(&self) -> &[u8] {
        &self.unknown
    }

    /// Sets the paper, and how many more lines or bands of a picture it lasts; `None` is for ever.
    pub fn load(&mut self, paper: PaperLevel, lines: Option<usize>) {
        self.paper = paper;
        self.lines_left = lines;
        self.changed();
    }

    /// Opens or closes the cover.
    pub fn set_cover(&mut self, open: bool) {
        self.cover_open = open;
        self.changed();
    }

    /// Whether it knows `GS ( H`; without it, no mark is ever handed back.
    pub const fn set_marks(&mut self, marks: bool) {
        self.marks = marks;
    }

    /// Whether it knows `GS a`; without it, it reports nothing by itself.
    pub const fn set_reports(&mut self, reports: bool) {
        self.reports = reports;
    }

    /// Whether it knows `DLE DC4` function 8; without it, what was sent is printed sooner or later.
    pub const fn set_clears(&mut self, clears: bool) {
        self.clears = clears;
    }

    /// Makes something fail, or repairs it.
    pub fn set_fault(&mut self, fault: Option<Fault>) {
        self.fault = fault;
        self.changed();
    }

    /// Switches it off, which loses everything that is not on paper, or on. While it is off, the port says
    /// that it is not connected.
    pub fn set_power(&mut self, on: bool) {
        let fresh = Self::new();
        *self = Self {
            powered: on,
            cover_open: self.cover_open,
            fault: self.fault,
            paper: self.paper,
            lines_left: self.lines_left,
            reports: self.reports,
            marks: self.marks,
            clears: self.clears,
            slip: core::mem::take(&mut self.slip),
            cut: core::mem::take(&mut self.cut),
            pulses: self.pulses,
            unknown: core::mem::take(&mut self.unknown),
            ..fresh
        };
    }

    /// Takes bytes as they arrive; returns how many found room. Real-time commands are obeyed at once,
    /// wherever they stand.
    pub fn receive(&mut self, bytes: &[u8]) -> usize {
        let mut taken = 0;
        for &byte in bytes {
            if self.is_offline() && self.received.len() >= RECEIVE_BUFFER {
                break;
            }
            self.received.push(byte);
            self.watch(byte);
            self.work_off();
            taken += 1;
        }
        taken
    }

    /// What the printer has to say, at once and all of it.
    pub fn take_replies(&mut self) -> Vec<u8> {
        self.replies.drain(..).collect()
    }

    fn is_offline(&self) -> bool {
        self.cover_open || self.fault.is_some() || self.paper == PaperLevel::Out
    }

    /// Looks for real-time requests in everything that passes.
    fn watch(&mut self, byte: u8) {
        match (self.recent, byte) {
            (CLEAR, 8) if self.clears => {
                self.received.clear();
                self.line.clear();
                self.replies.extend([0x37, 0x25, 0]);
            }
            ([.., 0x10, 0x04], 1..=4) => self.replies.push_back(self.real_time(byte)),
            ([.., 0x10, 0x05], 1 | 2) => {
                if byte == 2 {
                    self.received.clear();
                    self.line.clear();
                }
                if matches!(self.fault, Some(Fault::Cutter | Fault::Recoverable)) {
                    self.fault = None;
                    self.changed();
                }
            }
            ([.., 0x10, 0x14], 1) => self.pulses += 1,
            _ => {}
        }
        self.recent.rotate_left(1);
        self.recent[8] = byte;
    }

    fn real_time(&self, question: u8) -> u8 {
        let low = self.paper != PaperLevel::Adequate;
        let out = self.paper == PaperLevel::Out;
        let bits = |set: &[(bool, u8)]| {
            set.iter()
                .filter(|(is, _)| *is)
                .fold(0x12, |bits, (_, bit)| bits | bit)
        };
        match question {
            1 => bits(&[(self.is_offline(), 0x08)]),
            2 => bits(&[
                (self.cover_open, 0x04),
                (out, 0x20),
                (self.fault.is_some(), 0x40),
            ]),
            3 => 0x12 | self.fault_bits(),
            _ => bits(&[(low, 0x0C), (out, 0x60)]),
        }
    }

    fn fault_bits(&self) -> u8 {
        match self.fault {
            Some(Fault::Recoverable) => 0x04,
            Some(Fault::Cutter) => 0x08,
            Some(Fault::Unrecoverable) => 0x20,
            Some(Fault::PassesByItself) => 0x40,
            None => 0,
        }
    }

    /// Reports, if asked to, and goes on printing, if possible.
    fn changed(&mut self) {
        self.report();
        self.work_off();
    }

    fn report(&mut self) {
        if self.reporting && self.powered {
            let offline = if self.is_offline() { 0x08 } else { 0 };
            let cover = if self.cover_open { 0x20 } else { 0 };
            let paper = match self.paper {
                PaperLevel::Adequate => 0,
                PaperLevel::Low => 0x03,
                PaperLevel::Out => 0x0F,
            };
            self.replies
                .extend([0x10 | offline | cover, self.fault_bits(), paper, 0]);
        }
    }

    /// Obeys what has been received, as far as it is complete and the printer is online.
    fn work_off(&mut self) {
        let mut done = 0;
        while !self.is_offline() {
            let rest = self.received.get(done..).unwrap_or_default();
            match command::length(rest) {
                Length::Known(length) if length <= rest.len() && length > 0 => {
                    let command: Vec<u8> = rest.iter().take(length).copied().collect();
                    done += length;
                    self.obey(&command);
                }
                Length::Known(_) => break,
                Length::Unknown(length) => {
                    self.unknown.extend(rest.iter().take(length));
                    done += length;
                }
            }
        }
        self.received.drain(..done.min(self.received.len()));
    }

    fn obey(&mut self, command: &[u8]) {
        match *command {
            [b'\n'] => self.end_line(),
            [0x1B, b'@'] => {
                self.line.clear();
                self.page = CodePage::Pc437;
                // What is in force after power-on, which is no report.
                self.reporting = false;
            }
            [0x1B, b't', number] => self.page = page(number),
            [0x1B, b'd', _] if !self.line.is_empty() => self.end_line(),
            [0x1B, b'p', ..] => self.pulses += 1,
            [0x1D, b'a', events] => {
                self.reporting = events != 0 && self.reports;
                self.report();
            }
            [0x1D, b'V', ..] => self.cut.push(core::mem::take(&mut self.slip)),
            [
                0x1D,
                b'v',
                b'0',
                _,
                width_low,
                width_high,
                _,
                _,
                ref rows @ ..,
            ] => {
                let width = usize::from(u16::from_le_bytes([width_low, width_high])) * 8;
                self.picture(width, rows);
            }
            [0x1D, b'k', kind, _, ref content @ ..] => {
                self.print(Item::BarCode(kind, content.to_vec()));
            }
            [0x1D, b'(', b'k', _, _, 49, 80, 48, ref content @ ..] => {
                self.qr_content = content.to_vec();
            }
            [0x1D, b'(', b'k', _, _, 49, 81, 48] => {
                self.print(Item::QrCode(self.qr_content.clone()));
            }
            [0x1D, b'(', b'H', 6, 0, 48, 48, a, b, c, d] if self.marks => {
                self.replies.extend([0x37, 0x22, a, b, c, d, 0]);
            }
            [byte @ (b' '..=b'~' | 0x80..)] => {
                self.line.push(
                    self.page
                        .decode(byte)
                        .unwrap_or(char::REPLACEMENT_CHARACTER),
                );
            }
            _ => {}
        }
    }

    fn end_line(&mut self) {
        let line = core::mem::take(&mut self.line);
        self.print(Item::Line(line));
    }

    /// The bands of one picture join.
    fn picture(&mut self, width: usize, rows: &[u8]) {
        if width == 0 || rows.is_empty() {
            return;
        }
        let joined = match self.slip.pop() {
            Some(Item::Picture {
                width: before,
                rows: mut above,
            }) if before == width => {
                above.extend(rows);
                above
            }
            other => {
                self.slip.extend(other);
                rows.to_vec()
            }
        };
        self.print(Item::Picture {
            width,
            rows: joined,
        });
    }

    fn print(&mut self, item: Item) {
        self.slip.push(item);
        if let Some(left) = &mut self.lines_left {
            *left = left.saturating_sub(1);
            if *left == 0 {
                self.lines_left = None;
                self.paper = PaperLevel::Out;
                self.report();
            }
        }
    }
}

/// Code pages as a printer knows them; it ignores other numbers.
fn page(number: u8) -> CodePage {
    const KNOWN: [CodePage; 9] = [
        CodePage::Pc437,
        CodePage::Pc850,
        CodePage::Pc860,
        CodePage::Pc863,
        CodePage::Pc865,
        CodePage::Windows1252,
        CodePage::Pc866,
        CodePage::Pc852,
        CodePage::Pc858,
    ];
    let known = KNOWN.into_iter().find(|page| page.number() == number);
    known.unwrap_or(CodePage::Pc437)
}

#[cfg(test)]
mod tests {
    use super::{Item, RECEIVE_BUFFER, Simulator};
    use crate::printer::{
        Cut, ErrorKind, Fault, JobId, Obstacle, PaperLevel, Pending, Printer, Profile, Reply,
    };
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn printer() -> Printer<Simulator> {
        let mut printer = Printer::new(Simulator::new(), Profile::MM80);
        printer.initialise().unwrap();
        printer
    }

    fn lines(printer: &Printer<Simulator>) -> Vec<&str> {
        printer.port().lines().collect()
    }

    #[test]
    fn a_printer_at_rest_is_ready() {
        assert_eq!(printer().status().unwrap().obstacle(), None);
    }

    #[test]
    fn every_condition_is_seen_by_asking_and_by_report() {
        type Change = fn(&mut Simulator);
        let conditions: [(Change, Obstacle); 4] = [
            (|printer| printer.set_cover(true), Obstacle::CoverOpen),
            (
                |printer| printer.load(PaperLevel::Out, None),
                Obstacle::PaperOut,
            ),
            (
                |printer| printer.set_fault(Some(Fault::Cutter)),
                Obstacle::Fault(Fault::Cutter),
            ),
            (
                |printer| printer.set_fault(Some(Fault::PassesByItself)),
                Obstacle::Fault(Fault::PassesByItself),
            ),
        ];
        for (change, obstacle) in conditions {
            let mut printer = printer();
            printer.report_changes(true).unwrap();
            assert!(
                matches!(printer.next_reply(), Ok(Reply::Automatic(status)) if status.obstacle().is_none())
            );
            change(printer.port_mut());
            match printer.next_reply() {
                Ok(Reply::Automatic(status)) => assert_eq!(status.obstacle(), Some(obstacle)),
                other => panic!("{other:?}"),
            }
            assert_eq!(printer.status().unwrap().obstacle(), Some(obstacle));
        }
    }

    #[test]
    fn paper_that_runs_low_does_not_stop_it() {
        let mut printer = printer();
        printer.port_mut().load(PaperLevel::Low, None);
        let status = printer.status().unwrap();
        assert_eq!((status.paper, status.obstacle()), (PaperLevel::Low, None));
        printer.line("still printed").unwrap();
        assert_eq!(lines(&printer), ["still printed"]);
    }

    #[test]
    fn a_job_is_confirmed_when_it_is_on_paper_and_not_before() {
        let mut printer = printer();
        printer.port_mut().load(PaperLevel::Adequate, Some(2));
        for line in ["one", "two", "three"] {
            printer.line(line).unwrap();
        }
        printer.cut(Cut::Full).unwrap();
        printer.mark(JobId::from_number(7)).unwrap();
        assert_eq!(printer.next_reply().unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(lines(&printer), ["one", "two"]);
        assert_eq!(
            printer.status().unwrap().obstacle(),
            Some(Obstacle::PaperOut)
        );

        printer.port_mut().load(PaperLevel::Adequate, None);
        assert_eq!(
            printer.next_reply(),
            Ok(Reply::Printed(JobId::from_number(7)))
        );
        assert_eq!(
            lines(&printer),
            ["one", "two", "three"],
            "nothing lost, nothing twice"
        );
        assert_eq!(printer.port().slips().len(), 1);
    }

    #[test]
    fn power_lost_in_mid_job_keeps_what_is_on_paper_and_confirms_nothing() {
        let mut printer = printer();
        printer.line("on paper").unwrap();
        printer.port_mut().set_cover(true);
        printer.line("in the buffer").unwrap();
        printer.mark(JobId::from_number(7)).unwrap();
        printer.port_mut().set_power(false);
        assert_eq!(
            printer.line("x").unwrap_err().kind(),
            ErrorKind::Disconnected
        );
        assert_eq!(
            printer.next_reply().unwrap_err().kind(),
            ErrorKind::Disconnected
        );
        printer.port_mut().set_power(true);
        printer.port_mut().set_cover(false);
        assert_eq!(printer.next_reply().unwrap_err().kind(), ErrorKind::Timeout);
        assert_eq!(lines(&printer), ["on paper"]);
    }

    #[test]
    fn a_full_buffer_stops_the_sender_until_the_cover_is_closed() {
        let mut printer = printer();
        printer.port_mut().set_cover(true);
        let stopped = (0..RECEIVE_BUFFER)
            .find_map(|_| printer.line("0123456789").err())
            .unwrap();
        assert_eq!(stopped.kind(), ErrorKind::Timeout);
        let status = printer.port_mut();
        status.set_cover(false);
        assert!(printer.port().lines().count() > 300);
        assert!(printer.port().lines().all(|line| line == "0123456789"));
    }

    #[test]
    fn a_cleared_fault_goes_on_or_starts_afresh() {
        for (pending, expected) in [(Pending::Resume, 1), (Pending::Discard, 0)] {
            let mut printer = printer();
            printer.port_mut().set_fault(Some(Fault::Cutter));
            printer.line("waiting").unwrap();
            printer.clear_fault(pending).unwrap();
            assert_eq!(lines(&printer).len(), expected, "{pending:?}");
            assert_eq!(printer.status().unwrap().obstacle(), None);
        }
    }

    #[test]
    fn buffers_are_cleared_in_the_middle_of_a_command_and_answered() {
        for clears in [true, false] {
            let mut printer = printer();
            printer.port_mut().set_clears(clears);
            printer.port_mut().load(PaperLevel::Out, None);
            printer.line("waiting").unwrap();
            printer.port_mut().receive(b"\x1dv0\0\x48\0\x18\0\x80");
            printer.clear_buffers().unwrap();
            let cleared = printer.next_reply();
            assert_eq!(cleared == Ok(Reply::Cleared), clears, "{cleared:?}");
            printer.port_mut().load(PaperLevel::Adequate, None);
            printer.resynchronise().unwrap();
            printer.line("next").unwrap();
            let printed = lines(&printer);
            assert_eq!(printed.contains(&"waiting"), !clears, "{printed:?}");
            assert_eq!(printed.last(), Some(&"next"));
        }
    }

    #[test]
    fn an_initialisation_ends_the_reports() {
        let mut printer = printer();
        printer.report_changes(true).unwrap();
        printer.initialise().unwrap();
        printer.discard_replies().unwrap();
        printer.port_mut().set_cover(true);
        assert_eq!(printer.next_reply().unwrap_err().kind(), ErrorKind::Timeout);
    }

    #[test]
    fn the_drawer_opens_while_the_paper_is_out() {
        let mut printer = printer();
        printer.port_mut().load(PaperLevel::Out, None);
        printer
            .open_drawer_now(crate::printer::Connector::Pin2)
            .unwrap();
        assert_eq!(printer.port().pulses(), 1);
    }

    #[test]
    fn nonsense_is_kept_apart() {
        let mut simulator = Simulator::new();
        assert_eq!(simulator.receive(b"a\x1b\xff\x07b\n"), 6);
        assert_eq!(simulator.unknown(), b"\x1b\xff\x07");
        assert_eq!(simulator.hanging(), [Item::Line("ab".into())]);
    }

    proptest! {
        #[test]
        fn any_bytes_in_any_pieces_are_survived_and_read_alike(
            bytes in proptest::collection::vec(
                prop_oneof![Just(0x1B), Just(0x1D), Just(0x10), 0..6_u8, any::<u8>()], 0..300,
            ),
            piece in 1..20_usize,
        ) {
            let mut whole = Simulator::new();
            whole.receive(&bytes);
            let mut pieces = Simulator::new();
            for piece in bytes.chunks(piece) {
                pieces.receive(piece);
            }
            prop_assert!(pieces.lines().eq(whole.lines()));
            prop_assert_eq!(pieces.unknown(), whole.unknown());
            prop_assert_eq!(pieces.take_replies(), whole.take_replies());
        }
    }
}
