//! What the kiosk knows of its link, as screens and operators see it.

use std::sync::Arc;

use serde::Serialize;

use crate::level::{LevelStatus, Levels};
use crate::protect::now;
use crate::switches::Switchboard;

/// How the kiosk stands to the cloud.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkMode {
    /// No credential: there is no cloud.
    Standalone,
    /// Every new event goes out at once.
    Online,
    /// The ordering breaker is not closed.
    Offline,
    /// The breaker is closed and a backlog drains.
    CatchingUp,
}

/// A breaker, as the status page tells it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BreakerStatus {
    /// The dependency.
    pub name: String,
    /// `closed`, `open`, `half_open`, `forced_open` or `disabled`.
    pub state: String,
    /// Calls in its window.
    pub calls: u64,
    /// Failed ones among them.
    pub failures: u64,
    /// Slow ones among them.
    pub slow: u64,
    /// When it will let a probe pass.
    pub retry_in_seconds: Option<f64>,
    /// Why it is as it is, in plain words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The link at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LinkStatus {
    /// The mode.
    pub mode: LinkMode,
    /// Why, in plain words.
    pub reason: Option<String>,
    /// All breakers.
    pub breakers: Vec<BreakerStatus>,
}

type Look = dyn Fn() -> LinkStatus + Send + Sync;
type IsSent = dyn Fn(u64) -> bool + Send + Sync;

/// Where the link's state is read.
#[derive(Clone)]
pub struct LinkSource {
    look: Arc<Look>,
    is_sent: Arc<IsSent>,
    switches: Switchboard,
    levels: Levels,
}

impl LinkSource {
    /// From two looks at the uplink, and the switches that it obeys.
    pub fn new(
        look: impl Fn() -> LinkStatus + Send + Sync + 'static,
        is_sent: impl Fn(u64) -> bool + Send + Sync + 'static,
        switches: Switchboard,
    ) -> Self {
        Self {
            look: Arc::new(look),
            is_sent: Arc::new(is_sent),
            switches,
            levels: Levels::new(now()),
        }
    }

    /// The source of a kiosk without a cloud, on which no switch was ever turned.
    #[must_use]
    pub fn standalone() -> Self {
        Self::alone(Switchboard::new("local"))
    }

    /// The source of a kiosk without a cloud.
    #[must_use]
    pub fn alone(switches: Switchboard) -> Self {
        let status = LinkStatus {
            mode: LinkMode::Standalone,
            reason: None,
            breakers: Vec::new(),
        };
        Self::new(move || status.clone(), |_| false, switches)
    }

    /// What people have turned on and off.
    #[must_use]
    pub fn switches(&self) -> &Switchboard {
        &self.switches
    }

    /// The link now.
    #[must_use]
    pub fn status(&self) -> LinkStatus {
        (self.look)()
    }

    /// What the kiosk does without, the link being as told and so many orders still fitting in.
    #[must_use]
    pub fn level(&self, link: &LinkStatus, free: usize) -> LevelStatus {
        self.levels.look(now(), link, free)
    }

    /// The mode now.
    #[must_use]
    pub fn mode(&self) -> LinkMode {
        self.status().mode
    }

    /// Whether the event is on the wire.
    #[must_use]
    pub fn is_sent(&self, seq: u64) -> bool {
        (self.is_sent)(seq)
    }
}
