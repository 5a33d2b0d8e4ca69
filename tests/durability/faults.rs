use lossy_vfs::{Disk, Failure, Op, Policy};

use crate::asked::request;
use crate::shift::{Shift, orders_of_a_shift};

/// A disk on which a failed sync behaves as on Linux: what it did not write stays readable, and no
/// later sync writes it.
fn disk(seed: u64) -> Disk {
    let disk = Disk::new(seed);
    disk.set_forgetful_sync_error(true);
    disk
}

/// The same with the promise that SQLite relies on by default on Unix: its log is then not padded,
/// and what a failed sync forgets is the one transaction alone.
fn usual_disk(seed: u64) -> Disk {
    let disk = disk(seed);
    disk.set_powersafe_overwrite(true);
    disk
}

/// Runs the shift with operation 1, 2, 3 … of a kind failing, until none fails.
fn fail_everywhere(
    op: Op,
    failure: Failure,
    tries: u32,
    new_disk: fn(u64) -> Disk,
    mut look: impl FnMut(&Shift, &Disk, &str),
) {
    for n in 1.. {
        let disk = new_disk(n);
        disk.fail_nth(op, n, failure);
        let shift = Shift::new(&disk, tries);
        shift.block_on(shift.work());
        let reached = disk.count(op) >= n;
        disk.heal();
        look(&shift, &disk, &format!("{op:?} {n} failed"));
        if !reached {
            break;
        }
        assert!(n < 5_000, "the shift never ends");
    }
}

/// One failure: all is placed in the end, and stays whatever happens to the machine.
fn all_is_kept(op: Op, failure: Failure, new_disk: fn(u64) -> Disk) {
    fail_everywhere(op, failure, 3, new_disk, |shift, disk, story| {
        assert_eq!(shift.placed(), orders_of_a_shift(), "{story}");
        shift.assert_numbers_differ(story);
        shift.assert_kept_after_cut(disk, 1, story);
        shift.assert_kept(disk, &format!("{story}, and went on"));
    });
}

#[test]
fn any_sync_may_fail() {
    all_is_kept(Op::Sync, Failure::Io, disk);
    all_is_kept(Op::Sync, Failure::Io, usual_disk);
}

#[test]
fn any_write_may_fail() {
    all_is_kept(Op::Write, Failure::Io, disk);
}

#[test]
fn any_write_may_find_no_space() {
    all_is_kept(Op::Write, Failure::NoSpace, disk);
}

#[test]
fn any_truncate_open_or_delete_may_fail() {
    for op in [Op::Truncate, Op::Open, Op::Delete] {
        all_is_kept(op, Failure::Io, disk);
    }
}

#[test]
fn any_read_may_fail() {
    all_is_kept(Op::Read, Failure::Io, disk);
}

#[test]
fn a_diner_who_does_not_ask_again_was_told_the_truth() {
    fail_everywhere(
        Op::Sync,
        Failure::Io,
        1,
        usual_disk,
        |shift, disk, story| {
            shift.assert_kept_after_cut(disk, 1, story);
        },
    );
}

/// The same while the log is not moved of itself, so that nothing but mending can make good what
/// the failed sync forgot.
#[test]
fn what_is_answered_after_a_failed_sync_is_on_the_disk() {
    for new_disk in [disk, usual_disk] {
        for n in 1.. {
            let disk = new_disk(n);
            disk.fail_nth(Op::Sync, n, Failure::Io);
            disk.fail_nth(Op::Sync, n + 6, Failure::Io);
            let mut shift = Shift::new(&disk, 4);
            shift.keep_log();
            let cuts = shift.block_on(async {
                let journal = shift.open().unwrap();
                let mut cuts = Vec::new();
                for number in 1..=5 {
                    shift.place(&journal, request(number)).await.unwrap();
                    cuts.push(disk.power_cut(n, Policy::ForgetAll));
                }
                cuts
            });
            for (orders, cut) in (1..).zip(&cuts) {
                shift.assert_first_kept(orders, cut, &format!("sync {n} failed, {orders} placed"));
            }
            if disk.count(Op::Sync) < n {
                break;
            }
        }
    }
}

/// A sync fails, and the process is killed before it can mend the file. The next one is told of
/// everything that shows, and then the power goes.
#[test]
fn after_a_failed_sync_and_a_kill_whatever_shows_is_made_certain_before_it_is_told() {
    for n in 1.. {
        let disk = disk(n);
        disk.fail_nth(Op::Sync, n, Failure::Io);
        let first = Shift::new(&disk, 1);
        let killed = first.block_on(async {
            let journal = first.open()?;
            for number in 1..=12 {
                if first.place(&journal, request(number)).await.is_none() {
                    break;
                }
            }
            // No more is written than has been: what follows happens to a copy.
            Some(disk.snapshot())
        });
        let reached = disk.count(Op::Sync) >= n;
        if let Some(killed) = killed {
            let second = first.on(&killed);
            second.block_on(async {
                let journal = second.open().unwrap();
                for number in 1..=12 {
                    second.place(&journal, request(number)).await.unwrap();
                }
                second.assert_numbers_differ("after a kill");
                let cut = killed.power_cut(n, Policy::ForgetAll);
                drop(journal);
                cut
            });
            second.assert_kept_after_cut(&killed, 1, &format!("sync {n} failed, killed"));
        }
        if !reached {
            break;
        }
    }
}

/// Two faults at once: while the file is being mended, the power goes.
#[test]
fn a_power_cut_soon_after_a_failed_sync_loses_nothing_that_was_answered() {
    for n in 4.. {
        let mut reached = false;
        for later in 1..=9 {
            let disk = usual_disk(n * 10 + later);
            disk.fail_nth(Op::Sync, n, Failure::Io);
            let shift = Shift::new(&disk, 2);
            shift.block_on(async {
                let Some(journal) = shift.open() else {
                    return;
                };
                for number in 1..=8 {
                    let before = disk.count(Op::Sync);
                    shift.place(&journal, request(number)).await;
                    if !reached && before < n && disk.count(Op::Sync) >= n {
                        disk.cut_at_operation(later);
                    }
                }
            });
            reached |= disk.count(Op::Sync) >= n;
            let story = format!("sync {n} failed, power gone {later} operations later");
            shift.assert_kept_after_cut(&disk, 1, &story);
        }
        if !reached {
            break;
        }
    }
}

#[test]
fn a_disk_that_fails_for_good_refuses_until_it_works_again() {
    for op in [Op::Sync, Op::Write] {
        let disk = disk(1);
        let shift = Shift::new(&disk, 1);
        shift.block_on(async {
            let journal = shift.open().unwrap();
            let before = shift.place(&journal, request(1)).await.unwrap();
            disk.fail_from(op, 1, Failure::Io);
            for number in [2, 3, 1, 2] {
                assert!(shift.place(&journal, request(number)).await.is_none());
                assert!(journal.health().borrow().trouble.is_some());
            }
            // Whoever looks still can.
            let id = before.order.id;
            let seen = journal.read(move |reader| reader.order(id)).await;
            assert_eq!(seen.unwrap().unwrap().order, *before.order);
            disk.heal();
            // Nobody has to order for it to be seen that the disk works again.
            journal.prune().await.unwrap();
            assert_eq!(journal.health().borrow().trouble, None);
            let again = shift.place(&journal, request(1)).await.unwrap();
            assert!(again.repeated);
            assert_eq!(again.order.number, before.order.number);
            let second = shift.place(&journal, request(2)).await.unwrap();
            assert_eq!(second.order.number, "A002");
        });
        shift.assert_kept_after_cut(&disk, 2, "healed");
    }
}
