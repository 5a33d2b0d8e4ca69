//! A cloud in a temporary folder, and simulated kiosks that speak to it in real frames.

use std::sync::{Arc, Mutex};

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use cloud_sync_wire::credential::{DeviceSecret, token_digest};
use cloud_sync_wire::frame::{self, Entry, Sender};
use cloud_sync_wire::hello::{Hello, Registration, to_hex};
use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;
use kiosk_core::cart::{Method, Service};
use kiosk_core::event::{Acted, Event, Fact, SCHEMA};
use kiosk_core::ids::{BootId, EventId, JournalId, KioskId, OrderId, StoreId};
use kiosk_core::order::{Action, Order, Payment, PaymentStatus, Status};
use kiosk_core::wall::WallTime;
use tempfile::TempDir;
use tokio::sync::watch;
use uuid::Uuid;

use crate::clock;
use crate::cloud::Cloud;
use crate::cluster::Cluster;
use crate::ingest::decision::Outcome;
use crate::ingest::{Received, Refused, Speaker, Way};
use crate::ledger::postgres::url::DatabaseUrl;
use crate::ledger::{Ledger, Place, devices};
use crate::metrics::recorder;

/// A database server that several rigs may share.
pub(crate) type Server = Arc<Mutex<Cluster>>;

/// Where the ledger of a URL is.
pub(crate) fn place(url: &str) -> Place {
    Place::Database(Box::new(DatabaseUrl::parse(url, false).unwrap()))
}

/// Says which ledger the tests are about: `postgres`, or the embedded one.
const LEDGER: &str = "STILLOPEN_TEST_LEDGER";

/// A cloud with a folder and a ledger of its own.
pub(crate) struct Rig {
    pub(crate) cloud: Cloud,
    pub(crate) dir: Arc<TempDir>,
    pub(crate) place: Place,
    pub(crate) close: watch::Sender<bool>,
    /// The server that the ledger is in, if it is in one. Goes last.
    pub(crate) server: Option<Server>,
}

impl Rig {
    pub(crate) fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        if std::env::var(LEDGER).is_ok_and(|ledger| ledger == "postgres") {
            return Self::on_postgres(dir);
        }
        let place = Place::Folder(dir.path().to_owned());
        Self::open(dir, place, None)
    }

    /// With its ledger in a new database of a server of its own.
    pub(crate) fn on_postgres(dir: Arc<TempDir>) -> Self {
        let server = Cluster::start(&[]).unwrap();
        let url = server.first();
        let server = Some(Arc::new(Mutex::new(server)));
        Self::open(dir, place(&url), server)
    }

    /// Another handle on the same ledger, as another process would have it.
    pub(crate) async fn beside(&self) -> Ledger {
        let place = self.place.clone();
        let opening = tokio::task::spawn_blocking(move || Ledger::open(&place).unwrap());
        opening.await.unwrap()
    }

    /// Another cloud on the same ledger, as it would be after a restart.
    pub(crate) fn again(&self) -> Self {
        Self::open(
            Arc::clone(&self.dir),
            self.place.clone(),
            self.server.clone(),
        )
    }

    /// Another cloud on the same ledger, of which nobody knows whether it went back in time meanwhile.
    pub(crate) fn restarted(self) -> Self {
        if let Some(server) = &self.server {
            let mut server = server.lock().unwrap();
            server.stop().unwrap();
            server.start_again().unwrap();
        }
        self.again()
    }

    pub(crate) fn open(dir: Arc<TempDir>, place: Place, server: Option<Server>) -> Self {
        let of = place.clone();
        let (close, closing) = watch::channel(false);
        let metrics = recorder().unwrap();
        let building = std::thread::spawn(move || {
            Cloud::new(Ledger::open(&of).unwrap(), metrics, closing).unwrap()
        });
        Self {
            cloud: building.join().unwrap(),
            dir,
            place,
            close,
            server,
        }
    }

    /// Enrols a kiosk of store `s`.
    pub(crate) async fn kiosk(&self, name: &str) -> Kiosk {
        self.kiosk_of("s", name).await
    }

    pub(crate) async fn kiosk_of(&self, store: &str, name: &str) -> Kiosk {
        let kiosk = Kiosk::new(store, name);
        let (speaker, secret) = (kiosk.speaker.clone(), kiosk.secret.clone());
        let enroll = self.cloud.ledger.write(move |connection| {
            let digest = token_digest(secret.access_token().as_bytes());
            let (store, kiosk) = (&speaker.store, &speaker.kiosk);
            devices::enroll(
                connection,
                store,
                kiosk,
                secret.key().public(),
                digest,
                clock::wall(),
            )
        });
        enroll.await.unwrap();
        kiosk
    }

    /// Enrols a kiosk that has said hello.
    pub(crate) async fn greeted(&self, name: &str) -> Kiosk {
        let kiosk = self.kiosk(name).await;
        self.hello(&kiosk).await.unwrap();
        kiosk
    }

    pub(crate) async fn hello(&self, kiosk: &Kiosk) -> Result<Ack, Refused> {
        self.cloud
            .door
            .hello(&kiosk.speaker, kiosk.hello(), "r")
            .await
    }

    pub(crate) async fn send(&self, kiosk: &Kiosk, entries: &[Entry]) -> Result<Received, Refused> {
        self.cloud
            .door
            .frame(&kiosk.speaker, kiosk.frame(entries), "r", Way::Live)
            .await
    }

    pub(crate) async fn outcomes(&self, kiosk: &Kiosk, entries: &[Entry]) -> Vec<Outcome> {
        self.send(kiosk, entries).await.unwrap().outcomes
    }

    pub(crate) async fn revoke(&self, kiosk: &Kiosk) {
        let speaker = kiosk.speaker.clone();
        let revoke = self.cloud.ledger.write(move |connection| {
            devices::revoke(connection, &speaker.store, &speaker.kiosk, clock::wall())
        });
        assert!(revoke.await.unwrap());
    }
}

/// A simulated kiosk with its journal.
#[derive(Clone)]
pub(crate) struct Kiosk {
    pub(crate) speaker: Speaker,
    pub(crate) secret: DeviceSecret,
    pub(crate) key: SecretKey,
    pub(crate) journal: JournalId,
    /// The journal's events, in order.
    pub(crate) entries: Vec<Entry>,
    pub(crate) last_ack: Option<Vec<u8>>,
    pub(crate) retained_from: u64,
    pub(crate) boot: BootId,
    pub(crate) replaces: Option<JournalId>,
}

impl Kiosk {
    pub(crate) fn new(store: &str, name: &str) -> Self {
        let seed: [u8; 32] = content_hash(format!("{store}/{name}").as_bytes()).0;
        Self {
            speaker: Speaker {
                store: StoreId::try_new(store).unwrap(),
                kiosk: KioskId::try_new(name).unwrap(),
            },
            secret: DeviceSecret::from_seed(seed),
            key: SecretKey::from_seed(Uuid::new_v4().as_bytes().repeat(2)[..].try_into().unwrap()),
            journal: JournalId(Uuid::new_v4()),
            entries: Vec::new(),
            last_ack: None,
            retained_from: 1,
            boot: BootId(Uuid::nil()),
            replaces: None,
        }
    }

    /// Writes raw bytes into the journal.
    pub(crate) fn raw(&mut self, bytes: Vec<u8>) -> Entry {
        let (seq, before) = self
            .entries
            .last()
            .map_or((1, Hash::START), |last| (last.seq + 1, last.chain));
        let chain = chain_hash(before, seq, content_hash(&bytes));
        let entry = Entry { seq, chain, bytes };
        self.entries.push(entry.clone());
        entry
    }

    pub(crate) fn write(&mut self, event: &Event) -> Entry {
        self.raw(event.encode().unwrap())
    }

    /// Places an order of so many minor units.
    pub(crate) fn place(&mut self, total: i64) -> OrderId {
        let order = order(total);
        let id = order.id;
        self.write(&event(id, 1, Fact::Placed(Box::new(order))));
        id
    }

    pub(crate) fn act(&mut self, order: OrderId, version: u32, action: Action) -> Entry {
        self.write(&event(
            order,
            version,
            Fact::Acted(action, Acted::default()),
        ))
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender {
            store: self.speaker.store.clone(),
            kiosk: self.speaker.kiosk.clone(),
            journal: self.journal,
        }
    }

    pub(crate) fn frame(&self, entries: &[Entry]) -> Vec<u8> {
        frame::encode(&self.sender(), SCHEMA, entries, &self.key)
    }

    pub(crate) fn registration(&self) -> Vec<u8> {
        let registration = Registration {
            store: self.speaker.store.clone(),
            kiosk: self.speaker.kiosk.clone(),
            journal: self.journal,
            key: self.key.public(),
        };
        signed::sign(&registration, &self.secret.key()).unwrap()
    }

    pub(crate) fn hello(&self) -> Vec<u8> {
        let hello = Hello {
            registration: to_hex(&self.registration()),
            journal: self.journal,
            next_seq: self.entries.len() as u64 + 1,
            retained_from: self.retained_from,
            generation: None,
            ack_no: 0,
            watermark: 0,
            chain: Hash::START,
            ranges: Vec::new(),
            last_ack: self.last_ack.as_deref().map(to_hex),
            boot: self.boot,
            depth: 0,
            version: "0.1.0".to_owned(),
            schema: SCHEMA,
            free_bytes: 0,
            replaces: self.replaces,
        };
        signed::sign(&hello, &self.key).unwrap()
    }
}

pub(crate) fn event(order: OrderId, version: u32, fact: Fact) -> Event {
    Event {
        id: EventId(Uuid::new_v4()),
        order: Some(order),
        order_version: version,
        at: WallTime::from_millis(1_795_168_200_000),
        boot: BootId(Uuid::nil()),
        mono_ms: 0,
        request: Some("tap-1".to_owned()),
        fact,
    }
}

pub(crate) fn order(total: i64) -> Order {
    Order {
        id: OrderId(Uuid::new_v4()),
        number: "A001".to_owned(),
        business_date: "2026-11-20".parse().unwrap(),
        placed_at: WallTime::from_millis(1_795_168_200_000),
        status: Status::Placed,
        version: 1,
        service: Service::EatIn,
        table: None,
        language: "en".to_owned(),
        terminal: None,
        currency: "USD".parse().unwrap(),
        menu_version: "v".to_owned(),
        lines: Vec::new(),
        subtotal: total - total / 11,
        tax: total / 11,
        total,
        discounts: Vec::new(),
        tip: 0,
        payment: Payment {
            method: Method::Counter,
            status: PaymentStatus::Due,
            tender: None,
            reason: None,
            reference: None,
        },
        changed_at: None,
        reason: None,
        refunds: Vec::new(),
    }
}
