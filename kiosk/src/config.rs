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

use crate::menus;
use crate::protect::Tuning;

/// Where the kiosk listens if nobody says otherwise.
pub const LISTEN: &str = "127.0.0.1:8080";

/// What flags and environment say.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// The data folder.
    pub data_dir: PathBuf,
    /// Where to listen.
    pub listen: Option<String>,
    /// The menu file.
    pub menu: Option<PathBuf>,
    /// The credential file.
    pub credential: Option<PathBuf>,
    /// Base URL of cloud-sync.
    pub cloud: Option<String>,
    /// URL of the broker.
    pub mqtt: Option<String>,
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
    menu: Option<PathBuf>,
    credential: Option<PathBuf>,
    cloud: Option<String>,
    mqtt: Option<String>,
    #[serde(default)]
    allow_plaintext: bool,
    #[serde(default)]
    day: DaySection,
    #[serde(default)]
    journal: JournalSection,
    #[serde(default)]
    breaker: Tuning,
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
    /// The menu to start with.
    pub menu: Parsed,
    /// Who this kiosk is; none if it stands alone.
    pub credential: Option<Credential>,
    /// Whether unencrypted connections beyond this machine are wanted.
    pub allow_plaintext: bool,
    /// How days begin.
    pub schedule: Schedule,
    /// New orders stop below this many free bytes.
    pub reserve_bytes: Option<u64>,
    /// How long confirmed events are kept, in milliseconds.
    pub retention_ms: Option<i64>,
    /// How many bytes of them.
    pub retention_bytes: Option<u64>,
    /// When breakers open.
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
        let listen = given.listen.clone().or(file.listen.clone());
        let listen = listen_address(listen.as_deref().unwrap_or(LISTEN), &mut faults);
        let menu_file = given.menu.clone().or(file.menu.clone());
        let menu = menus::load(menu_file.as_deref())
            .map_err(|trouble| faults.extend(trouble.lines()))
            .ok();
        let allow_plaintext = given.allow_plaintext || file.allow_plaintext;
        let credential = credential(&given, &file, allow_plaintext, &mut faults);
        let schedule = schedule(&file.day, &mut faults);
        file.breaker.check(&mut faults);
        let mib = |mib: u64| mib.saturating_mul(1024 * 1024);
        match (listen, menu, schedule) {
            (Some(listen), Some(menu), Some(schedule)) if faults.is_empty() => Ok(Self {
                data_dir: given.data_dir,
                listen,
                menu,
                credential,
                allow_plaintext,
                schedule,
                reserve_bytes: file.journal.reserve_mib.map(mib),
                retention_ms: file
                    .journal
                    .retention_days
                    .map(|d| i64::from(d) * 86_400_000),
                retention_bytes: file.journal.retention_mib.map(mib),
                tuning: file.breaker,
                file: given.config,
            }),
            _ => Err(faults),
        }
    }
}

/// When breakers open, as the file says now.
///
/// # Errors
/// Every fault of the file, one line each.
pub fn tuning(path: &Path) -> Result<Tuning, Vec<String>> {
    let mut faults = Vec::new();
    let tuning = file(path, &mut faults).map(|file| file.breaker);
    if let Some(tuning) = tuning {
        tuning.check(&mut faults);
    }
    tuning.filter(|_| faults.is_empty()).ok_or(faults)
}

fn listen_address(text: &str, faults: &mut Vec<String>) -> Option<SocketAddr> {
    text.parse()
        .map_err(|_| {
            faults.push(format!(
                "listen: {text:?} is not an address such as {LISTEN}"
            ))
        })
        .ok()
}

/// The credential, with the URLs that win over its own.
fn credential(
    given: &Given,
    file: &File,
    allow_plaintext: bool,
    faults: &mut Vec<String>,
) -> Option<Credential> {
    let Some(path) = given.credential.as_ref().or(file.credential.as_ref()) else {
        let urls = [&given.cloud, &file.cloud, &given.mqtt, &file.mqtt];
        if urls.into_iter().any(Option::is_some) {
            faults.push(
                "cloud: needs a credential; make one with `cloud-sync enroll` and name it with \
                 --credential"
                    .to_owned(),
            );
        }
        return None;
    };
    let mut credential = credential_of(path, faults)?;
    if let Some(cloud) = &given.cloud {
        credential.cloud.clone_from(cloud);
    }
    credential.mqtt = given.mqtt.clone().or(credential.mqtt).or(file.mqtt.clone());
    check_url(
        "cloud",
        &credential.cloud,
        ["http", "https"],
        allow_plaintext,
        faults,
    );
    if let Some(mqtt) = &credential.mqtt {
        check_url("mqtt", mqtt, ["mqtt", "mqtts"], allow_plaintext, faults);
    }
    Some(credential)
}

fn file(path: &Path, faults: &mut Vec<String>) -> Option<File> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| faults.push(format!("{} can't be read: {error}", path.display())))
        .ok()?;
    toml::from_str(&text)
        .map_err(|error| faults.push(format!("{}: {error}", path.display())))
        .ok()
}

fn credential_of(path: &Path, faults: &mut Vec<String>) -> Option<Credential> {
    let bytes = std::fs::read(path)
        .map_err(|error| faults.push(format!("{} can't be read: {error}", path.display())))
        .ok()?;
    Credential::parse(&bytes)
        .map_err(|error| {
            faults.push(format!(
                "{}: {error}; make a new one with `cloud-sync enroll`",
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

/// A URL of one of two schemes, the first plain, the second encrypted; plain only to this machine.
fn check_url(
    name: &str,
    url: &str,
    [plain, encrypted]: [&str; 2],
    allow_plaintext: bool,
    faults: &mut Vec<String>,
) {
    let Some((scheme, rest)) = url.split_once("://") else {
        faults.push(format!(
            "{name}: {url:?} is not a URL such as {encrypted}://cloud.example"
        ));
        return;
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let loopback = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    if host.is_empty() || (scheme != plain && scheme != encrypted) {
        faults.push(format!(
            "{name}: {url:?} must be {encrypted}://… or, on this machine, {plain}://…"
        ));
    } else if scheme == plain && !loopback && !allow_plaintext {
        faults.push(format!(
            "{name}: {url:?} would send orders unencrypted; use {encrypted}:// or say \
             --allow-plaintext"
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_faults(url: &str, allow: bool) -> usize {
        let mut faults = Vec::new();
        check_url("cloud", url, ["http", "https"], allow, &mut faults);
        faults.len()
    }

    #[test]
    fn plain_urls_are_for_this_machine_alone_unless_the_operator_insists() {
        for fine in [
            "http://127.0.0.1:9080",
            "http://localhost",
            "http://[::1]:1",
            "https://a.b/x",
        ] {
            assert_eq!(url_faults(fine, false), 0, "{fine}");
        }
        for bad in [
            "http://10.0.0.1",
            "http://127.0.0.1.evil.test",
            "ftp://localhost",
            "x",
            "http://",
        ] {
            assert_eq!(url_faults(bad, false), 1, "{bad}");
        }
        assert_eq!(url_faults("http://10.0.0.1", true), 0);
    }

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
        for part in ["listen:", "day.starts:", "none.json", "/currency", "/items"] {
            assert!(
                faults.iter().any(|fault| fault.contains(part)),
                "{part} in {faults:?}"
            );
        }
    }
}
