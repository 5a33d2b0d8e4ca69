//! A receipt printer that speaks ESC/POS.
//!
//! Source of every command and status bit: the Epson ESC/POS Command Reference. Only commands that the
//! common 58 mm and 80 mm thermal printers share are used; what differs between them stands in the
//! [`Profile`].
//!
//! Three promises:
//!
//! * **Text is never obeyed.** Whatever string is printed, the only control codes sent on its account are
//!   line feeds and code page changes of this driver's own.
//! * **Data is never obeyed.** Printers look for the real-time commands `DLE EOT`, `DLE ENQ` and
//!   `DLE DC4` inside pictures too, where one of them opens the cash drawer. Pictures lose one dot rather
//!   than carry such a sequence; symbols that would are refused.
//! * **A cut command is noticed.** If the port fails while a command is half sent, every later call
//!   says [`Error::Torn`] until [`Printer::recover`] has completed it harmlessly, so that no text is
//!   taken for a parameter.
//!
//! The driver writes each command to the port as it comes. Over a slow port, render into a buffer first
//! (`Vec<u8>` and `&mut [u8]` are ports too) and send the buffer.

mod bar_code;
mod code_page;
mod error;
mod pulse;
mod qr;
mod query;
mod raster;
mod reply;
mod status;
mod style;
mod text;

pub use bar_code::{BarCode, Symbology, WrittenBelow};
pub use code_page::CodePage;
pub use error::{Error, ErrorKind, SymbolFault};
pub use pulse::{Connector, Pulse};
pub use qr::{Correction, QrCode};
pub use query::Pending;
pub use raster::Bitmap;
pub use reply::{JobId, Parsed, Reply, ReplyParser};
pub use status::{Fault, Obstacle, PaperLevel, Status};
pub use style::{Alignment, Font, Scale, Style, Underline};

use embedded_io::Write;

/// A QR code's content at most, with its command.
const LONGEST_CODE: usize = 3 * 1024;

const DLE: u8 = 0x10;
const ESC: u8 = 0x1B;
const FS: u8 = 0x1C;
const GS: u8 = 0x1D;
const LF: u8 = 0x0A;

/// What differs between printers.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Profile {
    /// Printable width in dots.
    pub dots: u16,
    /// Code pages, in the order in which they are tried. The first one is chosen at initialisation.
    pub pages: &'static [CodePage],
    /// The printer has a two-byte character mode (models sold in East Asia) that must be left before
    /// bytes above 0x7F print what the code page says.
    pub leave_two_byte_mode: bool,
}

/// Pages that practically every printer has.
const COMMON_PAGES: &[CodePage] = &[
    CodePage::Pc437,
    CodePage::Pc850,
    CodePage::Pc858,
    CodePage::Windows1252,
    CodePage::Pc852,
    CodePage::Pc866,
];

impl Profile {
    /// Paper of 58 mm: 48 mm printable at 8 dots per millimetre.
    pub const MM58: Self = Self {
        dots: 384,
        pages: COMMON_PAGES,
        leave_two_byte_mode: false,
    };

    /// Paper of 80 mm: 72 mm printable at 8 dots per millimetre.
    pub const MM80: Self = Self {
        dots: 576,
        pages: COMMON_PAGES,
        leave_two_byte_mode: false,
    };

    /// Paper of 80 mm on printers with 180 dots per inch, as the Epson TM-T88 family.
    pub const MM80_180_DPI: Self = Self {
        dots: 512,
        ..Self::MM80
    };

    /// How many characters of this style stand in one line.
    #[must_use]
    pub const fn columns(&self, style: Style) -> u16 {
        self.dots / style.dots()
    }

    /// The first character of `text` that no code page has; `None` if all of it can be printed as text.
    #[must_use]
    pub fn unencodable(&self, text: &str) -> Option<char> {
        text.chars().find(|&character| {
            character != '\n'
                && !self
                    .pages
                    .iter()
                    .any(|page| page.encode(character).is_some())
        })
    }
}

/// Where the paper is cut. The printer first feeds what is printed past the cutter.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cut {
    /// All the way, where the cutter can.
    Full,
    /// One point is left so that the slip does not fall.
    Partial,
}

/// The driver. Call [`Printer::initialise`] first and once per job.
#[derive(Debug)]
pub struct Printer<T> {
    port: T,
    profile: Profile,
    /// What the printer is known to have in force; unknown after a failure.
    page: Option<CodePage>,
    style: Option<Style>,
    alignment: Option<Alignment>,
    mid_line: bool,
    /// Length of the command being sent, and how much of it the port has not taken.
    command: usize,
    owed: usize,
    replies: ReplyParser,
}

impl<T> Printer<T> {
    /// A driver for the printer behind `port`. Sends nothing yet.
    pub const fn new(port: T, profile: Profile) -> Self {
        Self {
            port,
            profile,
            page: None,
            style: None,
            alignment: None,
            mid_line: false,
            command: 0,
            owed: 0,
            replies: ReplyParser::new(),
        }
    }

    /// What is known about the printer.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The port.
    pub const fn port(&self) -> &T {
        &self.port
    }

    /// The port, to be read from or set. Writing to it behind the driver's back tears commands.
    pub const fn port_mut(&mut self) -> &mut T {
        &mut self.port
    }

    /// Gives the port back.
    pub fn into_port(self) -> T {
        self.port
    }

    /// Whether a command is half sent.
    pub const fn is_torn(&self) -> bool {
        self.owed > 0
    }
}

impl<T: Write> Printer<T> {
    /// Brings the printer into a known state: `ESC @`, American character set, first code page. Clears
    /// what is in the line buffer; paper and settings in the printer's memory stay.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn initialise(&mut self) -> Result<(), Error<T::Error>> {
        self.send(&[ESC, b'@'])?;
        self.style = Some(Style::PLAIN);
        self.alignment = Some(Alignment::Left);
        self.mid_line = false;
        self.page = None;
        if self.profile.leave_two_byte_mode {
            self.send(&[FS, b'.'])?;
        }
        self.send(&[ESC, b'R', 0])?;
        if let Some(&page) = self.profile.pages.first() {
            self.send(&[ESC, b't', page.number()])?;
            self.page = Some(page);
        }
        Ok(())
    }

    /// Completes a half-sent command with zeros, which are white in a picture, no pulse for a drawer and
    /// nothing in text, and initialises. (A half-sent cut may become a cut.)
    ///
    /// Works as long as the port has delivered what it took; after a replugged cable or a power cycle of
    /// the printer, use a new driver instead.
    ///
    /// # Errors
    ///
    /// The port's; calling again goes on where it stopped.
    pub fn recover(&mut self) -> Result<(), Error<T::Error>> {
        const FILL: [u8; 64] = [0; 64];
        while self.owed > 0 {
            let fill = FILL.get(..self.owed).unwrap_or(&FILL);
            let taken = self.write_some(fill)?;
            self.owed = self.owed.saturating_sub(taken);
        }
        self.initialise()
    }

    /// Completes whatever command the printer may be waiting for the rest of, and initialises. For a line
    /// that was cut while somebody printed, a cable pulled and put back, a kiosk killed, while the printer
    /// kept its power: it would take the next job for the rest of a picture. Sends as many zeros as the
    /// longest command of this driver has bytes, which a printer that waits for nothing ignores.
    ///
    /// # Errors
    ///
    /// The port's; calling again goes on where it stopped.
    pub fn resynchronise(&mut self) -> Result<(), Error<T::Error>> {
        if self.owed == 0 {
            let picture = usize::from(self.profile.dots.div_ceil(8)) * raster::BAND_ROWS;
            self.owed = picture.max(LONGEST_CODE);
        }
        self.recover()
    }

    /// Sets the look of the text that follows. Sends only what changes.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn style(&mut self, style: Style) -> Result<(), Error<T::Error>> {
        let old = self.style;
        let changes =
            |part: fn(Style) -> u8| (old.map(part) != Some(part(style))).then(|| part(style));
        let font = changes(|s| s.font as u8);
        let bold = changes(|s| u8::from(s.bold));
        let underline = changes(|s| s.underline as u8);
        let inverted = changes(|s| u8::from(s.inverted));
        let size = changes(|s| ((s.width.get() - 1) << 4) | (s.height.get() - 1));
        let commands = [
            (ESC, b'M', font),
            (ESC, b'E', bold),
            (ESC, b'-', underline),
            (GS, b'B', inverted),
            (GS, b'!', size),
        ];
        self.style = None;
        for (lead, name, value) in commands {
            if let Some(value) = value {
                self.send(&[lead, name, value])?;
            }
        }
        self.style = Some(style);
        Ok(())
    }

    /// Sets where lines, pictures and symbols stand.
    ///
    /// # Errors
    ///
    /// [`Error::MidLine`], [`Error::Torn`], or the port's.
    pub fn align(&mut self, alignment: Alignment) -> Result<(), Error<T::Error>> {
        self.at_line_start()?;
        if self.alignment == Some(alignment) {
            return Ok(());
        }
        self.alignment = None;
        self.send(&[ESC, b'a', alignment as u8])?;
        self.alignment = Some(alignment);
        Ok(())
    }

    /// Ends the line and feeds this many lines in all.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn feed(&mut self, lines: u8) -> Result<(), Error<T::Error>> {
        self.send(&[ESC, b'd', lines])?;
        self.mid_line = false;
        Ok(())
    }

    /// Feeds what is printed past the cutter and cuts (`GS V`, function B).
    ///
    /// # Errors
    ///
    /// [`Error::MidLine`], [`Error::Torn`], or the port's.
    pub fn cut(&mut self, cut: Cut) -> Result<(), Error<T::Error>> {
        self.at_line_start()?;
        let function = match cut {
            Cut::Full => 65,
            Cut::Partial => 66,
        };
        self.send(&[GS, b'V', function, 0])
    }

    /// Waits until the port has passed on all it took.
    ///
    /// # Errors
    ///
    /// The port's.
    pub fn flush(&mut self) -> Result<(), Error<T::Error>> {
        self.port.flush().map_err(Error::Port)
    }

    fn at_line_start(&self) -> Result<(), Error<T::Error>> {
        if self.mid_line {
            Err(Error::MidLine)
        } else {
            Ok(())
        }
    }

    fn send(&mut self, command: &[u8]) -> Result<(), Error<T::Error>> {
        self.begin(command.len())?;
        self.put(command)
    }

    /// Starts a command of this many bytes, all of which [`Self::put`] must then be given.
    fn begin(&mut self, length: usize) -> Result<(), Error<T::Error>> {
        if self.is_torn() {
            return Err(Error::Torn);
        }
        self.command = length;
        self.owed = length;
        Ok(())
    }

    fn put(&mut self, mut bytes: &[u8]) -> Result<(), Error<T::Error>> {
        while !bytes.is_empty() {
            match self.write_some(bytes) {
                Ok(taken) => {
                    self.owed = self.owed.saturating_sub(taken);
                    bytes = bytes.get(taken..).unwrap_or_default();
                }
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn write_some(&mut self, bytes: &[u8]) -> Result<usize, Error<T::Error>> {
        match self.port.write(bytes) {
            Ok(0) => Err(Error::Closed),
            Ok(taken) => Ok(taken),
            Err(error) => Err(Error::Port(error)),
        }
    }

    /// After a failure nothing is certain, but a command of which nothing was taken tears nothing.
    fn forget(&mut self) {
        if self.owed == self.command {
            self.owed = 0;
        }
        self.page = None;
        self.style = None;
        self.alignment = None;
    }
}

/// Whether printers would obey something inside these bytes at once: `DLE` followed by `EOT`, `ENQ` or
/// `DC4`.
fn holds_real_time_sequence(bytes: &[u8]) -> bool {
    bytes
        .windows(2)
        .any(|pair| matches!(pair, [DLE, next] if is_real_time(*next)))
}

const fn is_real_time(after_dle: u8) -> bool {
    matches!(after_dle, 0x04 | 0x05 | 0x14)
}

#[cfg(test)]
mod tests {
    use super::{
        Alignment, Cut, Error, ErrorKind, Font, Printer, Profile, Scale, Style, Underline,
    };
    use crate::mock::{Fault, Port};
    use alloc::vec::Vec;
    use embedded_io::ErrorKind as Io;

    fn printer() -> Printer<Vec<u8>> {
        Printer::new(Vec::new(), Profile::MM80)
    }

    #[test]
    fn initialisation_leaves_nothing_to_chance() {
        let mut printer = printer();
        printer.initialise().unwrap();
        assert_eq!(printer.into_port(), b"\x1b@\x1bR\0\x1bt\0");
        let asian = Profile {
            leave_two_byte_mode: true,
            ..Profile::MM58
        };
        let mut printer = Printer::new(Vec::new(), asian);
        printer.initialise().unwrap();
        assert_eq!(printer.into_port(), b"\x1b@\x1c.\x1bR\0\x1bt\0");
    }

    #[test]
    fn a_style_sends_what_changes() {
        let mut printer = printer();
        printer.initialise().unwrap();
        printer.port.clear();
        printer.style(Style::PLAIN).unwrap();
        assert!(printer.port.is_empty());
        printer
            .style(Style::PLAIN.bold().scaled(Scale::TWO, Scale::THREE))
            .unwrap();
        assert_eq!(printer.port, b"\x1bE\x01\x1d!\x12");
        printer.port.clear();
        let small = Style::PLAIN
            .font(Font::B)
            .underlined(Underline::Thick)
            .inverted();
        printer.style(small).unwrap();
        assert_eq!(printer.port, b"\x1bM\x01\x1bE\0\x1b-\x02\x1dB\x01\x1d!\0");
    }

    #[test]
    fn without_initialisation_a_style_is_sent_whole() {
        let mut printer = printer();
        printer.style(Style::PLAIN).unwrap();
        assert_eq!(printer.port, b"\x1bM\0\x1bE\0\x1b-\0\x1dB\0\x1d!\0");
    }

    #[test]
    fn scales_go_from_one_to_eight() {
        assert_eq!(Scale::try_new(0), None);
        assert_eq!(Scale::try_new(8).map(Scale::get), Some(8));
        assert_eq!(Scale::try_new(9), None);
    }

    #[test]
    fn columns_follow_paper_and_style() {
        assert_eq!(Profile::MM80.columns(Style::PLAIN), 48);
        assert_eq!(Profile::MM58.columns(Style::PLAIN), 32);
        assert_eq!(Profile::MM80_180_DPI.columns(Style::PLAIN), 42);
        assert_eq!(Profile::MM58.columns(Style::PLAIN.font(Font::B)), 42);
        assert_eq!(
            Profile::MM58.columns(Style::PLAIN.scaled(Scale::TWO, Scale::ONE)),
            16
        );
    }

    #[test]
    fn feed_and_cuts_byte_for_byte() {
        let mut printer = printer();
        printer.feed(3).unwrap();
        printer.cut(Cut::Full).unwrap();
        printer.cut(Cut::Partial).unwrap();
        assert_eq!(printer.port, b"\x1bd\x03\x1dV\x41\0\x1dV\x42\0");
    }

    #[test]
    fn alignment_is_sent_once_and_not_in_mid_line() {
        let mut printer = printer();
        printer.align(Alignment::Right).unwrap();
        printer.align(Alignment::Right).unwrap();
        assert_eq!(printer.port, b"\x1ba\x02");
        printer.text("x").unwrap();
        assert_eq!(printer.align(Alignment::Left), Err(Error::MidLine));
        assert_eq!(printer.cut(Cut::Full), Err(Error::MidLine));
        printer.text("\n").unwrap();
        assert_eq!(printer.align(Alignment::Left), Ok(()));
    }

    #[test]
    fn a_command_refused_whole_can_be_sent_again() {
        let mut printer = Printer::new(Port::new().refusing(0, Io::TimedOut), Profile::MM80);
        let refused = printer.feed(1).unwrap_err();
        assert_eq!(refused, Error::Port(Fault(Io::TimedOut)));
        assert_eq!(refused.kind(), ErrorKind::Timeout);
        assert!(!printer.is_torn());
        printer.feed(1).unwrap();
        assert_eq!(printer.port.written(), b"\x1bd\x01");
    }

    #[test]
    fn a_command_cut_in_two_blocks_the_way_until_recovery() {
        let port = Port::new().taking(1).refusing(2, Io::TimedOut);
        let mut printer = Printer::new(port, Profile::MM80);
        printer.feed(9).unwrap_err();
        assert!(printer.is_torn());
        assert_eq!(printer.text("a").unwrap_err(), Error::Torn);
        assert_eq!(printer.text("a").unwrap_err().kind(), ErrorKind::Torn);
        printer.recover().unwrap();
        printer.line("a").unwrap();
        assert_eq!(printer.port.written(), b"\x1bd\0\x1b@\x1bR\0\x1bt\0a\n");
    }

    #[test]
    fn errors_are_classed_by_what_to_do() {
        let port = |kind| Error::Port(Fault(kind)).kind();
        assert_eq!(port(Io::TimedOut), ErrorKind::Timeout);
        assert_eq!(port(Io::BrokenPipe), ErrorKind::Disconnected);
        assert_eq!(port(Io::PermissionDenied), ErrorKind::Port);
        assert_eq!(Error::<Fault>::Closed.kind(), ErrorKind::Disconnected);
        assert_eq!(Error::<Fault>::MidLine.kind(), ErrorKind::Usage);
        assert_eq!(Error::<Fault>::Unencodable('x').kind(), ErrorKind::Content);
    }
}
