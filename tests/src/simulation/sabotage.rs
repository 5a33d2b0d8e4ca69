//! Ways to break the product on purpose. A check that finds none of them would be no check.

use cloud_sync::replica::Given;
use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use cloud_sync_wire::frame::{self, Entry, Sender};
use cloud_sync_wire::hello::Hello;
use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;
use kiosk::journal::Journal;
use kiosk::uplink::http::SignedAck;
use kiosk_core::event::SCHEMA;

use super::checks::{Checked, Invariant, harness};
use super::cloud::Place;
use super::kiosk::Node;
use super::world::World;

/// What is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Sabotage {
    /// The cloud gives its ack before its commit, and sometimes dies between.
    AckBeforeCommit,
    /// The kiosk takes the broker's word for the cloud's.
    ReleaseOnPuback,
    /// What is sent again is written anew, so that its hash differs.
    Reserialise,
    /// The cloud counts what is delivered instead of what is new.
    EffectPerDelivery,
    /// The cloud's watermark is the largest seq it has seen.
    WatermarkIsMaximum,
    /// Commits of the journal are not synced.
    NormalSync,
    /// Hellos don't show the latest ack.
    NoProof,
    /// The kiosk takes in acks whoever signed them.
    TrustAnyAck,
    /// A kiosk whose history has forked carries on as if nothing were.
    NoFence,
    /// A ledger put back from a backup doesn't ask for hellos.
    RestoreUnnoticed,
    /// The state of an order is that of the event that came last.
    LastEventWins,
    /// Stored events are written anew.
    RewriteStored,
    /// A stream is put under another kiosk's name.
    MixStreams,
    /// One event of a frame is passed over without a word.
    DropQuietly,
    /// A kiosk sends as much at once as it likes.
    NoWindow,
    /// The cloud forgets which journals have others in their place.
    FenceForgotten,
    /// What headquarters shows of a kiosk is not what it holds.
    ViewsApart,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 17] = [
        Self::AckBeforeCommit,
        Self::ReleaseOnPuback,
        Self::Reserialise,
        Self::EffectPerDelivery,
        Self::WatermarkIsMaximum,
        Self::NormalSync,
        Self::NoProof,
        Self::TrustAnyAck,
        Self::NoFence,
        Self::RestoreUnnoticed,
        Self::LastEventWins,
        Self::RewriteStored,
        Self::MixStreams,
        Self::DropQuietly,
        Self::NoWindow,
        Self::FenceForgotten,
        Self::ViewsApart,
    ];

    /// The invariants of which one is found broken.
    #[must_use]
    pub fn breaks(self) -> &'static [Invariant] {
        use Invariant as I;
        match self {
            Self::AckBeforeCommit => &[I::NoPrematureAck],
            Self::ReleaseOnPuback => &[I::NoPrematureClear],
            Self::Reserialise => &[I::NoPhantom],
            Self::EffectPerDelivery => &[I::ExactlyOnce],
            Self::WatermarkIsMaximum => &[I::NoPrematureAck],
            Self::NormalSync => &[I::DurableAccept],
            Self::NoProof => &[I::Liveness, I::NoLoss],
            Self::TrustAnyAck => &[I::Forgery, I::Liveness],
            Self::NoFence => &[I::Liveness, I::NoLoss],
            Self::RestoreUnnoticed => &[I::Monotone, I::Liveness, I::NoLoss],
            Self::LastEventWins => &[I::OrderIndependence],
            Self::RewriteStored => &[I::Immutability],
            Self::MixStreams => &[I::Isolation, I::Liveness],
            Self::DropQuietly => &[I::NoSilentDrop],
            Self::NoWindow => &[I::Bounded],
            Self::FenceForgotten => &[I::Fencing],
            Self::ViewsApart => &[I::Views],
        }
    }
}

/// A hello without the ack that proves what the cloud once said.
pub(super) fn without_proof(hello: &[u8], key: &SecretKey) -> Checked<Vec<u8>> {
    let mut hello: Hello = signed::open(hello, &key.public()).map_err(harness)?;
    hello.last_ack = None;
    signed::sign(&hello, key).map_err(harness)
}

/// An ack whoever signed it.
pub(super) fn opened_anyway(bytes: Vec<u8>) -> Checked<Option<SignedAck>> {
    let forger = SecretKey::from_seed(&[9; 32]).public();
    let ack = signed::open::<Ack>(&bytes, &forger).map_err(harness)?;
    Ok(Some(SignedAck { ack, bytes }))
}

/// The same events, serialised once more: the same to people, other bytes to a hash.
pub(super) fn written_anew(mut entries: Vec<Entry>, node: &Node, journal: &Journal) -> Vec<u8> {
    let first = entries.first().map_or(1, |entry| entry.seq);
    let before = node.marks.get(&(first - 1)).map(|mark| mark.1);
    let mut chain = before.unwrap_or(Hash::START);
    for entry in &mut entries {
        entry.bytes.push(b' ');
        chain = chain_hash(chain, entry.seq, content_hash(&entry.bytes));
        entry.chain = chain;
    }
    let sender = Sender {
        store: node.credential.store.clone(),
        kiosk: node.credential.kiosk.clone(),
        journal: journal.id(),
    };
    frame::encode(&sender, SCHEMA, &entries, journal.key())
}

impl World {
    /// What is broken inside of the cloud.
    pub(super) fn sabotage_ledger(&mut self, chosen: usize, given: &mut Given) -> Checked {
        let repeated = given.outcomes.contains(&"duplicate");
        let reader = &self.cloud.reader;
        match self.setup.sabotage {
            Some(Sabotage::EffectPerDelivery) if repeated => {
                reader.sabotage("UPDATE sums SET orders = orders + 1, gross = gross + 1000")
            }
            Some(Sabotage::LastEventWins) if given.outcomes.contains(&"applied") => reader.sabotage(
                "UPDATE orders SET status = 'preparing' WHERE status IN ('ready', 'collected')",
            ),
            Some(Sabotage::RewriteStored) if !given.outcomes.is_empty() => reader.sabotage(
                "UPDATE events SET bytes = CAST(bytes || ' ' AS BLOB) WHERE id = (SELECT max(id) FROM events WHERE bytes IS NOT NULL)",
            ),
            Some(Sabotage::MixStreams) if !given.outcomes.is_empty() => reader.sabotage(
                "UPDATE streams SET device = (SELECT max(id) FROM devices), epoch = epoch + 1000 * id WHERE epoch < 1000",
            ),
            Some(Sabotage::FenceForgotten) => {
                reader.sabotage("UPDATE streams SET fenced_at = NULL WHERE fenced_at IS NOT NULL")
            }
            Some(Sabotage::WatermarkIsMaximum) => self.say_the_maximum(chosen, given),
            _ => Ok(()),
        }
    }

    fn say_the_maximum(&mut self, chosen: usize, given: &mut Given) -> Checked {
        let Some(last) = given.ack.ranges.last().copied() else {
            return Ok(());
        };
        given.ack.watermark = last.last;
        given.ack.chain = last.chain;
        given.ack.ranges.clear();
        if let Some(Place::Up(replica)) = self.cloud.replicas.get(chosen) {
            given.signed = signed::sign(&given.ack, replica.key()).map_err(harness)?;
        }
        Ok(())
    }

    /// The journal releases what the broker took.
    pub(super) fn release(&mut self, at: usize, last: u64) -> Checked {
        let Some(node) = self.nodes.get(at) else {
            return Ok(());
        };
        let (Some(on), Some(mark)) = (node.on.as_ref(), node.marks.get(&last)) else {
            return Ok(());
        };
        let cloud = &node.credential.cloud_key;
        let journal = on.journal.id();
        let acks = self.overheard.iter().rev();
        let mut acks = acks.filter_map(|bytes| signed::open::<Ack>(bytes, cloud).ok());
        let Some(mut ack) = acks.find(|ack| ack.journal == journal) else {
            return Ok(());
        };
        (ack.watermark, ack.chain) = (last, mark.1);
        ack.ranges.clear();
        ack.ack_no += 100_000;
        let confirming = on.journal.confirm(ack, b"puback".to_vec());
        self.runtime.block_on(confirming).map_err(harness)?;
        self.written(at)
    }
}
