//! The loop that feeds the link and does what it says.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloud_sync_wire::control::Ask;
use cloud_sync_wire::topics::KioskTopics;
use metrics::counter;
use resilience::Moment;
use tokio::sync::{Notify, mpsc, watch};

use super::clerk::Frame;
use super::errands::{Errands, News};
use super::link::{Action, Batch, Event, Link, Mode, Reply, Tally, Transport};
use super::mqtt::{self, Message, Said, Session, Shared};
use super::settings::{UplinkSettings, open_wait};
use super::view::LinkView;
use super::{Notice, Order};
use crate::journal::Outbox;
use crate::protect::now;

/// The loop looks at the breaker at least so often, whoever moved it.
const LOOK: Duration = Duration::from_secs(5);
/// How often the broker is told how many events wait, when that changes.
const PRESENCE: Duration = Duration::from_secs(10);
/// How long calls under way may take when the kiosk stops.
const FINISH: Duration = Duration::from_secs(2);

pub(super) struct Driver {
    pub(super) link: Link,
    pub(super) errands: Arc<Errands>,
    pub(super) settings: UplinkSettings,
    pub(super) topics: KioskTopics,
    pub(super) outbox: watch::Receiver<Outbox>,
    pub(super) news: mpsc::UnboundedReceiver<News>,
    pub(super) broker: FromBroker,
    pub(super) acks: mpsc::Sender<Vec<u8>>,
    pub(super) notices: mpsc::Sender<Notice>,
    pub(super) orders: mpsc::UnboundedReceiver<Order>,
    pub(super) wake: Arc<Notify>,
    pub(super) view: watch::Sender<LinkView>,
    pub(super) session: Option<Session>,
    pub(super) told: Told,
}

/// What comes from the broker's loop, and what is shared with it.
pub(super) struct FromBroker {
    pub(super) said: mpsc::UnboundedReceiver<Said>,
    pub(super) messages: mpsc::Receiver<Message>,
    pub(super) shared: Shared,
}

/// What the broker was last told of this kiosk.
#[derive(Debug)]
pub(super) struct Told {
    mode: Mode,
    depth: u64,
    at: Moment,
}

impl Told {
    pub(super) fn nothing(now: Moment) -> Self {
        Self {
            mode: Mode::Standalone,
            depth: 0,
            at: now,
        }
    }
}

impl Driver {
    /// Runs until it is told to stop.
    pub(super) async fn run(mut self) {
        self.outbox.mark_changed();
        loop {
            let wait = self.wait();
            tokio::select! {
                changed = self.outbox.changed() => match changed {
                    Ok(()) => self.see_outbox(),
                    Err(_) => break,
                },
                Some(news) = self.news.recv() => self.hear(news),
                Some(said) = self.broker.said.recv() => self.listen(said),
                Some(message) = self.broker.messages.recv() => self.receive(message),
                Some(order) = self.orders.recv() => match order {
                    Order::Retune(settings) => self.retune(settings),
                    Order::AskNow => {
                        self.link.ask_now(now());
                        self.step(Event::Wake);
                    }
                    Order::Slept(slept) => {
                        self.link.slept(now(), slept);
                        // Its waits are the broker's loop's own, and a session of before is gone.
                        self.broker.shared.poke.notify_one();
                        self.step(Event::Wake);
                    }
                    Order::Stop => break,
                },
                () = self.wake.notified() => self.step(Event::Wake),
                () = tokio::time::sleep(wait) => self.step(Event::Wake),
            }
        }
        self.finish().await;
    }

    fn wait(&self) -> Duration {
        let now = now();
        let deadline = self
            .link
            .next_deadline(now)
            .map(|deadline| deadline.at.since(now));
        // A millisecond later is surely not too early.
        deadline.map_or(LOOK, |wait| wait.min(LOOK)) + Duration::from_millis(1)
    }

    fn see_outbox(&mut self) {
        let event = {
            let outbox = self.outbox.borrow_and_update();
            Event::Outbox {
                next_seq: outbox.next_seq,
                retained_from: outbox.retained_from,
                watermark: outbox.confirmed.watermark(),
                beyond: outbox.confirmed.beyond().to_vec(),
            }
        };
        self.step(event);
    }

    fn hear(&mut self, news: News) {
        // What an ack released must be known before the ack itself.
        if self.outbox.has_changed().unwrap_or(false) {
            self.see_outbox();
        }
        match news {
            News::Sent { flight, last } => {
                count(Transport::Http, "sent", 1);
                self.step(Event::Sent { flight, last });
            }
            News::Unsendable { flight } => self.step(Event::Unsendable { flight }),
            News::Called { id, reply } => {
                if self.link.carries_batch(id) && !matches!(reply, Reply::Acked(_)) {
                    count(Transport::Http, "failed", 1);
                }
                self.step(Event::Called { id, reply });
            }
            News::Frame(frame) => self.publish(frame),
            News::Hello(hello) => {
                if let Some(session) = &self.session {
                    session.hello(hello);
                }
            }
            News::Acked(Reply::Fenced) => self.step(Event::Fenced),
            News::Acked(Reply::Withdrawn) => self.step(Event::MqttAsksHello),
            News::Acked(Reply::Acked(grant)) => self.step(Event::MqttAcked(grant)),
            News::Acked(_) => {}
        }
    }

    fn publish(&mut self, frame: Frame) {
        let Frame {
            flight,
            last,
            bytes,
            request,
        } = frame;
        // The link forgot it if the broker went away meanwhile.
        if !self.link.carries_batch(flight) {
            return;
        }
        let session = self.session.as_ref();
        if session.is_some_and(|session| session.events(flight, bytes, &request)) {
            count(Transport::Mqtt, "sent", 1);
            self.step(Event::Sent { flight, last });
        } else {
            self.step(Event::Unsendable { flight });
        }
    }

    fn listen(&mut self, said: Said) {
        match said {
            Said::Up(session) => {
                tracing::info!(connection = session.number, "broker connected");
                self.session = Some(session);
                self.step(Event::MqttUp);
                self.tell_presence(now());
            }
            Said::Down(reason) => {
                tracing::info!(reason, "broker lost");
                self.session = None;
                self.step(Event::MqttDown);
            }
            Said::Refused(flight) => {
                count(Transport::Mqtt, "refused", 1);
                self.step(Event::Unsendable { flight });
            }
        }
    }

    fn receive(&mut self, message: Message) {
        let Message { topic, payload } = message;
        if topic == self.topics.down_control() {
            if self.errands.clerk.asked(&payload) == Some(Ask::Hello) {
                self.step(Event::MqttAsksHello);
            }
            return;
        }
        let taken = if topic == self.topics.down_ack() {
            self.acks.try_send(payload).is_ok()
        } else {
            self.notices.try_send(Notice { topic, payload }).is_ok()
        };
        if !taken {
            counter!("kiosk_messages_dropped_total").increment(1);
        }
    }

    fn step(&mut self, event: Event) {
        let before = self.link.mode().0;
        for action in self.link.handle(now(), event) {
            self.perform(action);
        }
        let Tally { acked, overdue } = self.link.take_tally();
        count(Transport::Http, "acked", acked.http);
        count(Transport::Mqtt, "acked", acked.mqtt);
        count(Transport::Http, "overdue", overdue.http);
        count(Transport::Mqtt, "overdue", overdue.mqtt);
        self.show(before);
    }

    fn perform(&mut self, action: Action) {
        let errands = Arc::clone(&self.errands);
        let UplinkSettings {
            call_timeout,
            probe_timeout,
            batch_timeout,
            ..
        } = self.settings;
        match action {
            Action::HelloByHttp(id) => {
                tokio::spawn(async move { errands.hello_by_http(id, probe_timeout).await });
            }
            Action::Heartbeat(id) => {
                let unconfirmed = self.outbox.borrow().unconfirmed();
                tokio::spawn(async move { errands.heartbeat(id, unconfirmed, call_timeout).await });
            }
            Action::HelloByMqtt => {
                tokio::spawn(async move { errands.hello_for_mqtt().await });
            }
            Action::Send(
                batch @ Batch {
                    via: Transport::Http,
                    ..
                },
            ) => {
                let limit = if batch.live {
                    call_timeout
                } else {
                    batch_timeout
                };
                tokio::spawn(async move { errands.events_by_http(batch, limit).await });
            }
            Action::Send(batch) => {
                tokio::spawn(async move { errands.events_for_mqtt(batch).await });
            }
            Action::ReconnectMqtt => self.broker.shared.poke.notify_one(),
            Action::SetHeartbeat(every) => self.set_heartbeat(every),
        }
    }

    /// A fleet that is told to ask less often also probes less often.
    fn set_heartbeat(&self, every: Duration) {
        if let Err(error) = self.errands.ordering.pace(open_wait(every), now()) {
            tracing::warn!(%error, "the breaker can't be retuned");
        }
    }

    fn retune(&mut self, settings: UplinkSettings) {
        self.settings = settings;
        self.link.retune(settings);
        self.step(Event::Wake);
    }

    fn show(&mut self, before: Mode) {
        let now = now();
        let (mode, since) = self.link.mode();
        let depth = self.outbox.borrow().unconfirmed();
        self.broker.shared.depth.store(depth, Ordering::Relaxed);
        if mode != before {
            self.log_mode(before, depth);
        }
        self.view.send_if_modified(|view| {
            let sent = view.sent.clone();
            sent.set(self.link.on_wire());
            let fresh = LinkView {
                mode,
                since,
                reason: self.link.reason(),
                fenced: self.link.is_fenced(),
                mqtt_up: self.link.mqtt_up(),
                credit: self.link.credit(),
                in_flight: self.link.in_flight(),
                last_ack_at: self.errands.clerk.last_ack_at(),
                next: self.link.next_deadline(now),
                sent,
            };
            let changed = !fresh.looks_like(view);
            *view = fresh;
            changed
        });
        let due = depth != self.told.depth && now.since(self.told.at) >= PRESENCE;
        if mode != self.told.mode || due {
            self.tell_presence(now);
        }
    }

    fn log_mode(&self, before: Mode, unconfirmed: u64) {
        let (from, to) = (before.name(), self.link.mode().0.name());
        let reason = self.link.reason().words();
        match to {
            "offline" => {
                let error = self.errands.trouble();
                tracing::info!(from, to, reason, error, unconfirmed, "link mode changed");
            }
            _ => tracing::info!(from, to, reason, unconfirmed, "link mode changed"),
        }
    }

    fn tell_presence(&mut self, now: Moment) {
        let Some(session) = &self.session else {
            return;
        };
        let (mode, depth) = (self.link.mode().0, self.outbox.borrow().unconfirmed());
        if session.presence(&mqtt::presence(mode.name(), depth)) {
            self.told = Told {
                mode,
                depth,
                at: now,
            };
        }
    }

    /// Lets what is under way end, for a while, and takes leave of the broker.
    async fn finish(mut self) {
        self.step(Event::Stop);
        let _ = tokio::time::timeout(FINISH, async {
            while self.link.calls_under_way() {
                match self.news.recv().await {
                    Some(news) => self.hear(news),
                    None => break,
                }
            }
        })
        .await;
        if let Some(session) = &self.session {
            let depth = self.outbox.borrow().unconfirmed();
            session.presence(&mqtt::presence("gone", depth));
            session.leave();
            // The broker's loop says so when the leave is written.
            let gone = async {
                while let Some(Said::Up(_) | Said::Refused(_)) = self.broker.said.recv().await {}
            };
            let _ = tokio::time::timeout(FINISH / 2, gone).await;
        }
    }
}

fn count(transport: Transport, result: &'static str, batches: u64) {
    if batches > 0 {
        let transport = transport.name();
        counter!("kiosk_uplink_batches_total", "transport" => transport, "result" => result)
            .increment(batches);
    }
}
