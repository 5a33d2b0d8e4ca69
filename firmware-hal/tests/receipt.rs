//! A whole receipt against a decoder written from the Epson ESC/POS Command Reference, not from the
//! driver; and the same receipt with the port failing at every possible place.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use embedded_io::ErrorKind;
use firmware_hal::mock::{Fault, Port};
use firmware_hal::printer::{
    Alignment, BarCode, Bitmap, Connector, Cut, Error, JobId, Printer, Profile, Pulse, QrCode,
    Scale, Style, Symbology,
};

#[test]
fn the_decoder_reads_the_receipt_as_meant() {
    let mut printer = Printer::new(Port::new(), Profile::MM80);
    print_receipt(&mut printer).unwrap();
    let paper = decode(printer.port().written()).unwrap();
    let lines: Vec<&str> = paper.text.lines().map(str::trim_end).collect();
    assert_eq!(
        lines,
        [
            "Lantern Noodles",
            "A042",
            "Tonkotsu ramen  13.40",
            "\u{ff}2.50 €"
        ]
    );
    assert_eq!(paper.pictures, [(40, 140)]);
    assert_eq!(paper.bar_codes, [(73, b"{BA042".to_vec())]);
    assert_eq!(paper.qr_codes, [b"https://example.com/r/A042".to_vec()]);
    assert_eq!((paper.pulses, paper.cuts), (1, 1));
    assert_eq!(paper.marks, [*b"0042"]);
}

#[test]
fn for_every_refused_write_the_paper_stays_readable() {
    for bytes_per_write in [1, 7, 64] {
        let clean = written(Port::new().taking(bytes_per_write));
        let mut refused = 0;
        loop {
            let port = Port::new()
                .taking(bytes_per_write)
                .refusing(refused, ErrorKind::TimedOut);
            let mut printer = Printer::new(port, Profile::MM80);
            let result = print_receipt(&mut printer);
            if result.is_ok() {
                assert_eq!(
                    printer.port().write_calls(),
                    refused,
                    "every write was refused once"
                );
                break;
            }
            assert_eq!(
                result,
                Err(Error::Port(Fault(ErrorKind::TimedOut))),
                "write {refused}"
            );
            let before = printer.port().written().to_vec();
            assert!(
                clean.starts_with(&before),
                "write {refused}: only what belongs was sent"
            );

            if printer.is_torn() {
                assert_eq!(printer.line("more"), Err(Error::Torn), "write {refused}");
                assert_eq!(
                    printer.port().written(),
                    before,
                    "write {refused}: nothing went after it"
                );
            }
            printer.recover().unwrap();
            print_receipt(&mut printer).unwrap();
            let paper = decode(printer.port().written())
                .unwrap_or_else(|at| panic!("write {refused}: not a command at byte {at}"));
            assert_eq!(paper.marks.last(), Some(b"0042"), "write {refused}");
            assert!(
                paper.text.ends_with("2.50 €\n"),
                "write {refused}: {:?}",
                paper.text
            );
            refused += 1;
        }
        assert!(refused > 20, "{refused}");
    }
}

#[test]
fn without_recovery_the_control_goes_wrong() {
    // What the guard against torn commands is for: the same bytes without it are another receipt.
    let clean = written(Port::new());
    let cut = clean.windows(2).position(|pair| pair == b"\x1dv").unwrap() + 6;
    let mut careless = clean[..cut].to_vec();
    careless.extend_from_slice(&clean);
    let readable =
        decode(&careless).is_ok_and(|paper| paper.text.contains("Lantern Noodles\nA042\nT"));
    assert!(!readable);
}

fn written(port: Port) -> Vec<u8> {
    let mut printer = Printer::new(port, Profile::MM80);
    print_receipt(&mut printer).unwrap();
    printer.port().written().to_vec()
}

fn print_receipt(printer: &mut Printer<Port>) -> Result<(), Error<Fault>> {
    let rows: Vec<u8> = (0..140_u32 * 5)
        .map(|place| place.to_le_bytes()[0])
        .collect();
    printer.initialise()?;
    printer.align(Alignment::Centre)?;
    printer.style(Style::PLAIN.bold().scaled(Scale::TWO, Scale::TWO))?;
    printer.line("Lantern Noodles")?;
    printer.line("A042")?;
    printer.raster(&Bitmap::try_new(40, &rows).unwrap())?;
    printer.style(Style::PLAIN)?;
    printer.align(Alignment::Left)?;
    printer.line("Tonkotsu ramen  13.40")?;
    printer.line("\u{ff}2.50 €")?;
    printer.bar_code(&BarCode::new(Symbology::Code128, "A042"))?;
    printer.qr_code(&QrCode::new(b"https://example.com/r/A042"))?;
    printer.feed(2)?;
    printer.cut(Cut::Partial)?;
    printer.open_drawer(Connector::Pin2, Pulse::COMMON)?;
    printer.mark(JobId::from_number(42))?;
    printer.flush()
}

/// What a reader of the byte stream finds on paper.
#[derive(Debug, Default)]
struct Paper {
    text: String,
    /// Width and height in dots; the bands of one picture are joined.
    pictures: Vec<(usize, usize)>,
    bar_codes: Vec<(u8, Vec<u8>)>,
    qr_codes: Vec<Vec<u8>>,
    qr_store: Vec<u8>,
    pulses: usize,
    cuts: usize,
    marks: Vec<[u8; 4]>,
    last_was_picture: bool,
    page: u8,
}

/// Reads a byte stream command by command; the error is the place of the first byte that is none.
fn decode(bytes: &[u8]) -> Result<Paper, usize> {
    let mut paper = Paper::default();
    let mut rest = bytes;
    while !rest.is_empty() {
        rest = paper.step(rest).ok_or(bytes.len() - rest.len())?;
    }
    Ok(paper)
}

impl Paper {
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        let was_picture = std::mem::take(&mut self.last_was_picture);
        match bytes {
            [0, rest @ ..] => Some(rest),
            [b'\n', rest @ ..] => {
                self.text.push('\n');
                Some(rest)
            }
            [0x1B, b'@', rest @ ..] => {
                self.page = 0;
                Some(rest)
            }
            [0x1B, b't', page, rest @ ..] => {
                self.page = *page;
                Some(rest)
            }
            [0x1B, b'R' | b'E' | b'-' | b'M' | b'a' | b'd', _, rest @ ..] => Some(rest),
            [0x1B, b'p', 0 | 1, _, _, rest @ ..] => {
                self.pulses += 1;
                Some(rest)
            }
            [0x1D, b'B' | b'!' | b'h' | b'w' | b'H', _, rest @ ..] => Some(rest),
            [0x1D, b'V', 65 | 66, _, rest @ ..] | [0x1D, b'V', 0 | 1, rest @ ..] => {
                self.cuts += 1;
                Some(rest)
            }
            [0x1D, b'v', b'0', 0, x, 0, y, 0, rest @ ..] => {
                let (x, y) = (usize::from(*x), usize::from(*y));
                match self.pictures.last_mut() {
                    Some(last) if was_picture => last.1 += y,
                    _ => self.pictures.push((x * 8, y)),
                }
                self.last_was_picture = true;
                rest.get(x * y..)
            }
            [0x1D, b'k', kind @ 65..=73, count, rest @ ..] => {
                let (data, rest) = rest.split_at_checked(usize::from(*count))?;
                self.bar_codes.push((*kind, data.to_vec()));
                Some(rest)
            }
            // A command torn inside its name is undefined, which printers skip.
            [0x1B | 0x1D, 0, rest @ ..] | [0x1D, b'v', 0, rest @ ..] => Some(rest),
            // A torn header filled with zeros: an unknown kind of bar code, ignored up to its NUL.
            [0x1D, b'k', 0, rest @ ..] => Some(rest),
            [0x1D, b'(', function, low, high, rest @ ..] => {
                let length = usize::from(u16::from_le_bytes([*low, *high]));
                let (data, rest) = rest.split_at_checked(length)?;
                self.extended(*function, data);
                Some(rest)
            }
            [byte @ (b' '..=b'~' | 0x80..), rest @ ..] => {
                self.text.push(match (self.page, byte) {
                    (_, b' '..=b'~') => char::from(*byte),
                    (19, 0xD5) => '€',
                    (16, 0xFF) => '\u{ff}',
                    (0, 0x98) => '\u{ff}',
                    _ => '\u{fffd}',
                });
                Some(rest)
            }
            _ => None,
        }
    }

    fn extended(&mut self, function: u8, data: &[u8]) {
        match (function, data) {
            (b'k', [49, 80, 48, content @ ..]) => self.qr_store = content.to_vec(),
            (b'k', [49, 81, 48]) => self.qr_codes.push(self.qr_store.clone()),
            (b'H', [48, 48, a, b, c, d]) => self.marks.push([*a, *b, *c, *d]),
            _ => {}
        }
    }
}
