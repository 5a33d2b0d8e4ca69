use super::*;
use kiosk_core::stock::{Level, Shortage};

#[tokio::test]
async fn the_same_key_and_content_is_the_same_order_as_it_is_now() {
    let desk = Desk::new();
    let request = desk.order();
    let first = desk.journal.place(request.clone()).await.unwrap();
    assert_eq!(
        (first.order.number.as_str(), first.repeated),
        ("A001", false)
    );
    desk.act(first.order.id, Action::Start).await.unwrap();
    let retry = PlaceRequest {
        id: OrderId(Uuid::from_u128(desk.next())),
        ..request
    };
    let again = desk.journal.place(retry).await.unwrap();
    assert!(again.repeated);
    assert_eq!((again.order.id, again.order.version), (first.order.id, 2));
    assert_eq!(desk.check().orders, 1);
}

#[tokio::test]
async fn a_key_with_other_content_is_refused_before_anything_else() {
    let desk = Desk::new();
    let request = desk.ramen(1, 1);
    desk.journal.place(request.clone()).await.unwrap();
    let other = PlaceRequest {
        content: content_hash(b"other"),
        ..request.clone()
    };
    let refused = desk.journal.place(other.clone()).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::KeyReused);
    // Nor does the closed day come first, and the retry is still answered.
    desk.journal.change_day(desk.day(true)).await.unwrap();
    let refused = desk.journal.place(other).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::KeyReused);
    assert!(desk.journal.place(request).await.unwrap().repeated);
    desk.assert_whole();
}

#[tokio::test]
async fn a_retry_on_the_next_morning_does_not_open_the_day() {
    let mut desk = Desk::new();
    let request = desk.order();
    desk.journal.place(request.clone()).await.unwrap();
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    let retry = PlaceRequest {
        stamp: desk.stamp(),
        ..request
    };
    assert!(desk.journal.place(retry).await.unwrap().repeated);
    let day = (*desk.journal.day().borrow()).unwrap();
    assert_eq!(day.date.to_string(), "2026-11-20");
}

#[tokio::test]
async fn only_a_placed_order_binds_its_key() {
    let desk = Desk::new();
    let short = desk.ramen(2, 1);
    let refused = desk.journal.place(short.clone()).await.unwrap_err();
    let item = "ramen".to_owned();
    assert_eq!(
        refused,
        PlaceRefusal::SoldOut(vec![Shortage { item, left: 1 }])
    );
    // The day that it would have opened was not opened either.
    assert_eq!(desk.outbox().next_seq, 1);
    assert_eq!(*desk.journal.day().borrow(), None);
    let smaller = PlaceRequest {
        key: short.key,
        ..desk.ramen(1, 1)
    };
    let placed = desk.journal.place(smaller).await.unwrap();
    assert_eq!(
        (placed.order.number.as_str(), placed.repeated),
        ("A001", false)
    );
    desk.assert_whole();
}

#[tokio::test]
async fn an_order_that_can_not_be_synced_is_refused_as_too_large() {
    let desk = Desk::new();
    desk.place().await;
    let mut large = desk.order();
    let line = large.quote.lines[0].clone();
    large.quote.lines = vec![line; 400];
    let refused = desk.journal.place(large.clone()).await.unwrap_err();
    let PlaceRefusal::Journal(JournalError::TooLarge { bytes, limit }) = refused else {
        panic!("{refused}");
    };
    assert!(bytes > limit && limit == 64 * 1024);
    // Nor is size looked at before the key.
    let known = desk.order();
    desk.journal.place(known.clone()).await.unwrap();
    let reused = PlaceRequest {
        key: known.key,
        ..large
    };
    let refused = desk.journal.place(reused).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::KeyReused);
    assert_eq!(desk.place().await.order.number, "A003");
    assert_eq!(desk.journal.health().borrow().trouble, None);
    desk.assert_whole();
}

#[tokio::test]
async fn the_last_portion_is_sold_once_however_many_ask() {
    let desk = Arc::new(Desk::new());
    let asking: Vec<_> = (0..64)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.journal.place(desk.ramen(1, 5)).await })
        })
        .collect();
    let mut sold = 0;
    for task in asking {
        match task.await.unwrap() {
            Ok(_) => sold += 1,
            Err(refusal) => assert!(matches!(refusal, PlaceRefusal::SoldOut(_)), "{refusal}"),
        }
    }
    assert_eq!(sold, 5);
    let level = desk.journal.levels().borrow()["ramen"];
    assert_eq!(level, Level::starting_with(Some(0)));
    assert_eq!(desk.check().orders, 5);
}

#[tokio::test]
async fn below_the_reserve_orders_stop_but_retries_and_refunds_go_on() {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let told = Arc::clone(&free);
    let desk = Desk::with(|settings| {
        settings.reserve_bytes = 1000;
        settings.free_bytes = Arc::new(move || Some(told.load(Ordering::Relaxed)));
    });
    let request = desk.order();
    let placed = desk.journal.place(request.clone()).await.unwrap();
    free.store(999, Ordering::Relaxed);
    let full = JournalError::DiskFull {
        free: 999,
        reserve: 1000,
    };
    let refused = desk.journal.place(desk.order()).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::Journal(full.clone()));
    assert_eq!(
        desk.journal.health().borrow().trouble,
        Some(full.to_string())
    );
    assert!(desk.journal.place(request).await.unwrap().repeated);
    desk.act(placed.order.id, Action::Pay).await.unwrap();
    desk.act(placed.order.id, Action::Refund).await.unwrap();
    free.store(1000, Ordering::Relaxed);
    assert_eq!(desk.place().await.order.number, "A002");
    assert_eq!(desk.journal.health().borrow().trouble, None);
}

#[tokio::test]
async fn an_order_is_stored_as_its_event_tells_it() {
    let mut desk = Desk::new();
    let placed = desk.place().await;
    let id = placed.order.id;
    let stored = desk
        .journal
        .read(move |reader| reader.order(id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.order, *placed.order);
    assert_eq!((stored.place, stored.seqs), (2, vec![2]));
    assert!(matches!(desk.feed.try_recv().unwrap(), Change::Day));
    assert!(matches!(
        desk.feed.try_recv().unwrap(),
        Change::Order { seq: 2, .. }
    ));
}

#[tokio::test]
async fn a_prefix_that_json_escapes_is_told_as_it_is() {
    let desk = Desk::with(|settings| settings.prefixes = vec!["\"\\".to_owned()]);
    let id = desk.place().await.order.id;
    let stored = desk.journal.read(move |reader| reader.order(id)).await;
    assert_eq!(stored.unwrap().unwrap().order.number, "\"\\001");
    desk.assert_whole();
}
