//! Whom a kiosk believes to be its cloud: the key that its credential names, or the latest of those
//! that followed it, each with the word of the one before.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::signed;
use cloud_sync_wire::succession::{Links, Trust};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use tokio::sync::{Notify, watch};

use super::{CallError, Cloud, read, refusal};
use crate::clock;
use crate::uplink::new_request;

/// All words of keys for one another: some 400 bytes each.
const KEYS_LIMIT: usize = 512 * 1024;
/// No more often is it asked which key the cloud signs with.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// An ack that came over HTTP waits while it is asked, within its own call and for no longer than this:
/// a batch of a backlog has more time than anybody should wait for a key.
const ASK_LIMIT: Duration = Duration::from_secs(2);

/// The key that the cloud is believed by. Clones share it.
#[derive(Debug, Clone)]
pub(in crate::uplink) struct Believed(Arc<RwLock<Trust>>);

impl Believed {
    /// The key that a credential names, until it is known to be followed by another.
    pub(in crate::uplink) fn first(key: PublicKey) -> Self {
        Self(Arc::new(RwLock::new(Trust::new(key))))
    }

    /// The key in force.
    pub(in crate::uplink) fn key(&self) -> PublicKey {
        self.0.read().unwrap_or_else(PoisonError::into_inner).key()
    }

    fn links(&self) -> Links {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .links()
    }

    fn follow(&self, links: &Links) -> usize {
        let mut trust = self.0.write().unwrap_or_else(PoisonError::into_inner);
        trust.follow(links)
    }
}

/// What the clones of one cloud share of it.
#[derive(Debug, Clone)]
pub(super) struct Faith {
    believed: Believed,
    followed: watch::Sender<usize>,
    asked: Arc<Mutex<Option<Duration>>>,
    wanted: Arc<Notify>,
}

impl Faith {
    pub(super) fn new(first: PublicKey) -> Self {
        Self {
            believed: Believed::first(first),
            followed: watch::Sender::new(0),
            asked: Arc::default(),
            wanted: Arc::default(),
        }
    }
}

impl Cloud {
    /// The key that the cloud's messages must be signed with.
    pub(crate) fn key(&self) -> PublicKey {
        self.faith.believed.key()
    }

    /// The same, for whoever opens the cloud's messages elsewhere.
    pub(in crate::uplink) fn believed(&self) -> Believed {
        self.faith.believed.clone()
    }

    /// Follows the words that the cloud's keys gave for one another, as far as they begin with one
    /// that is trusted. Whether they led on.
    pub(crate) fn follow(&self, links: &Links) -> bool {
        let led = self.faith.believed.follow(links);
        if led > 0 {
            tracing::info!(keys = led, key = ?self.key().id(), "the cloud signs with another key");
            self.faith.followed.send_modify(|count| *count += led);
        }
        led > 0
    }

    /// The words that led to the present key.
    pub(crate) fn links(&self) -> Links {
        self.faith.believed.links()
    }

    /// Changes when another key came to be trusted.
    pub(crate) fn followed(&self) -> watch::Receiver<usize> {
        self.faith.followed.subscribe()
    }

    /// Whether another key has signed this; then somebody is to ask for the words of the keys for one
    /// another ([`keys_wanted`](Self::keys_wanted)). What came by the broker never waits for that.
    pub(crate) fn wants_keys_for(&self, bytes: &[u8]) -> bool {
        let wanted = self.is_anothers(bytes);
        if wanted {
            self.faith.wanted.notify_one();
        }
        wanted
    }

    /// Resolves when somebody is to ask for the words of the keys.
    pub(crate) async fn keys_wanted(&self) {
        self.faith.wanted.notified().await;
    }

    fn is_anothers(&self, bytes: &[u8]) -> bool {
        signed::key_of(bytes).is_some_and(|by| by != self.key().id())
    }

    /// Asks for the words of the keys for one another if another key has signed this: part of the call
    /// that brought it, within its time and under its rules. An answer that can't be verified is none.
    pub(super) async fn catch_up(&self, bytes: &[u8]) {
        if !self.is_anothers(bytes) || !self.pause_before_keys().is_zero() {
            return;
        }
        let request = new_request();
        let asked = tokio::time::timeout(ASK_LIMIT, self.keys(&request)).await;
        match asked {
            Ok(Ok(links)) if self.follow(&links) => {}
            Ok(Ok(_)) => tracing::warn!(
                "what came was signed by a key that no trusted one gave its word for"
            ),
            Ok(Err(_)) | Err(_) => tracing::warn!(
                "what came was signed by another key, and the cloud can't be asked whose it is"
            ),
        }
    }

    /// Asks for the words of the keys for one another.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn keys(&self, request: &str) -> Result<Links, CallError> {
        self.asks();
        let response = self
            .send(self.client.get(self.of_kiosk("keys")?), request)
            .await?;
        match response.status() {
            StatusCode::OK => {
                let bytes = read(response, KEYS_LIMIT).await?;
                let links = serde_json::from_slice(&bytes);
                links.map_err(|error| CallError::Nonsense(error.to_string()))
            }
            // A cloud that has never had another key.
            StatusCode::NOT_FOUND => Ok(Links::default()),
            _ => Err(refusal(response).await),
        }
    }

    /// How long until the words of the keys may be asked for again: whoever forges must not make this
    /// kiosk call.
    pub(crate) fn pause_before_keys(&self) -> Duration {
        let asked = self.faith.asked.lock();
        let last = *asked.unwrap_or_else(PoisonError::into_inner);
        let since = |last| clock::monotonic().saturating_sub(last);
        last.map_or(Duration::ZERO, |last| ASK_AGAIN.saturating_sub(since(last)))
    }

    fn asks(&self) {
        let mut asked = self
            .faith
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *asked = Some(clock::monotonic());
    }

    /// Tells the cloud of the device's next key.
    ///
    /// # Errors
    /// [`CallError`].
    pub(crate) async fn succeed(&self, signed: Vec<u8>) -> Result<(), CallError> {
        let call = self.client.post(self.of_kiosk("key")?).body(signed);
        let call = call.header(CONTENT_TYPE, "application/octet-stream");
        let response = self.send(call, &new_request()).await?;
        match response.status() {
            StatusCode::OK => Ok(()),
            _ => Err(refusal(response).await),
        }
    }
}

#[cfg(test)]
mod tests {
    use cloud_sync_wire::control::{Ask, Control};
    use cloud_sync_wire::keys::SecretKey;
    use kiosk_core::ids::JournalId;
    use kiosk_core::wall::WallTime;
    use tokio::net::TcpListener;
    use uuid::Uuid;

    use super::*;
    use crate::uplink::stub::Stub;

    #[tokio::test]
    async fn a_cloud_that_hangs_when_asked_for_its_keys_is_not_waited_for() {
        let hung = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut credential = Stub::start().await.credential;
        credential.cloud = format!("http://{}", hung.local_addr().unwrap());
        let cloud = Cloud::new(&credential, false).unwrap();
        let control = Control {
            journal: JournalId(Uuid::nil()),
            ask: Ask::Hello,
            at: WallTime::from_millis(0),
        };
        let bytes = signed::sign(&control, &SecretKey::from_seed(&[3; 32])).unwrap();
        let before = cloud.key().id();
        let asked = async { tokio::join!(cloud.catch_up(&bytes), hung.accept()).1 };
        let asked = tokio::time::timeout(Duration::from_secs(60), asked).await;
        assert!(asked.expect("it waits for ever").is_ok(), "it has asked");
        assert_eq!(cloud.key().id(), before);
    }
}
