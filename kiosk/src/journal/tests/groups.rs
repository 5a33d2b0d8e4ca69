use super::*;
use std::collections::HashSet;
use std::sync::atomic::AtomicBool;

#[tokio::test]
async fn sixty_four_who_ask_at_once_get_numbers_of_their_own() {
    let desk = Arc::new(Desk::new());
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let desk = Arc::clone(&desk);
            tokio::spawn(async move { desk.place().await.order.number.clone() })
        })
        .collect();
    let mut numbers = HashSet::new();
    for task in tasks {
        numbers.insert(task.await.unwrap());
    }
    let want: HashSet<_> = (1..=64).map(|number| format!("A{number:03}")).collect();
    assert_eq!(numbers, want);
    assert_eq!(desk.outbox().next_seq, 66);
    desk.assert_whole();
}

#[tokio::test]
async fn a_refused_request_leaves_its_neighbours() {
    let desk = Desk::new();
    let first = desk.journal.place(desk.ramen(1, 3)).await.unwrap();
    let mut large = desk.order();
    large.quote.lines = vec![large.quote.lines[0].clone(); 400];
    let note = Fact::Unknown("never.heard".to_owned());
    let other = PlaceRequest {
        content: content_hash(b"other"),
        ..desk.order()
    };
    let reused = PlaceRequest {
        content: content_hash(b"third"),
        ..other.clone()
    };
    // Polled in this order before the writer wakes up, most of them share a group.
    let (a, sold_out, b, large, c, illegal, note, d, reused, e) = tokio::join!(
        desk.journal.place(desk.ramen(1, 3)),
        desk.journal.place(desk.ramen(2, 3)),
        desk.journal.place(other),
        desk.journal.place(large),
        desk.journal.place(desk.ramen(1, 3)),
        desk.act(first.order.id, Action::Collect),
        desk.journal.note(desk.stamp(), note),
        desk.act(first.order.id, Action::Start),
        desk.journal.place(reused),
        desk.journal.place(desk.order()),
    );
    assert!(matches!(sold_out, Err(PlaceRefusal::SoldOut(_))));
    assert!(matches!(
        large,
        Err(PlaceRefusal::Journal(JournalError::TooLarge { .. }))
    ));
    assert!(matches!(illegal, Err(ActRefusal::Illegal(_))));
    assert!(matches!(note, Err(JournalError::Damaged(_))));
    assert!(matches!(reused, Err(PlaceRefusal::KeyReused)));
    assert_eq!(d.unwrap().version, 2);
    let numbers = [a, b, c, e].map(|placed| placed.unwrap().order.number.clone());
    assert_eq!(numbers, ["A002", "A003", "A004", "A005"]);
    assert_eq!(desk.journal.levels().borrow()["ramen"].left, Some(0));
    desk.assert_whole();
}

#[tokio::test]
async fn a_writer_that_panics_answers_and_goes_on() {
    let panics = Arc::new(AtomicBool::new(false));
    let now = Arc::clone(&panics);
    let desk = Desk::with(|settings| {
        settings.free_bytes = Arc::new(move || {
            assert!(!now.load(Ordering::Relaxed), "as the test wants");
            None
        });
    });
    desk.place().await;
    panics.store(true, Ordering::Relaxed);
    let refused = desk.journal.place(desk.order()).await.unwrap_err();
    assert!(matches!(
        refused,
        PlaceRefusal::Journal(JournalError::Storage(_))
    ));
    panics.store(false, Ordering::Relaxed);
    assert_eq!(desk.place().await.order.number, "A002");
    desk.assert_whole();
}

#[tokio::test]
async fn closed_means_closed_and_what_was_queued_is_done() {
    let mut desk = Desk::new();
    let (placed, ()) = tokio::join!(desk.journal.place(desk.order()), desk.journal.close());
    placed.unwrap();
    let refused = desk.journal.place(desk.order()).await.unwrap_err();
    assert_eq!(refused, PlaceRefusal::Journal(JournalError::Stopping));
    // The log was moved into the database.
    let log = desk.folder().join("journal.sqlite-wal");
    assert!(log.metadata().map_or(0, |log| log.len()) == 0);
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "A002");
}

#[tokio::test]
async fn the_log_begins_anew_and_stays_small() {
    let desk = Arc::new(Desk::new());
    let mut largest = 0;
    for _ in 0..40 {
        let tasks: Vec<_> = (0..32)
            .map(|_| {
                let desk = Arc::clone(&desk);
                tokio::spawn(async move { desk.place().await })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let log = desk.folder().join("journal.sqlite-wal");
        largest = largest.max(log.metadata().unwrap().len());
    }
    assert!(largest < 8 * 1024 * 1024, "{largest}");
}
