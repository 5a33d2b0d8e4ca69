//! How soon silence is seen, and how soon its end.

use std::time::Duration;

use anyhow::Context;
use lab::checker::{Shown, settle};
use lab::clock::Start;
use lab::dice::Dice;
use lab::proxy::Mode;
use lab::store::{Kiosk, Store};

use crate::{Told, lab, link_becomes, serially};

const WITH_ORDERS: Duration = Duration::from_secs(5);
const IDLE: Duration = Duration::from_secs(10);
const RETURN: Duration = Duration::from_secs(5);

fn silence(kiosk: &Kiosk, mode: Mode) {
    kiosk.http.set(mode);
    kiosk.mqtt.set(mode);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_seen_in_time_and_slows_no_order_and_its_end_is_seen_too() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    let mut shown = Shown::default();
    let dice = Dice::printed("silence");
    let mut before = kiosk.diner(dice.fork(1))?;
    for _ in 0..10 {
        shown.add(before.order().await?);
    }

    silence(kiosk, Mode::BlackHole);
    let mut during = kiosk.diner(dice.fork(2))?;
    let start = Start::now();
    loop {
        shown.add(during.order().await?);
        // An order about every second, and a look in between.
        let second = link_becomes(kiosk, &["offline"], Duration::from_secs(1)).await;
        if second.is_ok() {
            break;
        }
        assert!(start.elapsed() < WITH_ORDERS, "{:?}", start.elapsed());
    }
    println!(
        "with orders, offline was shown after {:?} (promised {WITH_ORDERS:?})",
        start.elapsed()
    );
    for _ in 0..10 {
        shown.add(during.order().await?);
    }
    println!(
        "slowest order: healthy {:?}, silent {:?}",
        before.slowest, during.slowest
    );

    silence(kiosk, Mode::Pass);
    let took = link_becomes(kiosk, &["catching_up", "online"], RETURN).await?;
    println!("its end was seen after {took:?} (promised {RETURN:?})");
    link_becomes(kiosk, &["online"], Duration::from_secs(30)).await?;

    silence(kiosk, Mode::BlackHole);
    let took = link_becomes(kiosk, &["offline"], IDLE).await?;
    println!("idle, offline was shown after {took:?} (promised {IDLE:?})");
    silence(kiosk, Mode::Pass);
    let took = link_becomes(kiosk, &["catching_up", "online"], RETURN).await?;
    println!("its end was seen after {took:?} (promised {RETURN:?})");
    settle(&store, shown, Duration::from_secs(60)).await?;
    store.stop().await?;
    Ok(())
}
