//! What the link's actions need done off its loop: reading the journal, signing, calling, and
//! taking acks in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::control::{Ask, Control};
use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::frame::{self, BODY_LIMIT, EVENTS_LIMIT, Entry, Sender};
use cloud_sync_wire::hello::{Hello, to_hex};
use cloud_sync_wire::signed;
use kiosk_core::event::SCHEMA;
use kiosk_core::ids::{BootId, Generation};
use kiosk_core::wall::WallTime;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::http::{CallError, Cloud, SignedAck};
use super::link::{Batch, Grant, Id, Reply};
use crate::clock;
use crate::journal::{Confirmed, Journal};
use crate::protect::{Dependency, Limits, NotDone};

/// The longest request id that is passed on.
const REQUEST_LIMIT: usize = 128;

/// What an errand brings back to the loop.
#[derive(Debug)]
pub(super) enum News {
    /// A batch is on the wire up to this event.
    Sent { flight: Id, last: u64 },
    /// A batch could not be read.
    Unsendable { flight: Id },
    /// A call ended.
    Called { id: Id, reply: Reply },
    /// A frame is ready for the broker.
    Frame(Frame),
    /// A hello is ready for the broker.
    Hello(Vec<u8>),
    /// An ack that came by MQTT was taken in.
    Acked(Reply),
}

/// A signed frame.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) flight: Id,
    pub(super) last: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) request: String,
}

/// What all errands share.
pub(super) struct Errands {
    pub(super) journal: Journal,
    pub(super) cloud: Cloud,
    pub(super) ordering: Arc<Dependency>,
    pub(super) sender: Sender,
    pub(super) boot: BootId,
    registration: String,
    news: mpsc::UnboundedSender<News>,
    latest: Mutex<Option<Latest>>,
    trouble: Mutex<String>,
}

/// The newest ack so far.
#[derive(Debug, Clone, Copy)]
struct Latest {
    generation: Generation,
    number: u64,
    at: WallTime,
}

impl Errands {
    pub(super) fn new(
        journal: Journal,
        cloud: Cloud,
        ordering: &Arc<Dependency>,
        credential: &Credential,
        boot: BootId,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Self, signed::SignedError> {
        let registration = journal.enrolment(credential)?.registration;
        let sender = Sender {
            store: credential.store.clone(),
            kiosk: credential.kiosk.clone(),
            journal: journal.id(),
        };
        Ok(Self {
            journal,
            cloud,
            ordering: Arc::clone(ordering),
            sender,
            boot,
            registration,
            news,
            latest: Mutex::new(None),
            trouble: Mutex::default(),
        })
    }

    /// The cloud's clock at its newest ack.
    pub(super) fn last_ack_at(&self) -> Option<WallTime> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        latest.map(|latest| latest.at)
    }

    /// What the latest call that failed ran into, for the operator.
    pub(super) fn trouble(&self) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Calls the cloud with a hello.
    pub(super) async fn hello_by_http(&self, id: Id, limit: Duration) {
        let reply = match self.hello().await {
            Some(hello) => {
                let request = new_request();
                let make = || self.cloud.hello(self.journal.id(), hello.clone(), &request);
                let limits = Limits::within(limit);
                let result = self.ordering.call(limits, CallError::verdict, make).await;
                self.reply("hello", result, &request).await
            }
            None => Reply::NotSent(None),
        };
        self.tell(News::Called { id, reply });
    }

    /// Asks the cloud what is durable, and says how much is unconfirmed.
    pub(super) async fn heartbeat(&self, id: Id, unconfirmed: u64, limit: Duration) {
        let request = new_request();
        let make = || self.cloud.ack(self.journal.id(), unconfirmed, &request);
        let limits = Limits::within(limit);
        let result = self.ordering.call(limits, CallError::verdict, make).await;
        let reply = self.reply("ack", result, &request).await;
        self.tell(News::Called { id, reply });
    }

    /// Calls the cloud with a batch.
    pub(super) async fn events_by_http(&self, batch: Batch, limit: Duration) {
        let Some(frame) = self.frame(batch).await else {
            return self.tell(News::Unsendable { flight: batch.id });
        };
        let Frame {
            flight,
            last,
            bytes,
            request,
        } = frame;
        self.tell(News::Sent { flight, last });
        let make = || {
            self.cloud
                .events(self.journal.id(), bytes.clone(), &request)
        };
        // A batch of a backlog over a thin line is no sign of a cloud that hangs.
        let limits = Limits {
            judged_by_time: batch.live,
            ..Limits::within(limit)
        };
        let result = self.ordering.call(limits, CallError::verdict, make).await;
        let reply = self.reply("events", result, &request).await;
        self.tell(News::Called { id: flight, reply });
    }

    /// Makes a frame for the broker.
    pub(super) async fn events_for_mqtt(&self, batch: Batch) {
        self.tell(match self.frame(batch).await {
            Some(frame) => News::Frame(frame),
            None => News::Unsendable { flight: batch.id },
        });
    }

    /// Makes a hello for the broker.
    pub(super) async fn hello_for_mqtt(&self) {
        if let Some(hello) = self.hello().await {
            self.tell(News::Hello(hello));
        }
    }

    /// Takes in an ack that came by MQTT.
    pub(super) async fn ack_by_mqtt(&self, payload: Vec<u8>) {
        match self.cloud.open(self.journal.id(), payload) {
            Ok(ack) => {
                let reply = self.take_in(ack).await;
                self.tell(News::Acked(reply));
            }
            Err(reason) => tracing::warn!(reason, "ack by MQTT ignored"),
        }
    }

    /// What the cloud asks by MQTT; none if it is not genuine or speaks of another journal.
    pub(super) fn asked(&self, payload: &[u8]) -> Option<Ask> {
        match signed::open::<Control>(payload, self.cloud.key()) {
            Ok(control) => (control.journal == self.journal.id()).then_some(control.ask),
            Err(error) => {
                tracing::warn!(%error, "what came as a request of the cloud is ignored");
                None
            }
        }
    }

    fn tell(&self, news: News) {
        // Nobody listens any more when the kiosk stops.
        let _ = self.news.send(news);
    }

    async fn frame(&self, batch: Batch) -> Option<Frame> {
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

    async fn hello(&self) -> Option<Vec<u8>> {
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

    /// What became of a call, its ack taken in.
    async fn reply(
        &self,
        call: &'static str,
        result: Result<SignedAck, NotDone<CallError>>,
        request: &str,
    ) -> Reply {
        let error = match result {
            Ok(ack) => return self.take_in(ack).await,
            Err(NotDone::Refused(refused)) => return Reply::NotSent(refused.retry_in()),
            Err(NotDone::TimedOut(limit)) => CallError::Timeout(limit),
            Err(NotDone::Failed(error)) => error,
        };
        tracing::debug!(call, request, %error, "call failed");
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        match error {
            CallError::Overloaded(wait) => Reply::Overloaded(wait),
            CallError::Refused(_) => Reply::Refused,
            CallError::HelloFirst => Reply::HelloFirst,
            CallError::BadFrame(status) => {
                tracing::warn!(call, request, status, "the cloud can't use what was sent");
                Reply::BadFrame
            }
            CallError::Unreachable(_)
            | CallError::Timeout(_)
            | CallError::Status(_)
            | CallError::Nonsense(_) => Reply::Failed,
        }
    }

    /// Lets the journal release what an ack names.
    async fn take_in(&self, signed: SignedAck) -> Reply {
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
