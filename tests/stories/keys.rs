//! Keys that follow one another: the cloud's and the kiosk's, without an order lost or believed twice.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use cloud_sync_wire::credential::Credential;
use lab::api::Api;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::diner::Diner;
use lab::proxy::Mode;
use lab::store::{Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::json;

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);

async fn works(
    kiosk: &Kiosk,
    diner: &mut Diner,
    orders: usize,
    shown: &mut Shown,
) -> anyhow::Result<()> {
    for _ in 0..orders {
        shown.add(diner.order().await?);
    }
    drain(kiosk, SOON).await?;
    Ok(())
}

/// Turns a switch at headquarters and waits until the kiosk obeys.
async fn obeys(store: &Store, kiosk: &Kiosk, state: &str) -> anyhow::Result<()> {
    let wish = json!({"state": state, "scope": {"all": true}, "reason": "to see who is believed"});
    let hq = store.hq().await?;
    hq.api()
        .put("/api/v1/switches/menu_updates", &wish)
        .await?
        .expect(200)?;
    until("the switch is turned", SOON, async || {
        let status = kiosk.status().await?;
        let switches = status["switches"].as_array().context("switches")?;
        let found = switches
            .iter()
            .find(|switch| switch["name"] == "menu_updates");
        let stands = found.is_some_and(|switch| switch["effective"] == state);
        Ok(match stands {
            true => Look::Done(()),
            false => Look::NotYet(format!("{found:?}")),
        })
    })
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kiosks_follow_the_clouds_keys_by_http_by_mqtt_and_after_a_long_absence() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["near", "far"]).await?;
    let mut shown = Shown::default();
    let mut near = store.kiosks[0].diner(Dice::printed("near"))?;
    let mut far = store.kiosks[1].diner(Dice::printed("far"))?;
    works(&store.kiosks[0], &mut near, 3, &mut shown).await?;
    works(&store.kiosks[1], &mut far, 3, &mut shown).await?;
    // One kiosk is away while the key changes twice.
    store.kiosks[1].terminate().await?;
    store.cloud.command(&["rotate-key"], "").await?;
    obeys(&store, &store.kiosks[0], "off").await?;
    works(&store.kiosks[0], &mut near, 3, &mut shown).await?;
    // Without HTTP the broker tells.
    store.kiosks[0].http.set(Mode::Cut);
    store.cloud.command(&["rotate-key"], "").await?;
    obeys(&store, &store.kiosks[0], "on").await?;
    works(&store.kiosks[0], &mut near, 3, &mut shown).await?;
    // What it followed it knows after a restart, with nobody there to tell it over HTTP.
    store.kiosks[0].terminate().await?;
    store.start_kiosks().await?;
    works(&store.kiosks[0], &mut near, 2, &mut shown).await?;
    works(&store.kiosks[1], &mut far, 3, &mut shown).await?;
    store.heal();
    for kiosk in &store.kiosks {
        link_becomes(kiosk, &["online"], SOON).await?;
    }
    // A cloud that starts again signs with its last key.
    store.cloud.terminate().await?;
    store.start_cloud().await?;
    works(&store.kiosks[0], &mut near, 2, &mut shown).await?;
    let verdict = settle(&store, shown, SOON).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_changes_its_key_while_it_sells_and_the_old_one_ends_with_its_restart() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["k"]).await?;
    let mut shown = Shown::default();
    let mut diner = store.kiosks[0].diner(Dice::printed("another key"))?;
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    let file = store.folder().join("k.credential.json");
    let read = || -> anyhow::Result<Credential> { Ok(Credential::parse(&std::fs::read(&file)?)?) };
    let before = read()?;
    let cloud = store.cloud.base().context("a cloud")?;
    let name = file.to_string_lossy().into_owned();
    let rotate = ["rotate-key", "--credential", &name, "--cloud", &cloud];
    let run = async || lab().run(lab::process::Role::Kiosk, rotate, "").await;
    run().await?.fine("rotate-key")?;
    let after = read()?;
    assert!(after.device_secret != before.device_secret);
    // It sells on with the key that it was started with, over both ways.
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    store.kiosks[0].http.set(Mode::Cut);
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    store.heal();
    store.kiosks[0].terminate().await?;
    store.start_kiosks().await?;
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    link_becomes(&store.kiosks[0], &["online"], SOON).await?;
    let shows = async |credential: &Credential| {
        let api = Api::at(cloud.clone())?.with_token(&credential.device_secret.access_token());
        Ok::<_, anyhow::Error>(api.get("/api/v1/kiosks/canal-street/k/keys").await?.status)
    };
    assert!(shows(&after).await? == 200);
    assert!(shows(&before).await? == 401, "the old key still counts");
    let verdict = settle(&store, shown, SOON).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_put_back_from_before_its_key_is_believed_again_once_it_is_given_that_key() -> Told
{
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["k"]).await?;
    let mut shown = Shown::default();
    let mut diner = store.kiosks[0].diner(Dice::printed("a key kept"))?;
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    store.cloud.terminate().await?;
    let (data, backup) = (store.folder().join("cloud"), store.folder().join("backup"));
    copied(&data, &backup)?;
    store.start_cloud().await?;
    let file = store
        .folder()
        .join("kept.key")
        .to_string_lossy()
        .into_owned();
    let rotate = ["rotate-key", "--key-file", &file];
    store.cloud.command(&rotate, "").await?;
    let log = store.cloud.log().to_owned();
    says(&log, "another key signs from now on").await?;
    // Confirmed by the new key, which the kiosk has to follow for that.
    works(&store.kiosks[0], &mut diner, 3, &mut shown).await?;
    store.cloud.terminate().await?;
    std::fs::remove_dir_all(&data)?;
    copied(&backup, &data)?;
    store.start_cloud().await?;
    // It sells on, and believes nobody.
    shown.add(diner.order().await?);
    link_becomes(&store.kiosks[0], &["offline"], SOON).await?;
    let status = store.kiosks[0].status().await?;
    let left = status["journal"]["unconfirmed"].as_u64();
    assert!(left > Some(0), "released without a word that counts");
    store.cloud.command(&rotate, "").await?;
    works(&store.kiosks[0], &mut diner, 2, &mut shown).await?;
    let verdict = settle(&store, shown, SOON).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

async fn says(log: &Path, what: &str) -> anyhow::Result<()> {
    until(what, SOON, async || {
        let text = std::fs::read_to_string(log)?;
        Ok(match text.contains(what) {
            true => Look::Done(()),
            false => Look::NotYet("not yet".to_owned()),
        })
    })
    .await?;
    Ok(())
}

fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    let mode = std::fs::metadata(from)?.permissions();
    std::fs::set_permissions(to, mode)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
