//! Codes out of bytes.

/// What kind of symbol a code was read from, by its ISO/IEC 15424 identifier.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Symbology {
    /// EAN-13, EAN-8, UPC-A or UPC-E: `]E`.
    Ean,
    /// Code 39: `]A`.
    Code39,
    /// Code 128: `]C0`.
    Code128,
    /// GS1-128: `]C1`.
    Gs1Code128,
    /// GS1 DataBar: `]e0`.
    Gs1DataBar,
    /// Data Matrix: `]d` but `]d2`.
    DataMatrix,
    /// GS1 Data Matrix: `]d2`.
    Gs1DataMatrix,
    /// QR code: `]Q` but `]Q3`.
    Qr,
    /// GS1 QR code: `]Q3`.
    Gs1Qr,
    /// Another one.
    Other {
        /// The letter after `]`.
        letter: u8,
        /// The modifier after the letter.
        modifier: u8,
    },
}

impl Symbology {
    const fn from_identifier(letter: u8, modifier: u8) -> Self {
        match (letter, modifier) {
            (b'E', _) => Self::Ean,
            (b'A', _) => Self::Code39,
            (b'C', b'0') => Self::Code128,
            (b'C', b'1') => Self::Gs1Code128,
            (b'e', b'0') => Self::Gs1DataBar,
            (b'd', b'2') => Self::Gs1DataMatrix,
            (b'd', _) => Self::DataMatrix,
            (b'Q', b'3') => Self::Gs1Qr,
            (b'Q', _) => Self::Qr,
            _ => Self::Other { letter, modifier },
        }
    }

    /// Whether the content is made of GS1 elements, for [`super::gs1::elements`].
    #[must_use]
    pub const fn is_gs1(self) -> bool {
        matches!(
            self,
            Self::Gs1Code128 | Self::Gs1DataBar | Self::Gs1DataMatrix | Self::Gs1Qr
        )
    }
}

/// A code that was read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Code<'a> {
    /// What it was read from, if the scanner says so.
    pub symbology: Option<Symbology>,
    /// Its content: any bytes but carriage return and line feed. Never trust it: anybody can print a
    /// code.
    pub content: &'a [u8],
}

impl<'a> Code<'a> {
    /// Takes a line of a scanner apart.
    #[must_use]
    pub fn from_line(line: &'a [u8]) -> Self {
        match line {
            [b']', letter, modifier, content @ ..]
                if letter.is_ascii_alphabetic() && modifier.is_ascii_alphanumeric() =>
            {
                let symbology = Some(Symbology::from_identifier(*letter, *modifier));
                Self { symbology, content }
            }
            content => Self {
                symbology: None,
                content,
            },
        }
    }
}

/// Something arrived that is no code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// Longer than there is room for; all of it was thrown away.
    TooLong {
        /// The room there is, in bytes.
        most: usize,
    },
}

impl core::fmt::Display for Refusal {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::TooLong { most } => write!(f, "the code is longer than {most} bytes"),
        }
    }
}

/// Makes codes of bytes: whatever stands between line ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Assembler<const N: usize> {
    line: [u8; N],
    length: usize,
    overflown: bool,
    complete: bool,
}

impl<const N: usize> Default for Assembler<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Assembler<N> {
    /// Nothing has arrived.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            line: [0; N],
            length: 0,
            overflown: false,
            complete: false,
        }
    }

    /// Takes a byte. `true` if it ended a code, which [`Self::code`] then gives until the next byte.
    ///
    /// # Errors
    ///
    /// [`Refusal`] at the end of what is no code.
    pub fn push(&mut self, byte: u8) -> Result<bool, Refusal> {
        if self.complete {
            self.forget();
        }
        if !matches!(byte, b'\r' | b'\n') {
            match self.line.get_mut(self.length) {
                Some(place) => {
                    *place = byte;
                    self.length += 1;
                }
                None => self.overflown = true,
            }
            return Ok(false);
        }
        if self.overflown {
            self.forget();
            return Err(Refusal::TooLong { most: N });
        }
        self.complete = self.length > 0;
        Ok(self.complete)
    }

    /// The code that the last byte ended.
    #[must_use]
    pub fn code(&self) -> Option<Code<'_>> {
        let line = self.line.get(..self.length)?;
        self.complete.then(|| Code::from_line(line))
    }

    /// Forgets what has arrived.
    pub const fn forget(&mut self) {
        self.length = 0;
        self.overflown = false;
        self.complete = false;
    }
}

#[cfg(test)]
mod tests {
    use super::{Assembler, Code, Refusal, Symbology};
    use alloc::vec::Vec;
    use proptest::prelude::*;

    #[test]
    fn identifiers_are_told_from_content() {
        let symbology = |line: &'static [u8]| Code::from_line(line).symbology;
        assert_eq!(
            symbology(b"]C1019501101530003"),
            Some(Symbology::Gs1Code128)
        );
        assert_eq!(symbology(b"]C0A042"), Some(Symbology::Code128));
        assert_eq!(symbology(b"]d2x"), Some(Symbology::Gs1DataMatrix));
        assert_eq!(symbology(b"]d1x"), Some(Symbology::DataMatrix));
        assert_eq!(symbology(b"]Q3x"), Some(Symbology::Gs1Qr));
        assert_eq!(symbology(b"]e0x"), Some(Symbology::Gs1DataBar));
        assert_eq!(symbology(b"]A0x"), Some(Symbology::Code39));
        let other = Symbology::Other {
            letter: b'z',
            modifier: b'9',
        };
        assert_eq!(symbology(b"]z9x"), Some(other));
        for plain in [b"A042".as_slice(), b"]", b"]C", b"]\xff1", b"[C1x"] {
            assert_eq!(
                Code::from_line(plain),
                Code {
                    symbology: None,
                    content: plain
                }
            );
        }
    }

    #[test]
    fn empty_lines_are_no_codes() {
        let mut assembler = Assembler::<8>::new();
        for byte in *b"\r\n\n\r" {
            assert_eq!(assembler.push(byte), Ok(false));
            assert_eq!(assembler.code(), None);
        }
    }

    #[test]
    fn a_code_of_exactly_the_room_fits() {
        let mut assembler = Assembler::<4>::new();
        for byte in *b"A042" {
            assert_eq!(assembler.push(byte), Ok(false));
        }
        assert_eq!(assembler.push(b'\r'), Ok(true));
        assert_eq!(assembler.code().unwrap().content, b"A042");
    }

    proptest! {
        #[test]
        fn lines_come_out_as_they_went_in(
            lines in proptest::collection::vec("[^\r\n]{1,40}", 0..20),
        ) {
            let mut assembler = Assembler::<24>::new();
            let mut results = Vec::new();
            for line in &lines {
                for byte in line.bytes().chain(*b"\r\n") {
                    match assembler.push(byte) {
                        Ok(false) => {}
                        Ok(true) => results.push(Ok(assembler.code().unwrap().content.to_vec())),
                        Err(refusal) => results.push(Err(refusal)),
                    }
                }
            }
            let expected: Vec<_> = lines
                .iter()
                .map(|line| match Code::from_line(line.as_bytes()) {
                    _ if line.len() > 24 => Err(Refusal::TooLong { most: 24 }),
                    code => Ok(code.content.to_vec()),
                })
                .collect();
            prop_assert_eq!(results, expected);
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let mut assembler = Assembler::<16>::new();
            for byte in bytes {
                if assembler.push(byte) == Ok(true) {
                    prop_assert!(assembler.code().unwrap().content.len() <= 16);
                }
            }
        }
    }
}
