//! Disks that go back in time, are replaced, or sell in two places; and the new journals that follow.

use std::time::Duration;

use lossy_vfs::Policy;

use super::checks::{Checked, harness};
use super::kiosk::Node;
use super::world::{Due, World};

/// Copies of kiosks that sell beside them, at most.
const CLONES: usize = 2;

impl World {
    pub(super) fn image(&mut self, at: usize) {
        let seed = self.dice.roll();
        if let Some(node) = self.nodes.get_mut(at).filter(|node| node.on.is_some()) {
            node.image = Some(node.disk.power_cut(seed, Policy::KeepAll));
        }
    }

    /// A disk goes back in time, is replaced, or sells in two places.
    pub(super) fn fork(&mut self, at: usize) {
        if self.prunes() {
            return;
        }
        match self.dice.below(3) {
            0 => self.roll_back(at),
            1 => self.reimage(at),
            _ => self.clone_kiosk(at),
        }
    }

    fn roll_back(&mut self, at: usize) {
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let Some(image) = node.image.take() else {
            return;
        };
        node.dies(image);
        node.forget();
        (node.forky, node.rolled_back, node.retry) = (true, true, None);
        self.says(|| format!("kiosk {at}: its disk is rolled back"));
        self.after(Duration::from_secs(2), Due::Boots(at));
    }

    /// After a disk went back, people know of more than it does.
    pub(super) fn settle_rollback(&mut self, at: usize) -> Checked {
        let Some(node) = self.nodes.get_mut(at) else {
            return Ok(());
        };
        if !std::mem::take(&mut node.rolled_back) {
            return Ok(());
        }
        let Some(on) = node.on.as_ref() else {
            return Ok(());
        };
        for (id, told) in self
            .memory
            .told
            .iter_mut()
            .filter(|(_, told)| told.node == at)
        {
            let order = *id;
            let read = on.journal.read(move |reader| reader.order(order));
            let stored = self.runtime.block_on(read).map_err(harness)?;
            let version = stored.map(|stored| stored.order.version);
            told.unsure |= version.is_none_or(|has| has < told.version);
        }
        Ok(())
    }

    fn reimage(&mut self, at: usize) {
        let disk = self.new_disk();
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        node.dies(disk);
        node.forget();
        (node.forky, node.retry, node.image) = (true, None, None);
        for told in self.memory.told.values_mut().filter(|told| told.node == at) {
            told.unsure = true;
        }
        self.says(|| format!("kiosk {at}: a new disk"));
        self.after(Duration::from_secs(2), Due::Boots(at));
    }

    fn clone_kiosk(&mut self, at: usize) {
        if self.nodes.len() >= self.setup.kiosks + CLONES {
            return;
        }
        let seed = self.dice.roll();
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.on.is_some()) else {
            return;
        };
        node.forky = true;
        let mut copy = Node::new(
            node.credential.clone(),
            node.disk.power_cut(seed, Policy::KeepAll),
        );
        copy.forky = true;
        let number = self.nodes.len();
        self.nodes.push(copy);
        self.says(|| format!("kiosk {number} is a copy of kiosk {at}"));
        self.joins(number);
    }

    /// A kiosk whose history has forked carries on in a new journal.
    pub(super) fn carries_on(&mut self, (at, run): (usize, u64)) -> Checked {
        let (seed, wall) = (self.dice.roll(), self.wall(at));
        let Some(node) = self.nodes.get_mut(at).filter(|node| node.run == run) else {
            return Ok(());
        };
        let Some(on) = node.on.take() else {
            return Ok(());
        };
        node.disk.heal();
        self.runtime.block_on(on.journal.close());
        drop(on);
        node.carry_on(seed, wall)?;
        self.report.fences += 1;
        self.says(|| format!("kiosk {at} carries on in a new journal"));
        self.boots(at)
    }
}
