//! The side that faces the cloud, put together: uplink, downlink and what screens see of them.

use std::sync::Arc;

use kiosk_core::ids::BootId;
use kiosk_core::menu::Menu;
use resilience::Breaker;
use resilience::breaker::{Snapshot, State};
use tokio::sync::watch;

use crate::cache::Cache;
use crate::config::Config;
use crate::downlink::{self, Downlink, DownlinkStart};
use crate::journal::{Journal, KeptSwitch, Reader};
use crate::protect::{Rules, now};
use crate::serve::ServeError;
use crate::status::{BreakerStatus, LinkMode, LinkSource, LinkStatus};
use crate::switches::{MENU_UPDATES, ORDERING_CLOUD, Switchboard};
use crate::uplink::{Mode, Uplink, UplinkHandle, UplinkSettings, UplinkStart};

mod tuner;

pub use self::tuner::Tuner;

#[cfg(test)]
mod tests;

/// The running side that faces the cloud.
pub struct Connection {
    /// Where the link's state is read.
    pub link: LinkSource,
    /// The menu in force.
    pub menu: watch::Receiver<Arc<Menu>>,
    tuner: Tuner,
    uplink: UplinkHandle,
    // A standalone kiosk has none, and its menu never changes.
    _downlink: Option<Downlink>,
    _menus: watch::Sender<Arc<Menu>>,
}

impl Connection {
    /// Starts it: the last known menu of the cloud wins over the file the kiosk was started with.
    ///
    /// # Errors
    /// [`ServeError`] if the credential can't be worked with.
    pub async fn start(
        config: &Config,
        journal: &Journal,
        boot: BootId,
    ) -> Result<Self, ServeError> {
        let kept = kept_switches(journal).await?;
        let Some(credential) = config.credential.clone() else {
            return Ok(Self::alone(config, Switchboard::restored("local", kept)));
        };
        let switches = Switchboard::restored(&credential.kiosk.to_string(), kept);
        let cache = Cache::new(&config.data_dir);
        let store = credential.store.clone();
        let known = downlink::last_known(&cache, &store).await;
        let etag = known.as_ref().and_then(|known| known.etag.clone());
        let parsed = known.map_or_else(|| config.menu.clone(), |known| known.parsed);
        let (menus, menu) = watch::channel(Arc::new(parsed.menu));
        let mut seeds = seeds()?;
        let ordering = Rules::ordering(seeds.next().unwrap_or(1));
        let updates = Rules::menu(seeds.next().unwrap_or(3));
        let settings = UplinkSettings {
            insecure_plain: config.allow_plaintext,
            ..UplinkSettings::default()
        };
        let (uplink, notices) = Uplink::spawn(UplinkStart {
            journal: journal.clone(),
            credential,
            settings,
            rules: rules(&switches, ORDERING_CLOUD, ordering),
            boot,
            seed: seeds.next().unwrap_or(2),
        })
        .map_err(|error| ServeError::System(error.to_string()))?;
        let downlink = match uplink.cloud() {
            Some(cloud) => Some(
                Downlink::spawn(DownlinkStart {
                    store,
                    cloud,
                    cache,
                    menus: menus.clone(),
                    etag,
                    notices,
                    link: uplink.view(),
                    rules: rules(&switches, MENU_UPDATES, updates),
                    seed: seeds.next().unwrap_or(4),
                })
                .map_err(|error| ServeError::System(error.to_string()))?,
            ),
            None => None,
        };
        obey(&switches, &uplink, downlink.as_ref());
        let menu_calls = downlink.as_ref().map(Downlink::dependency).cloned();
        let tuner = Tuner::new(uplink.clone(), settings, menu_calls);
        tuner.file(&config.tuning).map_err(ServeError::System)?;
        Ok(Self {
            link: source(&uplink, downlink.as_ref(), switches),
            menu,
            tuner,
            uplink,
            _downlink: downlink,
            _menus: menus,
        })
    }

    /// A kiosk without a credential: there is nothing to connect to.
    fn alone(config: &Config, switches: Switchboard) -> Self {
        let (menus, menu) = watch::channel(Arc::new(config.menu.menu.clone()));
        let uplink = UplinkHandle::standalone();
        Self {
            link: LinkSource::alone(switches),
            menu,
            tuner: Tuner::new(uplink.clone(), UplinkSettings::default(), None),
            uplink,
            _downlink: None,
            _menus: menus,
        }
    }

    /// What puts other rules in force.
    #[must_use]
    pub fn tuner(&self) -> Tuner {
        self.tuner.clone()
    }

    /// Stops it: what is under way may end, nothing new begins.
    pub async fn stop(&self) {
        self.uplink.stop().await;
    }
}

/// Independent seeds for jitter.
fn seeds() -> Result<impl Iterator<Item = u64>, ServeError> {
    let mut random = [[0; 8]; 4];
    getrandom::fill(random.as_flattened_mut())
        .map_err(|error| ServeError::System(format!("no random numbers: {error}")))?;
    Ok(random.into_iter().map(u64::from_le_bytes))
}

/// What was turned at this kiosk before it was started.
async fn kept_switches(journal: &Journal) -> Result<Vec<KeptSwitch>, ServeError> {
    let kept = journal.read(Reader::switches).await;
    kept.map_err(|error| ServeError::System(error.to_string()))
}

/// The rules around a breaker. If a switch holds it open it begins so: not even the first call
/// passes.
fn rules(switches: &Switchboard, switch: &str, mut rules: Rules) -> Rules {
    if !switches.is_on(switch) {
        rules.breaker.initial = State::ForcedOpen;
    }
    rules
}

/// Has breakers stand as switches say, now and later.
fn obey(switches: &Switchboard, uplink: &UplinkHandle, downlink: Option<&Downlink>) {
    if let Some(ordering) = uplink.ordering() {
        let woken = uplink.clone();
        switches.hold(ORDERING_CLOUD, ordering, move || woken.wake());
    }
    if let Some(downlink) = downlink {
        switches.hold(MENU_UPDATES, downlink.breaker(), || {});
    }
}

fn source(uplink: &UplinkHandle, downlink: Option<&Downlink>, switches: Switchboard) -> LinkSource {
    let breakers: Vec<Arc<Breaker>> = uplink
        .ordering()
        .into_iter()
        .chain(downlink.map(Downlink::breaker))
        .map(Arc::clone)
        .collect();
    let (view, sent) = (uplink.view(), uplink.clone());
    let look = move || {
        let now = now();
        let view = view.borrow();
        LinkStatus {
            mode: match view.mode {
                Mode::Standalone => LinkMode::Standalone,
                Mode::Online => LinkMode::Online,
                Mode::Offline => LinkMode::Offline,
                Mode::CatchingUp => LinkMode::CatchingUp,
            },
            reason: Some(view.reason.clone()),
            breakers: breakers
                .iter()
                .map(|breaker| breaker_status(breaker.name(), &breaker.snapshot(now)))
                .collect(),
        }
    };
    LinkSource::new(look, move |seq| sent.is_sent(seq), switches)
}

fn breaker_status(name: &str, snapshot: &Snapshot) -> BreakerStatus {
    BreakerStatus {
        name: name.to_owned(),
        state: snapshot.state.name().to_owned(),
        calls: snapshot.calls,
        failures: snapshot.failures,
        slow: snapshot.slow,
        retry_in_seconds: snapshot.retry_in.map(|wait| wait.as_secs_f64()),
        reason: why(snapshot),
    }
}

/// Why a breaker is as it is: the words of whoever put it there, or what opened it.
fn why(snapshot: &Snapshot) -> Option<String> {
    let opened = matches!(snapshot.state, State::Open | State::HalfOpen);
    let causes = opened.then(|| snapshot.causes.to_string());
    let causes = causes.filter(|causes| !causes.is_empty());
    snapshot.note.as_deref().map(str::to_owned).or(causes)
}
