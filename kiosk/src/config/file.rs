//! The TOML file of the configuration.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::unreadable;
use crate::devices::settings::{
    BeaconSection, BuzzerSection, CardSection, DrawerSection, PresenceSection, PrinterSection,
    PrintingSection, ScannerSection, WatchdogSection,
};

/// The TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) listen: Option<String>,
    #[serde(default)]
    pub(super) https: HttpsSection,
    pub(super) menu: Option<PathBuf>,
    pub(super) credential: Option<PathBuf>,
    pub(super) cloud: Option<String>,
    pub(super) mqtt: Option<String>,
    pub(super) public_url: Option<String>,
    pub(super) locales: Option<PathBuf>,
    #[serde(default)]
    pub(super) allow_plaintext: bool,
    #[serde(default)]
    pub(super) day: DaySection,
    #[serde(default)]
    pub(super) journal: JournalSection,
    #[serde(default)]
    pub(super) breaker: serde_json::Value,
    #[serde(default)]
    pub(super) printer: Vec<PrinterSection>,
    #[serde(default)]
    pub(super) printing: PrintingSection,
    pub(super) drawer: Option<DrawerSection>,
    pub(super) beacon: Option<BeaconSection>,
    pub(super) buzzer: Option<BuzzerSection>,
    pub(super) watchdog: Option<WatchdogSection>,
    pub(super) card: Option<CardSection>,
    #[serde(default)]
    pub(super) scanner: Vec<ScannerSection>,
    #[serde(default)]
    pub(super) presence: Vec<PresenceSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpsSection {
    pub(super) listen: Option<String>,
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DaySection {
    pub(super) starts: Option<String>,
    pub(super) opens_by_itself: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct JournalSection {
    pub(super) reserve_mib: Option<u64>,
    pub(super) retention_days: Option<u32>,
    pub(super) retention_mib: Option<u64>,
}

/// Reads the file.
pub(super) fn file(path: &Path, faults: &mut Vec<String>) -> Option<File> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| faults.push(unreadable("config", path, &error)))
        .ok()?;
    let path = path.display();
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| faults.push(format!("config: {path} is not TOML: {error}")))
        .ok()?;
    // One entry at a time: a reader of the whole would stop at the first that is wrong.
    let found: Vec<_> = table
        .iter()
        .flat_map(|(name, value)| wrong(name, value))
        .collect();
    if found.is_empty() {
        return File::deserialize(table)
            .map_err(|error| faults.push(format!("config: {path}: {error}")))
            .ok();
    }
    faults.extend(found.iter().map(|fault| format!("config: {path}: {fault}")));
    None
}

/// What is wrong with one entry of the file; of a section, with each of its settings.
fn wrong(name: &str, value: &toml::Value) -> Vec<String> {
    let alone = |name: &str, value: toml::Value| toml::Table::from_iter([(name.to_owned(), value)]);
    let fault = |at: &str, table: toml::Table| {
        let error = File::deserialize(table).err()?.to_string();
        Some(format!("{at}: {}", error.trim().replace('\n', " ")))
    };
    let Some(whole) = fault(name, alone(name, value.clone())) else {
        return Vec::new();
    };
    let settings = value.as_table().into_iter().flatten();
    let mut each: Vec<String> = settings
        .filter_map(|(key, value)| {
            let section = toml::Value::Table(alone(key, value.clone()));
            fault(&format!("{name}.{key}"), alone(name, section))
        })
        // Alone, a setting misses the others of its section.
        .filter(|fault| !fault.contains("missing field"))
        .collect();
    if each.is_empty() {
        each.push(whole);
    }
    each
}
