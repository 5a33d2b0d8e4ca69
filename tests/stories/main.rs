//! Stories with real processes: each ends with heal, drain and check.
//!
//! `LAB_SEED` repeats a run's carts. What a failed story left behind is kept, and it says where.

#![expect(
    clippy::panic_in_result_fn,
    reason = "a story's facts are asserted; its errors are those of the tools"
)]

mod access;
mod broker;
mod browser;
mod cards;
mod clocks;
mod cloud;
mod copies;
mod day;
mod demo;
mod desks;
mod encrypted;
mod faults;
mod fleet;
mod https;
mod keys;
mod languages;
mod lineage;
mod lines;
mod link;
mod menus;
mod openapi;
mod outages;
mod pace;
mod printing;
mod privacy;
mod remote;
mod replicas;
mod screen;
mod screens;
mod terminals;
mod watchdog;

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use lab::process::{self, Lab, Role};
use lab::store::Kiosk;
use lab::wait::{Look, until};

type Told = Result<(), Ended>;

/// Never made: an error ends its story right where it comes up, as a panic, so that whatever is
/// dropped on the way knows that the story has failed.
#[derive(Debug)]
struct Ended;

impl<E: Into<anyhow::Error>> From<E> for Ended {
    #[track_caller]
    fn from(error: E) -> Self {
        panic!("{:#}", error.into())
    }
}

/// Held by stories that measure or load the machine: one at a time, in all processes of a run.
async fn serially() -> anyhow::Result<File> {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stories.lock");
    tokio::task::spawn_blocking(move || {
        let file = File::options().create(true).append(true).open(path)?;
        file.lock()?;
        Ok(file)
    })
    .await?
}

fn lab() -> Lab {
    Lab::at(env!("CARGO_BIN_EXE_lab"))
}

/// A kiosk without a credential, with its data below `folder`.
async fn lone_kiosk(folder: &Path) -> anyhow::Result<Kiosk> {
    Kiosk::new(&lab(), folder, "kiosk").await
}

/// `kiosk serve` that is expected not to come up.
async fn refused_start(kiosk: &Kiosk) -> anyhow::Result<process::Ended> {
    lab().run(Role::Kiosk, kiosk.arguments(), "").await
}

/// Waits until a kiosk shows one of these links; says how long that took.
async fn link_becomes(kiosk: &Kiosk, wanted: &[&str], limit: Duration) -> anyhow::Result<Duration> {
    let what = format!("{} shows {wanted:?}", kiosk.id);
    let (_, took) = until(&what, limit, async || {
        let status = kiosk.status().await?;
        let link = status["link"].as_str().unwrap_or_default();
        Ok(match wanted.contains(&link) {
            true => Look::Done(()),
            false => Look::NotYet(format!("{link}: {}", status["breakers"])),
        })
    })
    .await?;
    Ok(took)
}

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}
