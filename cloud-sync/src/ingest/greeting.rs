//! Hellos: a kiosk names its journal and says what it believes to be durable.

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::hello::{Hello, Registration, from_hex, open_hello};
use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::signed;
use rusqlite::Connection;

use super::transaction::{self, AckTerms};
use super::{Door, Refused, Speaker};
use crate::ledger::devices::{self, Said};
use crate::ledger::streams::{self, Stream};
use crate::ledger::{LedgerError, events, lineage};

/// What a hello brought to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// The journal is new here.
    pub(crate) new: bool,
    /// The kiosk holds an ack of this ledger that is ahead of it: the ledger was restored.
    pub(crate) restored: bool,
    /// The kiosk's history differs from what is stored.
    pub(crate) forked: bool,
}

impl Door {
    /// Takes in a hello.
    pub(crate) async fn hello(
        &self,
        speaker: &Speaker,
        bytes: Vec<u8>,
        request: &str,
    ) -> Result<Ack, Refused> {
        let (terms, from, cloud) = (self.terms(), speaker.clone(), self.key.public());
        let taken = self
            .ledger
            .write(
                move |connection| match greet(connection, &from, &bytes, &cloud, terms) {
                    Err(Refused::Ledger(error)) => Err(error),
                    other => Ok(other),
                },
            )
            .await?;
        let (ack, hello, findings, device) = match taken {
            Ok(taken) => taken,
            Err(refused) => {
                tracing::warn!(kiosk = %speaker, request, reason = %refused, "a hello was refused");
                return Err(refused);
            }
        };
        let left = self.presence.of(device).and_then(|said| said.depth);
        if let Some(left) = left.filter(|left| findings.new && *left > 0) {
            tracing::warn!(
                kiosk = %speaker, journal = %hello.journal, events = left,
                "the kiosk begins a new journal; up to so many events of the one before were not received"
            );
        }
        let said = Said {
            at: ack.at,
            link: None,
            depth: Some(hello.depth),
            oldest_ms: None,
            version: Some(hello.version.chars().take(64).collect()),
        };
        self.presence.note(device, said);
        tracing::info!(
            kiosk = %speaker, request, journal = %hello.journal, epoch = ack.epoch,
            new = findings.new, depth = hello.depth, watermark = ack.watermark,
            version = hello.version, "hello"
        );
        if findings.restored {
            tracing::error!(
                kiosk = %speaker, generation = %ack.generation,
                "this ledger has lost events that it once acked; a new generation asks all kiosks for them"
            );
        }
        if findings.forked {
            tracing::error!(
                kiosk = %speaker, journal = %hello.journal,
                "the kiosk's history differs from what is stored: its disk was rolled back or cloned"
            );
        }
        Ok(ack)
    }
}

impl Door {
    /// Takes in a registration alone, as a file of exported events brings it.
    pub(crate) async fn register(&self, bytes: Vec<u8>) -> Result<(), Refused> {
        let terms = self.terms();
        let taken =
            self.ledger.write(
                move |connection| match register(connection, &bytes, terms) {
                    Err(Refused::Ledger(error)) => Err(error),
                    other => Ok(other),
                },
            );
        taken.await?
    }
}

fn register(connection: &Connection, bytes: &[u8], terms: AckTerms) -> Result<(), Refused> {
    let mut known = Ok(None);
    let registration = signed::open_unsure::<Registration>(bytes, |registration| {
        let (store, kiosk) = (&registration.store, &registration.kiosk);
        known = devices::find(connection, store.as_str(), kiosk.as_str());
        known.as_ref().ok()?.as_ref().map(|device| device.key)
    });
    let device = known?.ok_or_else(|| Refused::Bad("this kiosk is not enrolled".to_owned()))?;
    let registration = registration.map_err(|error| Refused::Bad(error.to_string()))?;
    registered(connection, &registration, device.id, terms).map(|_| ())
}

type Greeted = (Ack, Hello, Findings, i64);

/// A refusal writes nothing.
fn greet(
    connection: &Connection,
    speaker: &Speaker,
    bytes: &[u8],
    cloud: &PublicKey,
    terms: AckTerms,
) -> Result<Greeted, Refused> {
    let device = devices::find(connection, speaker.store.as_str(), speaker.kiosk.as_str())?;
    let device = device.ok_or_else(|| Refused::Bad("this kiosk is not enrolled".to_owned()))?;
    let own = |registration: &Registration| {
        let same = (&registration.store, &registration.kiosk) == (&speaker.store, &speaker.kiosk);
        same.then_some(device.key)
    };
    let (registration, hello) =
        open_hello(bytes, own).map_err(|error| Refused::Bad(error.to_string()))?;
    let (mut stream, new) = registered(connection, &registration, device.id, terms)?;
    let findings = Findings {
        new,
        restored: is_ahead(connection, &hello, &stream, cloud)?,
        forked: has_forked(connection, &hello, &stream)?,
    };
    if findings.restored {
        lineage::begin_new(connection)?;
    }
    stream.forked |= findings.forked;
    let ack = transaction::next_ack(connection, &mut stream, terms)?;
    Ok((ack, hello, findings, device.id))
}

/// The stream of a registered journal, begun if it is new.
pub(crate) fn registered(
    connection: &Connection,
    registration: &Registration,
    device: i64,
    terms: AckTerms,
) -> Result<(Stream, bool), Refused> {
    let (journal, key) = (registration.journal, registration.key);
    let new = match streams::find(connection, journal)? {
        Some(stream) if stream.device != device => return Err(Refused::Foreign),
        Some(stream) if stream.key != key => {
            return Err(Refused::Bad(
                "this journal is known with another key".to_owned(),
            ));
        }
        Some(stream) => return Ok((stream, false)),
        None => true,
    };
    streams::begin(connection, journal, device, key, terms.now)?;
    let stream = streams::find(connection, journal)?;
    let begun = stream.ok_or_else(|| LedgerError::Storage("the stream was not made".to_owned()))?;
    Ok((begun, new))
}

/// Whether an ack that this ledger's key signed says more than the ledger holds.
fn is_ahead(
    connection: &Connection,
    hello: &Hello,
    stream: &Stream,
    cloud: &PublicKey,
) -> Result<bool, LedgerError> {
    let proof = hello.last_ack.as_deref().and_then(from_hex);
    let proof = proof.and_then(|bytes| signed::open::<Ack>(&bytes, cloud).ok());
    let Some(proof) = proof.filter(|proof| proof.journal == stream.journal) else {
        return Ok(false);
    };
    let same_lineage = proof.generation == lineage::generation(connection)?;
    let ahead = proof.ack_no > stream.ack_no || proof.watermark > stream.coverage.watermark;
    Ok(same_lineage && ahead)
}

/// Whether the kiosk's chain hash differs from the stored one at a seq that both know.
fn has_forked(
    connection: &Connection,
    hello: &Hello,
    stream: &Stream,
) -> Result<bool, LedgerError> {
    let known = hello.ranges.iter().map(|range| (range.last, range.chain));
    for (seq, chain) in known.chain([(hello.watermark, hello.chain)]) {
        let stored = match stream.coverage.chain_at(seq) {
            Some(stored) => Some(stored),
            None if seq == 0 || !stream.coverage.covers(seq) => None,
            None => events::at(connection, stream.id, seq)?.map(|(_, chain)| chain),
        };
        if stored.is_some_and(|stored| stored != chain) {
            return Ok(true);
        }
    }
    Ok(false)
}
