use super::*;
use cloud_sync_wire::archive::{self, Record};
use cloud_sync_wire::credential::{Credential, DeviceSecret};
use cloud_sync_wire::frame;
use cloud_sync_wire::hello::Registration;
use cloud_sync_wire::signed;
use kiosk_core::ids::{KioskId, StoreId};
use std::os::unix::fs::PermissionsExt;

fn credential() -> Credential {
    Credential {
        stillopen_credential: 1,
        store: StoreId::try_new("canal").unwrap(),
        kiosk: KioskId::try_new("k1").unwrap(),
        cloud: "http://127.0.0.1:1".to_owned(),
        mqtt: None,
        ca: None,
        device_secret: DeviceSecret::from_seed([4; 32]),
        cloud_key: SecretKey::from_seed(&[5; 32]).public(),
        prefixes: vec!["A".to_owned()],
    }
}

async fn desk_of(orders: usize) -> Desk {
    let desk = Desk::new();
    for _ in 0..orders {
        desk.place().await;
    }
    desk
}

/// The seqs in an archive, and whether it holds a registration.
fn opened(desk: &Desk, path: &Path) -> (Vec<u64>, bool) {
    let bytes = std::fs::read(path).unwrap();
    let mut seqs = Vec::new();
    let mut is_registered = false;
    for record in archive::records(&bytes).unwrap() {
        match record {
            Record::Registration(bytes) => {
                let device = credential().device_secret.key().public();
                let registration: Registration = signed::open(bytes, &device).unwrap();
                assert_eq!(registration.journal, desk.journal.id());
                assert_eq!(registration.key, desk.journal.key().public());
                is_registered = true;
            }
            Record::Frame(bytes) => {
                let frame = frame::decode(bytes).unwrap();
                let entries = frame.verify(&desk.journal.key().public()).unwrap();
                seqs.extend(entries.iter().map(|entry| entry.seq));
            }
        }
    }
    (seqs, is_registered)
}

#[tokio::test]
async fn an_export_holds_what_is_unconfirmed_or_all_that_is_there() {
    let desk = desk_of(199).await;
    desk.confirm(desk.ack(1, 20, &[(30, 39), (100, 199)]).await)
        .await;
    let path = desk.folder().join("events.sox");
    let done = export(desk.folder(), &path, false, Some(&credential())).unwrap();
    let want: Vec<u64> = (21..=29).chain(40..=99).chain([200]).collect();
    assert_eq!(opened(&desk, &path), (want, true));
    let exported = Exported {
        events: 70,
        frames: 3,
        first: 21,
        last: 200,
        registered: true,
    };
    assert_eq!(done, exported);
    assert_eq!(desk.outbox().unconfirmed(), 70);

    let refused = export(desk.folder(), &path, true, None)
        .unwrap_err()
        .to_string();
    assert!(refused.contains("is there already"), "{refused}");
    let path = desk.folder().join("all.sox");
    export(desk.folder(), &path, true, None).unwrap();
    assert_eq!(opened(&desk, &path), ((1..=200).collect(), false));
}

#[tokio::test]
async fn an_enrolled_kiosks_export_carries_its_registration_without_the_credential() {
    let desk = desk_of(2).await;
    let enrolment = desk.journal.enrolment(&credential()).unwrap();
    for _ in 0..2 {
        desk.journal
            .keep_enrolment(enrolment.clone())
            .await
            .unwrap();
    }
    let path = desk.folder().join("events.sox");
    let done = export(desk.folder(), &path, false, None).unwrap();
    assert!(done.registered);
    assert_eq!(opened(&desk, &path), ((1..=3).collect(), true));
    let bytes = std::fs::read(&path).unwrap();
    for record in archive::records(&bytes).unwrap() {
        if let Record::Frame(bytes) = record {
            let sender = frame::decode(bytes).unwrap().sender;
            assert_eq!(
                (sender.store, sender.kiosk),
                (credential().store, credential().kiosk)
            );
        }
    }
}

#[tokio::test]
async fn an_export_of_nothing_is_an_archive_without_frames() {
    let desk = Desk::new();
    let path = desk.folder().join("events.sox");
    let done = export(desk.folder(), &path, false, None).unwrap();
    assert_eq!(done, Exported::default());
    assert_eq!(opened(&desk, &path), (Vec::new(), false));
}

#[tokio::test]
async fn where_nothing_can_be_written_the_path_is_told_and_nothing_left() {
    let desk = desk_of(1).await;
    let path = desk.folder().join("nowhere/events.sox");
    let refused = export(desk.folder(), &path, false, None)
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("nowhere/events.sox can't be written"),
        "{refused}"
    );
    let refused = backup(desk.folder(), &path).unwrap_err().to_string();
    assert!(
        refused.contains("nowhere/events.sox can't be written"),
        "{refused}"
    );
    let empty = tempfile::tempdir().unwrap();
    let refused = backup(empty.path(), &empty.path().join("b"))
        .unwrap_err()
        .to_string();
    assert!(refused.contains("there is no journal at"), "{refused}");
    assert_eq!(std::fs::read_dir(empty.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn a_backup_made_while_orders_come_in_is_a_whole_journal() {
    let desk = Arc::new(desk_of(50).await);
    let copies = tempfile::tempdir().unwrap();
    let selling = {
        let desk = Arc::clone(&desk);
        tokio::spawn(async move {
            for _ in 0..50 {
                desk.place().await;
            }
        })
    };
    let path = copies.path().join("journal.sqlite");
    let (folder, out) = (desk.folder().to_owned(), path.clone());
    let size = tokio::task::spawn_blocking(move || backup(&folder, &out))
        .await
        .unwrap()
        .unwrap();
    selling.await.unwrap();
    assert_eq!(size, path.metadata().unwrap().len());
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let report = check::check(copies.path(), |_, _| {}).unwrap();
    assert!(report.ok && report.orders >= 50, "{report:#?}");
    let refused = backup(desk.folder(), &path).unwrap_err().to_string();
    assert!(refused.contains("is there already"), "{refused}");
    // It is the same journal, at an earlier time.
    let (feed, _changes) = mpsc::unbounded_channel();
    let restored = Journal::open(settings(copies.path(), 9), feed).unwrap();
    assert_eq!(restored.id(), desk.journal.id());
}
