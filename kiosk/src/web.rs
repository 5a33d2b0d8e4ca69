//! The kiosk's HTTP side: screens and JSON API. One file per screen, one per part of the API.

mod api;
pub mod art;
pub mod assets;
mod board;
mod body;
pub mod diner;
pub mod error;
pub mod feed;
pub(crate) mod kitchen;
mod manager;
mod name;
mod openapi;
mod pages;
pub mod pictures;
mod request_id;
pub mod sessions;
pub(crate) mod staff;
pub mod text;
pub mod transport;
mod who;

use std::sync::Arc;

use axum::Router;
use kiosk_core::cart::Method;
use kiosk_core::menu::{Item, Menu};
use kiosk_core::stock::Level;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::watch;

use self::error::Problem;
use self::feed::Feed;
use self::pictures::Pictures;
use self::sessions::Sessions;
use crate::config::Configured;
use crate::devices::Devices;
use crate::habits::Habits;
use crate::help::Help;
use crate::journal::Journal;
use crate::reach::Reach;
use crate::settings::Settings;
use crate::status::LinkSource;
use crate::wallclock::WallClock;

/// What every handler works with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    inner: Arc<Inner>,
}

/// The parts of an [`AppState`].
pub struct Inner {
    /// Orders and all that is kept.
    pub journal: Journal,
    /// The menu in force.
    pub menu: watch::Receiver<Arc<Menu>>,
    /// The link to the cloud, as screens see it.
    pub link: LinkSource,
    /// Live updates.
    pub feed: Arc<Feed>,
    /// Printers and whatever else hangs on this kiosk.
    pub devices: Devices,
    /// Who is signed in.
    pub sessions: Sessions,
    /// What the manager sets here.
    pub settings: Settings,
    /// What the configuration says, and where it says it.
    pub configured: Vec<Configured>,
    /// The port of HTTPS, where it is served.
    pub https_port: Option<u16>,
    /// Whose kiosk this is.
    pub place: Place,
    /// Renders the metrics.
    pub metrics: Option<PrometheusHandle>,
    /// Orders that may be in hand at once.
    pub admission: tokio::sync::Semaphore,
    /// Where pictures of dishes are.
    pub pictures: Pictures,
    /// What was seen of the wall clock.
    pub wall: WallClock,
    /// What is often taken together.
    pub habits: Habits,
    /// Diners who call for staff.
    pub help: Help,
    /// Where phones reach this kiosk.
    pub reach: Reach,
    /// Turns true when the kiosk stops; long answers end then.
    pub stopping: watch::Receiver<bool>,
}

/// Where this kiosk stands.
#[derive(Debug, Clone)]
pub struct Place {
    /// The store.
    pub store: String,
    /// The kiosk.
    pub kiosk: String,
}

impl AppState {
    /// Puts the parts together.
    #[must_use]
    pub fn new(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// The menu in force.
    #[must_use]
    pub fn menu(&self) -> Arc<Menu> {
        Arc::clone(&self.inner.menu.borrow())
    }

    /// How an order can be paid now.
    #[must_use]
    pub fn payment_methods(&self) -> &'static [Method] {
        match self.inner.devices.takes_cards() {
            true => &[Method::Counter, Method::Card],
            false => &[Method::Counter],
        }
    }

    /// What may be sold of an item now.
    #[must_use]
    pub fn level(&self, item: &Item) -> Level {
        let levels = self.inner.journal.levels();
        let level = levels.borrow().get(&item.id).copied();
        level.unwrap_or(Level::starting_with(item.stock))
    }
}

impl std::ops::Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// All routes of the kiosk.
pub fn router(state: AppState) -> Router {
    Router::new()
        .merge(api::routes())
        .merge(pages::routes())
        .merge(assets::routes())
        .merge(pictures::routes())
        .fallback(|| async { Problem::not_found("page") })
        .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
        .layer(axum::middleware::from_fn(request_id::carry))
        .with_state(state)
}
