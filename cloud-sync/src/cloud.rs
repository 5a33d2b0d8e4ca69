//! What the parts of a serving cloud-sync share.

use std::sync::Arc;

use cloud_sync_wire::keys::SecretKey;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::{Semaphore, watch};

use crate::clock;
use crate::ingest::Door;
use crate::ledger::lineage::{self, Lineage};
use crate::ledger::{Ledger, LedgerError, Place};
use crate::presence::Presence;
use crate::users::Guesses;
use crate::web::facts::HourCache;

#[derive(Clone)]
pub(crate) struct Cloud {
    pub(crate) ledger: Ledger,
    pub(crate) door: Door,
    pub(crate) presence: Arc<Presence>,
    pub(crate) guesses: Arc<Guesses>,
    /// Places for hashing a password: each takes 19 MiB and a core for a moment.
    pub(crate) hashing: Arc<Semaphore>,
    pub(crate) key: Arc<SecretKey>,
    pub(crate) hours: Arc<HourCache>,
    pub(crate) metrics: PrometheusHandle,
    /// Changes when a menu is published.
    pub(crate) menus_changed: watch::Sender<u64>,
    /// Changes when kiosks are to be told of switches or settings.
    pub(crate) changed: watch::Sender<u64>,
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
        Ok(Self {
            door: Door::new(ledger.clone(), Arc::clone(&key), Arc::clone(&presence)),
            ledger,
            presence,
            guesses: Arc::default(),
            hashing: Arc::new(Semaphore::new(2)),
            key,
            hours: Arc::default(),
            metrics,
            menus_changed: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            closing,
        })
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
