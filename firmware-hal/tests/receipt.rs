//! A whole receipt on a simulated printer, which knows the commands from the Epson ESC/POS Command
//! Reference, not from the driver; and the same receipt with the port failing at every possible place.

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
use firmware_hal::simulator::{Item, Simulator};

#[test]
fn the_receipt_is_on_paper_as_meant() {
    let mut simulator = Simulator::new();
    simulator.receive(&written(Port::new()));
    let [slip] = simulator.slips() else {
        panic!("{simulator:?}")
    };
    let line = |text: &str| Item::Line(text.to_owned());
    let expected = [
        line("Lantern Noodles"),
        line("A042"),
        Item::Picture {
            width: 40,
            rows: picture(),
        },
        line("Tonkotsu ramen  13.40"),
        line("\u{ff}2.50 €"),
        Item::BarCode(73, b"{BA042".to_vec()),
        Item::QrCode(b"https://example.com/r/A042".to_vec()),
    ];
    assert_eq!(slip.len(), expected.len());
    for (found, expected) in slip.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(
        (simulator.pulses(), simulator.unknown()),
        (1, b"".as_slice())
    );
    assert_eq!(simulator.take_replies(), b"\x37\x220042\0");
}

#[test]
fn for_every_refused_write_the_paper_stays_readable() {
    for bytes_per_write in [1, 7, 64] {
        let clean = written(Port::new().taking(bytes_per_write));
        let mut refused = 0;
        while let Some(written) = with_refused_write(bytes_per_write, refused, &clean) {
            let mut simulator = Simulator::new();
            simulator.receive(&written);
            assert_eq!(simulator.unknown(), b"", "write {refused}");
            assert_eq!(
                simulator.lines().last(),
                Some("\u{ff}2.50 €"),
                "write {refused}"
            );
            assert!(
                simulator.take_replies().ends_with(b"\x37\x220042\0"),
                "write {refused}"
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
    let mut simulator = Simulator::new();
    simulator.receive(&clean[..cut]);
    simulator.receive(&clean);
    let headings = simulator.lines().filter(|line| *line == "Lantern Noodles");
    assert_eq!(
        headings.count(),
        1,
        "the second one was taken for a picture"
    );
}

/// Everything written when this write is refused, the driver recovers and the receipt is printed again;
/// `None` if there were not so many writes.
fn with_refused_write(bytes_per_write: usize, refused: usize, clean: &[u8]) -> Option<Vec<u8>> {
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
        return None;
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
    Some(printer.into_port().written().to_vec())
}

fn written(port: Port) -> Vec<u8> {
    let mut printer = Printer::new(port, Profile::MM80);
    print_receipt(&mut printer).unwrap();
    printer.port().written().to_vec()
}

/// A picture with every byte in it, tall enough for two bands.
fn picture() -> Vec<u8> {
    (0..140_u32 * 5)
        .map(|place| place.to_le_bytes()[0])
        .collect()
}

fn print_receipt(printer: &mut Printer<Port>) -> Result<(), Error<Fault>> {
    let rows = picture();
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
