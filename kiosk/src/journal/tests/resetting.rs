use super::*;

#[tokio::test]
async fn a_journal_is_not_reset_while_an_event_is_nowhere_else() {
    let mut desk = Desk::new();
    // The first opens the day too.
    for _ in 0..3 {
        desk.place().await;
    }
    desk.confirm(desk.ack(1, 2, &[]).await).await;
    desk.journal.close().await;
    let refused = reset(desk.folder(), None).unwrap_err();
    let told = matches!(refused, ResetRefusal::Unconfirmed { count: 2, first: 3 });
    assert!(told, "{refused}");
    assert!(refused.to_string().contains("kiosk export"), "{refused}");
    desk.reopen().await;
    assert_eq!(desk.outbox().unconfirmed(), 2);
}

#[tokio::test]
async fn what_was_exported_may_go_and_what_came_after_it_may_not() {
    let mut desk = Desk::new();
    desk.place().await;
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("e.sox");
    export(desk.folder(), &file, false, None).unwrap();
    desk.place().await;
    desk.journal.close().await;
    let refused = reset(desk.folder(), Some(&file)).unwrap_err();
    let told = matches!(refused, ResetRefusal::Unconfirmed { count: 1, first: 3 });
    assert!(told, "{refused}");
    let later = outside.path().join("later.sox");
    export(desk.folder(), &later, false, None).unwrap();
    let before = desk.journal.id();
    std::fs::create_dir(desk.folder().join("cache")).unwrap();
    std::fs::write(desk.folder().join("notes.txt"), "the operator's").unwrap();
    let done = reset(desk.folder(), Some(&later)).unwrap();
    assert_eq!(done, Reset { exported: 3 });
    let left = std::fs::read_dir(desk.folder()).unwrap();
    let mut left: Vec<_> = left.map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["kiosk.lock", "notes.txt"]);
    desk.settings.seed = [77; 64];
    desk.reopen().await;
    assert!(desk.journal.id() != before);
    assert_eq!(desk.outbox().next_seq, 1);
}

#[tokio::test]
async fn a_file_that_another_journal_signed_proves_nothing() {
    let (desk, other) = (Desk::new(), Desk::with(|settings| settings.seed = [3; 64]));
    for desk in [&desk, &other] {
        desk.place().await;
    }
    let outside = tempfile::tempdir().unwrap();
    let file = outside.path().join("e.sox");
    export(other.folder(), &file, false, None).unwrap();
    for text in [None, Some("no export")] {
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        desk.journal.close().await;
        let refused = reset(desk.folder(), Some(&file)).unwrap_err();
        assert!(matches!(refused, ResetRefusal::Export { .. }), "{refused}");
    }
}

#[tokio::test]
async fn a_folder_in_use_is_not_reset() {
    let desk = Desk::new();
    let _held = FolderLock::take(desk.folder()).unwrap();
    let refused = reset(desk.folder(), None).unwrap_err();
    let in_use = matches!(refused, ResetRefusal::Folder(OpenError::InUse { .. }));
    assert!(in_use, "{refused}");
}
