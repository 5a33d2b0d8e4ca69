use super::*;
use kiosk_core::order::{PaymentStatus, Status};

#[tokio::test]
async fn a_move_to_where_the_order_is_makes_no_event_and_an_illegal_one_is_told() {
    let desk = Desk::new();
    let id = desk.place().await.order.id;
    desk.act(id, Action::Start).await.unwrap();
    let next = desk.outbox().next_seq;
    let same = desk.act(id, Action::Start).await.unwrap();
    assert_eq!((same.status, same.version), (Status::Preparing, 2));
    let refused = desk.act(id, Action::Collect).await.unwrap_err();
    assert_eq!(refused, ActRefusal::Illegal(Status::Preparing));
    let nobody = OrderId(Uuid::from_u128(1));
    assert_eq!(
        desk.act(nobody, Action::Start).await,
        Err(ActRefusal::NotFound)
    );
    assert_eq!(desk.outbox().next_seq, next);
    desk.assert_whole();
}

#[tokio::test]
async fn an_order_goes_its_whole_way_and_is_what_its_events_make_of_it() {
    let desk = Desk::new();
    let id = desk.place().await.order.id;
    for action in [
        Action::Start,
        Action::Pay,
        Action::Ready,
        Action::Collect,
        Action::Refund,
    ] {
        desk.act(id, action).await.unwrap();
    }
    let stored = desk.journal.read(move |reader| reader.order(id)).await;
    let stored = stored.unwrap().unwrap();
    assert_eq!(stored.seqs, [2, 3, 4, 5, 6, 7]);
    assert_eq!(stored.order.status, Status::Collected);
    assert_eq!(stored.order.payment.status, PaymentStatus::Refunded);
    desk.assert_whole();
}

#[tokio::test]
async fn a_void_gives_counted_items_back_only_before_work_began() {
    let desk = Desk::new();
    let left = || desk.journal.levels().borrow()["ramen"].left;
    let early = desk.journal.place(desk.ramen(2, 5)).await.unwrap();
    let late = desk.journal.place(desk.ramen(1, 5)).await.unwrap();
    assert_eq!(left(), Some(2));
    desk.act(early.order.id, Action::Void).await.unwrap();
    assert_eq!(left(), Some(4));
    desk.act(late.order.id, Action::Start).await.unwrap();
    desk.act(late.order.id, Action::Void).await.unwrap();
    assert_eq!(left(), Some(4));
    desk.assert_whole();
}

#[tokio::test]
async fn a_void_after_the_close_leaves_tomorrows_stock_alone() {
    let mut desk = Desk::new();
    let placed = desk.journal.place(desk.ramen(2, 5)).await.unwrap();
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    desk.journal.adjust_stock(desk.left(Some(9))).await.unwrap();
    desk.act(placed.order.id, Action::Void).await.unwrap();
    desk.reopen().await;
    assert_eq!(desk.journal.levels().borrow()["ramen"].left, Some(9));
    desk.journal.place(desk.ramen(1, 5)).await.unwrap();
    assert_eq!(desk.journal.levels().borrow()["ramen"].left, Some(8));
}

#[tokio::test]
async fn orders_are_listed_newest_first_by_day_state_and_place() {
    let mut desk = Desk::new();
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(desk.place().await.order.id);
    }
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    ids.push(desk.place().await.order.id);
    desk.act(ids[1], Action::Void).await.unwrap();
    let list = |filter: ListFilter| {
        let limit = filter.limit.max(10);
        let read = desk
            .journal
            .read(move |reader| reader.list(&ListFilter { limit, ..filter }));
        async move {
            let found = read.await.unwrap();
            found
                .into_iter()
                .map(|stored| stored.order.id)
                .collect::<Vec<_>>()
        }
    };
    let all = ListFilter::default();
    assert_eq!(list(all.clone()).await, [ids[3], ids[2], ids[1], ids[0]]);
    let business_date = Some("2026-11-20".parse().unwrap());
    let status = Some(Status::Voided);
    let first = ListFilter {
        business_date,
        ..all.clone()
    };
    assert_eq!(list(first.clone()).await, [ids[2], ids[1], ids[0]]);
    let voided = ListFilter {
        status,
        ..all.clone()
    };
    assert_eq!(list(voided).await, [ids[1]]);
    let voided = ListFilter { status, ..first };
    assert_eq!(list(voided).await, [ids[1]]);
    let collected = ListFilter {
        status: Some(Status::Collected),
        ..all.clone()
    };
    assert_eq!(list(collected).await, []);
    let older = ListFilter {
        before: Some(4),
        ..all
    };
    assert_eq!(list(older).await, [ids[1], ids[0]]);
}
