use kiosk::journal::Synchronous;
use lossy_vfs::{Disk, Policy};

use crate::shift::{Shift, orders_of_a_shift};

/// Runs the shift with the power cut at operation 1, 2, 3 … until it is not reached any more.
fn cut_everywhere(synchronous: Synchronous, mut look: impl FnMut(&Shift, &Disk, u64)) {
    for n in 1.. {
        let disk = Disk::new(n);
        disk.cut_at_operation(n);
        let shift = Shift::new(&disk, 1).synchronous(synchronous);
        shift.block_on(shift.work());
        look(&shift, &disk, n);
        if !disk.is_off() {
            assert_eq!(shift.placed(), orders_of_a_shift());
            break;
        }
        assert!(n < 5_000, "the shift never ends");
    }
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_that_was_answered() {
    cut_everywhere(Synchronous::Full, |shift, disk, n| {
        shift.assert_kept_after_cut(disk, 2, &format!("cut at operation {n}"));
    });
}

#[test]
fn control_with_synchronous_normal_answered_orders_are_lost() {
    let mut lost = 0;
    cut_everywhere(Synchronous::Normal, |shift, disk, n| {
        // One look in four is enough to see it.
        if n % 4 == 0 {
            let found = disk.power_cut(0, Policy::ForgetAll);
            lost += shift
                .missing(&found, &format!("cut at operation {n}"))
                .len();
        }
    });
    assert!(lost > 20, "{lost}");
}

#[test]
fn control_on_a_disk_that_lies_about_syncs_answered_orders_are_lost() {
    let disk = Disk::new(1);
    disk.set_lying_sync(true);
    let shift = Shift::new(&disk, 1);
    shift.block_on(shift.work());
    let found = disk.power_cut(0, Policy::ForgetAll);
    assert!(!shift.missing(&found, "lying").is_empty());
}

#[test]
fn a_kill_at_any_operation_loses_nothing_that_was_answered() {
    cut_everywhere(Synchronous::Full, |shift, disk, n| {
        let found = disk.power_cut(0, Policy::KeepAll);
        shift.assert_kept(&found, &format!("killed at operation {n}"));
    });
}
