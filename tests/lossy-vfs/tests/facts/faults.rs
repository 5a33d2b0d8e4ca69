use lossy_vfs::{Disk, Failure, Op, Policy};
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use crate::shop::{ORDERS, WAL_FULL, open, open_shop, place, take_stock, trade, whole_orders};

fn code(error: &Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

#[test]
fn a_full_disk_refuses_an_order_and_keeps_the_earlier_ones() {
    let disk = Disk::new(1);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    place(&mut db, 1).unwrap();
    disk.set_capacity(Some(disk.used() + 300_000));
    let (full, error) = (2..1000)
        .find_map(|order| place(&mut db, order).err().map(|error| (order, error)))
        .expect("a disk of 300 kB is full at last");
    assert_eq!(code(&error), Some(ErrorCode::DiskFull));
    assert!(full > 5, "{full}");
    let sold = || 1..full;
    assert!(whole_orders(&db).unwrap().into_iter().eq(sold()));
    let found = take_stock(&disk.power_cut(1, Policy::Scramble)).unwrap();
    assert!(found.into_iter().eq(sold()));

    disk.set_capacity(None);
    place(&mut db, full).unwrap();
    let found = take_stock(&disk.power_cut(1, Policy::ForgetAll)).unwrap();
    assert!(found.into_iter().eq(1..=full));
}

#[test]
fn no_space_at_the_nth_write_in_mid_transaction_keeps_the_earlier_orders() {
    for n in 1.. {
        let disk = Disk::new(n);
        let mut db = open_shop(&disk, WAL_FULL).unwrap();
        place(&mut db, 1).unwrap();
        disk.fail_from(Op::Write, n, Failure::NoSpace);
        let outcome = place(&mut db, 2);
        let found = take_stock(&disk.power_cut(n, Policy::ForgetAll)).unwrap();
        assert!(found.contains(&1), "write {n}: {found:?}");
        match outcome {
            Ok(()) => break,
            Err(error) => assert_eq!(code(&error), Some(ErrorCode::DiskFull)),
        }
        assert!(n < 100, "never succeeds");
    }
}

/// Trades on through one fault: after any error the file is closed, opened and asked. What a
/// reopened WAL shows may still be unsynced, until the next commit: so the last order is in doubt.
fn trade_through(disk: &Disk) {
    let mut db = None;
    for order in 1..=ORDERS {
        for _ in 0..4 {
            let Some(mut open) = db.take().or_else(|| open_shop(disk, WAL_FULL).ok()) else {
                continue;
            };
            let is_there = open.query_row(
                "SELECT count(*) FROM orders WHERE id = ?1",
                [order],
                |row| row.get::<_, i64>(0),
            );
            match is_there {
                Ok(1) => {}
                Ok(_) if place(&mut open, order).is_ok() => {}
                _ => continue,
            }
            db = Some(open);
            break;
        }
    }
}

#[test]
fn any_operation_may_fail_once_and_no_order_is_lost_or_doubled() {
    for op in [
        Op::Open,
        Op::Read,
        Op::Write,
        Op::Truncate,
        Op::Sync,
        Op::Delete,
    ] {
        for n in 1.. {
            let disk = Disk::new(n);
            disk.fail_nth(op, n, Failure::Io);
            trade_through(&disk);
            let found = take_stock(&disk.snapshot()).unwrap();
            assert!(found.into_iter().eq(1..=ORDERS), "{op:?} {n}");
            for policy in [Policy::ForgetAll, Policy::Scramble] {
                let mut found = take_stock(&disk.power_cut(n, policy)).unwrap();
                found.remove(&ORDERS);
                assert!(found.into_iter().eq(1..ORDERS), "{policy:?} {op:?} {n}");
            }
            if disk.count(op) < n {
                break;
            }
            assert!(n < 1000, "never succeeds");
        }
    }
}

/// A file with order 1 sold and order 2 refused by a sync that failed.
fn after_a_failed_sync(forgetful: bool) -> Disk {
    let disk = Disk::new(9);
    disk.set_forgetful_sync_error(forgetful);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    // A checkpoint would begin the WAL anew, and the sync to fail would be that of its header.
    db.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    place(&mut db, 1).unwrap();
    disk.fail_nth(Op::Sync, 1, Failure::Io);
    let error = place(&mut db, 2).unwrap_err();
    assert_eq!(code(&error), Some(ErrorCode::SystemIoFailure));
    // Closing would checkpoint; a process that dies does not.
    let disk = disk.snapshot();
    drop(db);
    disk
}

#[test]
fn after_a_failed_sync_the_outcome_is_unknown_until_the_file_is_asked() {
    let disk = after_a_failed_sync(false);
    assert!(
        take_stock(&disk.snapshot()).unwrap().iter().eq(&[1, 2]),
        "refused, and yet there"
    );
    assert!(
        take_stock(&disk.power_cut(0, Policy::ForgetAll))
            .unwrap()
            .iter()
            .eq(&[1])
    );
    let some = |seed| take_stock(&disk.power_cut(seed, Policy::Scramble)).unwrap();
    assert!((0..40).all(|seed| some(seed).contains(&1)));
    assert!((0..40).any(|seed| some(seed).contains(&2)));
    assert!((0..40).any(|seed| !some(seed).contains(&2)));
}

#[test]
fn the_next_commit_makes_safe_what_a_failed_sync_left() {
    let disk = after_a_failed_sync(false);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    place(&mut db, 3).unwrap();
    let found = take_stock(&disk.power_cut(0, Policy::ForgetAll)).unwrap();
    assert!(found.iter().eq(&[1, 2, 3]));
}

#[test]
fn control_where_a_failed_sync_forgets_even_later_commits_are_lost() {
    let disk = after_a_failed_sync(true);
    let mut db = open(&disk).unwrap();
    assert!(whole_orders(&db).unwrap().iter().eq(&[1, 2]));
    place(&mut db, 3).unwrap();
    let found = take_stock(&disk.power_cut(0, Policy::ForgetAll)).unwrap();
    assert!(found.iter().eq(&[1]), "{found:?}");
}

#[test]
fn where_a_failed_sync_forgets_a_checkpoint_before_the_next_commit_saves_all() {
    let disk = after_a_failed_sync(true);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| {
        assert_eq!(row.get::<_, i64>(0)?, 0);
        Ok(())
    })
    .unwrap();
    place(&mut db, 3).unwrap();
    for seed in 0..40 {
        let found = take_stock(&disk.power_cut(seed, Policy::Scramble)).unwrap();
        assert!(found.iter().eq(&[1, 2, 3]), "seed {seed}: {found:?}");
    }
}

#[test]
fn a_disk_that_fails_for_good_says_so_until_it_heals() {
    let disk = Disk::new(2);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    disk.fail_from(Op::Sync, 1, Failure::Io);
    for _ in 0..3 {
        assert!(place(&mut db, 1).is_err());
    }
    disk.heal();
    place(&mut db, 1).unwrap();
    assert!(
        take_stock(&disk.power_cut(0, Policy::ForgetAll))
            .unwrap()
            .iter()
            .eq(&[1])
    );
}

#[test]
fn a_connection_may_outlive_its_disk() {
    let disk = Disk::new(0);
    let mut db = open_shop(&disk, WAL_FULL).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
    let memory = Connection::open_with_flags_and_vfs(":memory:", flags, disk.vfs_name()).unwrap();
    let name = disk.vfs_name().to_owned();
    drop(disk);
    place(&mut db, 1).unwrap();
    assert!(
        memory
            .execute_batch("ATTACH '/data/x.db' AS x; CREATE TABLE x.t (x)")
            .is_err()
    );
    assert!(Connection::open_with_flags_and_vfs("/data/y.db", flags, name.as_str()).is_err());
}

#[test]
fn temporary_files_live_on_the_disk_and_leave_nothing() {
    let disk = Disk::new(0);
    let db = open(&disk).unwrap();
    db.pragma_update(None, "temp_store", "file").unwrap();
    db.pragma_update(Some("temp"), "cache_size", 10).unwrap();
    db.execute_batch(
        "CREATE TEMP TABLE t AS WITH RECURSIVE n(i) AS
            (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
         SELECT i, zeroblob(200) AS body FROM n;",
    )
    .unwrap();
    assert!(disk.used() > 500_000, "{}", disk.used());
    assert!(disk.files().iter().all(|name| name == "/data/journal.db"));
    drop(db);
    assert_eq!(disk.used(), 0);
    assert_eq!(trade(&disk, WAL_FULL).into_iter().max(), Some(ORDERS));
}
