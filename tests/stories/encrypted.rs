//! Encryption on the way to the cloud: by certificates of its own, and to brokers with theirs.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use cloud_sync_wire::credential::Credential;
use lab::broker::Mosquitto;
use lab::checker::drain;
use lab::dice::Dice;
use lab::process::Role;
use lab::store::{Folder, Kiosk, Store};
use lab::wait::{Look, until};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::access::{OWN_IDS, files};
use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);

/// An authority, and a certificate of it for this machine with its key: three PEM files.
fn certificates(folder: &Path) -> anyhow::Result<()> {
    let authority = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.crt"), params.self_signed(&authority)?.pem())?;
    let issuer = Issuer::new(params, authority);
    let key = KeyPair::generate()?;
    let own = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("broker.crt"), own.pem())?;
    std::fs::write(folder.join("broker.key"), key.serialize_pem())?;
    Ok(())
}

/// Without its credential's URLs: it uses those that enrolment wrote.
fn as_enrolled(kiosk: &mut Kiosk, credential: &Path) {
    kiosk.more = vec![
        "--credential".to_owned(),
        credential.to_string_lossy().into_owned(),
    ];
}

async fn confirms(kiosk: &Kiosk, orders: usize, what: &str) -> anyhow::Result<()> {
    let mut diner = kiosk.diner(Dice::printed(what))?;
    for _ in 0..orders {
        diner.order().await?;
    }
    drain(kiosk, SOON).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_behind_encrypted_mosquitto_syncs_by_it_alone() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &[]).await?;
    let folder = store.folder().join("acl");
    let settings = files(&store, &folder).await?;
    certificates(store.folder())?;
    let of_listener = format!(
        "{OWN_IDS}\ncertfile {0}/broker.crt\nkeyfile {0}/broker.key",
        store.folder().display()
    );
    let broker = Mosquitto::set_up(&lab(), store.folder(), &settings, &of_listener).await?;
    let ca = store.folder().join("ca.crt").to_string_lossy().into_owned();
    let password = folder
        .join("cloud-sync.password")
        .to_string_lossy()
        .into_owned();
    let url = format!("mqtts://cloud-sync@{}", broker.address());
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--mqtt",
        &url,
        "--mqtt-ca",
        &ca,
    ];
    let data = store.folder().join("cloud").to_string_lossy().into_owned();
    let more = ["--mqtt-password-file", &password, "--data-dir", &data];
    let log = store.folder().join("cloud.log");
    let mut cloud = lab().start(Role::CloudSync, args.into_iter().chain(more), &log)?;
    cloud.listening().await?;
    let out = store.folder().join("k.json").to_string_lossy().into_owned();
    // Nobody serves the cloud's address: only the broker is left.
    let enroll = [
        "enroll",
        "--store",
        "canal-street",
        "--kiosk",
        "k",
        "--cloud",
    ];
    let rest = ["http://127.0.0.1:9", "--ca", &ca, "--out", &out];
    store
        .cloud
        .command(&[&enroll[..], &rest[..]].concat(), "")
        .await?;
    broker.reload()?;
    let mut kiosk = Kiosk::new(&lab(), store.folder(), "k").await?;
    as_enrolled(&mut kiosk, Path::new(&out));
    kiosk.start().await?;
    confirms(&kiosk, 5, "encrypted mosquitto").await?;
    kiosk.terminate().await?;
    cloud.terminate().await?;
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_trusts_the_authority_of_its_credential_and_nobody_else() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &[]).await?;
    store.cloud.more = [
        "--listen-https",
        "127.0.0.1:0",
        "--mqtt-listen-tls",
        "127.0.0.1:0",
    ]
    .map(str::to_owned)
    .to_vec();
    store.start_cloud().await?;
    let out = store.folder().join("k.json");
    let file = out.to_string_lossy().into_owned();
    let enroll = [
        "enroll",
        "--store",
        "canal-street",
        "--kiosk",
        "k",
        "--out",
        &file,
    ];
    store.cloud.command(&enroll, "").await?;
    let credential = Credential::parse(&std::fs::read(&out)?)?;
    assert!(
        credential.cloud.starts_with("https://"),
        "{}",
        credential.cloud
    );
    let mqtt = credential.mqtt.clone().context("a broker")?;
    assert!(mqtt.starts_with("mqtts://"), "{mqtt}");
    let mut kiosk = Kiosk::new(&lab(), store.folder(), "k").await?;
    as_enrolled(&mut kiosk, &out);
    kiosk.start().await?;
    link_becomes(&kiosk, &["online"], SOON).await?;
    confirms(&kiosk, 3, "by https").await?;
    kiosk.terminate().await?;
    // By the encrypted broker alone.
    kiosk
        .more
        .extend(["--cloud".to_owned(), "https://127.0.0.1:9".to_owned()]);
    kiosk.start().await?;
    confirms(&kiosk, 3, "by mqtts").await?;
    kiosk.terminate().await?;
    believes_nobody_else(&store, &mut kiosk, &out, credential).await?;
    kiosk.terminate().await?;
    store.stop().await?;
    Ok(())
}

/// Another authority vouches for nothing here.
async fn believes_nobody_else(
    store: &Store,
    kiosk: &mut Kiosk,
    out: &Path,
    credential: Credential,
) -> anyhow::Result<()> {
    certificates(store.folder())?;
    let other = std::fs::read_to_string(store.folder().join("ca.crt"))?;
    let credential = Credential {
        ca: Some(other),
        ..credential
    };
    std::fs::write(out, serde_json::to_vec(&credential)?)?;
    as_enrolled(kiosk, out);
    kiosk.start().await?;
    let before = store.hq().await?.kiosk("canal-street", "k").await?;
    kiosk.diner(Dice::printed("nobody"))?.order().await?;
    until("the kiosk has tried in vain", SOON, async || {
        let status = kiosk.status().await?;
        let ordering = &status["breakers"][0];
        Ok(match ordering["outage"]["rounds"].as_u64() > Some(2) {
            true => Look::Done(()),
            false => Look::NotYet(ordering.to_string()),
        })
    })
    .await?;
    let status = kiosk.status().await?;
    ensure!(
        status["journal"]["unconfirmed"].as_u64() > Some(0),
        "{status}"
    );
    let after = store.hq().await?.kiosk("canal-street", "k").await?;
    ensure!(
        before["watermark"] == after["watermark"],
        "{before} {after}"
    );
    Ok(())
}
