//! Who may do what on a broker: the same rules at the embedded one and at mosquitto, and what a kiosk
//! that breaks them gets done, even where nobody keeps them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cloud_sync::broker::rules::{Act, CASES, Case};
use cloud_sync::broker::{Broker, Gatekeeper, Identity};
use cloud_sync_wire::credential::Credential;
use lab::broker::Mosquitto;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::proxy::Mode;
use lab::store::{Folder, Store};
use lab::wait::{Look, until};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, PubAckReason, SubscribeReasonCode};
use rumqttc::v5::{AsyncClient, Event, MqttOptions};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinHandle;

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);
const KIOSKS: [(&str, &str); 3] = [
    ("canal-street", "a"),
    ("canal-street", "b"),
    ("harbour", "a"),
];

/// A client of a broker that says of itself what it likes.
struct Peer {
    client: AsyncClient,
    got: UnboundedReceiver<Packet>,
    polling: JoinHandle<()>,
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.polling.abort();
    }
}

impl Peer {
    fn new(broker: SocketAddr, id: &str, (name, password): (&str, &str)) -> Self {
        let mut options = MqttOptions::new(id, broker.ip().to_string(), broker.port());
        options.set_credentials(name, password);
        let (client, mut events) = AsyncClient::new(options, 64);
        let (send, got) = unbounded_channel();
        let polling = tokio::spawn(async move {
            loop {
                match events.poll().await {
                    Ok(Event::Incoming(packet)) => drop(send.send(packet)),
                    Ok(_) => {}
                    Err(error) => return println!("{error:?}"),
                }
            }
        });
        Self {
            client,
            got,
            polling,
        }
    }

    /// Whether it is let in.
    async fn is_let_in(&mut self) -> bool {
        matches!(self.next().await, Ok(Packet::ConnAck(_)))
    }

    async fn next(&mut self) -> anyhow::Result<Packet> {
        let got = tokio::time::timeout(SOON, self.got.recv()).await?;
        got.context("the broker has cut the connection")
    }

    /// Whether the broker takes what it publishes.
    async fn publishes(&mut self, topic: &str, payload: &[u8]) -> anyhow::Result<bool> {
        let publish = self
            .client
            .publish(topic, QoS::AtLeastOnce, false, payload.to_vec());
        publish.await?;
        loop {
            if let Packet::PubAck(ack) = self.next().await? {
                let taken = [PubAckReason::Success, PubAckReason::NoMatchingSubscribers];
                return Ok(taken.contains(&ack.reason));
            }
        }
    }

    /// Whether the broker grants a subscription. (It may, and deliver nothing.)
    async fn subscribes(&mut self, topic: &str) -> anyhow::Result<bool> {
        self.client.subscribe(topic, QoS::AtLeastOnce).await?;
        loop {
            if let Packet::SubAck(ack) = self.next().await? {
                let code = ack.return_codes.first().context("a code")?;
                return Ok(matches!(code, SubscribeReasonCode::Success(_)));
            }
        }
    }

    /// Everything that passes until the cloud has acked something.
    async fn hears_an_ack(&mut self) -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let mut heard: Vec<(String, Vec<u8>)> = Vec::new();
        while !heard.iter().any(|(topic, _)| topic.ends_with("down/ack")) {
            if let Packet::Publish(publish) = self.next().await? {
                let topic = String::from_utf8_lossy(&publish.topic).into_owned();
                heard.push((topic, publish.payload.to_vec()));
            }
        }
        Ok(heard)
    }

    /// Says it again, as it was and changed, to its kiosk and to another, in its name and as the cloud.
    async fn replays_and_forges(&mut self, heard: &[(String, Vec<u8>)]) -> anyhow::Result<()> {
        for (topic, payload) in heard {
            let Some((_, rest)) = topic.split_once("front-left/") else {
                continue;
            };
            let mut forged = payload.clone();
            if let Some(byte) = forged.get_mut(payload.len() / 2) {
                *byte ^= 1;
            }
            for who in ["front-left", "front-right"] {
                for what in [&forged, payload] {
                    let to = format!("so1/canal-street/{who}/{rest}");
                    self.publishes(&to, what).await?;
                }
            }
        }
        Ok(())
    }

    async fn message(&mut self) -> anyhow::Result<String> {
        loop {
            if let Packet::Publish(publish) = self.next().await? {
                return Ok(String::from_utf8_lossy(&publish.payload).into_owned());
            }
        }
    }
}

/// A broker that is to keep the rules, and how to get in.
struct Place {
    address: SocketAddr,
    /// By `store/kiosk`.
    tokens: Vec<(String, String)>,
    service: (String, String),
}

impl Place {
    async fn kiosk(&self, name: &str) -> anyhow::Result<Peer> {
        let token = self.tokens.iter().find(|(of, _)| of == name);
        let (_, token) = token.context("no such kiosk")?;
        self.let_in(name, token).await
    }

    async fn service(&self) -> anyhow::Result<Peer> {
        let (name, password) = &self.service;
        self.let_in(name, password).await
    }

    /// Connects somebody who may. While an earlier session of that name is being ended, a broker
    /// may say that it is unavailable: try again later.
    async fn let_in(&self, name: &str, password: &str) -> anyhow::Result<Peer> {
        let what = format!("{name} is let in");
        let (peer, _) = until(&what, SOON, async || {
            let mut peer = Peer::new(self.address, name, (name, password));
            Ok(match peer.is_let_in().await {
                true => Look::Done(peer),
                false => Look::NotYet("refused".to_owned()),
            })
        })
        .await?;
        Ok(peer)
    }

    async fn is_allowed(&self, case: &Case) -> anyhow::Result<bool> {
        let mut peer = match case.who {
            Some(name) => self.kiosk(name).await?,
            None => self.service().await?,
        };
        match case.act {
            Act::Publish => peer.publishes(case.topic, b"x").await,
            Act::Receive => {
                let name = case.who.context("only kiosks are asked")?;
                let own = format!("so1/{name}/down/marker");
                assert!(peer.subscribes(&own).await?, "{name}: {own}");
                let granted = peer.subscribes(case.topic).await?;
                let mut service = self.service().await?;
                for (topic, text) in [(case.topic, "asked"), (own.as_str(), "marker")] {
                    assert!(service.publishes(topic, text.as_bytes()).await?, "{topic}");
                }
                // What one client publishes comes in its order: behind the marker comes nothing.
                Ok(granted & (peer.message().await? == "asked"))
            }
        }
    }

    async fn keeps_the_rules(&self) -> anyhow::Result<()> {
        for case in CASES {
            let allowed = self.is_allowed(case).await?;
            assert_eq!(allowed, case.allowed, "{case:?}");
        }
        // Nobody gets in with the name, the id or the token of another.
        let [(a, of_a), (b, _), ..] = self.tokens.as_slice() else {
            bail!("two kiosks are needed");
        };
        for (id, name, token) in [(b, b, of_a.as_str()), (a, a, "guessed"), (a, a, "")] {
            let mut peer = Peer::new(self.address, id, (name, token));
            assert!(!peer.is_let_in().await, "{id} {name}");
        }
        Ok(())
    }

    /// A client that takes the id of another does not end the session of that one.
    async fn keeps_sessions_apart(&self) -> anyhow::Result<()> {
        let [(a, of_a), (b, _), ..] = self.tokens.as_slice() else {
            bail!("two kiosks are needed");
        };
        let mut victim = self.kiosk(b).await?;
        let mut thief = Peer::new(self.address, b, (a, of_a));
        let _ = thief.is_let_in().await;
        assert!(victim.publishes(&format!("so1/{b}/status"), b"{}").await?);
        Ok(())
    }
}

struct Tokens(Vec<(String, String)>);

impl Gatekeeper for Tokens {
    fn identify(&self, client_id: &str, username: &str, password: &[u8]) -> Option<Identity> {
        if username == "cloud-sync" {
            return (password == b"secret").then_some(Identity::Service);
        }
        let known = self.0.iter().any(|(name, token)| {
            name == username && token.as_bytes() == password && client_id == username
        });
        let (store, kiosk) = username.split_once('/').filter(|_| known)?;
        Some(Identity::Kiosk {
            store: store.to_owned(),
            kiosk: kiosk.to_owned(),
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_embedded_broker_keeps_the_rules() -> Told {
    let named = |(store, kiosk): &(&str, &str)| format!("{store}/{kiosk}");
    let tokens = KIOSKS
        .iter()
        .map(|who| (named(who), format!("token of {}", named(who))));
    let tokens: Vec<_> = tokens.collect();
    let gate = Arc::new(Tokens(tokens.clone()));
    let broker = Broker::start("127.0.0.1:0".parse()?, gate).await?;
    let place = Place {
        address: broker.local_addr(),
        tokens,
        service: ("cloud-sync".to_owned(), "secret".to_owned()),
    };
    place.keeps_the_rules().await?;
    place.keeps_sessions_apart().await?;
    broker.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_revoked_is_cut_off_from_the_embedded_broker_and_the_others_stay() -> Told {
    let _alone = serially().await?;
    let mut store = Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &[]).await?;
    store.start_cloud().await?;
    let mut tokens = Vec::new();
    for who in KIOSKS {
        tokens.push(enrolled(&store, store.folder(), who).await?);
    }
    let place = Place {
        address: store.cloud.broker().context("a broker")?,
        tokens,
        service: (String::new(), String::new()),
    };
    let mut gone = place.kiosk("harbour/a").await?;
    let mut stays = place.kiosk("canal-street/a").await?;
    let revoke = ["revoke", "--store", "harbour", "--kiosk", "a"];
    store.cloud.command(&revoke, "").await?;
    // Nobody has to ask again for that, nor the kiosk to send anything.
    while gone.next().await.is_ok() {}
    let status = "so1/canal-street/a/status";
    assert!(stays.publishes(status, b"{}").await?);
    store.stop().await?;
    Ok(())
}

/// Enrols a kiosk and gives its name and token.
async fn enrolled(
    store: &Store,
    folder: &Path,
    (of, kiosk): (&str, &str),
) -> anyhow::Result<(String, String)> {
    let out = folder.join(format!("{of}-{kiosk}.json"));
    let file = out.to_string_lossy().into_owned();
    let enroll = ["enroll", "--store", of, "--kiosk", kiosk, "--out", &file];
    store.cloud.command(&enroll, "").await?;
    let credential = Credential::parse(&std::fs::read(out)?)?;
    let token = credential.device_secret.access_token();
    Ok((format!("{of}/{kiosk}"), token))
}

/// Writes mosquitto's files; gives the settings that it is to be started with.
pub(crate) async fn files(store: &Store, folder: &Path) -> anyhow::Result<String> {
    let out = folder.to_string_lossy().into_owned();
    let write = ["broker-acl", "--for", "mosquitto", "--out", &out];
    store.cloud.command(&write, "").await?;
    Ok(std::fs::read_to_string(folder.join("stillopen.conf"))?)
}

pub(crate) const OWN_IDS: &str = "use_username_as_clientid true";

fn service(folder: &Path) -> anyhow::Result<(String, String)> {
    let password = std::fs::read_to_string(folder.join("cloud-sync.password"))?;
    Ok(("cloud-sync".to_owned(), password.trim().to_owned()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_keeps_the_rules_of_the_files_that_are_written_for_it() -> Told {
    let store = Store::enrolled(&lab(), Folder::temporary()?, "canal-street", &[]).await?;
    let folder = store.folder().join("acl");
    let settings = files(&store, &folder).await?;
    let broker = Mosquitto::set_up(&lab(), store.folder(), &settings, OWN_IDS).await?;
    let mut tokens = Vec::new();
    for who in KIOSKS {
        tokens.push(enrolled(&store, store.folder(), who).await?);
    }
    // Enrolment has written the files anew; the broker is told to read them.
    broker.reload()?;
    let place = Place {
        address: broker.address(),
        tokens,
        service: service(&folder)?,
    };
    until("mosquitto has read its files", SOON, async || {
        Ok(match place.kiosk("harbour/a").await {
            Ok(_) => Look::Done(()),
            Err(error) => Look::NotYet(error.to_string()),
        })
    })
    .await?;
    place.keeps_the_rules().await?;
    place.keeps_sessions_apart().await?;
    // Who is revoked is out, at once and for good.
    let mut connected = place.kiosk("harbour/a").await?;
    let revoke = ["revoke", "--store", "harbour", "--kiosk", "a"];
    let told = store.cloud.command(&revoke, "").await?;
    assert!(told.contains("kill -HUP"), "{told}");
    broker.reload()?;
    while connected.next().await.is_ok() {}
    let gone = place.tokens.iter().find(|(of, _)| of == "harbour/a");
    let (name, token) = gone.context("no such kiosk")?;
    let mut revoked = Peer::new(place.address, name, (name, token));
    assert!(!revoked.is_let_in().await);
    place.kiosk("canal-street/a").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hostile_kiosk_changes_nothing_at_a_broker_without_rules() -> Told {
    let _alone = serially().await?;
    let folder = Folder::temporary()?;
    let broker = Mosquitto::start(&lab(), folder.path()).await?;
    let names = ["front-left", "front-right"];
    let mut store = Store::enrolled(&lab(), folder, "canal-street", &names).await?;
    store.cloud.use_broker(broker.address());
    store.start_cloud().await?;
    store.start_kiosks().await?;
    let victim = store.kiosks.first().context("a kiosk")?;
    let mut shown = Shown::default();
    let mut diner = victim.diner(Dice::printed("a hostile kiosk"))?;
    for _ in 0..5 {
        shown.add(diner.order().await?);
    }
    drain(victim, SOON).await?;
    let mut hostile = Peer::new(broker.address(), "hostile", ("x", "x"));
    assert!(hostile.is_let_in().await);
    assert!(hostile.subscribes("so1/#").await?);
    victim.http.set(Mode::Cut);
    for _ in 0..5 {
        shown.add(diner.order().await?);
    }
    let heard = hostile.hears_an_ack().await?;
    hostile.replays_and_forges(&heard).await?;
    for _ in 0..5 {
        shown.add(diner.order().await?);
    }
    store.heal();
    for kiosk in &store.kiosks {
        link_becomes(kiosk, &["online"], SOON).await?;
    }
    let verdict = settle(&store, shown, SOON).await?;
    println!(
        "{} messages were replayed and forged; {verdict:?}",
        heard.len()
    );
    store.stop().await?;
    Ok(())
}
