//! The link's paperwork: events out of the journal into frames, the journal's state into hellos, and
//! acks back in, so that the journal releases what they name.
//!
//! It knows the journal and the keys and no transport: the uplink's errands carry what it makes, and
//! a simulation carries the same over a network of its own.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::control::{Ask, Control};
use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::frame::{self, BODY_LIMIT, EVENTS_LIMIT, Entry, Sender};
use cloud_sync_wire::hello::{Hello, to_hex};
use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::signed;
use kiosk_core::event::SCHEMA;
use kiosk_core::ids::{BootId, Generation, JournalId};
use kiosk_core::wall::WallTime;
use metrics::counter;
use serde::Deserialize;

use super::http::SignedAck;
use super::http::faith::Believed;
use super::link::{Batch, Grant, Id, Reply};
use crate::clock;
use crate::journal::{Confirmed, Journal};

/// The longest request id that is passed on.
const REQUEST_LIMIT: usize = 128;

/// A signed frame of a batch.
#[derive(Debug)]
pub struct Frame {
    pub flight: Id,
    pub last: u64,
    pub bytes: Vec<u8>,
    pub request: String,
}

/// Makes what a kiosk sends, and takes in what it is told.
pub struct Clerk {
    journal: Journal,
    sender: Sender,
    boot: BootId,
    cloud: Believed,
    registration: String,
    latest: Mutex<Option<Latest>>,
}

/// The newest ack so far.
#[derive(Debug, Clone, Copy)]
struct Latest {
    generation: Generation,
    number: u64,
    at: WallTime,
}

impl Clerk {
    /// A clerk for a journal and the kiosk of a credential, in one run of the process.
    ///
    /// # Errors
    /// If the credential can't sign.
    pub fn new(
        journal: Journal,
        credential: &Credential,
        boot: BootId,
    ) -> Result<Self, signed::SignedError> {
        let registration = journal.enrolment(credential)?.registration;
        let sender = Sender {
            store: credential.store.clone(),
            kiosk: credential.kiosk.clone(),
            journal: journal.id(),
        };
        Ok(Self {
            journal,
            sender,
            boot,
            cloud: Believed::first(credential.cloud_key),
            registration,
            latest: Mutex::new(None),
        })
    }

    /// The same, believing what others come to believe of the cloud's key.
    pub(super) fn believing(self, cloud: Believed) -> Self {
        Self { cloud, ..self }
    }

    /// The journal.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The cloud's clock at its newest ack.
    #[must_use]
    pub fn last_ack_at(&self) -> Option<WallTime> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.map(|latest| latest.at)
    }

    /// What the cloud asks by MQTT; none if it is not genuine or speaks of another journal.
    #[must_use]
    pub fn asked(&self, payload: &[u8]) -> Option<Ask> {
        match signed::open::<Control>(payload, &self.cloud.key()) {
            Ok(control) => (control.journal == self.journal.id()).then_some(control.ask),
            Err(error) => {
                tracing::warn!(%error, "what came as a request of the cloud is ignored");
                None
            }
        }
    }

    /// The signed frame of a batch, with as much of it as fits; none if it can't be read.
    pub async fn frame(&self, batch: Batch) -> Option<Frame> {
        let Batch { first, last, .. } = batch;
        let read = self.journal.events(first, last, EVENTS_LIMIT, BODY_LIMIT);
        let mut entries = match read.await {
            Ok(entries) => entries,
            Err(error) => {
                tracing::warn!(%error, first, last, "events can't be read");
                return None;
            }
        };
        keep_what_fits(&mut entries);
        let last = entries.last()?.seq;
        let bytes = frame::encode(&self.sender, SCHEMA, &entries, self.journal.key());
        let request = request_of(&entries);
        tracing::debug!(request, first, last, bytes = bytes.len(), "batch made");
        Some(Frame {
            flight: batch.id,
            last,
            bytes,
            request,
        })
    }

    /// A signed hello; none if the journal can't be read.
    pub async fn hello(&self) -> Option<Vec<u8>> {
        let state = match self.journal.hello_state().await {
            Ok(state) => state,
            Err(error) => {
                tracing::warn!(%error, "the journal can't be read for a hello");
                return None;
            }
        };
        let confirmed = state.watermark
            + state
                .ranges
                .iter()
                .map(|range| range.last - range.first + 1)
                .sum::<u64>();
        let hello = Hello {
            registration: self.registration.clone(),
            journal: self.journal.id(),
            next_seq: state.next_seq,
            retained_from: state.retained_from,
            generation: state.generation,
            ack_no: state.ack_no,
            watermark: state.watermark,
            chain: state.chain,
            ranges: state.ranges,
            last_ack: state.last_ack.as_deref().map(to_hex),
            boot: self.boot,
            depth: (state.next_seq - 1).saturating_sub(confirmed),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            schema: SCHEMA,
            free_bytes: self.journal.health().borrow().free_bytes.unwrap_or(0),
            replaces: state.replaces,
        };
        signed::sign(&hello, self.journal.key())
            .inspect_err(|error| tracing::error!(%error, "hello can't be signed"))
            .ok()
    }

    /// Opens an ack, by whatever way it came. A forged one, or one for another journal, is counted
    /// and otherwise as good as none.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn open(&self, bytes: Vec<u8>) -> Result<SignedAck, &'static str> {
        open_ack(&self.cloud.key(), self.journal.id(), bytes)
    }

    /// Lets the journal release what an ack names.
    pub async fn take_in(&self, signed: SignedAck) -> Reply {
        let SignedAck { ack, bytes } = signed;
        let grant = self.grant(&ack);
        match self.journal.confirm(ack, bytes).await {
            Ok(Confirmed::Taken { .. } | Confirmed::Stale) => {}
            Ok(Confirmed::NewGeneration { again, lost_window }) => {
                tracing::warn!(again, "the cloud was restored; what it lost is sent again");
                if let Some((first, last)) = lost_window {
                    tracing::error!(
                        first,
                        last,
                        "the cloud lost events that this kiosk no longer holds"
                    );
                }
            }
            Ok(Confirmed::Withdrawn { seq }) => {
                tracing::warn!(
                    seq,
                    "an ack leaves out what was confirmed before: the cloud is shown the proof"
                );
                return Reply::Withdrawn;
            }
            Ok(Confirmed::Forked) => {
                tracing::error!("the cloud says that this journal's history has forked");
                return Reply::Fenced;
            }
            Ok(Confirmed::Disagrees { seq }) => {
                tracing::error!(
                    seq,
                    "the cloud knows other events under this journal's numbers"
                );
                return Reply::Fenced;
            }
            Err(error) => tracing::warn!(%error, "an ack can't be noted; it will come again"),
        }
        Reply::Acked(grant)
    }

    /// What an ack allows; nothing if a newer one has been seen.
    fn grant(&self, ack: &Ack) -> Option<Grant> {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        let newer = |seen: &Latest| seen.generation != ack.generation || ack.ack_no >= seen.number;
        if !latest.as_ref().is_none_or(newer) {
            return None;
        }
        *latest = Some(Latest {
            generation: ack.generation,
            number: ack.ack_no,
            at: ack.at,
        });
        Some(Grant {
            credit: ack.credit,
            heartbeat: ack.heartbeat_ms.map(Duration::from_millis),
        })
    }
}

/// Opens an ack for a journal, signed with that key.
pub(super) fn open_ack(
    key: &PublicKey,
    journal: JournalId,
    bytes: Vec<u8>,
) -> Result<SignedAck, &'static str> {
    let refused = match signed::open::<Ack>(&bytes, key) {
        Ok(ack) if ack.journal == journal => return Ok(SignedAck { ack, bytes }),
        Ok(_) => ("foreign", "an ack for another journal"),
        Err(_) => ("forged", "not an ack signed by the cloud"),
    };
    counter!("kiosk_acks_refused_total", "reason" => refused.0).increment(1);
    Err(refused.1)
}

/// The journal counts an event's bytes; a frame adds to each of them.
fn keep_what_fits(entries: &mut Vec<Entry>) {
    let mut body = 0;
    let fitting = entries.iter().enumerate().take_while(|(place, entry)| {
        let fits = frame::fits(*place, body, entry.bytes.len());
        body += frame::entry_size(entry.bytes.len());
        fits
    });
    let count = fitting.count();
    entries.truncate(count);
}

/// The request that a frame carries on: that of its event if it is alone, so that one id leads from
/// the tap to the ledger; else one of its own, and the events tell theirs.
fn request_of(entries: &[Entry]) -> String {
    #[derive(Deserialize)]
    struct Caused {
        #[serde(default)]
        request: Option<String>,
    }
    let [only] = entries else {
        return new_request();
    };
    let caused = serde_json::from_slice::<Caused>(&only.bytes).ok();
    let request = caused.and_then(|caused| caused.request);
    let usable = |request: &String| {
        request.len() <= REQUEST_LIMIT && request.bytes().all(|b| b.is_ascii_graphic())
    };
    request.filter(usable).unwrap_or_else(new_request)
}

pub(crate) fn new_request() -> String {
    clock::uuid7(clock::wall()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cloud_sync_wire::chain::Hash;

    fn entry(seq: u64, bytes: &[u8]) -> Entry {
        Entry {
            seq,
            chain: Hash::START,
            bytes: bytes.to_vec(),
        }
    }

    #[test]
    fn a_lone_event_keeps_the_request_that_caused_it() {
        let event = entry(1, br#"{"v":1,"request":"tap-1"}"#);
        assert_eq!(request_of(std::slice::from_ref(&event)), "tap-1");
        assert_ne!(request_of(&[event.clone(), event]), "tap-1");
        for odd in [r#"{"request":"a b"}"#, r#"{"request":"a\nb"}"#, "{}", "x"] {
            assert_eq!(request_of(&[entry(1, odd.as_bytes())]).len(), 36, "{odd}");
        }
    }

    #[test]
    fn a_frame_takes_only_what_fits() {
        let mut entries: Vec<Entry> = (1..=3).map(|seq| entry(seq, &[b'x'; 60_000])).collect();
        keep_what_fits(&mut entries);
        assert_eq!(entries.len(), 2);
    }
}
