//! What the parts of a serving cloud-sync share.

use std::sync::{Arc, PoisonError, RwLock};

use cloud_sync_wire::keys::{PublicKey, SecretKey};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use crate::clock;
use crate::ingest::Door;
use crate::ledger::connection::Connection;
use crate::ledger::lineage::{self, Lineage};
use crate::ledger::{Ledger, LedgerError, Place, assignments, menus, notices};
use crate::presence::Presence;
use crate::users::Guesses;
use crate::web::facts::HourCache;

/// The key that this process signs with: the ledger's, and another one soon after it was rotated.
#[derive(Clone)]
pub(crate) struct Signer(Arc<RwLock<Arc<SecretKey>>>);

impl Signer {
    pub(crate) fn new(key: Arc<SecretKey>) -> Self {
        Self(Arc::new(RwLock::new(key)))
    }

    pub(crate) fn key(&self) -> Arc<SecretKey> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.key().public()
    }

    /// Whether it is another one.
    fn put(&self, key: Arc<SecretKey>) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let other = held.public() != key.public();
        *held = key;
        other
    }
}

#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) ledger: Ledger,
    pub(crate) door: Door,
    pub(crate) presence: Arc<Presence>,
    pub(crate) guesses: Arc<Guesses>,
    /// Places for hashing a password: each takes 19 MiB and a core for a moment.
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) key: Signer,
    pub(crate) hours: Arc<HourCache>,
    pub(crate) metrics: PrometheusHandle,
    /// Changes when a menu is published.
    pub(crate) menus_changed: watch::Sender<u64>,
    /// Changes when kiosks are to be told of switches or settings.
    pub(crate) changed: watch::Sender<u64>,
    /// Changes when another key signs: what is retained has to be signed anew.
    pub(crate) rekeyed: watch::Sender<u64>,
    /// Turns true when the process is to end.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Cloud {
    pub(crate) fn new(
        ledger: Ledger,
        metrics: PrometheusHandle,
        closing: watch::Receiver<bool>,
    ) -> Result<Self, LedgerError> {
        let Lineage { key, generation } = lineage(&ledger)?;
        ledger.open_anew()?;
        tracing::info!(%generation, "ledger opened");
        let presence = Arc::new(Presence::default());
        let key = Signer::new(key);
        Ok(Self {
            door: Door::new(ledger.clone(), key.clone(), Arc::clone(&presence)),
            ledger,
            presence,
            guesses: Arc::default(),
            hashing: Arc::new(Semaphore::new(2)),
            key,
            hours: Arc::default(),
            metrics,
            menus_changed: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            rekeyed: watch::Sender::new(0),
            closing,
        })
    }
}

/// How far everything has come that kiosks are told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heads {
    changes: i64,
    assignments: i64,
    menus: i64,
}

impl Heads {
    fn now(connection: &dyn Connection) -> Result<Self, LedgerError> {
        Ok(Self {
            changes: notices::latest(connection)?,
            assignments: assignments::latest(connection)?,
            menus: menus::latest(connection)?,
        })
    }
}

impl Cloud {
    /// Has kiosks told what another process has changed since `seen`: a command beside this one, or a
    /// replica. What this process changed itself is told twice, which costs a look at the ledger.
    pub(crate) async fn look(&self, seen: Option<Heads>) -> Option<Heads> {
        let read = |connection: &dyn Connection| {
            Ok((Heads::now(connection)?, lineage::current(connection)?))
        };
        let heads = match self.ledger.read(read).await {
            Ok((heads, lineage)) => {
                if lineage.is_some_and(|lineage| self.key.put(lineage.key)) {
                    tracing::info!(key = ?self.key.public().id(), "another key signs from now on");
                    self.rekeyed.send_modify(|count| *count += 1);
                }
                heads
            }
            Err(error) => {
                tracing::debug!(%error, "what has changed could not be looked up");
                return seen;
            }
        };
        if let Some(seen) = seen {
            let more = |changed: &watch::Sender<u64>| changed.send_modify(|count| *count += 1);
            if (seen.changes, seen.assignments) != (heads.changes, heads.assignments) {
                more(&self.changed);
            }
            if seen.menus != heads.menus {
                more(&self.menus_changed);
            }
        }
        Some(heads)
    }
}

/// The ledger's lineage, made at first use.
pub(crate) fn lineage(ledger: &Ledger) -> Result<Lineage, LedgerError> {
    let mut seed = [0; 32];
    random(&mut seed)?;
    ledger.write_blocking(move |connection| lineage::found_or_made(connection, seed, clock::wall()))
}

/// Opens a ledger for a command.
pub(crate) fn open(place: &Place) -> Result<(Ledger, Lineage), LedgerError> {
    let ledger = Ledger::open(place)?;
    let lineage = lineage(&ledger)?;
    Ok((ledger, lineage))
}

pub(crate) fn random(bytes: &mut [u8]) -> Result<(), LedgerError> {
    getrandom::fill(bytes).map_err(|error| {
        LedgerError::Unusable(format!("the system gives no random bytes: {error}"))
    })
}
