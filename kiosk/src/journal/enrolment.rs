//! The journal's registration: the device's word for the journal's key. It is kept in the journal once
//! the kiosk is enrolled, so that an export carries it and the cloud takes the file's frames even if
//! it has never met the journal.

use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::hello::{Registration, from_hex, to_hex};
use cloud_sync_wire::signed::{self, SignedError};
use kiosk_core::ids::{KioskId, StoreId};
use serde::{Deserialize, Serialize};

use super::settings::setting;
use super::{Journal, JournalError};

const ENROLMENT: &str = "enrolment";

/// Who a journal's frames are from, and the device's word for its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Enrolment {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
    /// The signed registration, in hex.
    pub(crate) registration: String,
}

impl Enrolment {
    /// Registers a journal by that credential.
    pub(crate) fn new(registration: Registration, by: &Credential) -> Result<Self, SignedError> {
        let signed = signed::sign(&registration, &by.device_secret.key())?;
        Ok(Self {
            registration: to_hex(&signed),
            store: registration.store,
            kiosk: registration.kiosk,
        })
    }

    /// The signed registration.
    pub(super) fn signed(&self) -> Option<Vec<u8>> {
        from_hex(&self.registration)
    }
}

/// What an enrolled kiosk left in its journal.
pub(super) fn kept(conn: &rusqlite::Connection) -> Result<Option<Enrolment>, JournalError> {
    let text = setting(conn, ENROLMENT)?;
    let read = text.map(|text| serde_json::from_str(&text)).transpose();
    read.map_err(|error| JournalError::Damaged(format!("its enrolment can't be read: {error}")))
}

impl Journal {
    /// The journal's registration by a credential.
    pub(crate) fn enrolment(&self, credential: &Credential) -> Result<Enrolment, SignedError> {
        let registration = Registration {
            store: credential.store.clone(),
            kiosk: credential.kiosk.clone(),
            journal: self.id(),
            key: self.key().public(),
        };
        Enrolment::new(registration, credential)
    }

    /// Keeps the registration in the file, unless it is there already.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) async fn keep_enrolment(&self, enrolment: Enrolment) -> Result<(), JournalError> {
        let known = self.read(|reader| kept(reader.conn())).await?;
        if known.as_ref() == Some(&enrolment) {
            return Ok(());
        }
        let text = serde_json::to_string(&enrolment)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.keep(ENROLMENT, Some(text)).await
    }
}
