use super::*;

/// A desk that keeps confirmed events for two days.
async fn desk_of(events: u64) -> Desk {
    let desk = Desk::with(|settings| settings.retention_ms = 2 * DAY);
    while desk.outbox().next_seq <= events {
        desk.place().await;
    }
    desk
}

#[tokio::test]
async fn confirmed_events_leave_after_retention_by_the_clouds_clock_alone() {
    let mut desk = desk_of(10).await;
    desk.confirm(desk.ack(1, 6, &[]).await).await;
    desk.at += 30 * DAY;
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    desk.confirm(desk.ack(2, 9, &[]).await).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 6);
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    let outbox = desk.outbox();
    assert_eq!((outbox.retained_from, outbox.unconfirmed()), (7, 1));
    desk.assert_whole();
    assert_eq!(desk.check().anchor_seq, 6);
    desk.reopen().await;
    assert_eq!(desk.outbox(), outbox);
    // Orders stay, also those whose first event is gone.
    assert_eq!(desk.check().orders, 9);
}

#[tokio::test]
async fn beyond_its_bytes_everything_confirmed_leaves_and_nothing_else() {
    let desk = Desk::with(|settings| settings.retention_bytes = 1000);
    for _ in 0..8 {
        desk.place().await;
    }
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    desk.confirm(desk.ack(1, 5, &[(7, 8)]).await).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 5);
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    assert_eq!(desk.outbox().unconfirmed(), 2);
    // An order of the pruned past can still go on.
    let order = desk.journal.read(|reader| {
        let filter = ListFilter {
            limit: 100,
            ..ListFilter::default()
        };
        Ok(reader.list(&filter)?.pop())
    });
    let order = order.await.unwrap().unwrap().order;
    desk.act(order.id, Action::Pay).await.unwrap();
    desk.assert_whole();
}

#[tokio::test]
async fn a_window_lost_beyond_retention_is_named_and_holds_nothing_up() {
    let mut desk = desk_of(10).await;
    desk.confirm(desk.ack(1, 8, &[]).await).await;
    desk.at += 3 * DAY;
    desk.confirm(desk.ack(2, 8, &[]).await).await;
    let chain_at_3 = desk.chain(3).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 8);
    // The cloud comes back from a backup that knows less than the journal still holds.
    let restored = Ack {
        generation: generation(2),
        chain: chain_at_3,
        watermark: 3,
        ..desk.ack(1, 0, &[]).await
    };
    let want = Confirmed::NewGeneration {
        again: 5,
        lost_window: Some((4, 8)),
    };
    assert_eq!(desk.confirm(restored).await, want);
    let hello = desk.journal.hello_state().await.unwrap();
    assert_eq!((hello.watermark, hello.chain), (3, chain_at_3));
    assert_eq!(hello.retained_from, 9);
    assert_eq!(desk.outbox().unconfirmed(), 2);
    let rest = Ack {
        generation: generation(2),
        chain: chain_at_3,
        watermark: 3,
        ..desk.ack(2, 0, &[(9, 10)]).await
    };
    assert_eq!(desk.confirm(rest).await, Confirmed::Taken { newly: 2 });
    assert_eq!(desk.outbox().unconfirmed(), 0);
    // Retention begins anew with the new lineage, and then what is settled leaves again.
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    desk.at += 3 * DAY;
    let later = Ack {
        generation: generation(2),
        chain: chain_at_3,
        watermark: 3,
        ..desk.ack(3, 0, &[(9, 10)]).await
    };
    desk.confirm(later).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 2);
    desk.assert_whole();
}

#[tokio::test]
async fn what_a_restored_cloud_confirms_again_is_kept_for_the_whole_time_again() {
    let mut desk = desk_of(6).await;
    desk.confirm(desk.ack(1, 6, &[]).await).await;
    desk.at += 3 * DAY;
    let restored = Ack {
        generation: generation(2),
        ..desk.ack(1, 6, &[]).await
    };
    desk.confirm(restored).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 0);
    desk.at += 3 * DAY;
    let later = Ack {
        generation: generation(2),
        ..desk.ack(2, 6, &[]).await
    };
    desk.confirm(later).await;
    assert_eq!(desk.journal.prune().await.unwrap(), 6);
}

#[tokio::test]
async fn a_check_bears_a_prune_that_overtakes_it() {
    let desk = Desk::with(|settings| settings.retention_bytes = 0);
    let desk = Arc::new(desk);
    let placing: Vec<_> = (0..1_100)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.place().await })
        })
        .collect();
    for order in placing {
        order.await.unwrap();
    }
    desk.confirm(desk.ack(1, 1_090, &[]).await).await;
    let (checked, runtime) = (Arc::clone(&desk), tokio::runtime::Handle::current());
    let report = tokio::task::spawn_blocking(move || {
        check::check(checked.folder(), |_, _| {
            while runtime.block_on(checked.journal.prune()).unwrap() > 0 {}
        })
    });
    let report = report.await.unwrap().unwrap();
    assert!(report.ok, "{:#?}", report.problems);
    assert_eq!((report.orders, desk.check().events), (1_100, 11));
}
