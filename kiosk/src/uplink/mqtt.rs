//! The broker: one connection after another, each with a client of its own.
//!
//! A client that reconnects by itself would keep a queue and drop it when the broker has forgotten
//! the session; ours is thrown away with its connection, because the journal is the queue. The
//! event loop only passes on what it reads and never waits for anybody.

mod session;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::notice::Presence;
use cloud_sync_wire::topics::{FLEET_CONFIG, KioskTopics};
use metrics::counter;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode, Filter, LastWill, Packet, PubAck, PubAckReason, Publish, SubAck,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use rumqttc::{NetworkOptions, Outgoing, Transport as Wire};
use tokio::sync::{Notify, mpsc, watch};

pub(super) use self::session::Session;

use self::session::{Token, Tokens, lock};
use super::dice::Dice;
use super::endpoint::{self, BadEndpoint, BrokerAddress};
use super::link::Id;
use super::tls;
use crate::clock;

const KEEP_ALIVE: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT_SECONDS: u64 = 5;
/// Frames are at most 129 KiB, signed messages 65.
const PACKET_LIMIT: u32 = 256 * 1024;
/// More than the window, the calls with new events, a hello and a presence together.
const IN_FLIGHT: u16 = 32;
/// Acks and notices that wait to be looked at; both are repeated if they get lost.
pub(super) const MESSAGES: usize = 64;
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_MAX: Duration = Duration::from_secs(300);
/// When HTTP says that the cloud is back, the broker is tried within this.
const BACK_AGAIN: Duration = Duration::from_secs(3);
/// A connection that held this long was a good one.
const PROVEN: Duration = Duration::from_secs(20);
/// How long saying goodbye to a broker may take.
const LEAVE: Duration = Duration::from_secs(2);
/// Enough doublings of the first wait that a refused credential is not shown every second.
const REFUSED_ATTEMPT: u32 = 6;

/// What the broker's side has to say.
#[derive(Debug)]
pub(super) enum Said {
    /// The kiosk is connected and subscribed.
    Up(Session),
    /// The connection is gone, and why.
    Down(String),
    /// A batch was refused by the broker.
    Refused(Id),
}

/// A message from the cloud.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) topic: String,
    pub(super) payload: Vec<u8>,
}

/// Keeps connected to a broker: the credential's, or the one that headquarters has assigned.
pub(super) struct Broker {
    own: Option<MqttOptions>,
    credential: Credential,
    insecure_plain: bool,
    assigned: watch::Receiver<Option<String>>,
    topics: KioskTopics,
    said: mpsc::UnboundedSender<Said>,
    messages: mpsc::Sender<Message>,
    shared: Shared,
    dice: Dice,
    sessions: u64,
}

/// What others tell the broker's loop.
#[derive(Debug, Clone, Default)]
pub(super) struct Shared {
    /// Connect soon, whatever the back-off says.
    pub(super) poke: Arc<Notify>,
    /// How many events are unconfirmed, for the last will.
    pub(super) depth: Arc<AtomicU64>,
}

impl Broker {
    /// The broker of a credential, if it names one; not connected yet.
    pub(super) fn new(
        credential: &Credential,
        insecure_plain: bool,
        assigned: watch::Receiver<Option<String>>,
        channels: (mpsc::UnboundedSender<Said>, mpsc::Sender<Message>, Shared),
        seed: u64,
    ) -> Result<Self, BadEndpoint> {
        let own = credential.mqtt.as_deref();
        let own = own.map(|url| reach(url, credential, insecure_plain));
        let (said, messages, shared) = channels;
        Ok(Self {
            own: own.transpose()?,
            credential: credential.clone(),
            insecure_plain,
            assigned,
            topics: KioskTopics::new(&credential.store, &credential.kiosk),
            said,
            messages,
            shared,
            dice: Dice::new(seed),
            sessions: 0,
        })
    }

    /// Where to connect now; nowhere if nobody names a broker.
    fn options(&mut self) -> Option<MqttOptions> {
        let assigned = self.assigned.borrow_and_update().clone();
        let Some(url) = assigned else {
            return self.own.clone();
        };
        reach(&url, &self.credential, self.insecure_plain)
            .inspect_err(|error| tracing::error!(%error, "the assigned broker can't be used"))
            .ok()
    }

    /// Connects again and again until nobody listens any more.
    pub(super) async fn run(mut self) {
        let mut attempt = 0;
        let mut told = Told::default();
        while !self.said.is_closed() {
            let Some(options) = self.options() else {
                if self.assigned.changed().await.is_err() {
                    return;
                }
                continue;
            };
            let began = clock::monotonic();
            let end = self.connection(options).await;
            let held = clock::monotonic().saturating_sub(began);
            tracing::debug!(reason = %end.reason, attempt, "broker connection ended");
            told.tell(&end);
            if end.was_up {
                let _ = self.said.send(Said::Down(end.reason));
            }
            attempt = match (end.was_up && held >= PROVEN, end.refused) {
                (_, true) => REFUSED_ATTEMPT,
                (true, false) => 0,
                (false, false) => attempt + 1,
            };
            if self.assigned.has_changed().unwrap_or(false) {
                attempt = 0;
                continue;
            }
            let wait = self.dice.backoff(RETRY_FIRST, attempt, RETRY_MAX);
            let poked = tokio::select! {
                () = self.shared.poke.notified() => true,
                () = tokio::time::sleep(wait) => false,
                Ok(()) = self.assigned.changed() => {
                    self.assigned.mark_changed();
                    attempt = 0;
                    false
                }
            };
            if poked && !end.refused {
                // The way to the cloud is back: what was tried before says nothing any more.
                attempt = 0;
                tokio::time::sleep(self.dice.below(BACK_AGAIN.min(wait))).await;
            }
        }
    }

    /// One connection from its beginning to its end.
    async fn connection(&mut self, mut options: MqttOptions) -> End {
        options.set_last_will(self.will());
        let (client, mut events) = AsyncClient::new(options, usize::from(IN_FLIGHT));
        self.sessions += 1;
        let session = Session {
            client,
            tokens: Tokens::default(),
            topics: self.topics.clone(),
            number: self.sessions,
        };
        let mut reading = Reading {
            pending: HashMap::new(),
            collided: None,
            up: false,
        };
        let mut assigned = self.assigned.clone();
        loop {
            let polled = tokio::select! {
                polled = next(&mut events) => polled,
                // What gets lost in the client here is sent again over the next connection.
                Ok(()) = assigned.changed() => {
                    session.leave();
                    let _ = tokio::time::timeout(LEAVE, until_left(&mut events)).await;
                    return End {
                        was_up: reading.up,
                        ..End::because("another broker is assigned".to_owned())
                    };
                }
            };
            let ended = match polled {
                Ok(event) => self.read(event, &session, &mut reading).err(),
                Err(error) => Some(End {
                    refused: refuses(&error),
                    reason: error.to_string(),
                    was_up: false,
                }),
            };
            if let Some(end) = ended {
                return End {
                    was_up: reading.up,
                    ..end
                };
            }
        }
    }

    /// What the broker says of this kiosk when it is gone without taking leave.
    fn will(&self) -> LastWill {
        let presence = presence("gone", self.shared.depth.load(Ordering::Relaxed));
        let payload = serde_json::to_vec(&presence).unwrap_or_default();
        LastWill::new(self.topics.status(), payload, QoS::AtLeastOnce, true, None)
    }

    fn read(&self, event: Event, session: &Session, reading: &mut Reading) -> Result<(), End> {
        match event {
            Event::Incoming(Packet::ConnAck(_)) => self.subscribe(session),
            Event::Incoming(Packet::SubAck(ack)) => {
                subscribed(&ack)?;
                reading.up = true;
                let _ = self.said.send(Said::Up(session.clone()));
                Ok(())
            }
            Event::Incoming(Packet::Publish(publish)) => {
                self.pass_on(publish);
                Ok(())
            }
            Event::Incoming(Packet::PubAck(ack)) => {
                self.acknowledged(&ack, reading);
                Ok(())
            }
            Event::Outgoing(Outgoing::Publish(number)) => {
                if reading
                    .collided
                    .take_if(|collided| *collided == number)
                    .is_none()
                {
                    reading.published(number, session);
                }
                Ok(())
            }
            Event::Outgoing(Outgoing::AwaitAck(number)) => {
                reading.collided = Some(number);
                reading.published(number, session);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn subscribe(&self, session: &Session) -> Result<(), End> {
        let topics = [
            self.topics.down_all(),
            self.topics.store_config(),
            FLEET_CONFIG.to_owned(),
        ];
        let filters = topics.map(|topic| Filter::new(topic, QoS::AtLeastOnce));
        let asked = session.client.try_subscribe_many(filters);
        asked.map_err(|error| End::because(error.to_string()))
    }

    fn pass_on(&self, publish: Publish) {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let payload = publish.payload.to_vec();
        if self.messages.try_send(Message { topic, payload }).is_err() {
            counter!("kiosk_messages_dropped_total").increment(1);
        }
    }

    /// A broker's acknowledgement releases nothing, but its refusal is worth knowing.
    fn acknowledged(&self, ack: &PubAck, reading: &mut Reading) {
        let token = reading.pending.remove(&ack.pkid);
        if matches!(
            ack.reason,
            PubAckReason::Success | PubAckReason::NoMatchingSubscribers
        ) {
            return;
        }
        match token {
            Some(Token::Batch(batch)) => {
                tracing::warn!(reason = ?ack.reason, "the broker refuses a batch");
                let _ = self.said.send(Said::Refused(batch));
            }
            Some(Token::Other(what)) => {
                tracing::warn!(reason = ?ack.reason, what, "the broker refuses a message");
            }
            None => {}
        }
    }
}

/// What is remembered of one connection.
struct Reading {
    pending: HashMap<u16, Token>,
    /// The packet number that a publish waits for because its earlier user is not acknowledged.
    collided: Option<u16>,
    up: bool,
}

impl Reading {
    fn published(&mut self, number: u16, session: &Session) {
        if let Some(token) = lock(&session.tokens).pop_front() {
            self.pending.insert(number, token);
        }
    }
}

/// How a connection ended.
struct End {
    reason: String,
    was_up: bool,
    refused: bool,
}

/// What the log was told of the outage that lasts.
#[derive(Default)]
struct Told {
    outage: bool,
    refusal: bool,
}

impl Told {
    fn tell(&mut self, end: &End) {
        let reason = &end.reason;
        if end.refused && !self.refusal {
            tracing::warn!(reason, "the broker does not accept this kiosk's credential");
        } else if !end.refused && !end.was_up && !self.outage {
            tracing::info!(reason, "the broker can't be reached");
        }
        // A connection that was up is told of by whoever hears that it is down.
        self.outage = true;
        self.refusal = end.refused;
    }
}

impl End {
    fn because(reason: String) -> Self {
        Self {
            reason,
            was_up: false,
            refused: false,
        }
    }
}

/// The client's loop must not be dropped while it waits, or packets get lost: it is awaited to the
/// end, and nothing else is done meanwhile.
async fn next(events: &mut EventLoop) -> Result<Event, ConnectionError> {
    events.poll().await
}

/// Says goodbye, so that the last will is not told.
async fn until_left(events: &mut EventLoop) {
    loop {
        if let Err(_) | Ok(Event::Outgoing(Outgoing::Disconnect)) = events.poll().await {
            return;
        }
    }
}

/// How to reach a broker, if it may and can be reached.
fn reach(url: &str, credential: &Credential, plain: bool) -> Result<MqttOptions, BadEndpoint> {
    let address = endpoint::broker(url, plain)?;
    options(&address, credential).map_err(|error| BadEndpoint::Unusable {
        url: address.host.clone(),
        detail: error.to_string(),
    })
}

fn refuses(error: &ConnectionError) -> bool {
    matches!(
        error,
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword
                | ConnectReturnCode::NotAuthorized
                | ConnectReturnCode::Banned
                | ConnectReturnCode::ClientIdentifierNotValid
        )
    )
}

fn subscribed(ack: &SubAck) -> Result<(), End> {
    let refused = |code: &&SubscribeReasonCode| !matches!(code, SubscribeReasonCode::Success(_));
    match ack.return_codes.iter().find(refused) {
        None => Ok(()),
        Some(code) => Err(End::because(format!("subscription refused: {code:?}"))),
    }
}

fn options(address: &BrokerAddress, credential: &Credential) -> Result<MqttOptions, rustls::Error> {
    let name = format!("{}/{}", credential.store, credential.kiosk);
    let mut options = MqttOptions::new(name.clone(), address.host.clone(), address.port);
    let mut network = NetworkOptions::new();
    network.set_tcp_nodelay(true);
    network.set_connection_timeout(CONNECT_TIMEOUT_SECONDS);
    options
        .set_network_options(network)
        .set_connection_timeout(CONNECT_TIMEOUT_SECONDS)
        .set_keep_alive(KEEP_ALIVE)
        .set_clean_start(true)
        .set_session_expiry_interval(Some(0))
        .set_receive_maximum(Some(IN_FLIGHT))
        .set_max_packet_size(Some(PACKET_LIMIT))
        .set_outgoing_inflight_upper_limit(IN_FLIGHT)
        .set_credentials(name, credential.device_secret.access_token());
    if address.encrypted {
        options.set_transport(Wire::tls_with_config(tls::client(true, credential)?.into()));
    }
    Ok(options)
}

/// What the kiosk says of itself.
pub(super) fn presence(link: &str, depth: u64) -> Presence {
    Presence {
        link: link.to_owned(),
        depth,
        oldest_ms: None,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
