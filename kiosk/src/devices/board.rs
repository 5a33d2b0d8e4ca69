//! How all devices are, in one place that screens look at.

use std::sync::Arc;

use kiosk_core::wall::WallTime;
use serde::Serialize;
use tokio::sync::watch;

use super::health::Health;
use super::settings::Confirm;

/// A device as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeviceStatus {
    /// What it is called.
    pub name: String,
    /// `printer`, `drawer`, `beacon`, `buzzer`, `card`, `scanner`, `presence` or `watchdog`.
    pub kind: &'static str,
    /// How it is.
    pub state: Health,
    /// What the system says to that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Since when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<WallTime>,
    /// How many print jobs wait for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiting: Option<usize>,
    /// How a printer confirms that a job is on paper, once that is known: `mark`, `status` or `written`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirms: Option<&'static str>,
}

/// All devices, in the order of the configuration.
#[derive(Debug, Clone)]
pub(super) struct Board(Arc<watch::Sender<Vec<DeviceStatus>>>);

impl Board {
    /// Devices that nothing is known of yet: missing until they are found.
    pub(super) fn new(devices: impl IntoIterator<Item = (String, &'static str)>) -> Self {
        let devices = devices.into_iter().map(|(name, kind)| DeviceStatus {
            name,
            kind,
            state: Health::Missing,
            detail: None,
            since: None,
            waiting: (kind == "printer").then_some(0),
            confirms: None,
        });
        Self(Arc::new(watch::channel(devices.collect()).0))
    }

    pub(super) fn watch(&self) -> watch::Receiver<Vec<DeviceStatus>> {
        self.0.subscribe()
    }

    pub(super) fn set(&self, name: &str, state: Health, detail: Option<String>, at: WallTime) {
        self.change(name, |device| {
            if device.state != state {
                tracing::info!(
                    device = name,
                    state = state.as_str(),
                    before = device.state.as_str(),
                    detail,
                    "device"
                );
                device.since = Some(at);
            }
            device.state = state;
            device.detail = detail;
        });
    }

    pub(super) fn set_waiting(&self, name: &str, waiting: usize) {
        self.change(name, |device| device.waiting = Some(waiting));
    }

    pub(super) fn set_confirms(&self, name: &str, confirm: Confirm) {
        self.change(name, |device| device.confirms = Some(confirm.as_str()));
    }

    fn change(&self, name: &str, change: impl FnOnce(&mut DeviceStatus)) {
        self.0.send_if_modified(|devices| {
            let Some(device) = devices.iter_mut().find(|device| device.name == name) else {
                return false;
            };
            let before = device.clone();
            change(device);
            *device != before
        });
    }
}
