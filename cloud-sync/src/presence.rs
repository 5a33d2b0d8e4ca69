//! What kiosks last said of themselves: kept in memory and written behind, because a heartbeat is
//! worth no disk write of its own. Shown to people, decides nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kiosk_core::wall::WallTime;

use crate::ledger::devices::{self, Said};
use crate::ledger::{Ledger, LedgerError};

/// A kiosk that was silent for longer is shown as offline: three heartbeats and a little.
const SILENT_MS: i64 = 17_000;

#[derive(Debug, Default)]
pub(crate) struct Presence {
    devices: Mutex<HashMap<i64, Heard>>,
}

#[derive(Debug, Clone)]
struct Heard {
    said: Said,
    written: bool,
}

impl Presence {
    /// A kiosk was heard of by HTTP or MQTT.
    pub(crate) fn seen(&self, device: i64, now: WallTime) {
        self.note(
            device,
            Said {
                at: now,
                link: None,
                depth: None,
                oldest_ms: None,
                version: None,
            },
        );
    }

    /// A kiosk said something of itself; what it left out stays.
    pub(crate) fn note(&self, device: i64, said: Said) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = devices.entry(device).or_insert_with(|| Heard {
            said: said.clone(),
            written: false,
        });
        let known = &mut heard.said;
        known.at = known.at.max(said.at);
        known.link = said.link.or_else(|| known.link.take());
        known.depth = said.depth.or(known.depth);
        known.oldest_ms = said.oldest_ms.or(known.oldest_ms);
        known.version = said.version.or_else(|| known.version.take());
        heard.written = false;
    }

    /// Events of a kiosk have become durable: its queue is shorter by as many.
    pub(crate) fn drained(&self, device: i64, events: u64) {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(heard) = devices.get_mut(&device) {
            heard.said.depth = heard.said.depth.map(|depth| depth.saturating_sub(events));
            heard.written = false;
        }
    }

    /// What a kiosk last said, as far as this process heard it.
    pub(crate) fn of(&self, device: i64) -> Option<Said> {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.get(&device).map(|heard| heard.said.clone())
    }

    /// Writes what is new to the ledger.
    pub(crate) async fn write_behind(&self, ledger: &Ledger) -> Result<(), LedgerError> {
        let new: Vec<(i64, Said)> = {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            let new = devices.iter_mut().filter(|(_, heard)| !heard.written);
            new.map(|(device, heard)| {
                heard.written = true;
                (*device, heard.said.clone())
            })
            .collect()
        };
        if new.is_empty() {
            return Ok(());
        }
        let write = ledger.write(move |connection| {
            new.iter()
                .try_for_each(|(device, said)| devices::note_said(connection, *device, said))
        });
        write.await
    }
}

/// The link to be shown: what the kiosk said, unless it has been silent for too long.
pub(crate) fn shown_link(
    link: Option<&str>,
    last_seen: Option<WallTime>,
    now: WallTime,
) -> &'static str {
    let heard = last_seen.is_some_and(|at| now.as_millis() - at.as_millis() <= SILENT_MS);
    match link {
        _ if !heard => "offline",
        Some("catching_up") => "catching_up",
        Some("offline") => "offline",
        // Its MQTT session is gone, but it is still heard over HTTP.
        Some(_) | None => "online",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_shown_as_offline_whatever_was_said_before() {
        let at = WallTime::from_millis;
        assert_eq!(shown_link(Some("online"), Some(at(0)), at(5_000)), "online");
        assert_eq!(
            shown_link(Some("online"), Some(at(0)), at(60_000)),
            "offline"
        );
        assert_eq!(
            shown_link(Some("catching_up"), Some(at(0)), at(1)),
            "catching_up"
        );
        assert_eq!(shown_link(None, None, at(0)), "offline");
    }

    #[test]
    fn what_was_not_said_again_stays() {
        let presence = Presence::default();
        let said = Said {
            at: WallTime::from_millis(5),
            link: Some("online".to_owned()),
            depth: Some(3),
            oldest_ms: None,
            version: Some("1".to_owned()),
        };
        presence.note(1, said.clone());
        presence.seen(1, WallTime::from_millis(9));
        presence.drained(1, 2);
        let got = presence.of(1).unwrap();
        assert_eq!((got.at.as_millis(), got.depth), (9, Some(1)));
        assert_eq!((got.link, got.version), (said.link, said.version));
    }
}
