//! Devices that are unplugged and plugged in again: found under the name that stays the same, and a job
//! that was cut in two is on paper once, or marked as a copy.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use embedded_io::{Read as _, ReadReady as _, Write as _};
use firmware_hal::printer::{Cut, Error, JobId, Printer, Profile, Reply};
use firmware_hal::scanner::{Scanner, Symbology};
use firmware_hal::simulator::Simulator;
use firmware_hal_linux::{Address, Hid, Kind, Port, Timeouts};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for any machine; nothing in these tests waits for it to pass.
const PATIENT: Timeouts = Timeouts {
    open: Duration::from_secs(30),
    read: Duration::from_secs(30),
    write: Duration::from_secs(30),
};

const QUICK: Timeouts = Timeouts {
    read: Duration::from_millis(50),
    ..PATIENT
};

const HEAD: &str = "A042";
const TAIL: &str = "Total 19.80";

/// A simulated printer at the far end of a pseudo-terminal, under a name as udev gives it. Its plug is
/// pulled once it has taken so many bytes; what it does with them is over by then.
struct Plugged {
    moving: JoinHandle<Simulator>,
}

impl Plugged {
    fn new(name: &Path, mut simulator: Simulator, mut lasts: usize) -> Self {
        let (mut far, near) = pseudo_terminal();
        symlink(near, name).unwrap();
        let name = name.to_owned();
        let moving = thread::spawn(move || {
            let mut bytes = [0; 64];
            while lasts > 0 {
                let most = lasts.min(bytes.len());
                // The line ends with an error once nobody holds its near end.
                let Ok(count) = far.read(&mut bytes[..most]) else {
                    break;
                };
                lasts -= count;
                simulator.receive(&bytes[..count]);
                let _ = far.write_all(&simulator.take_replies());
            }
            fs::remove_file(name).unwrap();
            simulator
        });
        Self { moving }
    }

    fn unplugged(self) -> Simulator {
        self.moving.join().unwrap()
    }
}

fn send(
    printer: &mut Printer<Port>,
    copy: bool,
) -> Result<Reply, Error<firmware_hal_linux::Error>> {
    printer.initialise()?;
    if copy {
        printer.line("COPY")?;
    }
    printer.line(HEAD)?;
    printer.line("Tonkotsu ramen 13.40")?;
    printer.line("Gyoza 6.40")?;
    printer.line(TAIL)?;
    printer.cut(Cut::Partial)?;
    printer.mark(JobId::from_number(42))?;
    // A mark that was cut in two and filled up is answered with what is no number.
    let mut answers = (0..16).map(|_| printer.next_reply());
    let sense = answers.find(|answer| !matches!(answer, Err(Error::Protocol(_))));
    sense.unwrap_or(Err(Error::Closed))
}

/// Bytes of the job, measured.
fn length() -> usize {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("job");
    let address: Address = format!("file:{}", file.display()).parse().unwrap();
    let mut printer = Printer::new(Port::open(&address, PATIENT).unwrap(), Profile::MM80);
    assert!(
        send(&mut printer, false).is_err(),
        "a file confirms nothing"
    );
    fs::metadata(file).unwrap().len().try_into().unwrap()
}

#[test]
fn wherever_the_plug_is_pulled_the_job_is_on_paper_once_or_marked_as_a_copy() {
    for lasts in 1..=length() {
        for keeps_power in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let name = folder.path().join("usb-printer");
            let address: Address = format!("serial:{},9600", name.display()).parse().unwrap();

            let plugged = Plugged::new(&name, Simulator::new(), lasts);
            let mut printer = Printer::new(Port::open(&address, PATIENT).unwrap(), Profile::MM80);
            let first = send(&mut printer, false);
            let printed = matches!(first, Ok(Reply::Printed(_)));
            drop(printer);
            let mut simulator = plugged.unplugged();
            assert_eq!(
                Port::open(&address, PATIENT).unwrap_err().kind(),
                Kind::Missing,
                "{lasts} bytes"
            );

            if !printed {
                if !keeps_power {
                    simulator.set_power(false);
                    simulator.set_power(true);
                }
                let plugged = Plugged::new(&name, simulator, usize::MAX);
                let port = Port::open(&address, PATIENT).unwrap();
                let mut printer = Printer::new(port, Profile::MM80);
                printer.resynchronise().unwrap();
                let second = send(&mut printer, true).unwrap();
                assert_eq!(second, Reply::Printed(JobId::from_number(42)));
                drop(printer);
                simulator = plugged.unplugged();
            }
            let lines: Vec<&str> = simulator.lines().collect();
            let heads = lines.iter().filter(|line| **line == HEAD).count();
            let copies = lines.iter().filter(|line| **line == "COPY").count();
            assert_eq!(copies, usize::from(!printed), "{lasts} bytes: {lines:?}");
            assert!(heads <= copies + 1, "{lasts} bytes: {lines:?}");
            assert!(
                lines.ends_with(&["Gyoza 6.40", TAIL]),
                "{lasts} bytes: {lines:?}"
            );
            assert_eq!(simulator.unknown(), b"", "{lasts} bytes");
        }
    }
}

/// A USB printer as sysfs and `/dev` show it, at the end of a pseudo-terminal.
fn plug_usb(root: &Path, name: &str) -> File {
    let device = root.join("sys/devices/usb1/1-2");
    let interface = device.join("1-2:1.0");
    let entry = interface.join("usbmisc").join(name);
    fs::create_dir_all(&entry).unwrap();
    symlink(&interface, entry.join("device")).unwrap();
    for (attribute, text) in [
        ("idVendor", "04b8"),
        ("idProduct", "0e28"),
        ("serial", "X1"),
    ] {
        fs::write(device.join(attribute), text).unwrap();
    }
    let class = root.join("sys/class/usbmisc");
    fs::create_dir_all(&class).unwrap();
    symlink(&entry, class.join(name)).unwrap();
    let nodes = root.join("dev/usb");
    fs::create_dir_all(&nodes).unwrap();
    let (far, near) = pseudo_terminal();
    symlink(near, nodes.join(name)).unwrap();
    far
}

fn unplug_usb(root: &Path, name: &str) {
    fs::remove_file(root.join("dev/usb").join(name)).unwrap();
    fs::remove_file(root.join("sys/class/usbmisc").join(name)).unwrap();
    fs::remove_dir_all(root.join("sys/devices/usb1/1-2")).unwrap();
}

#[test]
fn a_usb_printer_is_found_again_under_another_node() {
    let root = tempfile::tempdir().unwrap();
    let address: Address = "usb:04b8:0e28:X1".parse().unwrap();
    let missing = Port::open_under(root.path(), &address, PATIENT).unwrap_err();
    assert_eq!(missing.kind(), Kind::Missing);

    let far = plug_usb(root.path(), "lp0");
    let mut port = Port::open_under(root.path(), &address, PATIENT).unwrap();
    port.write_all(b"one").unwrap();
    drop(far);
    unplug_usb(root.path(), "lp0");
    assert_eq!(port.write(b"x").unwrap_err().kind(), Kind::Gone);
    let missing = Port::open_under(root.path(), &address, PATIENT).unwrap_err();
    assert_eq!(missing.kind(), Kind::Missing);

    let mut far = plug_usb(root.path(), "lp1");
    let mut port = Port::open_under(root.path(), &address, PATIENT).unwrap();
    port.write_all(b"two").unwrap();
    let mut seen = [0; 3];
    far.read_exact(&mut seen).unwrap();
    assert_eq!(&seen, b"two");
}

/// Two ends of a line that keeps reports apart, as a hidraw node does.
fn reports() -> (File, OwnedFd) {
    let flags = SocketFlags::CLOEXEC;
    let (far, near) = socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).unwrap();
    (File::from(far), near)
}

fn press(far: &mut File, modifiers: u8, key: u8) {
    far.write_all(&[modifiers, 0, key, 0, 0, 0, 0, 0]).unwrap();
    far.write_all(&[0; 8]).unwrap();
}

#[test]
fn a_scanner_that_poses_as_a_keyboard_is_read_as_one_on_a_line() {
    let (mut far, near) = reports();
    let hid = Hid::over(near, "scanner", PATIENT).unwrap();
    // ]Q1a7 and return; volume keys in between are not keys.
    press(&mut far, 0, 0x30);
    press(&mut far, 0b10, 0x14);
    press(&mut far, 0, 0x1E);
    far.write_all(&[3, 0xE9, 0]).unwrap();
    press(&mut far, 0, 0x04);
    // A report with its number before it.
    far.write_all(&[1, 0, 0, 0x24, 0, 0, 0, 0, 0]).unwrap();
    press(&mut far, 0, 0x28);
    let mut scanner = Scanner::<_, 32>::new(hid);
    let code = scanner.next_code().unwrap();
    assert_eq!(code.symbology, Some(Symbology::Qr));
    assert_eq!(code.content, b"a7");
}

#[test]
fn a_silent_scanner_times_out_and_an_unplugged_one_is_gone() {
    let (mut far, near) = reports();
    let mut hid = Hid::over(near, "scanner", QUICK).unwrap();
    assert!(!hid.read_ready().unwrap());
    assert_eq!(hid.read(&mut [0; 4]).unwrap_err().kind(), Kind::TimedOut);
    assert_eq!(hid.write(b"x").unwrap_err().kind(), Kind::Unsuited);
    // Keys that type nothing, without end.
    for _ in 0..100 {
        far.write_all(&[0; 8]).unwrap();
    }
    assert!(hid.read_ready().unwrap());
    assert_eq!(hid.read(&mut [0; 4]).unwrap_err().kind(), Kind::TimedOut);
    drop(far);
    assert_eq!(hid.read(&mut [0; 4]).unwrap(), 0);
}

#[test]
fn a_scanners_node_must_be_a_device_that_is_there() {
    let open = |text: String| {
        Port::open(&text.parse().unwrap(), QUICK)
            .unwrap_err()
            .kind()
    };
    assert_eq!(open("hid:/dev/hidraw-none".to_owned()), Kind::Missing);
    assert_eq!(open("hid:ffff:ffff:none".to_owned()), Kind::Missing);
    let file = tempfile::NamedTempFile::new().unwrap();
    assert_eq!(
        open(format!("hid:{}", file.path().display())),
        Kind::Unsuited
    );
}

/// The far end of a pseudo-terminal, and the path of its near end.
fn pseudo_terminal() -> (File, PathBuf) {
    let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&far).unwrap();
    unlockpt(&far).unwrap();
    let path = ptsname(&far, Vec::new()).unwrap();
    (File::from(far), PathBuf::from(path.to_str().unwrap()))
}
