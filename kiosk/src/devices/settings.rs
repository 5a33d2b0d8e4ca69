//! What the configuration says of devices. None of it is needed.

mod printers;
mod readers;
mod signals;

use std::path::PathBuf;
use std::time::Duration;

use kiosk_core::menu::Menu;
use serde::Deserialize;

pub use self::printers::{Confirm, PrinterSection, PrinterSettings};
use self::readers::Names;
pub use self::readers::{
    CardSection, CardSettings, Eye, PresenceSection, PresenceSettings, ScannerSection,
    ScannerSettings,
};
pub use self::signals::{
    BeaconSection, BeaconSettings, BuzzerSection, BuzzerSettings, DrawerSection, DrawerSettings,
};
use super::routing::{Route, Routing};
use super::spool::{self, PrinterRule};

/// Bounds of what waits before it is held, in minutes: shorter holds everything, longer replays a night.
const HOLD_MINUTES: std::ops::RangeInclusive<u64> = 1..=240;
/// Bounds of the other waits, in seconds.
const SECONDS: std::ops::RangeInclusive<u64> = 1..=600;

/// The sections of the TOML file.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Sections {
    /// `[[printer]]`
    #[serde(default)]
    pub printer: Vec<PrinterSection>,
    /// `[printing]`
    #[serde(default)]
    pub printing: PrintingSection,
    /// `[drawer]`
    pub drawer: Option<DrawerSection>,
    /// `[beacon]`
    pub beacon: Option<BeaconSection>,
    /// `[buzzer]`
    pub buzzer: Option<BuzzerSection>,
    /// `[watchdog]`
    pub watchdog: Option<WatchdogSection>,
    /// `[card]`
    pub card: Option<CardSection>,
    /// `[[scanner]]`
    #[serde(default)]
    pub scanner: Vec<ScannerSection>,
    /// `[[presence]]`
    #[serde(default)]
    pub presence: Vec<PresenceSection>,
}

/// What holds for all printers.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrintingSection {
    kitchen_language: Option<String>,
    hold_after_minutes: Option<u64>,
    fallback_after_seconds: Option<u64>,
    confirm_within_seconds: Option<u64>,
}

/// The kernel's watchdog.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WatchdogSection {
    device: PathBuf,
}

/// Devices in which everything is right.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// The printers, in the order of the file.
    pub printers: Vec<PrinterSettings>,
    /// The kitchen's language.
    pub kitchen_language: Option<String>,
    /// What waited for so long is held.
    pub hold_after: Option<Duration>,
    /// A printer that is stopped for so long gives its jobs away.
    pub fallback_after: Option<Duration>,
    /// A printer that could print confirms a job in that time, or it is tried again.
    pub confirm_within: Option<Duration>,
    /// The drawer on a pin.
    pub drawer: Option<DrawerSettings>,
    /// The beacon.
    pub beacon: Option<BeaconSettings>,
    /// The buzzer.
    pub buzzer: Option<BuzzerSettings>,
    /// The kernel's watchdog.
    pub watchdog: Option<PathBuf>,
    /// The card terminal.
    pub card: Option<CardSettings>,
    /// Code scanners.
    pub scanners: Vec<ScannerSettings>,
    /// Presence sensors.
    pub presences: Vec<PresenceSettings>,
}

impl Sections {
    /// Checks everything; each fault is told.
    pub fn read(self, menu: Option<&Menu>, faults: &mut Vec<String>) -> Settings {
        let printing = &self.printing;
        let wait = |name: &str, value: Option<u64>, bounds, unit, faults: &mut Vec<String>| {
            bounded(name, value, bounds, faults).map(|count: u64| Duration::from_secs(count * unit))
        };
        let hold = wait(
            "printing.hold_after_minutes",
            printing.hold_after_minutes,
            HOLD_MINUTES,
            60,
            faults,
        );
        let fallback = printing.fallback_after_seconds;
        let confirm = printing.confirm_within_seconds;
        let language = printing.kitchen_language.clone();
        let printers = printers::printers(self.printer, faults);
        let mut names = Names::taken(printers.iter().map(|printer| printer.name.clone()));
        Settings {
            card: self.card.and_then(|card| card.read(faults)),
            scanners: readers::scanners(self.scanner, &mut names, faults),
            presences: readers::presences(self.presence, &mut names, faults),
            kitchen_language: kitchen_language(language, menu, faults),
            hold_after: hold,
            fallback_after: wait(
                "printing.fallback_after_seconds",
                fallback,
                SECONDS,
                1,
                faults,
            ),
            confirm_within: wait(
                "printing.confirm_within_seconds",
                confirm,
                SECONDS,
                1,
                faults,
            ),
            drawer: self.drawer.and_then(|drawer| drawer.read(faults)),
            beacon: self.beacon.map(|beacon| BeaconSettings {
                chip: beacon.chip,
                channels: [beacon.red, beacon.green, beacon.blue],
                brightness: beacon.brightness.unwrap_or(u8::MAX),
            }),
            buzzer: self.buzzer.and_then(|buzzer| buzzer.read(faults)),
            watchdog: self.watchdog.map(|watchdog| watchdog.device),
            printers,
        }
    }
}

impl Settings {
    /// What of an order is printed, and where.
    #[must_use]
    pub fn routing(&self) -> Routing {
        let routes = self.printers.iter().map(|printer| Route {
            device: printer.name.clone(),
            receipts: printer.receipt,
            stations: printer.stations.clone(),
        });
        Routing {
            routes: routes.collect(),
            kitchen_language: self.kitchen_language.clone(),
        }
    }

    /// How the spool decides.
    #[must_use]
    pub fn spool(&self) -> spool::Settings {
        let rules = self.printers.iter().map(|printer| PrinterRule {
            name: printer.name.clone(),
            fallback: printer.fallback.clone(),
        });
        let usual = spool::Settings::new(rules.collect());
        spool::Settings {
            hold_after: self.hold_after.unwrap_or(usual.hold_after),
            fallback_after: self.fallback_after.unwrap_or(usual.fallback_after),
            ..usual
        }
    }
}

fn bounded(
    name: &str,
    value: Option<u64>,
    bounds: std::ops::RangeInclusive<u64>,
    faults: &mut Vec<String>,
) -> Option<u64> {
    let value = value?;
    if bounds.contains(&value) {
        return Some(value);
    }
    let (least, most) = (bounds.start(), bounds.end());
    faults.push(format!("{name}: {value} is not between {least} and {most}"));
    None
}

/// The language of the setting, else the store's own.
fn kitchen_language(
    wanted: Option<String>,
    menu: Option<&Menu>,
    faults: &mut Vec<String>,
) -> Option<String> {
    let menu = menu?;
    if let Some(wanted) = wanted {
        if !menu.languages.contains(&wanted) {
            let known = menu.languages.join(", ");
            faults.push(format!(
                "printing.kitchen_language: {wanted:?} is not among the menu's languages ({known})"
            ));
        }
        return Some(wanted);
    }
    menu.languages.first().cloned()
}

#[cfg(test)]
mod tests {
    use firmware_hal::printer::Connector;

    use super::*;

    fn read(text: &str) -> (Settings, Vec<String>) {
        let sections: Sections = toml::from_str(text).unwrap();
        let menu = crate::menus::load(None).unwrap().menu;
        let mut faults = Vec::new();
        let settings = sections.read(Some(&menu), &mut faults);
        (settings, faults)
    }

    #[test]
    fn a_kiosk_without_devices_is_a_whole_configuration() {
        let (settings, faults) = read("");
        assert_eq!(faults, [""; 0]);
        assert!(settings.routing().is_empty());
        assert!(settings.printers.is_empty() && settings.watchdog.is_none());
    }

    #[test]
    fn printers_are_read_as_people_write_them() {
        let (settings, faults) = read(
            r#"
            [printing]
            kitchen_language = "zh-Hans"
            hold_after_minutes = 15
            [[printer]]
            name = "counter"
            port = "tcp://192.0.2.7:9100"
            receipt = true
            drawer = "pin2"
            [[printer]]
            name = "kitchen"
            port = "/dev/usb/lp0"
            width = 58
            stations = ["noodle", "*"]
            fallback = "counter"
            [[printer]]
            name = "bar"
            port = "/dev/ttyUSB0"
            confirm = "status"
            "#,
        );
        assert_eq!(faults, [""; 0]);
        let addresses: Vec<String> = settings
            .printers
            .iter()
            .map(|printer| printer.address.to_string())
            .collect();
        assert_eq!(
            addresses,
            [
                "tcp:192.0.2.7:9100",
                "usb:/dev/usb/lp0",
                "serial:/dev/ttyUSB0,38400"
            ]
        );
        assert_eq!(settings.printers[1].profile.dots, 384);
        assert_eq!(settings.printers[0].drawer, Some(Connector::Pin2));
        assert_eq!(settings.spool().hold_after, Duration::from_secs(900));
        assert_eq!(
            settings.routing().kitchen_language.as_deref(),
            Some("zh-Hans")
        );
        assert_eq!(
            settings.spool().printers[1].fallback.as_deref(),
            Some("counter")
        );
    }

    #[test]
    fn every_fault_is_told_at_once_by_the_printers_name() {
        let (_, faults) = read(
            r#"
            [printing]
            kitchen_language = "xx"
            hold_after_minutes = 0
            [drawer]
            chip = "/dev/gpiochip0"
            line = 1
            pulse_ms = 5
            [buzzer]
            chip = "/sys/class/pwm/pwmchip0"
            channel = 0
            volume = 101
            [[printer]]
            name = "counter"
            port = "tcp://printer.local"
            width = 60
            fallback = "counter"
            [[printer]]
            name = "Küche"
            port = "file:/tmp/paper"
            fallback = "nobody"
            "#,
        );
        for part in [
            "printing.kitchen_language",
            "printing.hold_after_minutes",
            "drawer.pulse_ms",
            "buzzer.volume",
            "printer counter.port",
            "printer counter.width",
            "printer counter.fallback",
            "printer.name",
            "printer Küche.fallback",
        ] {
            let told = faults.iter().filter(|fault| fault.contains(part)).count();
            assert_eq!(told, 1, "{part} in {faults:#?}");
        }
        assert_eq!(faults.len(), 9, "{faults:#?}");
    }

    #[test]
    fn a_file_takes_what_is_written_and_answers_nothing() {
        let (settings, _) = read("[[printer]]\nname = \"f\"\nport = \"file:/tmp/paper\"\n");
        assert_eq!(settings.printers[0].confirm, Confirm::Written);
    }
}
