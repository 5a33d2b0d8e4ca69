//! QR codes, drawn by the printer.
//!
//! Source: Epson ESC/POS Command Reference, `GS ( k` functions 165 (model), 167 (module size), 169
//! (error correction), 180 (store) and 181 (print); capacities by ISO/IEC 18004, table 7, byte mode.

use super::{Error, GS, Printer, SymbolFault, holds_real_time_sequence};
use embedded_io::Write;

/// How much of the symbol may be damaged and still be read.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Correction {
    /// 7 %.
    Low,
    /// 15 %: for clean thermal paper.
    #[default]
    Medium,
    /// 25 %.
    Quartile,
    /// 30 %.
    High,
}

/// A QR code to print.
#[derive(Clone, Copy, Debug)]
pub struct QrCode<'a> {
    /// Its content, taken as bytes.
    pub content: &'a [u8],
    /// Error correction.
    pub correction: Correction,
    /// Dots per module at most. Smaller ones, down to 2, are taken to fit the paper.
    pub largest_module: u8,
}

/// Two dots are a quarter of a millimetre, the least that common cameras read from thermal paper.
const SMALLEST_MODULE: u8 = 2;

/// The largest module printers draw.
const LARGEST_MODULE: u8 = 16;

/// Clear modules that a reader needs, on both sides together.
const QUIET: u16 = 8;

impl<'a> QrCode<'a> {
    /// A code with medium correction and modules of up to 6 dots.
    #[must_use]
    pub const fn new(content: &'a [u8]) -> Self {
        Self {
            content,
            correction: Correction::Medium,
            largest_module: 6,
        }
    }

    /// Modules along one side, without the quiet zone; the printer may find a more compact form.
    fn side(&self) -> Result<u16, SymbolFault> {
        let given = self.content.len();
        if given == 0 {
            return Err(SymbolFault::Empty);
        }
        let capacity = self.correction.capacity();
        let version = capacity
            .iter()
            .position(|&holds| usize::from(holds) >= given);
        match version.and_then(|version| u16::try_from(version).ok()) {
            Some(version) => Ok(21 + 4 * version),
            None => {
                let most = capacity.last().copied().unwrap_or_default().into();
                Err(SymbolFault::TooLong { given, most })
            }
        }
    }
}

impl Correction {
    /// Bytes that versions 1 to 40 hold.
    const fn capacity(self) -> &'static [u16; 40] {
        match self {
            Self::Low => &LOW,
            Self::Medium => &MEDIUM,
            Self::Quartile => &QUARTILE,
            Self::High => &HIGH,
        }
    }
}

impl<T: Write> Printer<T> {
    /// Prints a QR code with the largest modules that fit the paper.
    ///
    /// # Errors
    ///
    /// [`Error::Symbol`], [`Error::TooWide`], [`Error::RealTimeSequence`], [`Error::MidLine`],
    /// [`Error::Torn`], or the port's.
    pub fn qr_code(&mut self, code: &QrCode<'_>) -> Result<(), Error<T::Error>> {
        self.at_line_start()?;
        let modules = code.side()? + QUIET;
        let paper = self.profile.dots;
        let fitting = u8::try_from(paper / modules).unwrap_or(u8::MAX);
        let module = fitting.min(code.largest_module).min(LARGEST_MODULE);
        if fitting < SMALLEST_MODULE {
            let dots = u32::from(modules) * u32::from(SMALLEST_MODULE);
            return Err(Error::TooWide { dots, paper });
        }

        let length = u16::try_from(code.content.len() + 3)
            .unwrap_or(u16::MAX)
            .to_le_bytes();
        if holds_real_time_sequence(code.content) || holds_real_time_sequence(&length) {
            return Err(Error::RealTimeSequence);
        }
        let correction = 48 + code.correction as u8;
        self.send(&[GS, b'(', b'k', 4, 0, 49, 65, 50, 0])?;
        self.send(&[GS, b'(', b'k', 3, 0, 49, 67, module.max(SMALLEST_MODULE)])?;
        self.send(&[GS, b'(', b'k', 3, 0, 49, 69, correction])?;
        let [low, high] = length;
        let store = [GS, b'(', b'k', low, high, 49, 80, 48];
        self.begin(store.len() + code.content.len())?;
        self.put(&store)?;
        self.put(code.content)?;
        self.send(&[GS, b'(', b'k', 3, 0, 49, 81, 48])
    }
}

const LOW: [u16; 40] = [
    17, 32, 53, 78, 106, 134, 154, 192, 230, 271, 321, 367, 425, 458, 520, 586, 644, 718, 792, 858,
    929, 1003, 1091, 1171, 1273, 1367, 1465, 1528, 1628, 1732, 1840, 1952, 2068, 2188, 2303, 2431,
    2563, 2699, 2809, 2953,
];
const MEDIUM: [u16; 40] = [
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
    711, 779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911,
    1989, 2099, 2213, 2331,
];
const QUARTILE: [u16; 40] = [
    11, 20, 32, 46, 60, 74, 86, 108, 130, 151, 177, 203, 241, 258, 292, 322, 364, 394, 442, 482,
    509, 565, 611, 661, 715, 751, 805, 868, 908, 982, 1030, 1112, 1168, 1228, 1283, 1351, 1423,
    1499, 1579, 1663,
];
const HIGH: [u16; 40] = [
    7, 14, 24, 34, 44, 58, 64, 84, 98, 119, 137, 155, 177, 194, 220, 250, 280, 310, 338, 382, 403,
    439, 461, 511, 535, 593, 625, 658, 698, 742, 790, 842, 898, 958, 983, 1051, 1093, 1139, 1219,
    1273,
];

#[cfg(test)]
mod tests {
    use super::super::{Error, Printer, Profile, SymbolFault};
    use super::{Correction, QrCode};
    use alloc::vec;
    use alloc::vec::Vec;

    fn print(code: &QrCode<'_>) -> Result<Vec<u8>, Error<core::convert::Infallible>> {
        let mut printer = Printer::new(Vec::new(), Profile::MM58);
        printer.qr_code(code)?;
        Ok(printer.into_port())
    }

    #[test]
    fn a_link_byte_for_byte() {
        let code = QrCode {
            correction: Correction::Quartile,
            ..QrCode::new(b"https://x")
        };
        let expected = [
            b"\x1d(k\x04\x001A2\x00".as_slice(),
            b"\x1d(k\x03\x001C\x06",
            b"\x1d(k\x03\x001E2",
            b"\x1d(k\x0c\x001P0https://x",
            b"\x1d(k\x03\x001Q0",
        ];
        assert_eq!(print(&code).unwrap(), expected.concat());
    }

    #[test]
    fn modules_shrink_until_the_code_fits() {
        let module = |length| print(&QrCode::new(&vec![b'a'; length])).unwrap()[16];
        assert_eq!(module(14), 6);
        assert_eq!(module(213), 5, "version 10: 57 modules and the quiet zone");
        assert_eq!(module(666), 3);
        assert_eq!(module(2000), 2);
    }

    #[test]
    fn what_cannot_be_read_or_held_is_refused() {
        assert_eq!(
            print(&QrCode::new(b"")).unwrap_err(),
            SymbolFault::Empty.into()
        );
        let long = SymbolFault::TooLong {
            given: 2332,
            most: 2331,
        };
        assert_eq!(print(&QrCode::new(&[b'a'; 2332])).unwrap_err(), long.into());
        let mut narrow = Printer::new(
            Vec::new(),
            Profile {
                dots: 200,
                ..Profile::MM58
            },
        );
        let wide = narrow.qr_code(&QrCode::new(&[b'a'; 2000]));
        assert_eq!(
            wide,
            Err(Error::TooWide {
                dots: 354,
                paper: 200
            })
        );
    }

    #[test]
    fn content_that_would_be_obeyed_is_refused() {
        assert_eq!(
            print(&QrCode::new(b"x\x10\x14\x01")),
            Err(Error::RealTimeSequence)
        );
        assert_eq!(
            print(&QrCode::new(&[b'a'; 0x410 - 3])),
            Err(Error::RealTimeSequence)
        );
    }

    #[test]
    fn capacities_grow_with_the_version_and_fall_with_correction() {
        use Correction::{High, Low, Medium, Quartile};
        for level in [Low, Medium, Quartile, High] {
            assert!(level.capacity().is_sorted_by(|a, b| a < b));
        }
        for version in 0..40 {
            let holds = [Low, Medium, Quartile, High].map(|level| level.capacity()[version]);
            assert!(holds.is_sorted_by(|a, b| a > b), "version {}", version + 1);
        }
    }
}
