//! What is configured, and where that was said, for whoever looks at the kiosk and not at its files.

use std::path::Path;

use cloud_sync_wire::credential::Credential;
use kiosk_core::day::Schedule;
use serde::Serialize;

use super::file::File;
use super::{Given, LISTEN};
use crate::journal::{RESERVE_MIB, RETENTION_DAYS, RETENTION_MIB};

/// The value of a certificate that the kiosk makes itself.
pub const SELF_MADE: &str = "self-made";
/// The value of the menu that is used when none is named.
pub const SAMPLE: &str = "sample menu";

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// On the command line or in the environment.
    CommandLine,
    /// In the credential.
    Credential,
    /// In the configuration file.
    File,
    /// Nowhere: the kiosk has it so.
    BuiltIn,
}

impl Source {
    /// Its name in the API and in the keys of texts.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CommandLine => "command_line",
            Self::Credential => "credential",
            Self::File => "file",
            Self::BuiltIn => "built_in",
        }
    }
}

/// One thing that is configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Configured {
    /// What, as the configuration file calls it.
    pub name: &'static str,
    /// What it is, with its unit; none: there is none.
    pub value: Option<String>,
    /// Where it was said.
    pub source: Source,
}

impl Configured {
    /// The first of these that says something.
    fn first(name: &'static str, said: impl IntoIterator<Item = (Option<String>, Source)>) -> Self {
        let mut said = said.into_iter();
        let found = said.find_map(|(value, source)| Some((value?, source)));
        let (value, source) = match found {
            Some((value, source)) => (Some(value), source),
            None => (None, Source::BuiltIn),
        };
        Self {
            name,
            value,
            source,
        }
    }
}

/// Everything but devices and the rules before remote calls: those have pages of their own.
pub(super) fn told(given: &Given, file: &File, credential: Option<&Credential>) -> Vec<Configured> {
    let mut told = doors(given, file);
    told.extend(paths(given, file));
    told.extend(ways(given, file, credential));
    told.extend(habits(file));
    told
}

/// The command line's word, else the file's, else the kiosk's own.
fn said(
    name: &'static str,
    given: Option<&str>,
    file: Option<&str>,
    own: Option<&str>,
) -> Configured {
    let said = [
        (given, Source::CommandLine),
        (file, Source::File),
        (own, Source::BuiltIn),
    ];
    Configured::first(
        name,
        said.map(|(value, source)| (value.map(str::to_owned), source)),
    )
}

/// Where people reach it.
fn doors(given: &Given, file: &File) -> Vec<Configured> {
    let https = &file.https;
    let certificate = https
        .certificate
        .as_ref()
        .map(|path| path.display().to_string());
    let secured = given.listen_https.is_some() || https.listen.is_some();
    let public = (given.public_url.as_deref(), file.public_url.as_deref());
    vec![
        said(
            "listen",
            given.listen.as_deref(),
            file.listen.as_deref(),
            Some(LISTEN),
        ),
        said(
            "https.listen",
            given.listen_https.as_deref(),
            https.listen.as_deref(),
            None,
        ),
        said(
            "https.certificate",
            None,
            certificate.as_deref(),
            secured.then_some(SELF_MADE),
        ),
        said("public_url", public.0, public.1, None),
    ]
}

/// What it reads and keeps.
fn paths(given: &Given, file: &File) -> Vec<Configured> {
    let path = |name, given: Option<&Path>, file: Option<&Path>, own: Option<&str>| {
        let [given, file] = [given, file].map(|path| path.map(|path| path.display().to_string()));
        said(name, given.as_deref(), file.as_deref(), own)
    };
    vec![
        path(
            "menu",
            given.menu.as_deref(),
            file.menu.as_deref(),
            Some(SAMPLE),
        ),
        path(
            "locales",
            given.locales.as_deref(),
            file.locales.as_deref(),
            None,
        ),
        path("data_dir", Some(&given.data_dir), None, None),
        path("config", given.config.as_deref(), None, None),
        path(
            "credential",
            given.credential.as_deref(),
            file.credential.as_deref(),
            None,
        ),
    ]
}

/// How it reaches headquarters.
fn ways(given: &Given, file: &File, credential: Option<&Credential>) -> [Configured; 2] {
    let url = |name, given: Option<&str>, own: Option<&str>, file: Option<&str>| {
        let said = [
            (given, Source::CommandLine),
            (own, Source::Credential),
            (file, Source::File),
        ];
        Configured::first(
            name,
            said.map(|(url, source)| (url.map(without_secret), source)),
        )
    };
    let cloud = credential.map(|own| own.cloud.as_str());
    let mqtt = credential.and_then(|own| own.mqtt.as_deref());
    [
        url(
            "cloud",
            given.cloud.as_deref(),
            cloud,
            file.cloud.as_deref(),
        ),
        url("mqtt", given.mqtt.as_deref(), mqtt, file.mqtt.as_deref()),
    ]
}

/// Its days, and what it keeps for how long.
fn habits(file: &File) -> Vec<Configured> {
    let number = |name, unit: &str, file: Option<u64>, own: u64| {
        let file = file.map(|number| format!("{number} {unit}"));
        said(name, None, file.as_deref(), Some(&format!("{own} {unit}")))
    };
    let starts = Schedule::default().starts.strftime("%H:%M").to_string();
    let journal = &file.journal;
    let days = journal.retention_days.map(u64::from);
    vec![
        said(
            "day.starts",
            None,
            file.day.starts.as_deref(),
            Some(&starts),
        ),
        number("journal.retention_days", "d", days, RETENTION_DAYS.into()),
        number(
            "journal.retention_mib",
            "MiB",
            journal.retention_mib,
            RETENTION_MIB,
        ),
        number(
            "journal.reserve_mib",
            "MiB",
            journal.reserve_mib,
            RESERVE_MIB,
        ),
    ]
}

/// A URL without whatever stands before its host: that may be a password.
fn without_secret(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let host = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (host, path) = rest.split_at(host);
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn found(told: &[Configured], name: &str) -> (Option<String>, Source) {
        let one = told.iter().find(|told| told.name == name).unwrap();
        (one.value.clone(), one.source)
    }

    #[test]
    fn what_was_said_last_is_told_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("kiosk.toml");
        let text =
            "listen = \"127.0.0.1:1\"\n[day]\nstarts = \"05:30\"\n[journal]\nretention_days = 3\n";
        std::fs::write(&config, text).unwrap();
        let given = Given {
            data_dir: folder.path().join("data"),
            listen: Some("127.0.0.1:2".to_owned()),
            config: Some(config),
            ..Given::default()
        };
        let told = Config::read(given).unwrap().told;
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            found(&told, "listen"),
            (text("127.0.0.1:2"), Source::CommandLine)
        );
        assert_eq!(found(&told, "day.starts"), (text("05:30"), Source::File));
        assert_eq!(
            found(&told, "journal.retention_days"),
            (text("3 d"), Source::File)
        );
        assert_eq!(found(&told, "menu"), (text(SAMPLE), Source::BuiltIn));
        assert_eq!(found(&told, "cloud"), (None, Source::BuiltIn));
    }

    #[test]
    fn no_password_is_told() {
        for (url, shown) in [
            (
                "mqtts://kiosk:secret@broker.example:8883",
                "mqtts://broker.example:8883",
            ),
            ("https://a@b@cloud.example/x@y", "https://cloud.example/x@y"),
            ("https://cloud.example", "https://cloud.example"),
        ] {
            assert_eq!(without_secret(url), shown);
        }
    }
}
