use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::thread;
use std::time::Duration;

use lossy_vfs::{Disk, Policy};
use rusqlite::Connection;

use crate::shop::{DELETE_EXTRA, Mode, WAL_FULL, open, open_shop, place, take_stock, whole_orders};

/// The writer goes on until it has placed so many orders and readers have looked so often, so that
/// they have met.
const ORDERS: i64 = 60;
const LOOKS: i64 = 30;
const BOUND: i64 = 3_000;

/// The last order, after a look that none before it is missing.
fn last(orders: &BTreeSet<i64>) -> i64 {
    let last = orders.last().copied().unwrap_or(0);
    assert!(orders.iter().copied().eq(1..=last), "{orders:?}");
    last
}

fn reader(disk: &Disk) -> Connection {
    let db = open(disk).unwrap();
    db.busy_timeout(Duration::from_secs(30)).unwrap();
    db.pragma_update(None, "query_only", true).unwrap();
    db
}

/// One writer, two readers that check all they see, and cuts of the running disk from outside.
fn busy_shop(mode: Mode) {
    let disk = Disk::new(11);
    let mut writer = open_shop(&disk, mode).unwrap();
    writer.busy_timeout(Duration::from_secs(30)).unwrap();
    let sold = AtomicI64::new(0);
    let looks = AtomicI64::new(0);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let db = reader(&disk);
                let mut seen = 0;
                while !is_over.load(Ordering::Acquire) {
                    let promised = sold.load(Ordering::Acquire);
                    let now = last(&whole_orders(&db).unwrap());
                    assert!(
                        now >= promised.max(seen),
                        "{now} of {promised}, {seen} before"
                    );
                    seen = now;
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        scope.spawn(|| {
            for order in 1..=BOUND {
                place(&mut writer, order).unwrap();
                sold.store(order, Ordering::Release);
                if order >= ORDERS && looks.load(Ordering::Relaxed) >= LOOKS {
                    break;
                }
            }
            is_over.store(true, Ordering::Release);
        });
        for seed in 0..20 {
            let promised = sold.load(Ordering::Acquire);
            let found = take_stock(&disk.power_cut(seed, Policy::Scramble)).unwrap();
            assert!(
                last(&found) >= promised,
                "seed {seed}: {promised}, {}",
                found.len()
            );
        }
    });
    assert_eq!(last(&take_stock(&disk).unwrap()), sold.into_inner());
}

#[test]
fn readers_see_whole_orders_beside_a_writer_in_wal_mode() {
    busy_shop(WAL_FULL);
}

#[test]
fn readers_see_whole_orders_beside_a_writer_in_delete_mode() {
    busy_shop(DELETE_EXTRA);
}

#[test]
fn a_reader_keeps_its_snapshot_while_the_writer_goes_on() {
    let disk = Disk::new(0);
    let mut writer = open_shop(&disk, WAL_FULL).unwrap();
    place(&mut writer, 1).unwrap();
    let db = reader(&disk);
    db.execute_batch("BEGIN").unwrap();
    assert_eq!(whole_orders(&db).unwrap().len(), 1);
    for order in 2..40 {
        place(&mut writer, order).unwrap();
    }
    assert_eq!(whole_orders(&db).unwrap().len(), 1);
    db.execute_batch("COMMIT").unwrap();
    assert_eq!(whole_orders(&db).unwrap().len(), 39);
}

#[test]
fn two_writers_take_turns() {
    let disk = Disk::new(0);
    let open_writer = || {
        let db = open_shop(&disk, WAL_FULL).unwrap();
        db.busy_timeout(Duration::from_secs(30)).unwrap();
        db
    };
    let (mut odd, mut even) = (open_writer(), open_writer());
    thread::scope(|scope| {
        for (db, first) in [(&mut odd, 1), (&mut even, 2)] {
            scope.spawn(move || {
                for order in (first..=100).step_by(2) {
                    place(db, order).unwrap();
                }
            });
        }
    });
    let found = take_stock(&disk.power_cut(0, Policy::ForgetAll)).unwrap();
    assert!(found.into_iter().eq(1..=100));
}
