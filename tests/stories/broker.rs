//! A broker that forgets: no order may rest on it.

use std::time::Duration;

use anyhow::Context;
use lab::broker::Mosquitto;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::proxy::Mode;
use lab::store::{Folder, Store};

use crate::{Told, lab, link_becomes, serially};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_arrive_through_a_broker_that_is_killed_and_forgets_everything() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let mut broker = Mosquitto::start(&lab(), folder.path()).await?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &["front-left"]).await?;
    store.cloud.use_broker(broker.address());
    store.start_cloud().await?;
    // MQTT alone, from start to end.
    store
        .kiosks
        .iter()
        .for_each(|kiosk| kiosk.http.set(Mode::Cut));
    store.start_kiosks().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("a broker that forgets"))?;
    for _ in 0..3 {
        for _ in 0..10 {
            shown.add(diner.order().await?);
        }
        broker.restart().await?;
    }
    shown.add(diner.order().await?);
    let took = drain(kiosk, Duration::from_secs(60)).await?;
    println!("drained by MQTT alone in {took:?}");
    let status = kiosk.status().await?;
    assert!(status["link"] == "offline", "{status}");
    store.heal();
    link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    let verdict = settle(&store, shown, Duration::from_secs(60)).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}
