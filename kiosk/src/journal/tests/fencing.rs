use super::super::fence::fence;
use super::*;
use std::os::unix::fs::PermissionsExt;

const PREFIXES: [&str; 3] = ["A", "AA", "AB"];

fn prefixes() -> Vec<String> {
    PREFIXES.map(str::to_owned).to_vec()
}

/// A journal that has pruned its first orders, and what it shows.
async fn desk() -> Desk {
    let desk = Desk::with(|settings| {
        settings.prefixes = prefixes();
        settings.retention_bytes = 0;
    });
    let early = desk.place().await.order.id;
    for _ in 0..4 {
        desk.place().await;
    }
    desk.confirm(desk.ack(1, 4, &[]).await).await;
    while desk.journal.prune().await.unwrap() > 0 {}
    desk.act(early, Action::Start).await.unwrap();
    desk.journal.adjust_stock(desk.left(Some(3))).await.unwrap();
    assert_eq!(desk.outbox().retained_from, 5);
    desk
}

async fn fenced(desk: &mut Desk, seed: u8) -> Succeeds {
    desk.journal.close().await;
    let at = WallTime::from_millis(NOON);
    let succeeds = fence(desk.folder(), &[seed; 64], &prefixes(), at).unwrap();
    desk.reopen().await;
    succeeds
}

async fn everything(desk: &Desk) -> Vec<StoredOrder> {
    let mut all = Vec::new();
    let mut before = None;
    loop {
        let filter = ListFilter {
            before,
            limit: 2,
            ..ListFilter::default()
        };
        let page = desk.journal.read(move |reader| reader.list(&filter)).await;
        let page = page.unwrap();
        let Some(last) = page.last() else {
            return all;
        };
        before = Some(last.place);
        all.extend(page);
    }
}

fn shown(orders: &[StoredOrder]) -> Vec<Order> {
    orders.iter().map(|stored| stored.order.clone()).collect()
}

async fn bytes(desk: &Desk) -> Vec<Vec<u8>> {
    let events = desk.journal.events(1, u64::MAX >> 1, 1000, 1 << 20).await;
    events
        .unwrap()
        .into_iter()
        .map(|entry| entry.bytes)
        .collect()
}

#[tokio::test]
async fn a_new_journal_carries_on_with_the_same_orders_and_the_same_events() {
    let mut desk = desk().await;
    let (orders, events) = (everything(&desk).await, bytes(&desk).await);
    let (before, key) = (desk.journal.id(), desk.journal.key().public());
    let succeeds = fenced(&mut desk, 9).await;
    assert_eq!((succeeds.journal, succeeds.events), (before, 4));
    assert!(desk.journal.id() != before && desk.journal.key().public() != key);
    desk.assert_whole();
    assert_eq!(shown(&everything(&desk).await), shown(&orders));
    assert_eq!(bytes(&desk).await, events);
    let outbox = desk.outbox();
    assert_eq!((outbox.next_seq, outbox.unconfirmed()), (5, 4));
    assert_eq!((outbox.retained_from, outbox.watermark()), (1, 0));
    assert_eq!(desk.journal.levels().borrow()["ramen"].left, Some(3));
    let hello = desk.journal.hello_state().await.unwrap();
    assert_eq!((hello.replaces, hello.last_ack), (Some(before), None));
    let told = desk.journal.read(Reader::succeeds).await.unwrap();
    assert_eq!(told.as_ref(), Some(&succeeds));
    // The old file is there, to be read and nothing else.
    let kept = desk.folder().join(&succeeds.file);
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o400);
}

#[tokio::test]
async fn pins_switches_and_what_headquarters_said_stay_in_force() {
    let mut desk = desk().await;
    desk.journal
        .set_pin(desk.stamp(), StaffRole::Manager, "a hash".to_owned())
        .await
        .unwrap();
    let turned = desk.turn("off", "stocktaking").await;
    let notice = KeptNotice {
        generation: Generation(Uuid::from_u128(7)),
        number: 3,
        bytes: b"signed".to_vec(),
    };
    let request = NoticeRequest {
        kind: "switches",
        notice: notice.clone(),
        turned: Vec::new(),
    };
    desk.journal.keep_notice(request).await.unwrap();
    fenced(&mut desk, 9).await;
    let journal = &desk.journal;
    let pin = journal.read(|reader| reader.pin(StaffRole::Manager)).await;
    assert_eq!(pin.unwrap().as_deref(), Some("a hash"));
    let switches = desk.switches().await;
    assert_eq!((switches.len(), &switches[0].change), (1, &turned.change));
    let said = journal.read(|reader| reader.notice("switches")).await;
    assert_eq!(said.unwrap(), Some(notice));
}

#[tokio::test]
async fn selling_goes_on_under_the_next_prefix_and_acks_of_the_new_journal_count() {
    let mut desk = desk().await;
    let oldest = everything(&desk).await.pop().unwrap();
    fenced(&mut desk, 9).await;
    assert_eq!(desk.place().await.order.number, "AA006");
    // Its first event lies in the journal before; what is done to it now does not.
    let ready = desk.act(oldest.order.id, Action::Ready).await.unwrap();
    assert_eq!(ready.number, oldest.order.number);
    desk.assert_whole();
    let ack = Ack {
        epoch: Some(2),
        ..desk.ack(1, 6, &[]).await
    };
    assert_eq!(desk.confirm(ack).await, Confirmed::Taken { newly: 6 });
    assert_eq!(desk.place().await.order.number, "AA007");
    while desk.journal.prune().await.unwrap() > 0 {}
    desk.assert_whole();
    let orders = everything(&desk).await;
    assert_eq!(orders.len(), 7);
    let places: Vec<i64> = orders.iter().map(|stored| stored.place).collect();
    assert!(
        places.is_sorted_by(|a, b| a > b) && places[6] <= 0,
        "{places:?}"
    );
}

#[tokio::test]
async fn a_key_that_placed_an_order_before_places_no_second_one() {
    let mut desk = desk().await;
    let request = desk.order();
    let placed = desk.journal.place(request.clone()).await.unwrap();
    fenced(&mut desk, 9).await;
    let again = desk.journal.place(request).await.unwrap();
    assert!(again.repeated);
    assert_eq!(again.order.number, placed.order.number);
}

#[tokio::test]
async fn a_second_fence_carries_on_what_the_first_one_did() {
    let mut desk = desk().await;
    fenced(&mut desk, 9).await;
    desk.place().await;
    desk.confirm(desk.ack(1, 3, &[]).await).await;
    while desk.journal.prune().await.unwrap() > 0 {}
    let (orders, first) = (shown(&everything(&desk).await), desk.journal.id());
    let succeeds = fenced(&mut desk, 10).await;
    assert_eq!((succeeds.journal, succeeds.events), (first, 2));
    desk.assert_whole();
    assert_eq!(shown(&everything(&desk).await), orders);
    assert_eq!(desk.place().await.order.number, "AB007");
}

#[tokio::test]
async fn an_ack_that_tells_of_a_fork_confirms_what_it_says_and_fences() {
    let desk = desk().await;
    let forked = Ack {
        forked: true,
        ..desk.ack(2, 6, &[]).await
    };
    assert_eq!(desk.confirm(forked).await, Confirmed::Forked);
    assert_eq!(desk.outbox().watermark(), 6);
}

#[tokio::test]
async fn cut_short_at_any_step_one_whole_journal_is_in_place() {
    // What stands in the folder after each step, under the names of the end.
    let file = |desk: &Desk, name: &str| desk.folder().join(name);
    let (journal, next) = ("journal.sqlite", "journal.next.sqlite");
    for step in ["draft", "next", "old moved", "log moved"] {
        let mut desk = desk().await;
        let (old, orders) = (desk.journal.id(), shown(&everything(&desk).await));
        desk.journal.close().await;
        let kept = file(&desk, &format!("journal.{old}.sqlite"));
        let spare = file(&desk, "spare");
        std::fs::copy(file(&desk, journal), &spare).unwrap();
        let at = WallTime::from_millis(NOON);
        fence(desk.folder(), &[9; 64], &prefixes(), at).unwrap();
        let is_new = match step {
            "draft" => {
                std::fs::rename(file(&desk, journal), file(&desk, "journal.draft.sqlite")).unwrap();
                std::fs::rename(&kept, file(&desk, journal)).unwrap();
                false
            }
            "next" => {
                std::fs::rename(file(&desk, journal), file(&desk, next)).unwrap();
                std::fs::rename(&kept, file(&desk, journal)).unwrap();
                false
            }
            "old moved" => {
                std::fs::rename(file(&desk, journal), file(&desk, next)).unwrap();
                std::fs::write(file(&desk, "journal.sqlite-wal"), b"of the old one").unwrap();
                true
            }
            _ => {
                std::fs::rename(file(&desk, journal), file(&desk, next)).unwrap();
                true
            }
        };
        if !is_new {
            std::fs::rename(&spare, file(&desk, journal)).unwrap();
        }
        desk.reopen().await;
        assert_eq!(desk.journal.id() != old, is_new, "{step}");
        desk.assert_whole();
        assert_eq!(shown(&everything(&desk).await), orders, "{step}");
        assert!(!file(&desk, next).exists(), "{step}");
        assert!(!file(&desk, "journal.draft.sqlite").exists(), "{step}");
        if step == "old moved" {
            let log = std::fs::read(file(&desk, &format!("journal.{old}.sqlite-wal")));
            assert_eq!(log.unwrap(), b"of the old one");
        }
    }
}

#[tokio::test]
async fn a_copy_with_a_gap_is_refused_and_the_old_journal_stays() {
    let mut desk = desk().await;
    let before = desk.journal.id();
    desk.journal.close().await;
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let path = desk.folder().join("journal.sqlite");
    let conn = rusqlite::Connection::open_with_flags(path, flags).unwrap();
    conn.execute("DELETE FROM events WHERE seq = 6", [])
        .unwrap();
    drop(conn);
    let at = WallTime::from_millis(NOON);
    let refused = fence(desk.folder(), &[9; 64], &prefixes(), at).unwrap_err();
    assert!(refused.to_string().contains("missing"), "{refused}");
    desk.reopen().await;
    assert_eq!(desk.journal.id(), before);
}
