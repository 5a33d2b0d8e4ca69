//! Reads what a receipt printer is sent, strictly, and keeps what would be on paper.
//!
//! Written from the Epson ESC/POS Command Reference; shares nothing with the driver that is checked
//! with it: code pages come from the crate `oem_cp`, and what the reference does not know is an error,
//! not skipped. Text is kept as text with its look, pictures as dots.

use oem_cp::code_table::DECODING_TABLE_CP_MAP;
use oem_cp::code_table_type::TableType;

/// Dots from one line of text to the next at power-on.
pub(crate) const LINE: usize = 30;

/// Something on paper.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A line of text.
    Text(Vec<Piece>),
    /// A picture: bytes in a row, and the rows.
    Dots { stride: usize, rows: Vec<u8> },
    /// A QR code that the printer draws.
    Code(Vec<u8>),
    /// The paper was cut.
    Cut,
}

/// Text in one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    pub(crate) look: Look,
}

/// `GS !`, `ESC E`, `GS B`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) width: u8,
    pub(crate) height: u8,
    pub(crate) bold: bool,
    pub(crate) inverted: bool,
}

/// What was wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) at: usize,
    pub(crate) what: String,
}

struct Decoder<'a> {
    bytes: &'a [u8],
    at: usize,
    page: u8,
    look: Look,
    line: Vec<Piece>,
    code: Vec<u8>,
    items: Vec<Item>,
}

/// Everything that the bytes put on paper.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<Item>, Fault> {
    let mut decoder = Decoder {
        bytes,
        at: 0,
        page: 0,
        look: Look::default(),
        line: Vec::new(),
        code: Vec::new(),
        items: Vec::new(),
    };
    while decoder.at < bytes.len() {
        decoder.step()?;
    }
    if decoder.line.is_empty() {
        Ok(decoder.items)
    } else {
        Err(decoder.fault("the last line is never printed"))
    }
}

/// Places where a printer would obey a real-time command, pictures included.
pub(crate) fn real_time_commands(bytes: &[u8]) -> usize {
    let pairs = bytes.windows(2);
    pairs
        .filter(|pair| matches!(pair, [0x10, 0x04 | 0x05 | 0x14]))
        .count()
}

impl Decoder<'_> {
    fn step(&mut self) -> Result<(), Fault> {
        match self.next()? {
            0x0A => self.end_line(),
            0x1B => self.escape()?,
            0x1D => self.group()?,
            byte @ (0x20..=0x7E | 0x80..) => self.letter(byte)?,
            other => return Err(self.fault(&format!("{other:#04x} is no text and no command"))),
        }
        Ok(())
    }

    fn escape(&mut self) -> Result<(), Fault> {
        match self.next()? {
            b'@' => {
                self.line.clear();
                (self.page, self.look) = (0, Look::default());
            }
            b'R' => self.expect(&[0], "a national character set changes ASCII")?,
            b't' => self.page = self.next()?,
            b'E' => self.look.bold = self.next()? & 1 == 1,
            b'M' | b'-' => self.expect(&[0], "font and underline are not used on slips")?,
            b'a' => {
                self.line_start()?;
                self.at_most(2)?;
            }
            b'd' => {
                let lines = self.next()?;
                (0..lines).for_each(|_| self.end_line());
            }
            other => return Err(self.fault(&format!("ESC {other:#04x}"))),
        }
        Ok(())
    }

    fn group(&mut self) -> Result<(), Fault> {
        match self.next()? {
            b'!' => {
                let size = self.next()?;
                (self.look.width, self.look.height) = (size >> 4, size & 0x0F);
                if self.look.width > 7 || self.look.height > 7 {
                    return Err(self.fault("letters grow eightfold at most"));
                }
            }
            b'B' => self.look.inverted = self.next()? & 1 == 1,
            b'V' => {
                self.line_start()?;
                match self.next()? {
                    65 | 66 => self.next()?,
                    other => return Err(self.fault(&format!("GS V {other}"))),
                };
                self.items.push(Item::Cut);
            }
            b'v' => self.picture()?,
            b'(' => self.code()?,
            other => return Err(self.fault(&format!("GS {other:#04x}"))),
        }
        Ok(())
    }

    /// `GS v 0 m xL xH yL yH d1…dk`
    fn picture(&mut self) -> Result<(), Fault> {
        self.line_start()?;
        self.expect(b"0", "GS v has the one function 0")?;
        self.at_most(3)?;
        let stride = self.number()?;
        let height = self.number()?;
        if !(1..=128).contains(&stride) || !(1..=4095).contains(&height) {
            return Err(self.fault(&format!("a picture of {stride} bytes by {height} dots")));
        }
        let rows = self.take(stride * height)?;
        self.items.push(Item::Dots { stride, rows });
        Ok(())
    }

    /// `GS ( k pL pH cn fn …`
    fn code(&mut self) -> Result<(), Fault> {
        self.expect(b"k", "of GS ( only k is used on slips")?;
        let length = self.number()?;
        let parameters = self.take(length)?;
        match *parameters.as_slice() {
            [49, 65, 49 | 50, 0] | [49, 67, 1..=16] | [49, 69, 48..=51] => Ok(()),
            [49, 80, 48, ref content @ ..] => {
                self.code = content.to_vec();
                Ok(())
            }
            [49, 81, 48] => {
                let content = std::mem::take(&mut self.code);
                self.items.push(Item::Code(content));
                Ok(())
            }
            _ => Err(self.fault(&format!("GS ( k {parameters:?}"))),
        }
    }

    fn letter(&mut self, byte: u8) -> Result<(), Fault> {
        let letter = if byte < 0x80 {
            char::from(byte)
        } else {
            upper(self.page, byte)
                .ok_or_else(|| self.fault(&format!("page {} has no {byte:#04x}", self.page)))?
        };
        match self.line.last_mut() {
            Some(piece) if piece.look == self.look => piece.text.push(letter),
            _ => self.line.push(Piece {
                text: letter.into(),
                look: self.look,
            }),
        }
        Ok(())
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.items.push(Item::Text(line));
    }

    fn line_start(&self) -> Result<(), Fault> {
        if self.line.is_empty() {
            Ok(())
        } else {
            Err(self.fault("in the middle of a line"))
        }
    }

    fn next(&mut self) -> Result<u8, Fault> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self) -> Result<usize, Fault> {
        let bytes = self.take(2)?;
        Ok(usize::from(bytes[0]) + 256 * usize::from(bytes[1]))
    }

    fn take(&mut self, count: usize) -> Result<Vec<u8>, Fault> {
        let taken = self.bytes.get(self.at..self.at + count).map(<[u8]>::to_vec);
        let taken = taken.ok_or_else(|| self.fault("the bytes end inside a command"))?;
        self.at += count;
        Ok(taken)
    }

    fn expect(&mut self, bytes: &[u8], why: &str) -> Result<(), Fault> {
        if self.take(bytes.len())? == bytes {
            Ok(())
        } else {
            Err(self.fault(why))
        }
    }

    fn at_most(&mut self, most: u8) -> Result<(), Fault> {
        match self.next()? {
            value if value <= most => Ok(()),
            value => Err(self.fault(&format!("{value} is more than {most}"))),
        }
    }

    fn fault(&self, what: &str) -> Fault {
        Fault {
            at: self.at,
            what: what.to_owned(),
        }
    }
}

/// What the upper half of a page prints. `ESC t` numbers its pages in its own way.
fn upper(page: u8, byte: u8) -> Option<char> {
    let number = match page {
        0 => 437,
        2 => 850,
        3 => 860,
        4 => 863,
        5 => 865,
        17 => 866,
        18 => 852,
        19 => 858,
        // Windows-1252 is Latin 1 beyond its first 32 places.
        16 if byte >= 0xA0 => return Some(char::from(byte)),
        16 if byte == 0x80 => return Some('€'),
        16 => {
            return "\u{fffd}\u{fffd}‚ƒ„…†‡ˆ‰Š‹Œ\u{fffd}Ž\u{fffd}\u{fffd}‘’“”•–—˜™š›œ\u{fffd}žŸ"
                .chars()
                .nth(usize::from(byte) - 0x80);
        }
        _ => return None,
    };
    match DECODING_TABLE_CP_MAP.get(&number)? {
        TableType::Complete(table) => table.get(usize::from(byte) - 0x80).copied(),
        TableType::Incomplete(table) => *table.get(usize::from(byte) - 0x80)?,
    }
}
