//! Exported files, carried by hand.

use cloud_sync_wire::archive::{MAGIC, Record, put};
use cloud_sync_wire::credential::DeviceSecret;
use kiosk_core::ids::{KioskId, StoreId};

use super::*;

/// Imports a file of that registration and these frames; whether all of it was taken.
async fn imported(rig: &Rig, registration: Option<&[u8]>, frames: &[Vec<u8>]) -> bool {
    let mut bytes = MAGIC.to_vec();
    if let Some(registration) = registration {
        put(&mut bytes, &Record::Registration(registration));
    }
    for frame in frames {
        put(&mut bytes, &Record::Frame(frame));
    }
    let file = rig.dir.path().join("carried.sox");
    std::fs::write(&file, &bytes).unwrap();
    let taken = crate::import::import(&rig.place, &[file]).await;
    taken.is_ok()
}

#[tokio::test]
async fn a_file_from_before_a_kiosk_was_enrolled_anew_is_taken_and_a_live_hello_is_not() {
    let rig = Rig::new();
    let mut kiosk = rig.kiosk("k").await;
    kiosk.place(100);
    let file = (kiosk.registration(), vec![kiosk.frame(&kiosk.entries)]);
    let anew = DeviceSecret::from_seed([77; 32]);
    let (speaker, secret) = (kiosk.speaker.clone(), anew.clone());
    let enrolling = rig.cloud.ledger.write(move |connection| {
        let (store, kiosk) = (&speaker.store, &speaker.kiosk);
        let now = crate::clock::wall();
        let key = secret.key().public();
        devices::enroll(connection, store, kiosk, key, [0; 32], now)
    });
    enrolling.await.unwrap();
    // Whoever has the former credential can't speak for the kiosk any more.
    assert!(matches!(rig.hello(&kiosk).await, Err(Refused::Bad(_))));
    assert!(imported(&rig, Some(&file.0), &file.1).await);
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
    // With its new credential the kiosk goes on with the same journal.
    kiosk.secret = anew;
    assert_eq!(rig.hello(&kiosk).await.unwrap().watermark, 1);
    // A key that the device never had is not among the former ones.
    let mut stranger = Kiosk::new("s", "k");
    stranger.secret = DeviceSecret::from_seed([78; 32]);
    stranger.place(5);
    let frames = [stranger.frame(&stranger.entries)];
    assert!(!imported(&rig, Some(&stranger.registration()), &frames).await);
}

#[tokio::test]
async fn a_file_written_before_enrolment_is_taken_once_the_journal_is_known() {
    let rig = Rig::new();
    let mut kiosk = rig.kiosk("k").await;
    kiosk.place(100);
    let mut local = kiosk.clone();
    local.speaker.store = StoreId::try_new("local").unwrap();
    local.speaker.kiosk = KioskId::try_new("local").unwrap();
    let frames = [local.frame(&local.entries)];
    assert!(!imported(&rig, None, &frames).await, "nobody knows it yet");
    rig.hello(&kiosk).await.unwrap();
    assert!(imported(&rig, None, &frames).await);
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
    // By name alone nobody gets in: the journal's own key must have signed.
    local.key = SecretKey::from_seed(&[1; 32]);
    let forged = [local.frame(&local.entries)];
    assert!(!imported(&rig, None, &forged).await);
    // And live it is not a name to speak under.
    let door = &rig.cloud.door;
    let live = door.frame(&local.speaker, frames[0].clone(), "r", Way::Live);
    assert!(matches!(live.await, Err(Refused::UnknownJournal(_))));
}

#[tokio::test]
async fn an_exported_file_comes_in_through_the_same_door_once() {
    let rig = Rig::new();
    let mut kiosk = rig.kiosk("k").await;
    for total in 1..=3 {
        kiosk.place(total * 100);
    }
    let mut bytes = MAGIC.to_vec();
    put(&mut bytes, &Record::Registration(&kiosk.registration()));
    put(&mut bytes, &Record::Frame(&kiosk.frame(&kiosk.entries)));
    let file = rig.dir.path().join("k.sox");
    std::fs::write(&file, &bytes).unwrap();
    // A second process would do the same, on the same ledger, while this one serves.
    for _ in 0..2 {
        let files = [file.clone()];
        crate::import::import(&rig.place, &files).await.unwrap();
    }
    assert_eq!(sums(&rig).await.unwrap().gross, 600);
    assert_eq!(watermark(&rig, &kiosk).await, 3);
    // Signed by another device it is refused.
    let stranger = Kiosk::new("s", "stranger");
    let mut forged = MAGIC.to_vec();
    let registration = Kiosk {
        secret: stranger.secret.clone(),
        journal: stranger.journal,
        ..kiosk.clone()
    };
    put(
        &mut forged,
        &Record::Registration(&registration.registration()),
    );
    std::fs::write(&file, &forged).unwrap();
    assert!(crate::import::import(&rig.place, &[file]).await.is_err());
}

#[tokio::test]
async fn a_bad_file_is_told_and_the_others_are_taken() {
    let rig = Rig::new();
    let mut kiosk = rig.kiosk("k").await;
    kiosk.place(100);
    let mut bytes = MAGIC.to_vec();
    put(&mut bytes, &Record::Registration(&kiosk.registration()));
    put(&mut bytes, &Record::Frame(&kiosk.frame(&kiosk.entries)));
    let file = |name: &str| rig.dir.path().join(name);
    std::fs::write(file("good"), &bytes).unwrap();
    std::fs::write(file("cut"), &bytes[..bytes.len() - 1]).unwrap();
    let files = [file("gone"), file("cut"), file("good")];
    let told = crate::import::import(&rig.place, &files).await;
    assert!(format!("{told:?}").contains("2 of 3 files"), "{told:?}");
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
}

#[tokio::test]
async fn a_file_of_a_journal_that_another_carries_on_is_told_so() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let mut new = Kiosk::new("s", "k");
    new.secret = kiosk.secret.clone();
    new.replaces = Some(kiosk.journal);
    rig.hello(&new).await.unwrap();
    kiosk.place(7);
    let frames = [kiosk.frame(&kiosk.entries)];
    assert!(!imported(&rig, Some(&kiosk.registration()), &frames).await);
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
}
