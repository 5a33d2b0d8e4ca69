//! What the manager has set at this kiosk: each setting is a row and an event, in one transaction.

use kiosk_core::event::{Fact, SettingChanged};
use kiosk_core::wall::WallTime;
use serde::{Deserialize, Serialize};

use super::group::Group;
use super::read::Reader;
use super::{JournalError, Stamp};

/// What the names of their rows begin with.
const PREFIX: &str = "set/";

/// Somebody setting something.
#[derive(Debug, Clone)]
pub struct SettingRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// What, to which value, and who.
    pub change: SettingChanged,
}

/// A setting as it was last set; it is gone once it was put back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptSetting {
    /// What it is.
    pub value: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: WallTime,
}

impl Group<'_> {
    /// Sets it, or puts it back to what the configuration says. What stands so already is left.
    pub(super) fn change_setting(
        &mut self,
        request: SettingRequest,
    ) -> Result<Option<KeptSetting>, JournalError> {
        let SettingRequest { stamp, change } = request;
        let name = format!("{PREFIX}{}", change.name);
        let before = self.setting(&name)?;
        let before = before.as_deref().map(parse).transpose()?;
        if before.as_ref().map(|kept| &kept.value) == change.value.as_ref() {
            return Ok(before);
        }
        let kept = change.value.as_ref().map(|value| KeptSetting {
            value: value.clone(),
            by: change.by.clone(),
            at: stamp.at,
        });
        self.append(stamp, None, Fact::SettingChanged(change))?;
        let row = kept.as_ref().map(serde_json::to_string).transpose();
        let row = row.map_err(|error| JournalError::Damaged(error.to_string()))?;
        self.keep(&name, row.as_deref())?;
        Ok(kept)
    }
}

impl Reader {
    /// Everything that is set here, by name.
    ///
    /// # Errors
    /// [`JournalError`].
    pub fn set_here(&self) -> Result<Vec<(String, KeptSetting)>, JournalError> {
        let rows = self.settings_below(PREFIX)?.into_iter();
        rows.map(|(name, value)| Ok((name, parse(&value)?)))
            .collect()
    }
}

fn parse(value: &str) -> Result<KeptSetting, JournalError> {
    serde_json::from_str(value)
        .map_err(|error| JournalError::Damaged(format!("a kept setting: {error}")))
}
