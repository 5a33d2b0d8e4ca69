//! The one door: frames and hellos come in here, by whatever way they travelled, and acks go out.
//!
//! A frame's signature and its events are read before the ledger's thread sees them; what they lead
//! to is decided purely ([`decide`]); writing it and reading the ack is one transaction
//! ([`transaction`]); and nothing is answered, published or counted before its commit returned.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::frame::{self, Sender};
use cloud_sync_wire::signed;
use kiosk_core::ids::{JournalId, KioskId, StoreId};
use tokio::sync::watch;

use crate::clock;
use crate::cloud::Signer;
use crate::ledger::connection::Connection;
use crate::ledger::{Ledger, LedgerError, Reach, lineage, quarantine, streams};
use crate::presence::Presence;

pub(crate) mod coverage;
pub(crate) mod decide;
pub(crate) mod decision;
pub(crate) mod greeting;
pub(crate) mod proof;
pub(crate) mod reading;
pub(crate) mod reception;
pub(crate) mod replay;
pub(crate) mod runs;
pub(crate) mod transaction;
mod tries;
pub(crate) mod turns;

use decision::{Decision, Outcome};
use reading::Incoming;
use reception::{Place, Reception, Turn};
use transaction::AckTerms;
use tries::Tries;

/// How often an idle kiosk asks, in milliseconds.
const HEARTBEAT_MS: u64 = 5000;
/// Frames a kiosk may have on their way when there is room.
const CREDIT: u16 = 8;
/// Store and kiosk of a kiosk without a credential.
const LOCAL: &str = "local";
/// Seqs above it don't fit the ledger's columns; no kiosk gets there.
const SEQ_LIMIT: u64 = i64::MAX.unsigned_abs();

/// Who is speaking, proved by credential or topic.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Speaker {
    pub(crate) store: StoreId,
    pub(crate) kiosk: KioskId,
}

impl std::fmt::Display for Speaker {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.store, self.kiosk)
    }
}

/// Why something moved nothing.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Refused {
    /// Doesn't decode, doesn't verify, or comes from somebody else.
    #[error("{0}")]
    Bad(String),
    /// No hello has named this journal.
    #[error("this journal is not known; say hello first")]
    UnknownJournal(JournalId),
    /// No hello has named it since the ledger was opened. Before it has shown what the kiosk holds as
    /// confirmed, taking its frames could bury that this ledger has lost some of that.
    #[error("the ledger was opened anew; say hello first")]
    HelloFirst(JournalId),
    /// The journal belongs to another kiosk.
    #[error("this journal belongs to another kiosk; begin a new one")]
    Foreign,
    /// So many wait that this one is to come again.
    #[error("too many wait; come again in {seconds} s")]
    Crowded { seconds: u64 },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// How a frame came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// From its kiosk, which has to say hello first.
    Live,
    /// In a file, by hand. Its kiosk's next hello is compared all the same.
    Carried,
}

/// What became of a frame.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) ack: Ack,
    /// What became of its events, in their order.
    pub(crate) outcomes: Vec<Outcome>,
}

impl Received {
    /// Whether it held anything that had been received before: its sender may have missed an ack.
    pub(crate) fn repeats(&self) -> bool {
        self.outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Duplicate | Outcome::Alias))
    }
}

/// The door. Clones share it.
#[derive(Clone)]
pub(crate) struct Door {
    ledger: Ledger,
    key: Signer,
    presence: Arc<Presence>,
    reception: Reception,
    wall: clock::Wall,
    committed: watch::Sender<u64>,
}

impl Door {
    pub(crate) fn new(ledger: Ledger, key: Signer, presence: Arc<Presence>) -> Self {
        Self {
            reception: Reception::new(ledger.writers()),
            ledger,
            key,
            presence,
            wall: Arc::new(clock::wall),
            committed: watch::Sender::new(0),
        }
    }

    /// With another clock than the machine's.
    pub(crate) fn with_clock(self, wall: clock::Wall) -> Self {
        Self { wall, ..self }
    }

    /// Changes after commits that stored something.
    pub(crate) fn committed(&self) -> watch::Receiver<u64> {
        self.committed.subscribe()
    }

    /// Signs an ack.
    pub(crate) fn sign(&self, ack: &Ack) -> Result<Vec<u8>, LedgerError> {
        signed::sign(ack, &self.key.key()).map_err(|error| LedgerError::Storage(error.to_string()))
    }

    /// Lets in a request of so many bytes, before anything else is done about it.
    pub(crate) fn admit(&self, bytes: Option<u64>) -> Result<Place, Refused> {
        self.reception.admit(bytes)
    }

    /// Lets it on, now that its frame was read.
    pub(crate) fn move_on(&self, place: Place, frame: &[u8]) -> Result<Place, Refused> {
        self.reception.move_on(place, frame)
    }

    /// Takes in a frame, when it is its turn.
    pub(crate) async fn frame(
        &self,
        speaker: &Speaker,
        bytes: Vec<u8>,
        request: &str,
        way: Way,
    ) -> Result<Received, Refused> {
        let (lane, events) = reception::lane_of(&bytes);
        let turn = self.reception.turn(lane, speaker, events).await;
        let bytes = Arc::new(bytes);
        let mut tries = Tries::default();
        loop {
            let taken = match self.opened(speaker, &bytes, way, &turn).await {
                Ok((store, sender, frame)) => {
                    let place = (store, sender.journal);
                    self.ingest(speaker, place, frame, (request, way), &turn)
                        .await
                }
                Err(refused) => {
                    self.note_refused(speaker, &refused, bytes, request).await;
                    return Err(refused);
                }
            };
            match taken {
                // What is stored twice is stored once, so that trying again can do no harm.
                Err(Refused::Ledger(error)) if tries.another(&error).await => {}
                other => return other,
            }
        }
    }

    async fn opened(
        &self,
        speaker: &Speaker,
        bytes: &Arc<Vec<u8>>,
        way: Way,
        turn: &Arc<Turn>,
    ) -> Result<Opened, Refused> {
        let (ledger, from, bytes) = (self.ledger.clone(), speaker.clone(), Arc::clone(bytes));
        let (reading, turn) = (turn.reading().await, Arc::clone(turn));
        let read = tokio::task::spawn_blocking(move || {
            let _held = (turn, reading);
            open_frame(&ledger, &from, &bytes, way)
        });
        read.await.map_err(|_| LedgerError::Closed)?
    }

    async fn ingest(
        &self,
        speaker: &Speaker,
        (store, journal): (i64, JournalId),
        mut frame: Vec<Incoming>,
        (request, way): (&str, Way),
        turn: &Arc<Turn>,
    ) -> Result<Received, Refused> {
        let terms = self.terms();
        let due = turn.due(frame.len());
        let turn = Arc::clone(turn);
        let taken = self
            .ledger
            .write_due(due, Reach::Store(store), move |connection| {
                let _turn = turn;
                let stream = streams::find(connection, journal)?
                    .ok_or_else(|| LedgerError::Storage("the journal is gone".to_owned()))?;
                if way == Way::Live && !is_greeted(connection, &stream)? {
                    return Ok(None);
                }
                let (decision, ack) = transaction::ingest(connection, stream, &mut frame, terms)?;
                Ok(Some((decision, ack, frame)))
            })
            .await?;
        let Some((decision, ack, frame)) = taken else {
            metrics::counter!("cloud_ingest_hello_first_total").increment(1);
            tracing::debug!(kiosk = %speaker, request, %journal, "a frame came before a hello");
            return Err(Refused::HelloFirst(journal));
        };
        self.tell(speaker, &decision, &frame, &ack, request);
        Ok(Received {
            ack,
            outcomes: decision.outcomes,
        })
    }

    /// The ack of a journal as it stands, without a new number.
    pub(crate) async fn current_ack(
        &self,
        speaker: &Speaker,
        journal: JournalId,
    ) -> Result<Ack, Refused> {
        let terms = self.terms();
        let from = speaker.clone();
        let ack = self.ledger.read(move |connection| {
            let Some(stream) = own_stream(connection, &from, journal)? else {
                return Ok(Err(Refused::UnknownJournal(journal)));
            };
            if !is_greeted(connection, &stream)? {
                return Ok(Err(Refused::HelloFirst(journal)));
            }
            transaction::ack(connection, &stream, terms).map(Ok)
        });
        ack.await?
    }

    /// What acks say now besides the state of a stream.
    pub(crate) fn terms(&self) -> AckTerms {
        let credit = match self.ledger.load().max(self.reception.load()) {
            0..50 => CREDIT,
            50..90 => 1,
            _ => 0,
        };
        AckTerms {
            credit,
            heartbeat_ms: HEARTBEAT_MS,
            now: (self.wall)(),
        }
    }

    async fn note_refused(
        &self,
        speaker: &Speaker,
        refused: &Refused,
        bytes: Arc<Vec<u8>>,
        request: &str,
    ) {
        let Refused::Bad(reason) = refused else {
            return;
        };
        metrics::counter!("cloud_ingest_events_total", "result" => "refused").increment(1);
        tracing::warn!(kiosk = %speaker, request, reason, bytes = bytes.len(), "a frame moved nothing");
        let (from, reason, now) = (speaker.clone(), reason.clone(), (self.wall)());
        let sampled = self.ledger.write_in(Reach::Apart, move |connection| {
            let sender = (from.store.as_str(), from.kiosk.as_str());
            quarantine::sample_refused(connection, sender, &reason, &bytes, now)
        });
        if let Err(error) = sampled.await {
            tracing::warn!(%error, "no sample of the frame could be kept");
        }
    }

    /// After the commit: counts, logs, and wakes who shows orders.
    fn tell(
        &self,
        speaker: &Speaker,
        decision: &Decision,
        frame: &[Incoming],
        ack: &Ack,
        request: &str,
    ) {
        let mut counts = BTreeMap::<Outcome, u64>::new();
        for outcome in &decision.outcomes {
            *counts.entry(*outcome).or_default() += 1;
        }
        for (outcome, count) in &counts {
            metrics::counter!("cloud_ingest_events_total", "result" => outcome.as_str())
                .increment(*count);
        }
        let count = |outcome| counts.get(&outcome).copied().unwrap_or(0);
        tracing::info!(
            kiosk = %speaker, request, events = frame.len(), watermark = ack.watermark,
            applied = count(Outcome::Applied), parked = count(Outcome::Parked),
            duplicate = count(Outcome::Duplicate), quarantined = count(Outcome::Quarantined),
            "events received"
        );
        tell_orders(speaker, decision, frame);
        for quarantined in &decision.quarantined {
            let incoming = quarantined.incoming.and_then(|index| frame.get(index));
            tracing::warn!(
                kiosk = %speaker, journal = %decision.stream.journal,
                seq = incoming.map(|incoming| incoming.seq),
                reason = quarantined.fault.reason.as_str(), detail = quarantined.fault.detail,
                "an event is kept in quarantine"
            );
        }
        self.presence.seen(decision.stream.device, None, ack.at);
        if !decision.events.is_empty() {
            let stored = u64::try_from(decision.events.len()).unwrap_or(u64::MAX);
            self.presence.drained(decision.stream.device, stored);
            self.wake();
        }
    }

    /// Wakes who shows orders.
    pub(crate) fn wake(&self) {
        self.committed.send_modify(|count| *count += 1);
    }
}

fn tell_orders(speaker: &Speaker, decision: &Decision, frame: &[Incoming]) {
    let new = decision
        .orders
        .iter()
        .filter(|change| change.before.is_none());
    metrics::counter!("cloud_orders_total").increment(new.count() as u64);
    for (incoming, outcome) in frame.iter().zip(&decision.outcomes) {
        let applied = *outcome == Outcome::Applied;
        let Some(told) = incoming.told.as_ref().filter(|_| applied) else {
            continue;
        };
        let lag = decision_lag(decision, told.at.as_millis());
        metrics::histogram!("cloud_kiosk_lag_seconds").record(lag);
        let Some(order) = incoming.order else {
            continue;
        };
        let change = decision
            .orders
            .iter()
            .find(|change| change.after.order == order);
        tracing::info!(
            kiosk = %speaker, %order, number = change.map(|change| change.after.number.as_str()),
            fact = told.kind, request = told.request.as_deref(), "order event applied"
        );
    }
}

/// Seconds from the fact to its commit, by two wall clocks; never below zero.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of a lag are exact in an f64"
)]
fn decision_lag(decision: &Decision, at: i64) -> f64 {
    let received = decision
        .orders
        .first()
        .map(|change| change.after.received_at);
    let now = received.map_or_else(
        || clock::wall().as_millis(),
        |time| time.as_millis().max(at),
    );
    (now - at).max(0) as f64 / 1000.0
}

/// Whether the stream's kiosk has said hello since the ledger was opened.
fn is_greeted(connection: &dyn Connection, stream: &streams::Stream) -> Result<bool, LedgerError> {
    Ok(stream.greeted == Some(lineage::standing(connection)?.opening))
}

/// The stream of a journal, if it is this speaker's.
fn own_stream(
    connection: &dyn Connection,
    speaker: &Speaker,
    journal: JournalId,
) -> Result<Option<streams::Stream>, LedgerError> {
    let device =
        crate::ledger::devices::find(connection, speaker.store.as_str(), speaker.kiosk.as_str())?;
    let stream = streams::find(connection, journal)?;
    Ok(stream.filter(|stream| device.is_some_and(|device| device.id == stream.device)))
}

/// Whether frames name the sender that a kiosk without a credential has.
fn is_local(speaker: &Speaker) -> bool {
    (speaker.store.as_str(), speaker.kiosk.as_str()) == (LOCAL, LOCAL)
}

/// The store whose frame it is, who sent it, and its events.
type Opened = (i64, Sender, Vec<Incoming>);

/// Decodes, verifies and reads a frame.
fn open_frame(
    ledger: &Ledger,
    speaker: &Speaker,
    bytes: &[u8],
    way: Way,
) -> Result<Opened, Refused> {
    let bad = |error: &dyn std::fmt::Display| Refused::Bad(error.to_string());
    let frame = frame::decode(bytes).map_err(|error| bad(&error))?;
    let sender = &frame.sender;
    if (&sender.store, &sender.kiosk) != (&speaker.store, &speaker.kiosk) {
        let named = format!("{}/{}", sender.store, sender.kiosk);
        return Err(Refused::Bad(format!(
            "the frame names {named} as its sender, but {speaker} sent it"
        )));
    }
    let journal = sender.journal;
    let stream = ledger.read_blocking(|connection| match way {
        // What a kiosk wrote before it was enrolled; the journal's key tells that it is its own.
        Way::Carried if is_local(speaker) => streams::find(connection, journal),
        Way::Live | Way::Carried => own_stream(connection, speaker, journal),
    })?;
    let stream = stream.ok_or(Refused::UnknownJournal(journal))?;
    let entries = frame.verify(&stream.key).map_err(|error| bad(&error))?;
    if entries.iter().any(|entry| entry.seq >= SEQ_LIMIT) {
        return Err(Refused::Bad("an event's number is impossible".to_owned()));
    }
    let events = entries.into_iter().map(Incoming::new).collect();
    Ok((stream.store, frame.sender, events))
}

#[cfg(test)]
mod tests;
