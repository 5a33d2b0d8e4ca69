//! A slip for a receipt printer.
//!
//! A line goes out as text if one of the printer's code pages has every character of it, and as a
//! picture otherwise: Chinese prints the same on printers with and without Chinese letters, and it does
//! not matter which character set such a printer was left in. Both stand in the same cells.

use embedded_io::Write;
use firmware_hal::printer::{Bitmap, Cut, Error, Printer, Profile, QrCode, Scale, Style};

use crate::canvas::Canvas;
use crate::cells;
use crate::draw;
use crate::glyphs::Glyphs;
use crate::line::{Line, Words};
use crate::sheet::{Look, Paper, Sheet, Size};

/// What a printer can do, and how it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Printing {
    /// The printer.
    pub profile: Profile,
    /// Whose letters are used.
    pub letters: Letters,
    /// Who draws QR codes.
    pub symbols: Symbols,
}

/// Whose letters are used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Letters {
    /// The printer's where it has them: fast, also over a slow line.
    #[default]
    Printer,
    /// Ours throughout: for printers whose code pages are not what they should be.
    Drawn,
}

/// Who draws QR codes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Symbols {
    /// We: every printer that prints pictures prints them.
    #[default]
    Drawn,
    /// The printer: far fewer bytes over a slow line.
    Printer,
}

impl Printing {
    /// A common printer with this paper.
    #[must_use]
    pub fn on(paper: Paper) -> Self {
        Self::with(Profile {
            dots: paper.dots(),
            ..Profile::MM80
        })
    }

    /// A printer of which more is known.
    #[must_use]
    pub fn with(profile: Profile) -> Self {
        Self {
            profile,
            letters: Letters::default(),
            symbols: Symbols::default(),
        }
    }

    /// Its paper.
    #[must_use]
    pub fn paper(&self) -> Paper {
        Paper::of_dots(self.profile.dots)
    }
}

impl Sheet {
    /// The bytes that print the slip, initialisation included.
    ///
    /// # Errors
    /// [`Error::TooWide`] if the printer has less than 288 dots across.
    pub fn to_escpos(
        &self,
        printing: &Printing,
        glyphs: &Glyphs,
    ) -> Result<Vec<u8>, Error<core::convert::Infallible>> {
        let mut printer = Printer::new(Vec::new(), printing.profile);
        self.print(&mut printer, printing, glyphs)?;
        Ok(printer.into_port())
    }

    /// Prints the slip through a driver, initialisation included.
    ///
    /// # Errors
    /// The driver's.
    pub fn print<T: Write>(
        &self,
        printer: &mut Printer<T>,
        printing: &Printing,
        glyphs: &Glyphs,
    ) -> Result<(), Error<T::Error>> {
        let paper = printing.paper();
        let lines = self.lines(paper);
        glyphs.prepare(lines.iter().flat_map(letters));
        printer.initialise()?;
        for line in &lines {
            match sent(line, printing) {
                Sent::Picture => print_picture(printer, &draw::line(line, paper, glyphs))?,
                other => print_line(printer, &other)?,
            }
        }
        printer.style(Style::PLAIN)
    }
}

/// Every letter of a line, with its size.
pub(crate) fn letters(line: &Line) -> impl Iterator<Item = (char, Size)> + '_ {
    let words = match line {
        Line::Words(words) => Some(words),
        _ => None,
    };
    words.into_iter().flat_map(|words| {
        let text = words.start.chars().chain(words.end.chars());
        text.map(|letter| (letter, words.look.size))
    })
}

/// How a line goes out.
enum Sent<'a> {
    Text(String, Style),
    Code(&'a str),
    Space,
    Cut,
    Picture,
}

fn sent<'a>(line: &'a Line, printing: &Printing) -> Sent<'a> {
    match line {
        Line::Words(words) => as_text(words, printing).unwrap_or(Sent::Picture),
        Line::Rule => as_rule(printing),
        Line::Space => Sent::Space,
        Line::Qr(content) => match printing.symbols {
            Symbols::Printer => Sent::Code(content),
            Symbols::Drawn => Sent::Picture,
        },
        Line::Cut => Sent::Cut,
    }
}

/// The line as the printer's own letters, if it has them all and can show them so.
fn as_text<'a>(words: &Words, printing: &Printing) -> Option<Sent<'a>> {
    let text = words.padded(printing.paper());
    let simple = printing.letters == Letters::Printer && !words.look.struck;
    let narrow = text.chars().all(|character| cells::of(character) == 1);
    let known = printing.profile.unencodable(&text).is_none();
    (simple && narrow && known).then(|| Sent::Text(text, style(words.look)))
}

/// A rule as box-drawing letters, which touch each other in every printer's font: a picture of it would
/// be forty times as many bytes.
fn as_rule<'a>(printing: &Printing) -> Sent<'a> {
    let text = "─".repeat(printing.paper().columns(Size::Plain));
    let known = printing.profile.unencodable(&text).is_none();
    if printing.letters == Letters::Printer && known {
        Sent::Text(text, Style::PLAIN)
    } else {
        Sent::Picture
    }
}

fn style(look: Look) -> Style {
    let (width, height) = match look.size {
        Size::Plain => (Scale::ONE, Scale::ONE),
        Size::Tall => (Scale::ONE, Scale::TWO),
        Size::Large => (Scale::TWO, Scale::TWO),
        Size::Huge => (Scale::FOUR, Scale::FOUR),
    };
    let style = Style::PLAIN.scaled(width, height);
    let style = if look.bold { style.bold() } else { style };
    if look.inverted {
        style.inverted()
    } else {
        style
    }
}

fn print_line<T: Write>(printer: &mut Printer<T>, line: &Sent<'_>) -> Result<(), Error<T::Error>> {
    match line {
        Sent::Text(text, style) => {
            // Black begins where the text does.
            let inset = text.len() - text.trim_start_matches(' ').len();
            let inset = inset.saturating_sub(usize::from(style.inverted));
            let (before, words) = text.split_at_checked(inset).unwrap_or(("", text));
            printer.style(Style {
                inverted: false,
                ..*style
            })?;
            printer.text(before)?;
            printer.style(*style)?;
            printer.line(words)
        }
        Sent::Code(content) => {
            printer.align(firmware_hal::printer::Alignment::Centre)?;
            printer.qr_code(&QrCode::new(content.as_bytes()))?;
            printer.align(firmware_hal::printer::Alignment::Left)
        }
        Sent::Space => {
            printer.style(Style::PLAIN)?;
            printer.line("")
        }
        Sent::Cut => printer.cut(Cut::Partial),
        Sent::Picture => Ok(()),
    }
}

/// One line as a picture. Pictures of lines touch each other on paper; sent one by one, each is only as
/// wide as it has to be.
fn print_picture<T: Write>(
    printer: &mut Printer<T>,
    picture: &Canvas,
) -> Result<(), Error<T::Error>> {
    let picture = picture.trimmed();
    let width = u16::try_from(picture.width()).unwrap_or(u16::MAX);
    match Bitmap::try_new(width, picture.bits()) {
        Some(bitmap) => printer.raster(&bitmap),
        None => Ok(()),
    }
}
