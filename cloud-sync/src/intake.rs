//! Taking in frames without a network: the door and a ledger of its own, for measurements.

use std::path::Path;
use std::sync::Arc;

use cloud_sync_wire::credential::{DeviceSecret, token_digest};
use kiosk_core::ids::{KioskId, StoreId};

use crate::clock;
use crate::cloud::{self, Signer};
use crate::ingest::{Door, Speaker, Way};
use crate::ledger::postgres::url::DatabaseUrl;
use crate::ledger::{Ledger, Place, devices};
use crate::presence::Presence;

/// A ledger, and the door to it. Clones share them.
#[derive(Clone)]
pub struct Intake {
    ledger: Ledger,
    door: Door,
}

impl Intake {
    /// With a ledger in a folder.
    ///
    /// # Errors
    /// If it can't be opened; in plain words.
    pub fn in_folder(folder: &Path) -> Result<Self, String> {
        Self::open(&Place::Folder(folder.to_owned()))
    }

    /// With a ledger in a database. Not to be called where nothing may block.
    ///
    /// # Errors
    /// If it can't be opened; in plain words.
    pub fn in_database(url: &str) -> Result<Self, String> {
        let url = DatabaseUrl::parse(url, false)?;
        Self::open(&Place::Database(Box::new(url)))
    }

    fn open(place: &Place) -> Result<Self, String> {
        let (ledger, lineage) = cloud::open(place).map_err(|error| error.to_string())?;
        let presence = Arc::new(Presence::default());
        Ok(Self {
            door: Door::new(ledger.clone(), Signer::new(lineage.key), presence),
            ledger,
        })
    }

    /// Enrols a kiosk with the key of its credential.
    ///
    /// # Errors
    /// If it can't be stored.
    pub async fn enrol(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        secret: &DeviceSecret,
    ) -> Result<(), String> {
        let (store, kiosk, key) = (store.clone(), kiosk.clone(), secret.key().public());
        let digest = token_digest(secret.access_token().as_bytes());
        let enrolled = self.ledger.write(move |connection| {
            devices::enroll(connection, &store, &kiosk, key, digest, clock::wall())
        });
        let enrolled = enrolled.await.map(|_| ());
        enrolled.map_err(|error| error.to_string())
    }

    /// Takes in a hello.
    ///
    /// # Errors
    /// If it is refused or can't be stored.
    pub async fn hello(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        bytes: Vec<u8>,
    ) -> Result<(), String> {
        let speaker = speaker(store, kiosk);
        let greeted = self.door.hello(&speaker, bytes, "measured").await;
        greeted.map(|_| ()).map_err(|refused| refused.to_string())
    }

    /// Takes in a frame; the watermark of the ack that it gets.
    ///
    /// # Errors
    /// If it is refused or can't be stored.
    pub async fn frame(
        &self,
        store: &StoreId,
        kiosk: &KioskId,
        bytes: Vec<u8>,
    ) -> Result<u64, String> {
        let speaker = speaker(store, kiosk);
        let taken = self.door.frame(&speaker, bytes, "measured", Way::Live);
        let taken = taken.await.map(|received| received.ack.watermark);
        taken.map_err(|refused| refused.to_string())
    }
}

fn speaker(store: &StoreId, kiosk: &KioskId) -> Speaker {
    Speaker {
        store: store.clone(),
        kiosk: kiosk.clone(),
    }
}
