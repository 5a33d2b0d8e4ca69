//! What people see, hear and take money from: beacon, buzzer and the cash drawer on a pin. A thread each,
//! which opens its device again whenever it goes away.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use embedded_hal::delay::DelayNs;
use firmware_hal::beacon::{Beacon, Pattern};
use firmware_hal::buzzer::{Buzzer, Melody};
use firmware_hal::drawer::Drawer;
use firmware_hal_linux::{Error, Output, Pwm};

use super::board::{Board, DeviceStatus};
use super::health::Health;
use super::settings::{BeaconSettings, BuzzerSettings, DrawerSettings, Settings};
use crate::clock;
use crate::watchdog::DEVICE as WATCHDOG;

/// How often a device that is not there is looked for.
const LOOK: Duration = Duration::from_secs(2);
/// A device with nothing to do is looked at so often.
const IDLE: Duration = Duration::from_secs(60);
/// Fast enough that no lamp flickers.
const BEACON_HERTZ: u16 = 1_000;
/// What the buzzer begins with; each note has its own.
const BUZZER_HERTZ: u16 = 1_000;

const DRAWER: &str = "drawer";
const BEACON: &str = "beacon";
const BUZZER: &str = "buzzer";
/// Names that no printer may have.
pub(super) const RESERVED: [&str; 4] = [DRAWER, BEACON, BUZZER, WATCHDOG];

/// The devices of these settings, by name and kind.
pub(super) fn names(settings: &Settings) -> impl Iterator<Item = (String, &'static str)> {
    let configured = [
        settings.drawer.as_ref().map(|_| DRAWER),
        settings.beacon.as_ref().map(|_| BEACON),
        settings.buzzer.as_ref().map(|_| BUZZER),
    ];
    let watchdog = settings.watchdog.as_ref().map(|_| WATCHDOG);
    let named = |name: &'static str| (name.to_owned(), name);
    configured
        .into_iter()
        .chain([watchdog])
        .flatten()
        .map(named)
}

/// What the beacon shows: first what stops orders, then what somebody must go to, then what is merely
/// good to know.
pub(super) fn pattern(
    devices: &[DeviceStatus],
    trouble: bool,
    called: bool,
    offline: bool,
) -> Pattern {
    let stopped = |device: &DeviceStatus| device.kind == "printer" && !device.state.works();
    if trouble {
        Pattern::Fault
    } else if called || devices.iter().any(stopped) {
        Pattern::HelpWanted
    } else if offline {
        Pattern::Offline
    } else {
        Pattern::Ready
    }
}

/// Where the threads get their orders.
#[derive(Default)]
pub(super) struct Signals {
    drawer: Order<()>,
    beacon: Order<Pattern>,
    buzzer: Order<()>,
}

/// A thread's orders, if there is such a thread.
struct Order<T>(Mutex<Option<Sender<T>>>);

impl<T> Default for Order<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T> Order<T> {
    fn to(sender: Option<Sender<T>>) -> Self {
        Self(Mutex::new(sender))
    }

    fn give(&self, what: T) -> bool {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sender
            .as_ref()
            .is_some_and(|sender| sender.send(what).is_ok())
    }

    fn end(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}

impl Signals {
    pub(super) fn start(settings: &Settings, board: &Board) -> Self {
        let drawer = settings.drawer.clone();
        let beacon = settings.beacon.clone();
        let buzzer = settings.buzzer.clone();
        Self {
            drawer: Order::to(
                drawer.map(|settings| spawn(DRAWER, board, move || open_drawer(&settings), kick)),
            ),
            beacon: Order::to(
                beacon.map(|settings| spawn(BEACON, board, move || open_beacon(&settings), shine)),
            ),
            buzzer: Order::to(
                buzzer.map(|settings| spawn(BUZZER, board, move || open_buzzer(&settings), sound)),
            ),
        }
    }

    pub(super) fn open_drawer(&self) -> bool {
        self.drawer.give(())
    }

    pub(super) fn show(&self, pattern: Pattern) {
        self.beacon.give(pattern);
    }

    pub(super) fn ring(&self) {
        self.buzzer.give(());
    }

    /// Lamp and tone end with their threads.
    pub(super) fn stop(&self) {
        self.drawer.end();
        self.beacon.end();
        self.buzzer.end();
    }
}

type Lamp = Beacon<Pwm, Pwm, Pwm>;
/// What a device did: when it wants to be looked at again, or what went wrong.
type Driven = Result<Option<Duration>, String>;

fn open_drawer(settings: &DrawerSettings) -> Result<(Drawer<Output>, DrawerSettings), Error> {
    use firmware_hal::drawer::{ActiveLevel, Error as Fault};
    let released = settings.active == ActiveLevel::Low;
    let pin = Output::open(&settings.chip, settings.line, released)?;
    match Drawer::try_new(pin, settings.active) {
        Ok(drawer) => Ok((drawer, settings.clone())),
        Err(Fault::Drive(error) | Fault::StuckOn(error)) => Err(error),
    }
}

fn kick(device: &mut (Drawer<Output>, DrawerSettings), order: Option<()>) -> Driven {
    let (drawer, settings) = device;
    if order.is_some() {
        let opened = drawer.open(settings.pulse, &mut Pulsing);
        opened.map_err(|error| error.to_string())?;
    }
    Ok(None)
}

fn open_beacon(settings: &BeaconSettings) -> Result<Lamp, Error> {
    let [red, green, blue] = settings.channels;
    let channel = |channel| Pwm::open(&settings.chip, channel, BEACON_HERTZ);
    let (red, green, blue) = (channel(red)?, channel(green)?, channel(blue)?);
    Ok(Beacon::new(red, green, blue, settings.brightness))
}

fn shine(lamp: &mut Lamp, order: Option<Pattern>) -> Driven {
    if let Some(pattern) = order {
        lamp.show(pattern);
    }
    let next = lamp.update(millis()).map_err(|error| error.to_string())?;
    Ok(next.map(|ms| Duration::from_millis(ms.into())))
}

fn open_buzzer(settings: &BuzzerSettings) -> Result<Buzzer<Pwm>, Error> {
    let pwm = Pwm::open(&settings.chip, settings.channel, BUZZER_HERTZ)?;
    Ok(Buzzer::new(pwm, settings.volume))
}

fn sound(buzzer: &mut Buzzer<Pwm>, order: Option<()>) -> Driven {
    if order.is_some() {
        buzzer.play(Melody::Placed);
    }
    let next = buzzer.update(millis()).map_err(|error| error.to_string())?;
    Ok(next.map(|ms| Duration::from_millis(ms.into())))
}

/// Milliseconds that go on evenly and wrap around, as the drivers want them.
fn millis() -> u32 {
    let millis = clock::monotonic().as_millis() & u128::from(u32::MAX);
    u32::try_from(millis).unwrap_or(0)
}

struct Pulsing;

impl DelayNs for Pulsing {
    #[expect(
        clippy::disallowed_methods,
        reason = "the length of a pulse is time and nothing else"
    )]
    fn delay_ns(&mut self, ns: u32) {
        std::thread::sleep(Duration::from_nanos(ns.into()));
    }
}

fn spawn<D: 'static, T: Send + 'static>(
    name: &'static str,
    board: &Board,
    open: impl Fn() -> Result<D, Error> + Send + 'static,
    drive: fn(&mut D, Option<T>) -> Driven,
) -> Sender<T> {
    let (orders_in, orders) = channel();
    let keeper = Keeper {
        name,
        board: board.clone(),
        orders,
        order: None,
    };
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || keeper.keep(&open, drive));
    if let Err(error) = spawned {
        board.set(name, Health::Error, Some(error.to_string()), clock::wall());
    }
    orders_in
}

/// Keeps one device open and gives it its orders.
struct Keeper<T> {
    name: &'static str,
    board: Board,
    orders: Receiver<T>,
    order: Option<T>,
}

impl<T> Keeper<T> {
    fn keep<D>(
        mut self,
        open: &dyn Fn() -> Result<D, Error>,
        drive: fn(&mut D, Option<T>) -> Driven,
    ) {
        loop {
            let wait = match open() {
                Ok(mut device) => {
                    self.tell(Health::Ready, None);
                    match self.drive(&mut device, drive) {
                        Some(trouble) => self.tell(Health::Error, Some(trouble)),
                        None => return,
                    }
                    LOOK
                }
                Err(error) => {
                    self.tell(Health::of_error(&error, true), Some(error.to_string()));
                    LOOK
                }
            };
            if !self.listen(wait) {
                return;
            }
        }
    }

    /// Gives the device its orders until it fails; none when nobody gives orders any more.
    fn drive<D>(
        &mut self,
        device: &mut D,
        drive: fn(&mut D, Option<T>) -> Driven,
    ) -> Option<String> {
        loop {
            let next = match drive(device, self.order.take()) {
                Ok(next) => next,
                Err(trouble) => return Some(trouble),
            };
            if !self.listen(next.unwrap_or(IDLE)) {
                return None;
            }
        }
    }

    /// Waits for an order, no longer than this; says whether there will be others.
    fn listen(&mut self, wait: Duration) -> bool {
        match self.orders.recv_timeout(wait) {
            Ok(order) => self.order = Some(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn tell(&self, health: Health, why: Option<String>) {
        self.board.set(self.name, health, why, clock::wall());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printer(state: Health) -> DeviceStatus {
        DeviceStatus {
            name: "kitchen".to_owned(),
            kind: "printer",
            state,
            detail: None,
            since: None,
            waiting: None,
        }
    }

    #[test]
    fn the_beacon_shows_the_gravest_thing() {
        let stopped = [printer(Health::Ready), printer(Health::PaperOut)];
        let fine = [printer(Health::PaperLow)];
        assert_eq!(pattern(&stopped, true, true, true), Pattern::Fault);
        assert_eq!(pattern(&stopped, false, false, true), Pattern::HelpWanted);
        assert_eq!(pattern(&fine, false, true, true), Pattern::HelpWanted);
        assert_eq!(pattern(&fine, false, false, true), Pattern::Offline);
        assert_eq!(pattern(&fine, false, false, false), Pattern::Ready);
        assert_eq!(
            pattern(&[], false, false, false),
            Pattern::Ready,
            "no devices, no trouble"
        );
    }

    /// A PWM chip as sysfs shows it.
    fn chip() -> tempfile::TempDir {
        let chip = tempfile::tempdir().unwrap();
        for channel in 0..3 {
            let folder = chip.path().join(format!("pwm{channel}"));
            std::fs::create_dir(&folder).unwrap();
            for file in ["duty_cycle", "period", "enable"] {
                std::fs::write(folder.join(file), "").unwrap();
            }
        }
        chip
    }

    #[test]
    fn a_lamp_that_is_plugged_in_later_is_found_and_lit() {
        let chip = chip();
        let there = chip.path().join("later");
        let settings = BeaconSettings {
            chip: there.clone(),
            channels: [0, 1, 2],
            brightness: 255,
        };
        assert_eq!(
            open_beacon(&settings).map_err(|error| error.kind()).err(),
            Some(firmware_hal_linux::Kind::Missing)
        );
        std::os::unix::fs::symlink(chip.path(), &there).unwrap();
        let mut lamp = open_beacon(&settings).unwrap();
        assert_eq!(shine(&mut lamp, Some(Pattern::Ready)), Ok(None));
        let green = std::fs::read_to_string(chip.path().join("pwm1/duty_cycle")).unwrap();
        let red = std::fs::read_to_string(chip.path().join("pwm0/duty_cycle")).unwrap();
        assert!(
            green.trim_end().ends_with("1000000") && red.trim_end().ends_with('0'),
            "{green:?} {red:?}"
        );
    }

    #[test]
    fn a_device_that_fails_is_told_and_opened_again() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU32, Ordering};
        let board = Board::new([(BUZZER.to_owned(), BUZZER)]);
        let opened = Arc::new(AtomicU32::new(0));
        let (orders_in, orders) = channel::<()>();
        let keeper = Keeper {
            name: BUZZER,
            board: board.clone(),
            orders,
            order: None,
        };
        let mut seen = board.watch();
        let count = Arc::clone(&opened);
        let running = std::thread::spawn(move || {
            let open = || Ok::<u32, Error>(count.fetch_add(1, Ordering::SeqCst));
            let fail_first = |device: &mut u32, order: Option<()>| match (*device, order) {
                (0, Some(())) => Err("it broke".to_owned()),
                _ => Ok(None),
            };
            keeper.keep(&open, fail_first);
        });
        orders_in.send(()).unwrap();
        let broken = |devices: &Vec<DeviceStatus>| devices[0].detail.as_deref() == Some("it broke");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(seen.wait_for(broken)).unwrap();
        orders_in.send(()).unwrap();
        let well = |devices: &Vec<DeviceStatus>| devices[0].state == Health::Ready;
        runtime.block_on(seen.wait_for(well)).unwrap();
        drop(orders_in);
        running.join().unwrap();
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
}
