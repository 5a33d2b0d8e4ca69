//! What the configuration says of devices. None of it is needed.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use firmware_hal::buzzer::Volume;
use firmware_hal::drawer::{ActiveLevel, Pulse};
use firmware_hal::printer::{Connector, Profile};
use firmware_hal_linux::Address;
use kiosk_core::menu::Menu;
use serde::Deserialize;

use super::routing::{Route, Routing};
use super::signals::RESERVED;
use super::spool::{self, PrinterRule};

/// More printers than a store has; each has a thread.
const MOST_PRINTERS: usize = 16;
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
}

/// A printer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrinterSection {
    name: String,
    port: String,
    #[serde(default)]
    width: Option<u16>,
    #[serde(default)]
    receipt: bool,
    #[serde(default)]
    stations: Vec<String>,
    fallback: Option<String>,
    #[serde(default)]
    confirm: Confirm,
    drawer: Option<DrawerPin>,
    #[serde(default)]
    two_byte: bool,
}

/// How a printer says that a job is on paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirm {
    /// It hands back the job's mark once everything before it is on paper (`GS ( H`).
    #[default]
    Mark,
    /// It has no marks: it has taken all of it and then says that nothing stops it.
    Status,
    /// It gives no answers at all: it has taken all of it.
    Written,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum DrawerPin {
    Pin2,
    Pin5,
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

/// A cash drawer on a pin.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrawerSection {
    chip: PathBuf,
    line: u32,
    #[serde(default)]
    active_low: bool,
    pulse_ms: Option<u16>,
}

/// The lamp that is seen across the room.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BeaconSection {
    chip: PathBuf,
    red: u32,
    green: u32,
    blue: u32,
    brightness: Option<u8>,
}

/// The buzzer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuzzerSection {
    chip: PathBuf,
    channel: u32,
    volume: Option<u8>,
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
}

/// A printer.
#[derive(Debug, Clone)]
pub struct PrinterSettings {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// The paper's width in millimetres.
    pub width: u16,
    /// What it can do.
    pub profile: Profile,
    /// Whether diners' receipts come out of it.
    pub receipt: bool,
    /// The stations whose tickets come out of it.
    pub stations: Vec<String>,
    /// Who takes its jobs while it is stopped.
    pub fallback: Option<String>,
    /// How it says that a job is on paper.
    pub confirm: Confirm,
    /// The cash drawer on its connector.
    pub drawer: Option<Connector>,
}

/// A cash drawer on a pin.
#[derive(Debug, Clone)]
pub struct DrawerSettings {
    /// The GPIO chip.
    pub chip: PathBuf,
    /// Its line.
    pub line: u32,
    /// The level that opens.
    pub active: ActiveLevel,
    /// How long.
    pub pulse: Pulse,
}

/// The beacon.
#[derive(Debug, Clone)]
pub struct BeaconSettings {
    /// The PWM chip.
    pub chip: PathBuf,
    /// Channels of red, green and blue.
    pub channels: [u32; 3],
    /// 255 is full.
    pub brightness: u8,
}

/// The buzzer.
#[derive(Debug, Clone)]
pub struct BuzzerSettings {
    /// The PWM chip.
    pub chip: PathBuf,
    /// Its channel.
    pub channel: u32,
    /// How loud.
    pub volume: Volume,
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
        Settings {
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
            printers: printers(self.printer, faults),
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

fn printers(sections: Vec<PrinterSection>, faults: &mut Vec<String>) -> Vec<PrinterSettings> {
    if sections.len() > MOST_PRINTERS {
        faults.push(format!(
            "printer: at most {MOST_PRINTERS} can be configured"
        ));
    }
    let names: BTreeSet<String> = sections
        .iter()
        .map(|printer| printer.name.clone())
        .collect();
    if names.len() < sections.len() {
        faults.push("printer: two printers have the same name".to_owned());
    }
    let printers = sections.into_iter();
    printers
        .filter_map(|printer| printer.read(&names, faults))
        .collect()
}

impl PrinterSection {
    fn read(self, names: &BTreeSet<String>, faults: &mut Vec<String>) -> Option<PrinterSettings> {
        let before = faults.len();
        let name = self.name;
        if !is_name(&name) || RESERVED.contains(&name.as_str()) {
            faults.push(format!(
                "printer.name: {name:?} must be 1 to 32 of a-z, 0-9 and -, and not the name of \
                 another device"
            ));
        }
        let of = |field: &str, fault: String| format!("printer {name}.{field}: {fault}");
        let address = address(&self.port).map_err(|fault| faults.push(of("port", fault)));
        let width = self.width.unwrap_or(80);
        let profile = match width {
            58 => Some(Profile::MM58),
            80 => Some(Profile::MM80),
            _ => None,
        };
        if profile.is_none() {
            faults.push(of(
                "width",
                format!("{width} must be 58 or 80 (millimetres)"),
            ));
        }
        if let Some(fallback) = &self.fallback
            && (!names.contains(fallback) || *fallback == name)
        {
            faults.push(of("fallback", format!("{fallback:?} is no other printer")));
        }
        let address = address.ok()?;
        let confirm = match address {
            // What is in the file is on the disk; it gives no answers.
            Address::File(_) => Confirm::Written,
            _ => self.confirm,
        };
        let profile = profile.filter(|_| faults.len() == before)?;
        Some(PrinterSettings {
            profile: Profile {
                leave_two_byte_mode: self.two_byte,
                ..profile
            },
            name,
            address,
            width,
            receipt: self.receipt,
            stations: self.stations,
            fallback: self.fallback,
            confirm,
            drawer: self.drawer.map(|pin| match pin {
                DrawerPin::Pin2 => Connector::Pin2,
                DrawerPin::Pin5 => Connector::Pin5,
            }),
        })
    }
}

/// It stands in metrics and URLs as it is.
fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// An address as the drivers write it, or as people do: `tcp://192.0.2.7`, `/dev/usb/lp0`,
/// `/dev/ttyUSB0`.
fn address(text: &str) -> Result<Address, String> {
    let written = if let Some(rest) = text.strip_prefix("tcp://") {
        format!("tcp:{rest}")
    } else if text.starts_with("/dev/usb/") || text.starts_with("/dev/lp") {
        format!("usb:{text}")
    } else if text.starts_with("/dev/") {
        format!("serial:{text}")
    } else {
        text.to_owned()
    };
    written.parse().map_err(|fault| format!("{fault}"))
}

impl DrawerSection {
    fn read(self, faults: &mut Vec<String>) -> Option<DrawerSettings> {
        let wanted = self.pulse_ms.unwrap_or(Pulse::COMMON.milliseconds());
        let Some(pulse) = Pulse::try_new(wanted) else {
            faults.push(format!(
                "drawer.pulse_ms: {wanted} is not between 10 and 200"
            ));
            return None;
        };
        Some(DrawerSettings {
            chip: self.chip,
            line: self.line,
            active: match self.active_low {
                true => ActiveLevel::Low,
                false => ActiveLevel::High,
            },
            pulse,
        })
    }
}

impl BuzzerSection {
    fn read(self, faults: &mut Vec<String>) -> Option<BuzzerSettings> {
        let wanted = self.volume.unwrap_or(100);
        let Some(volume) = Volume::try_new(wanted) else {
            faults.push(format!("buzzer.volume: {wanted} is not between 0 and 100"));
            return None;
        };
        Some(BuzzerSettings {
            chip: self.chip,
            channel: self.channel,
            volume,
        })
    }
}

#[cfg(test)]
mod tests {
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
