//! Which broker the kiosks of a store are to use.

use kiosk_core::ids::{Generation, StoreId};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use crate::signed::Message;

/// Which broker the kiosks of a store are to use, as headquarters last said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokerNotice {
    /// For which store.
    pub store: StoreId,
    /// The lineage of the ledger that counts `number`.
    pub generation: Generation,
    /// Counts the assignments in that ledger: of two notices of one lineage the higher one is the
    /// later, whatever any clock says.
    pub number: u64,
    /// The broker's URL; none for the one that the credential names.
    #[serde(default)]
    pub url: Option<String>,
    /// Who said so.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, for people.
    pub at: WallTime,
}

impl Message for BrokerNotice {
    const KIND: u8 = 24;
}
