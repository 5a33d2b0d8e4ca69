//! One job, a printer that fails at every possible byte of it in every possible way, and a human who
//! puts it right: what is on paper in the end is the job exactly once, or more than once with all but
//! one marked as a copy.
//!
//! Whoever prints follows four rules, which stand in `Room::deliver`: a job counts as printed when the
//! printer has confirmed it; a printer that is still the same is listened to before anything is
//! repeated; what was not confirmed is repeated; a repetition says that it is one.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use embedded_io::{ErrorKind as Io, ErrorType, Read, ReadReady, Write};
use firmware_hal::mock::Fault;
use firmware_hal::printer::{Bitmap, Cut, Error, JobId, PaperLevel, Printer, Profile, Reply};
use firmware_hal::simulator::{Item, Simulator};

const FIRST: &str = "A042";
const LAST: &str = "Total 19.80";
const COPY: &str = "COPY";

/// More than fits into the printer's receive buffer, so that a stopped printer stops the sender too.
const LARGE: usize = 6_000;
const SMALL: usize = 300;

/// What goes wrong, once the printer has taken so many bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mishap {
    /// The printer loses power, and with it all that is not on paper.
    Power,
    /// The cable is pulled; the printer prints on, and nobody hears it.
    Cable,
    /// Its cover is opened.
    Cover,
    /// The paper ends.
    Paper,
    /// From here on it takes one byte at a time and answers late.
    Slow,
}

/// A printer on a line, to which something happens.
struct Line {
    simulator: Simulator,
    mishap: Option<(usize, Mishap)>,
    taken: usize,
    pulled: bool,
    slow: bool,
    /// Attempts to hear something that still fail.
    late: usize,
}

impl Line {
    fn new(mishap: Option<(usize, Mishap)>) -> Self {
        Self {
            simulator: Simulator::new(),
            mishap,
            taken: 0,
            pulled: false,
            slow: false,
            late: 0,
        }
    }

    fn happens(&mut self, mishap: Mishap) {
        match mishap {
            Mishap::Power => self.simulator.set_power(false),
            Mishap::Cable => self.pulled = true,
            Mishap::Cover => self.simulator.set_cover(true),
            Mishap::Paper => self.simulator.load(PaperLevel::Out, None),
            Mishap::Slow => (self.slow, self.late) = (true, 3),
        }
    }

    /// A human has a look.
    fn put_right(&mut self) {
        if self.simulator.flush().is_err() {
            self.simulator.set_power(true);
        }
        self.pulled = false;
        self.simulator.set_cover(false);
        self.simulator.load(PaperLevel::Adequate, None);
    }

    fn connected(&self) -> Result<(), Fault> {
        if self.pulled {
            Err(Fault(Io::NotConnected))
        } else {
            Ok(())
        }
    }
}

impl ErrorType for Line {
    type Error = Fault;
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        self.connected()?;
        let until = self.mishap.map_or(usize::MAX, |(at, _)| at - self.taken);
        let most = if self.slow { 1 } else { until.max(1) };
        let taken = self.simulator.write(&bytes[..bytes.len().min(most)])?;
        self.taken += taken;
        if let Some((at, mishap)) = self.mishap
            && self.taken >= at
        {
            self.mishap = None;
            self.happens(mishap);
        }
        Ok(taken)
    }

    fn flush(&mut self) -> Result<(), Fault> {
        self.connected()
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Fault> {
        self.connected()?;
        if self.late > 0 {
            self.late -= 1;
            return Err(Fault(Io::TimedOut));
        }
        self.simulator.read(buffer)
    }
}

impl ReadReady for Line {
    fn read_ready(&mut self) -> Result<bool, Fault> {
        self.simulator.read_ready()
    }
}

/// Whoever prints.
struct Room {
    picture: Vec<u8>,
    /// The rules that are kept; the controls break one each.
    marks_copies: bool,
    resynchronises: bool,
    waits_for_confirmation: bool,
}

impl Room {
    fn new(picture: usize) -> Self {
        // Every byte, so that a picture that is obeyed as commands is noticed.
        let bytes = (0..picture).map(|place| place.to_le_bytes()[0]);
        Self {
            picture: bytes.collect(),
            marks_copies: true,
            resynchronises: true,
            waits_for_confirmation: true,
        }
    }

    fn send<T: Write>(&self, printer: &mut Printer<T>, copy: bool) -> Result<(), Error<T::Error>> {
        printer.initialise()?;
        if copy && self.marks_copies {
            printer.line(COPY)?;
        }
        printer.line(FIRST)?;
        printer.raster(&Bitmap::try_new(40, &self.picture).unwrap())?;
        printer.line(LAST)?;
        printer.cut(Cut::Full)?;
        printer.mark(job())
    }

    /// How many bytes an undisturbed job has.
    fn length(&self) -> usize {
        let mut printer = Printer::new(Vec::new(), Profile::MM80);
        self.send(&mut printer, false).unwrap();
        printer.into_port().len()
    }

    /// Sends the job until the printer has confirmed it; gives the line back, and how often it was sent.
    fn deliver(&self, line: Line) -> (Line, usize) {
        let mut printer = Printer::new(line, Profile::MM80);
        for sent in 1..=3 {
            let done = self.send(&mut printer, sent > 1);
            let counts = done.is_ok() && !self.waits_for_confirmation;
            if counts || (done.is_ok() && confirmed(&mut printer)) {
                return (printer.into_port(), sent);
            }
            let gone =
                printer.flush().is_err() || printer.port().simulator.clone().flush().is_err();
            printer.port_mut().put_right();
            if gone {
                printer = Printer::new(printer.into_port(), Profile::MM80);
                printer.discard_replies().unwrap();
                if self.resynchronises {
                    printer.resynchronise().unwrap();
                }
            } else if printer.is_torn() {
                printer.recover().unwrap();
            } else if confirmed(&mut printer) {
                return (printer.into_port(), sent);
            }
        }
        panic!("never confirmed");
    }
}

fn job() -> JobId {
    JobId::from_number(42)
}

/// Listens for a while.
fn confirmed<T: Read + Write>(printer: &mut Printer<T>) -> bool {
    (0..5).any(|_| matches!(printer.next_reply(), Ok(Reply::Printed(id)) if id == job()))
}

/// What is wrong with what is on paper, if anything is.
fn judge(simulator: &Simulator) -> Result<(), String> {
    let items: Vec<&Item> = simulator
        .slips()
        .iter()
        .flatten()
        .chain(simulator.hanging())
        .collect();
    let is = |item: &Item, text: &str| matches!(item, Item::Line(line) if line == text);
    let (mut originals, mut whole, mut ends, mut begun) = (0, 0, 0, false);
    for (place, item) in items.iter().enumerate() {
        if is(item, FIRST) {
            let copy = place
                .checked_sub(1)
                .is_some_and(|before| is(items[before], COPY));
            originals += usize::from(!copy);
            begun = true;
        }
        if is(item, LAST) {
            ends += 1;
            whole += usize::from(begun);
            begun = false;
        }
    }
    let last = simulator.slips().last().and_then(|slip| slip.last());
    match () {
        () if originals > 1 => Err(format!("{originals} that are not marked as a copy")),
        () if whole == 0 => Err("nothing whole".to_owned()),
        () if ends > whole => Err("an end without a beginning".to_owned()),
        () if !last.is_some_and(|item| is(item, LAST)) => {
            Err("the last slip has no end".to_owned())
        }
        () if !simulator.unknown().is_empty() => {
            Err(format!("{:?} was obeyed", simulator.unknown()))
        }
        () if simulator.pulses() > 0 => Err("the drawer was opened".to_owned()),
        () => Ok(()),
    }
}

/// Every mishap at these bytes of a job.
fn each(
    room: &Room,
    mishaps: &[Mishap],
    bytes: impl Iterator<Item = usize> + Clone,
    check: impl Fn(Mishap, usize, &Line, usize),
) {
    for &mishap in mishaps {
        for at in bytes.clone() {
            let (line, sent) = room.deliver(Line::new(Some((at, mishap))));
            check(mishap, at, &line, sent);
        }
    }
}

const ALL: [Mishap; 5] = [
    Mishap::Power,
    Mishap::Cable,
    Mishap::Cover,
    Mishap::Paper,
    Mishap::Slow,
];

#[test]
fn an_undisturbed_job_is_sent_once() {
    let (line, sent) = Room::new(SMALL).deliver(Line::new(None));
    assert_eq!((sent, judge(&line.simulator)), (1, Ok(())));
    assert!(!line.simulator.lines().any(|line| line == COPY));
}

#[test]
fn at_every_byte_the_job_is_on_paper_once_or_marked_as_a_copy() {
    let room = Room::new(SMALL);
    each(&room, &ALL, 1..=room.length(), |mishap, at, line, sent| {
        let found = judge(&line.simulator);
        assert_eq!(
            found,
            Ok(()),
            "{mishap:?} after {at} bytes: {:?}",
            line.simulator.slips()
        );
        let copies = line.simulator.lines().filter(|line| *line == COPY).count();
        assert_eq!(copies, sent - 1, "{mishap:?} after {at} bytes");
    });
}

#[test]
fn a_stopped_printer_finishes_its_job_by_itself_and_gets_no_copy() {
    let room = Room::new(SMALL);
    let stops = [Mishap::Cover, Mishap::Paper, Mishap::Slow];
    each(
        &room,
        &stops,
        1..=room.length(),
        |mishap, at, line, sent| {
            assert_eq!(sent, 1, "{mishap:?} after {at} bytes");
            assert_eq!(line.simulator.slips().len(), 1);
        },
    );
}

#[test]
fn a_job_larger_than_the_printers_buffer_is_torn_and_still_comes_out_right() {
    let room = Room::new(LARGE);
    let length = room.length();
    let bytes = (1..200)
        .chain((200..length - 40).step_by(397))
        .chain(length - 40..=length);
    each(&room, &ALL, bytes, |mishap, at, line, _| {
        assert_eq!(
            judge(&line.simulator),
            Ok(()),
            "{mishap:?} after {at} bytes"
        );
    });
}

/// Whether some mishap at some byte leaves wrong paper.
fn goes_wrong(room: &Room, mishap: Mishap) -> bool {
    (1..=room.length()).any(|at| {
        let line = Line::new(Some((at, mishap)));
        let outcome = std::panic::catch_unwind(|| room.deliver(line));
        outcome.map_or(true, |(line, _)| judge(&line.simulator).is_err())
    })
}

#[test]
fn each_rule_is_needed() {
    let kept = || Room::new(SMALL);
    let unmarked = Room {
        marks_copies: false,
        ..kept()
    };
    assert!(
        goes_wrong(&unmarked, Mishap::Cable),
        "copies that don't say so"
    );
    let out_of_step = Room {
        resynchronises: false,
        ..kept()
    };
    assert!(
        goes_wrong(&out_of_step, Mishap::Cable),
        "a job taken for the rest of a picture"
    );
    let trusting = Room {
        waits_for_confirmation: false,
        ..kept()
    };
    assert!(
        goes_wrong(&trusting, Mishap::Paper),
        "bytes written are not paper"
    );
    for mishap in ALL {
        assert!(!goes_wrong(&kept(), mishap), "{mishap:?}");
    }
}
