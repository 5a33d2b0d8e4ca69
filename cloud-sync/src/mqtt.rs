//! The ingest side of a broker: takes frames and hellos from its shared subscription through the
//! one door, and publishes acks and notices.
//!
//! Nothing rests on the broker: what it loses is sent again by the kiosk, and an ack is a state, so
//! that a lost one is made good by the next. A message is acknowledged to the broker only after the
//! door has dealt with it, and so few are open at once as can be committed.

use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::control::{Ask, Control};
use cloud_sync_wire::notice::{MenuNotice, Presence as Told};
use cloud_sync_wire::topics::{self, KioskTopics};
use kiosk_core::ids::JournalId;
use kiosk_core::wall::WallTime;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnAck, Packet, PubAckReason, Publish};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::{Notify, Semaphore, watch};

use crate::clock;
use crate::cloud::Cloud;
use crate::http::request::{is_usable, new_id};
use crate::ingest::{Refused, Speaker, Way};
use crate::ledger::devices::{self, Said};
use crate::ledger::{LedgerError, lineage, menus};

mod acks;
mod notices;
#[cfg(test)]
mod tests;

use acks::Desk;

/// Messages that are dealt with at once, and so the receive maximum.
const OPEN: u16 = 64;
/// Requests that wait for the connection: an ack of each kiosk of a large fleet.
const REQUESTS: usize = 4096;
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PACKET_MOST: u32 = 256 * 1024;
/// The first and the longest pause before connecting anew.
const PAUSE_LEAST: Duration = Duration::from_millis(200);
const PAUSE_MOST: Duration = Duration::from_secs(5);
/// How long messages in hand may take when the process ends.
const FINISH: Duration = Duration::from_secs(3);

/// A broker to be served, and how to get in.
#[derive(Debug, Clone)]
pub(crate) struct Post {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) login: Option<(String, String)>,
    /// Whom to trust, if it is spoken to encrypted.
    pub(crate) tls: Option<Arc<rustls::ClientConfig>>,
}

#[derive(Clone)]
struct Messenger {
    cloud: Cloud,
    client: AsyncClient,
    desk: Arc<Desk>,
    open: Arc<Semaphore>,
    /// Told when a message could not be stored because the ledger is away.
    astray: Arc<Notify>,
}

/// Serves a broker until the process ends.
pub(crate) async fn serve(cloud: Cloud, post: Post) {
    let (client, events) = AsyncClient::new(options(&post), REQUESTS);
    let messenger = Messenger {
        desk: Arc::new(Desk::default()),
        open: Arc::new(Semaphore::new(usize::from(OPEN))),
        astray: Arc::default(),
        client,
        cloud,
    };
    let connected = watch::Sender::new(0_u64);
    let notices = tokio::spawn(messenger.clone().announce(connected.subscribe()));
    let changes = tokio::spawn(messenger.clone().announce_changes(connected.subscribe()));
    messenger.run(events, &connected, &post).await;
    notices.abort();
    changes.abort();
}

fn options(post: &Post) -> MqttOptions {
    let id = format!("cloud-sync-{}", new_id());
    let mut options = MqttOptions::new(id, post.host.clone(), post.port);
    options
        .set_clean_start(true)
        .set_session_expiry_interval(Some(0))
        .set_receive_maximum(Some(OPEN))
        .set_max_packet_size(Some(PACKET_MOST))
        .set_keep_alive(KEEP_ALIVE)
        .set_manual_acks(true);
    if let Some((user, password)) = &post.login {
        options.set_credentials(user, password);
    }
    if let Some(tls) = &post.tls {
        let tls = rumqttc::TlsConfiguration::Rustls(Arc::clone(tls));
        options.set_transport(rumqttc::Transport::tls_with_config(tls));
    }
    options
}

impl Messenger {
    async fn run(&self, mut events: EventLoop, connected: &watch::Sender<u64>, post: &Post) {
        let mut closing = self.cloud.closing.clone();
        let mut pause = PAUSE_LEAST;
        loop {
            let event = tokio::select! {
                event = events.poll() => Some(event),
                () = self.astray.notified() => None,
                _ = closing.wait_for(|closing| *closing) => break,
            };
            let Some(event) = event else {
                self.step_back(&mut events, post).await;
                continue;
            };
            match event {
                Ok(Event::Incoming(Packet::ConnAck(ack))) => {
                    pause = PAUSE_LEAST;
                    self.subscribe(&ack, post);
                    connected.send_modify(|count| *count += 1);
                }
                Ok(Event::Incoming(Packet::Publish(publish))) => self.take(publish).await,
                Ok(Event::Incoming(Packet::PubAck(ack))) => warn_if_failed(ack.reason),
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(host = post.host, port = post.port, %error, "the broker can't be reached");
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(PAUSE_MOST);
                }
            }
        }
        self.finish(events).await;
    }

    fn subscribe(&self, ack: &ConnAck, post: &Post) {
        tracing::info!(host = post.host, port = post.port, code = ?ack.code, "connected to the broker");
        for topic in [topics::ALL_HELLOS, topics::ALL_EVENTS, topics::ALL_STATUS] {
            if let Err(error) = self.client.try_subscribe(topic, QoS::AtLeastOnce) {
                tracing::error!(topic, %error, "could not subscribe");
            }
        }
    }

    /// Deals with a message in a task of its own, when a place is free.
    async fn take(&self, publish: Publish) {
        let Ok(permit) = Arc::clone(&self.open).acquire_owned().await else {
            return;
        };
        let messenger = self.clone();
        tokio::spawn(async move {
            if !messenger.handle(&publish).await {
                messenger.astray.notify_one();
                return;
            }
            // Also where it failed: the kiosk sends it again, and an open message would hold a place.
            if publish.qos != QoS::AtMostOnce
                && let Err(error) = messenger.client.ack(&publish).await
            {
                tracing::debug!(%error, "a message could not be acknowledged to the broker");
            }
            drop(permit);
        });
    }

    /// Without its ledger this process can take nothing: it leaves the broker, which then has others
    /// take its share and the messages in hand, and comes back when the ledger does.
    async fn step_back(&self, events: &mut EventLoop, post: &Post) {
        tracing::warn!(
            host = post.host,
            port = post.port,
            "left the broker until the ledger is back"
        );
        events.clean();
        let mut closing = self.cloud.closing.clone();
        while self.cloud.ledger.read(lineage::standing).await.is_err() {
            tokio::select! {
                () = tokio::time::sleep(PAUSE_LEAST) => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }

    /// False if the message is to go to somebody else, or to come again.
    async fn handle(&self, publish: &Publish) -> bool {
        let topic = String::from_utf8_lossy(&publish.topic);
        let Some((store, kiosk, rest)) = topics::sender_of(&topic) else {
            tracing::warn!(%topic, "a message on an odd topic is passed over");
            return true;
        };
        let speaker = Speaker { store, kiosk };
        let request = request_of(publish);
        let payload = publish.payload.to_vec();
        match rest {
            "up/events" => return self.frame(&speaker, payload, &request).await,
            "up/hello" => return self.hello(&speaker, payload, &request).await,
            "status" => self.status(&speaker, &payload, publish.retain).await,
            _ => tracing::debug!(%topic, "a message is passed over"),
        }
        true
    }

    async fn frame(&self, speaker: &Speaker, payload: Vec<u8>, request: &str) -> bool {
        match self
            .cloud
            .door
            .frame(speaker, payload, request, Way::Live)
            .await
        {
            Ok(received) => {
                let at_once = received.repeats();
                let messenger = self.clone();
                let of = speaker.clone();
                self.desk
                    .hand_in(speaker, received.ack, at_once, move |ack| {
                        messenger.send_ack(&of, &ack);
                    });
            }
            Err(Refused::Ledger(error)) => {
                tracing::error!(kiosk = %speaker, request, %error, "events could not be stored; the kiosk will send them again");
                return !is_away(&error);
            }
            Err(Refused::UnknownJournal(journal) | Refused::HelloFirst(journal)) => {
                self.ask_hello(speaker, journal);
            }
            // The door has told why.
            Err(_) => {}
        }
        true
    }

    async fn hello(&self, speaker: &Speaker, payload: Vec<u8>, request: &str) -> bool {
        match self.cloud.door.hello(speaker, payload, request).await {
            Ok(ack) => {
                self.send_ack(speaker, &ack);
            }
            Err(Refused::Ledger(error)) => {
                tracing::error!(kiosk = %speaker, request, %error, "a hello could not be stored");
                return !is_away(&error);
            }
            Err(_) => {}
        }
        true
    }

    async fn status(&self, speaker: &Speaker, payload: &[u8], retained: bool) {
        let Ok(told) = serde_json::from_slice::<Told>(payload) else {
            tracing::debug!(kiosk = %speaker, "a presence can't be read");
            return;
        };
        // A retained message or a last will doesn't show that the kiosk is there now.
        let gone = told.link == "gone";
        let at = if retained || gone {
            WallTime::from_millis(0)
        } else {
            clock::wall()
        };
        let short = |text: String| text.chars().take(64).collect::<String>();
        let said = Said {
            at,
            link: Some(short(told.link)),
            depth: (!gone).then_some(told.depth),
            oldest_ms: told.oldest_ms,
            version: Some(told.version)
                .filter(|version| !version.is_empty())
                .map(short),
        };
        if let Some(device) = self.device(speaker).await {
            self.cloud.presence.note(device, said);
        }
    }

    async fn device(&self, speaker: &Speaker) -> Option<i64> {
        let of = speaker.clone();
        let find = self.cloud.ledger.read(move |connection| {
            devices::find(connection, of.store.as_str(), of.kiosk.as_str())
        });
        find.await.ok().flatten().map(|device| device.id)
    }

    fn send_ack(&self, speaker: &Speaker, ack: &Ack) {
        let topic = KioskTopics::new(&speaker.store, &speaker.kiosk).down_ack();
        let Ok(bytes) = self.cloud.door.sign(ack) else {
            return;
        };
        match self
            .client
            .try_publish(topic, QoS::AtLeastOnce, false, bytes)
        {
            Ok(()) => metrics::counter!("cloud_acks_total", "transport" => "mqtt").increment(1),
            // The next ack says all that this one would have.
            Err(error) => tracing::debug!(kiosk = %speaker, %error, "an ack was not published"),
        }
    }

    /// A lost one is made good by the next frame.
    fn ask_hello(&self, speaker: &Speaker, journal: JournalId) {
        let control = Control {
            journal,
            ask: Ask::Hello,
            at: clock::wall(),
        };
        let topic = KioskTopics::new(&speaker.store, &speaker.kiosk).down_control();
        let Ok(bytes) = cloud_sync_wire::signed::sign(&control, &self.cloud.key.key()) else {
            return;
        };
        let published = self
            .client
            .try_publish(topic, QoS::AtLeastOnce, false, bytes);
        if let Err(error) = published {
            tracing::debug!(kiosk = %speaker, %error, "a hello could not be asked for");
        }
    }

    /// Publishes the retained notice of every menu in force after connecting, and of new ones.
    async fn announce(self, mut connected: watch::Receiver<u64>) {
        let mut changed = self.cloud.menus_changed.subscribe();
        let mut rekeyed = self.cloud.rekeyed.subscribe();
        let mut told = 0;
        loop {
            tokio::select! {
                up = connected.changed() => match up {
                    Ok(()) => told = 0,
                    Err(_) => return,
                },
                anew = rekeyed.changed() => match anew {
                    Ok(()) => told = 0,
                    Err(_) => return,
                },
                new = changed.changed() => if new.is_err() { return },
            }
            if *connected.borrow() > 0 {
                told = self.announce_since(told).await;
            }
        }
    }

    async fn announce_since(&self, told: i64) -> i64 {
        let read = self
            .cloud
            .ledger
            .read(move |connection| menus::published_since(connection, told));
        let published = match read.await {
            Ok(published) => published,
            Err(error) => {
                tracing::warn!(%error, "menu notices could not be read");
                return told;
            }
        };
        let mut told = told;
        for menu in published {
            let notice = MenuNotice {
                store: menu.store,
                version: menu.version,
                at: menu.at,
            };
            let Ok(bytes) = cloud_sync_wire::signed::sign(&notice, &self.cloud.key.key()) else {
                continue;
            };
            let topic = topics::store_menu(&notice.store);
            if let Err(error) = self
                .client
                .publish(topic, QoS::AtLeastOnce, true, bytes)
                .await
            {
                tracing::warn!(%error, store = %notice.store, "a menu notice was not published");
                return told;
            }
            tracing::info!(store = %notice.store, version = notice.version, "menu announced");
            told = menu.id;
        }
        told
    }

    /// Lets the messages in hand end while the connection still moves, and says goodbye.
    async fn finish(&self, mut events: EventLoop) {
        let done = async {
            let all = self.open.acquire_many(u32::from(OPEN)).await;
            drop(all);
            let _ = self.client.try_disconnect();
        };
        let moving = async {
            loop {
                if let Err(_) | Ok(Event::Outgoing(rumqttc::Outgoing::Disconnect)) =
                    events.poll().await
                {
                    return;
                }
            }
        };
        let both = async { tokio::join!(done, moving) };
        let _ = tokio::time::timeout(FINISH, both).await;
    }
}

fn is_away(error: &LedgerError) -> bool {
    matches!(error, LedgerError::Away(_) | LedgerError::Unknown(_))
}

fn warn_if_failed(reason: PubAckReason) {
    if !matches!(
        reason,
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers
    ) {
        tracing::warn!(?reason, "the broker refused a message");
    }
}

/// The request id that a kiosk sent along, or a new one.
fn request_of(publish: &Publish) -> String {
    let properties = publish.properties.as_ref();
    let mut pairs = properties
        .into_iter()
        .flat_map(|properties| &properties.user_properties);
    let given = pairs.find(|(name, value)| name == "request-id" && is_usable(value));
    given.map_or_else(new_id, |(_, value)| value.clone())
}
