//! Who is taken in first when many come at once.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::ingest::Way;
use crate::ledger::connection::values;
use crate::ledger::{Reach, devices};
use crate::testing::{Kiosk, Rig};

/// Kiosks with a backlog, and what each of them sends.
const HERD: usize = 20;
const EACH: usize = 64;
/// What may be stored between a live frame's arrival and its commit: the frame being written.
const AHEAD: u64 = EACH as u64;

/// Looks until it is so; the test's own deadline is the runner's.
async fn until(is: impl Fn() -> bool) {
    while !is() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Occupies the writer of store `s` until told.
async fn occupied(rig: &Rig) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let ledger = rig.cloud.ledger.clone();
    let find = ledger.read(|connection| devices::store_id(connection, "s"));
    let store = find.await.unwrap().unwrap();
    let (release, released) = oneshot::channel();
    let (begin, begun) = oneshot::channel();
    let occupying = tokio::spawn(async move {
        let work = ledger.write_in(Reach::Store(store), move |_| {
            let _ = begin.send(());
            let _ = released.blocking_recv();
            Ok(())
        });
        work.await.unwrap();
    });
    begun.await.unwrap();
    (release, occupying)
}

fn sending(rig: &Rig, kiosk: &Kiosk) -> JoinHandle<u64> {
    let (door, kiosk) = (rig.cloud.door.clone(), kiosk.clone());
    tokio::spawn(async move {
        let frame = kiosk.frame(&kiosk.entries);
        let taken = door.frame(&kiosk.speaker, frame, "r", Way::Live).await;
        taken.unwrap().ack.watermark
    })
}

/// How many events were stored before the first one of this kiosk.
async fn stored_before(rig: &Rig, kiosk: &Kiosk) -> u64 {
    let journal = kiosk.journal;
    let read = rig.cloud.ledger.read(move |connection| {
        connection.one(
            "SELECT count(*) FROM events WHERE id < (SELECT min(e.id) FROM events e
             JOIN streams s ON s.id = e.stream WHERE s.journal = ?1)",
            values![journal.0.as_bytes()],
            |row| row.get(0),
        )
    });
    read.await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_order_is_not_behind_other_kiosks_backlogs() {
    let rig = Rig::new();
    let mut herd = Vec::new();
    for number in 0..HERD {
        let mut kiosk = rig.greeted(&format!("k{number}")).await;
        (0..EACH).for_each(|_| {
            kiosk.place(500);
        });
        herd.push(kiosk);
    }
    let mut seller = rig.greeted("seller").await;
    seller.place(700);
    let (release, occupying) = occupied(&rig).await;
    let waiting: Vec<_> = herd.iter().map(|kiosk| sending(&rig, kiosk)).collect();
    let in_hand = HERD.min(8 * rig.cloud.ledger.writers());
    until(|| rig.cloud.ledger.queued().1 == in_hand).await;
    let sold = sending(&rig, &seller);
    until(|| rig.cloud.ledger.queued().0 == 1).await;
    release.send(()).unwrap();
    occupying.await.unwrap();
    assert_eq!(sold.await.unwrap(), 1);
    for kiosk in waiting {
        assert_eq!(kiosk.await.unwrap(), EACH as u64);
    }
    let ahead = stored_before(&rig, &seller).await;
    assert!(ahead <= AHEAD, "{ahead} events of others went before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_while_it_waits_keeps_nobodys_place() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    (0..EACH).for_each(|_| {
        kiosk.place(500);
    });
    let (release, occupying) = occupied(&rig).await;
    let places = 8 * rig.cloud.ledger.writers();
    let calls: Vec<_> = (0..places + 5).map(|_| sending(&rig, &kiosk)).collect();
    until(|| rig.cloud.ledger.queued().1 == places).await;
    for call in &calls {
        call.abort();
    }
    for call in calls {
        assert!(call.await.is_err());
    }
    release.send(()).unwrap();
    occupying.await.unwrap();
    // What was begun for nobody is over sometime; then there is room for as many again.
    let calls: Vec<_> = (0..places + 5).map(|_| sending(&rig, &kiosk)).collect();
    for call in calls {
        assert_eq!(call.await.unwrap(), EACH as u64);
    }
}
