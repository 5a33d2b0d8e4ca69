//! Where headquarters has put switches.

use std::collections::BTreeMap;

use kiosk_core::ids::{Generation, KioskId, StoreId};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use super::scope::Scope;
use crate::signed::Message;

/// The switches that kiosks of this version know. Headquarters may turn others too: a later kiosk
/// knows more, an earlier one fewer.
///
/// `force_l0` to `force_l3` hold the kiosk at that degradation level while they are on; the gravest
/// wins.
pub const SWITCHES: [&str; 7] = [
    "force_l0",
    "force_l1",
    "force_l2",
    "force_l3",
    "menu_updates",
    "ordering_cloud",
    "recommendations",
];

/// Everything that headquarters has turned for kiosks of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchNotice {
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
    /// Where switches stand, one for each name and scope.
    pub switches: Vec<SwitchSetting>,
}

/// Where a switch stands for one scope.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwitchSetting {
    /// Which.
    pub name: String,
    /// For whom.
    pub scope: Scope,
    /// `on`, `off`, or `auto`: left to a wider setting or to the software.
    pub state: String,
    /// Who turned it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When, for people.
    pub at: WallTime,
    /// The number of this change in the ledger.
    pub number: u64,
}

impl Message for SwitchNotice {
    const KIND: u8 = 16;
}
