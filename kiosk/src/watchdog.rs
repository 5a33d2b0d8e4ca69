//! The watchdog: it is fed only while orders can be taken.
//!
//! A process that runs but takes no orders is as bad as one that hangs. So the way of an order is
//! walked from time to time: the journal's writer commits a row of its own, within a bound. While it
//! does, systemd (`sd_notify`) and the kernel's watchdog are fed; when it does not, they starve, and the
//! kiosk, or the whole machine, starts anew. A disk that is merely full starves nothing: starting anew
//! would not empty it, and everything but new orders still works.

use std::path::Path;
use std::time::Duration;

use firmware_hal::watchdog::{Guard, Source, Verdict, Watchdog};
use firmware_hal_linux::Watchdog as Device;
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::devices::Devices;
use crate::devices::health::Health;
use crate::journal::Journal;

/// The name of the kernel's watchdog among the devices.
pub const DEVICE: &str = "watchdog";
/// How long the kernel's watchdog waits if it does not say.
const USUAL: Duration = Duration::from_secs(60);
/// Feeding, and walking the way, happens so often in the time that the watchdogs give.
const TIMES: u32 = 4;

/// Tells systemd that orders are taken.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells systemd that the kiosk stops.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told; check NOTIFY_SOCKET");
    }
}

/// All that is fed.
struct Fed {
    systemd: bool,
    device: Option<Device>,
}

/// Why something could not be fed.
#[derive(Debug, thiserror::Error)]
enum Hungry {
    #[error("systemd's watchdog: {0}")]
    Systemd(#[from] std::io::Error),
    #[error("the kernel's watchdog: {0}")]
    Device(#[from] firmware_hal_linux::Error),
}

impl Watchdog for Fed {
    type Error = Hungry;

    fn feed(&mut self) -> Result<(), Hungry> {
        if let Some(device) = &mut self.device {
            device.feed()?;
        }
        if self.systemd {
            sd_notify::notify(&[NotifyState::Watchdog])?;
        }
        Ok(())
    }
}

/// Walks the way of an order and feeds the watchdogs, if there are any, until it is told to stop. Must
/// be called inside the runtime.
pub fn start(journal: &Journal, devices: &Devices, stop: &watch::Receiver<bool>) -> JoinHandle<()> {
    tokio::spawn(keep(journal.clone(), devices.clone(), stop.clone()))
}

async fn keep(journal: Journal, devices: Devices, mut stop: watch::Receiver<bool>) {
    let device = devices.watchdog();
    let asked = sd_notify::watchdog_enabled();
    let opened = device.and_then(|path| open(path, &devices));
    if asked.is_none() && opened.is_none() {
        return;
    }
    let own = device.filter(|_| opened.is_some()).map(timeout_of);
    let given = [asked, own];
    let given = given.into_iter().flatten().min().unwrap_or(USUAL);
    let every = given / TIMES;
    let fed = Fed {
        systemd: asked.is_some(),
        device: opened,
    };
    // Silent for two rounds: a single slow commit resets no store.
    let way = Source {
        name: "the way of an order",
        within_ms: millis(every * 2).saturating_add(1),
    };
    let mut guard = Guard::new(fed, millis(every), [way], now());
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    tracing::info!(
        every_ms = millis(every),
        "the watchdogs are fed while orders can be taken"
    );
    let mut starving = false;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = told_to(&mut stop) => break,
        }
        match tokio::time::timeout(every, journal.probe()).await {
            Ok(Ok(())) => guard.report(0, now()),
            Ok(Err(error)) => tracing::error!(%error, "the journal did not take a row of its own"),
            Err(_) => tracing::error!("the journal did not answer in time"),
        }
        starving = feed(&mut guard, starving);
    }
    disarm(guard.release());
}

/// Feeds, if all is well; says whether the watchdogs starve.
fn feed(guard: &mut Guard<Fed, 1>, before: bool) -> bool {
    match guard.update(now()) {
        Ok(Verdict::Well { .. }) => {
            if before {
                tracing::info!("orders can be taken again; the watchdogs are fed");
            }
            false
        }
        Ok(Verdict::Starving { source }) => {
            if !before {
                tracing::error!(
                    source,
                    "no order can be taken: the watchdogs are left to starve"
                );
            }
            true
        }
        Err(error) => {
            tracing::error!(%error, "a watchdog could not be fed");
            before
        }
    }
}

fn open(path: &Path, devices: &Devices) -> Option<Device> {
    match Device::open(path) {
        Ok(device) => {
            devices.tell(DEVICE, Health::Ready, None);
            Some(device)
        }
        Err(error) => {
            tracing::error!(%error, "the kernel's watchdog is not used");
            devices.tell(
                DEVICE,
                Health::of_error(&error, true),
                Some(error.to_string()),
            );
            None
        }
    }
}

/// A kiosk that stops in order resets nothing.
fn disarm(fed: Fed) {
    if let Some(Err(error)) = fed.device.map(Device::disarm) {
        tracing::warn!(%error, "the kernel's watchdog could not be disarmed; the machine will restart");
    }
}

/// How long the kernel's watchdog waits, by its attributes in sysfs.
fn timeout_of(device: &Path) -> Duration {
    let name = device
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    // `/dev/watchdog` is the first of them.
    let name = if name == "watchdog" {
        "watchdog0"
    } else {
        name
    };
    let file = Path::new("/sys/class/watchdog").join(name).join("timeout");
    let told = std::fs::read_to_string(file).ok();
    let seconds = told.and_then(|text| text.trim().parse().ok());
    seconds.map_or(USUAL, Duration::from_secs)
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// Milliseconds that go on evenly and wrap around.
fn now() -> u32 {
    let millis = clock::monotonic().as_millis() & u128::from(u32::MAX);
    u32::try_from(millis).unwrap_or(0)
}

async fn told_to(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}
