//! The ingest door alone, without a network: what a simulation of stores and a cloud speaks to.
//!
//! Everything behind it is what serves: the same reading, decision, transaction and ledger. Several
//! replicas may stand on one ledger; none holds anything that another needs.

use std::path::PathBuf;
use std::sync::Arc;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::credential::{Credential, DeviceSecret, VERSION, token_digest};
use cloud_sync_wire::keys::SecretKey;
use kiosk_core::ids::{JournalId, KioskId, StoreId};
use kiosk_core::wall::WallTime;

use crate::ingest::{Door, Refused, Speaker, Way};
use crate::ledger::{Ledger, LedgerError, devices};
use crate::presence::Presence;
use crate::{clock, cloud};

/// One process of the cloud, as far as its door goes.
pub struct Replica {
    ledger: Ledger,
    door: Door,
    key: Arc<SecretKey>,
}

/// An ack that was given, after the commit of what it names.
#[derive(Debug, Clone)]
pub struct Given {
    /// What it says.
    pub ack: Ack,
    /// The signed bytes.
    pub signed: Vec<u8>,
    /// What became of each event, by the names of `cloud_ingest_events_total`.
    pub outcomes: Vec<&'static str>,
}

/// Why something moved nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Doesn't decode, doesn't verify, or comes from somebody else.
    #[error("{0}")]
    Bad(String),
    /// A hello has to come first.
    #[error("say hello first")]
    HelloFirst,
    /// The journal belongs to another kiosk.
    #[error("this journal belongs to another kiosk")]
    Foreign,
    /// The ledger can't store or read now.
    #[error("the ledger fails: {0}")]
    Failing(String),
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Bad(reason) => Self::Bad(reason),
            Refused::UnknownJournal(_) | Refused::HelloFirst(_) => Self::HelloFirst,
            Refused::Foreign => Self::Foreign,
            Refused::Crowded { .. } => Self::Failing(refused.to_string()),
            Refused::Ledger(error) => error.into(),
        }
    }
}

impl From<LedgerError> for Refusal {
    fn from(error: LedgerError) -> Self {
        Self::Failing(error.to_string())
    }
}

impl Replica {
    /// Opens the ledger in that file or under that SQLite URI, made and migrated if need be. `anew`
    /// says that the ledger may have gone back in time, as at every start of a server of its own.
    ///
    /// # Errors
    /// [`Refusal::Failing`] if the ledger can't be used.
    pub fn open(place: impl Into<PathBuf>, anew: bool) -> Result<Self, Refusal> {
        let ledger = Ledger::at(place.into())?;
        let key = cloud::lineage(&ledger)?.key;
        if anew {
            ledger.open_anew()?;
        }
        let presence = Arc::new(Presence::default());
        Ok(Self {
            door: Door::new(
                ledger.clone(),
                cloud::Signer::new(Arc::clone(&key)),
                presence,
            ),
            ledger,
            key,
        })
    }

    /// With another clock than the machine's.
    #[must_use]
    pub fn with_clock(self, wall: Arc<dyn Fn() -> WallTime + Send + Sync>) -> Self {
        Self {
            door: self.door.with_clock(wall),
            ..self
        }
    }

    /// The key that acks are signed with.
    #[must_use]
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// Enrols a kiosk whose secret is made from `seed`.
    ///
    /// # Errors
    /// [`Refusal::Failing`] if it can't be stored.
    pub async fn enroll(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        seed: [u8; 32],
    ) -> Result<Credential, Refusal> {
        let secret = DeviceSecret::from_seed(seed);
        let digest = token_digest(secret.access_token().as_bytes());
        let (of, name, key) = (store.clone(), kiosk.clone(), secret.key().public());
        let prefixes = self
            .ledger
            .write(move |connection| {
                devices::enroll(connection, &of, &name, key, digest, clock::wall())
            })
            .await?;
        Ok(Credential {
            stillopen_credential: VERSION,
            cloud: "http://127.0.0.1:9080".to_owned(),
            mqtt: None,
            ca: None,
            device_secret: secret,
            cloud_key: self.key.public(),
            prefixes,
            store: store.clone(),
            kiosk: kiosk.clone(),
        })
    }

    /// Takes in a hello of that kiosk.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing has moved, or nobody knows.
    pub async fn hello(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        bytes: Vec<u8>,
    ) -> Result<Given, Refusal> {
        let ack = self.door.hello(&speaker(store, kiosk), bytes, "").await?;
        self.given(ack, Vec::new())
    }

    /// Takes in a frame that came under that kiosk's name.
    ///
    /// # Errors
    /// [`Refusal`]; then nothing has moved, or nobody knows.
    pub async fn frame(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        bytes: Vec<u8>,
    ) -> Result<Given, Refusal> {
        let from = speaker(store, kiosk);
        let received = self.door.frame(&from, bytes, "", Way::Live).await?;
        let outcomes = received.outcomes.iter().map(|outcome| outcome.as_str());
        let outcomes = outcomes.collect();
        self.given(received.ack, outcomes)
    }

    /// The ack of a journal as it stands.
    ///
    /// # Errors
    /// [`Refusal`].
    pub async fn current_ack(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        journal: JournalId,
    ) -> Result<Given, Refusal> {
        let ack = self
            .door
            .current_ack(&speaker(store, kiosk), journal)
            .await?;
        self.given(ack, Vec::new())
    }

    fn given(&self, ack: Ack, outcomes: Vec<&'static str>) -> Result<Given, Refusal> {
        let signed = self.door.sign(&ack)?;
        Ok(Given {
            ack,
            signed,
            outcomes,
        })
    }
}

fn speaker(store: &StoreId, kiosk: &KioskId) -> Speaker {
    Speaker {
        store: store.clone(),
        kiosk: kiosk.clone(),
    }
}
