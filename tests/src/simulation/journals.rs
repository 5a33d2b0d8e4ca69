//! Kiosks coming up, and what their journals hold after every write held against what was seen before.

use kiosk::journal::{Ranges, Synchronous};
use kiosk::uplink::link::Reply;
use std::time::Duration;

use super::checks::{Checked, Invariant, harness};
use super::kiosk::Start;
use super::sabotage::Sabotage;
use super::world::{Due, World};

impl World {
    /// A kiosk comes up on the disk that it has.
    pub(super) fn boots(&mut self, at: usize) -> Checked {
        let start = Start {
            now: self.now,
            seed: self.dice.roll(),
            boot: self.new_id().as_u128(),
            synchronous: match self.setup.sabotage {
                Some(Sabotage::NormalSync) => Synchronous::Normal,
                _ => Synchronous::Full,
            },
            prunes: self.prunes(),
            unbounded: self.setup.sabotage == Some(Sabotage::NoWindow),
        };
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.on.is_none()) else {
            return Ok(());
        };
        node.disk.heal();
        if let Some(plan) = self.setup.plan.filter(|_| at == 0)
            && !std::mem::replace(&mut self.armed, true)
        {
            plan.arm_kiosk(&node.disk);
        }
        let known = node.learned;
        if !node.start(&start)? {
            if node.disk.is_off() {
                self.power_goes(at);
            } else {
                self.after(Duration::from_secs(2), Due::Boots(at));
            }
            return Ok(());
        }
        node.learned = 0;
        let was = std::mem::take(&mut node.marks);
        self.says(|| format!("kiosk {at} comes up"));
        self.learn(at)?;
        if let Some(node) = self.nodes.get(at).filter(|node| !node.disk.is_off()) {
            let retained = node
                .on
                .as_ref()
                .map_or(0, |on| on.outbox.borrow().retained_from);
            for seq in retained..=known {
                Invariant::DurableAccept.holds(node.marks.get(&seq) == was.get(&seq), || {
                    format!("kiosk {at}: event {seq} is not what it was before the cut")
                })?;
            }
        }
        if self.nodes.get(at).is_some_and(|node| node.disk.is_off()) {
            // What it held stays to be compared with what is found next time.
            if let Some(node) = self.nodes.get_mut(at) {
                (node.learned, node.marks) = (known, was);
            }
            self.power_goes(at);
            return Ok(());
        }
        self.settle_rollback(at)?;
        self.check_told(at)?;
        self.try_broker(at, Duration::from_millis(300));
        self.written(at)
    }

    /// After the journal was written to: what is new is remembered and held against the ledger.
    pub(super) fn written(&mut self, at: usize) -> Checked {
        let Some(node) = self.nodes.get(at) else {
            return Ok(());
        };
        if node.disk.is_off() {
            self.power_goes(at);
            return Ok(());
        }
        self.learn(at)?;
        self.check_cleared(at)?;
        self.feed_outbox(at)
    }

    /// Remembers what a journal committed.
    fn learn(&mut self, at: usize) -> Checked {
        let Some(node) = self.nodes.get_mut(at) else {
            return Ok(());
        };
        let Some(on) = node.on.as_ref() else {
            return Ok(());
        };
        let (journal, last) = (on.journal.id(), on.outbox.borrow().next_seq - 1);
        let first = on.outbox.borrow().retained_from.max(node.learned + 1);
        if first > last {
            return Ok(());
        }
        let read = on.journal.events(first, last, usize::MAX, usize::MAX);
        let entries = match self.runtime.block_on(read) {
            // The power went while it was read.
            Err(_) if node.disk.is_off() => return Ok(()),
            read => read.map_err(harness)?,
        };
        for entry in entries {
            let content = cloud_sync_wire::chain::content_hash(&entry.bytes);
            let mark = (content, entry.chain);
            node.marks.insert(entry.seq, mark);
            self.memory.commits(journal, entry.seq, mark);
        }
        node.learned = last;
        Ok(())
    }

    /// What became confirmed was in the ledger.
    fn check_cleared(&mut self, at: usize) -> Checked {
        let Some(node) = self.nodes.get_mut(at) else {
            return Ok(());
        };
        let Some(on) = node.on.as_ref() else {
            return Ok(());
        };
        let outbox = on.outbox.borrow().clone();
        node.lost |= outbox.lost_window().is_some();
        if outbox.confirmed == node.confirmed {
            return Ok(());
        }
        let journal = on.journal.id();
        let before: Ranges = std::mem::replace(&mut node.confirmed, outbox.confirmed.clone());
        for seq in outbox.retained_from..outbox.next_seq {
            if outbox.confirmed.contains(seq)
                && !before.contains(seq)
                && let Some(mark) = node.marks.get(&seq)
            {
                self.memory.clears(journal, seq, mark)?;
            }
        }
        Ok(())
    }

    /// Gives a kiosk an ack; none if the power went meanwhile.
    pub(super) fn take_in(&mut self, at: usize, bytes: Vec<u8>) -> Checked<Option<Reply>> {
        let forged = self.forged.contains(&bytes);
        let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
            return Ok(None);
        };
        let before = on.outbox.borrow().confirmed.clone();
        let opened = match (forged, self.setup.sabotage) {
            (true, Some(Sabotage::TrustAnyAck)) => super::sabotage::opened_anyway(bytes)?,
            _ => on.clerk.open(bytes).ok(),
        };
        let Some(signed) = opened else {
            return Ok(Some(Reply::Failed));
        };
        let reply = self.runtime.block_on(on.clerk.take_in(signed));
        let same = on.outbox.borrow().confirmed == before;
        Invariant::Forgery.holds(!forged || same, || {
            format!("kiosk {at} released events on a forged ack")
        })?;
        if self.prunes() && self.dice.below(4) == 0 {
            let Some(on) = self.nodes.get(at).and_then(|node| node.on.as_ref()) else {
                return Ok(None);
            };
            let _ = self.runtime.block_on(on.journal.prune());
        }
        self.written(at)?;
        let alive = self.nodes.get(at).is_some_and(|node| node.on.is_some());
        Ok(alive.then_some(reply))
    }
}
