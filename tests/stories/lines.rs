//! Lines that do what lines do: a seeded nemesis turns every switch there is while diners order.

use std::time::Duration;

use anyhow::Context;
use lab::checker::{Shown, settle};
use lab::clock::Start;
use lab::dice::Dice;
use lab::proxy::Mode;
use lab::store::Store;
use tokio::task::JoinSet;

use crate::{Told, lab, serially};

const LASTS: Duration = Duration::from_secs(15);
const MODES: [Mode; 6] = [
    Mode::Pass,
    Mode::Pass,
    Mode::Cut,
    Mode::BlackHole,
    Mode::OneWay,
    Mode::SLOW,
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_the_lines_do_every_order_arrives_once() -> Told {
    let _alone = serially().await?;
    let dice = Dice::printed("whatever the lines do");
    let kiosks = ["front-left", "front-right"];
    let mut store = Store::open(&lab(), "canal-street", &kiosks).await?;
    let start = Start::now();
    let mut diners = JoinSet::new();
    for (seat, kiosk) in (0..).zip(&store.kiosks) {
        let mut diner = kiosk.diner(dice.fork(seat))?;
        diners.spawn(async move {
            let mut accepted = Vec::new();
            while start.elapsed() < LASTS {
                accepted.push(diner.order().await?);
                tokio::time::sleep(Duration::from_millis(120)).await;
            }
            anyhow::Ok((accepted, diner.slowest))
        });
    }
    let mut nemesis = dice.fork(u64::MAX);
    let mut turns = 0;
    while start.elapsed() < LASTS {
        let pause = 50 + nemesis.below(1_500);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        let kiosk = nemesis.pick(&store.kiosks).context("a kiosk")?;
        let link = if nemesis.below(2) == 0 {
            &kiosk.http
        } else {
            &kiosk.mqtt
        };
        link.set(*nemesis.pick(&MODES).context("a mode")?);
        turns += 1;
    }
    let mut shown = Shown::default();
    while let Some(diner) = diners.join_next().await {
        let (accepted, slowest) = diner??;
        println!("{} orders, the slowest took {slowest:?}", accepted.len());
        shown.extend(accepted);
    }
    store.heal();
    let verdict = settle(&store, shown, Duration::from_secs(90)).await?;
    println!("{turns} turns of switches: {verdict:?}");
    store.stop().await?;
    Ok(())
}
