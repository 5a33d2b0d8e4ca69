//! A disk that was rolled back, and a copy of a disk that sells elsewhere: the kiosk carries on in a new
//! journal, and every order whose number was shown is at headquarters, once.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use lab::api::Api;
use lab::checker::{Shown, drain};
use lab::dice::Dice;
use lab::diner::Diner;
use lab::proxy::Mode;
use lab::store::{Folder, Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);

/// Copies a data folder without what it keeps of processes.
fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

async fn sell(diner: &mut Diner, orders: usize, shown: &mut Shown) -> anyhow::Result<()> {
    for _ in 0..orders {
        shown.add(diner.order().await?);
    }
    Ok(())
}

/// Waits until a kiosk has begun a journal that carries on `before`.
async fn carries_on(kiosk: &Kiosk, before: &Value) -> anyhow::Result<Value> {
    let what = format!("{} carries on {before}", kiosk.id);
    let (status, took) = until(&what, SOON, async || {
        // While one journal takes another's place nobody answers.
        let status = kiosk.status().await.unwrap_or_default();
        Ok(match status["journal"]["succeeds"]["journal"] == *before {
            true => Look::Done(status),
            false => Look::NotYet(status.to_string()),
        })
    })
    .await?;
    println!("{} carries on in a new journal after {took:?}", kiosk.id);
    let kept = status["journal"]["succeeds"]["file"].as_str();
    let kept = kiosk.data().join(kept.context("a file")?);
    ensure!(kept.exists(), "{} is not there", kept.display());
    Ok(status)
}

/// Every order shown is at headquarters, and nothing else is; as their sums say.
async fn all_at_headquarters(store: &Store, shown: Shown) -> anyhow::Result<()> {
    let hq = store.hq().await?;
    let found = hq.orders(&store.name).await?;
    let id = |order: &Value| order["id"].as_str().unwrap_or_default().to_owned();
    let there: BTreeSet<String> = found.iter().map(id).collect();
    let wanted = shown.orders().iter().map(|order| order.id.clone());
    let wanted: BTreeSet<String> = wanted.collect();
    let told = (shown.orders().len() as u64, shown.gross());
    let sums = hq.sums(&store.name).await?;
    let counts = (found.len(), shown.orders().len());
    shown.strand("looked at here: their numbers repeat, their identities do not");
    ensure!(there == wanted, "shown {wanted:?}, there {there:?}");
    ensure!(counts.0 == counts.1, "{counts:?}");
    ensure!(sums == told, "sums {sums:?}, shown {told:?}");
    Ok(())
}

/// Signs in as manager.
async fn manager(kiosk: &Kiosk) -> anyhow::Result<Api> {
    let set_pin = ["staff", "set-pin", "--role", "manager"];
    kiosk.command(&set_pin, "135790").await?;
    let pin = json!({ "pin": "135790" });
    let session = kiosk.api()?.post("/api/v1/sessions", &pin).await?;
    let session = session.expect(201)?;
    let token = session["token"].as_str().context("a token")?;
    Ok(kiosk.api()?.with_token(token))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_whose_disk_was_rolled_back_carries_on_and_loses_nothing() -> Told {
    let _alone = serially().await?;
    let mut store =
        Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &["left"]).await?;
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    let dice = Dice::printed("rolled back");
    let mut diner = store.kiosks[0].diner(dice)?;
    sell(&mut diner, 4, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    store.kiosks[0].terminate().await?;
    let (data, image) = (
        store.kiosks[0].data().to_owned(),
        store.folder().join("image"),
    );
    copy(&data, &image)?;
    store.start_kiosks().await?;
    sell(&mut diner, 6, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    let before = store.kiosks[0].status().await?["journal"]["id"].clone();
    store.kiosks[0].terminate().await?;
    // Back to yesterday, and it sells before it hears of the cloud.
    std::fs::remove_dir_all(&data)?;
    copy(&image, &data)?;
    store.kiosks[0].http.set(Mode::Cut);
    store.kiosks[0].mqtt.set(Mode::Cut);
    store.start_kiosks().await?;
    sell(&mut diner, 3, &mut shown).await?;
    let manager = manager(&store.kiosks[0]).await?;
    store.heal();
    let kiosk = &store.kiosks[0];
    let status = carries_on(kiosk, &before).await?;
    assert!(status["journal"]["id"] != before, "{status}");
    // Who was signed in still is.
    manager.get("/api/v1/reports/day").await?.expect(200)?;
    // Diners and staff go on where they were, and numbers no longer repeat.
    sell(&mut diner, 5, &mut shown).await?;
    let numbers: Vec<&str> = shown.orders()[13..]
        .iter()
        .map(|order| &*order.number)
        .collect();
    assert!(
        numbers.iter().all(|number| number.starts_with("AA")),
        "{numbers:?}"
    );
    link_becomes(kiosk, &["online"], SOON).await?;
    drain(kiosk, SOON).await?;
    let check = kiosk.check().await?;
    assert!(check["ok"] == json!(true), "{check}");
    assert!(check["orders"] == json!(4 + 3 + 5), "{check}");
    let seen = store.hq().await?.kiosk(&store.name, "left").await?;
    assert!(
        seen["forked"] == json!(false) && seen["epoch"] == json!(2),
        "{seen}"
    );
    assert!(seen["twins"] == json!(false), "{seen}");
    all_at_headquarters(&store, shown).await?;
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_copies_of_one_disk_both_carry_on_and_headquarters_is_alarmed() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "pier", &["one"]).await?;
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    let mut diner = store.kiosks[0].diner(Dice::printed("the disk"))?;
    sell(&mut diner, 3, &mut shown).await?;
    drain(&store.kiosks[0], SOON).await?;
    let before = store.kiosks[0].status().await?["journal"]["id"].clone();
    store.kiosks[0].terminate().await?;
    // The same disk, and the same credential, in a second machine.
    let elsewhere = store.folder().join("elsewhere");
    copy(store.kiosks[0].data(), &elsewhere.join("one"))?;
    let credential = "one.credential.json";
    std::fs::copy(store.folder().join(credential), elsewhere.join(credential))?;
    let mut twin = Kiosk::new(&lab(), &elsewhere, "one").await?;
    store.cloud.enrol(&store.name, &mut twin).await?;
    store.cloud.connect(&twin);
    store.start_kiosks().await?;
    twin.start().await?;
    let mut other = twin.diner(Dice::printed("its copy"))?;
    for _ in 0..4 {
        sell(&mut diner, 1, &mut shown).await?;
        sell(&mut other, 1, &mut shown).await?;
    }
    for kiosk in [&store.kiosks[0], &twin] {
        carries_on(kiosk, &before).await?;
    }
    let mut diners = [diner, other];
    for diner in &mut diners {
        sell(diner, 2, &mut shown).await?;
    }
    for kiosk in [&store.kiosks[0], &twin] {
        drain(kiosk, SOON).await?;
        let check = kiosk.check().await?;
        assert!(check["ok"] == json!(true), "{check}");
    }
    until("headquarters is alarmed", SOON, async || {
        let seen = store.hq().await?.kiosk(&store.name, "one").await?;
        Ok(match seen["twins"] == json!(true) {
            true => Look::Done(()),
            false => Look::NotYet(seen.to_string()),
        })
    })
    .await?;
    all_at_headquarters(&store, shown).await?;
    twin.terminate().await?;
    store.stop().await?;
    Ok(())
}
