//! What people see, hear and take money from: beacon, buzzer and the cash drawer on a pin. A thread each.

use std::sync::mpsc::Sender;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use embedded_hal::delay::DelayNs;
use firmware_hal::beacon::{Beacon, Pattern};
use firmware_hal::buzzer::{Buzzer, Melody};
use firmware_hal::drawer::Drawer;
use firmware_hal_linux::{Output, Pwm};

use super::board::{Board, DeviceStatus};
use super::card::CARD;
use super::drawer::{Kick, Unopened};
use super::keeper::{Driven, Opened, spawn, unopened};
use super::settings::{BeaconSettings, BuzzerSettings, DrawerSettings, Settings};
use crate::clock;
use crate::watchdog::DEVICE as WATCHDOG;

/// Fast enough that no lamp flickers.
const BEACON_HERTZ: u16 = 1_000;
/// What the buzzer begins with; each note has its own.
const BUZZER_HERTZ: u16 = 1_000;

const DRAWER: &str = "drawer";
const BEACON: &str = "beacon";
const BUZZER: &str = "buzzer";
/// Names that no printer may have.
pub(super) const RESERVED: [&str; 5] = [DRAWER, BEACON, BUZZER, CARD, WATCHDOG];

/// The devices of these settings, by name and kind.
pub(super) fn names(settings: &Settings) -> impl Iterator<Item = (String, &'static str)> {
    let configured = [
        settings.drawer.as_ref().map(|_| DRAWER),
        settings.beacon.as_ref().map(|_| BEACON),
        settings.buzzer.as_ref().map(|_| BUZZER),
        settings.card.as_ref().map(|_| CARD),
    ];
    let watchdog = settings.watchdog.as_ref().map(|_| WATCHDOG);
    let named = |name: &'static str| (name.to_owned(), name);
    configured
        .into_iter()
        .chain([watchdog])
        .flatten()
        .map(named)
        .chain(
            settings
                .scanners
                .iter()
                .map(|one| (one.name.clone(), "scanner")),
        )
        .chain(
            settings
                .presences
                .iter()
                .map(|one| (one.name.clone(), "presence")),
        )
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
    drawer: Order<Kick>,
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

    /// Gives an order; gives it back where there is nobody for it.
    fn give(&self, what: T) -> Option<T> {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match &*sender {
            Some(sender) => sender.send(what).err().map(|refused| refused.0),
            None => Some(what),
        }
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
            drawer: Order::to(drawer.map(|settings| {
                spawn(
                    DRAWER,
                    board,
                    move || open_drawer(&settings),
                    kick,
                    |kick| {
                        kick.answer(Err(Unopened::Away));
                        None
                    },
                )
            })),
            beacon: Order::to(
                beacon.map(|settings| {
                    spawn(BEACON, board, move || open_beacon(&settings), shine, Some)
                }),
            ),
            buzzer: Order::to(buzzer.map(|settings| {
                spawn(
                    BUZZER,
                    board,
                    move || open_buzzer(&settings),
                    sound,
                    |()| None,
                )
            })),
        }
    }

    /// Has the drawer opened; gives the wish back where there is none.
    pub(super) fn open_drawer(&self, kick: Kick) -> Option<Kick> {
        self.drawer.give(kick)
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
fn open_drawer(settings: &DrawerSettings) -> Opened<(Drawer<Output>, DrawerSettings)> {
    use firmware_hal::drawer::{ActiveLevel, Error as Fault};
    let released = settings.active == ActiveLevel::Low;
    let pin = Output::open(&settings.chip, settings.line, released).map_err(unopened)?;
    match Drawer::try_new(pin, settings.active) {
        Ok(drawer) => Ok((drawer, settings.clone())),
        Err(Fault::Drive(error) | Fault::StuckOn(error)) => Err(unopened(error)),
    }
}

fn kick(device: &mut (Drawer<Output>, DrawerSettings), order: Option<Kick>) -> Driven {
    let (drawer, settings) = device;
    let Some(kick) = order else {
        return Ok(None);
    };
    if kick.is_over(clock::monotonic()) {
        kick.answer(Err(Unopened::Busy));
        return Ok(None);
    }
    let opened = drawer.open(settings.pulse, &mut Pulsing);
    kick.answer(match opened {
        Ok(()) => Ok(()),
        Err(_) => Err(Unopened::Away),
    });
    opened.map_err(|error| error.to_string())?;
    Ok(None)
}

fn open_beacon(settings: &BeaconSettings) -> Opened<Lamp> {
    let [red, green, blue] = settings.channels;
    let channel = |channel| Pwm::open(&settings.chip, channel, BEACON_HERTZ).map_err(unopened);
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

fn open_buzzer(settings: &BuzzerSettings) -> Opened<Buzzer<Pwm>> {
    let pwm = Pwm::open(&settings.chip, settings.channel, BUZZER_HERTZ).map_err(unopened)?;
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
pub(super) fn millis() -> u32 {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::health::Health;

    fn printer(state: Health) -> DeviceStatus {
        DeviceStatus {
            name: "kitchen".to_owned(),
            kind: "printer",
            state,
            detail: None,
            since: None,
            waiting: None,
            confirms: None,
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
            open_beacon(&settings).map_err(|(health, _)| health).err(),
            Some(Health::Missing)
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
}
