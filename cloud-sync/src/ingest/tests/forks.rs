//! Two histories under one journal's numbers: a disk that was rolled back, or two copies of one.

use super::*;
use kiosk_core::ids::{BootId, JournalId};

/// A kiosk with `common` orders, and a copy of its disk that sold `apart` more on its own.
fn copied(kiosk: &mut Kiosk, common: usize, apart: usize) -> Kiosk {
    for _ in 0..common {
        kiosk.place(100);
    }
    let mut copy = kiosk.clone();
    for _ in 0..apart {
        copy.place(7);
    }
    copy
}

async fn carried(rig: &Rig, kiosk: &Kiosk, entries: &[Entry]) -> Vec<Outcome> {
    let frame = kiosk.frame(entries);
    let door = &rig.cloud.door;
    let taken = door.frame(&kiosk.speaker, frame, "r", Way::Carried).await;
    taken.unwrap().outcomes
}

#[tokio::test]
async fn a_forks_tail_is_kept_out_like_its_middle_also_in_later_frames_and_behind_a_gap() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let copy = copied(&mut kiosk, 3, 9);
    for _ in 0..2 {
        kiosk.place(100);
    }
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    // 4 and 5 contradict what is stored, 6 would follow it by its number alone.
    assert_eq!(
        carried(&rig, &copy, &copy.entries[..7]).await,
        [
            Duplicate,
            Duplicate,
            Duplicate,
            Quarantined,
            Quarantined,
            Quarantined,
            Quarantined
        ]
    );
    assert_eq!(
        carried(&rig, &copy, &copy.entries[7..9]).await,
        [Quarantined; 2]
    );
    // Of which history this is can't be known without 10: it waits.
    assert_eq!(
        carried(&rig, &copy, &copy.entries[10..]).await,
        [Outcome::Refused; 2]
    );
    assert_eq!(
        carried(&rig, &copy, &copy.entries[9..]).await,
        [Quarantined; 3]
    );
    let sum = sums(&rig).await.unwrap();
    assert_eq!((sum.orders, sum.gross), (5, 500));
    assert_eq!(reasons(&rig).await.len(), 9);
    // The history that was known first goes on.
    kiosk.place(100);
    assert_eq!(rig.outcomes(&kiosk, &kiosk.entries[5..]).await, [Applied]);
    let stream = stream(&rig, &kiosk).await;
    assert_eq!((stream.coverage.watermark, stream.forked), (6, true));
}

#[tokio::test]
async fn both_forks_are_told_that_the_history_has_forked() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let copy = copied(&mut kiosk, 1, 1);
    kiosk.place(100);
    let fine = rig.send(&kiosk, &kiosk.entries).await.unwrap().ack;
    assert!(!fine.forked);
    let told = rig.send(&copy, &copy.entries[1..]).await.unwrap().ack;
    assert!(told.forked);
    assert!(rig.hello(&kiosk).await.unwrap().forked);
}

#[tokio::test]
async fn what_contradicts_beyond_the_room_there_is_is_refused_and_never_dropped() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let copy = copied(&mut kiosk, 0, 1030);
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let mut outcomes = Vec::new();
    for part in copy.entries.chunks(64) {
        outcomes.extend(rig.outcomes(&copy, part).await);
    }
    let kept = outcomes
        .iter()
        .filter(|outcome| **outcome == Quarantined)
        .count();
    let refused = |outcome: &&Outcome| **outcome == Outcome::Refused;
    assert_eq!((kept, outcomes.iter().filter(refused).count()), (1000, 30));
    let raw = rig.cloud.ledger.read(|connection| {
        let sql = "SELECT count(*) FROM quarantine WHERE event IS NULL AND length(bytes) > 0";
        connection.one(sql, &[], |row| row.get::<usize>(0))
    });
    assert_eq!(raw.await.unwrap(), kept);
    // What is refused is not among what is acked.
    let stream = stream(&rig, &kiosk).await;
    assert_eq!(stream.coverage.watermark, 1);
}

#[tokio::test]
async fn what_a_replay_can_not_place_stays_in_quarantine() {
    use super::super::replay::Replayed;
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let copy = copied(&mut kiosk, 1, 2);
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(
        rig.outcomes(&copy, &copy.entries[1..]).await,
        [Quarantined; 2]
    );
    let listed = async || {
        let read = rig
            .cloud
            .ledger
            .read(|connection| quarantine::list(connection, 0, 9));
        read.await.unwrap()
    };
    for entry in listed().await {
        let replayed = rig.cloud.door.replay(entry.id).await.unwrap();
        assert!(matches!(replayed, Replayed::Stays(_)), "{replayed:?}");
    }
    let after = listed().await;
    let told: Vec<_> = after.iter().map(|entry| (entry.seq, entry.tries)).collect();
    assert_eq!(told, [(2, 2), (3, 2)]);
    assert_eq!(after[0].bytes, copy.entries[1].bytes);
    assert_eq!(sums(&rig).await.unwrap().orders, 2);
}

#[tokio::test]
async fn what_its_order_still_refuses_stays_in_quarantine_when_it_is_tried_again() {
    use super::super::replay::Replayed;
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let id = kiosk.place(100);
    kiosk.act(id, 2, Action::Ready);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let read = rig
        .cloud
        .ledger
        .read(|connection| quarantine::list(connection, 0, 9));
    let entry = read.await.unwrap().pop().unwrap();
    for _ in 0..2 {
        let replayed = rig.cloud.door.replay(entry.id).await.unwrap();
        assert!(matches!(replayed, Replayed::Stays(_)), "{replayed:?}");
    }
    assert_eq!(reasons(&rig).await, ["illegal"]);
    let row = row(&rig, id).await.unwrap();
    assert_eq!((row.version, row.status.as_str()), (1, "placed"));
}

/// The same kiosk, carrying on in a new journal with the same events.
fn carries_on(kiosk: &Kiosk) -> Kiosk {
    let mut anew = kiosk.clone();
    anew.replaces = Some(kiosk.journal);
    anew.journal = JournalId(Uuid::new_v4());
    anew.key = SecretKey::from_seed(&[21; 32]);
    anew.entries.clear();
    for entry in &kiosk.entries {
        anew.raw(entry.bytes.clone());
    }
    anew
}

#[tokio::test]
async fn a_fenced_journal_takes_nothing_more_and_its_events_count_once_in_the_one_that_carries_on()
{
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let mut copy = copied(&mut kiosk, 2, 2);
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    rig.send(&copy, &copy.entries[2..]).await.unwrap();
    let anew = carries_on(&copy);
    let ack = rig.hello(&anew).await.unwrap();
    assert_eq!((ack.epoch, ack.forked), (Some(2), false));
    assert_eq!(
        rig.outcomes(&anew, &anew.entries).await,
        [Alias, Alias, Applied, Applied]
    );
    assert_eq!(watermark(&rig, &anew).await, 4);
    // What either history still sends under the old numbers moves nothing, and is told why.
    kiosk.place(100);
    copy.place(9);
    for (late, from) in [(&kiosk, 3), (&copy, 4)] {
        let received = rig.send(late, &late.entries[from..]).await.unwrap();
        assert_eq!(received.outcomes, [Outcome::Refused]);
        assert!(received.ack.forked);
        assert_eq!(received.ack.watermark, 3);
    }
    let sum = sums(&rig).await.unwrap();
    assert_eq!((sum.orders, sum.gross), (5, 314));
    // The other history carries on in a journal of its own.
    let other = carries_on(&kiosk);
    rig.hello(&other).await.unwrap();
    assert_eq!(
        rig.outcomes(&other, &other.entries).await,
        [Alias, Alias, Alias, Applied]
    );
    assert_eq!(sums(&rig).await.unwrap().gross, 414);
}

#[tokio::test]
async fn a_journal_can_not_fence_one_of_another_kiosk() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let mut other = rig.kiosk("other").await;
    other.replaces = Some(kiosk.journal);
    rig.hello(&other).await.unwrap();
    kiosk.place(100);
    assert_eq!(rig.outcomes(&kiosk, &kiosk.entries).await, [Applied]);
}

#[tokio::test]
async fn two_runs_that_take_turns_are_both_told_to_carry_on_elsewhere() {
    let rig = Rig::new();
    let mut kiosk = rig.greeted("k").await;
    let mut told = Vec::new();
    for run in [1, 2, 1, 2, 1] {
        kiosk.boot = BootId(Uuid::from_u128(run));
        told.push(rig.hello(&kiosk).await.unwrap().forked);
    }
    assert_eq!(told, [false, false, false, false, true]);
}

#[tokio::test]
async fn two_journals_that_speak_in_turn_for_one_kiosk_are_an_alarm_until_it_is_enrolled_anew() {
    let rig = Rig::new();
    let twins = async || {
        let kiosks = rig
            .cloud
            .ledger
            .read(|connection| devices::list(connection, ("", ""), 9));
        kiosks.await.unwrap().pop().unwrap().twins
    };
    let kiosk = rig.greeted("k").await;
    let first = carries_on(&kiosk);
    let second = carries_on(&kiosk);
    rig.hello(&first).await.unwrap();
    rig.hello(&second).await.unwrap();
    assert!(!twins().await, "a second fence is no proof of two kiosks");
    rig.hello(&first).await.unwrap();
    assert!(twins().await);
    rig.kiosk("k").await;
    assert!(!twins().await);
}
