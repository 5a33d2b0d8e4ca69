//! A job on a simulated printer at the far end of a pseudo-terminal.

#![expect(
    clippy::unwrap_used,
    reason = "a test may panic; its helpers are outside #[test]"
)]

use firmware_hal::printer::{Cut, ErrorKind, JobId, Obstacle, PaperLevel, Printer, Profile, Reply};
use firmware_hal::simulator::Simulator;
use firmware_hal_linux::{Address, Port, Timeouts};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::fs::File;
use std::io::{Read, Write};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Long enough for any machine; nothing in these tests waits for it to pass.
const PATIENT: Timeouts = Timeouts {
    open: Duration::from_secs(30),
    read: Duration::from_secs(30),
    write: Duration::from_secs(30),
};

#[test]
fn a_job_survives_the_end_of_the_paper_and_is_confirmed_once() {
    let bench = Bench::new();
    let mut printer = bench.open();
    printer.initialise().unwrap();
    printer.report_changes(true).unwrap();
    assert_eq!(obstacle(&mut printer), None);

    bench.act(|simulator| simulator.load(PaperLevel::Adequate, Some(2)));
    assert_eq!(obstacle(&mut printer), None);
    for line in ["Tonkotsu ramen", "Gyoza", "Total 19.80"] {
        printer.line(line).unwrap();
    }
    printer.cut(Cut::Partial).unwrap();
    printer.mark(JobId::from_number(42)).unwrap();
    assert_eq!(obstacle(&mut printer), Some(Obstacle::PaperOut));
    assert_eq!(bench.lines(), ["Tonkotsu ramen", "Gyoza"]);

    bench.act(|simulator| simulator.load(PaperLevel::Adequate, None));
    assert_eq!(obstacle(&mut printer), None);
    assert_eq!(
        printer.next_reply().unwrap(),
        Reply::Printed(JobId::from_number(42))
    );
    assert_eq!(bench.lines(), ["Tonkotsu ramen", "Gyoza", "Total 19.80"]);
}

#[test]
fn a_printer_that_dies_in_mid_job_is_gone_and_has_confirmed_nothing() {
    let bench = Bench::new();
    let mut printer = bench.open();
    printer.initialise().unwrap();
    printer.report_changes(true).unwrap();
    assert_eq!(obstacle(&mut printer), None);
    bench.act(|simulator| simulator.set_cover(true));
    assert_eq!(obstacle(&mut printer), Some(Obstacle::CoverOpen));
    printer.line("never printed").unwrap();
    printer.mark(JobId::from_number(1)).unwrap();
    printer.status().unwrap();

    let simulator = bench.unplug();
    let error = printer.next_reply().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected, "{error}");
    assert_eq!(simulator.lock().unwrap().lines().count(), 0);
}

/// The next report's obstacle.
fn obstacle(printer: &mut Printer<Port>) -> Option<Obstacle> {
    match printer.next_reply().unwrap() {
        Reply::Automatic(status) => status.obstacle(),
        other => panic!("{other:?}"),
    }
}

/// A printer on a bench: a pseudo-terminal, and a thread that moves bytes between it and the simulator
/// until it is told to stop.
struct Bench {
    simulator: Arc<Mutex<Simulator>>,
    far: File,
    path: String,
    moving: Option<JoinHandle<()>>,
}

/// Not a byte that the driver sends: ends the moving thread, which then closes the far end.
const UNPLUG: u8 = 0x07;

impl Bench {
    fn new() -> Self {
        let far = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&far).unwrap();
        unlockpt(&far).unwrap();
        let path = ptsname(&far, Vec::new()).unwrap().into_string().unwrap();
        let far = File::from(far);
        let simulator = Arc::new(Mutex::new(Simulator::new()));
        let moving = thread::spawn({
            let (simulator, mut line) = (Arc::clone(&simulator), far.try_clone().unwrap());
            move || {
                let mut bytes = [0; 256];
                // The line ends with an error once nobody holds its near end.
                while let Ok(count) = line.read(&mut bytes) {
                    if bytes[..count].contains(&UNPLUG) {
                        break;
                    }
                    let mut simulator = simulator.lock().unwrap();
                    simulator.receive(&bytes[..count]);
                    line.write_all(&simulator.take_replies()).unwrap();
                }
            }
        });
        Self {
            simulator,
            far,
            path,
            moving: Some(moving),
        }
    }

    fn open(&self) -> Printer<Port> {
        let address: Address = format!("serial:{},9600", self.path).parse().unwrap();
        Printer::new(Port::open(&address, PATIENT).unwrap(), Profile::MM80)
    }

    /// Does something to the printer and lets it say what it then says.
    fn act(&self, what: impl FnOnce(&mut Simulator)) {
        let mut simulator = self.simulator.lock().unwrap();
        what(&mut simulator);
        (&self.far).write_all(&simulator.take_replies()).unwrap();
    }

    fn lines(&self) -> Vec<String> {
        self.simulator
            .lock()
            .unwrap()
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Closes every handle of the far end.
    fn unplug(mut self) -> Arc<Mutex<Simulator>> {
        File::options()
            .write(true)
            .open(&self.path)
            .unwrap()
            .write_all(&[UNPLUG])
            .unwrap();
        self.moving.take().unwrap().join().unwrap();
        self.simulator
    }
}
