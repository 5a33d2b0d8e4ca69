//! The side that faces the cloud, put together: uplink, downlink and what screens see of them.

use std::sync::Arc;

use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::topics;
use kiosk_core::ids::{BootId, StoreId};
use kiosk_core::menu::Menu;
use metrics::counter;
use resilience::breaker::State;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cache::Cache;
use crate::config::Config;
use crate::downlink::headquarters::Me;
use crate::downlink::notices::{FollowStart, Following, Known};
use crate::downlink::{self, Downlink, DownlinkStart};
use crate::journal::{Journal, KeptSwitch, Reader};
use crate::protect::{Rules, Tuning};
use crate::serve::ServeError;
use crate::sleep::{self, Ear, Slept};
use crate::status::LinkSource;
use crate::switches::{MENU_UPDATES, ORDERING_CLOUD, Switchboard};
use crate::uplink::{Cloud, NOTICES, Notice, Uplink, UplinkHandle, UplinkSettings, UplinkStart};

mod looks;
mod tuner;

use self::looks::source;
pub use self::tuner::{Origin, Tuner};

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
    // A standalone kiosk has none: its menu never changes, and nobody turns its switches from afar.
    _running: Option<(Downlink, Following, JoinSet<()>)>,
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
        match config.credential.clone() {
            Some(credential) => Self::to_cloud(config, credential, journal, kept, boot).await,
            None => Ok(Self::alone(config, Switchboard::restored("local", kept))),
        }
    }

    async fn to_cloud(
        config: &Config,
        credential: Credential,
        journal: &Journal,
        kept: Vec<KeptSwitch>,
        boot: BootId,
    ) -> Result<Self, ServeError> {
        let (me, known) = known(&credential, journal).await?;
        let switches = switches(&me, &known, kept);
        keep_enrolment(journal, &credential).await?;
        let cache = Cache::new(&config.data_dir);
        let menus = Menus::known(config, &cache, &me.store).await;
        let mut seed = seeds()?;
        let tuning = config.tuning.clone().under(&known.tuning(&me));
        let begun = |switch, name, base: Rules| rules(&switches, switch, base.tuned(name, &tuning));
        let start = UplinkStart {
            journal: journal.clone(),
            credential,
            settings: uplink_settings(config),
            rules: begun(ORDERING_CLOUD, "ordering", Rules::ordering(seed())),
            boot,
            seed: seed(),
        };
        let (uplink, notices) = Uplink::spawn(start).map_err(system)?;
        let (of_menu, others) = sorted(notices, &me.store);
        let cloud = cloud(&uplink, &known)?;
        let slept = sleep::watch();
        let downlink = DownlinkStart {
            slept: slept.clone(),
            store: me.store.clone(),
            cloud: cloud.clone(),
            cache,
            menus: menus.sender.clone(),
            etag: menus.etag,
            notices: of_menu,
            link: uplink.view(),
            rules: begun(MENU_UPDATES, "menu", Rules::menu(seed())),
            seed: seed(),
        };
        let downlink = Downlink::spawn(downlink).map_err(system)?;
        obey(&switches, &uplink, &downlink);
        let tuner = tuner(config, &known.tuning(&me), &uplink, &downlink)?;
        known.tune(&me, &tuner);
        let start = FollowStart {
            me,
            cloud,
            slept: slept.clone(),
            journal: journal.clone(),
            switches: switches.clone(),
            tuner: tuner.clone(),
            known,
            notices: others,
            link: uplink.view(),
            seed: seed(),
        };
        let following = Following::spawn(start).map_err(system)?;
        let beside = [downlink.dependency(), following.dependency()];
        Ok(Self {
            link: source(&uplink, beside, switches, tuner.clone()),
            menu: menus.receiver,
            tuner,
            _running: Some((downlink, following, waking(slept, &uplink))),
            uplink,
            _menus: menus.sender,
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
            _running: None,
            _menus: menus,
        }
    }

    /// What puts other rules in force.
    #[must_use]
    pub fn tuner(&self) -> Tuner {
        self.tuner.clone()
    }

    /// Resolves when the cloud knows other events under this journal's numbers; never without a cloud.
    pub async fn forked(&self) {
        let mut view = self.uplink.view();
        if view.wait_for(|view| view.fenced).await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Stops it: what is under way may end, nothing new begins.
    pub async fn stop(&self) {
        self.uplink.stop().await;
    }
}

/// Switches as they were turned here and by headquarters.
fn switches(me: &Me, known: &Known, kept: Vec<KeptSwitch>) -> Switchboard {
    let switches = Switchboard::restored(&Scope::name_of(&me.store, &me.kiosk), kept);
    known.switch(me, &switches);
    switches
}

/// The cloud, believed by the latest key that is known to be its.
fn cloud(uplink: &UplinkHandle, known: &Known) -> Result<Cloud, ServeError> {
    let cloud = uplink.cloud().ok_or_else(|| system("no cloud"))?;
    cloud.follow(&known.links);
    Ok(cloud)
}

/// Tells the uplink of each sleep of the machine, until it is dropped.
fn waking(slept: Slept, uplink: &UplinkHandle) -> JoinSet<()> {
    let uplink = uplink.clone();
    let mut ear = Ear::new(slept);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        loop {
            uplink.slept(ear.heard().await);
        }
    });
    tasks
}

/// The menu in force, and where new ones are sent.
struct Menus {
    sender: watch::Sender<Arc<Menu>>,
    receiver: watch::Receiver<Arc<Menu>>,
    etag: Option<String>,
}

impl Menus {
    /// The last known menu of the cloud wins over the file that the kiosk was started with.
    async fn known(config: &Config, cache: &Cache, store: &StoreId) -> Self {
        let known = downlink::last_known(cache, store).await;
        let etag = known.as_ref().and_then(|known| known.etag.clone());
        let parsed = known.map_or_else(|| config.menu.clone(), |known| known.parsed);
        let (sender, receiver) = watch::channel(Arc::new(parsed.menu));
        Self {
            sender,
            receiver,
            etag,
        }
    }
}

/// The notices of the store's menu, and all others.
fn sorted(
    mut notices: mpsc::Receiver<Notice>,
    store: &StoreId,
) -> (mpsc::Receiver<Notice>, mpsc::Receiver<Notice>) {
    let topic = topics::store_menu(store);
    let (menu_in, menu) = mpsc::channel(NOTICES);
    let (others_in, others) = mpsc::channel(NOTICES);
    tokio::spawn(async move {
        while let Some(notice) = notices.recv().await {
            let to = if notice.topic == topic {
                &menu_in
            } else {
                &others_in
            };
            // They are retained: the next connection brings them again.
            if to.try_send(notice).is_err() {
                counter!("kiosk_messages_dropped_total").increment(1);
            }
        }
    });
    (menu, others)
}

fn uplink_settings(config: &Config) -> UplinkSettings {
    UplinkSettings {
        insecure_plain: config.allow_plaintext,
        keeps_broker: config.keeps_broker,
        ..UplinkSettings::default()
    }
}

/// What puts other rules in force; those of the file and of headquarters are by then.
fn tuner(
    config: &Config,
    headquarters: &Tuning,
    uplink: &UplinkHandle,
    downlink: &Downlink,
) -> Result<Tuner, ServeError> {
    let menu = Arc::clone(downlink.dependency());
    let tuner = Tuner::new(uplink.clone(), uplink_settings(config), Some(menu));
    let begun = tuner.begin(&config.tuning, headquarters);
    begun.map_err(system)?;
    Ok(tuner)
}

/// Who this kiosk is, and what headquarters said to it before this start.
async fn known(credential: &Credential, journal: &Journal) -> Result<(Me, Known), ServeError> {
    let me = Me {
        store: credential.store.clone(),
        kiosk: credential.kiosk.clone(),
    };
    let known = Known::restored(journal, &credential.cloud_key, &me.store).await;
    Ok((me, known.map_err(system)?))
}

fn system(error: impl ToString) -> ServeError {
    ServeError::System(error.to_string())
}

/// Leaves in the journal who it belongs to, for an export made without the credential.
async fn keep_enrolment(journal: &Journal, credential: &Credential) -> Result<(), ServeError> {
    let enrolment = journal.enrolment(credential).map_err(system)?;
    if let Err(error) = journal.keep_enrolment(enrolment).await {
        // A full disk must not keep the store closed.
        tracing::warn!(%error, "the journal's registration can't be kept in it yet");
    }
    Ok(())
}

/// Independent seeds for jitter.
fn seeds() -> Result<impl FnMut() -> u64, ServeError> {
    let mut random = [[0; 8]; 5];
    getrandom::fill(random.as_flattened_mut())
        .map_err(|error| ServeError::System(format!("no random numbers: {error}")))?;
    let mut seeds = random.into_iter().map(u64::from_le_bytes);
    Ok(move || seeds.next().unwrap_or(1))
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
fn obey(switches: &Switchboard, uplink: &UplinkHandle, downlink: &Downlink) {
    if let Some(ordering) = uplink.dependency() {
        let woken = uplink.clone();
        switches.hold(ORDERING_CLOUD, ordering, move || woken.wake());
    }
    switches.hold(MENU_UPDATES, downlink.dependency(), || {});
}
