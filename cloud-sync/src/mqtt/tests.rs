use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::notice::scope::Scope;
use cloud_sync_wire::notice::{MenuNotice, Presence, SwitchNotice};
use cloud_sync_wire::signed;
use cloud_sync_wire::topics::KioskTopics;
use kiosk_core::ids::StoreId;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PublishProperties};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use super::{Post, serve};
use crate::broker::Broker;
use crate::clock;
use crate::cloud::Cloud;
use crate::gate::{Gate, SERVICE};
use crate::ledger::changes::{self, Kind, Made, Wish};
use crate::ledger::{Ledger, menus};
use crate::testing::{Kiosk, Rig};

const LONG: Duration = Duration::from_secs(20);

/// A cloud with its embedded broker.
struct House {
    rig: Rig,
    broker: Broker,
    serving: JoinHandle<()>,
}

impl House {
    async fn open(rig: Rig) -> Self {
        let (gate, password) = Gate::new(rig.cloud.ledger.clone()).unwrap();
        let listen = "127.0.0.1:0".parse().unwrap();
        let broker = Broker::start(listen, Arc::new(gate)).await.unwrap();
        let post = Post {
            host: "127.0.0.1".to_owned(),
            port: broker.local_addr().port(),
            login: Some((SERVICE.to_owned(), password)),
            tls: None,
        };
        let serving = tokio::spawn(serve(rig.cloud.clone(), post));
        Self {
            rig,
            broker,
            serving,
        }
    }

    async fn close(self) {
        self.rig.close.send(true).unwrap();
        tokio::time::timeout(LONG, self.serving)
            .await
            .unwrap()
            .unwrap();
        self.broker.stop().await;
    }
}

/// A kiosk's connection; what it gets comes out of `got`.
struct Line {
    client: AsyncClient,
    topics: KioskTopics,
    got: UnboundedReceiver<(String, Vec<u8>)>,
    lets_in: UnboundedReceiver<bool>,
    polling: JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

fn line(house: &House, kiosk: &Kiosk) -> Line {
    let id = kiosk.speaker.to_string();
    let mut options = MqttOptions::new(id.clone(), "127.0.0.1", house.broker.local_addr().port());
    options.set_credentials(id, kiosk.secret.access_token());
    options.set_max_packet_size(Some(256 * 1024));
    let (client, mut events) = AsyncClient::new(options, 64);
    let (send, got) = unbounded_channel();
    let (tell, lets_in) = unbounded_channel();
    let polling = tokio::spawn(async move {
        loop {
            match events.poll().await {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    let topic = String::from_utf8(publish.topic.to_vec()).unwrap();
                    let _ = send.send((topic, publish.payload.to_vec()));
                }
                Ok(Event::Incoming(Packet::SubAck(_))) => drop(tell.send(true)),
                Err(_) => {
                    let _ = tell.send(false);
                    return;
                }
                Ok(_) => {}
            }
        }
    });
    let topics = KioskTopics::new(&kiosk.speaker.store, &kiosk.speaker.kiosk);
    Line {
        client,
        topics,
        got,
        lets_in,
        polling,
    }
}

impl Line {
    async fn connected(house: &House, kiosk: &Kiosk) -> Self {
        let mut line = line(house, kiosk);
        for topic in [line.topics.down_all(), line.topics.store_config()] {
            line.client
                .subscribe(topic, QoS::AtLeastOnce)
                .await
                .unwrap();
            assert_eq!(line.lets_in.recv().await, Some(true));
        }
        line
    }

    async fn publish(&self, topic: String, bytes: Vec<u8>) {
        let properties = PublishProperties {
            user_properties: vec![("request-id".to_owned(), "tap-7".to_owned())],
            ..PublishProperties::default()
        };
        let client = &self.client;
        let publish =
            client.publish_with_properties(topic, QoS::AtLeastOnce, false, bytes, properties);
        publish.await.unwrap();
    }

    /// Says hello until something comes back: the cloud may not have subscribed yet.
    async fn hello(&mut self, kiosk: &Kiosk) {
        for _ in 0..100 {
            self.publish(self.topics.up_hello(), kiosk.hello()).await;
            let wait = async {
                while self.got.is_empty() {
                    tokio::task::yield_now().await;
                }
            };
            if tokio::time::timeout(Duration::from_millis(200), wait)
                .await
                .is_ok()
            {
                return;
            }
        }
        panic!("no answer to a hundred hellos");
    }

    async fn next(&mut self) -> (String, Vec<u8>) {
        tokio::time::timeout(LONG, self.got.recv())
            .await
            .unwrap()
            .unwrap()
    }

    async fn ack(&mut self, house: &House) -> Ack {
        let (topic, bytes) = self.next().await;
        assert_eq!(topic, self.topics.down_ack());
        signed::open(&bytes, &house.rig.cloud.key.public()).unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hello_and_events_are_acked_and_a_repeat_at_once() {
    let house = House::open(Rig::new()).await;
    let mut kiosk = house.rig.kiosk("k").await;
    for total in 1..=9 {
        kiosk.place(total);
    }
    let mut line = Line::connected(&house, &kiosk).await;
    line.hello(&kiosk).await;
    assert_eq!(line.ack(&house).await.watermark, 0);
    for entry in &kiosk.entries {
        let frame = kiosk.frame(std::slice::from_ref(entry));
        line.publish(line.topics.up_events(), frame).await;
    }
    let mut acks = 0;
    let mut latest = line.ack(&house).await;
    while latest.watermark < 9 {
        acks += 1;
        assert!(acks < 9, "one ack per batch is not coalesced");
        latest = line.ack(&house).await;
    }
    line.publish(line.topics.up_events(), kiosk.frame(&kiosk.entries))
        .await;
    // Two acks that are due at one moment may be published in either order; a later one counts.
    let mut repeated = line.ack(&house).await;
    while repeated.ack_no < latest.ack_no {
        acks += 1;
        assert!(acks < 9, "one ack per batch is not coalesced");
        repeated = line.ack(&house).await;
    }
    assert!(repeated.ack_no > latest.ack_no);
    assert_eq!(repeated.watermark, 9);
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retained_menu_notice_reaches_kiosks_that_come_before_and_after() {
    let rig = Rig::new();
    let store = StoreId::try_new("s").unwrap();
    let publish = |version: &'static str| {
        let store = store.clone();
        rig.cloud.ledger.write(move |connection| {
            menus::publish(connection, &store, version, b"{}", "ada", clock::wall())
        })
    };
    assert!(publish("one").await.unwrap());
    let cloud = rig.cloud.clone();
    let house = House::open(rig).await;
    let kiosk = house.rig.kiosk("k").await;
    let mut line = Line::connected(&house, &kiosk).await;
    let key = cloud.key.public();
    let (topic, bytes) = line.next().await;
    assert_eq!(topic, "so1/s/config/menu");
    let first: MenuNotice = signed::open(&bytes, &key).unwrap();
    assert_eq!(first.version, "one");
    let write = cloud.ledger.write(move |connection| {
        menus::publish(connection, &store, "two", b"{}", "ada", clock::wall())
    });
    assert!(write.await.unwrap());
    cloud.menus_changed.send_modify(|count| *count += 1);
    // It may come once more, as what is retained.
    let mut second = first.clone();
    while second.version == first.version {
        let (_, bytes) = line.next().await;
        second = signed::open(&bytes, &key).unwrap();
    }
    assert_eq!(second.version, "two");
    assert!(second.at > first.at);
    house.close().await;
}

async fn turn(cloud: &Cloud, state: &str, scope: Scope) {
    let wish = Wish {
        kind: Kind::Switch,
        name: "ordering_cloud".to_owned(),
        scope,
        value: state.into(),
        idle: false,
        by: "mei".to_owned(),
        reason: "supplier outage".to_owned(),
    };
    let make = cloud
        .ledger
        .write(move |connection| changes::make(connection, &wish, clock::wall()));
    assert!(matches!(make.await.unwrap(), Made::InForce(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_headquarters_changes_is_retained_for_the_stores_that_it_matters_to() {
    let rig = Rig::new();
    let kiosk = rig.kiosk("k").await;
    rig.kiosk_of("t", "k").await;
    turn(&rig.cloud, "off", Scope::All).await;
    let cloud = rig.cloud.clone();
    let house = House::open(rig).await;
    let mut line = Line::connected(&house, &kiosk).await;
    let key = cloud.key.public();
    let (topic, bytes) = line.next().await;
    assert_eq!(topic, "so1/s/config/switches");
    let first: SwitchNotice = signed::open(&bytes, &key).unwrap();
    assert_eq!((first.number, first.switches[0].state.as_str()), (1, "off"));
    let (elsewhere, own) = ("t".parse().unwrap(), "k".parse().unwrap());
    turn(&cloud, "on", Scope::Kiosk(elsewhere, own)).await;
    turn(&cloud, "on", Scope::Percent(50)).await;
    cloud.changed.send_modify(|count| *count += 1);
    // Who subscribes at the moment of a publish gets it twice, as news and as what is retained; a
    // kiosk passes over what it knows.
    let mut second = first.clone();
    while second.number == first.number {
        let (_, bytes) = line.next().await;
        second = signed::open(&bytes, &key).unwrap();
    }
    assert_eq!((second.number, second.switches.len()), (3, 2));
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_process_changes_is_announced_too() {
    let rig = Rig::new();
    let kiosk = rig.kiosk("k").await;
    turn(&rig.cloud, "off", Scope::Group("airport".to_owned())).await;
    let cloud = rig.cloud.clone();
    let place = rig.place.clone();
    let house = House::open(rig).await;
    let mut line = Line::connected(&house, &kiosk).await;
    let seen = cloud.look(None).await;
    // As `cloud-sync enroll --group airport` does.
    let speaker = kiosk.speaker.clone();
    let enrolling = std::thread::spawn(move || {
        let ledger = Ledger::open(&place).unwrap();
        let put = ledger.write_blocking(move |connection| {
            let (who, why) = ((&speaker.store, &speaker.kiosk), ("mei", "moved"));
            let groups = ["airport".to_owned()];
            changes::put_into_groups(connection, who, &groups, why, clock::wall())
        });
        assert!(matches!(put.unwrap(), Made::InForce(_)));
    });
    enrolling.join().unwrap();
    cloud.look(seen).await;
    let key = cloud.key.public();
    loop {
        let (topic, bytes) = line.next().await;
        if topic == "so1/s/config/switches" {
            let notice: SwitchNotice = signed::open(&bytes, &key).unwrap();
            if notice.groups.contains_key(&kiosk.speaker.kiosk) {
                assert_eq!(notice.switches.len(), 1);
                break;
            }
        }
    }
    house.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn presence_is_shown_and_a_revoked_kiosk_is_not_let_in() {
    let house = House::open(Rig::new()).await;
    let kiosk = house.rig.kiosk("k").await;
    let line_ = Line::connected(&house, &kiosk).await;
    let told = Presence {
        link: "catching_up".to_owned(),
        depth: 41,
        oldest_ms: Some(7),
        version: "0.1.0".to_owned(),
    };
    let bytes = serde_json::to_vec(&told).unwrap();
    let (topic, qos) = (line_.topics.status(), QoS::AtLeastOnce);
    line_.client.publish(topic, qos, true, bytes).await.unwrap();
    let heard = async {
        loop {
            if let Some(said) = house.rig.cloud.presence.of(1)
                && said.depth == Some(41)
            {
                return said;
            }
            tokio::task::yield_now().await;
        }
    };
    let said = tokio::time::timeout(LONG, heard).await.unwrap();
    assert_eq!(said.link.as_deref(), Some("catching_up"));
    drop(line_);
    house.rig.revoke(&kiosk).await;
    let mut refused = line(&house, &kiosk);
    assert_eq!(refused.lets_in.recv().await, Some(false));
    house.close().await;
}
