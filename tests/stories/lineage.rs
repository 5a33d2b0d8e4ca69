//! The cloud goes back in time: nothing that it lost stays lost, and what can't come back has a name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use lab::broker::Mosquitto;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::diner::Diner;
use lab::proxy::Mode;
use lab::store::{Folder, Store};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);

/// Copies a data folder, as a backup of a stopped process does.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// Stops the cloud, keeps a copy of its data, and starts it again.
async fn back_up(store: &mut Store) -> anyhow::Result<PathBuf> {
    store.cloud.terminate().await?;
    let kept = store.folder().join("cloud.backup");
    copy(&store.folder().join("cloud"), &kept)?;
    store.start_cloud().await?;
    Ok(kept)
}

/// Puts the data of a killed cloud back from a copy and starts it.
async fn put_back(store: &mut Store, kept: &Path) -> anyhow::Result<()> {
    let data = store.folder().join("cloud");
    std::fs::remove_dir_all(&data)?;
    copy(kept, &data)?;
    store.start_cloud().await
}

async fn sell(diner: &mut Diner, orders: usize, shown: &mut Shown) -> anyhow::Result<()> {
    for _ in 0..orders {
        shown.add(diner.order().await?);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_put_back_from_a_backup_while_kiosks_sell_gets_everything_again() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left", "front-right"]).await?;
    let mut shown = Shown::default();
    let mut diners = Vec::new();
    for (index, kiosk) in store.kiosks.iter().enumerate() {
        diners.push(kiosk.diner(Dice::printed(&format!("put back {index}")))?);
    }
    for diner in &mut diners {
        sell(diner, 5, &mut shown).await?;
    }
    let kept = back_up(&mut store).await?;
    for diner in &mut diners {
        sell(diner, 12, &mut shown).await?;
    }
    for kiosk in &store.kiosks {
        drain(kiosk, SOON).await?;
    }
    // The window between backup and crash is confirmed at the kiosks, and gone from the cloud.
    store.cloud.kill9()?;
    for diner in &mut diners {
        sell(diner, 2, &mut shown).await?;
    }
    put_back(&mut store, &kept).await?;
    // Live orders keep coming: many more than the acks that were lost with the window.
    for _ in 0..20 {
        for diner in &mut diners {
            sell(diner, 1, &mut shown).await?;
        }
    }
    for kiosk in &store.kiosks {
        link_becomes(kiosk, &["online"], SOON).await?;
    }
    let verdict = settle(&store, shown, SOON).await?;
    println!("{verdict:?}");
    assert_eq!(verdict.orders, 2 * (5 + 12 + 2 + 20));
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_put_back_behind_a_broker_that_stays_up_asks_for_a_hello() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let broker = Mosquitto::start(&lab(), folder.path()).await?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &["front-left"]).await?;
    store.cloud.use_broker(broker.address());
    store.start_cloud().await?;
    let cut = |store: &Store| {
        store
            .kiosks
            .iter()
            .for_each(|kiosk| kiosk.http.set(Mode::Cut))
    };
    cut(&store);
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let mut diner = kiosk.diner(Dice::printed("put back behind a broker"))?;
    sell(&mut diner, 4, &mut shown).await?;
    drain(kiosk, SOON).await?;
    let kept = back_up(&mut store).await?;
    cut(&store);
    sell(&mut diner, 6, &mut shown).await?;
    drain(store.kiosks.first().context("a kiosk")?, SOON).await?;
    store.cloud.kill9()?;
    put_back(&mut store, &kept).await?;
    cut(&store);
    // The kiosk's connection to the broker has never ended: nothing but the cloud's word makes it greet.
    sell(&mut diner, 10, &mut shown).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let took = drain(kiosk, SOON).await?;
    let status = kiosk.status().await?;
    println!("drained by MQTT alone in {took:?}");
    assert!(status["link"] == "offline", "{status}");
    store.heal();
    link_becomes(kiosk, &["online"], SOON).await?;
    let verdict = settle(&store, shown, SOON).await?;
    assert_eq!(verdict.orders, 20);
    store.stop().await?;
    Ok(())
}

/// Has the kiosk start with a retention of nothing, and waits until it has pruned all.
async fn forget(store: &mut Store) -> anyhow::Result<()> {
    let config = store.folder().join("kiosk.toml");
    std::fs::write(&config, "[journal]\nretention_mib = 0\n")?;
    let kiosk = store.kiosks.first_mut().context("a kiosk")?;
    kiosk.terminate().await?;
    kiosk.more = vec!["--config".to_owned(), config.to_string_lossy().into_owned()];
    kiosk.start().await?;
    until("confirmed events are pruned", SOON, async || {
        let check = kiosk.check().await?;
        Ok(match check["events"].as_u64() {
            Some(0) => Look::Done(()),
            _ => Look::NotYet(check.to_string()),
        })
    })
    .await?;
    Ok(())
}

/// Waits until the lost window is named alike on both sides, or on neither.
async fn lost_becomes(store: &Store, named: bool) -> anyhow::Result<Value> {
    let what = "both sides tell the same of what is lost";
    let (told, _) = until(what, SOON, async || {
        let (at_kiosk, at_hq) = lost(store).await?;
        let same = match named {
            true => at_hq == json!([at_kiosk]),
            false => at_kiosk.is_null() && at_hq == json!([]),
        };
        Ok(match same {
            true => Look::Done(at_kiosk),
            false => Look::NotYet(format!("{at_kiosk} {at_hq}")),
        })
    })
    .await?;
    Ok(told)
}

async fn lost(store: &Store) -> anyhow::Result<(Value, Value)> {
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let at_kiosk = kiosk.status().await?["journal"]["lost_window"].clone();
    let hq = store.hq().await?;
    let at_hq = hq.kiosk(&store.name, &kiosk.id).await?["lost"].clone();
    Ok((at_kiosk, at_hq))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_window_lost_beyond_retention_is_named_and_an_export_brings_it_back() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "pier", &["only"]).await?;
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    let mut diner = store.kiosks[0].diner(Dice::printed("lost window"))?;
    sell(&mut diner, 3, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    let kept = back_up(&mut store).await?;
    sell(&mut diner, 6, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    let carried = store.folder().join("carried.sox");
    let carried = carried.to_string_lossy();
    let export = ["export", "--all", "--out", &carried];
    store.kiosks[0].command(&export, "").await?;
    forget(&mut store).await?;
    let kiosk = &store.kiosks[0];
    let next = kiosk.status().await?["journal"]["next_seq"].clone();
    let last = next.as_u64().context("a number")? - 1;
    store.cloud.kill9()?;
    put_back(&mut store, &kept).await?;
    let window = lost_becomes(&store, true).await?;
    let first = window["first"].as_u64().context("a number")?;
    assert!((2..=last).contains(&first), "{window}");
    assert_eq!(window["last"], json!(last));
    println!("events {first} to {last} were named as lost");
    // Selling and syncing go on meanwhile.
    let mut diner = store.kiosks[0].diner(Dice::printed("after the loss"))?;
    sell(&mut diner, 2, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    store.cloud.command(&["import", &carried], "").await?;
    lost_becomes(&store, false).await?;
    let verdict = settle(&store, shown, SOON).await?;
    assert_eq!(verdict.orders, 11);
    store.stop().await?;
    Ok(())
}
