//! The commands beside `serve`. They open the same ledger and write in short transactions, so that
//! they work while it serves.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use cloud_sync_wire::credential::{Credential, DeviceSecret, VERSION, token_digest};
use kiosk_core::ids::{KioskId, StoreId};
use kiosk_core::wall::WallTime;

use crate::brokers::{self, MqttUrl};
use crate::cli::Failure;
use crate::clock;
use crate::cloud;
use crate::http::brokers::not_served;
use crate::ledger::changes::{self, GROUPS_MOST};
use crate::ledger::connection::Connection;
use crate::ledger::folder::read_limited;
use crate::ledger::users::{self, Role};
use crate::ledger::{Ledger, Place, assignments, devices, lineage, logins};
use crate::mosquitto;
use crate::users::{PASSWORD_LEAST, TEXT_MOST, hash_password};

/// Where a serving process notes how kiosks reach it.
pub(crate) const CLOUD_URL: &str = "cloud_url";
/// Where it notes whom kiosks have to trust for it, PEM; empty if the machine's authorities are enough.
pub(crate) const AUTHORITY: &str = "authority";

const DAY_MS: i64 = 86_400_000;

/// What a credential is to say.
pub(crate) struct Enrolment {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
    pub(crate) cloud: Option<String>,
    pub(crate) mqtt: Option<String>,
    pub(crate) ca: Option<PathBuf>,
    pub(crate) groups: Vec<String>,
    pub(crate) valid_days: Option<u16>,
}

pub(crate) fn enroll(place: &Place, enrolment: Enrolment, out: &Path) -> Result<(), Failure> {
    check(&enrolment)?;
    let given = enrolment.ca.as_deref().map(authorities).transpose()?;
    let (ledger, lineage) = cloud::open(place)?;
    let mut seed = [0; 32];
    cloud::random(&mut seed)?;
    let secret = DeviceSecret::from_seed(seed);
    // The file is made before the kiosk is, so that a folder that can't be written to changes nothing.
    let waiting = out.with_extension("new");
    let file = private_file(&waiting)?;
    let noted = register(&ledger, &enrolment, &secret)?;
    let ca = given.or(noted.authority);
    let or_default = |given: Option<String>, noted: Option<String>, default: &str| {
        given.or(noted).unwrap_or_else(|| default.to_owned())
    };
    let credential = Credential {
        stillopen_credential: VERSION,
        cloud: or_default(enrolment.cloud, noted.cloud, "http://127.0.0.1:9080"),
        mqtt: Some(or_default(
            enrolment.mqtt,
            noted.mqtt,
            "mqtt://127.0.0.1:1883",
        )),
        ca,
        device_secret: secret,
        cloud_key: lineage.key.public(),
        prefixes: noted.prefixes,
        store: enrolment.store,
        kiosk: enrolment.kiosk,
    };
    let text = serde_json::to_string_pretty(&credential).map_err(|error| error.to_string())?;
    finish(file, &format!("{text}\n"))
        .and_then(|()| fs::rename(&waiting, out))
        .map_err(|error| unwritable(out, &error))?;
    let (store, kiosk) = (&credential.store, &credential.kiosk);
    println!(
        "enrolled {store}/{kiosk}, numbers begin with {}: {}",
        credential.prefixes.first().map_or("", String::as_str),
        out.display()
    );
    refresh_broker_files(&ledger)
}

/// What the ledger knows for a credential.
struct Noted {
    prefixes: Vec<String>,
    cloud: Option<String>,
    mqtt: Option<String>,
    authority: Option<String>,
}

/// Enters the kiosk into the ledger.
fn register(
    ledger: &Ledger,
    enrolment: &Enrolment,
    secret: &DeviceSecret,
) -> Result<Noted, Failure> {
    let (store, kiosk) = (enrolment.store.clone(), enrolment.kiosk.clone());
    let mut groups = enrolment.groups.clone();
    groups.sort();
    groups.dedup();
    let token = secret.access_token();
    let (key, digest) = (secret.key().public(), token_digest(token.as_bytes()));
    let login = mosquitto::login(&token)?;
    let (days, chosen) = (enrolment.valid_days, enrolment.mqtt.is_some());
    let noted = ledger.write_blocking(move |connection| {
        let now = clock::wall();
        let prefixes = devices::enroll(connection, &store, &kiosk, key, digest, now)?;
        logins::keep(connection, &store, &kiosk, &login)?;
        if !groups.is_empty() {
            let why = ("cloud-sync enroll", "enrolled into these groups");
            changes::put_into_groups(connection, (&store, &kiosk), &groups, why, now)?;
        }
        if let Some(days) = days {
            let at = WallTime::from_millis(now.as_millis() + i64::from(days) * DAY_MS);
            devices::expire(connection, &store, &kiosk, at)?;
        }
        let authority = lineage::get(connection, AUTHORITY)?;
        let served = brokers::served(connection)?;
        // Who names a broker by hand is not second-guessed.
        let own = match chosen {
            true => None,
            false => assignments::settle(connection, &store, &served, now)?,
        };
        Ok(Noted {
            prefixes,
            cloud: lineage::get(connection, CLOUD_URL)?,
            mqtt: own.or_else(|| served.into_iter().next()),
            authority: authority.filter(|pem| !pem.is_empty()),
        })
    })?;
    Ok(noted)
}

/// The certificates in a file, checked as far as that goes without a kiosk.
fn authorities(file: &Path) -> Result<String, Failure> {
    let told = |what: String| {
        let file = file.display();
        Failure::Configuration(vec![format!("ca: {file} {what}; name a PEM file")])
    };
    let text = fs::read_to_string(file).map_err(|error| told(format!("can't be read: {error}")))?;
    if !text.contains("-----BEGIN CERTIFICATE-----") {
        return Err(told("holds no certificate".to_owned()));
    }
    Ok(text)
}

pub(crate) fn finish(mut file: fs::File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Writes a broker's files, and has them kept up to date from now on.
pub(crate) fn broker_files(
    place: &Place,
    out: &Path,
    services: Vec<String>,
    broker: Option<&str>,
) -> Result<(), Failure> {
    let broker = broker.map(MqttUrl::parse).transpose();
    let broker =
        broker.map_err(|fault| Failure::Configuration(vec![format!("broker: {fault}")]))?;
    let (ledger, _) = cloud::open(place)?;
    let folder = std::path::absolute(out).map_err(|error| error.to_string())?;
    let files = mosquitto::Files {
        folder,
        services,
        broker: broker.map(|broker| broker.public()),
    };
    tell_of(&files.begin(&ledger)?);
    Ok(())
}

/// After who may use a broker has changed.
fn refresh_broker_files(ledger: &Ledger) -> Result<(), Failure> {
    match mosquitto::refresh(ledger) {
        Ok(all) => all.iter().for_each(tell_of),
        Err(Failure::Failed(error)) => {
            return Err(Failure::Failed(format!(
                "that is done, but the broker does not know: {error}; run cloud-sync broker-acl again"
            )));
        }
        Err(other) => return Err(other),
    }
    Ok(())
}

fn tell_of(written: &mosquitto::Written) {
    println!(
        "{}: {} kiosks may use the broker; have it read the files anew: kill -HUP its process, or systemctl \
         reload mosquitto",
        written.folder.display(),
        written.kiosks
    );
    for name in &written.missing {
        eprintln!(
            "cloud-sync: {name} was enrolled by an earlier version and has not called since; once it has, run \
             broker-acl again"
        );
    }
}

fn check(enrolment: &Enrolment) -> Result<(), Failure> {
    let mut faults = Vec::new();
    // Words of the topic tree: such a kiosk would write where others read their settings.
    if enrolment.store.as_str() == "fleet" || enrolment.kiosk.as_str() == "config" {
        faults
            .push("store and kiosk: a store can't be called fleet, a kiosk not config".to_owned());
    }
    for group in &enrolment.groups {
        // The rule of other names.
        if StoreId::try_new(group).is_err() {
            faults.push(format!(
                "group: {group:?} must be 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit"
            ));
        }
    }
    if enrolment.groups.len() > GROUPS_MOST {
        faults.push(format!(
            "group: a kiosk may be in at most {GROUPS_MOST} groups"
        ));
    }
    if let Some(url) = &enrolment.cloud
        && !["http://", "https://"]
            .iter()
            .any(|scheme| url.starts_with(scheme))
    {
        faults.push(format!(
            "cloud: {url:?} is not a URL, such as https://cloud.example.com"
        ));
    }
    if let Some(url) = &enrolment.mqtt
        && let Err(fault) = MqttUrl::parse(url)
    {
        faults.push(format!("mqtt: {fault}"));
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Failure::Configuration(faults))
    }
}

/// A file that its owner alone can read.
pub(crate) fn private_file(path: &Path) -> Result<fs::File, Failure> {
    let open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    open.map_err(|error| unwritable(path, &error))
}

pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!(
        "can't write {}: {error}; name a file in a folder that you may write to",
        path.display()
    ))
}

pub(crate) fn revoke(place: &Place, store: &StoreId, kiosk: &KioskId) -> Result<(), Failure> {
    let (ledger, _) = cloud::open(place)?;
    let (of, which) = (store.clone(), kiosk.clone());
    let known = ledger.write_blocking(move |connection| {
        devices::revoke(connection, &of, &which, clock::wall())
    })?;
    if !known {
        return Err(Failure::Failed(format!(
            "there is no kiosk {store}/{kiosk}"
        )));
    }
    println!("revoked {store}/{kiosk}; what it still sends is kept in quarantine");
    refresh_broker_files(&ledger)
}

pub(crate) fn new_generation(place: &Place) -> Result<(), Failure> {
    let (ledger, _) = cloud::open(place)?;
    let standing = ledger
        .write_blocking(|connection| lineage::begin_new(connection, 0, "told to", clock::wall()))?;
    println!(
        "generation {} ({}): kiosks send again what this ledger does not hold",
        standing.generation, standing.lineage
    );
    Ok(())
}

pub(crate) fn add_user(place: &Place, name: &str, role: &str) -> Result<(), Failure> {
    let role = Role::from_name(role).ok_or_else(|| format!("{role:?} is not a role"))?;
    let name = name.trim().to_owned();
    if name.is_empty() || name.len() > TEXT_MOST {
        return Err(Failure::Failed(format!(
            "the name must have 1 to {TEXT_MOST} bytes"
        )));
    }
    let limit = u64::try_from(TEXT_MOST + 2).unwrap_or(u64::MAX);
    let bytes = read_limited(io::stdin(), limit)
        .map_err(|error| format!("can't read the password from standard input: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "the password is not UTF-8".to_owned())?;
    let password = text.trim_end_matches(['\r', '\n']);
    if !(PASSWORD_LEAST..=TEXT_MOST).contains(&password.len()) {
        return Err(Failure::Failed(format!(
            "the password on standard input must have {PASSWORD_LEAST} to {TEXT_MOST} bytes"
        )));
    }
    let hash = hash_password(password)?;
    let (ledger, _) = cloud::open(place)?;
    let added = name.clone();
    ledger.write_blocking(move |connection| {
        users::put(connection, &added, role, &hash, clock::wall())
    })?;
    println!("user {name} may sign in as {}", role.as_str());
    Ok(())
}

/// Assigns a broker to a store; none for the one that its credentials name.
pub(crate) fn assign_broker(
    place: &Place,
    store: &StoreId,
    url: Option<&str>,
    reason: &str,
) -> Result<(), Failure> {
    let url = url.map(MqttUrl::parse).transpose();
    let url = url.map_err(|fault| Failure::Configuration(vec![format!("mqtt: {fault}")]))?;
    let url = url.map(|url| url.public());
    let (ledger, _) = cloud::open(place)?;
    let (of, reason) = (store.clone(), reason.to_owned());
    let made = ledger.write_blocking(move |connection| {
        let served = brokers::served(connection)?;
        if let Some(url) = url.as_ref().filter(|url| !served.contains(url)) {
            return Ok(Err(not_served(url, &served)));
        }
        let why = ("cloud-sync broker assign", reason.as_str());
        assignments::assign(connection, &of, url.as_deref(), why, clock::wall()).map(Ok)
    })?;
    let said = made.map_err(Failure::Failed)?;
    let said = said.ok_or_else(|| format!("there is no store {store}"))?;
    let url = said
        .url
        .as_deref()
        .unwrap_or("the broker that their credentials name");
    println!("the kiosks of {store} go to {url}");
    refresh_broker_files(&ledger)
}

/// The brokers, and the stores of each.
pub(crate) fn list_brokers(place: &Place) -> Result<(), Failure> {
    let (ledger, _) = cloud::open(place)?;
    let read = |connection: &dyn Connection| {
        Ok((brokers::served(connection)?, assignments::all(connection)?))
    };
    let (served, all) = ledger.read_blocking(read)?;
    for url in &served {
        println!("{url}");
    }
    for said in &all {
        let url = said.url.as_deref().unwrap_or("as credentials say");
        println!("{}: {url} ({}: {})", said.store, said.by, said.reason);
    }
    Ok(())
}
