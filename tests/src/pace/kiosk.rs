//! A kiosk of the fleet: its credential, a journal that is made up as it is sent, and its manners.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::frame::{self, EVENTS_LIMIT, Entry, Sender};
use cloud_sync_wire::hello::{Hello, Registration, to_hex};
use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;
use kiosk_core::event::SCHEMA;
use kiosk_core::ids::{BootId, JournalId};
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, RequestBuilder, StatusCode};
use uuid::Uuid;

use crate::dice::Dice;

/// How long one call may take, as in the product for a batch of a backlog.
const LIMIT: Duration = Duration::from_secs(10);
/// When the cloud asks to hold without saying for how long.
const HOLD: Duration = Duration::from_secs(2);

/// An event of a real journal, with places for other identities.
#[derive(Debug, Clone)]
pub(super) struct Template {
    pub(super) text: String,
    pub(super) event: String,
    pub(super) order: String,
}

impl Template {
    /// The event under identities that no other has.
    fn event(&self, high: u64, low: u64) -> Vec<u8> {
        let id = |mark: u64| Uuid::from_u64_pair(high, (mark << 62) | low).to_string();
        let text = self.text.replace(&self.event, &id(1));
        text.replace(&self.order, &id(2)).into_bytes()
    }
}

/// What all of them share.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) client: Client,
    pub(super) template: Template,
    pub(super) told_to_wait: AtomicU64,
    /// Events that were acked.
    pub(super) drained: AtomicU64,
}

impl Common {
    pub(super) fn new(template: Template) -> anyhow::Result<Self> {
        Ok(Self {
            client: Client::builder().no_proxy().build()?,
            template,
            told_to_wait: AtomicU64::new(0),
            drained: AtomicU64::new(0),
        })
    }
}

pub(super) struct Kiosk {
    credential: Credential,
    common: Arc<Common>,
    base: String,
    key: SecretKey,
    journal: JournalId,
    number: u64,
    chain: Hash,
    next: u64,
    dice: Dice,
}

impl Kiosk {
    pub(super) fn new(
        credential: Credential,
        common: &Arc<Common>,
        base: &str,
        number: u64,
    ) -> Self {
        let mut seed = [0; 32];
        seed.iter_mut()
            .zip(number.to_le_bytes())
            .for_each(|(to, from)| *to = from);
        Self {
            credential,
            common: Arc::clone(common),
            base: base.to_owned(),
            key: SecretKey::from_seed(&seed),
            journal: JournalId(Uuid::from_u64_pair(7, number)),
            number,
            chain: Hash::START,
            next: 1,
            dice: Dice::seeded(number),
        }
    }

    /// Says hello.
    pub(super) async fn greet(&mut self) -> anyhow::Result<()> {
        let (store, kiosk) = (self.credential.store.clone(), self.credential.kiosk.clone());
        let registration = Registration {
            store,
            kiosk,
            journal: self.journal,
            key: self.key.public(),
        };
        let registration = signed::sign(&registration, &self.credential.device_secret.key())?;
        let hello = Hello {
            registration: to_hex(&registration),
            journal: self.journal,
            next_seq: self.next,
            retained_from: 1,
            generation: None,
            ack_no: 0,
            watermark: 0,
            chain: Hash::START,
            ranges: Vec::new(),
            last_ack: None,
            boot: BootId(Uuid::from_u64_pair(8, self.number)),
            depth: 0,
            version: "0.1.0".to_owned(),
            schema: SCHEMA,
            free_bytes: 0,
            replaces: None,
        };
        let hello = signed::sign(&hello, &self.key)?;
        self.post("hello", hello).await.map(|_| ())
    }

    /// Sends so many events, as full frames one after another; all of them are acked in the end.
    pub(super) async fn drain(&mut self, events: u64) -> anyhow::Result<()> {
        let end = self.next + events;
        let most = EVENTS_LIMIT as u64;
        while self.next < end {
            let sent = (end - self.next).min(most);
            let frame = self.frame(sent);
            let ack = self.post("events", frame).await?;
            ensure!(
                ack.watermark + 1 == self.next,
                "{} events were sent, {} acked",
                self.next - 1,
                ack.watermark
            );
            self.common.drained.fetch_add(sent, Ordering::Relaxed);
            if ack.credit == 0 && self.next < end {
                self.hold(HOLD).await;
            }
        }
        Ok(())
    }

    fn frame(&mut self, events: u64) -> Vec<u8> {
        let entries: Vec<Entry> = (self.next..self.next + events)
            .map(|seq| {
                let bytes = self.common.template.event(self.number, seq);
                self.chain = chain_hash(self.chain, seq, content_hash(&bytes));
                Entry {
                    seq,
                    chain: self.chain,
                    bytes,
                }
            })
            .collect();
        self.next += events;
        let sender = Sender {
            store: self.credential.store.clone(),
            kiosk: self.credential.kiosk.clone(),
            journal: self.journal,
        };
        frame::encode(&sender, SCHEMA, &entries, &self.key)
    }

    /// Posts until it is taken, as patient as it is told to be.
    async fn post(&mut self, call: &str, body: Vec<u8>) -> anyhow::Result<Ack> {
        let (store, kiosk) = (&self.credential.store, &self.credential.kiosk);
        let url = format!("{}/api/v1/kiosks/{store}/{kiosk}/{call}", self.base);
        for attempt in 0..200 {
            let request = self.common.client.post(&url).body(body.clone());
            match self.ask(request).await? {
                Answered::Acked(ack) => return Ok(*ack),
                Answered::Later(wait) => {
                    self.common.told_to_wait.fetch_add(1, Ordering::Relaxed);
                    self.hold(wait).await;
                }
                Answered::Nothing => self.hold(HOLD * (attempt + 1).min(8)).await,
            }
        }
        bail!("kiosk {} gave up", self.credential.kiosk)
    }

    async fn ask(&self, request: RequestBuilder) -> anyhow::Result<Answered> {
        let token = self.credential.device_secret.access_token();
        let sent = request.bearer_auth(token).timeout(LIMIT).send().await;
        let Ok(response) = sent else {
            return Ok(Answered::Nothing);
        };
        let status = response.status();
        let wait = response.headers().get(RETRY_AFTER);
        let wait = wait.and_then(|wait| wait.to_str().ok()?.parse().ok());
        match status {
            StatusCode::OK => {}
            StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => {
                return Ok(Answered::Later(wait.map_or(HOLD, Duration::from_secs)));
            }
            _ => bail!("answered with {status}: {}", response.text().await?),
        }
        let Ok(bytes) = response.bytes().await else {
            return Ok(Answered::Nothing);
        };
        let ack = signed::open(&bytes, &self.credential.cloud_key).context("not an ack")?;
        Ok(Answered::Acked(Box::new(ack)))
    }

    /// Waits so long, and by chance up to as long again, so that not all come back together.
    async fn hold(&mut self, wait: Duration) {
        let most = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        let more = Duration::from_millis(self.dice.below(most));
        tokio::time::sleep(wait + more).await;
    }
}

enum Answered {
    Acked(Box<Ack>),
    Later(Duration),
    Nothing,
}
