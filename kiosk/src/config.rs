//! Configuration: flags win over the environment, that over the credential, that over the file.
//!
//! Everything is checked before anything is opened or bound, and all faults are told at once.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cloud_sync_wire::credential::Credential;
use jiff::civil::Time;
use kiosk_core::day::Schedule;
use kiosk_core::menu::Parsed;
use serde::Deserialize;

use crate::devices::settings::{
    BeaconSection, BuzzerSection, CardSection, DrawerSection, PresenceSection, PrinterSection,
    PrintingSection, ScannerSection, Sections, WatchdogSection,
};
use crate::protect::{Tuning, tuning};
use crate::uplink::endpoint;
use crate::web::pictures::Pictures;
use crate::web::text;
use crate::{devices, https, menus};

/// Where the kiosk listens if nobody says otherwise.
pub const LISTEN: &str = "127.0.0.1:8080";

/// What flags and environment say.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: Option<String>,
    /// Where to listen with HTTPS.
    pub listen_https: Option<String>,
    /// The menu file.
    pub menu: Option<PathBuf>,
    /// The credential file.
    pub credential: Option<PathBuf>,
    /// Base URL of cloud-sync.
    pub cloud: Option<String>,
    /// URL of the broker.
    pub mqtt: Option<String>,
    /// Where phones of diners reach this kiosk.
    pub public_url: Option<String>,
    /// A folder of more languages.
    pub locales: Option<PathBuf>,
    /// The TOML file.
    pub config: Option<PathBuf>,
    /// Whether unencrypted connections beyond this machine are wanted.
    pub allow_plaintext: bool,
}

/// The TOML file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    #[serde(default)]
    https: HttpsSection,
    menu: Option<PathBuf>,
    credential: Option<PathBuf>,
    cloud: Option<String>,
    mqtt: Option<String>,
    public_url: Option<String>,
    locales: Option<PathBuf>,
    #[serde(default)]
    allow_plaintext: bool,
    #[serde(default)]
    day: DaySection,
    #[serde(default)]
    journal: JournalSection,
    #[serde(default)]
    breaker: serde_json::Value,
    #[serde(default)]
    printer: Vec<PrinterSection>,
    #[serde(default)]
    printing: PrintingSection,
    drawer: Option<DrawerSection>,
    beacon: Option<BeaconSection>,
    buzzer: Option<BuzzerSection>,
    watchdog: Option<WatchdogSection>,
    card: Option<CardSection>,
    #[serde(default)]
    scanner: Vec<ScannerSection>,
    #[serde(default)]
    presence: Vec<PresenceSection>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpsSection {
    listen: Option<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DaySection {
    starts: Option<String>,
    opens_by_itself: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct JournalSection {
    reserve_mib: Option<u64>,
    retention_days: Option<u32>,
    retention_mib: Option<u64>,
}

/// A configuration in which everything is right.
#[derive(Debug)]
pub struct Config {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: SocketAddr,
    /// Where HTTPS is served, if it is.
    pub https: Option<https::Settings>,
    /// The menu to start with.
    pub menu: Parsed,
    /// Where phones of diners reach this kiosk, if that is not the address it listens on.
    pub public_url: Option<String>,
    /// Pictures beside its file.
    pub pictures: Pictures,
    /// Who this kiosk is; none if it stands alone.
    pub credential: Option<Credential>,
    /// Whether unencrypted connections beyond this machine are wanted.
    pub allow_plaintext: bool,
    /// Whether the broker was named by flag or environment, over whatever headquarters assigns.
    pub keeps_broker: bool,
    /// How days begin.
    pub schedule: Schedule,
    /// New orders stop below this many free bytes.
    pub reserve_bytes: Option<u64>,
    /// How long confirmed events are kept, in milliseconds.
    pub retention_ms: Option<i64>,
    /// How many bytes of them.
    pub retention_bytes: Option<u64>,
    /// The devices.
    pub devices: devices::settings::Settings,
    /// The rules before remote calls.
    pub tuning: Tuning,
    /// Where the configuration stands; what can be changed while running is read from it again.
    pub file: Option<PathBuf>,
}

impl Config {
    /// Reads and checks everything.
    ///
    /// # Errors
    /// Every fault, one line each.
    pub fn read(given: Given) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let file = given
            .config
            .as_deref()
            .and_then(|path| file(path, &mut faults))
            .unwrap_or_default();
        // First: what is read below may name one of these languages.
        if let Some(folder) = given.locales.as_ref().or(file.locales.as_ref()) {
            add_languages(folder, &mut faults);
        }
        let listen = given.listen.clone().or(file.listen.clone());
        let listen = listen_address("listen", listen.as_deref().unwrap_or(LISTEN), &mut faults);
        let https = https(given.listen_https.as_deref(), &file.https, &mut faults);
        let menu_file = given.menu.clone().or(file.menu.clone());
        let menu = menus::load(menu_file.as_deref())
            .map_err(|trouble| {
                faults.extend(trouble.lines().iter().map(|line| format!("menu: {line}")))
            })
            .ok();
        let public_url = given.public_url.clone().or(file.public_url.clone());
        let public_url = public_url.and_then(|url| public(url, &mut faults));
        let allow_plaintext = given.allow_plaintext || file.allow_plaintext;
        let credential = credential(&given, &file, allow_plaintext, &mut faults);
        let schedule = schedule(&file.day, &mut faults);
        let tuning = tuning::read(&file.breaker, &mut faults);
        let sections = Sections {
            printer: file.printer,
            printing: file.printing,
            drawer: file.drawer,
            beacon: file.beacon,
            buzzer: file.buzzer,
            watchdog: file.watchdog,
            card: file.card,
            scanner: file.scanner,
            presence: file.presence,
        };
        let devices = sections.read(menu.as_ref().map(|parsed| &parsed.menu), &mut faults);
        let mib = |mib: u64| mib.saturating_mul(1024 * 1024);
        let days = |days: u32| i64::from(days) * 86_400_000;
        match (listen, menu, schedule) {
            (Some(listen), Some(menu), Some(schedule)) if faults.is_empty() => Ok(Self {
                data_dir: given.data_dir,
                listen,
                https,
                menu,
                public_url,
                pictures: Pictures::beside(menu_file.as_deref()),
                credential,
                allow_plaintext,
                keeps_broker: given.mqtt.is_some(),
                schedule,
                reserve_bytes: file.journal.reserve_mib.map(mib),
                retention_ms: file.journal.retention_days.map(days),
                retention_bytes: file.journal.retention_mib.map(mib),
                devices,
                tuning,
                file: given.config,
            }),
            _ => Err(faults),
        }
    }
}

/// What is set about remote calls, as the file says now.
///
/// # Errors
/// Every fault of the file, one line each.
pub fn tuning(path: &Path) -> Result<Tuning, Vec<String>> {
    let mut faults = Vec::new();
    let file = file(path, &mut faults).unwrap_or_default();
    let tuning = tuning::read(&file.breaker, &mut faults);
    if faults.is_empty() {
        Ok(tuning)
    } else {
        Err(faults)
    }
}

/// A web address that a phone can open, without a path of its own below which the kiosk is not.
fn public(url: String, faults: &mut Vec<String>) -> Option<String> {
    let rest = url.strip_prefix("https://").or(url.strip_prefix("http://"));
    let host = rest.map(|rest| rest.trim_end_matches('/'));
    let plain =
        |host: &str| !host.is_empty() && !host.contains(['/', '?', '#', '@', ' ', '"', '<']);
    if host.is_some_and(plain) {
        return Some(url);
    }
    faults.push(format!(
        "public-url: {url:?} is not an address such as http://192.168.1.20:8080"
    ));
    None
}

fn add_languages(folder: &Path, faults: &mut Vec<String>) {
    match text::read_folder(folder) {
        Ok(languages) => text::add(languages),
        Err(found) => faults.extend(found.into_iter().map(|fault| format!("locales: {fault}"))),
    }
}

fn listen_address(name: &str, text: &str, faults: &mut Vec<String>) -> Option<SocketAddr> {
    text.parse()
        .map_err(|_| {
            faults.push(format!(
                "{name}: {text:?} is not an address such as {LISTEN}"
            ))
        })
        .ok()
}

/// HTTPS, where flag or file name an address for it.
fn https(
    flag: Option<&str>,
    section: &HttpsSection,
    faults: &mut Vec<String>,
) -> Option<https::Settings> {
    let given = match (&section.certificate, &section.key) {
        (Some(certificate), Some(key)) => Some(https::Files {
            certificate: certificate.clone(),
            key: key.clone(),
        }),
        (None, None) => None,
        _ => {
            faults.push(
                "https: certificate and key belong together; name both, or neither for a \
                 certificate of the kiosk's own"
                    .to_owned(),
            );
            None
        }
    };
    let text = flag.or(section.listen.as_deref());
    if text.is_none() && given.is_some() {
        faults.push("https.listen: is missing; name an address such as 0.0.0.0:8443".to_owned());
    }
    let listen = listen_address("listen-https", text?, faults)?;
    Some(https::Settings { listen, given })
}

/// The credential, with the URLs that win over its own.
fn credential(
    given: &Given,
    file: &File,
    allow_plaintext: bool,
    faults: &mut Vec<String>,
) -> Option<Credential> {
    let path = given.credential.as_ref().or(file.credential.as_ref());
    let read = path.and_then(|path| credential_of(path, faults));
    // A credential's own URL stands between what was given and what the file says.
    let own = read.as_ref();
    let cloud = [
        given.cloud.as_ref(),
        own.map(|own| &own.cloud),
        file.cloud.as_ref(),
    ];
    let mqtt = [
        given.mqtt.as_ref(),
        own.and_then(|own| own.mqtt.as_ref()),
        file.mqtt.as_ref(),
    ];
    let cloud = cloud.into_iter().flatten().next();
    let mqtt = mqtt.into_iter().flatten().next();
    let bad_cloud = cloud.and_then(|url| endpoint::cloud(url, allow_plaintext).err());
    let bad_mqtt = mqtt.and_then(|url| endpoint::broker(url, allow_plaintext).err());
    for (name, url, bad) in [("cloud", cloud, bad_cloud), ("mqtt", mqtt, bad_mqtt)] {
        faults.extend(bad.map(|bad| format!("{name}: {bad}")));
        if let (Some(url), None) = (url, path) {
            faults.push(format!(
                "{name}: {url} needs a credential; make one with `cloud-sync enroll` and name it \
                 with --credential"
            ));
        }
    }
    let (cloud, mqtt) = (cloud.cloned(), mqtt.cloned());
    let mut credential = read?;
    credential.cloud = cloud?;
    credential.mqtt = mqtt;
    Some(credential)
}

fn file(path: &Path, faults: &mut Vec<String>) -> Option<File> {
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

fn unreadable(name: &str, path: &Path, error: &std::io::Error) -> String {
    let path = path.display();
    format!("{name}: {path} can't be read: {error}; check the path and who may read it")
}

fn credential_of(path: &Path, faults: &mut Vec<String>) -> Option<Credential> {
    let bytes = std::fs::read(path)
        .map_err(|error| faults.push(unreadable("credential", path, &error)))
        .ok()?;
    Credential::parse(&bytes)
        .map_err(|error| {
            faults.push(format!(
                "credential: {}: {error}; make a new one with `cloud-sync enroll`",
                path.display()
            ));
        })
        .ok()
}

fn schedule(day: &DaySection, faults: &mut Vec<String>) -> Option<Schedule> {
    let default = Schedule::default();
    let starts = match &day.starts {
        None => default.starts,
        Some(text) => Time::strptime("%H:%M", text)
            .map_err(|_| faults.push(format!("day.starts: {text:?} is not a time such as 04:00")))
            .ok()?,
    };
    let opens_by_itself = day.opens_by_itself.unwrap_or(default.opens_by_itself);
    Some(Schedule {
        starts,
        opens_by_itself,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_faults_are_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let menu = folder.path().join("menu.json");
        std::fs::write(&menu, "{}").unwrap();
        let config = folder.path().join("kiosk.toml");
        std::fs::write(&config, "listen = \"here\"\n[day]\nstarts = \"25:00\"\n").unwrap();
        let given = Given {
            data_dir: folder.path().join("data"),
            menu: Some(menu),
            config: Some(config),
            credential: Some(folder.path().join("none.json")),
            ..Given::default()
        };
        let faults = Config::read(given).unwrap_err();
        for part in [
            "listen:",
            "day.starts:",
            "credential: ",
            "/currency",
            "/items",
        ] {
            assert!(
                faults.iter().any(|fault| fault.contains(part)),
                "{part} in {faults:?}"
            );
        }
    }

    #[test]
    fn every_entry_of_the_file_is_read_whatever_is_wrong_with_the_others() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("kiosk.toml");
        std::fs::write(
            &config,
            "listen = 5\nwat = 1\n[day]\nstarts = 4\nends = 5\n[journal]\nreserve_mib = -1\n",
        )
        .unwrap();
        let given = Given {
            data_dir: folder.path().join("data"),
            config: Some(config),
            ..Given::default()
        };
        let faults = Config::read(given).unwrap_err();
        assert_eq!(faults.len(), 5, "{faults:#?}");
        for part in [
            "listen: ",
            "wat: ",
            "day.starts: ",
            "day.ends: ",
            "journal.reserve_mib: ",
        ] {
            assert!(
                faults.iter().any(|fault| fault.contains(part)),
                "{part} in {faults:?}"
            );
        }
    }

    #[test]
    fn urls_are_checked_with_or_without_a_credential() {
        let given = Given {
            data_dir: "data".into(),
            cloud: Some("http://10.0.0.1".to_owned()),
            mqtt: Some("mqqt://broker.example".to_owned()),
            config: Some("nowhere.toml".into()),
            ..Given::default()
        };
        let faults = Config::read(given.clone()).unwrap_err();
        let of = |name: &str| {
            faults
                .iter()
                .filter(|fault| fault.starts_with(name))
                .count()
        };
        assert_eq!(
            (of("cloud: "), of("mqtt: "), of("config: ")),
            (2, 2, 1),
            "{faults:?}"
        );
        let given = Given {
            credential: Some("nowhere.json".into()),
            ..given
        };
        let faults = Config::read(given).unwrap_err();
        let of = |name: &str| {
            faults
                .iter()
                .filter(|fault| fault.starts_with(name))
                .count()
        };
        assert_eq!(
            (of("cloud: "), of("mqtt: "), of("credential: ")),
            (1, 1, 1),
            "{faults:?}"
        );
    }
}
