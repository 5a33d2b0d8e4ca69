//! The configuration of `serve`: flags over environment over the TOML file, checked whole, every
//! fault told at once before anything binds.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::ledger::Place;
use crate::ledger::postgres::url::DatabaseUrl;

/// What was said on the command line or in the environment; `None` where nothing was.
#[derive(Debug, Default, Clone)]
pub(crate) struct Given {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) mqtt_listen: Option<String>,
    pub(crate) mqtt: Vec<String>,
    pub(crate) database: Option<String>,
    pub(crate) allow_plaintext: bool,
    pub(crate) config: Option<PathBuf>,
}

/// The TOML file. Its keys are the flags' names.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct File {
    data_dir: Option<PathBuf>,
    listen: Option<String>,
    mqtt_listen: Option<String>,
    #[serde(default)]
    mqtt: OneOrMany,
    database: Option<String>,
    allow_plaintext: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(untagged, expecting = "must be a URL, or a list of URLs")]
enum OneOrMany {
    #[default]
    None,
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn into_vec(self) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// Where messages go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mqtt {
    /// Through the embedded broker on this address.
    Embedded(SocketAddr),
    /// Through brokers of the operator's.
    External(Vec<MqttUrl>),
}

/// `mqtt://[user[:password]@]host[:port]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MqttUrl {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, String)>,
}

impl MqttUrl {
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let rest = match text.split_once("://") {
            Some(("mqtt", rest)) => rest,
            Some(("mqtts", _)) => {
                return Err(format!(
                    "{text:?}: mqtts is not spoken yet; put a TLS proxy in front and use mqtt:// to it"
                ));
            }
            _ => {
                return Err(format!(
                    "{text:?} is not a broker's URL, such as mqtt://127.0.0.1:1883"
                ));
            }
        };
        let rest = rest.trim_end_matches('/');
        let (login, address) = match rest.rsplit_once('@') {
            Some((login, address)) => (Some(login.split_once(':').unwrap_or((login, ""))), address),
            None => (None, rest),
        };
        let bad_port = || format!("{text:?}: the port is not a number up to 65535");
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => {
                (host, port.parse().map_err(|_| bad_port())?)
            }
            _ => (address, 1883),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() || host.contains(['/', ' ']) {
            return Err(format!("{text:?} names no host"));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            login: login.map(|(user, password)| (user.to_owned(), password.to_owned())),
        })
    }

    fn is_local(&self) -> bool {
        let ip = self.host.parse::<IpAddr>();
        self.host == "localhost" || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Without the login, to be shown and handed to kiosks.
    pub(crate) fn public(&self) -> String {
        if self.host.contains(':') {
            format!("mqtt://[{}]:{}", self.host, self.port)
        } else {
            format!("mqtt://{}:{}", self.host, self.port)
        }
    }
}

/// A configuration in which everything has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) ledger: Place,
    /// Held by this process alone; none if the ledger is in a database and no folder was named.
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) mqtt: Mqtt,
}

impl Config {
    /// Checks what was given together with the file it names.
    pub(crate) fn check(given: Given) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let file = given.config.as_deref();
        let file = file
            .and_then(|path| read_file(path, &mut faults))
            .unwrap_or_default();
        let plain = given.allow_plaintext || file.allow_plaintext.unwrap_or(false);
        let listen = given.listen.or(file.listen);
        let listen = address("listen", listen.as_deref(), 9080, plain, &mut faults);
        let urls = if given.mqtt.is_empty() {
            file.mqtt.into_vec()
        } else {
            given.mqtt
        };
        let mqtt_listen = given.mqtt_listen.or(file.mqtt_listen);
        let mqtt = mqtt(&urls, mqtt_listen.as_deref(), plain, &mut faults);
        let data_dir = given.data_dir.or(file.data_dir);
        let database = given.database.or(file.database);
        let ledger = place(data_dir.as_deref(), database.as_deref(), plain, &mut faults);
        match (ledger, faults.is_empty()) {
            (Some(ledger), true) => Ok(Self {
                ledger,
                data_dir,
                listen,
                mqtt,
            }),
            _ => Err(faults),
        }
    }
}

/// Where the ledger is: in the database, if there is one, else in the folder.
pub(crate) fn place(
    data_dir: Option<&Path>,
    database: Option<&str>,
    plain: bool,
    faults: &mut Vec<String>,
) -> Option<Place> {
    match (database.map(|url| DatabaseUrl::parse(url, plain)), data_dir) {
        (Some(Ok(url)), _) => Some(Place::Database(Box::new(url))),
        (Some(Err(fault)), _) => {
            faults.push(format!("database: {fault}"));
            None
        }
        (None, Some(folder)) => Some(Place::Folder(folder.to_owned())),
        (None, None) => {
            let missing = "data-dir: is missing; name the folder of the ledger, or a database";
            faults.push(missing.to_owned());
            None
        }
    }
}

fn read_file(path: &Path, faults: &mut Vec<String>) -> Option<File> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| {
            faults.push(format!(
                "config: can't read {shown}: {error}; check the path and who may read it"
            ));
        })
        .ok()?;
    let table: toml::Table = toml::from_str(&text)
        .map_err(|error| faults.push(format!("config: {shown} is not TOML: {error}")))
        .ok()?;
    let before = faults.len();
    // One key at a time: a reader of the whole would stop at the first that is wrong.
    for (name, value) in &table {
        let alone = toml::Table::from_iter([(name.clone(), value.clone())]);
        if let Err(error) = File::deserialize(alone) {
            let error = error.to_string().trim().replace('\n', " ");
            faults.push(format!("config: {shown}: {name}: {error}"));
        }
    }
    (faults.len() == before).then(|| File::deserialize(table).unwrap_or_default())
}

fn mqtt(urls: &[String], listen: Option<&str>, plain: bool, faults: &mut Vec<String>) -> Mqtt {
    if urls.is_empty() {
        return Mqtt::Embedded(address("mqtt-listen", listen, 1883, plain, faults));
    }
    if listen.is_some() {
        faults.push(
            "mqtt-listen: runs the embedded broker, mqtt uses one of yours; leave one of them out"
                .to_owned(),
        );
    }
    let mut parsed = Vec::new();
    for url in urls.iter().flat_map(|urls| urls.split(',')) {
        match MqttUrl::parse(url.trim()) {
            Ok(url) if !plain && !url.is_local() => faults.push(unencrypted("mqtt", &url.public())),
            Ok(url) => parsed.push(url),
            Err(fault) => faults.push(format!("mqtt: {fault}")),
        }
    }
    Mqtt::External(parsed)
}

fn unencrypted(what: &str, address: &str) -> String {
    format!(
        "{what}: {address} would be reached without encryption from other machines; use a loopback address behind a TLS proxy, or say --allow-plaintext if the network is yours alone"
    )
}

fn address(
    what: &str,
    given: Option<&str>,
    port: u16,
    plain: bool,
    faults: &mut Vec<String>,
) -> SocketAddr {
    let own = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Some(text) = given else { return own };
    let text = match text.strip_prefix("localhost:") {
        Some(port) => format!("127.0.0.1:{port}"),
        None => text.to_owned(),
    };
    match text.parse::<SocketAddr>() {
        Ok(address) => {
            if !plain && !address.ip().is_loopback() {
                faults.push(unencrypted(what, &address.to_string()));
            }
            address
        }
        Err(_) => {
            faults.push(format!(
                "{what}: {text:?} is not an address with a port, such as {own}"
            ));
            own
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given() -> Given {
        Given {
            data_dir: Some("/nowhere".into()),
            ..Given::default()
        }
    }

    #[test]
    fn every_fault_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("c.toml");
        std::fs::write(&file, "listen = \"127.0.0.1:1\"\nlisten-to = 3\nmqtt = 5\n").unwrap();
        let faults = Config::check(Given {
            listen: Some("here".to_owned()),
            mqtt: vec!["http://x".to_owned(), "mqtt://broker.example".to_owned()],
            mqtt_listen: Some("0.0.0.0:1883".to_owned()),
            database: Some("mysql://x".to_owned()),
            config: Some(file),
            ..Given::default()
        })
        .unwrap_err();
        assert_eq!(faults.len(), 7, "{faults:#?}");
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("c.toml");
        std::fs::write(
            &path,
            "listen = \"127.0.0.1:1\"\nmqtt-listen = \"127.0.0.1:2\"",
        )
        .unwrap();
        let config = Config::check(Given {
            listen: Some("localhost:7".to_owned()),
            config: Some(path),
            ..given()
        })
        .unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:7");
        assert_eq!(config.mqtt, Mqtt::Embedded("127.0.0.1:2".parse().unwrap()));
    }

    #[test]
    fn other_machines_are_served_in_plain_only_if_the_operator_says_so() {
        let open = |allow_plaintext| {
            Config::check(Given {
                listen: Some("0.0.0.0:80".to_owned()),
                allow_plaintext,
                ..given()
            })
        };
        assert!(open(false).unwrap_err()[0].contains("--allow-plaintext"));
        assert!(open(true).is_ok());
    }

    #[test]
    fn a_brokers_url_is_read_and_shown_without_its_login() {
        let url = MqttUrl::parse("mqtt://u:p@[::1]:18830/").unwrap();
        assert_eq!((url.host.as_str(), url.port), ("::1", 18830));
        assert_eq!(url.public(), "mqtt://[::1]:18830");
        assert_eq!(MqttUrl::parse("mqtt://broker").unwrap().port, 1883);
        for bad in ["broker:1883", "mqtt://", "mqtt://h:99999", "mqtts://h"] {
            assert!(MqttUrl::parse(bad).is_err(), "{bad}");
        }
    }
}
