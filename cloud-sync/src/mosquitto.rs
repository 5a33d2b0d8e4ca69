//! What mosquitto needs to obey the rules of the embedded broker: an access list, a password file
//! and the settings that belong to them. No plug-in of its own.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cloud_sync_wire::hello::to_hex;
use kiosk_core::ids::StoreId;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};

use crate::broker::Identity;
use crate::broker::rules::{Act, grants};
use crate::cli::Failure;
use crate::cloud::random;
use crate::ledger::connection::Connection;
use crate::ledger::logins::{self, Entitled};
use crate::ledger::{Ledger, LedgerError, assignments, lineage};

/// As `mosquitto_passwd` does. A token is 256 random bits: no number of rounds makes it safer.
const ROUNDS: NonZeroU32 = NonZeroU32::new(101).expect("101 is not zero");
/// Where it is remembered which files to keep up to date.
const FILES: &str = "broker_files";

/// What a password file says of a token.
pub(crate) fn login(token: &str) -> Result<String, LedgerError> {
    let mut salt = [0; 12];
    random(&mut salt)?;
    Ok(salted(token, salt))
}

fn salted(token: &str, salt: [u8; 12]) -> String {
    let mut hash = [0; 64];
    pbkdf2::derive(
        pbkdf2::PBKDF2_HMAC_SHA512,
        ROUNDS,
        &salt,
        token.as_bytes(),
        &mut hash,
    );
    let (salt, hash) = (STANDARD.encode(salt), STANDARD.encode(hash));
    format!("$7${ROUNDS}${salt}${hash}")
}

/// Files that are kept up to date from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Files {
    /// The folder.
    pub(crate) folder: PathBuf,
    /// The accounts of cloud-sync itself, one for each process that serves.
    pub(crate) services: Vec<String>,
    /// The broker that they are for: stores that are assigned to another one are left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) broker: Option<String>,
}

/// What earlier versions remembered was one folder.
#[derive(Deserialize)]
#[serde(untagged)]
enum Remembered {
    Many(Vec<Files>),
    One(Files),
}

fn remembered(connection: &dyn Connection) -> Result<Vec<Files>, LedgerError> {
    let Some(text) = lineage::get(connection, FILES)? else {
        return Ok(Vec::new());
    };
    match serde_json::from_str(&text) {
        Ok(Remembered::Many(all)) => Ok(all),
        Ok(Remembered::One(files)) => Ok(vec![files]),
        Err(error) => Err(LedgerError::Storage(error.to_string())),
    }
}

/// What was written.
#[derive(Debug)]
pub(crate) struct Written {
    pub(crate) folder: PathBuf,
    pub(crate) kiosks: usize,
    /// Kiosks that had to be left out: their token was not seen since an earlier version.
    pub(crate) missing: Vec<String>,
}

impl Files {
    /// Writes them, and remembers to do so after each enrolment.
    pub(crate) fn begin(self, ledger: &Ledger) -> Result<Written, Failure> {
        let written = self.write(ledger)?;
        ledger.write_blocking(move |connection| {
            let mut all = remembered(connection)?;
            all.retain(|files| files.folder != self.folder);
            all.push(self);
            let text = serde_json::to_string(&all);
            let text = text.map_err(|error| LedgerError::Storage(error.to_string()))?;
            lineage::set(connection, FILES, &text)
        })?;
        Ok(written)
    }

    fn write(&self, ledger: &Ledger) -> Result<Written, Failure> {
        let trouble = |path: &Path, error: &io::Error| {
            let path = path.display();
            format!("can't write {path}: {error}; name a folder that you may write to")
        };
        fs::create_dir_all(&self.folder).map_err(|error| trouble(&self.folder, &error))?;
        // Who reads the ledger later must not be overtaken by who read it earlier.
        let lock = self.folder.join(".lock");
        let held = File::options().create(true).append(true).open(&lock);
        let held = held.and_then(|file| file.lock().map(|()| file));
        let _held = held.map_err(|error| trouble(&lock, &error))?;
        let mut accounts = Vec::new();
        for name in &self.services {
            let file = self.folder.join(format!("{name}.password"));
            let password = password(&file).map_err(|error| trouble(&file, &error))?;
            accounts.push(Account::new(
                name.clone(),
                login(&password)?,
                Identity::Service,
            ));
        }
        let entitled = ledger.read_blocking(|connection| self.entitled(connection))?;
        let (known, missing): (Vec<_>, Vec<_>) = entitled
            .into_iter()
            .partition(|device| device.login.is_some());
        let kiosks = known.len();
        accounts.extend(known.into_iter().filter_map(Account::of));
        let files = [
            ("passwords", passwords(&accounts)),
            ("acl", access(&accounts)),
            ("stillopen.conf", settings(&self.folder)),
        ];
        for (name, text) in files {
            let file = self.folder.join(name);
            replace(&file, &text, 0o640).map_err(|error| trouble(&file, &error))?;
        }
        let name = |device: Entitled| format!("{}/{}", device.store, device.kiosk);
        Ok(Written {
            folder: self.folder.clone(),
            kiosks,
            missing: missing.into_iter().map(name).collect(),
        })
    }
}

impl Files {
    /// Who may use this broker. A store that was never assigned one has what its credentials name,
    /// which may be any.
    fn entitled(&self, connection: &dyn Connection) -> Result<Vec<Entitled>, LedgerError> {
        let mut entitled = logins::entitled(connection)?;
        if let Some(broker) = &self.broker {
            let elsewhere = assignments::all(connection)?.into_iter();
            let elsewhere =
                elsewhere.filter(|said| said.url.as_ref().is_some_and(|at| at != broker));
            let elsewhere: HashSet<StoreId> = elsewhere.map(|said| said.store).collect();
            entitled.retain(|device| !elsewhere.contains(&device.store));
        }
        Ok(entitled)
    }
}

/// Writes the files anew that were asked for once.
pub(crate) fn refresh(ledger: &Ledger) -> Result<Vec<Written>, Failure> {
    let all = ledger.read_blocking(remembered)?;
    all.iter().map(|files| files.write(ledger)).collect()
}

/// The same, where a server has to go on whatever comes of it.
pub(crate) async fn refresh_or_warn(ledger: Ledger) {
    match tokio::task::spawn_blocking(move || refresh(&ledger)).await {
        Ok(Ok(all)) => {
            for written in all {
                tracing::warn!(
                    folder = %written.folder.display(),
                    "a broker's files were written anew; have it read them"
                );
            }
        }
        other => tracing::error!(?other, "a broker's files can't be written; run broker-acl"),
    }
}

/// A client of the broker.
struct Account {
    name: String,
    login: String,
    identity: Identity,
}

impl Account {
    fn new(name: String, login: String, identity: Identity) -> Self {
        Self {
            name,
            login,
            identity,
        }
    }

    fn of(device: Entitled) -> Option<Self> {
        let identity = Identity::Kiosk {
            store: device.store.to_string(),
            kiosk: device.kiosk.to_string(),
        };
        let name = format!("{}/{}", device.store, device.kiosk);
        Some(Self::new(name, device.login?, identity))
    }
}

fn passwords(accounts: &[Account]) -> String {
    accounts.iter().fold(String::new(), |mut text, account| {
        let _ = writeln!(text, "{}:{}", account.name, account.login);
        text
    })
}

/// Every grant of every account. Patterns would be shorter, but mosquitto has changed more than once
/// what it takes a slash in a name for.
fn access(accounts: &[Account]) -> String {
    let mut text = String::from("# Written by cloud-sync. What is not named here is refused.\n");
    for account in accounts {
        let _ = writeln!(text, "\nuser {}", account.name);
        for grant in grants(&account.identity) {
            let act = match grant.act {
                Act::Publish => "write",
                Act::Receive => "read",
            };
            let _ = writeln!(text, "topic {act} {}", grant.filter);
        }
    }
    text
}

fn settings(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "# Written by cloud-sync; name it in the broker's own settings:
#     include_dir, or a copy of these lines above the first listener.
# Each listener of yours needs one line more, so that no kiosk can take over the session of another:
#     listener 8883
#     certfile …
#     keyfile …
#     use_username_as_clientid true
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/acl
# Nothing rests on what a broker remembers: kiosks send again until a signed ack comes back.
persistence false
max_packet_size 262144
"
    )
}

/// The password in a file, made now if there is none.
fn password(file: &Path) -> io::Result<String> {
    match fs::read_to_string(file) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut secret = [0; 32];
    random(&mut secret).map_err(io::Error::other)?;
    let password = to_hex(&secret);
    replace(file, &format!("{password}\n"), 0o600)?;
    Ok(password)
}

/// A file appears whole or stays as it was.
fn replace(file: &Path, text: &str, mode: u32) -> io::Result<()> {
    let mut name = file.as_os_str().to_owned();
    name.push(".new");
    let waiting = PathBuf::from(name);
    let _ = fs::remove_file(&waiting);
    let mut new = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&waiting)?;
    new.write_all(text.as_bytes())?;
    new.sync_all()?;
    fs::rename(&waiting, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_the_hash_that_mosquitto_reads() {
        // PBKDF2 of RFC 8018 with HMAC-SHA-512, 101 rounds, 64 bytes; reckoned by Python's hashlib.
        assert_eq!(salted("secret", *b"twelve bytes"), EXPECTED);
    }

    const EXPECTED: &str = "$7$101$dHdlbHZlIGJ5dGVz$v/lj6L3NtZzRH+EyeyPkX06ZV2hBBVZqta7rtt0tD+UEtFehuQLthWWy1s9ZSdmRV5IZqoUymx/Udzry8Wtupw==";

    #[test]
    fn an_account_may_do_what_the_rules_grant_and_nothing_else_is_written() {
        let account =
            |name: &str, identity| Account::new(name.to_owned(), "$7$x".to_owned(), identity);
        let kiosk = Identity::Kiosk {
            store: "s".to_owned(),
            kiosk: "k".to_owned(),
        };
        let text = access(&[
            account("s/k", kiosk),
            account("cloud-sync", Identity::Service),
        ]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            lines,
            [
                "",
                "user s/k",
                "topic write so1/s/k/up/events",
                "topic write so1/s/k/up/hello",
                "topic write so1/s/k/status",
                "topic read so1/s/k/down/#",
                "topic read so1/s/config/#",
                "topic read so1/fleet/config/#",
                "",
                "user cloud-sync",
                "topic write so1/+/+/down/#",
                "topic write so1/+/config/#",
                "topic read so1/#",
            ]
        );
    }
}
