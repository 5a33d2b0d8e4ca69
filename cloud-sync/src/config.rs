//! The configuration of `serve`: flags over environment over the TOML file, checked whole, every
//! fault told at once before anything binds.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::brokers::MqttUrl;
use crate::ledger::Place;
use crate::ledger::postgres::url::DatabaseUrl;
use crate::tls;

/// What was said on the command line or in the environment; `None` where nothing was.
#[derive(Debug, Default, Clone)]
pub(crate) struct Given {
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: Option<String>,
    pub(crate) listen_https: Option<String>,
    pub(crate) mqtt_listen: Option<String>,
    pub(crate) mqtt_listen_tls: Option<String>,
    pub(crate) mqtt: Vec<String>,
    pub(crate) mqtt_password_file: Option<PathBuf>,
    pub(crate) mqtt_ca: Option<PathBuf>,
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
    listen_https: Option<String>,
    #[serde(default)]
    https: HttpsSection,
    mqtt_listen: Option<String>,
    mqtt_listen_tls: Option<String>,
    #[serde(default)]
    mqtt: OneOrMany,
    mqtt_password_file: Option<PathBuf>,
    mqtt_ca: Option<PathBuf>,
    database: Option<String>,
    allow_plaintext: Option<bool>,
}

/// The certificate of everything that is served encrypted, MQTT too.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct HttpsSection {
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    #[serde(default)]
    names: Vec<String>,
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
    /// Through the embedded broker on this address, and encrypted on the other.
    Embedded {
        listen: SocketAddr,
        encrypted: Option<SocketAddr>,
    },
    /// Through brokers of the operator's.
    External(Vec<MqttUrl>),
}

/// A configuration in which everything has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) ledger: Place,
    /// Held by this process alone; none if the ledger is in a database and no folder was named.
    pub(crate) data_dir: Option<PathBuf>,
    pub(crate) listen: SocketAddr,
    pub(crate) listen_https: Option<SocketAddr>,
    pub(crate) certificate: tls::Settings,
    pub(crate) mqtt: Mqtt,
    /// Authorities that vouch for brokers, beside those that the machine trusts.
    pub(crate) mqtt_ca: Option<PathBuf>,
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
        let listen_https = given.listen_https.or(file.listen_https);
        let listen_https = encrypted("listen-https", listen_https.as_deref(), 9443, &mut faults);
        let certificate = certificate(file.https, &mut faults);
        let urls = if given.mqtt.is_empty() {
            file.mqtt.into_vec()
        } else {
            given.mqtt
        };
        let password = given.mqtt_password_file.or(file.mqtt_password_file);
        let password = password.and_then(|path| password_of(&path, &mut faults));
        let places = Places {
            urls,
            password,
            listen: given.mqtt_listen.or(file.mqtt_listen),
            encrypted: given.mqtt_listen_tls.or(file.mqtt_listen_tls),
        };
        let mqtt = mqtt(places, plain, &mut faults);
        let data_dir = given.data_dir.or(file.data_dir);
        let database = given.database.or(file.database);
        let ledger = place(data_dir.as_deref(), database.as_deref(), plain, &mut faults);
        match (ledger, faults.is_empty()) {
            (Some(ledger), true) => Ok(Self {
                ledger,
                data_dir,
                listen,
                listen_https,
                certificate,
                mqtt,
                mqtt_ca: given.mqtt_ca.or(file.mqtt_ca),
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

fn certificate(section: HttpsSection, faults: &mut Vec<String>) -> tls::Settings {
    let given = match (section.certificate, section.key) {
        (Some(certificate), Some(key)) => Some(tls::Files { certificate, key }),
        (None, None) => None,
        _ => {
            faults.push(
                "https: certificate and key belong together; name both, or neither for a certificate \
                 of cloud-sync's own"
                    .to_owned(),
            );
            None
        }
    };
    tls::Settings {
        given,
        names: section.names,
    }
}

fn password_of(path: &Path, faults: &mut Vec<String>) -> Option<String> {
    let read = std::fs::read_to_string(path);
    let read = read.map(|text| text.trim().to_owned()).map_err(|error| {
        let path = path.display();
        faults.push(format!("mqtt-password-file: can't read {path}: {error}"));
    });
    read.ok()
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

/// What was said about brokers.
struct Places {
    urls: Vec<String>,
    password: Option<String>,
    listen: Option<String>,
    encrypted: Option<String>,
}

fn mqtt(places: Places, plain: bool, faults: &mut Vec<String>) -> Mqtt {
    let Places {
        urls,
        password,
        listen,
        encrypted: over_tls,
    } = places;
    if urls.is_empty() {
        return Mqtt::Embedded {
            listen: address("mqtt-listen", listen.as_deref(), 1883, plain, faults),
            encrypted: encrypted("mqtt-listen-tls", over_tls.as_deref(), 8883, faults),
        };
    }
    for (name, given) in [("mqtt-listen", &listen), ("mqtt-listen-tls", &over_tls)] {
        if given.is_some() {
            faults.push(format!(
                "{name}: runs the embedded broker, mqtt uses one of yours; leave one of them out"
            ));
        }
    }
    let mut parsed: Vec<MqttUrl> = Vec::new();
    for url in urls.iter().flat_map(|urls| urls.split(',')) {
        match MqttUrl::parse(url.trim()) {
            Ok(url) if !plain && !url.encrypted && !url.is_local() => {
                faults.push(unencrypted("mqtt", &url.public()));
            }
            Ok(url) if parsed.iter().any(|known| known.public() == url.public()) => {
                faults.push(format!("mqtt: {} is named twice", url.public()));
            }
            Ok(mut url) => {
                if let (Some((_, given)), Some(password)) = (&mut url.login, &password)
                    && given.is_empty()
                {
                    given.clone_from(password);
                }
                parsed.push(url);
            }
            Err(fault) => faults.push(format!("mqtt: {fault}")),
        }
    }
    Mqtt::External(parsed)
}

fn unencrypted(what: &str, address: &str) -> String {
    format!(
        "{what}: {address} would be reached without encryption from other machines; use the encrypted way, or a loopback address behind a TLS proxy, or say --allow-plaintext if the network is yours alone"
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

/// An address that is served encrypted, if one was named.
fn encrypted(
    what: &str,
    given: Option<&str>,
    port: u16,
    faults: &mut Vec<String>,
) -> Option<SocketAddr> {
    given.map(|given| address(what, Some(given), port, true, faults))
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
        assert_eq!(
            config.mqtt,
            Mqtt::Embedded {
                listen: "127.0.0.1:2".parse().unwrap(),
                encrypted: None,
            }
        );
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
    fn brokers_of_other_machines_are_only_reached_encrypted() {
        let use_broker = |url: &str| {
            Config::check(Given {
                mqtt: vec![url.to_owned()],
                ..given()
            })
        };
        let told = use_broker("mqtt://broker.example").unwrap_err();
        assert!(told[0].contains("--allow-plaintext"), "{told:?}");
        for fine in ["mqtts://broker.example", "mqtt://127.0.0.1:1"] {
            assert!(use_broker(fine).is_ok(), "{fine}");
        }
    }

    #[test]
    fn a_password_in_a_file_is_for_urls_that_name_a_user_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("p");
        std::fs::write(&file, "from the file\n").unwrap();
        let config = Config::check(Given {
            mqtt: vec![
                "mqtt://u@localhost:1".to_owned(),
                "mqtt://u:own@localhost:2".to_owned(),
                "mqtt://localhost:3".to_owned(),
            ],
            mqtt_password_file: Some(file),
            ..given()
        });
        let Mqtt::External(urls) = config.unwrap().mqtt else {
            panic!("no brokers");
        };
        let passwords = urls.into_iter().map(|url| url.login.map(|login| login.1));
        let expected = [
            Some("from the file".to_owned()),
            Some("own".to_owned()),
            None,
        ];
        assert_eq!(passwords.collect::<Vec<_>>(), expected);
    }
}
