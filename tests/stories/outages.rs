//! The plug pulled and put back: every order whose number was shown is at headquarters, once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::diner::{Accepted, Diner};
use lab::proxy::Mode;
use lab::store::{Folder, Store};
use lab::wait::{Look, until};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::{Told, lab, link_becomes, serially};

const KIOSKS: [&str; 2] = ["front-left", "front-right"];
/// A backlog of a few hundred orders drains in seconds; a busy machine may need more.
const DRAIN: Duration = Duration::from_secs(90);

/// What goes wrong, and after how many shown numbers.
const MISHAPS: [(usize, Mishap); 18] = [
    (20, Mishap::KillCloud),
    (35, Mishap::KillKiosk(0)),
    (50, Mishap::StartCloud),
    (65, Mishap::Broker(Mode::Cut)),
    (80, Mishap::KillKiosk(1)),
    (95, Mishap::Broker(Mode::Pass)),
    (110, Mishap::KillCloud),
    (125, Mishap::KillKiosk(0)),
    (140, Mishap::StartCloud),
    (150, Mishap::Http(Mode::Cut)),
    (165, Mishap::Broker(Mode::Cut)),
    (180, Mishap::KillKiosk(1)),
    (195, Mishap::Broker(Mode::Pass)),
    (205, Mishap::Http(Mode::Pass)),
    (215, Mishap::KillCloud),
    (230, Mishap::KillKiosk(0)),
    (245, Mishap::StartCloud),
    (260, Mishap::KillKiosk(1)),
];

#[derive(Debug, Clone, Copy)]
enum Mishap {
    KillCloud,
    StartCloud,
    KillKiosk(usize),
    Broker(Mode),
    Http(Mode),
}

async fn befall(store: &mut Store, mishap: Mishap) -> anyhow::Result<()> {
    match mishap {
        Mishap::KillCloud => store.cloud.kill9()?,
        Mishap::StartCloud => {
            store.start_cloud().await?;
            orders_arrive(store).await?;
        }
        Mishap::KillKiosk(index) => {
            let kiosk = store.kiosks.get_mut(index).context("a kiosk")?;
            kiosk.kill9()?;
            kiosk.start().await?;
        }
        Mishap::Broker(mode) => store.kiosks.iter().for_each(|kiosk| kiosk.mqtt.set(mode)),
        Mishap::Http(mode) => {
            store.kiosks.iter().for_each(|kiosk| kiosk.http.set(mode));
            if mode == Mode::Pass {
                orders_arrive(store).await?;
            }
        }
    }
    Ok(())
}

/// Whatever comes next finds a store whose orders reach headquarters, not one still coming back.
async fn orders_arrive(store: &Store) -> anyhow::Result<()> {
    for kiosk in &store.kiosks {
        let mut before = None;
        let what = format!("orders of {} arrive again", kiosk.id);
        until(&what, Duration::from_secs(60), async || {
            let journal = &kiosk.status().await?["journal"];
            let (watermark, unconfirmed) = (&journal["watermark"], &journal["unconfirmed"]);
            let before = before.get_or_insert_with(|| watermark.clone());
            Ok(if watermark != before || unconfirmed == 0 {
                Look::Done(())
            } else {
                Look::NotYet(journal.to_string())
            })
        })
        .await?;
    }
    Ok(())
}

/// A diner looks up after so many orders: whatever was due by then has befallen before the next.
/// In between it goes on, so that whatever dies dies with orders in hand.
const BURST: usize = 10;

/// Lets a diner order so many times, in bursts; `due` is the count of shown numbers at which the
/// next mishap befalls.
fn sit_down(
    diners: &mut JoinSet<anyhow::Result<Vec<Accepted>>>,
    mut diner: Diner,
    orders: usize,
    shown: &Arc<AtomicUsize>,
    mut due: watch::Receiver<usize>,
) {
    let shown = Arc::clone(shown);
    diners.spawn(async move {
        let mut accepted = Vec::new();
        for order in 1..=orders {
            accepted.push(diner.order().await?);
            shown.fetch_add(1, Ordering::Relaxed);
            if order % BURST == 0 {
                let passed = |due: &usize| shown.load(Ordering::Relaxed) < *due;
                due.wait_for(passed).await.context("the story ended")?;
            }
        }
        println!("a diner: {orders} orders, {} repeats", diner.retries);
        Ok(accepted)
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_hundred_orders_survive_kill_9_of_everything_in_mid_burst() -> Told {
    let _alone = serially().await?;
    let dice = Dice::printed("kill -9 of everything");
    let mut store = Store::open(&lab(), "canal-street", &KIOSKS).await?;
    let count = Arc::new(AtomicUsize::new(0));
    let mut diners = JoinSet::new();
    let (befallen, due) = watch::channel(MISHAPS[0].0);
    for seat in 0..6 {
        let kiosk = store.kiosks.get(seat % 2).context("a kiosk")?;
        sit_down(
            &mut diners,
            kiosk.diner(dice.fork(seat as u64))?,
            50,
            &count,
            due.clone(),
        );
    }
    for (index, (after, mishap)) in MISHAPS.into_iter().enumerate() {
        let what = format!("{after} numbers are shown");
        until(&what, Duration::from_secs(60), async || {
            let now = count.load(Ordering::Relaxed);
            Ok(if now >= after {
                Look::Done(())
            } else {
                Look::NotYet(format!("{now}"))
            })
        })
        .await?;
        befall(&mut store, mishap).await?;
        let next = MISHAPS
            .get(index + 1)
            .map_or(usize::MAX, |(after, _)| *after);
        befallen.send_replace(next);
    }
    let mut shown = Shown::default();
    while let Some(accepted) = diners.join_next().await {
        shown.extend(accepted??);
    }
    assert!(
        shown.orders().len() == 300,
        "{} orders",
        shown.orders().len()
    );
    store.heal();
    let verdict = settle(&store, shown, DRAIN).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_orders_without_any_cloud_arrive_once_it_is_there() -> Told {
    let _alone = serially().await?;
    let dice = Dice::printed("no cloud from start to end");
    let folder = Folder::temporary()?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &KIOSKS).await?;
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    for (index, kiosk) in store.kiosks.iter().enumerate() {
        let mut diner = kiosk.diner(dice.fork(index as u64))?;
        for _ in 0..25 {
            shown.add(diner.order().await?);
        }
        let status = kiosk.status().await?;
        assert!(status["link"] == "offline", "{status}");
        assert!(
            status["journal"]["unconfirmed"].as_u64() >= Some(25),
            "{status}"
        );
    }
    // Everything stops before the cloud is ever seen, and comes up with it.
    for kiosk in &mut store.kiosks {
        kiosk.terminate().await?;
        kiosk.start().await?;
    }
    store.start_cloud().await?;
    let verdict = settle(&store, shown, DRAIN).await?;
    println!("{verdict:?}");
    for kiosk in &store.kiosks {
        link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    }
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_committed_before_a_timeout_comes_again_by_mqtt_without_effect() -> Told {
    let _alone = serially().await?;
    let mut store = Store::open(&lab(), "canal-street", &["front-left"]).await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    // Requests arrive and are committed; the answers never come back.
    kiosk.http.set(Mode::OneWay);
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("timeout after commit"))?;
    for _ in 0..3 {
        shown.add(diner.order().await?);
    }
    let hq = store.hq().await?;
    // While the breaker is closed nothing goes another way.
    let mut by_http: u32 = 0;
    until(
        "the cloud has committed them",
        Duration::from_secs(10),
        async || {
            let there = hq.orders(&store.name).await?.len();
            if kiosk.status().await?["link"] != "offline" {
                by_http = u32::try_from(there)?;
            }
            Ok(if there == 3 {
                Look::Done(())
            } else {
                Look::NotYet(format!("{there}"))
            })
        },
    )
    .await?;
    let took = link_becomes(kiosk, &["offline"], Duration::from_secs(15)).await?;
    println!("breaker open after {took:?}");
    drain(kiosk, Duration::from_secs(60)).await?;
    let status = kiosk.status().await?;
    assert!(
        status["link"] == "offline",
        "confirmed by MQTT alone: {status}"
    );
    let duplicates = hq.metric("cloud_ingest_events_total", "duplicate").await?;
    assert!(by_http >= 1, "nothing was committed by HTTP");
    assert!(
        duplicates >= f64::from(by_http),
        "{duplicates} duplicates absorbed of {by_http} that were committed by HTTP"
    );
    store.heal();
    let verdict = settle(&store, shown, DRAIN).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_that_stood_alone_syncs_its_past_when_it_is_enrolled() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &[]).await?;
    let mut kiosk = lab::store::Kiosk::new(&lab(), store.folder(), "corner").await?;
    kiosk.start().await?;
    let mut shown = Shown::default();
    let dice = Dice::printed("enrolled later");
    let mut diner = kiosk.diner(dice.fork(1))?;
    for _ in 0..12 {
        shown.add(diner.order().await?);
    }
    assert!(kiosk.status().await?["link"] == "standalone");
    kiosk.terminate().await?;
    store.cloud.enrol(&store.name, &mut kiosk).await?;
    kiosk.start().await?;
    store.kiosks.push(kiosk);
    store.start_cloud().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    let mut diner = kiosk.diner(dice.fork(2))?;
    for _ in 0..3 {
        shown.add(diner.order().await?);
    }
    let verdict = settle(&store, shown, DRAIN).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}

/// The control: if this passed the checker, the other stories would show nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_that_die_with_a_destroyed_disk_are_missed() -> Told {
    let folder = Folder::temporary()?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &["front-left"]).await?;
    store.start_kiosks().await?;
    let mut shown = Shown::default();
    let kiosk = store.kiosks.first_mut().context("a kiosk")?;
    let mut diner = kiosk.diner(Dice::printed("a destroyed disk"))?;
    for _ in 0..3 {
        shown.add(diner.order().await?);
    }
    kiosk.kill9()?;
    std::fs::remove_dir_all(kiosk.data())?;
    kiosk.start().await?;
    store.start_cloud().await?;
    let missed = settle(&store, shown, DRAIN).await;
    let missed = missed.err().context("three lost orders were not missed")?;
    let told = format!("{missed:#}");
    assert!(told.contains("is not at headquarters"), "{told}");
    Ok(())
}
