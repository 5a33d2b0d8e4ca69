//! One failure at every step there is: at the first operation of a disk, at the second, and so on until
//! there is none left; and likewise after each step between begin, insert, commit, publish and ack.

use lab::simulation::{Plan, Setup, run};
use lossy_vfs::Op;

/// Runs with that failure at step 1, 2, 3 … until a run ends before it is reached.
fn at_every_step(least: u64, plan: impl Fn(u64) -> Plan) {
    for nth in 1.. {
        let setup = Setup {
            kiosks: 1,
            seconds: 20,
            plan: Some(plan(nth)),
            // Other seeds leave other bytes of what was not synced.
            ..Setup::of_seed(4 * nth)
        };
        let report = run(setup).unwrap_or_else(|failure| panic!("{:?}: {failure}", plan(nth)));
        if !report.reached {
            println!("{:?} is the first that is not reached", plan(nth));
            assert!(nth > least, "only {nth} steps: nothing was tried");
            return;
        }
    }
}

#[test]
fn a_kiosk_may_lose_its_power_at_any_operation_of_its_disk() {
    at_every_step(50, Plan::KioskCut);
}

#[test]
fn any_sync_and_any_write_of_a_kiosk_may_fail() {
    at_every_step(8, |nth| Plan::KioskDisk(Op::Sync, nth));
    at_every_step(40, |nth| Plan::KioskDisk(Op::Write, nth));
}

#[test]
fn a_kiosk_may_be_killed_between_any_two_steps() {
    at_every_step(25, Plan::KioskKilled);
}

#[test]
fn the_cloud_may_lose_its_power_at_any_operation_of_its_disk() {
    at_every_step(25, Plan::CloudCut);
}

#[test]
fn any_sync_and_any_write_of_the_ledger_may_fail() {
    at_every_step(3, |nth| Plan::CloudDisk(Op::Sync, nth));
    at_every_step(25, |nth| Plan::CloudDisk(Op::Write, nth));
}

#[test]
fn every_replica_may_be_killed_between_any_two_steps() {
    at_every_step(25, Plan::CloudKilled);
}
