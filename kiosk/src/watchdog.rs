//! The watchdog: it is fed only while orders can be taken.
//!
//! A process that runs but takes no orders is as bad as one that hangs. So the way of an order is
//! walked from time to time, as a diner's screen walks it: a basket is priced over the kiosk's own door,
//! and the journal's writer commits a row of its own, within a bound. While that works, systemd
//! (`sd_notify`) and the kernel's watchdog are fed; when it does not, they starve, and the kiosk, or the
//! whole machine, starts anew. A disk that is merely full starves nothing: starting anew would not
//! empty it, and everything but new orders still works.

mod device;
mod way;

use std::time::Duration;

use firmware_hal::watchdog::{Guard, Source, Verdict, Watchdog};
use sd_notify::NotifyState;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::device::Kept;
pub use self::device::Recovering;
pub use self::way::Way;
use crate::clock;
use crate::devices::Devices;
use crate::devices::health::Health;

/// The name of the kernel's watchdog among the devices.
pub const DEVICE: &str = "watchdog";
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
    device: Option<Kept>,
    /// How the device was last told to be.
    told: Option<(Health, Option<String>)>,
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
        if self.systemd {
            sd_notify::notify(&[NotifyState::Watchdog])?;
        }
        if let Some(device) = &mut self.device {
            device.feed()?;
        }
        Ok(())
    }
}

/// Walks the way of an order and feeds the watchdogs, if there are any, until it is told to stop. Must
/// be called inside the runtime.
pub fn start(
    way: Way,
    devices: &Devices,
    recovering: Recovering,
    stop: &watch::Receiver<bool>,
) -> JoinHandle<()> {
    let kept = recovering.end();
    tokio::spawn(keep(way, kept, devices.clone(), stop.clone()))
}

async fn keep(way: Way, kept: Option<Kept>, devices: Devices, mut stop: watch::Receiver<bool>) {
    let asked = sd_notify::watchdog_enabled();
    let own = kept.as_ref().map(Kept::timeout);
    let given = [asked, own].into_iter().flatten().min();
    let Some(every) = given.map(|given| given / TIMES) else {
        return;
    };
    let fed = Fed {
        systemd: asked.is_some(),
        device: kept,
        told: None,
    };
    // Silent for two rounds: a single slow commit resets no store.
    let source = Source {
        name: "the way of an order",
        within_ms: millis(every * 2).saturating_add(1),
    };
    let mut guard = Guard::new(fed, millis(every), [source], now());
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
        guard.watchdog_mut().look(&devices);
        match tokio::time::timeout(every, way.walk()).await {
            Ok(Ok(())) => guard.report(0, now()),
            Ok(Err(error)) => tracing::error!(%error, "the way of an order is blocked"),
            Err(_) => tracing::error!("the way of an order was not walked in time"),
        }
        starving = feed(&mut guard, starving);
    }
    if let Some(device) = guard.release().device {
        device.disarm();
    }
}

impl Fed {
    /// Opens a device that is not open, and tells how it is.
    fn look(&mut self, devices: &Devices) {
        let Some(device) = &mut self.device else {
            return;
        };
        let now = match device.is_open() {
            true => (Health::Ready, None),
            false => match device.open() {
                Ok(()) => (Health::Ready, None),
                Err(error) => (Health::of_error(&error, true), Some(error.to_string())),
            },
        };
        if self.told.as_ref() != Some(&now) {
            if let Some(error) = &now.1 {
                tracing::error!(error, "the kernel's watchdog is not used");
            }
            devices.tell(DEVICE, now.0, now.1.clone());
            self.told = Some(now);
        }
    }
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
