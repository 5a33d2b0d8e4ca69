//! How headquarters has set the rules before remote calls.

use std::collections::BTreeMap;

use kiosk_core::ids::{Generation, KioskId, StoreId};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::scope::Scope;
use crate::signed::Message;

/// Everything that headquarters has set about the remote calls of a store's kiosks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsNotice {
    /// For which store.
    pub store: StoreId,
    /// The lineage of the ledger that counts `number`.
    pub generation: Generation,
    /// Counts the changes in that ledger: of two notices of one lineage the higher one is the
    /// later, whatever any clock says.
    pub number: u64,
    /// The groups of the store's kiosks; who is not named is in none.
    #[serde(default)]
    pub groups: BTreeMap<KioskId, Vec<String>>,
    /// What is set, once for each scope.
    pub settings: Vec<CallSetting>,
}

/// What is set for one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallSetting {
    /// For whom.
    pub scope: Scope,
    /// By dependency and key; [`tuning`](super::tuning) says what they mean.
    pub settings: Map<String, Value>,
    /// Who set it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, for people.
    pub at: WallTime,
    /// The number of this change in the ledger.
    pub number: u64,
}

impl Message for SettingsNotice {
    const KIND: u8 = 17;
}
