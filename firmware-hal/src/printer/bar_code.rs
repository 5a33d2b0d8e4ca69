//! Bar codes.
//!
//! Source: Epson ESC/POS Command Reference, `GS k` function B, `GS h`, `GS w`, `GS H`; alphabets and
//! check digits by the GS1 General Specifications (EAN, UPC), ISO/IEC 16388 (Code 39) and ISO/IEC 15417
//! (Code 128).

use super::{Error, GS, Printer, SymbolFault};
use embedded_io::Write;

/// A kind of bar code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Symbology {
    /// UPC-A: 11 digits and a check digit.
    UpcA,
    /// EAN-13: 12 digits and a check digit.
    Ean13,
    /// EAN-8: 7 digits and a check digit.
    Ean8,
    /// Code 39: digits, capitals and `-. $/+%`.
    Code39,
    /// Code 128, code set B: printable ASCII.
    Code128,
}

/// Whether the content is printed in characters under the bars.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum WrittenBelow {
    /// Bars only.
    No,
    /// Below the bars.
    #[default]
    Yes,
}

/// A bar code to print.
#[derive(Clone, Copy, Debug)]
pub struct BarCode<'a> {
    /// Its kind.
    pub symbology: Symbology,
    /// Its content. EAN and UPC may be given with or without their check digit.
    pub content: &'a str,
    /// Height of the bars in dots, 1 to 255.
    pub height: u8,
    /// Width of the narrowest bar in dots, 2 to 6; other values become the nearest of these.
    pub module: u8,
    /// The content in characters.
    pub written_below: WrittenBelow,
}

/// More never fits on 80 mm.
const MOST_CHARACTERS: usize = 48;

/// The longest content with every brace doubled, after the code set's own prefix.
const MOST_DATA: usize = 2 + 2 * MOST_CHARACTERS;

impl<'a> BarCode<'a> {
    /// A bar code of common size: 8 mm high at 8 dots per millimetre, module of 2 dots, text below.
    #[must_use]
    pub const fn new(symbology: Symbology, content: &'a str) -> Self {
        Self {
            symbology,
            content,
            height: 64,
            module: 2,
            written_below: WrittenBelow::Yes,
        }
    }

    fn check(&self) -> Result<(), SymbolFault> {
        let content = self.content.as_bytes();
        if content.is_empty() {
            return Err(SymbolFault::Empty);
        }
        if let Some(&strange) = content.iter().find(|&&byte| !self.symbology.has(byte)) {
            return Err(SymbolFault::Character(strange));
        }
        match self.symbology.fixed_digits() {
            Some(needed) => check_digits(content, needed),
            None => {
                let (given, most) = (content.len(), MOST_CHARACTERS);
                if given > most {
                    Err(SymbolFault::TooLong { given, most })
                } else {
                    Ok(())
                }
            }
        }
    }

    /// Width in modules, without the quiet zones that the margins give; for Code 39 at the widest ratio
    /// of wide to narrow bars in use (3 to 1).
    fn modules(&self) -> u32 {
        let characters = u32::try_from(self.content.len()).unwrap_or(u32::MAX);
        match self.symbology {
            Symbology::UpcA | Symbology::Ean13 => 95,
            Symbology::Ean8 => 67,
            Symbology::Code39 => characters.saturating_add(2).saturating_mul(16),
            Symbology::Code128 => characters
                .saturating_add(2)
                .saturating_mul(11)
                .saturating_add(13),
        }
    }
}

impl Symbology {
    const fn function(self) -> u8 {
        match self {
            Self::UpcA => 65,
            Self::Ean13 => 67,
            Self::Ean8 => 68,
            Self::Code39 => 69,
            Self::Code128 => 73,
        }
    }

    const fn has(self, byte: u8) -> bool {
        match self {
            Self::UpcA | Self::Ean13 | Self::Ean8 => byte.is_ascii_digit(),
            Self::Code39 => {
                byte.is_ascii_digit()
                    || byte.is_ascii_uppercase()
                    || matches!(byte, b'-' | b'.' | b' ' | b'$' | b'/' | b'+' | b'%')
            }
            Self::Code128 => matches!(byte, b' '..=b'~'),
        }
    }

    const fn fixed_digits(self) -> Option<usize> {
        match self {
            Self::UpcA => Some(11),
            Self::Ean13 => Some(12),
            Self::Ean8 => Some(7),
            Self::Code39 | Self::Code128 => None,
        }
    }
}

fn check_digits(content: &[u8], needed: usize) -> Result<(), SymbolFault> {
    let given = content.len();
    let (digits, check) = match content {
        [digits @ .., check] if given == needed + 1 => (digits, Some(check - b'0')),
        _ if given == needed => (content, None),
        _ => return Err(SymbolFault::Length { given, needed }),
    };
    let weights = [3_u32, 1].into_iter().cycle();
    let sum: u32 = digits
        .iter()
        .rev()
        .zip(weights)
        .map(|(d, w)| u32::from(d - b'0') * w)
        .sum();
    let computed = u8::try_from((10 - sum % 10) % 10).unwrap_or_default();
    match check {
        Some(given) if given != computed => Err(SymbolFault::CheckDigit { given, computed }),
        _ => Ok(()),
    }
}

impl<T: Write> Printer<T> {
    /// Prints a bar code. Content and width are checked first, because a printer leaves out in silence
    /// what it cannot print.
    ///
    /// # Errors
    ///
    /// [`Error::Symbol`], [`Error::TooWide`], [`Error::MidLine`], [`Error::Torn`], or the port's.
    pub fn bar_code(&mut self, code: &BarCode<'_>) -> Result<(), Error<T::Error>> {
        self.at_line_start()?;
        code.check()?;
        let module = code.module.clamp(2, 6);
        let (dots, paper) = (
            code.modules().saturating_mul(module.into()),
            self.profile.dots,
        );
        if dots > paper.into() {
            return Err(Error::TooWide { dots, paper });
        }

        let mut data = [0; MOST_DATA];
        let prefix: &[u8] = if code.symbology == Symbology::Code128 {
            b"{B"
        } else {
            b""
        };
        let content = code.content.bytes().flat_map(|byte| {
            let twice = code.symbology == Symbology::Code128 && byte == b'{';
            core::iter::repeat_n(byte, if twice { 2 } else { 1 })
        });
        let mut length = 0;
        for (place, byte) in data.iter_mut().zip(prefix.iter().copied().chain(content)) {
            *place = byte;
            length += 1;
        }
        let data = data.get(..length).unwrap_or_default();
        let count = u8::try_from(length).unwrap_or(u8::MAX);

        self.send(&[GS, b'h', code.height.max(1)])?;
        self.send(&[GS, b'w', module])?;
        let below = if code.written_below == WrittenBelow::Yes {
            2
        } else {
            0
        };
        self.send(&[GS, b'H', below])?;
        self.begin(4 + length)?;
        self.put(&[GS, b'k', code.symbology.function(), count])?;
        self.put(data)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Error, Printer, Profile, SymbolFault};
    use super::{BarCode, Symbology, WrittenBelow};
    use alloc::vec::Vec;

    fn print(code: &BarCode<'_>) -> Result<Vec<u8>, Error<core::convert::Infallible>> {
        let mut printer = Printer::new(Vec::new(), Profile::MM58);
        printer.bar_code(code)?;
        Ok(printer.into_port())
    }

    fn fault(symbology: Symbology, content: &str) -> Error<core::convert::Infallible> {
        print(&BarCode::new(symbology, content)).unwrap_err()
    }

    #[test]
    fn an_article_number_byte_for_byte() {
        let code = BarCode::new(Symbology::Ean13, "4006381333931");
        let expected = b"\x1dh\x40\x1dw\x02\x1dH\x02\x1dk\x43\x0d4006381333931";
        assert_eq!(print(&code).unwrap(), expected);
    }

    #[test]
    fn an_order_number_in_code_128() {
        let code = BarCode {
            height: 100,
            module: 3,
            written_below: WrittenBelow::No,
            ..BarCode::new(Symbology::Code128, "A{42")
        };
        let expected = b"\x1dh\x64\x1dw\x03\x1dH\x00\x1dk\x49\x07{BA{{42";
        assert_eq!(print(&code).unwrap(), expected);
    }

    #[test]
    fn check_digits_are_checked_and_may_be_left_out() {
        assert!(print(&BarCode::new(Symbology::Ean13, "400638133393")).is_ok());
        assert!(print(&BarCode::new(Symbology::UpcA, "036000291452")).is_ok());
        assert!(print(&BarCode::new(Symbology::Ean8, "73513537")).is_ok());
        let wrong = SymbolFault::CheckDigit {
            given: 2,
            computed: 1,
        };
        assert_eq!(
            fault(Symbology::Ean13, "4006381333932"),
            Error::Symbol(wrong)
        );
    }

    #[test]
    fn what_the_symbol_cannot_carry_is_refused() {
        assert_eq!(fault(Symbology::Code128, ""), SymbolFault::Empty.into());
        assert_eq!(
            fault(Symbology::Code39, "a"),
            SymbolFault::Character(b'a').into()
        );
        assert_eq!(
            fault(Symbology::Code128, "é"),
            SymbolFault::Character(0xC3).into()
        );
        assert_eq!(
            fault(Symbology::Code128, "\x10\x14"),
            SymbolFault::Character(0x10).into()
        );
        let length = SymbolFault::Length {
            given: 3,
            needed: 7,
        };
        assert_eq!(fault(Symbology::Ean8, "123"), length.into());
        let long = SymbolFault::TooLong {
            given: 49,
            most: 48,
        };
        assert_eq!(fault(Symbology::Code39, &"1".repeat(49)), long.into());
    }

    #[test]
    fn a_code_wider_than_the_paper_is_refused() {
        let code = BarCode {
            module: 3,
            ..BarCode::new(Symbology::Code128, "A04212345")
        };
        assert_eq!(
            print(&code).unwrap_err(),
            Error::TooWide {
                dots: 402,
                paper: 384
            }
        );
    }
}
