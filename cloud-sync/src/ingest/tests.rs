use std::sync::Arc;

use cloud_sync_wire::frame::Entry;
use cloud_sync_wire::keys::SecretKey;
use kiosk_core::event::{Acted, Fact};
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::order::Action;
use proptest::prelude::*;
use uuid::Uuid;

mod files;
mod forks;
mod lineage;
mod turns;

use super::decision::Outcome::{self, Alias, Applied, Duplicate, Parked, Quarantined};
use super::{Refused, Speaker, Way};
use crate::ledger::orders::{OrderRow, StoreSum};
use crate::ledger::{Ledger, LedgerError, devices, events, orders, quarantine, streams};
use crate::testing::{Kiosk, Rig, event, order};

async fn row(rig: &Rig, id: OrderId) -> Option<OrderRow> {
    let read = rig.cloud.ledger.read(move |connection| {
        let store = devices::store_id(connection, "s")?.unwrap();
        Ok(orders::find(connection, store, [&id])?.remove(&id))
    });
    read.await.unwrap()
}

async fn sums(rig: &Rig) -> Option<StoreSum> {
    let read = rig
        .cloud
        .ledger
        .read(|connection| orders::summary(connection, None));
    read.await.unwrap().pop()
}

async fn reasons(rig: &Rig) -> Vec<String> {
    let read = rig
        .cloud
        .ledger
        .read(|connection| quarantine::list(connection, 0, 1000));
    read.await
        .unwrap()
        .into_iter()
        .map(|entry| entry.reason)
        .collect()
}

async fn watermark(rig: &Rig, kiosk: &Kiosk) -> u64 {
    stream(rig, kiosk).await.coverage.watermark
}

async fn stream(rig: &Rig, kiosk: &Kiosk) -> streams::Stream {
    let journal = kiosk.journal;
    let read = rig
        .cloud
        .ledger
        .read(move |connection| streams::find(connection, journal));
    read.await.unwrap().unwrap()
}

#[tokio::test]
async fn an_order_is_folded_and_acked_with_the_kiosks_own_chain_hash() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(1290);
    kiosk.act(id, 2, Action::Start);
    let received = rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(received.outcomes, [Applied, Applied]);
    assert_eq!((received.ack.watermark, received.ack.ack_no), (2, 2));
    assert_eq!(received.ack.chain, kiosk.entries[1].chain);
    assert_eq!(row(&rig, id).await.unwrap().status, "preparing");
    let sum = sums(&rig).await.unwrap();
    assert_eq!((sum.orders, sum.gross, sum.tax), (1, 1290, 117));
}

#[tokio::test]
async fn what_comes_again_is_acked_again_and_changes_nothing() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(500);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let again = rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(again.outcomes, [Duplicate]);
    assert!(again.repeats());
    assert_eq!((again.ack.watermark, again.ack.ack_no), (1, 3));
    assert_eq!(sums(&rig).await.unwrap().gross, 500);
}

#[tokio::test]
async fn an_event_twice_in_one_frame_cannot_be_sent_but_under_two_journals_counts_once() {
    let rig = Rig::new();
    let mut one = rig.greeted("k").await;
    one.place(700);
    rig.send(&one, &one.entries).await.unwrap();
    // The same disk begins a new journal and emits its event again.
    let mut two = one.clone();
    two.journal = kiosk_core::ids::JournalId(Uuid::new_v4());
    two.key = SecretKey::from_seed(&[9; 32]);
    two.entries.clear();
    two.raw(one.entries[0].bytes.clone());
    let ack = rig.hello(&two).await.unwrap();
    assert_eq!(ack.epoch, Some(2));
    assert_eq!(rig.outcomes(&two, &two.entries).await, [Alias]);
    assert_eq!(watermark(&rig, &two).await, 1);
    assert_eq!(sums(&rig).await.unwrap().orders, 1);
}

#[tokio::test]
async fn other_content_at_the_same_place_never_overwrites_and_is_kept() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(700);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let mut clone = kiosk.clone();
    clone.entries.clear();
    clone.place(900);
    for _ in 0..2 {
        assert_eq!(rig.outcomes(&clone, &clone.entries).await, [Quarantined]);
    }
    assert_eq!(reasons(&rig).await, ["equivocation"]);
    assert_eq!(row(&rig, id).await.unwrap().total, 700);
    let ack = rig
        .cloud
        .door
        .current_ack(&kiosk.speaker, kiosk.journal)
        .await
        .unwrap();
    assert_eq!(
        ack.chain, kiosk.entries[0].chain,
        "the clone's history is not confirmed"
    );
}

#[tokio::test]
async fn other_content_under_the_same_identity_is_durable_but_not_applied() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let (one, mut two) = (order(100), order(200));
    two.id = one.id;
    let mut first = event(one.id, 1, Fact::Placed(Box::new(one)));
    first.id = EventId(Uuid::from_u128(5));
    let mut second = event(two.id, 1, Fact::Placed(Box::new(two)));
    second.id = first.id;
    kiosk.write(&first);
    kiosk.write(&second);
    assert_eq!(
        rig.outcomes(&kiosk, &kiosk.entries).await,
        [Applied, Quarantined]
    );
    assert_eq!(watermark(&rig, &kiosk).await, 2);
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
}

#[tokio::test]
async fn a_clones_future_is_not_joined_to_the_known_past() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(1);
    let mut clone = kiosk.clone();
    kiosk.place(2);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    clone.place(3);
    clone.place(4);
    let received = rig.send(&clone, &clone.entries[2..]).await.unwrap();
    assert_eq!(received.outcomes, [Quarantined]);
    assert_eq!(
        (received.ack.watermark, received.ack.chain),
        (2, kiosk.entries[1].chain)
    );
    assert_eq!(reasons(&rig).await, ["unlinked"]);
    let (journal, ledger) = (kiosk.journal, rig.cloud.ledger.clone());
    let stream = ledger
        .read(move |connection| streams::find(connection, journal))
        .await;
    assert!(stream.unwrap().unwrap().forked);
}

#[tokio::test]
async fn a_gap_is_told_as_a_range_and_never_under_the_watermark() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    for total in 1..=5 {
        kiosk.place(total);
    }
    let late = rig.send(&kiosk, &kiosk.entries[3..]).await.unwrap();
    let told: Vec<_> = late
        .ack
        .ranges
        .iter()
        .map(|r| (r.first, r.last, r.chain))
        .collect();
    assert_eq!(
        (late.ack.watermark, told),
        (0, vec![(4, 5, kiosk.entries[4].chain)])
    );
    let ack = rig.send(&kiosk, &kiosk.entries[..3]).await.unwrap().ack;
    assert_eq!((ack.watermark, ack.ranges.len()), (5, 0));
}

#[tokio::test]
async fn an_early_event_waits_and_is_applied_when_its_predecessor_comes() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(800);
    let voided = kiosk.act(id, 2, Action::Void);
    let other = rig.greeted("other").await;
    let mut other = other;
    other.raw(voided.bytes);
    assert_eq!(rig.outcomes(&other, &other.entries).await, [Parked]);
    assert_eq!(row(&rig, id).await, None);
    let parked = rig.cloud.ledger.read(events::parked).await.unwrap();
    assert_eq!(parked, 1);
    assert_eq!(rig.outcomes(&kiosk, &kiosk.entries[..1]).await, [Applied]);
    assert_eq!(row(&rig, id).await.unwrap().status, "voided");
    let sum = sums(&rig).await.unwrap();
    assert_eq!((sum.orders, sum.voided, sum.gross), (0, 1, 0));
}

#[tokio::test]
async fn a_poison_event_is_kept_and_its_neighbours_are_applied() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(1);
    kiosk.raw(b"\xff\x00 not json".to_vec());
    kiosk.raw(br#"{"v":9,"id":"of another shape"}"#.to_vec());
    let strange = kiosk.entries[0].bytes.clone();
    let strange = String::from_utf8(strange)
        .unwrap()
        .replace("order.placed", "robot.waved");
    let strange = strange.replacen(
        "\"id\":\"",
        "\"id\":\"00000000-0000-4000-8000-000000000001\",\"x\":\"",
        1,
    );
    kiosk.raw(strange.into_bytes());
    kiosk.place(2);
    let outcomes = rig.outcomes(&kiosk, &kiosk.entries).await;
    assert_eq!(
        outcomes,
        [Applied, Quarantined, Quarantined, Quarantined, Applied]
    );
    assert_eq!(
        reasons(&rig).await,
        ["undecodable", "schema_unsupported", "unknown_type"]
    );
    let ack = rig
        .cloud
        .door
        .current_ack(&kiosk.speaker, kiosk.journal)
        .await
        .unwrap();
    assert_eq!(
        (ack.watermark, ack.quarantined, ack.quarantined_total),
        (5, vec![2, 3, 4], 3)
    );
    assert_eq!(ack.quarantine_reasons, reasons(&rig).await);
}

#[tokio::test]
async fn an_order_that_contradicts_itself_is_not_summed() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let mut sums_wrong = order(100);
    sums_wrong.tax += 1;
    let mut huge = order(i64::MAX / 4);
    huge.subtotal = huge.total - huge.tax;
    let mut late = order(100);
    late.version = 3;
    let foreign = order(100);
    for order in [sums_wrong, huge, late] {
        kiosk.write(&event(order.id, 1, Fact::Placed(Box::new(order))));
    }
    kiosk.write(&event(
        OrderId(Uuid::nil()),
        1,
        Fact::Placed(Box::new(foreign)),
    ));
    assert_eq!(rig.outcomes(&kiosk, &kiosk.entries).await, [Quarantined; 4]);
    assert!(sums(&rig).await.is_none());
}

#[tokio::test]
async fn what_the_orders_history_forbids_is_kept_and_released_when_it_fits() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(100);
    kiosk.act(id, 2, Action::Ready);
    assert_eq!(
        rig.outcomes(&kiosk, &kiosk.entries).await,
        [Applied, Quarantined]
    );
    assert_eq!(reasons(&rig).await, ["illegal"]);
    let row = row(&rig, id).await.unwrap();
    assert_eq!((row.version, row.refused), (1, 1));
}

#[tokio::test]
async fn a_bad_signature_moves_nothing() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(1);
    let thief = Kiosk {
        key: SecretKey::from_seed(&[7; 32]),
        ..kiosk.clone()
    };
    let refused = rig.send(&thief, &thief.entries).await;
    assert!(matches!(refused, Err(Refused::Bad(_))), "{refused:?}");
    let mut damaged = kiosk.frame(&kiosk.entries);
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    let refused = rig
        .cloud
        .door
        .frame(&kiosk.speaker, damaged, "r", Way::Live)
        .await;
    assert!(matches!(refused, Err(Refused::Bad(_))));
    assert_eq!(watermark(&rig, &kiosk).await, 0);
    let samples = rig.cloud.ledger.read(|connection| {
        let sql = "SELECT count(*) FROM refused_frames";
        connection.one(sql, &[], |row| row.get::<i64>(0))
    });
    assert_eq!(samples.await.unwrap(), 2);
}

#[tokio::test]
async fn a_frame_of_another_sender_moves_nothing() {
    let rig = Rig::new();
    let mut one = rig.greeted("one").await;
    let two = rig.greeted("two").await;
    one.place(1);
    // Shown on the other's topic or path.
    let refused = rig
        .cloud
        .door
        .frame(&two.speaker, one.frame(&one.entries), "r", Way::Live)
        .await;
    assert!(matches!(refused, Err(Refused::Bad(_))));
    // Named as the other's, in the journal of the first.
    let forged = Kiosk {
        speaker: two.speaker.clone(),
        ..one.clone()
    };
    let refused = rig.send(&forged, &forged.entries).await;
    assert!(matches!(refused, Err(Refused::UnknownJournal(_))));
    let refused = rig.hello(&forged).await;
    assert!(matches!(refused, Err(Refused::Bad(_))));
    assert_eq!(watermark(&rig, &one).await, 0);
}

#[tokio::test]
async fn a_journal_stays_with_the_kiosk_that_first_named_it() {
    let rig = Rig::new();
    let one = rig.greeted("one").await;
    let mut two = rig.kiosk("two").await;
    two.journal = one.journal;
    two.key = one.key.clone();
    assert!(matches!(rig.hello(&two).await, Err(Refused::Foreign)));
}

#[tokio::test]
async fn an_unknown_journal_has_to_say_hello_first() {
    let rig = Rig::new();
    let mut kiosk = rig.kiosk("k").await;
    kiosk.place(1);
    let refused = rig.send(&kiosk, &kiosk.entries).await;
    assert!(matches!(refused, Err(Refused::UnknownJournal(_))));
    rig.hello(&kiosk).await.unwrap();
    assert_eq!(rig.outcomes(&kiosk, &kiosk.entries).await, [Applied]);
}

#[tokio::test]
async fn events_of_a_revoked_device_are_kept_in_quarantine_and_acked() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    rig.revoke(&kiosk).await;
    kiosk.place(200);
    let received = rig.send(&kiosk, &kiosk.entries[1..]).await.unwrap();
    assert_eq!(received.outcomes, [Quarantined]);
    assert_eq!(
        (received.ack.watermark, received.ack.quarantined),
        (2, vec![2])
    );
    assert_eq!(sums(&rig).await.unwrap().gross, 100);
    assert_eq!(reasons(&rig).await, ["revoked"]);
}

#[tokio::test]
async fn another_stores_kiosk_cannot_touch_an_order() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let mut foreign = rig.kiosk_of("elsewhere", "k").await;
    rig.hello(&foreign).await.unwrap();
    foreign.write(&event(id, 2, Fact::Acted(Action::Void, Acted::default())));
    assert_eq!(rig.outcomes(&foreign, &foreign.entries).await, [Parked]);
    assert_eq!(row(&rig, id).await.unwrap().status, "placed");
}

#[tokio::test]
async fn what_was_acked_is_there_after_the_ledger_is_opened_again() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(100);
    let ack = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    // A second handle sees only what was committed.
    let other = rig.again();
    assert!(row(&other, id).await.is_some());
    let again = other.hello(&kiosk).await.unwrap();
    assert_eq!(
        (again.watermark, again.ack_no),
        (ack.watermark, ack.ack_no + 1)
    );
    assert_eq!(again.generation, ack.generation);
}

#[tokio::test]
async fn nothing_is_acked_when_the_commit_fails() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    // Another process holds what the commit needs.
    let (send, wait) = std::sync::mpsc::channel::<()>();
    let (held, holding) = std::sync::mpsc::channel::<()>();
    let place = rig.place.clone();
    let blocker = std::thread::spawn(move || {
        let other = Ledger::open(&place).unwrap();
        let held = other.write_blocking(move |connection| {
            connection.execute("UPDATE ledger SET created_at = 0", &[])?;
            held.send(()).unwrap();
            wait.recv().unwrap();
            Err::<(), _>(LedgerError::Closed)
        });
        assert!(held.is_err());
    });
    holding.recv().unwrap();
    let sending = rig.send(&kiosk, &kiosk.entries);
    tokio::pin!(sending);
    let answered = tokio::time::timeout(std::time::Duration::from_millis(300), &mut sending).await;
    assert!(answered.is_err(), "acked before the commit");
    send.send(()).unwrap();
    assert_eq!(sending.await.unwrap().ack.watermark, 1);
    blocker.join().unwrap();
}

/// A history of three orders whose events lie in two kiosks' journals.
fn history() -> (Kiosk, Kiosk, Vec<OrderId>) {
    let (mut one, mut two) = (Kiosk::new("s", "one"), Kiosk::new("s", "two"));
    let (a, b, c) = (one.place(100), two.place(230), one.place(410));
    two.act(a, 2, Action::Pay);
    one.act(b, 2, Action::Start);
    one.act(a, 3, Action::Start);
    two.act(b, 3, Action::Void);
    // Both kiosks act on the same version; the one with the lower identity counts.
    one.act(c, 2, Action::Void);
    two.act(c, 2, Action::Start);
    (one, two, vec![a, b, c])
}

type Picture = (
    Vec<(String, String, u32, i64, usize)>,
    Vec<(i64, i64, i64)>,
    usize,
);

async fn delivered(one: &Kiosk, two: &Kiosk, orders: &[OrderId], way: &[(bool, usize)]) -> Picture {
    let rig = Rig::new();
    for kiosk in [one, two] {
        rig.kiosk(kiosk.speaker.kiosk.as_str()).await;
        rig.hello(kiosk).await.unwrap();
    }
    for (first, index) in way {
        let kiosk = if *first { one } else { two };
        let entry: &[Entry] = std::slice::from_ref(&kiosk.entries[*index]);
        let outcomes = rig.outcomes(kiosk, entry).await;
        assert!(!outcomes.contains(&Outcome::Refused));
    }
    let mut rows = Vec::new();
    for id in orders {
        let row = row(&rig, *id).await.unwrap();
        rows.push((
            row.status,
            row.payment_status,
            row.version,
            row.total,
            row.refused,
        ));
    }
    let sums = sums(&rig)
        .await
        .map(|sum| (sum.orders, sum.voided, sum.gross));
    (rows, sums.into_iter().collect(), reasons(&rig).await.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn any_order_of_arrival_gives_the_same_orders_sums_and_quarantine(seed in any::<u64>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (one, two, orders) = history();
            let mut way: Vec<(bool, usize)> = (0..one.entries.len()).map(|i| (true, i))
                .chain((0..two.entries.len()).map(|i| (false, i))).collect();
            let straight = delivered(&one, &two, &orders, &way).await;
            // A shuffle that follows from the seed, with some events twice.
            let mut state = seed | 1;
            let mut next = |below: usize| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                usize::try_from(state >> 33).unwrap() % below
            };
            way.extend_from_within(..3);
            for index in (1..way.len()).rev() {
                way.swap(index, next(index + 1));
            }
            let shuffled = delivered(&one, &two, &orders, &way).await;
            prop_assert_eq!(straight, shuffled, "way {:?}", way);
            Ok(())
        })?;
    }
}

#[test]
fn a_speaker_is_shown_as_its_client_id() {
    let kiosk = Kiosk::new("s", "k");
    let speaker: &Speaker = &kiosk.speaker;
    assert_eq!(speaker.to_string(), "s/k");
}

#[tokio::test]
async fn a_withheld_event_joins_its_order_when_it_is_tried_again() {
    use super::replay::Replayed;
    use crate::ledger::events::State;
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(100);
    kiosk.act(id, 2, Action::Void);
    rig.send(&kiosk, &kiosk.entries[..1]).await.unwrap();
    rig.revoke(&kiosk).await;
    rig.send(&kiosk, &kiosk.entries[1..]).await.unwrap();
    assert_eq!(row(&rig, id).await.unwrap().status, "placed");
    let entries = rig
        .cloud
        .ledger
        .read(|connection| quarantine::list(connection, 0, 9));
    let entry = entries.await.unwrap()[0].id;
    let replayed = rig.cloud.door.replay(entry).await.unwrap();
    assert_eq!(replayed, Replayed::Settled(State::Applied));
    assert_eq!(row(&rig, id).await.unwrap().status, "voided");
    let sum = sums(&rig).await.unwrap();
    assert_eq!((sum.orders, sum.voided, sum.gross), (0, 1, 0));
    assert_eq!(
        rig.cloud.door.replay(entry).await.unwrap(),
        Replayed::Unknown
    );
    assert!(reasons(&rig).await.is_empty());
}
