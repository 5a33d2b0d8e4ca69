use lossy_vfs::{Disk, Policy};
use rusqlite::{Connection, Result};

use crate::shop::{
    DELETE_EXTRA, DELETE_FULL, Mode, ORDERS, WAL_FULL, WAL_NORMAL, checkpoint, open, open_shop,
    place, take_stock, trade,
};

type Kind = fn(&Disk);

fn plain(_: &Disk) {}

fn new_disk(seed: u64, kind: Kind) -> Disk {
    let disk = Disk::new(seed);
    kind(&disk);
    disk
}

/// Cuts the power at every operation of a short trade in turn, looks at the disk after each cut
/// with every seed, and gives the number of orders that had been sold and were gone.
fn lost(mode: Mode, kind: Kind, policy: Policy, seeds: u64) -> usize {
    let whole = new_disk(0, kind);
    assert_eq!(trade(&whole, mode).into_iter().max(), Some(ORDERS));
    let mut lost = 0;
    for n in 1..=whole.operations() {
        let disk = new_disk(n, kind);
        disk.cut_at_operation(n);
        let sold = trade(&disk, mode);
        assert!(disk.is_off(), "operation {n} was never reached");
        for seed in 0..seeds {
            let found = take_stock(&disk.power_cut(seed, policy))
                .unwrap_or_else(|e| panic!("{policy:?}, operation {n}, seed {seed}: {e}"));
            lost += sold.difference(&found).count();
            let unasked = found.difference(&sold).count();
            assert!(
                unasked <= 1,
                "{policy:?}, operation {n}, seed {seed}: {found:?}"
            );
        }
    }
    lost
}

#[test]
fn wal_full_loses_nothing_whatever_the_cut_forgets() {
    assert_eq!(lost(WAL_FULL, plain, Policy::ForgetAll, 1), 0);
}

#[test]
fn wal_full_loses_nothing_whatever_the_cut_scrambles() {
    assert_eq!(lost(WAL_FULL, plain, Policy::Scramble, 24), 0);
}

#[test]
fn wal_full_loses_nothing_on_a_disk_of_powersafe_overwrite() {
    let kind: Kind = |disk| disk.set_powersafe_overwrite(true);
    assert_eq!(lost(WAL_FULL, kind, Policy::ForgetAll, 1), 0);
    assert_eq!(lost(WAL_FULL, kind, Policy::Scramble, 8), 0);
}

#[test]
fn control_wal_normal_loses_orders_to_a_cut() {
    assert!(lost(WAL_NORMAL, plain, Policy::ForgetAll, 1) > 0);
    assert!(lost(WAL_NORMAL, plain, Policy::Scramble, 4) > 0);
}

#[test]
fn control_killing_the_process_alone_cannot_tell_normal_from_full() {
    assert_eq!(lost(WAL_NORMAL, plain, Policy::KeepAll, 1), 0);
}

#[test]
fn control_a_lying_sync_loses_orders_in_spite_of_full() {
    let kind: Kind = |disk| disk.set_lying_sync(true);
    assert!(lost(WAL_FULL, kind, Policy::ForgetAll, 1) > 0);
}

#[test]
fn delete_mode_loses_nothing_where_names_are_safe_at_once() {
    let kind: Kind = |disk| disk.set_synchronous_directory(true);
    assert_eq!(lost(DELETE_FULL, kind, Policy::ForgetAll, 1), 0);
    assert_eq!(lost(DELETE_FULL, kind, Policy::Scramble, 4), 0);
}

#[test]
fn delete_mode_loses_nothing_with_extra() {
    assert_eq!(lost(DELETE_EXTRA, plain, Policy::ForgetAll, 1), 0);
    assert_eq!(lost(DELETE_EXTRA, plain, Policy::Scramble, 4), 0);
}

#[test]
fn control_delete_mode_with_full_can_lose_the_last_order_as_its_journal_comes_back() {
    assert!(lost(DELETE_FULL, plain, Policy::ForgetAll, 1) > 0);
}

/// Cuts the power again at every operation of opening what a first cut left and placing one more
/// order, and gives the number of orders that had been sold and were gone.
fn lost_to_a_second_cut(kind: Kind, recover: fn(&Connection) -> Result<()>) -> usize {
    let whole = new_disk(0, kind);
    trade(&whole, WAL_FULL);
    let mut lost = 0;
    for n in (1..=whole.operations()).step_by(3) {
        let disk = new_disk(n, kind);
        disk.cut_at_operation(n);
        let mut sold = trade(&disk, WAL_FULL);
        if sold.is_empty() {
            continue;
        }
        for again in 1.. {
            let recovering = disk.power_cut(again, Policy::Scramble);
            recovering.cut_at_operation(again);
            let one_more = open(&recovering).and_then(|mut db| {
                recover(&db)?;
                place(&mut db, ORDERS + 1)
            });
            if one_more.is_ok() {
                sold.insert(ORDERS + 1);
            }
            let found = take_stock(&recovering.power_cut(again, Policy::Scramble)).unwrap();
            lost += sold.difference(&found).count();
            if !recovering.is_off() {
                one_more.unwrap();
                break;
            }
            sold.remove(&(ORDERS + 1));
            assert!(again < 1000, "recovery never ends");
        }
    }
    lost
}

#[test]
fn a_second_cut_during_recovery_loses_nothing_with_powersafe_overwrite() {
    assert_eq!(
        lost_to_a_second_cut(|disk| disk.set_powersafe_overwrite(true), |_| Ok(())),
        0
    );
}

#[test]
fn a_second_cut_during_recovery_loses_nothing_if_opening_checkpoints() {
    assert_eq!(lost_to_a_second_cut(plain, checkpoint), 0);
}

/// SQLite pads a commit to whole sectors with frames that it does not count after recovery, and so
/// appends in the sector where the last commit ends: torn, that sector takes the commit with it.
#[test]
fn control_a_second_cut_without_powersafe_overwrite_can_reach_back() {
    assert!(lost_to_a_second_cut(plain, |_| Ok(())) > 0);
}

#[test]
fn a_seed_always_leaves_the_same_disk() {
    let disk = Disk::new(3);
    disk.cut_at_operation(60);
    trade(&disk, WAL_NORMAL);
    let bytes = |seed| {
        let found = disk.power_cut(seed, Policy::Scramble);
        found
            .files()
            .iter()
            .map(|name| found.contents(name))
            .collect::<Vec<_>>()
    };
    assert_eq!(bytes(5), bytes(5));
    assert!((0..20).any(|seed| bytes(seed) != bytes(5)));
}

#[test]
fn a_snapshot_goes_its_own_way() {
    let disk = Disk::new(0);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    place(&mut db, 1).unwrap();
    let copy = disk.snapshot();
    place(&mut db, 2).unwrap();
    assert_ne!(disk.vfs_name(), copy.vfs_name());
    assert!(take_stock(&copy).unwrap().iter().eq(&[1]));
    assert!(take_stock(&disk).unwrap().iter().eq(&[1, 2]));
}
