//! What diners write and what opens doors is in no log and in no metric.

use std::time::Duration;

use anyhow::Context;
use cloud_sync_wire::credential::Credential;
use lab::checker::{Shown, settle};
use lab::dice::Dice;
use lab::diner::accepted;
use lab::process::Lab;
use lab::store::{Store, USER};
use serde_json::json;

use crate::{Told, lab, link_becomes, serially};

const NOTE: &str = "for-Marguerite-from-the-third-floor";
const PIN: &str = "864209";

/// Everything that may be told is told.
fn talkative() -> Lab {
    lab()
        .with("KIOSK_LOG", "debug")
        .with("CLOUD_SYNC_LOG", "debug")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_diners_write_and_what_opens_doors_is_in_no_log_and_no_metric() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&talkative(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    kiosk
        .command(&["staff", "set-pin", "--role", "manager"], PIN)
        .await?;
    let signed_in = kiosk
        .api()?
        .post("/api/v1/sessions", &json!({ "pin": PIN }))
        .await?;
    let token = signed_in.expect(201)?["token"].clone();

    let mut diner = kiosk.diner(Dice::printed("privacy"))?;
    let mut cart = diner.cart().await?;
    cart["lines"][0]["note"] = json!(NOTE);
    let placed = diner
        .try_once(&uuid::Uuid::new_v4().to_string(), &cart)
        .await?;
    let mut shown = Shown::default();
    shown.add(accepted(&kiosk.id, &placed.expect(201)?)?);
    settle(&store, shown, Duration::from_secs(30)).await?;

    let token = token.as_str().context("a token")?;
    let secrets = secrets(&store, token)?;
    let told = told(&store).await?;
    assert!(
        told.iter().all(|told| told.len() > 500),
        "too little was told to say anything"
    );
    for secret in &secrets {
        for told in &told {
            let line = told.lines().find(|line| line.contains(secret.as_str()));
            assert!(line.is_none(), "{secret} is told: {line:?}");
        }
    }
    store.stop().await?;
    Ok(())
}

/// What nobody is to read anywhere.
fn secrets(store: &Store, token: &str) -> anyhow::Result<Vec<String>> {
    let file = store.folder().join("front-left.credential.json");
    let credential = Credential::parse(&std::fs::read(file)?)?;
    let seed = serde_json::to_value(&credential.device_secret)?;
    let seed = seed.as_str().context("a seed")?;
    let access = credential.device_secret.access_token();
    Ok([NOTE, PIN, USER.1, token, seed, &access]
        .map(str::to_owned)
        .into())
}

/// All that is told to whoever runs it.
async fn told(store: &Store) -> anyhow::Result<[String; 4]> {
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let of_kiosk = kiosk.api()?.get("/metrics").await?.body;
    let of_cloud = store.hq().await?.api().get("/metrics").await?.body;
    Ok([
        std::fs::read_to_string(kiosk.log())?,
        std::fs::read_to_string(store.cloud.log())?,
        of_kiosk.to_string(),
        of_cloud.to_string(),
    ])
}
