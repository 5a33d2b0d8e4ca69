use super::*;

async fn desk_of(events: u64) -> Desk {
    let desk = Desk::new();
    while desk.outbox().next_seq <= events {
        desk.place().await;
    }
    desk
}

#[tokio::test]
async fn acks_add_up_and_old_ones_change_nothing() {
    let desk = desk_of(10).await;
    let late = desk.ack(3, 1, &[]).await;
    let taken = desk.confirm(desk.ack(4, 3, &[(6, 7)]).await).await;
    assert_eq!(taken, Confirmed::Taken { newly: 5 });
    assert_eq!(desk.outbox().unconfirmed(), 5);
    assert_eq!(desk.confirm(late).await, Confirmed::Stale);
    let taken = desk.confirm(desk.ack(5, 7, &[]).await).await;
    assert_eq!(taken, Confirmed::Taken { newly: 2 });
    assert_eq!(desk.outbox().watermark(), 7);
    desk.assert_whole();
}

#[tokio::test]
async fn an_ack_that_leaves_out_what_was_confirmed_changes_nothing_and_the_proof_stays() {
    let desk = desk_of(10).await;
    let proof = desk.ack(4, 5, &[(8, 9)]).await;
    let kept = desk.journal.confirm(proof, b"proof".to_vec()).await;
    assert_eq!(kept.unwrap(), Confirmed::Taken { newly: 7 });
    let before = (desk.outbox(), desk.journal.hello_state().await.unwrap());
    // As a ledger put back from a backup acks what comes live, under the same generation.
    for (watermark, ranges, seq) in [
        (3, &[(10, 10)][..], 4),
        (3, &[(5, 10)], 4),
        (7, &[(9, 10)], 8),
        (5, &[(8, 8), (10, 10)], 9),
    ] {
        let less = desk.ack(99, watermark, ranges).await;
        assert_eq!(desk.confirm(less).await, Confirmed::Withdrawn { seq });
        let after = (desk.outbox(), desk.journal.hello_state().await.unwrap());
        assert_eq!(before, after);
    }
    assert_eq!(before.1.last_ack.as_deref(), Some(&b"proof"[..]));
}

#[tokio::test]
async fn ranges_that_a_full_ack_has_no_room_for_stay_confirmed() {
    let desk = desk_of(200).await;
    desk.confirm(desk.ack(1, 0, &[(150, 160)]).await).await;
    let many: Vec<(u64, u64)> = (1..=32).map(|at| (at * 4, at * 4 + 1)).collect();
    let taken = desk.confirm(desk.ack(2, 0, &many).await).await;
    assert_eq!(taken, Confirmed::Taken { newly: 64 });
    assert!(desk.outbox().is_confirmed(155));
    // With room for it, it has to be there.
    let fewer = desk.ack(3, 0, &many[..31]).await;
    let withdrawn = Confirmed::Withdrawn { seq: 128 };
    assert_eq!(desk.confirm(fewer).await, withdrawn);
}

#[tokio::test]
async fn of_two_generations_the_later_one_stays_in_whatever_order_they_are_heard() {
    let desk = desk_of(10).await;
    let of = async |number, watermark| Ack {
        generation: generation(u128::from(number)),
        lineage: number,
        ..desk.ack(1, watermark, &[]).await
    };
    desk.confirm(of(1, 9).await).await;
    let third = desk.confirm(of(3, 5).await).await;
    let again = Confirmed::NewGeneration {
        again: 4,
        lost_window: None,
    };
    assert_eq!(third, again);
    // Never heard of before, but outdone.
    assert_eq!(desk.confirm(of(2, 8).await).await, Confirmed::Stale);
    assert_eq!(desk.outbox().unconfirmed(), 5);
    let fourth = desk.confirm(of(4, 5).await).await;
    assert!(matches!(fourth, Confirmed::NewGeneration { .. }));
}

#[tokio::test]
async fn what_the_own_chain_does_not_agree_with_is_not_believed() {
    let desk = desk_of(10).await;
    for (watermark, at_watermark, in_range) in [(4, true, false), (0, false, true)] {
        let mut ack = desk.ack(9, watermark, &[(6, 8)]).await;
        if at_watermark {
            ack.chain = Hash([9; 32]);
        }
        if in_range {
            ack.ranges[0].chain = Hash([9; 32]);
        }
        let seq = if at_watermark { 4 } else { 8 };
        assert_eq!(desk.confirm(ack).await, Confirmed::Disagrees { seq });
    }
    let mut beyond = desk.ack(9, 10, &[]).await;
    beyond.watermark = 11;
    assert_eq!(desk.confirm(beyond).await, Confirmed::Disagrees { seq: 11 });
    assert_eq!(desk.outbox().unconfirmed(), 10);
}

#[tokio::test]
async fn an_ack_of_another_journal_changes_nothing() {
    let desk = desk_of(4).await;
    desk.confirm(desk.ack(1, 4, &[]).await).await;
    let other = Ack {
        journal: JournalId(Uuid::from_u128(5)),
        generation: generation(2),
        ..desk.ack(1, 0, &[]).await
    };
    assert_eq!(desk.confirm(other).await, Confirmed::Stale);
    assert_eq!(desk.outbox().unconfirmed(), 0);
}

#[tokio::test]
async fn a_restored_cloud_makes_confirmed_events_unconfirmed_and_its_past_stays_past() {
    let mut desk = desk_of(10).await;
    desk.confirm(desk.ack(8, 9, &[]).await).await;
    let restored = Ack {
        generation: generation(2),
        ..desk.ack(1, 4, &[(6, 7)]).await
    };
    let outcome = desk.confirm(restored).await;
    let want = Confirmed::NewGeneration {
        again: 3,
        lost_window: None,
    };
    assert_eq!(outcome, want);
    assert_eq!(desk.outbox().unconfirmed(), 4);
    let replayed = desk.ack(99, 10, &[]).await;
    assert_eq!(desk.confirm(replayed).await, Confirmed::Stale);
    desk.reopen().await;
    assert_eq!(desk.outbox().unconfirmed(), 4);
    let hello = desk.journal.hello_state().await.unwrap();
    assert_eq!((hello.generation, hello.ack_no), (Some(generation(2)), 1));
    assert_eq!((hello.watermark, hello.chain), (4, desk.chain(4).await));
    assert_eq!(hello.ranges.len(), 1);
    assert_eq!(hello.last_ack.as_deref(), Some(&b"signed"[..]));
    desk.assert_whole();
}

#[tokio::test]
async fn a_new_journal_of_the_kiosk_takes_the_next_prefix() {
    let mut desk = Desk::with(|settings| settings.prefixes = vec!["C".into(), "D".into()]);
    assert_eq!(desk.place().await.order.number, "C001");
    let ack = Ack {
        epoch: Some(2),
        ..desk.ack(1, 2, &[]).await
    };
    desk.confirm(ack).await;
    assert_eq!(desk.place().await.order.number, "D002");
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "D003");
    // Enrolled anew, with prefixes that no other kiosk has.
    desk.settings.prefixes = vec!["F".into()];
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "F004");
    // A command beside the kiosk knows of no prefixes and leaves it alone.
    desk.settings.prefixes = Vec::new();
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "F005");
}
