//! One failure at a counted step.

use lossy_vfs::{Disk, Failure, Policy};

use super::Plan;
use super::checks::Checked;
use super::cloud::REPLICAS;
use super::world::World;

impl Plan {
    pub(super) fn arm_kiosk(self, disk: &Disk) {
        match self {
            Self::KioskCut(operation) => disk.cut_at_operation(operation),
            Self::KioskDisk(op, nth) => disk.fail_nth(op, nth, Failure::Io),
            _ => {}
        }
    }
}

impl World {
    pub(super) fn arm_cloud(&mut self, plan: Plan) -> Checked {
        // The reader's own files are open before anything is counted.
        self.cloud.learn_fences()?;
        let disk = &self.cloud.disk;
        match plan {
            Plan::CloudCut(operation) => disk.cut_at_operation(operation),
            Plan::CloudDisk(op, nth) => {
                self.report.planned_from = disk.count(op);
                disk.fail_nth(op, nth, Failure::Io);
            }
            _ => {}
        }
        Ok(())
    }

    /// What is planned for this step happens; and whether it has is noted.
    pub(super) fn strike(&mut self) -> Checked {
        let step = self.report.steps;
        match self.setup.plan {
            Some(Plan::KioskKilled(nth)) if nth == step => {
                self.report.reached = true;
                self.cut_if_on(0, Policy::KeepAll);
            }
            Some(Plan::CloudKilled(nth)) if nth == step => {
                self.report.reached = true;
                for at in 0..REPLICAS {
                    self.kill_replica(at);
                }
            }
            Some(Plan::KioskCut(_)) => self.report.reached |= self.report.cuts > 0,
            Some(Plan::KioskDisk(op, nth)) => {
                let node = self.nodes.first();
                let done = node.is_some_and(|node| node.disk.count(op) >= nth);
                self.report.reached |= done;
            }
            Some(Plan::CloudDisk(op, nth)) => {
                let done = self.cloud.disk.count(op) >= self.report.planned_from + nth;
                self.report.reached |= done;
            }
            Some(Plan::CloudCut(_)) if self.cloud.disk.is_off() => return self.ledger_cut(),
            _ => {}
        }
        Ok(())
    }
}
