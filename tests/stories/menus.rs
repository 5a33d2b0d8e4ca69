//! A menu from headquarters: it reaches every kiosk whole, or not at all.

use std::time::Duration;

use anyhow::Context;
use lab::checker::{Shown, settle};
use lab::dice::Dice;
use lab::store::{Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::{Value, json};

use crate::faults::{FAULTS, faulty_menu};
use crate::{Told, lab, serially};

const SOON: Duration = Duration::from_secs(20);
const SAMPLE: &str = include_str!("../../kiosk/menus/lantern-noodles.json");

/// The sample menu with every price raised.
fn dearer(by: i64) -> anyhow::Result<Value> {
    let mut menu: Value = serde_json::from_str(SAMPLE)?;
    for item in menu["items"].as_array_mut().context("items")? {
        item["price"] = json!(item["price"].as_i64().context("a price")? + by);
    }
    Ok(menu)
}

async fn has_menu(kiosk: &Kiosk, version: &Value) -> anyhow::Result<()> {
    until(
        &format!("{} has the menu {version}", kiosk.id),
        SOON,
        async || {
            let menu = kiosk.api()?.get("/api/v1/menu").await?.expect(200)?;
            let seen = &menu["version"];
            Ok(if seen == version {
                Look::Done(())
            } else {
                Look::NotYet(seen.to_string())
            })
        },
    )
    .await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_published_menu_reaches_both_kiosks_and_a_faulty_one_nobody() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left", "front-right"]).await?;
    let hq = store.hq().await?;
    let mut shown = Shown::default();
    let dice = Dice::printed("menus");
    let mut diner = store
        .kiosks
        .first()
        .context("a kiosk")?
        .diner(dice.fork(1))?;
    shown.add(diner.order().await?);

    let published = hq.publish(&store.name, &dearer(100)?).await?.expect(200)?;
    let version = &published["version"];
    assert!(version.is_string(), "{published}");
    for kiosk in &store.kiosks {
        has_menu(kiosk, version).await?;
    }
    // This diner still has the old menu in hand, is told, looks again and orders.
    shown.add(diner.order().await?);

    let refused = hq.publish(&store.name, &faulty_menu()).await?;
    assert!(refused.status == 422, "{refused:?}");
    let errors = refused.body["errors"].as_array().context("errors")?;
    for pointer in FAULTS {
        assert!(
            errors.iter().any(|error| error["pointer"] == pointer),
            "{pointer} in {errors:?}"
        );
    }

    // Without the cloud, a kiosk that starts again still has the last good menu.
    store.cloud.kill9()?;
    for kiosk in &mut store.kiosks {
        kiosk.kill9()?;
        kiosk.start().await?;
        has_menu(kiosk, version).await?;
    }
    let kiosk = store.kiosks.get(1).context("a kiosk")?;
    shown.add(kiosk.diner(dice.fork(2))?.order().await?);
    store.start_cloud().await?;
    settle(&store, shown, Duration::from_secs(60)).await?;
    store.stop().await?;
    Ok(())
}
