//! The kiosk's connection to the cloud.
//!
//! ```text
//!  journal ──outbox──► driver ──events──► link (decides) ──actions──► driver ──► errands
//!     ▲                                                                            │
//!     └────────────── confirm ◄── signed ack ◄── cloud ◄── http (breaker) · mqtt ◄─┘
//! ```
//!
//! [`link`] decides and does no IO; everything else does and decides nothing. Whatever fails here
//! delays events and never loses one: they stand in the journal until a signed ack names them.

pub mod clerk;
mod dice;
mod driver;
pub(crate) mod endpoint;
mod errands;
pub mod http;
pub mod link;
mod mqtt;
mod seqs;
pub mod settings;
mod tls;
pub mod view;

#[cfg(test)]
pub(crate) mod stub;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::signed::SignedError;
use cloud_sync_wire::topics::KioskTopics;
use kiosk_core::ids::BootId;
use resilience::Breaker;
use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use self::clerk::new_request;
pub use self::dice::Dice;
pub use self::endpoint::BadEndpoint;
pub use self::http::{BadCloud, Cloud};
pub use self::link::{Mode, Why};
pub use self::settings::{UplinkSettings, ordering_breaker};
pub use self::view::{LinkView, Sent};

use self::driver::{Driver, FromBroker, Told};
use self::errands::Errands;
use self::link::Link;
use crate::journal::Journal;
use crate::protect::{BadRules, Dependency, Rules, now};

/// Notices that wait to be looked at; they are retained, so the next connection brings them again.
pub(crate) const NOTICES: usize = 16;
/// Acks that wait for the journal; each says everything the ones before it said.
const ACKS: usize = 16;

/// A message of the cloud to all kiosks of the store or the fleet. Not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The topic it came by.
    pub topic: String,
    /// Its bytes, signed if they are genuine.
    pub payload: Vec<u8>,
}

/// What an uplink needs.
pub struct UplinkStart {
    /// The journal whose events are to be sent.
    pub journal: Journal,
    /// Who this kiosk is, and where the cloud is.
    pub credential: Credential,
    /// How it paces itself.
    pub settings: UplinkSettings,
    /// What stands before ordering calls: [`Rules::ordering`] unless somebody says otherwise.
    pub rules: Rules,
    /// This run of the process.
    pub boot: BootId,
    /// What jitter is drawn from.
    pub seed: u64,
}

/// Why there can be no uplink.
#[derive(Debug, thiserror::Error)]
pub enum UplinkError {
    /// The cloud's URL can't be used.
    #[error("cloud: {0}")]
    Cloud(#[from] BadCloud),
    /// The broker's URL can't be used.
    #[error("mqtt: {0}")]
    Broker(#[from] BadEndpoint),
    /// Nothing can work under these rules.
    #[error("the rules for ordering calls are wrong: {0}")]
    Rules(#[from] BadRules),
    /// The credential can't sign.
    #[error("the journal can't be registered: {0}")]
    Credential(#[from] SignedError),
}

/// What others tell the uplink.
#[derive(Debug)]
enum Order {
    Retune(UplinkSettings),
    AskNow,
    Slept(Duration),
    Stop,
}

/// A running uplink, or the lack of one. Cheap to clone.
#[derive(Clone)]
pub struct UplinkHandle {
    view: watch::Receiver<LinkView>,
    running: Option<Arc<Running>>,
}

struct Running {
    ordering: Arc<Dependency>,
    cloud: Cloud,
    orders: mpsc::UnboundedSender<Order>,
    wake: Arc<Notify>,
    settings: UplinkSettings,
    broker: Assigned,
    driver: Mutex<Option<JoinHandle<()>>>,
    helpers: Vec<JoinHandle<()>>,
}

/// The kiosk's connection to the cloud.
pub struct Uplink;

impl Uplink {
    /// Starts the uplink on the current runtime. The receiver gives the cloud's notices.
    ///
    /// # Errors
    /// [`UplinkError`] if it can't work with what it was given, before anything is sent.
    pub fn spawn(
        start: UplinkStart,
    ) -> Result<(UplinkHandle, mpsc::Receiver<Notice>), UplinkError> {
        let UplinkStart {
            journal,
            credential,
            settings,
            rules,
            boot,
            seed,
        } = start;
        let now = now();
        let mut dice = Dice::new(seed);
        let cloud = Cloud::new(&credential, settings.insecure_plain)?;
        let ordering = Arc::new(Dependency::new("ordering", &rules, dice.seed(), now)?);
        // The first probe need not wait.
        ordering.breaker().expire_wait(now);
        let (broker, assigned, from_broker) = broker(&credential, settings, dice.seed())?;
        let outbox = journal.outbox();
        let link = Link::new(settings, Arc::clone(ordering.breaker()), dice.seed(), now);
        let (news_in, news) = mpsc::unbounded_channel();
        let errands = Errands::new(
            journal,
            cloud.clone(),
            &ordering,
            &credential,
            boot,
            news_in,
        )?;
        let errands = Arc::new(errands);
        let (acks, taking) = take_acks(&errands);
        let helpers = vec![broker, taking];
        let (view_in, view) = watch::channel(LinkView::new(Mode::Offline, now, link.reason()));
        let (notices_in, notices) = mpsc::channel(NOTICES);
        let (orders, orders_out) = mpsc::unbounded_channel();
        let wake = Arc::new(Notify::new());
        let driver = Driver {
            link,
            errands,
            settings,
            topics: KioskTopics::new(&credential.store, &credential.kiosk),
            outbox,
            news,
            broker: from_broker,
            acks,
            notices: notices_in,
            orders: orders_out,
            wake: Arc::clone(&wake),
            view: view_in,
            session: None,
            told: Told::nothing(now),
        };
        let running = Running {
            ordering,
            cloud,
            orders,
            wake,
            settings,
            broker: assigned,
            driver: Mutex::new(Some(tokio::spawn(driver.run()))),
            helpers,
        };
        let running = Some(Arc::new(running));
        Ok((UplinkHandle { view, running }, notices))
    }
}

/// The URL of the broker that headquarters assigns, if it does.
type Assigned = watch::Sender<Option<String>>;

/// The broker's loop, what moves it, and what comes from it.
fn broker(
    credential: &Credential,
    settings: UplinkSettings,
    seed: u64,
) -> Result<(JoinHandle<()>, Assigned, FromBroker), BadEndpoint> {
    let (assigned, of_broker) = watch::channel(None);
    let (said_in, said) = mpsc::unbounded_channel();
    let (messages_in, messages) = mpsc::channel(mqtt::MESSAGES);
    let shared = mqtt::Shared::default();
    let channels = (said_in, messages_in, shared.clone());
    let plain = settings.insecure_plain;
    let broker = mqtt::Broker::new(credential, plain, of_broker, channels, seed)?;
    let from_broker = FromBroker {
        said,
        messages,
        shared,
    };
    Ok((tokio::spawn(broker.run()), assigned, from_broker))
}

/// Acks that come by MQTT wait for the journal one after another, and nobody waits for them.
fn take_acks(errands: &Arc<Errands>) -> (mpsc::Sender<Vec<u8>>, JoinHandle<()>) {
    let errands = Arc::clone(errands);
    let (acks, mut taken) = mpsc::channel(ACKS);
    let taking = tokio::spawn(async move {
        let mut followed = errands.cloud.followed();
        // The latest holds all that earlier ones did.
        let mut early = None;
        loop {
            let payload = tokio::select! {
                payload = taken.recv() => match payload {
                    Some(payload) => payload,
                    None => break,
                },
                Ok(()) = followed.changed() => match early.take() {
                    Some(payload) => payload,
                    None => continue,
                },
            };
            early = errands.ack_by_mqtt(payload).await.or(early);
        }
    });
    (acks, taking)
}

impl UplinkHandle {
    /// The handle of a kiosk without a credential: there is nothing to connect to.
    #[must_use]
    pub fn standalone() -> Self {
        let view = LinkView::new(Mode::Standalone, now(), Why::NoCredential);
        // The sender may go: a receiver keeps the last value.
        let (_, view) = watch::channel(view);
        Self {
            view,
            running: None,
        }
    }

    /// The link now; changes are told when a screen would show something else.
    #[must_use]
    pub fn view(&self) -> watch::Receiver<LinkView> {
        self.view.clone()
    }

    /// Whether this event is on the wire.
    #[must_use]
    pub fn is_sent(&self, seq: u64) -> bool {
        self.view.borrow().sent.is_sent(seq)
    }

    /// The breaker that decides the mode; none when standalone. Whoever moves it by hand calls
    /// [`wake`](Self::wake).
    #[must_use]
    pub fn ordering(&self) -> Option<&Arc<Breaker>> {
        self.dependency().map(|ordering| ordering.breaker())
    }

    /// Ordering with the rules before it; none when standalone.
    #[must_use]
    pub fn dependency(&self) -> Option<&Arc<Dependency>> {
        self.running.as_ref().map(|running| &running.ordering)
    }

    /// The cloud's HTTP side, for other calls than the uplink's; none when standalone.
    #[must_use]
    pub fn cloud(&self) -> Option<Cloud> {
        self.running.as_ref().map(|running| running.cloud.clone())
    }

    /// Has the link look at its breaker now.
    pub fn wake(&self) {
        if let Some(running) = &self.running {
            running.wake.notify_one();
        }
    }

    /// The machine slept so long while the clock of waits stood still.
    pub(crate) fn slept(&self, slept: Duration) {
        self.order(Order::Slept(slept));
    }

    /// Has the link ask the cloud now, whatever it waits for.
    pub fn ask_now(&self) {
        self.order(Order::AskNow);
    }

    /// Puts other settings in force. `insecure_plain` only counts at the start.
    pub fn retune(&self, settings: UplinkSettings) {
        self.order(Order::Retune(settings));
    }

    /// Moves to the broker that headquarters assigns, or back to the credential's own. A URL that must
    /// not or can't be used changes nothing.
    pub(crate) fn use_broker(&self, url: Option<&str>) {
        let Some(running) = &self.running else {
            return;
        };
        let UplinkSettings {
            insecure_plain,
            keeps_broker,
            ..
        } = running.settings;
        if keeps_broker {
            tracing::info!(
                url,
                "headquarters assigns a broker, but one was named at this kiosk"
            );
            return;
        }
        if let Some(Err(error)) = url.map(|url| endpoint::broker(url, insecure_plain)) {
            tracing::error!(%error, "the broker that headquarters assigns is not used");
            return;
        }
        let url = url.map(str::to_owned);
        running.broker.send_if_modified(|assigned| {
            let other = *assigned != url;
            *assigned = url;
            other
        });
    }

    /// Stops: what is under way may end, nothing new begins. Takes a few seconds at most.
    pub async fn stop(&self) {
        let Some(running) = &self.running else {
            return;
        };
        self.order(Order::Stop);
        let driver = running
            .driver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(mut driver) = driver
            && tokio::time::timeout(Duration::from_secs(4), &mut driver)
                .await
                .is_err()
        {
            driver.abort();
        }
        running.helpers.iter().for_each(JoinHandle::abort);
    }

    fn order(&self, order: Order) {
        if let Some(running) = &self.running {
            // A stopped uplink takes no orders.
            let _ = running.orders.send(order);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.helpers.iter().for_each(JoinHandle::abort);
    }
}
