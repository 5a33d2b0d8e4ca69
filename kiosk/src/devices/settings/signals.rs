//! Drawer, beacon and buzzer of the configuration.

use std::path::PathBuf;

use firmware_hal::buzzer::Volume;
use firmware_hal::drawer::{ActiveLevel, Pulse};
use serde::Deserialize;

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
    pub(super) chip: PathBuf,
    pub(super) red: u32,
    pub(super) green: u32,
    pub(super) blue: u32,
    pub(super) brightness: Option<u8>,
}

/// The buzzer.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BuzzerSection {
    chip: PathBuf,
    channel: u32,
    volume: Option<u8>,
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

impl DrawerSection {
    pub(super) fn read(self, faults: &mut Vec<String>) -> Option<DrawerSettings> {
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
    pub(super) fn read(self, faults: &mut Vec<String>) -> Option<BuzzerSettings> {
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
