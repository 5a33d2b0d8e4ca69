//! What kiosks last said of themselves: kept in memory and written behind, because a heartbeat is
//! worth no disk write of its own. Shown to people, decides nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use kiosk_core::wall::WallTime;

use crate::ledger::devices::{self, Kiosk, Said};
use crate::ledger::{Ledger, LedgerError, Reach};

/// A kiosk that was silent for longer is shown as offline: three heartbeats and a little.
const SILENT_MS: i64 = 17_000;
/// What a last will says.
const GONE: &str = "gone";

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
    /// A kiosk was heard of by HTTP or MQTT, perhaps with how many events are unconfirmed there.
    /// One whose MQTT session was gone is back by that.
    pub(crate) fn seen(&self, device: i64, unconfirmed: Option<u64>, now: WallTime) {
        let gone = self.of(device).and_then(|said| said.link).as_deref() == Some(GONE);
        self.note(
            device,
            Said {
                at: now,
                link: gone.then(|| "online".to_owned()),
                depth: unconfirmed,
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
        let told: Vec<i64> = new.iter().map(|(device, _)| *device).collect();
        let write = ledger.write_in(Reach::Apart, move |connection| {
            devices::note_said(connection, &new)
        });
        let written = write.await;
        if written.is_err() {
            let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
            for device in told {
                if let Some(heard) = devices.get_mut(&device) {
                    heard.written = false;
                }
            }
        }
        written
    }
}

/// A kiosk as people see it: what the ledger knows, overlaid by what was heard since.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) link: &'static str,
    pub(crate) last_seen: Option<WallTime>,
    pub(crate) depth: Option<u64>,
    pub(crate) version: Option<String>,
}

impl Presence {
    pub(crate) fn shown(&self, kiosk: &Kiosk, now: WallTime) -> Shown {
        // Where several processes serve, another one may have heard of it later and written it down.
        let latest = |said: &Said| said.at.as_millis() == 0 || kiosk.last_seen <= Some(said.at);
        let heard = self.of(kiosk.id).filter(latest);
        let heard = heard.as_ref();
        let last_seen = heard.map(|said| said.at).max(kiosk.last_seen);
        // That a kiosk was gone when this process began says nothing once it was heard.
        let known = kiosk
            .link
            .as_deref()
            .filter(|link| *link != GONE || heard.is_none());
        let link = heard.and_then(|said| said.link.as_deref()).or(known);
        let version = heard.and_then(|said| said.version.clone());
        Shown {
            link: shown_link(link, last_seen, now),
            last_seen,
            depth: heard.and_then(|said| said.depth).or(kiosk.depth),
            version: version.or_else(|| kiosk.version.clone()),
        }
    }
}

/// The link to be shown: what the kiosk said, unless it has been silent for too long.
fn shown_link(link: Option<&str>, last_seen: Option<WallTime>, now: WallTime) -> &'static str {
    let heard = last_seen.is_some_and(|at| now.as_millis() - at.as_millis() <= SILENT_MS);
    match link {
        _ if !heard => "offline",
        Some("catching_up") => "catching_up",
        Some("offline" | GONE) => "offline",
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
    fn a_kiosk_that_went_is_offline_at_once_and_back_when_it_is_heard() {
        let presence = Presence::default();
        let at = WallTime::from_millis;
        let kiosk = Kiosk {
            id: 1,
            store: "s".to_owned(),
            kiosk: "k".to_owned(),
            revoked: false,
            last_seen: Some(at(90)),
            link: Some("gone".to_owned()),
            depth: None,
            version: None,
            journal: None,
            epoch: None,
            watermark: None,
            forked: false,
            twins: false,
            expires: None,
            groups: Vec::new(),
            lost: Vec::new(),
        };
        assert_eq!(presence.shown(&kiosk, at(100)).link, "offline");
        presence.seen(1, None, at(100));
        assert_eq!(presence.shown(&kiosk, at(100)).link, "online");
        let went = Said {
            at: at(0),
            link: Some("gone".to_owned()),
            depth: None,
            oldest_ms: None,
            version: None,
        };
        presence.note(1, went);
        assert_eq!(presence.shown(&kiosk, at(110)).link, "offline");
        presence.seen(1, None, at(120));
        assert_eq!(presence.shown(&kiosk, at(120)).link, "online");
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
        presence.seen(1, None, WallTime::from_millis(9));
        presence.drained(1, 2);
        let got = presence.of(1).unwrap();
        assert_eq!((got.at.as_millis(), got.depth), (9, Some(1)));
        assert_eq!((got.link, got.version), (said.link, said.version));
        presence.seen(1, Some(0), WallTime::from_millis(10));
        assert_eq!(presence.of(1).unwrap().depth, Some(0));
    }
}
