//! Clocks that are wrong: times are for people, and nothing is lost, doubled or reordered by them.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use lab::checker::{Shown, settle};
use lab::dice::Dice;
use lab::process::Lab;
use lab::store::{Folder, Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::Value;

use crate::{Told, lab, link_becomes, serially};

/// Where the kiosk's wall clock stands, in the words of libfaketime; it reads the file at every look.
struct FalseClock {
    file: PathBuf,
}

impl FalseClock {
    fn set(&self, time: &str) -> anyhow::Result<()> {
        // Renamed into place: a half-written time is never read.
        let next = self.file.with_extension("next");
        std::fs::write(&next, format!("{time}\n"))?;
        std::fs::rename(&next, &self.file).context("the false clock")
    }
}

/// A lab whose kiosks live by a clock of our own; their monotonic clock is the machine's.
fn under(folder: &Folder) -> anyhow::Result<(Lab, FalseClock)> {
    let clock = FalseClock {
        file: folder.path().join("clock"),
    };
    let lab = lab()
        .with("LD_PRELOAD", library()?)
        .with("FAKETIME_TIMESTAMP_FILE", &clock.file)
        .with("FAKETIME_NO_CACHE", "1")
        .with("FAKETIME_DONT_FAKE_MONOTONIC", "1");
    Ok((lab, clock))
}

/// Debian keeps it below the folder of its architecture.
fn library() -> anyhow::Result<PathBuf> {
    let folders = std::fs::read_dir("/usr/lib")?;
    let inside = |folder: std::fs::DirEntry| folder.path().join("faketime/libfaketimeMT.so.1");
    let mut found = folders.flatten().map(inside).filter(|path| path.exists());
    found.next().context("libfaketime is not installed")
}

async fn clock_of(kiosk: &Kiosk) -> anyhow::Result<Value> {
    Ok(kiosk.status().await?["clock"].clone())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kiosk_that_starts_in_1970_takes_orders_and_is_told_when_its_clock_is_set() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let (old, clock) = under(&folder)?;
    clock.set("@1970-01-01 00:10:00")?;
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &[]).await?;
    store.enrol(&old, "front-left").await?;
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let kiosk = store.kiosks.first().context("a kiosk")?;
    link_becomes(kiosk, &["online"], Duration::from_secs(20)).await?;
    let mut shown = Shown::default();
    let mut diner = kiosk.diner(Dice::printed("1970"))?;
    for _ in 0..5 {
        shown.add(diner.order().await?);
    }
    let now = clock_of(kiosk).await?;
    assert!(now["set"] == false, "{now}");
    let log = std::fs::read_to_string(kiosk.log())?;
    let told: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("clock is not set"))
        .collect();
    assert!(told.len() == 1, "{told:?}");
    assert!(told[0].contains("timedatectl"), "{told:?}");
    // Somebody sets it; then it is set back by an hour; orders go on through both.
    for (time, by) in [("@2026-11-20 12:00:00", 1), ("@2026-11-20 11:00:00", -1)] {
        let before = clock_of(kiosk).await?["jumped_by_seconds"].as_i64();
        clock.set(time)?;
        until("the jump is told", Duration::from_secs(30), async || {
            let jumped = clock_of(kiosk).await?["jumped_by_seconds"].as_i64();
            Ok(match jumped.filter(|jumped| Some(*jumped) != before) {
                Some(jumped) if jumped.signum() == by => Look::Done(()),
                _ => Look::NotYet(format!("{jumped:?}")),
            })
        })
        .await?;
        for _ in 0..5 {
            shown.add(diner.order().await?);
        }
    }
    let now = clock_of(kiosk).await?;
    assert!(now["set"] == true, "{now}");
    let verdict = settle(&store, shown, Duration::from_secs(60)).await?;
    println!("{verdict:?}");
    store.stop().await?;
    Ok(())
}
