use lossy_vfs::Disk;

use crate::asked::request;
use crate::shift::Shift;

#[test]
fn a_full_disk_refuses_orders_and_takes_them_when_there_is_room_again() {
    for room in [0, 3_000, 9_000, 30_000, 70_000, 120_000] {
        let disk = Disk::new(room);
        let shift = Shift::new(&disk, 1);
        shift.block_on(async {
            let journal = shift.open().unwrap();
            for number in 1..=3 {
                shift.place(&journal, request(number)).await.unwrap();
            }
            disk.set_capacity(Some(disk.used() + usize::try_from(room).unwrap()));
            let mut refused = Vec::new();
            for number in 4..=80 {
                if shift.place(&journal, request(number)).await.is_none() {
                    refused.push(number);
                }
            }
            assert!(!refused.is_empty(), "room for {room} is enough for all");
            assert!(journal.health().borrow().trouble.is_some());
            disk.set_capacity(None);
            for number in refused {
                let placed = shift.place(&journal, request(number)).await.unwrap();
                assert!(
                    !placed.repeated,
                    "order {number} was refused, and yet there"
                );
            }
            assert_eq!(journal.health().borrow().trouble, None);
        });
        assert_eq!(shift.placed(), 80);
        let story = format!("{room} bytes of room");
        shift.assert_numbers_differ(&story);
        shift.assert_kept_after_cut(&disk, 2, &story);
    }
}

#[test]
fn a_shift_on_a_disk_that_is_full_for_a_while_loses_nothing_that_was_answered() {
    for room in (4_000..200_000).step_by(14_000) {
        let disk = Disk::new(room);
        disk.set_capacity(Some(usize::try_from(room).unwrap()));
        let shift = Shift::new(&disk, 1);
        shift.block_on(shift.work());
        let story = format!("a disk of {room} bytes");
        disk.set_capacity(None);
        shift.assert_kept_after_cut(&disk, 1, &story);
        shift.assert_kept(&disk, &story);
    }
}
