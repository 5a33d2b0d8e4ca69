//! Ports against a pseudo-terminal, a loopback socket and a file.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use embedded_io::{Read as _, ReadReady as _, Write as _};
use firmware_hal::printer::{ErrorKind, Obstacle, Printer, Profile};
use firmware_hal::watchdog::{Guard, Source, Verdict};
use firmware_hal_linux::{
    Address, Capture, Error, Flow, Kind, Network, Operation, Parity, Port, Serial, Settings,
    Timeouts, Usb, Watchdog,
};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{ControlModes, LocalModes, OutputModes, tcgetattr};
use std::fs::File;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const QUICK: Timeouts = Timeouts {
    open: Duration::from_secs(5),
    read: Duration::from_millis(50),
    write: Duration::from_millis(50),
};

/// For tests in which the other side answers, however slow the machine.
const PATIENT: Timeouts = Timeouts {
    open: Duration::from_secs(30),
    read: Duration::from_secs(30),
    write: Duration::from_secs(30),
};

#[test]
fn a_serial_line_passes_every_byte_both_ways_unchanged() {
    let (mut far, path) = pseudo_terminal();
    let mut line = Serial::open(&path, Settings::new(115_200), PATIENT).unwrap();
    let all: Vec<u8> = (0..=u8::MAX).collect();

    line.write_all(&all).unwrap();
    let mut seen = vec![0; all.len()];
    far.read_exact(&mut seen).unwrap();
    assert_eq!(seen, all);

    far.write_all(&all).unwrap();
    line.read_exact(&mut seen).unwrap();
    assert_eq!(seen, all);
}

#[test]
fn a_serial_line_is_set_as_asked() {
    let (far, path) = pseudo_terminal();
    let settings = Settings {
        parity: Parity::Odd,
        flow: Flow::None,
        ..Settings::new(19_200)
    };
    let _line = Serial::open(&path, settings, QUICK).unwrap();
    let set = tcgetattr(&far).unwrap();
    assert_eq!((set.input_speed(), set.output_speed()), (19_200, 19_200));
    assert!(
        !set.local_modes
            .intersects(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG)
    );
    assert!(!set.output_modes.contains(OutputModes::OPOST));
    assert!(!set.control_modes.contains(ControlModes::CRTSCTS));
}

#[test]
fn a_silent_serial_line_times_out() {
    let (_far, path) = pseudo_terminal();
    let mut line = Serial::open(&path, Settings::new(9600), QUICK).unwrap();
    assert!(!line.read_ready().unwrap());
    let error = line.read(&mut [0; 8]).unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::TimedOut, Operation::Read)
    );
    assert!(
        error
            .to_string()
            .starts_with(&format!("cannot read {}", path.display())),
        "{error}"
    );
}

#[test]
fn a_serial_line_that_takes_no_more_times_out() {
    let (_far, path) = pseudo_terminal();
    let mut line = Serial::open(&path, Settings::new(9600), QUICK).unwrap();
    let error = write_until_error(&mut line);
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::TimedOut, Operation::Write)
    );
}

#[test]
fn an_unplugged_serial_line_is_gone() {
    let (far, path) = pseudo_terminal();
    let mut line = Serial::open(&path, Settings::new(9600), PATIENT).unwrap();
    drop(far);
    assert!(matches!(line.read(&mut [0; 8]), Ok(0) | Err(_)));
    assert_eq!(line.write(b"x").unwrap_err().kind(), Kind::Gone);
}

#[test]
fn what_waited_before_the_line_was_opened_is_dropped() {
    let (mut far, path) = pseudo_terminal();
    let first = Serial::open(&path, Settings::new(9600), QUICK).unwrap();
    far.write_all(b"late answer").unwrap();
    let mut line = Serial::open(&path, Settings::new(9600), QUICK).unwrap();
    assert_eq!(line.read(&mut [0; 8]).unwrap_err().kind(), Kind::TimedOut);
    drop(first);
}

#[test]
fn a_file_is_no_serial_line_and_no_usb_printer() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let serial = Serial::open(file.path(), Settings::new(9600), QUICK).unwrap_err();
    assert_eq!(
        (serial.kind(), serial.operation()),
        (Kind::Unsuited, Operation::Configure)
    );
    let usb = Usb::open(file.path(), QUICK).unwrap_err();
    assert_eq!(
        (usb.kind(), usb.operation()),
        (Kind::Unsuited, Operation::Open)
    );
}

#[test]
fn a_device_that_is_not_there_is_missing() {
    let usb = Usb::open(Path::new("/dev/usb/lp-none"), QUICK).unwrap_err();
    assert_eq!(
        (usb.kind(), usb.operation()),
        (Kind::Missing, Operation::Open)
    );
    let unplugged = Port::open(&"usb:ffff:ffff:none".parse().unwrap(), QUICK).unwrap_err();
    assert_eq!(unplugged.kind(), Kind::Missing);
    assert_eq!(
        unplugged.to_string(),
        "cannot open usb:ffff:ffff:none: not plugged in"
    );
    let serial = Serial::open(Path::new("/dev/tty-none"), Settings::new(9600), QUICK).unwrap_err();
    assert_eq!(
        (serial.kind(), serial.operation()),
        (Kind::Missing, Operation::Open)
    );
}

#[test]
fn a_character_device_serves_as_usb_printer() {
    let (mut far, path) = pseudo_terminal();
    // A pseudo-terminal edits lines until it is set; usblp has no such modes.
    let mut usb = Usb::open(&path, PATIENT).unwrap();
    usb.write_all(b"\x1b@").unwrap();
    let mut seen = [0; 2];
    far.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"\x1b@");
}

#[test]
fn a_printer_on_a_serial_line_tells_its_status() {
    let (far, path) = pseudo_terminal();
    let printing = thread::spawn(move || answer_status(far, [0x1A, 0x32, 0x12, 0x7E]));
    let address: Address = format!("serial:{},9600", path.display()).parse().unwrap();
    let mut printer = Printer::new(Port::open(&address, PATIENT).unwrap(), Profile::MM80);
    assert_eq!(
        printer.status().unwrap().obstacle(),
        Some(Obstacle::PaperOut)
    );
    drop(printing.join().unwrap());
}

#[test]
fn a_printer_on_the_network_tells_its_status() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address: Address = format!("tcp:{}", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let printing = thread::spawn(move || {
        let (line, _) = listener.accept().unwrap();
        answer_status(line, [0x1A, 0x16, 0x12, 0x12])
    });
    let mut printer = Printer::new(Port::open(&address, PATIENT).unwrap(), Profile::MM80);
    assert_eq!(
        printer.status().unwrap().obstacle(),
        Some(Obstacle::CoverOpen)
    );
    drop(printing.join().unwrap());
}

#[test]
fn a_silent_network_printer_times_out() {
    let (mut printer, _far) = network(QUICK);
    let error = printer.read(&mut [0; 8]).unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::TimedOut, Operation::Read)
    );
    let error = Printer::new(printer, Profile::MM58).status().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
}

#[test]
fn a_network_printer_that_takes_no_more_times_out() {
    let (mut printer, _far) = network(QUICK);
    let error = write_until_error(&mut printer);
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::TimedOut, Operation::Write)
    );
}

#[test]
fn a_network_printer_that_hangs_up_is_gone() {
    let (mut printer, far) = network(PATIENT);
    drop(far);
    assert_eq!(printer.read(&mut [0; 8]).unwrap(), 0);
    assert_eq!(write_until_error(&mut printer).kind(), Kind::Gone);
}

#[test]
fn nobody_listening_is_told_at_once() {
    // A port below 1024 is never handed out to another test.
    let address = SocketAddr::from(([127, 0, 0, 1], 1));
    let error = Network::connect(address, QUICK).unwrap_err();
    assert_eq!(
        (error.kind(), error.operation()),
        (Kind::Gone, Operation::Open)
    );
    assert_eq!(error.device(), address.to_string());
}

#[test]
fn a_file_keeps_every_job_and_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paper");
    for job in [b"one\n", b"two\n"] {
        let mut file = Capture::open(&path).unwrap();
        file.write_all(job).unwrap();
        file.flush().unwrap();
        assert!(!file.read_ready().unwrap());
        assert_eq!(file.read(&mut [0; 8]).unwrap_err().kind(), Kind::Unsuited);
    }
    assert_eq!(std::fs::read(&path).unwrap(), b"one\ntwo\n");
    let nowhere = Capture::open(&folder.path().join("none/paper")).unwrap_err();
    assert_eq!(nowhere.kind(), Kind::Missing);
}

#[test]
fn a_watchdog_is_fed_byte_by_byte_and_disarmed_at_last() {
    let (mut far, path) = pseudo_terminal();
    let _raw = Serial::open(&path, Settings::new(9600), QUICK).unwrap();
    let sources = [Source {
        name: "orders",
        within_ms: 1000,
    }];
    let mut guard = Guard::new(Watchdog::open(&path).unwrap(), 400, sources, 0);
    assert_eq!(guard.update(0).unwrap(), Verdict::Well { next_ms: 400 });
    assert_eq!(guard.update(400).unwrap(), Verdict::Well { next_ms: 400 });
    assert_eq!(
        guard.update(1001).unwrap(),
        Verdict::Starving { source: "orders" }
    );
    guard.release().disarm().unwrap();
    let mut seen = [1; 3];
    far.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"\0\0V");
}

#[test]
fn a_file_is_no_watchdog_and_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("watchdog");
    assert_eq!(Watchdog::open(&path).unwrap_err().kind(), Kind::Missing);
    assert!(!path.exists());
    std::fs::write(&path, "").unwrap();
    assert_eq!(Watchdog::open(&path).unwrap_err().kind(), Kind::Unsuited);
}

/// The far end of a pseudo-terminal, and the path of its near end.
fn pseudo_terminal() -> (File, PathBuf) {
    let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&far).unwrap();
    unlockpt(&far).unwrap();
    let path = ptsname(&far, Vec::new()).unwrap();
    (File::from(far), PathBuf::from(path.to_str().unwrap()))
}

fn network(timeouts: Timeouts) -> (Network, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let near = Network::connect(listener.local_addr().unwrap(), timeouts).unwrap();
    (near, listener.accept().unwrap().0)
}

/// Writes until the port refuses; buffers of the kernel hold some megabytes at most.
fn write_until_error(port: &mut impl embedded_io::Write<Error = Error>) -> Error {
    let block = [0; 65_536];
    (0..4096).find_map(|_| port.write(&block).err()).unwrap()
}

/// Answers the four questions of a status request, each with its byte; gives the line back so that it
/// stays open until the answers are read.
fn answer_status<L: Read + Write>(mut line: L, answers: [u8; 4]) -> L {
    for answer in answers {
        let mut question = [0; 3];
        line.read_exact(&mut question).unwrap();
        assert_eq!(question[..2], [0x10, 0x04]);
        line.write_all(&[answer]).unwrap();
    }
    line
}
