use super::*;
use rusqlite::Connection;

fn sqlite(desk: &Desk) -> Connection {
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    Connection::open_with_flags(desk.settings.file(), flags).unwrap()
}

/// What a check says after this was done to the file.
async fn found_after(sql: &str) -> check::Report {
    let desk = Desk::new();
    for _ in 0..3 {
        let placed = desk.place().await;
        desk.act(placed.order.id, Action::Start).await.unwrap();
    }
    desk.assert_whole();
    sqlite(&desk).execute_batch(sql).unwrap();
    let report = desk.check();
    assert!(!report.ok, "{sql}");
    report
}

#[tokio::test]
async fn whatever_was_tampered_with_is_found() {
    let edited = "UPDATE events SET bytes = replace(bytes, '1340', '0001') WHERE seq = 2";
    let edited = edited
        .replace("replace(bytes", "CAST(replace(CAST(bytes AS TEXT)")
        .replace("'0001')", "'0001') AS BLOB)");
    let report = found_after(&edited).await;
    assert!(
        report.chain.contains("event 2 was changed"),
        "{}",
        report.chain
    );

    let report = found_after("DELETE FROM events WHERE seq = 3").await;
    assert!(
        report.chain.contains("3 to 3 are missing"),
        "{}",
        report.chain
    );
    let report = found_after("DELETE FROM events WHERE seq = 7").await;
    assert!(
        report.chain.contains("7 to 7 are missing"),
        "{}",
        report.chain
    );

    for (sql, want) in [
        (
            "UPDATE orders SET document = replace(document, '\"total\":1340', '\"total\":1')",
            "not what its events make of it",
        ),
        (
            "DELETE FROM orders WHERE seq = 4",
            "an order that is not there",
        ),
        (
            "UPDATE orders SET status = 'collected' WHERE seq = 4",
            "filed wrongly",
        ),
        (
            "UPDATE orders SET seqs = substr(seqs, 1, 8) WHERE seq = 4",
            "not named by its order",
        ),
        (
            "UPDATE orders SET document = replace(document, 'A002', 'A001') WHERE seq = 4",
            "number A001 was given twice",
        ),
        (
            "UPDATE head SET chain = zeroblob(32)",
            "the last chain hash",
        ),
    ] {
        let problems = found_after(sql).await.problems.join("\n");
        assert!(problems.contains(want), "{sql}: {problems}");
    }
}

#[tokio::test]
async fn a_damaged_page_is_told_and_not_stumbled_over() {
    use std::os::unix::fs::FileExt;
    let desk = Desk::new();
    for _ in 0..30 {
        desk.place().await;
    }
    desk.journal.close().await;
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(desk.settings.file())
        .unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    file.write_all_at(&[0x5A; 2048], (pages - 3) * 4096)
        .unwrap();
    let report = desk.check();
    assert!(!report.ok && report.sqlite != "ok", "{report:#?}");
}

#[tokio::test]
async fn a_second_writer_beside_the_first_is_noticed() {
    let desk = Desk::new();
    desk.place().await;
    let (feed, _nobody) = mpsc::unbounded_channel();
    let beside = Journal::open(settings(desk.folder(), 2), feed).unwrap();
    assert_eq!(beside.id(), desk.journal.id());
    beside
        .set_pin(desk.stamp(), StaffRole::Manager, "hash".to_owned())
        .await
        .unwrap();
    beside.adjust_stock(desk.left(Some(1))).await.unwrap();
    desk.journal.place(desk.ramen(1, 5)).await.unwrap();
    assert!(desk.journal.place(desk.ramen(1, 5)).await.is_err());
    beside.place(desk.order()).await.unwrap();
    beside.close().await;
    assert_eq!(desk.place().await.order.number, "A004");
    let pin = desk
        .journal
        .read(|reader| reader.pin(StaffRole::Manager))
        .await;
    assert_eq!(pin.unwrap().as_deref(), Some("hash"));
    assert_eq!(desk.journal.levels().borrow()["ramen"].left, Some(0));
    assert_eq!(desk.outbox().next_seq, 8);
    desk.assert_whole();
}

#[tokio::test]
async fn while_another_process_writes_a_request_is_told_to_try_again() {
    let desk = Desk::new();
    let request = desk.order();
    desk.journal.place(request.clone()).await.unwrap();
    let other = sqlite(&desk);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let (new, known) = tokio::join!(
        desk.journal.place(desk.order()),
        desk.journal.place(request)
    );
    let refused = new.unwrap_err();
    assert!(refused.to_string().contains("another process"), "{refused}");
    assert!(known.unwrap().repeated);
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(desk.place().await.order.number, "A002");
}

#[tokio::test]
async fn a_reader_who_stays_holds_up_neither_orders_nor_the_next_start() {
    let mut desk = Desk::new();
    desk.place().await;
    let reader = sqlite(&desk);
    reader.execute_batch("BEGIN").unwrap();
    let orders = |conn: &Connection| -> i64 {
        conn.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))
            .unwrap()
    };
    assert_eq!(orders(&reader), 1);
    for _ in 0..300 {
        desk.place().await;
    }
    desk.reopen().await;
    desk.place().await;
    assert_eq!(orders(&reader), 1);
    reader.execute_batch("COMMIT").unwrap();
    assert_eq!(orders(&reader), 302);
}

#[tokio::test]
async fn the_file_of_tomorrows_software_takes_orders_unless_it_says_that_it_must_not() {
    let mut desk = Desk::new();
    desk.place().await;
    desk.journal.close().await;
    sqlite(&desk)
        .pragma_update(None, "user_version", schema::VERSION + 1)
        .unwrap();
    sqlite(&desk)
        .execute_batch(
            "CREATE TABLE of_tomorrow (a TEXT) STRICT; ALTER TABLE days ADD COLUMN more TEXT;",
        )
        .unwrap();
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "A002");
    desk.journal.close().await;
    sqlite(&desk)
        .execute("UPDATE format SET opens_from = ?1", [schema::VERSION + 1])
        .unwrap();
    let (feed, _changes) = mpsc::unbounded_channel();
    let refused = Journal::open(desk.settings.clone(), feed)
        .err()
        .unwrap()
        .to_string();
    assert!(refused.contains("newer version"), "{refused}");
    sqlite(&desk)
        .execute("UPDATE format SET opens_from = ?1", [schema::VERSION])
        .unwrap();
    desk.reopen().await;
    assert_eq!(desk.place().await.order.number, "A003");
}

#[test]
fn a_file_that_is_no_journal_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("journal.sqlite"), vec![b'x'; 8192]).unwrap();
    let (feed, _changes) = mpsc::unbounded_channel();
    let refused = Journal::open(settings(folder.path(), 1), feed)
        .err()
        .unwrap();
    let told = refused.to_string();
    assert!(told.contains("not a database"), "{told}");
    assert!(told.contains("put a backup in its place"), "{told}");
}

#[test]
fn what_is_not_there_is_told_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let told = check::check(folder.path(), |_, _| {})
        .unwrap_err()
        .to_string();
    assert!(told.contains("there is no journal at"), "{told}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn what_holds_the_key_is_readable_for_this_user_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let desk = Desk::new();
    desk.place().await;
    let mut files = 0;
    for entry in std::fs::read_dir(&desk.settings.folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name().to_string_lossy().starts_with("journal") {
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{entry:?}: {mode:o}");
            files += 1;
        }
    }
    assert!(files >= 2, "the journal and its log");
}
