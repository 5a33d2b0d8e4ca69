//! Hellos: a kiosk names its journal and says what it believes to be durable.

use std::collections::HashMap;
use std::sync::Arc;

use crate::ledger::connection::Connection;
use cloud_sync_wire::ack::{Ack, RANGES_LIMIT};
use cloud_sync_wire::chain::Hash;
use cloud_sync_wire::credential::token_digest;
use cloud_sync_wire::hello::{Hello, Registration, from_hex, open_hello};
use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::signed;
use cloud_sync_wire::succession::DeviceSuccession;
use kiosk_core::wall::WallTime;

use super::proof::{Kinship, differs, ends, shows_loss};
use super::transaction::{self, AckTerms};
use super::tries::Tries;
use super::turns::Lane;
use super::{Door, Refused, Speaker};
use crate::ledger::devices::{self, Device, Said};
use crate::ledger::streams::{self, Stream};
use crate::ledger::{Due, LedgerError, Reach, events, lineage, logins, succession};
use crate::mosquitto;

/// The most seqs of a hello that are looked up; a true one names a watermark and at most 32 ranges.
const NAMED_LIMIT: usize = 1 + 4 * RANGES_LIMIT;

/// As many events as a hello counts for in turns and groups.
const HELLO: usize = 8;

/// What a hello brought to light.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Findings {
    /// The journal is new here.
    pub(crate) new: bool,
    /// The kiosk holds an ack of this ledger that is ahead of it: the ledger was restored.
    pub(crate) restored: bool,
    /// The kiosk's history differs from what is stored, or two kiosks write it.
    pub(crate) forked: bool,
    /// It takes the place of a journal that had forked.
    pub(crate) fenced: bool,
    /// Another kiosk speaks with the same credential.
    pub(crate) twins: bool,
}

impl Door {
    /// Takes in a hello.
    pub(crate) async fn hello(
        &self,
        speaker: &Speaker,
        bytes: Vec<u8>,
        request: &str,
    ) -> Result<Ack, Refused> {
        let turn = self.reception.turn(Lane::Backlog, speaker, HELLO).await;
        let taken = self.greeted(speaker, bytes).await?;
        drop(turn);
        let (ack, hello, findings, device) = match taken {
            Ok(taken) => taken,
            Err(refused) => {
                tracing::warn!(kiosk = %speaker, request, reason = %refused, "a hello was refused");
                return Err(refused);
            }
        };
        let said = self.presence.of(device.id);
        let left = said.and_then(|said| said.depth).or(device.depth);
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
        self.presence.note(device.id, said);
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
        findings.tell(speaker, &hello);
        Ok(ack)
    }
}

impl Door {
    async fn greeted(
        &self,
        speaker: &Speaker,
        bytes: Vec<u8>,
    ) -> Result<Result<Greeted, Refused>, LedgerError> {
        let bytes = Arc::new(bytes);
        let mut tries = Tries::default();
        loop {
            match self.greet(speaker, Arc::clone(&bytes)).await {
                Err(error) if tries.another(&error).await => {}
                other => return other,
            }
        }
    }

    async fn greet(
        &self,
        speaker: &Speaker,
        bytes: Arc<Vec<u8>>,
    ) -> Result<Result<Greeted, Refused>, LedgerError> {
        let (terms, from, cloud) = (self.terms(), speaker.clone(), self.key.public());
        let of = speaker.clone();
        let store = self
            .ledger
            .read(move |connection| devices::store_id(connection, of.store.as_str()));
        // A store that nobody knows has no kiosks; that is told below.
        let reach = Reach::Store(store.await?.unwrap_or(0));
        let work = move |connection: &dyn Connection| match greet(
            connection, &from, &bytes, &cloud, terms,
        ) {
            Err(Refused::Ledger(error)) => Err(error),
            other => Ok(other),
        };
        self.ledger.write_due(Due::InTurn(HELLO), reach, work).await
    }
}

impl Findings {
    fn tell(self, speaker: &Speaker, hello: &Hello) {
        let journal = hello.journal;
        if self.forked {
            tracing::error!(
                kiosk = %speaker, %journal,
                "this journal's history has forked: its disk was rolled back or copied; the kiosk is to carry on in a new one"
            );
        }
        if self.fenced {
            tracing::warn!(
                kiosk = %speaker, %journal, replaces = ?hello.replaces,
                "the kiosk carries on in a new journal, and the one before takes nothing more"
            );
        }
        if self.twins {
            tracing::error!(
                kiosk = %speaker, %journal,
                "two kiosks speak with one credential: stop the copy, and enrol both anew"
            );
        }
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

/// A registration in a file may be older than the device's key: what a former one signed stays true.
/// It can only come by hand; a live hello has to be signed by the present one.
fn register(connection: &dyn Connection, bytes: &[u8], terms: AckTerms) -> Result<(), Refused> {
    let mut known = Ok(None);
    let registration = signed::open_unsure::<Registration>(bytes, |registration| {
        let (store, kiosk) = (&registration.store, &registration.kiosk);
        known = devices::find(connection, store.as_str(), kiosk.as_str())
            .and_then(|device| with_keys(connection, device));
        let (_, keys) = known.as_ref().ok()?.as_ref()?;
        let by = signed::key_of(bytes)?;
        keys.iter().find(|key| key.id() == by).copied()
    });
    let known = known?.ok_or_else(|| {
        Refused::Bad("its kiosk is not enrolled here; enrol it and import again".to_owned())
    });
    let (device, _) = known?;
    let registration = registration.map_err(|error| Refused::Bad(error.to_string()))?;
    registered(connection, &registration, device.id, terms).map(|_| ())
}

impl Door {
    /// A device gives its word for another key and token.
    pub(crate) async fn succeed(&self, speaker: &Speaker, bytes: Vec<u8>) -> Result<(), Refused> {
        let (from, now) = (speaker.clone(), self.terms().now);
        let taken =
            self.ledger.write(
                move |connection| match succeed(connection, &from, &bytes, now) {
                    Err(Refused::Ledger(error)) => Err(error),
                    other => Ok(other),
                },
            );
        taken.await??;
        tracing::info!(kiosk = %speaker, "the kiosk has another key");
        Ok(())
    }
}

/// Said again, it changes nothing: the answer may have been lost.
fn succeed(
    connection: &dyn Connection,
    speaker: &Speaker,
    bytes: &[u8],
    now: WallTime,
) -> Result<(), Refused> {
    let device = devices::find(connection, speaker.store.as_str(), speaker.kiosk.as_str())?;
    let known = with_keys(connection, device)?;
    let (device, keys) =
        known.ok_or_else(|| Refused::Bad("this kiosk is not enrolled".to_owned()))?;
    let said = signed::open_unsure::<DeviceSuccession>(bytes, |said| {
        let own = (&said.store, &said.kiosk) == (&speaker.store, &speaker.kiosk);
        let by = signed::key_of(bytes).filter(|_| own)?;
        let done = said.key == device.key;
        let may = |key: &&PublicKey| **key == device.key || done;
        keys.iter().filter(may).find(|key| key.id() == by).copied()
    });
    let said = said.map_err(|error| Refused::Bad(error.to_string()))?;
    if said.key == device.key {
        return Ok(());
    }
    if keys.contains(&said.key) {
        return Err(Refused::Bad(
            "a key that was given up does not come back".to_owned(),
        ));
    }
    let digest = token_digest(said.token.as_bytes());
    devices::succeed(connection, &device, said.key, digest, now)?;
    let login = mosquitto::login(&said.token)?;
    logins::keep(connection, &speaker.store, &speaker.kiosk, &login)?;
    Ok(())
}

fn with_keys(
    connection: &dyn Connection,
    device: Option<Device>,
) -> Result<Option<(Device, Vec<PublicKey>)>, LedgerError> {
    let Some(device) = device else {
        return Ok(None);
    };
    let mut keys = devices::former_keys(connection, device.id)?;
    keys.insert(0, device.key);
    Ok(Some((device, keys)))
}

type Greeted = (Ack, Hello, Findings, Device);

/// A refusal writes nothing.
fn greet(
    connection: &dyn Connection,
    speaker: &Speaker,
    bytes: &[u8],
    cloud: &PublicKey,
    terms: AckTerms,
) -> Result<Greeted, Refused> {
    let device = devices::find(connection, speaker.store.as_str(), speaker.kiosk.as_str())?;
    let device = device.ok_or_else(|| Refused::Bad("this kiosk is not enrolled".to_owned()))?;
    let by = |key: PublicKey| {
        open_hello(bytes, move |registration: &Registration| {
            let of = (&registration.store, &registration.kiosk);
            (of == (&speaker.store, &speaker.kiosk)).then_some(key)
        })
    };
    let mut opened = by(device.key);
    if opened.is_err() && device.is_changing() {
        let before = devices::former_keys(connection, device.id)?;
        opened = before.first().map_or(opened, |key| by(*key));
    }
    let (registration, hello) = opened.map_err(|error| Refused::Bad(error.to_string()))?;
    let (mut stream, new) = registered(connection, &registration, device.id, terms)?;
    let proof = proof(connection, &hello, &stream, cloud)?;
    let opening = lineage::standing(connection)?.opening;
    let findings = Findings {
        new,
        restored: is_restored(connection, proof.as_ref(), &stream)?,
        forked: has_forked(connection, &hello, &stream)? || stream.runs.note(hello.boot),
        fenced: match hello.replaces.filter(|replaced| *replaced != hello.journal) {
            Some(replaced) => streams::fence(connection, replaced, device.id, terms.now)?,
            None => false,
        },
        twins: !stream.fenced && streams::rival(connection, &stream, opening)?,
    };
    if findings.restored {
        let known = proof.map_or(0, |proof| proof.lineage);
        let why = format!("{speaker} holds an ack that says more than the ledger");
        lineage::begin_new(connection, known, &why, terms.now)?;
    }
    if findings.twins {
        devices::note_twins(connection, device.id, terms.now)?;
    }
    stream.forked |= findings.forked;
    stream.greeted = Some(opening);
    stream.retained_from = hello.retained_from.clamp(1, super::SEQ_LIMIT);
    let ack = transaction::next_ack(connection, &mut stream, terms)?;
    Ok((ack, hello, findings, device))
}

/// The stream of a registered journal, begun if it is new.
pub(crate) fn registered(
    connection: &dyn Connection,
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

/// The ack of this ledger's key, or of one that it had before, that the kiosk holds of this journal.
fn proof(
    connection: &dyn Connection,
    hello: &Hello,
    stream: &Stream,
    cloud: &PublicKey,
) -> Result<Option<Ack>, LedgerError> {
    let bytes = hello.last_ack.as_deref().and_then(from_hex);
    let Some((bytes, by)) = bytes.and_then(|bytes| signed::key_of(&bytes).map(|by| (bytes, by)))
    else {
        return Ok(None);
    };
    let key = if by == cloud.id() {
        Some(*cloud)
    } else {
        let mut former = succession::former(connection)?.into_iter();
        former.find(|key| key.id() == by)
    };
    let proof = key.and_then(|key| signed::open::<Ack>(&bytes, &key).ok());
    Ok(proof.filter(|proof| proof.journal == stream.journal))
}

/// Whether a new generation is to begin. Of kiosks that prove at once that one is due the first begins
/// it; by what then stands there, the others have nothing to add.
fn is_restored(
    connection: &dyn Connection,
    proof: Option<&Ack>,
    stream: &Stream,
) -> Result<bool, LedgerError> {
    if !is_ahead(connection, proof, stream)? {
        return Ok(false);
    }
    lineage::hold(connection)?;
    is_ahead(connection, proof, stream)
}

/// Whether a genuine ack says more than the ledger holds.
fn is_ahead(
    connection: &dyn Connection,
    proof: Option<&Ack>,
    stream: &Stream,
) -> Result<bool, LedgerError> {
    let Some(proof) = proof else {
        return Ok(false);
    };
    let kinship = if proof.generation == lineage::standing(connection)?.generation {
        Kinship::Same
    } else if lineage::has_been(connection, proof.generation)? {
        Kinship::Earlier
    } else {
        Kinship::Unknown
    };
    let named = ends(proof.watermark, proof.chain, &proof.ranges);
    let stored = stored_at(connection, stream, named.map(|(seq, _)| seq))?;
    let held = (&stream.coverage, stream.ack_no);
    Ok(shows_loss(proof, kinship, held, &stored))
}

/// Whether the kiosk's chain hash differs from the stored one at a seq that both know.
fn has_forked(
    connection: &dyn Connection,
    hello: &Hello,
    stream: &Stream,
) -> Result<bool, LedgerError> {
    let known = || ends(hello.watermark, hello.chain, &hello.ranges);
    let stored = stored_at(connection, stream, known().map(|(seq, _)| seq))?;
    Ok(differs(known(), &stored).is_some())
}

/// The chain hashes that are stored at these seqs.
fn stored_at(
    connection: &dyn Connection,
    stream: &Stream,
    seqs: impl IntoIterator<Item = u64>,
) -> Result<HashMap<u64, Hash>, LedgerError> {
    let (mut stored, mut wanted) = (HashMap::new(), Vec::new());
    for seq in seqs.into_iter().take(NAMED_LIMIT) {
        match stream.coverage.chain_at(seq) {
            Some(chain) => {
                stored.insert(seq, chain);
            }
            None if stream.coverage.covers(seq) => wanted.push(seq),
            None => {}
        }
    }
    let found = events::at(connection, stream.id, wanted)?;
    stored.extend(found.into_iter().map(|(seq, (_, chain))| (seq, chain)));
    Ok(stored)
}
