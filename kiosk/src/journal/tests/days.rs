use super::*;

async fn number(desk: &Desk) -> String {
    desk.place().await.order.number.clone()
}

#[tokio::test]
async fn numbers_begin_anew_each_day_and_go_on_when_a_day_is_opened_again() {
    let mut desk = Desk::new();
    assert_eq!(number(&desk).await, "A001");
    assert_eq!(number(&desk).await, "A002");
    let closed = desk.journal.change_day(desk.day(true)).await.unwrap();
    assert_eq!(closed.report.unwrap().orders, 2);
    let refused = desk.journal.place(desk.order()).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::Closed);
    let opened = desk.journal.change_day(desk.day(false)).await.unwrap();
    assert_eq!(opened.day.date.to_string(), "2026-11-20");
    desk.reopen().await;
    assert_eq!(number(&desk).await, "A003");
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    assert_eq!(number(&desk).await, "A001");
    desk.assert_whole();
}

#[tokio::test]
async fn a_day_that_closes_and_one_that_opens_in_one_group_are_both_kept() {
    let desk = Arc::new(Desk::new());
    desk.place().await;
    let next = PlaceRequest {
        stamp: Stamp {
            at: WallTime::from_millis(NOON + DAY),
            ..desk.stamp()
        },
        ..desk.order()
    };
    let (last, closed, first) = tokio::join!(
        desk.journal.place(desk.order()),
        desk.journal.change_day(desk.day(true)),
        desk.journal.place(next),
    );
    assert_eq!(last.unwrap().order.number, "A002");
    assert!(closed.unwrap().report.is_some());
    assert_eq!(first.unwrap().order.number, "A001");
    let days: Vec<(String, bool)> = desk
        .journal
        .read(|reader| {
            let sql = "SELECT date, closed_at IS NOT NULL FROM days ORDER BY date";
            let mut query = reader.conn().prepare(sql)?;
            let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await
        .unwrap();
    let want = [("2026-11-20", true), ("2026-11-21", false)];
    assert_eq!(days, want.map(|(date, closed)| (date.to_owned(), closed)));
}

#[tokio::test]
async fn stock_of_a_new_day_is_what_the_menu_says_or_was_set_for_it() {
    let mut desk = Desk::new();
    desk.journal.place(desk.ramen(5, 5)).await.unwrap();
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    desk.journal.place(desk.ramen(5, 5)).await.unwrap();
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    desk.journal.adjust_stock(desk.left(Some(2))).await.unwrap();
    assert!(desk.journal.place(desk.ramen(3, 5)).await.is_err());
    desk.journal.place(desk.ramen(2, 5)).await.unwrap();
    desk.assert_whole();
}

#[tokio::test]
async fn an_order_refused_on_a_new_day_leaves_the_day_and_its_stock_as_they_were() {
    let mut desk = Desk::new();
    desk.journal.place(desk.ramen(4, 5)).await.unwrap();
    desk.journal.change_day(desk.day(true)).await.unwrap();
    desk.at += DAY;
    let told = |desk: &Desk| {
        let levels = desk.journal.levels().borrow().clone();
        (levels, *desk.journal.day().borrow(), desk.outbox())
    };
    let before = told(&desk);
    assert!(desk.journal.place(desk.ramen(6, 5)).await.is_err());
    assert_eq!(told(&desk), before);
    desk.reopen().await;
    assert_eq!(told(&desk), before);
}

#[tokio::test]
async fn there_is_no_day_to_close_before_the_first_order() {
    let desk = Desk::new();
    let refused = desk.journal.change_day(desk.day(true)).await.unwrap_err();
    assert_eq!(refused, DayRefusal::NoneOpen);
    assert_eq!(desk.outbox().next_seq, 1);
}

#[tokio::test]
async fn a_folder_is_looked_into_while_a_kiosk_serves_and_the_latest_of_a_number_is_found() {
    let mut desk = Desk::new();
    let first = desk.place().await.order.id;
    desk.journal.change_day(desk.day(true)).await.unwrap();
    let FoundDay { day, orders, .. } = latest_day(desk.folder()).unwrap().unwrap();
    assert_eq!(
        (day.date.to_string(), orders.len()),
        ("2026-11-20".to_owned(), 1)
    );
    assert!(day.closed_at.is_some());
    desk.at += DAY;
    let second = desk.place().await.order.id;
    let found = |name: &str| {
        let order = find_order(desk.folder(), name).unwrap();
        order.map(|order| order.id)
    };
    assert_eq!(found("A001"), Some(second));
    assert_eq!(found(&first.to_string()), Some(first));
    assert_eq!(found("A002"), None);
    let FoundDay { day, orders, .. } = latest_day(desk.folder()).unwrap().unwrap();
    assert_eq!(
        (day.date.to_string(), orders.len()),
        ("2026-11-21".to_owned(), 1)
    );
    let empty = tempfile::tempdir().unwrap();
    assert!(latest_day(empty.path()).is_err() && find_order(empty.path(), "A001").is_err());
}
