//! Card terminal, scanners and presence sensors of the configuration.

use std::collections::BTreeSet;
use std::path::PathBuf;

use firmware_hal::distance::{DEFAULT_ADDRESS, Zone};
use firmware_hal::presence::{SeenLevel, Timing};
use firmware_hal_linux::Address;
use serde::Deserialize;

use super::printers::{address, is_name};
use crate::devices::signals::RESERVED;

/// More of a kind than a kiosk has screens; each has a thread.
const MOST: usize = 8;
/// The password guards a terminal's settings; it has six digits.
const PASSWORDS: u32 = 1_000_000;
/// Where somebody counts as near, and as gone, in centimetres.
const NEAR: u16 = 80;
const FAR: u16 = 110;
/// Bounds of a sensor's times, in milliseconds: it is looked at ten times a second.
const TIMES: std::ops::RangeInclusive<u32> = 200..=60_000;
/// As long as the name of a terminal in an order may be, in characters.
const TERMINAL_NAME: usize = 40;

/// The card terminal.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CardSection {
    port: String,
    password: Option<u32>,
}

/// A code scanner.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScannerSection {
    name: String,
    port: String,
    terminal: Option<String>,
}

/// A sensor that sees whether somebody stands before a screen: a pin (`chip`, `line`), or a distance
/// sensor on an I²C bus (`bus`).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PresenceSection {
    name: String,
    terminal: Option<String>,
    chip: Option<PathBuf>,
    line: Option<u32>,
    #[serde(default)]
    active_low: bool,
    bus: Option<PathBuf>,
    address: Option<u8>,
    near_cm: Option<u16>,
    far_cm: Option<u16>,
    arrive_ms: Option<u32>,
    leave_ms: Option<u32>,
}

/// The card terminal.
#[derive(Debug, Clone)]
pub struct CardSettings {
    /// Where it is.
    pub address: Address,
    /// Its password.
    pub password: u32,
}

/// A code scanner.
#[derive(Debug, Clone)]
pub struct ScannerSettings {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// The terminal that it belongs to; none for the screen without a name.
    pub terminal: Option<String>,
}

/// A presence sensor.
#[derive(Debug, Clone)]
pub struct PresenceSettings {
    /// What it is called.
    pub name: String,
    /// The terminal before which it looks; none for the screen without a name.
    pub terminal: Option<String>,
    /// How it sees.
    pub eye: Eye,
    /// How long something must be seen, or not.
    pub timing: Timing,
}

/// How a presence sensor sees.
#[derive(Debug, Clone)]
pub enum Eye {
    /// A pin tells.
    Pin {
        /// The GPIO chip.
        chip: PathBuf,
        /// Its line.
        line: u32,
        /// The level that means that something is seen.
        level: SeenLevel,
    },
    /// A distance tells.
    Distance {
        /// The I²C bus.
        bus: PathBuf,
        /// The sensor's address there.
        address: u8,
        /// How near is near.
        zone: Zone,
    },
}

impl CardSection {
    pub(super) fn read(self, faults: &mut Vec<String>) -> Option<CardSettings> {
        let password = self.password.unwrap_or(0);
        if password >= PASSWORDS {
            faults.push(format!(
                "card.password: {password} has more than six digits"
            ));
        }
        let address = port("card", &self.port, faults)?;
        Some(CardSettings { address, password })
    }
}

/// A port that answers: not a file.
fn port(of: &str, text: &str, faults: &mut Vec<String>) -> Option<Address> {
    match address(text) {
        Ok(Address::File(_)) => faults.push(format!("{of}.port: a file is no device")),
        Ok(address) => return Some(address),
        Err(fault) => faults.push(format!("{of}.port: {fault}")),
    }
    None
}

/// Names of devices that are taken, and what is wrong with another one.
pub(super) struct Names(BTreeSet<String>);

impl Names {
    pub(super) fn taken(names: impl Iterator<Item = String>) -> Self {
        Self(names.chain(RESERVED.map(str::to_owned)).collect())
    }

    fn take(&mut self, kind: &str, name: &str, faults: &mut Vec<String>) {
        if !is_name(name) || !self.0.insert(name.to_owned()) {
            faults.push(format!(
                "{kind}.name: {name:?} must be 1 to 32 of a-z, 0-9 and -, and not the name of \
                 another device"
            ));
        }
    }
}

fn terminal(of: &str, name: Option<String>, faults: &mut Vec<String>) -> Option<String> {
    let name = name.filter(|name| !name.is_empty())?;
    if name.chars().count() > TERMINAL_NAME || name.chars().any(char::is_control) {
        faults.push(format!(
            "{of}.terminal: must have at most {TERMINAL_NAME} characters"
        ));
    }
    Some(name)
}

pub(super) fn scanners(
    sections: Vec<ScannerSection>,
    names: &mut Names,
    faults: &mut Vec<String>,
) -> Vec<ScannerSettings> {
    if sections.len() > MOST {
        faults.push(format!("scanner: at most {MOST} can be configured"));
    }
    let mut read = |section: ScannerSection| {
        let of = format!("scanner {}", section.name);
        names.take("scanner", &section.name, faults);
        let terminal = terminal(&of, section.terminal, faults);
        Some(ScannerSettings {
            address: port(&of, &section.port, faults)?,
            name: section.name,
            terminal,
        })
    };
    sections.into_iter().filter_map(&mut read).collect()
}

pub(super) fn presences(
    sections: Vec<PresenceSection>,
    names: &mut Names,
    faults: &mut Vec<String>,
) -> Vec<PresenceSettings> {
    if sections.len() > MOST {
        faults.push(format!("presence: at most {MOST} can be configured"));
    }
    let mut read = |section: PresenceSection| {
        let of = format!("presence {}", section.name);
        names.take("presence", &section.name, faults);
        let usual = Timing::default();
        let timing = Timing {
            arrive_ms: section.arrive_ms.unwrap_or(usual.arrive_ms),
            leave_ms: section.leave_ms.unwrap_or(usual.leave_ms),
        };
        if !TIMES.contains(&timing.arrive_ms) || !TIMES.contains(&timing.leave_ms) {
            let (least, most) = (TIMES.start(), TIMES.end());
            faults.push(format!(
                "{of}: arrive_ms and leave_ms must be between {least} and {most}"
            ));
        }
        Some(PresenceSettings {
            eye: section.eye(&of, faults)?,
            timing,
            terminal: terminal(&of, section.terminal, faults),
            name: section.name,
        })
    };
    sections.into_iter().filter_map(&mut read).collect()
}

impl PresenceSection {
    fn eye(&self, of: &str, faults: &mut Vec<String>) -> Option<Eye> {
        match (&self.chip, self.line, &self.bus) {
            (Some(chip), Some(line), None) => Some(Eye::Pin {
                chip: chip.clone(),
                line,
                level: match self.active_low {
                    true => SeenLevel::Low,
                    false => SeenLevel::High,
                },
            }),
            (None, None, Some(bus)) => {
                let (near, far) = (self.near_cm.unwrap_or(NEAR), self.far_cm.unwrap_or(FAR));
                let Some(zone) = Zone::try_new(near, far) else {
                    faults.push(format!(
                        "{of}: near_cm {near} must be less than far_cm {far}"
                    ));
                    return None;
                };
                Some(Eye::Distance {
                    bus: bus.clone(),
                    address: self.address.unwrap_or(DEFAULT_ADDRESS),
                    zone,
                })
            }
            _ => {
                faults.push(format!(
                    "{of}: needs chip and line of a pin, or the bus of a distance sensor"
                ));
                None
            }
        }
    }
}
