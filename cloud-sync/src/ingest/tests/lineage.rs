//! A ledger that went back in time, and how it finds that out.

use super::*;
use crate::cluster::FIRST;
use crate::ledger::{Place, lineage};
use crate::testing::place;
use cloud_sync_wire::ack::Ack;

/// A kiosk with `before` orders in the backup and `after` more that were acked after it was made; and the
/// ledger put back from that backup, opened anew.
async fn put_back(before: usize, after: usize) -> (Rig, Kiosk, Ack) {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    for _ in 0..before {
        kiosk.place(100);
    }
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let backup = Arc::new(tempfile::tempdir().unwrap());
    let place = match &rig.server {
        None => copy_of_file(&rig, &backup),
        Some(server) => place(&server.lock().unwrap().copy(FIRST, "backup").unwrap()),
    };
    for _ in 0..after {
        kiosk.place(500);
    }
    let ack = rig
        .send(&kiosk, &kiosk.entries[before..])
        .await
        .unwrap()
        .ack;
    kiosk.last_ack = Some(rig.cloud.door.sign(&ack).unwrap());
    (Rig::open(backup, place, rig.server.clone()), kiosk, ack)
}

fn copy_of_file(rig: &Rig, backup: &tempfile::TempDir) -> Place {
    let copy = backup.path().join("ledger.sqlite");
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let served = rig.dir.path().join("ledger.sqlite");
    let beside = rusqlite::Connection::open_with_flags(served, flags).unwrap();
    let into = "VACUUM INTO ?1";
    beside.execute(into, [copy.to_string_lossy()]).unwrap();
    Place::Folder(backup.path().to_owned())
}

#[tokio::test]
async fn a_ledger_that_was_opened_takes_no_frame_and_tells_no_ack_before_a_hello() {
    let (rig, mut kiosk, _) = put_back(2, 3).await;
    kiosk.place(900);
    let refused = rig.send(&kiosk, &kiosk.entries[5..]).await;
    assert!(
        matches!(refused, Err(Refused::HelloFirst(journal)) if journal == kiosk.journal),
        "{refused:?}"
    );
    let door = &rig.cloud.door;
    let asked = door.current_ack(&kiosk.speaker, kiosk.journal).await;
    assert!(matches!(asked, Err(Refused::HelloFirst(_))), "{asked:?}");
    let stream = stream(&rig, &kiosk).await;
    assert_eq!((stream.coverage.watermark, stream.ack_no), (2, 2));
}

#[tokio::test]
async fn an_ack_ahead_of_the_ledger_begins_a_new_generation_and_what_was_lost_is_asked_for() {
    let (rig, mut kiosk, before) = put_back(2, 3).await;
    let ack = rig.hello(&kiosk).await.unwrap();
    assert_ne!(ack.generation, before.generation);
    assert_eq!((ack.watermark, ack.lineage), (2, before.lineage + 1));
    // Once is enough, and a kiosk that still holds the old proof changes nothing more.
    let again = rig.hello(&kiosk).await.unwrap();
    assert_eq!(again.generation, ack.generation);
    let ack = rig.send(&kiosk, &kiosk.entries[2..]).await.unwrap().ack;
    assert_eq!((ack.watermark, ack.generation), (5, again.generation));
    kiosk.last_ack = Some(rig.cloud.door.sign(&ack).unwrap());
    assert_eq!(
        rig.hello(&kiosk).await.unwrap().generation,
        again.generation
    );
}

#[tokio::test]
async fn an_ordinary_restart_costs_one_hello_and_keeps_the_generation() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    let ack = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    kiosk.last_ack = Some(rig.cloud.door.sign(&ack).unwrap());
    let rig = rig.restarted();
    kiosk.place(200);
    assert!(rig.send(&kiosk, &kiosk.entries[1..]).await.is_err());
    let greeted = rig.hello(&kiosk).await.unwrap();
    assert_eq!(greeted.generation, ack.generation);
    for _ in 0..2 {
        rig.send(&kiosk, &kiosk.entries[1..]).await.unwrap();
    }
    assert_eq!(watermark(&rig, &kiosk).await, 2);
}

#[tokio::test]
async fn a_loss_is_found_also_when_a_file_was_imported_before_the_hello() {
    use crate::ledger::lineage::standing;
    let (rig, kiosk, before) = put_back(2, 3).await;
    // The file raises the ack's number far past the kiosk's, and holds the end of what was lost.
    let door = &rig.cloud.door;
    for _ in 0..9 {
        let frame = kiosk.frame(&kiosk.entries[3..]);
        let taken = door.frame(&kiosk.speaker, frame, "r", Way::Carried).await;
        assert!(taken.unwrap().ack.ack_no > 2);
    }
    let ack = rig.hello(&kiosk).await.unwrap();
    assert_ne!(ack.generation, before.generation);
    let now = rig.cloud.ledger.read(standing).await.unwrap();
    assert_eq!((now.generation, now.lineage), (ack.generation, ack.lineage));
}

#[tokio::test]
async fn a_ledger_put_back_twice_knows_that_it_never_had_the_generation_it_is_shown() {
    let (first, mut kiosk, _) = put_back(2, 3).await;
    first.hello(&kiosk).await.unwrap();
    let ack = first.send(&kiosk, &kiosk.entries[2..4]).await.unwrap().ack;
    kiosk.last_ack = Some(first.cloud.door.sign(&ack).unwrap());
    // Put back once more from the first backup: it has never heard of the second generation.
    let (second, other, _) = put_back(2, 0).await;
    let mut there = other.clone();
    let of_other = Ack {
        journal: other.journal,
        ..ack.clone()
    };
    there.last_ack = Some(second.cloud.door.sign(&of_other).unwrap());
    let answer = second.hello(&there).await.unwrap();
    assert_ne!(answer.generation, ack.generation);
    assert!(answer.lineage > ack.lineage, "{answer:?}");
}

#[tokio::test]
async fn a_forged_proof_or_one_of_another_journal_changes_nothing() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    let ack = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    let ahead = Ack {
        watermark: 40,
        ..ack.clone()
    };
    let forger = SecretKey::from_seed(&[3; 32]);
    let foreign = Ack {
        journal: kiosk_core::ids::JournalId(Uuid::nil()),
        ..ahead.clone()
    };
    let proofs = [
        cloud_sync_wire::signed::sign(&ahead, &forger).unwrap(),
        rig.cloud.door.sign(&foreign).unwrap(),
        b"nonsense".to_vec(),
    ];
    for proof in proofs {
        kiosk.last_ack = Some(proof);
        let answer = rig.hello(&kiosk).await.unwrap();
        assert_eq!(answer.generation, ack.generation);
    }
}

#[tokio::test]
async fn a_generation_is_begun_by_hand_while_the_ledger_is_served() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    let before = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    let place = rig.place.clone();
    let told = tokio::task::spawn_blocking(move || crate::commands::new_generation(&place));
    assert!(told.await.unwrap().is_ok());
    let after = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    assert_ne!(after.generation, before.generation);
    assert_eq!(after.lineage, before.lineage + 1);
    let earlier = before.generation;
    let known = rig
        .cloud
        .ledger
        .read(move |connection| lineage::has_been(connection, earlier));
    assert!(known.await.unwrap());
}

#[tokio::test]
async fn what_the_ledger_lost_and_the_kiosk_no_longer_holds_is_named_until_it_comes_after_all() {
    let (rig, mut kiosk, _) = put_back(2, 5).await;
    kiosk.retained_from = 6;
    rig.hello(&kiosk).await.unwrap();
    rig.send(&kiosk, &kiosk.entries[5..]).await.unwrap();
    let lost = async || {
        let kiosks = rig
            .cloud
            .ledger
            .read(|connection| devices::list(connection, ("", ""), 9));
        kiosks.await.unwrap().pop().unwrap().lost
    };
    assert_eq!(lost().await, [(3, 5)]);
    // An old export turns up.
    let frame = kiosk.frame(&kiosk.entries[2..5]);
    let door = &rig.cloud.door;
    let carried = door.frame(&kiosk.speaker, frame, "r", Way::Carried).await;
    assert_eq!(carried.unwrap().ack.watermark, 7);
    assert_eq!(lost().await, []);
}
