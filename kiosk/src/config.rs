//! Configuration: flags win over the environment, that over the credential, that over the file.
//!
//! Everything is checked before anything is opened or bound, and all faults are told at once.

mod file;
mod told;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use cloud_sync_wire::credential::Credential;
use jiff::civil::Time;
use kiosk_core::day::Schedule;
use kiosk_core::menu::Parsed;

use self::file::{DaySection, File, HttpsSection, file};
pub use self::told::{Configured, SAMPLE, SELF_MADE, Source};
use crate::devices::settings::Sections;
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
    /// What is configured, for people.
    pub told: Vec<Configured>,
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
        let told = told::told(&given, &file, credential.as_ref());
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
                told,
            }),
            _ => Err(faults),
        }
    }
}

/// In bytes.
fn mib(mib: u64) -> u64 {
    mib.saturating_mul(1024 * 1024)
}

/// In milliseconds.
fn days(days: u32) -> i64 {
    i64::from(days) * 86_400_000
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
mod tests;
