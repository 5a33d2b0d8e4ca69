//! What is forged, replayed and misdelivered. None of it may move anything.

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;

use super::broker::Down;
use super::checks::{Checked, Invariant, harness};
use super::cloud::Place;
use super::uplink::Ask;
use super::world::World;

impl World {
    /// Somebody forges, replays or misdelivers something.
    pub(super) fn attack(&mut self, at: usize) -> Checked {
        self.report.attacks += 1;
        match self.dice.below(5) {
            0 => {
                if let Some(forged) = self.forge(at)? {
                    self.forged.insert(forged.clone());
                    self.deliver(at, Down::Ack(forged));
                }
            }
            // An old ack, perhaps another kiosk's.
            1 => {
                let all: Vec<Vec<u8>> = self.overheard.iter().cloned().collect();
                if let Some(old) = self.dice.pick(&all).cloned() {
                    self.deliver(at, Down::Ack(old));
                }
            }
            2 => self.speak_as_another(at)?,
            // An old frame, perhaps of a journal that another has taken the place of.
            3 => {
                let all: Vec<(usize, Vec<u8>)> = self.frames.iter().cloned().collect();
                if let Some((of, old)) = self.dice.pick(&all).cloned() {
                    self.publish(of, of, Ask::Frame(old));
                }
            }
            _ => {
                let nonsense = (0..200).map(|_| self.dice.roll().to_le_bytes()[0]);
                let nonsense: Vec<u8> = nonsense.collect();
                self.publish(at, at, Ask::Frame(nonsense.clone()));
                self.deliver(at, Down::Ack(nonsense));
            }
        }
        Ok(())
    }

    /// An ack for everything, with the right hashes, by a key that is not the cloud's.
    fn forge(&mut self, at: usize) -> Checked<Option<Vec<u8>>> {
        let Some(node) = self.nodes.get(at) else {
            return Ok(None);
        };
        let journal = node.on.as_ref().map(|on| on.journal.id());
        let last = node.marks.keys().max().copied();
        let (Some(journal), Some(last)) = (journal, last) else {
            return Ok(None);
        };
        let cloud = &node.credential.cloud_key;
        let of_this = |bytes: &&Vec<u8>| {
            signed::open::<Ack>(bytes, cloud).is_ok_and(|ack| ack.journal == journal)
        };
        let Some(real) = self.overheard.iter().rev().find(of_this) else {
            return Ok(None);
        };
        let mut ack = signed::open::<Ack>(real, cloud).map_err(harness)?;
        ack.watermark = last;
        ack.chain = node.marks.get(&last).map_or(ack.chain, |mark| mark.1);
        ack.ranges.clear();
        ack.ack_no += 1_000;
        let key = SecretKey::from_seed(&[9; 32]);
        signed::sign(&ack, &key).map(Some).map_err(harness)
    }

    /// A kiosk sends its own frame under another's name: it has to move nothing.
    fn speak_as_another(&mut self, at: usize) -> Checked {
        let other = (at + 1) % self.setup.kiosks.max(1);
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(());
        };
        let Some(Place::Up(replica)) = self.cloud.replicas.first() else {
            return Ok(());
        };
        let (Some(node), Some(victim)) = (self.nodes.get(at), self.nodes.get(other)) else {
            return Ok(());
        };
        if node.name() == victim.name() {
            return Ok(());
        }
        let Some(hello) = self.runtime.block_on(on.clerk.hello()) else {
            return Ok(());
        };
        let name = &victim.credential;
        let serving = super::cloud::serve(replica, name, on.journal.id(), Ask::Hello(hello));
        let moved = self.runtime.block_on(serving).is_ok();
        Invariant::Isolation.holds(!moved, || {
            format!("kiosk {at} said hello as {}", victim.name())
        })
    }
}
