//! A cloud and a broker small enough for tests: they keep to the protocol, and fail when told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::{Bytes, BytesMut};
use cloud_sync_wire::ack::{Ack, Range};
use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::credential::{Credential, DeviceSecret, VERSION};
use cloud_sync_wire::keys::{PublicKey, SecretKey};
use cloud_sync_wire::notice::MenuNotice;
use cloud_sync_wire::succession::{Links, Succession};
use cloud_sync_wire::{frame, hello, signed, topics};
use kiosk_core::ids::{Generation, JournalId, KioskId, StoreId};
use kiosk_core::wall::WallTime;
use rumqttc::v5::mqttbytes::v5::{
    ConnAck, ConnectReturnCode, Packet, PingResp, PubAck, PubAckReason, Publish, SubAck,
    SubscribeReasonCode,
};
use rumqttc::v5::mqttbytes::{Error, QoS};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use uuid::Uuid;

/// How the cloud answers HTTP calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manner {
    Well,
    Silent,
    Status(u16),
    /// With acks signed by somebody else.
    Forging,
    /// All is fine, it says, and then this.
    Odd(&'static [u8]),
    /// All is fine, it says, and then a byte now and then for ever.
    Dripping,
}

/// How the broker treats what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Broker {
    Well,
    /// Closes every connection and takes no new one.
    Gone,
    /// Refuses frames with a reason code.
    Refusing,
}

/// What the cloud knows.
pub(crate) struct Ledger {
    pub(crate) manner: Manner,
    pub(crate) events: BTreeMap<u64, (Hash, Vec<u8>)>,
    pub(crate) duplicates: usize,
    pub(crate) requests: Vec<String>,
    pub(crate) by_mqtt: usize,
    pub(crate) presence: Vec<String>,
    pub(crate) menu: Option<(Vec<u8>, String)>,
    pub(crate) menu_calls: usize,
    pub(crate) retained: Option<Vec<u8>>,
    /// What headquarters says, by kind.
    pub(crate) notices: BTreeMap<&'static str, Vec<u8>>,
    pub(crate) notice_calls: usize,
    journal: Option<(JournalId, PublicKey)>,
    ack_no: u64,
}

/// A cloud with its broker, both on loopback.
#[derive(Clone)]
pub(crate) struct Stub {
    ledger: Arc<Mutex<Ledger>>,
    broker: Arc<watch::Sender<Broker>>,
    pub(crate) credential: Credential,
}

fn cloud_key() -> SecretKey {
    SecretKey::from_seed(&[9; 32])
}

impl Stub {
    pub(crate) async fn start() -> Self {
        let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mqtt = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let credential = Credential {
            stillopen_credential: VERSION,
            store: StoreId::try_new("s").unwrap(),
            kiosk: KioskId::try_new("k").unwrap(),
            cloud: format!("http://{}", http.local_addr().unwrap()),
            mqtt: Some(format!("mqtt://{}", mqtt.local_addr().unwrap())),
            ca: None,
            device_secret: DeviceSecret::from_seed([1; 32]),
            cloud_key: cloud_key().public(),
            prefixes: vec!["A".to_owned()],
        };
        let ledger = Ledger {
            manner: Manner::Well,
            events: BTreeMap::new(),
            duplicates: 0,
            requests: Vec::new(),
            by_mqtt: 0,
            presence: Vec::new(),
            menu: None,
            menu_calls: 0,
            retained: None,
            notices: BTreeMap::new(),
            notice_calls: 0,
            journal: None,
            ack_no: 0,
        };
        let (broker, _) = watch::channel(Broker::Well);
        let stub = Self {
            ledger: Arc::new(Mutex::new(ledger)),
            broker: Arc::new(broker),
            credential,
        };
        let app = Router::new()
            .route("/api/v1/kiosks/s/k/{call}", post(up).get(ack))
            .route("/api/v1/kiosks/s/k/switches", get(switches))
            .route("/api/v1/kiosks/s/k/settings", get(settings))
            .route("/api/v1/kiosks/s/k/broker", get(assigned))
            .route("/api/v1/kiosks/s/k/keys", get(keys))
            .route("/api/v1/stores/{store}/menu", get(menu))
            .with_state(stub.clone());
        tokio::spawn(async move { axum::serve(http, app).await });
        let serving = stub.clone();
        tokio::spawn(async move {
            loop {
                let (socket, _) = mqtt.accept().await.unwrap();
                tokio::spawn(serving.clone().connection(socket));
            }
        });
        stub
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    pub(crate) fn behave(&self, manner: Manner) {
        self.ledger().manner = manner;
    }

    pub(crate) fn broker(&self, broker: Broker) {
        self.broker.send_replace(broker);
    }

    /// A genuine notice of a menu.
    pub(crate) fn notice(version: &str, at: i64) -> Vec<u8> {
        let notice = MenuNotice {
            store: StoreId::try_new("s").unwrap(),
            version: version.to_owned(),
            at: WallTime::from_millis(at),
        };
        signed::sign(&notice, &cloud_key()).unwrap()
    }

    /// Something signed by this cloud.
    pub(crate) fn signed(message: &impl signed::Message) -> Vec<u8> {
        signed::sign(message, &cloud_key()).unwrap()
    }

    /// The word of this cloud's key for another.
    pub(crate) fn followed_by(next: &SecretKey) -> Links {
        let word = Succession {
            number: 1,
            key: next.public(),
            at: WallTime::from_millis(0),
        };
        Links::of(&[Self::signed(&word)])
    }

    fn signed_ack(&self) -> Vec<u8> {
        let mut ledger = self.ledger();
        ledger.ack_no += 1;
        let mut watermark = 0;
        let mut ranges: Vec<Range> = Vec::new();
        for (seq, (chain, _)) in &ledger.events {
            match ranges.last_mut() {
                _ if *seq == watermark + 1 => watermark = *seq,
                Some(range) if range.last + 1 == *seq => (range.last, range.chain) = (*seq, *chain),
                _ => ranges.push(Range {
                    first: *seq,
                    last: *seq,
                    chain: *chain,
                }),
            }
        }
        let ack = Ack {
            journal: ledger.journal.unwrap().0,
            generation: Generation(Uuid::from_u128(7)),
            ack_no: ledger.ack_no,
            watermark,
            chain: ledger
                .events
                .get(&watermark)
                .map_or(Hash::START, |(chain, _)| *chain),
            ranges,
            quarantined: Vec::new(),
            quarantine_reasons: Vec::new(),
            quarantined_total: 0,
            credit: 4,
            at: WallTime::from_millis(1_795_168_200_000),
            heartbeat_ms: None,
            epoch: None,
            lineage: 0,
            forked: false,
        };
        let key = match ledger.manner {
            Manner::Forging => SecretKey::from_seed(&[66; 32]),
            _ => cloud_key(),
        };
        signed::sign(&ack, &key).unwrap()
    }

    fn greet(&self, bytes: &[u8]) {
        let device = self.credential.device_secret.key().public();
        let (registration, _) = hello::open_hello(bytes, |_| Some(device)).unwrap();
        self.ledger().journal = Some((registration.journal, registration.key));
    }

    /// Whether the journal is known.
    fn ingest(&self, bytes: &[u8]) -> bool {
        let mut ledger = self.ledger();
        let Some((_, key)) = ledger.journal else {
            return false;
        };
        for entry in frame::decode(bytes).unwrap().verify(&key).unwrap() {
            let before = ledger
                .events
                .insert(entry.seq, (entry.chain, entry.bytes.clone()));
            if let Some(before) = before {
                assert_eq!(
                    before,
                    (entry.chain, entry.bytes),
                    "an event's bytes never change"
                );
                ledger.duplicates += 1;
            }
        }
        true
    }

    async fn connection(self, mut socket: TcpStream) {
        let mut broker = self.broker.subscribe();
        let mut buffer = BytesMut::new();
        loop {
            if *broker.borrow_and_update() == Broker::Gone {
                return;
            }
            match Packet::read(&mut buffer, None) {
                Ok(packet) => {
                    let mut out = BytesMut::new();
                    for answer in self.answers(packet) {
                        answer.write(&mut out, None).unwrap();
                    }
                    if socket.write_all(&out).await.is_err() {
                        return;
                    }
                }
                Err(Error::InsufficientBytes(_)) => tokio::select! {
                    read = socket.read_buf(&mut buffer) => {
                        if read.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    _ = broker.changed() => {}
                },
                Err(_) => return,
            }
        }
    }

    fn answers(&self, packet: Packet) -> Vec<Packet> {
        match packet {
            Packet::Connect(connect, will, login) => {
                assert_eq!(
                    (connect.client_id.as_str(), connect.clean_start),
                    ("s/k", true)
                );
                assert!(will.unwrap().retain && login.unwrap().username == "s/k");
                let code = ConnectReturnCode::Success;
                vec![Packet::ConnAck(ConnAck {
                    session_present: false,
                    code,
                    properties: None,
                })]
            }
            Packet::Subscribe(subscribe) => {
                let codes = subscribe.filters.iter();
                let codes = codes.map(|_| SubscribeReasonCode::Success(QoS::AtLeastOnce));
                let ack = SubAck {
                    pkid: subscribe.pkid,
                    return_codes: codes.collect(),
                    properties: None,
                };
                let store = StoreId::try_new("s").unwrap();
                let retained = self.ledger().retained.clone();
                let notice = retained.map(|bytes| message(topics::store_menu(&store), bytes));
                std::iter::once(Packet::SubAck(ack)).chain(notice).collect()
            }
            Packet::Publish(publish) => self.published(&publish),
            Packet::PingReq(_) => vec![Packet::PingResp(PingResp)],
            _ => Vec::new(),
        }
    }

    fn published(&self, publish: &Publish) -> Vec<Packet> {
        let topic = String::from_utf8_lossy(&publish.topic).into_owned();
        let mut ack = PubAck::new(publish.pkid, None);
        if *self.broker.borrow() == Broker::Refusing && topic.ends_with("up/events") {
            ack.reason = PubAckReason::QuotaExceeded;
            return vec![Packet::PubAck(ack)];
        }
        let answered = match topic.as_str() {
            "so1/s/k/up/hello" => {
                self.greet(&publish.payload);
                true
            }
            "so1/s/k/up/events" => {
                self.ledger().by_mqtt += 1;
                self.ingest(&publish.payload)
            }
            "so1/s/k/status" => {
                assert!(publish.retain);
                let said = String::from_utf8_lossy(&publish.payload).into_owned();
                self.ledger().presence.push(said);
                false
            }
            other => panic!("published to {other}"),
        };
        let down = answered.then(|| message("so1/s/k/down/ack".to_owned(), self.signed_ack()));
        std::iter::once(Packet::PubAck(ack)).chain(down).collect()
    }
}

fn message(topic: String, payload: Vec<u8>) -> Packet {
    Packet::Publish(Publish::new(topic, QoS::AtMostOnce, payload, None))
}

/// What a call gets that is not answered well.
async fn trouble(stub: &Stub, headers: &HeaderMap) -> Option<Response> {
    let manner = stub.ledger().manner;
    let bearer = format!("Bearer {}", stub.credential.device_secret.access_token());
    assert_eq!(headers["authorization"], bearer.as_str());
    match manner {
        Manner::Well | Manner::Forging => None,
        Manner::Silent => {
            tokio::time::sleep(Duration::from_secs(600)).await;
            None
        }
        Manner::Odd(body) => Some(body.into_response()),
        Manner::Dripping => {
            let drop = |()| async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                Some((Ok::<_, std::convert::Infallible>("x"), ()))
            };
            let drops = futures_util::stream::unfold((), drop);
            Some(axum::body::Body::from_stream(drops).into_response())
        }
        Manner::Status(status) => {
            let status = StatusCode::from_u16(status).unwrap();
            Some((status, [("retry-after", "2")]).into_response())
        }
    }
}

async fn up(
    State(stub): State<Stub>,
    Path(call): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if let Some(trouble) = trouble(&stub, &headers).await {
        return trouble;
    }
    let known = match call.as_str() {
        "hello" => {
            stub.greet(&body);
            true
        }
        "events" => {
            let request = headers["x-request-id"].to_str().unwrap().to_owned();
            stub.ledger().requests.push(request);
            stub.ingest(&body)
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    answer(&stub, known)
}

#[derive(serde::Deserialize)]
struct Asked {
    journal: JournalId,
}

async fn ack(State(stub): State<Stub>, headers: HeaderMap, Query(asked): Query<Asked>) -> Response {
    if let Some(trouble) = trouble(&stub, &headers).await {
        return trouble;
    }
    let journal = stub.ledger().journal;
    answer(
        &stub,
        journal.is_some_and(|(journal, _)| journal == asked.journal),
    )
}

fn answer(stub: &Stub, known: bool) -> Response {
    if known {
        stub.signed_ack().into_response()
    } else {
        let problem = r#"{"type":"/problems/unknown-journal"}"#;
        (StatusCode::CONFLICT, problem).into_response()
    }
}

async fn switches(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    notice(&stub, &headers, "switches").await
}

async fn settings(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    notice(&stub, &headers, "settings").await
}

async fn assigned(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    notice(&stub, &headers, "broker").await
}

async fn keys(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    notice(&stub, &headers, "keys").await
}

async fn notice(stub: &Stub, headers: &HeaderMap, kind: &'static str) -> Response {
    stub.ledger().notice_calls += 1;
    if let Some(trouble) = trouble(stub, headers).await {
        return trouble;
    }
    match stub.ledger().notices.get(kind) {
        Some(bytes) => bytes.clone().into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn menu(State(stub): State<Stub>, headers: HeaderMap) -> Response {
    stub.ledger().menu_calls += 1;
    if let Some(trouble) = trouble(&stub, &headers).await {
        return trouble;
    }
    let Some((document, etag)) = stub.ledger().menu.clone() else {
        return StatusCode::NOT_FOUND.into_response();
    };
    if headers
        .get("if-none-match")
        .is_some_and(|tag| *tag == *etag)
    {
        return StatusCode::NOT_MODIFIED.into_response();
    }
    ([("etag", etag)], document).into_response()
}
