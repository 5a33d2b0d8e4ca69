//! What the buttons do: really kill, really cut.

use anyhow::{Context, bail};

use super::Demo;
use super::watching::Happening;
use crate::dice::Dice;
use crate::proxy::Mode;
use crate::store::{Kiosk, Store};

/// Orders in a rush, and the pause between two of them: so that a queue can be seen growing.
const RUSH: usize = 10;
const PAUSE: std::time::Duration = std::time::Duration::from_millis(350);

/// Does one thing to the cloud or to all links.
pub(super) async fn on_all(demo: &Demo, act: &str) -> anyhow::Result<()> {
    let mut store = demo.store.lock().await;
    match act {
        "kill-cloud" => {
            store.cloud.kill9()?;
            demo.journal.note(Happening::CloudKilled);
        }
        "start-cloud" => {
            if !store.cloud.is_running() {
                store.start_cloud().await?;
            }
            demo.journal.note(Happening::CloudStarted);
        }
        "black-hole" => turn_all(demo, &store, "http", Mode::BlackHole),
        "cut-broker" => turn_all(demo, &store, "mqtt", Mode::Cut),
        "slow" => {
            turn_all(demo, &store, "http", Mode::SLOW);
            turn_all(demo, &store, "mqtt", Mode::SLOW);
        }
        "heal" => {
            store.heal();
            if !store.cloud.is_running() {
                store.start_cloud().await?;
            }
            store.start_kiosks().await?;
            demo.journal.note(Happening::Healed);
        }
        "rush" => {
            for index in 0..store.kiosks.len() {
                rush(demo, &store, index, RUSH)?;
            }
        }
        other => bail!("there is no switch {other:?}"),
    }
    Ok(())
}

fn turn_all(demo: &Demo, store: &Store, link: &'static str, mode: Mode) {
    for kiosk in &store.kiosks {
        turn(demo, kiosk, link, mode);
    }
}

fn turn(demo: &Demo, kiosk: &Kiosk, link: &'static str, mode: Mode) {
    let proxy = if link == "http" {
        &kiosk.http
    } else {
        &kiosk.mqtt
    };
    proxy.set(mode);
    demo.journal
        .note(Happening::Turned(kiosk.id.clone(), link, mode));
}

/// Does one thing to a kiosk or one of its links.
pub(super) async fn on_kiosk(demo: &Demo, kiosk: &str, act: &str) -> anyhow::Result<()> {
    let mut store = demo.store.lock().await;
    let index = store.kiosks.iter().position(|one| one.id == kiosk);
    let index = index.with_context(|| format!("there is no kiosk {kiosk:?}"))?;
    match act {
        "order" => return rush(demo, &store, index, 1),
        "rush" => return rush(demo, &store, index, RUSH),
        _ => {}
    }
    let kiosk = store.kiosks.get_mut(index).context("it was found")?;
    match act {
        "kill" => {
            kiosk.kill9()?;
            demo.journal.note(Happening::KioskKilled(kiosk.id.clone()));
        }
        "start" => {
            if !kiosk.is_running() {
                kiosk.start().await?;
            }
            demo.journal.note(Happening::KioskStarted(kiosk.id.clone()));
        }
        switched => {
            let (link, mode) = switch(switched)?;
            turn(demo, kiosk, link, mode);
        }
    }
    Ok(())
}

/// Reads a switch such as `http-black-hole`.
fn switch(switched: &str) -> anyhow::Result<(&'static str, Mode)> {
    let (link, mode) = switched.split_once('-').context("no switch")?;
    let link = ["http", "mqtt"].into_iter().find(|known| *known == link);
    let mode = match mode {
        "pass" => Mode::Pass,
        "cut" => Mode::Cut,
        "black-hole" => Mode::BlackHole,
        "slow" => Mode::SLOW,
        other => bail!("a link can't be {other:?}"),
    };
    Ok((link.context("no such link")?, mode))
}

/// Lets diners order in the background; they insist, as diners do, while their kiosk is dead.
fn rush(demo: &Demo, store: &Store, kiosk: usize, orders: usize) -> anyhow::Result<()> {
    let kiosk = store.kiosks.get(kiosk).context("no such kiosk")?;
    let dice = Dice::seeded(uuid::Uuid::new_v4().as_u64_pair().0);
    let mut diner = kiosk.diner(dice)?;
    demo.journal
        .note(Happening::Ordering(kiosk.id.clone(), orders));
    let journal = demo.journal.clone();
    tokio::spawn(async move {
        for _ in 0..orders {
            match diner.order().await {
                Ok(order) => journal.shown(order),
                Err(error) => journal.note(Happening::Trouble(format!("{error:#}"))),
            }
            tokio::time::sleep(PAUSE).await;
        }
    });
    Ok(())
}
