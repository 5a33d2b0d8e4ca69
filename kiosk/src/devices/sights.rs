//! What this kiosk sees of the people before it: codes that they scan, and whether somebody stands there
//! at all. A thread for each scanner and sensor.

use std::convert::Infallible;
use std::sync::mpsc::Sender;
use std::time::Duration;

use embedded_hal::i2c::I2c as Bus;
use firmware_hal::distance::{DistanceSensor, TfLuna};
use firmware_hal::presence::{Change, PinSensor};
use firmware_hal::scanner::{Code, ErrorKind, Scanner, Symbology};
use firmware_hal_linux::{I2c, Input, Port, Pull, Timeouts};
use tokio::sync::mpsc;

use super::board::Board;
use super::keeper::{Driven, Opened, spawn, unopened};
use super::settings::{Eye, PresenceSettings, ScannerSettings, Settings};
use super::signals::millis;

/// The longest code that is read, in bytes: what a coupon or an article needs, and a link besides.
const CODE: usize = 512;
/// Sights that wait to be told; a scanner that sends more than people scan loses the rest.
const WAITING: usize = 64;
/// How often a sensor is looked at; shorter than the shortest time that counts.
const LOOK: Duration = Duration::from_millis(100);

/// How long a scanner is listened to before its thread looks at its orders.
const TIMEOUTS: Timeouts = Timeouts {
    open: Duration::from_secs(1),
    read: Duration::from_millis(300),
    write: Duration::from_secs(1),
};

/// Something that was seen before a terminal; none for the screen without a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sight {
    /// The terminal.
    pub terminal: Option<String>,
    /// What.
    pub what: Seen,
}

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// A code was scanned. Never to be trusted: anybody can print one.
    Code {
        /// Its content.
        content: Vec<u8>,
        /// What it was read from, if the scanner says so.
        symbology: Option<Symbology>,
    },
    /// Somebody has come near, or left.
    Near(bool),
}

/// The way from whoever sees to who tells it.
pub(super) fn channel() -> (mpsc::Sender<Sight>, mpsc::Receiver<Sight>) {
    mpsc::channel(WAITING)
}

/// The threads; they end when this does.
#[derive(Default)]
pub(super) struct Eyes(
    #[expect(dead_code, reason = "held for the threads")] Vec<Sender<Infallible>>,
);

impl Eyes {
    /// Starts a thread for each scanner and sensor of the settings.
    pub(super) fn open(settings: &Settings, sights: &mpsc::Sender<Sight>, board: &Board) -> Self {
        let away = |order: Infallible| Some(order);
        let scanners = settings.scanners.iter().cloned().map(|settings| {
            let (name, sights) = (settings.name.clone(), sights.clone());
            let open = move || open_scanner(&settings, &sights);
            spawn(&name, board, open, listen, away)
        });
        let presences = settings.presences.iter().cloned().map(|settings| {
            let (name, sights) = (settings.name.clone(), sights.clone());
            let open = move || open_sensor(&settings, &sights);
            spawn(&name, board, open, look, away)
        });
        Self(scanners.chain(presences).collect())
    }
}

/// Where a device tells what it sees, and for which terminal.
struct Teller {
    terminal: Option<String>,
    sights: mpsc::Sender<Sight>,
}

impl Teller {
    fn tell(&self, what: Seen) {
        let terminal = self.terminal.clone();
        if self.sights.try_send(Sight { terminal, what }).is_err() {
            tracing::warn!("more is scanned than anybody can look at");
        }
    }
}

type Listening = (Scanner<Port, CODE>, Teller);

fn open_scanner(settings: &ScannerSettings, sights: &mpsc::Sender<Sight>) -> Opened<Listening> {
    let port = Port::open(&settings.address, TIMEOUTS).map_err(unopened)?;
    let teller = Teller {
        terminal: settings.terminal.clone(),
        sights: sights.clone(),
    };
    Ok((Scanner::new(port), teller))
}

fn listen((scanner, teller): &mut Listening, _: Option<Infallible>) -> Driven {
    match scanner.next_code() {
        Ok(Code { content: [], .. }) => {}
        Ok(Code { content, symbology }) => {
            let content = content.to_vec();
            teller.tell(Seen::Code { content, symbology });
        }
        Err(error) => match error.kind() {
            ErrorKind::Timeout => {}
            ErrorKind::Unreadable => tracing::info!(%error, "what was scanned is no code"),
            _ => return Err(error.to_string()),
        },
    }
    Ok(Some(Duration::ZERO))
}

enum Sensor {
    Pin(PinSensor<Input>),
    Distance(DistanceSensor<I2c>),
}

type Looking = (Sensor, Teller);

fn open_sensor(settings: &PresenceSettings, sights: &mpsc::Sender<Sight>) -> Opened<Looking> {
    let sensor = match &settings.eye {
        Eye::Pin { chip, line, level } => {
            let pin = Input::open(chip, *line, Pull::AsIs).map_err(unopened)?;
            Sensor::Pin(PinSensor::new(pin, *level, settings.timing))
        }
        Eye::Distance { bus, address, zone } => {
            let bus = I2c::open(bus).map_err(unopened)?;
            let eye = TfLuna::new(bus, *address);
            Sensor::Distance(DistanceSensor::new(eye, *zone, settings.timing))
        }
    };
    let teller = Teller {
        terminal: settings.terminal.clone(),
        sights: sights.clone(),
    };
    // Nobody knows who came or left while it was away.
    teller.tell(Seen::Near(false));
    Ok((sensor, teller))
}

fn look((sensor, teller): &mut Looking, _: Option<Infallible>) -> Driven {
    let change = match sensor {
        Sensor::Pin(sensor) => sensor.update(millis()).map_err(|error| error.to_string()),
        Sensor::Distance(sensor) => measured(sensor),
    };
    if let Some(change) = change? {
        teller.tell(Seen::Near(change == Change::Arrived));
    }
    Ok(Some(LOOK))
}

fn measured<B: Bus>(sensor: &mut DistanceSensor<B>) -> Result<Option<Change>, String>
where
    B::Error: std::fmt::Debug,
{
    sensor
        .update(millis())
        .map_err(|error| format!("{error:?}"))
}
