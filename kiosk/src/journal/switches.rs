//! Switches that were turned at this kiosk: each is a row and an event, in one transaction.

use kiosk_core::event::{Fact, SwitchChanged};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::read::Reader;
use super::{JournalError, Stamp};

/// What the names of their rows among the settings begin with.
const PREFIX: &str = "switch/";

/// Somebody turning a switch.
#[derive(Debug, Clone)]
pub struct SwitchRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// Which, to where, why and who.
    pub change: SwitchChanged,
}

/// A switch as it was last turned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSwitch {
    /// Which, to where, why and who.
    #[serde(flatten)]
    pub change: SwitchChanged,
    /// When.
    pub at: WallTime,
    /// The seq of its event: the later, the higher.
    pub seq: u64,
}

impl Group<'_> {
    pub(super) fn turn_switch(
        &mut self,
        request: SwitchRequest,
    ) -> Result<KeptSwitch, JournalError> {
        let SwitchRequest { stamp, change } = request;
        let name = format!("{PREFIX}{}", change.name);
        let before = self.setting(&name)?;
        let before = before.as_deref().map(parse).transpose()?;
        if let Some(before) = before.filter(|before| before.change == change) {
            return Ok(before);
        }
        let at = stamp.at;
        let seq = self.append(stamp, None, Fact::SwitchChanged(change.clone()))?;
        let kept = KeptSwitch { change, at, seq };
        let value = serde_json::to_string(&kept)
            .map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.set_setting(&name, &value)?;
        Ok(kept)
    }
}

impl Reader {
    /// All switches that were ever turned here, by name.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn switches(&self) -> Result<Vec<KeptSwitch>, JournalError> {
        let kept = self.settings_below(PREFIX)?.into_iter();
        kept.map(|(_, value)| parse(&value)).collect()
    }
}

fn parse(value: &str) -> Result<KeptSwitch, JournalError> {
    serde_json::from_str(value)
        .map_err(|error| JournalError::Damaged(format!("a kept switch: {error}")))
}
