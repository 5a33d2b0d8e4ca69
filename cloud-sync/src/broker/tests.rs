use std::future::Future;

use rumqttc::Outgoing;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{
    ConnectProperties, ConnectReturnCode, Filter, LastWill, Packet, PubAckReason, Publish,
    SubscribeReasonCode,
};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, MqttOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::*;

const EVENTS: &str = "so1/s1/k1/up/events";
const ACK: &str = "so1/s1/k1/down/ack";
const STATUS: &str = "so1/s1/k1/status";

#[tokio::test(flavor = "multi_thread")]
async fn the_right_password_gets_in_and_a_wrong_one_is_told() {
    let broker = broker().await;
    let _kiosk = Client::connect(&broker, "s1/k1").await;
    assert_eq!(
        refusal(options(&broker, "s1/k1", "s1/k1", "wrong")).await,
        ConnectReturnCode::BadUserNamePassword
    );
    let mut nobody = options(&broker, "s1/k1", "s1/k1", "right");
    nobody.set_credentials("nobody", "right");
    assert_eq!(
        refusal(nobody).await,
        ConnectReturnCode::BadUserNamePassword
    );
    let anonymous = MqttOptions::new("s1/k1", "127.0.0.1", broker.local_addr().port());
    assert_eq!(
        refusal(anonymous).await,
        ConnectReturnCode::BadUserNamePassword
    );
    let counters = broker.counters();
    assert_eq!(
        (
            counters.connected,
            counters.connects,
            counters.refused_connects
        ),
        (1, 1, 3)
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_only_use_its_own_client_id() {
    let broker = broker().await;
    for (user, client_id) in [("s1/k1", "s1/k2"), ("s1/k1", "k1"), ("service", "s1/k1")] {
        let refused = refusal(options(&broker, client_id, user, "right")).await;
        assert_eq!(
            refused,
            ConnectReturnCode::NotAuthorized,
            "{user} as {client_id}"
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_of_mqtt_3_are_refused() {
    let broker = broker().await;
    let mut old = rumqttc::MqttOptions::new("s1/k1", "127.0.0.1", broker.local_addr().port());
    old.set_credentials("s1/k1", "right");
    let (_client, mut events) = rumqttc::AsyncClient::new(old, 1);
    let refused = soon(events.poll()).await;
    assert!(
        matches!(refused, Err(rumqttc::ConnectionError::ConnectionRefused(_))),
        "{refused:?}"
    );
    assert_eq!(broker.counters().refused_connects, 1);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_publish_is_told_by_its_puback_and_the_connection_stays() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    service.subscribe("so1/#").await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    for topic in ["so1/s1/k2/up/events", ACK, "so1/s1/config/menu", "$SYS/x"] {
        assert_eq!(
            kiosk.publish(topic, "forged").await,
            PubAckReason::NotAuthorized,
            "{topic}"
        );
    }
    assert_eq!(kiosk.publish(EVENTS, "frame").await, PubAckReason::Success);
    let received = service.message().await;
    assert_eq!(
        (text(&received.topic), text(&received.payload)),
        (EVENTS, "frame")
    );
    assert_eq!(broker.counters().refused_publishes, 4);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_subscriptions_are_told_one_by_one() {
    let broker = broker().await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    let filters = [
        "so1/s1/k1/down/#",
        "so1/#",
        "so1/fleet/config/#",
        "$SYS/#",
        "$share/g/so1/s1/k1/down/#",
    ];
    let answers = kiosk.subscribe_all(&filters).await;
    let allowed: Vec<bool> = answers
        .iter()
        .map(|answer| *answer == SubscribeReasonCode::Success(QoS::AtLeastOnce))
        .collect();
    assert_eq!(allowed, [true, false, true, false, false], "{answers:?}");
    assert!(
        answers
            .iter()
            .filter(|answer| **answer == SubscribeReasonCode::NotAuthorized)
            .count()
            == 3
    );
    assert_eq!(broker.counters().refused_subscribes, 3);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_retained_until_they_are_cleared() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    let topic = "so1/s1/config/menu";
    service.retain(topic, "v1").await;
    service.retain(topic, "v2").await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    kiosk.subscribe("so1/s1/config/#").await;
    let notice = kiosk.message().await;
    assert_eq!((notice.retain, text(&notice.payload)), (true, "v2"));
    service.retain(topic, "v3").await;
    let live = kiosk.message().await;
    assert_eq!((live.retain, text(&live.payload)), (false, "v3"));
    assert_eq!(broker.counters().retained, 1);
    service.retain(topic, "").await;
    assert_eq!(text(&kiosk.message().await.payload), "");
    assert_eq!(broker.counters().retained, 0);
    let mut later = Client::connect(&broker, "s1/k2").await;
    later.subscribe("so1/s1/config/#").await;
    service.publish("so1/s1/config/other", "live").await;
    assert_eq!(
        text(&later.message().await.payload),
        "live",
        "nothing retained came first"
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kiosk_cannot_fill_the_store_of_retained_messages() {
    let broker = broker().await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    assert_eq!(
        kiosk.retain(EVENTS, "frame").await,
        PubAckReason::QuotaExceeded
    );
    assert_eq!(
        kiosk.retain(STATUS, &"x".repeat(20_000)).await,
        PubAckReason::QuotaExceeded
    );
    assert_eq!(kiosk.retain(STATUS, "{}").await, PubAckReason::Success);
    assert_eq!(broker.counters().retained, 1);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_subscription_gives_each_message_to_one_of_two_services() {
    let broker = broker().await;
    let (mut one, mut two) = (
        Client::connect(&broker, "ingest-1").await,
        Client::connect(&broker, "ingest-2").await,
    );
    for replica in [&mut one, &mut two] {
        replica.subscribe("$share/ingest/so1/+/+/up/events").await;
    }
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    for number in 0..100 {
        assert_eq!(
            kiosk.publish(EVENTS, &number.to_string()).await,
            PubAckReason::Success
        );
    }
    let counters = settled(&broker, |counters| counters.delivered == 100).await;
    assert_eq!((counters.routed, counters.dropped), (100, 0));
    let [mut first, second] = gather([&mut one, &mut two], 100).await;
    assert!(
        first.len() >= 30 && second.len() >= 30,
        "{} and {}",
        first.len(),
        second.len()
    );
    first.extend(second);
    first.sort_by_key(|payload| payload.parse::<u32>().unwrap());
    assert_eq!(
        first,
        (0..100)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_member_that_hangs_does_not_keep_messages_from_the_others() {
    let broker = broker().await;
    let mut hung = Client::connect_with(options_of(&broker, "ingest-1"), false).await;
    let mut alive = Client::connect(&broker, "ingest-2").await;
    hung.subscribe("$share/ingest/so1/+/+/up/events").await;
    alive.subscribe("$share/ingest/so1/+/+/up/events").await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    for _ in 0..200 {
        kiosk.publish(EVENTS, "frame").await;
    }
    let counters = settled(&broker, |counters| {
        counters.delivered + counters.waiting as u64 == 200
    })
    .await;
    assert!(
        counters.waiting < 50,
        "the hung one holds {} of 200",
        counters.waiting
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_will_is_published_when_a_kiosk_vanishes_and_only_then() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    service.subscribe("so1/+/+/status").await;
    let kiosk = Client::connect_with(with_will(&broker, STATUS), true).await;
    kiosk.sender.disconnect().await.unwrap();
    settled(&broker, |counters| counters.connected == 1).await;
    let kiosk = Client::connect_with(with_will(&broker, STATUS), true).await;
    kiosk.cut();
    let will = service.message().await;
    assert_eq!((text(&will.topic), text(&will.payload)), (STATUS, "gone"));
    let mut later = Client::connect(&broker, "later").await;
    later.subscribe("so1/+/+/status").await;
    let kept = later.message().await;
    assert_eq!((kept.retain, text(&kept.payload)), (true, "gone"));
    assert!(
        service.received().is_empty(),
        "no will after a proper disconnect"
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_will_where_the_client_may_not_publish_is_refused_at_connect() {
    let broker = broker().await;
    for topic in ["so1/s1/k2/status", "so1/s1/config/menu", EVENTS] {
        assert_eq!(
            refusal(with_will(&broker, topic)).await,
            ConnectReturnCode::NotAuthorized,
            "{topic}"
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_connect_with_the_same_client_id_takes_over() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    let mut first = Client::connect(&broker, "s1/k1").await;
    first.subscribe("so1/s1/k1/down/#").await;
    let mut second = Client::connect(&broker, "s1/k1").await;
    second.subscribe("so1/s1/k1/down/#").await;
    first.lost().await;
    assert_eq!(service.publish(ACK, "ack").await, PubAckReason::Success);
    assert_eq!(text(&second.message().await.payload), "ack");
    let counters = settled(&broker, |counters| counters.delivered == 1).await;
    assert_eq!(
        (counters.connected, counters.connects, counters.routed),
        (2, 3, 1)
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_with_its_connection_whatever_the_client_asked_for() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    let mut kiosk = Client::connect_with(lasting(&broker), true).await;
    kiosk.subscribe("so1/s1/k1/down/#").await;
    assert!(!kiosk.resumed);
    kiosk.cut();
    settled(&broker, |counters| counters.connected == 1).await;
    service.publish(ACK, "while away").await;
    assert_eq!(
        broker.counters().waiting,
        0,
        "nothing is kept for a client that is away"
    );
    // The library says that a session is over a moment before it lets go of it: who comes in between
    // finds it once more, and its next end is waited for.
    for ended in 1.. {
        settled(&broker, |counters| counters.ended == ended).await;
        let kiosk = Client::connect_with(lasting(&broker), true).await;
        if !kiosk.resumed {
            break;
        }
        assert!(ended < 10, "the session is still there");
        kiosk.cut();
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_starts_again_on_the_same_port_ten_times() {
    let mut address = "127.0.0.1:0".parse().unwrap();
    for round in 0..10 {
        let broker = Broker::start(address, Arc::new(Door)).await.unwrap();
        address = broker.local_addr();
        let mut kiosk = Client::connect(&broker, "s1/k1").await;
        assert_eq!(
            kiosk.publish(EVENTS, "frame").await,
            PubAckReason::Success,
            "round {round}"
        );
        soon(broker.stop()).await;
        kiosk.lost().await;
        assert!(
            TcpStream::connect(address).await.is_err(),
            "round {round}: the port is free"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_brokers_live_in_one_process_and_a_taken_port_is_told() {
    let mut brokers = Vec::new();
    for _ in 0..8 {
        brokers.push(broker().await);
    }
    let taken = Broker::start(brokers[0].local_addr(), Arc::new(Door))
        .await
        .err()
        .unwrap();
    assert!(
        matches!(&taken, BrokerError::Listen { source, .. } if source.kind() == io::ErrorKind::AddrInUse)
    );
    for broker in &brokers {
        let _kiosk = Client::connect(broker, "s1/k1").await;
        assert_eq!(broker.counters().connects, 1);
    }
    drop(brokers.pop());
    for broker in brokers {
        broker.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_for_a_slow_client_are_delivered_or_counted_as_dropped() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    let mut slow = Client::connect(&broker, "s1/k1").await;
    slow.subscribe("so1/s1/k1/down/#").await;
    let reading = slow.pause().await;
    let payload = "x".repeat(64 * 1024);
    for _ in 0..200 {
        assert_eq!(service.publish(ACK, &payload).await, PubAckReason::Success);
    }
    let before = broker.counters();
    assert_eq!(
        (
            before.routed,
            before.delivered + before.waiting as u64 + before.dropped
        ),
        (200, 200)
    );
    assert!(before.waiting <= 64, "what waits is bounded: {before:?}");
    drop(reading);
    let after = settled(&broker, |counters| counters.waiting == 0).await;
    assert_eq!(after.delivered + after.dropped, 200);
    assert!(after.dropped > 0 && after.delivered >= 64, "{after:?}");
    let count = usize::try_from(after.delivered).unwrap();
    assert_eq!(gather([&mut slow], count).await[0].len(), count);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_service_gets_all_of_two_hundred_large_messages() {
    let broker = broker().await;
    let mut slow = Client::connect(&broker, "service").await;
    slow.subscribe("so1/+/+/up/events").await;
    let reading = slow.pause().await;
    let mut kiosk = Client::connect(&broker, "s1/k1").await;
    let payload = "x".repeat(64 * 1024);
    for _ in 0..200 {
        kiosk.publish(EVENTS, &payload).await;
    }
    drop(reading);
    let after = settled(&broker, |counters| counters.waiting == 0).await;
    assert_eq!(
        (after.delivered, after.dropped, slow.received().len()),
        (200, 0, 200)
    );
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_client_that_vanishes_is_counted_as_dropped() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    for round in 1..=2 {
        let mut kiosk = Client::connect_with(options_of(&broker, "s1/k1"), false).await;
        kiosk.subscribe("so1/s1/k1/down/#").await;
        for _ in 0..20 {
            service.publish(ACK, "ack").await;
        }
        assert_eq!(broker.counters().waiting, 20, "nothing is acknowledged");
        // Once the socket breaks, once a second connection takes over.
        if round == 1 {
            kiosk.cut();
        } else {
            let _successor = Client::connect(&broker, "s1/k1").await;
        }
        let counters = settled(&broker, |counters| counters.waiting == 0).await;
        assert_eq!(
            (counters.routed, counters.dropped),
            (20 * round, 20 * round)
        );
    }
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oversize_packet_ends_its_connection_and_nothing_else() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    service.subscribe("so1/#").await;
    let mut kiosk = Client::connect(&broker, "s1/k2").await;
    let mut raw = raw_connection(&broker).await;
    // A QoS 1 PUBLISH of 300 KiB.
    raw.write_all(b"\x32\x80\xe0\x12").await.unwrap();
    // The rest may meet a socket that is closed already.
    drop(raw.write_all(&vec![b'x'; 300 * 1024]).await);
    closed(&mut raw).await;
    assert_eq!(
        kiosk
            .publish("so1/s1/k2/up/events", &"x".repeat(255 * 1024))
            .await,
        PubAckReason::Success
    );
    assert_eq!(service.message().await.payload.len(), 255 * 1024);
    broker.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_input_does_no_harm() {
    let broker = broker().await;
    let mut service = Client::connect(&broker, "service").await;
    service.subscribe("so1/#").await;
    let mut random = Random(7);
    let after_connect: [&[u8]; 6] = [
        &[0x32, 0x05, 0x00, 0x03, b'a', b'/', b'b'],
        &[0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
        &[0x82, 0x02, 0x00, 0x00],
        &[0x10, 0x00],
        &[0xf0, 0x00],
        &[0x00, 0xff, 0xff, 0xff],
    ];
    for round in 0..300 {
        let mut bytes = if round % 3 == 0 {
            Vec::new()
        } else {
            CONNECT.to_vec()
        };
        if round % 3 == 1 {
            let at = random.below(bytes.len());
            bytes[at] = random.byte();
            bytes.truncate(random.below(bytes.len()) + 1);
        }
        bytes.extend_from_slice(after_connect[random.below(after_connect.len())]);
        bytes.extend((0..random.below(64)).map(|_| random.byte()));
        let mut raw = TcpStream::connect(broker.local_addr()).await.unwrap();
        drop(raw.write_all(&bytes).await);
    }
    let mut kiosk = Client::connect(&broker, "s1/k2").await;
    assert_eq!(
        kiosk.publish("so1/s1/k2/up/hello", "still here").await,
        PubAckReason::Success
    );
    loop {
        if text(&service.message().await.payload) == "still here" {
            break;
        }
    }
    broker.stop().await;
}

/// Lets in whoever has the password "right": users with a slash are kiosks, "service" is one.
struct Door;

impl Gatekeeper for Door {
    fn identify(&self, _: &str, username: &str, password: &[u8]) -> Option<Identity> {
        if password != b"right" {
            return None;
        }
        match username.split_once('/') {
            Some((store, kiosk)) => Some(Identity::Kiosk {
                store: store.into(),
                kiosk: kiosk.into(),
            }),
            None => (username == "service").then_some(Identity::Service),
        }
    }
}

async fn broker() -> Broker {
    Broker::start("127.0.0.1:0".parse().unwrap(), Arc::new(Door))
        .await
        .unwrap()
}

fn options(broker: &Broker, client_id: &str, user: &str, password: &str) -> MqttOptions {
    let mut options = MqttOptions::new(client_id, "127.0.0.1", broker.local_addr().port());
    options.set_credentials(user, password);
    options.set_max_packet_size(Some(512 * 1024));
    options
}

fn options_of(broker: &Broker, client_id: &str) -> MqttOptions {
    let user = if client_id.contains('/') {
        client_id
    } else {
        "service"
    };
    options(broker, client_id, user, "right")
}

fn with_will(broker: &Broker, topic: &str) -> MqttOptions {
    let mut options = options_of(broker, "s1/k1");
    options.set_last_will(LastWill::new(topic, "gone", QoS::AtLeastOnce, true, None));
    options
}

fn lasting(broker: &Broker) -> MqttOptions {
    let mut options = options_of(broker, "s1/k1");
    let properties = ConnectProperties {
        session_expiry_interval: Some(3_600),
        max_packet_size: Some(512 * 1024),
        ..ConnectProperties::new()
    };
    options
        .set_clean_start(false)
        .set_connect_properties(properties);
    options
}

/// A client whose connection is read by a task of its own.
struct Client {
    sender: AsyncClient,
    packets: mpsc::UnboundedReceiver<Packet>,
    messages: mpsc::UnboundedReceiver<Publish>,
    reading: Arc<tokio::sync::Mutex<()>>,
    reader: JoinHandle<()>,
    /// Whether the broker still had a session.
    resumed: bool,
}

impl Client {
    async fn connect(broker: &Broker, client_id: &str) -> Client {
        Client::connect_with(options_of(broker, client_id), true).await
    }

    async fn connect_with(mut options: MqttOptions, acknowledges: bool) -> Client {
        options.set_manual_acks(!acknowledges);
        let (sender, mut events) = AsyncClient::new(options, 300);
        let (to_packets, packets) = mpsc::unbounded_channel();
        let (to_messages, messages) = mpsc::unbounded_channel();
        let reading = Arc::new(tokio::sync::Mutex::new(()));
        let turn = Arc::clone(&reading);
        let reader = tokio::spawn(async move {
            while let Ok(event) = events.poll().await {
                drop(turn.lock().await);
                match event {
                    Event::Incoming(Packet::Publish(message)) => drop(to_messages.send(message)),
                    Event::Incoming(packet) => drop(to_packets.send(packet)),
                    Event::Outgoing(Outgoing::Disconnect) => break,
                    Event::Outgoing(_) => {}
                }
            }
        });
        let mut client = Client {
            sender,
            packets,
            messages,
            reading,
            reader,
            resumed: false,
        };
        match client.packet().await {
            Some(Packet::ConnAck(answer)) => client.resumed = answer.session_present,
            other => panic!("not connected: {other:?}"),
        }
        client
    }

    async fn packet(&mut self) -> Option<Packet> {
        loop {
            match soon(self.packets.recv()).await {
                Some(Packet::PingResp(_)) => {}
                other => return other,
            }
        }
    }

    async fn message(&mut self) -> Publish {
        soon(self.messages.recv()).await.unwrap()
    }

    fn received(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.messages.try_recv().ok())
            .map(|message| text(&message.payload).to_owned())
            .collect()
    }

    async fn publish(&mut self, topic: &str, payload: &str) -> PubAckReason {
        self.send(topic, payload, false).await
    }

    async fn retain(&mut self, topic: &str, payload: &str) -> PubAckReason {
        self.send(topic, payload, true).await
    }

    async fn send(&mut self, topic: &str, payload: &str, retain: bool) -> PubAckReason {
        self.sender
            .publish(topic, QoS::AtLeastOnce, retain, payload.to_owned())
            .await
            .unwrap();
        match self.packet().await {
            Some(Packet::PubAck(ack)) => ack.reason,
            other => panic!("no answer to a publish: {other:?}"),
        }
    }

    async fn subscribe(&mut self, filter: &str) {
        let answers = self.subscribe_all(&[filter]).await;
        assert_eq!(
            answers,
            [SubscribeReasonCode::Success(QoS::AtLeastOnce)],
            "{filter}"
        );
    }

    async fn subscribe_all(&mut self, filters: &[&str]) -> Vec<SubscribeReasonCode> {
        let filters = filters
            .iter()
            .map(|filter| Filter::new(*filter, QoS::AtLeastOnce));
        self.sender
            .subscribe_many(filters.collect::<Vec<_>>())
            .await
            .unwrap();
        match self.packet().await {
            Some(Packet::SubAck(answer)) => answer.return_codes,
            other => panic!("no answer to a subscribe: {other:?}"),
        }
    }

    /// Reads nothing until what is returned is dropped.
    async fn pause(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.reading).lock_owned().await
    }

    async fn lost(&mut self) {
        while self.packet().await.is_some() {}
    }

    /// Drops the connection without a word.
    fn cut(self) {
        self.reader.abort();
    }
}

async fn refusal(options: MqttOptions) -> ConnectReturnCode {
    let (_client, mut events) = AsyncClient::new(options, 1);
    match soon(events.poll()).await {
        Err(ConnectionError::ConnectionRefused(code)) => code,
        other => panic!("not refused: {other:?}"),
    }
}

/// The counters as soon as they satisfy `condition`.
async fn settled(broker: &Broker, condition: impl Fn(&Counters) -> bool) -> Counters {
    for _ in 0..1_500 {
        let counters = broker.counters();
        assert_eq!(
            counters.routed,
            counters.delivered + counters.dropped + counters.waiting as u64
        );
        if condition(&counters) {
            return counters;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("still {:?}", broker.counters());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_is_cut_off_is_gone_and_the_others_stay() {
    let broker = broker().await;
    let mut cut = raw_connection(&broker).await;
    let _other = Client::connect(&broker, "s1/k2").await;
    broker.cut("nobody").await;
    broker.cut("s1/k1").await;
    closed(&mut cut).await;
    settled(&broker, |counters| counters.connected == 1).await;
    assert_eq!(broker.clients(), ["s1/k2"]);
    broker.stop().await;
}

/// The payloads that each of these clients got, once they are `count` together: the broker knows of an acknowledgement
/// a moment before the test has the message.
async fn gather<const N: usize>(mut clients: [&mut Client; N], count: usize) -> [Vec<String>; N] {
    let mut payloads = [const { Vec::new() }; N];
    soon(async {
        while payloads.iter().map(Vec::len).sum::<usize>() < count {
            for (client, payloads) in clients.iter_mut().zip(&mut payloads) {
                payloads.extend(client.received());
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    payloads
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future)
        .await
        .expect("in time")
}

/// CONNECT of kiosk s1/k1: MQTT 5, clean start, keep-alive 30 s, no properties.
const CONNECT: &[u8] =
    b"\x10\x20\x00\x04MQTT\x05\xc2\x00\x1e\x00\x00\x05s1/k1\x00\x05s1/k1\x00\x05right";

async fn raw_connection(broker: &Broker) -> TcpStream {
    let mut raw = TcpStream::connect(broker.local_addr()).await.unwrap();
    raw.write_all(CONNECT).await.unwrap();
    let mut answer = [0; 4];
    soon(raw.read_exact(&mut answer)).await.unwrap();
    assert_eq!((answer[0], answer[3]), (0x20, 0), "connected");
    raw
}

/// Waits for the other side to close; how (orderly or by a reset) is its own affair.
async fn closed(raw: &mut TcpStream) {
    drop(soon(raw.read_to_end(&mut Vec::new())).await);
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Numbers that look random and are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}
