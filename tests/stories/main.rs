//! Stories with real processes: each ends with heal, drain and check.
//!
//! `LAB_SEED` repeats a run's carts. What a failed story left behind is kept, and it says where.

mod browser;
mod faults;
mod link;
mod menus;
mod outages;

use std::path::Path;
use std::time::Duration;

use lab::process::{Ended, Lab, Role};
use lab::store::{Folder, Kiosk};
use lab::wait::{Look, until};
use tokio::sync::{Mutex, MutexGuard};

type Told = anyhow::Result<()>;

/// Held by stories that measure or load the machine: one at a time.
static MACHINE: Mutex<()> = Mutex::const_new(());

async fn serially() -> MutexGuard<'static, ()> {
    MACHINE.lock().await
}

fn lab() -> Lab {
    Lab::at(env!("CARGO_BIN_EXE_lab"))
}

/// A kiosk without a credential, with its data below `folder`.
async fn lone_kiosk(folder: &Path) -> anyhow::Result<Kiosk> {
    Kiosk::new(&lab(), folder, "kiosk").await
}

/// `kiosk serve` that is expected not to come up.
async fn refused_start(kiosk: &Kiosk) -> anyhow::Result<Ended> {
    lab().run(Role::Kiosk, kiosk.arguments(), "").await
}

fn temporary() -> anyhow::Result<Folder> {
    Folder::temporary()
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
