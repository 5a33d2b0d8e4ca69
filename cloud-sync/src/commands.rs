//! The commands beside `serve`. They open the same ledger and write in short transactions, so that
//! they work while it serves.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use cloud_sync_wire::credential::{Credential, DeviceSecret, VERSION, token_digest};
use kiosk_core::ids::{KioskId, StoreId};

use crate::cli::Failure;
use crate::clock;
use crate::cloud;
use crate::config::MqttUrl;
use crate::ledger::changes::{self, GROUPS_MOST};
use crate::ledger::folder::read_limited;
use crate::ledger::users::{self, Role};
use crate::ledger::{Place, devices, lineage};
use crate::users::{PASSWORD_LEAST, TEXT_MOST, hash_password};

/// Where a serving process notes how kiosks reach it.
pub(crate) const CLOUD_URL: &str = "cloud_url";
pub(crate) const MQTT_URL: &str = "mqtt_url";

/// What a credential is to say.
pub(crate) struct Enrolment {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
    pub(crate) cloud: Option<String>,
    pub(crate) mqtt: Option<String>,
    pub(crate) groups: Vec<String>,
}

pub(crate) fn enroll(place: &Place, enrolment: Enrolment, out: &Path) -> Result<(), Failure> {
    check(&enrolment)?;
    let (ledger, lineage) = cloud::open(place)?;
    let mut seed = [0; 32];
    cloud::random(&mut seed)?;
    let secret = DeviceSecret::from_seed(seed);
    // The file is made before the kiosk is, so that a folder that can't be written to changes nothing.
    let waiting = out.with_extension("new");
    let mut file = private_file(&waiting)?;
    let (store, kiosk) = (enrolment.store.clone(), enrolment.kiosk.clone());
    let mut groups = enrolment.groups.clone();
    groups.sort();
    groups.dedup();
    let (key, digest) = (
        secret.key().public(),
        token_digest(secret.access_token().as_bytes()),
    );
    let (prefixes, cloud_url, mqtt_url) = ledger.write_blocking(move |connection| {
        let now = clock::wall();
        let prefixes = devices::enroll(connection, &store, &kiosk, key, digest, now)?;
        if !groups.is_empty() {
            let why = ("cloud-sync enroll", "enrolled into these groups");
            changes::put_into_groups(connection, (&store, &kiosk), &groups, why, now)?;
        }
        let cloud_url = lineage::get(connection, CLOUD_URL)?;
        Ok((prefixes, cloud_url, lineage::get(connection, MQTT_URL)?))
    })?;
    let or_default = |given: Option<String>, noted: Option<String>, default: &str| {
        given.or(noted).unwrap_or_else(|| default.to_owned())
    };
    let credential = Credential {
        stillopen_credential: VERSION,
        cloud: or_default(enrolment.cloud, cloud_url, "http://127.0.0.1:9080"),
        mqtt: Some(or_default(
            enrolment.mqtt,
            mqtt_url,
            "mqtt://127.0.0.1:1883",
        )),
        device_secret: secret,
        cloud_key: lineage.key.public(),
        prefixes,
        store: enrolment.store,
        kiosk: enrolment.kiosk,
    };
    let text = serde_json::to_string_pretty(&credential).map_err(|error| error.to_string())?;
    let write = file
        .write_all(text.as_bytes())
        .and_then(|()| file.write_all(b"\n"))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&waiting, out));
    write.map_err(|error| unwritable(out, &error))?;
    let (store, kiosk) = (&credential.store, &credential.kiosk);
    println!(
        "enrolled {store}/{kiosk}, numbers begin with {}: {}",
        credential.prefixes.first().map_or("", String::as_str),
        out.display()
    );
    Ok(())
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
        && !url.starts_with("mqtts://")
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
fn private_file(path: &Path) -> Result<fs::File, Failure> {
    let open = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path);
    open.map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
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
    Ok(())
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
