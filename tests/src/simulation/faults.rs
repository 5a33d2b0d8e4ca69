//! What is done to the world, and how often.

use std::time::Duration;

use lossy_vfs::{Failure, Op, Policy};

use super::checks::Checked;
use super::cloud::{Doom, Place, REPLICAS};
use super::network::Line;
use super::world::{Due, World};

/// Between two faults, at most.
const PAUSE: Duration = Duration::from_millis(1_600);
/// How seldom each kind is, to each other: the kind's own number of the hundred-odd in all.
const KINDS: [(Kind, u64); 23] = [
    (Kind::Loss, 10),
    (Kind::DeafUp, 5),
    (Kind::DeafDown, 6),
    (Kind::BlackHole, 4),
    (Kind::Refuses, 4),
    (Kind::Slow, 4),
    (Kind::BrokerEnds, 6),
    (Kind::ReplicaEnds, 6),
    (Kind::Doom, 8),
    (Kind::ReplicaHangs, 4),
    (Kind::KioskKilled, 5),
    (Kind::KioskCut, 6),
    (Kind::KioskCutWithin, 6),
    (Kind::KioskDiskFails, 5),
    (Kind::LedgerDiskFails, 4),
    (Kind::LedgerCut, 2),
    (Kind::Backup, 3),
    (Kind::Restore, 1),
    (Kind::Image, 3),
    (Kind::Fork, 1),
    (Kind::Attack, 10),
    (Kind::ClockJumps, 2),
    (Kind::CloudClockJumps, 2),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Loss,
    DeafUp,
    DeafDown,
    BlackHole,
    Refuses,
    Slow,
    BrokerEnds,
    ReplicaEnds,
    Doom,
    ReplicaHangs,
    KioskKilled,
    KioskCut,
    KioskCutWithin,
    KioskDiskFails,
    LedgerDiskFails,
    LedgerCut,
    Backup,
    Restore,
    Image,
    Fork,
    Attack,
    ClockJumps,
    CloudClockJumps,
}

impl World {
    /// Something is done, and the next thing planned.
    pub(super) fn fault(&mut self) -> Checked {
        if self.healing {
            return Ok(());
        }
        let wait = self.some(PAUSE);
        self.after(wait, Due::Fault);
        let all: u64 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut drawn = self.dice.below(all);
        let found = KINDS.iter().find(|(_, weight)| {
            let this = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            this
        });
        let Some((kind, _)) = found else {
            return Ok(());
        };
        let at = usize::try_from(self.dice.below(self.nodes.len() as u64)).unwrap_or(0);
        self.report.faults += 1;
        self.says(|| format!("fault: {kind:?} at {at}"));
        match kind {
            Kind::Loss
            | Kind::DeafUp
            | Kind::DeafDown
            | Kind::BlackHole
            | Kind::Refuses
            | Kind::Slow => {
                self.line_fails(at, *kind);
                Ok(())
            }
            Kind::BrokerEnds => {
                self.broker_ends();
                Ok(())
            }
            Kind::ReplicaEnds | Kind::Doom | Kind::ReplicaHangs => {
                self.replica_fails(*kind);
                Ok(())
            }
            Kind::KioskKilled | Kind::KioskCut | Kind::KioskCutWithin | Kind::KioskDiskFails => {
                self.kiosk_fails(at, *kind);
                Ok(())
            }
            Kind::LedgerDiskFails | Kind::LedgerCut | Kind::Backup | Kind::Restore => {
                self.ledger_fails(*kind)
            }
            Kind::Image => {
                self.image(at);
                Ok(())
            }
            Kind::Fork => {
                self.fork(at);
                Ok(())
            }
            Kind::Attack => self.attack(at),
            Kind::ClockJumps | Kind::CloudClockJumps => {
                self.clock_jumps(at, *kind);
                Ok(())
            }
        }
    }

    fn line_fails(&mut self, at: usize, kind: Kind) {
        let bad = 50 + self.dice.below(350);
        let slow = Duration::from_secs(1 + self.dice.below(8));
        let length = Duration::from_secs(1) + self.some(Duration::from_secs(40));
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let line = &mut node.line;
        match kind {
            Kind::Loss => line.bad = bad,
            Kind::DeafUp => line.deaf_up = true,
            Kind::DeafDown => line.deaf_down = true,
            Kind::Refuses => line.refuses = true,
            Kind::Slow => line.latency = slow,
            _ => (line.deaf_up, line.deaf_down) = (true, true),
        }
        let run = node.run;
        if let Some(broker) = node.on.as_ref().and_then(|on| on.connection)
            && (node.line.deaf_up || node.line.deaf_down)
            && length > Duration::from_secs(20)
        {
            // Its keep-alive finds out.
            self.after(Duration::from_secs(20), Due::Disconnects((at, run), broker));
        }
        self.after(length, Due::LineHeals(at));
    }

    pub(super) fn line_heals(&mut self, at: usize) {
        if let Some(node) = self.nodes.get_mut(at) {
            node.line = Line::default();
        }
    }

    /// The broker ends and forgets everything; kiosks find out sooner or later.
    fn broker_ends(&mut self) {
        let was = self.broker.run;
        self.broker.run += 1;
        self.broker.up = false;
        for at in 0..self.nodes.len() {
            let run = self.nodes.get(at).map_or(0, |node| node.run);
            let wait = self.some(Duration::from_secs(12));
            self.after(wait, Due::Disconnects((at, run), was));
        }
        let wait = self.some(Duration::from_secs(15));
        self.after(wait, Due::BrokerStarts);
    }

    fn replica_fails(&mut self, kind: Kind) {
        let at = usize::try_from(self.dice.below(REPLICAS as u64)).unwrap_or(0);
        match kind {
            Kind::Doom => {
                self.cloud.doom = Some(match self.dice.below(3) {
                    0 => Doom::BeforeCommit,
                    1 => Doom::AfterCommit,
                    _ => Doom::Within(1 + self.dice.below(24)),
                });
            }
            Kind::ReplicaHangs => {
                let length = self.some(Duration::from_secs(40));
                if let Some(place) = self.cloud.replicas.get_mut(at) {
                    match std::mem::replace(place, Place::Dead) {
                        Place::Up(replica) => {
                            *place = Place::Frozen(replica, Vec::new());
                            self.after(length, Due::Thaws(at));
                        }
                        other => *place = other,
                    }
                }
            }
            _ => self.kill_replica(at),
        }
    }

    /// Its work is gone with it.
    pub(super) fn kill_replica(&mut self, at: usize) {
        if let Some(place) = self.cloud.replicas.get_mut(at) {
            *place = Place::Dead;
            let wait = Duration::from_millis(200) + self.some(Duration::from_secs(10));
            self.after(wait, Due::ReplicaStarts(at));
        }
    }

    fn kiosk_fails(&mut self, at: usize, kind: Kind) {
        let operation = 1 + self.dice.below(40);
        let (op, failure) = match self.dice.below(4) {
            0 => (Op::Sync, Failure::Io),
            1 => (Op::Write, Failure::NoSpace),
            2 => (Op::Truncate, Failure::Io),
            _ => (Op::Write, Failure::Io),
        };
        let policy = match self.dice.below(2) {
            0 => Policy::Scramble,
            _ => Policy::ForgetAll,
        };
        let Some(node) = self.nodes.get(at).filter(|node| node.on.is_some()) else {
            return;
        };
        match kind {
            Kind::KioskCutWithin => node.disk.cut_at_operation(operation),
            Kind::KioskDiskFails => node.disk.fail_nth(op, operation, failure),
            Kind::KioskKilled => self.cut(at, Policy::KeepAll),
            _ => self.cut(at, policy),
        }
    }

    /// The power of a kiosk went in the midst of something.
    pub(super) fn power_goes(&mut self, at: usize) {
        let policy = match self.dice.below(3) {
            0 => Policy::KeepAll,
            1 => Policy::ForgetAll,
            _ => Policy::Scramble,
        };
        self.cut(at, policy);
    }

    pub(super) fn cut_if_on(&mut self, at: usize, policy: Policy) {
        if self.nodes.get(at).is_some_and(|node| node.on.is_some()) {
            self.cut(at, policy);
        }
    }

    fn cut(&mut self, at: usize, policy: Policy) {
        let seed = self.dice.roll();
        let wait = Duration::from_millis(300) + self.some(Duration::from_secs(12));
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let left = node.disk.power_cut(seed, policy);
        node.dies(left);
        self.report.cuts += 1;
        self.says(|| format!("kiosk {at}: the power goes, {policy:?}"));
        self.after(wait, Due::Boots(at));
    }

    fn ledger_fails(&mut self, kind: Kind) -> Checked {
        match kind {
            Kind::LedgerDiskFails => {
                let (op, nth) = match self.dice.below(2) {
                    0 => (Op::Sync, 1),
                    _ => (Op::Write, 1 + self.dice.below(12)),
                };
                self.cloud.disk.fail_nth(op, nth, Failure::Io);
                Ok(())
            }
            Kind::LedgerCut => self.ledger_cut(),
            Kind::Backup => {
                self.cloud.back_up();
                Ok(())
            }
            _ => self.restore(),
        }
    }

    /// The cloud's power goes.
    pub(super) fn ledger_cut(&mut self) -> Checked {
        let policy = match self.dice.below(3) {
            0 => Policy::KeepAll,
            1 => Policy::ForgetAll,
            _ => Policy::Scramble,
        };
        let left = self.cloud.disk.power_cut(self.dice.roll(), policy);
        self.report.reached |= matches!(self.setup.plan, Some(super::Plan::CloudCut(_)));
        self.cloud.recover(left, &mut self.memory)
    }

    /// The ledger is put back from a backup.
    fn restore(&mut self) -> Checked {
        if self.cloud.backups.is_empty() {
            return Ok(());
        }
        let chosen = usize::try_from(self.dice.below(self.cloud.backups.len() as u64)).unwrap_or(0);
        let Some(backup) = self
            .cloud
            .backups
            .get(chosen)
            .map(lossy_vfs::Disk::snapshot)
        else {
            return Ok(());
        };
        self.report.restores += 1;
        let noticed = self.setup.sabotage != Some(super::Sabotage::RestoreUnnoticed);
        if noticed {
            self.memory.excuse_numbers();
        }
        self.cloud.replace(backup, noticed, &mut self.memory)
    }

    fn clock_jumps(&mut self, at: usize, kind: Kind) {
        let off = self.jump();
        if kind == Kind::CloudClockJumps {
            self.cloud_off = off;
        } else if let Some(node) = self.nodes.get_mut(at) {
            node.clock_off = off;
        }
    }

    /// How far a clock is off that was set wrong, or whose battery is empty.
    fn jump(&mut self) -> i64 {
        let hours = [-1, 1, 3 * 24, -(56 * 365 * 24)];
        self.dice.pick(&hours).copied().unwrap_or(0) * 3_600_000
    }
}
