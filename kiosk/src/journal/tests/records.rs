use super::*;

const MONEY: &[&str] = &["payment.captured", "order.voided"];

#[tokio::test]
async fn records_are_told_latest_first_page_by_page() {
    let desk = Desk::new();
    let mut numbers = Vec::new();
    for _ in 0..5 {
        let placed = desk.place().await;
        desk.act(placed.order.id, Action::Start).await.unwrap();
        desk.act(placed.order.id, Action::Pay).await.unwrap();
        numbers.push(placed.order.number.clone());
    }
    numbers.reverse();
    let mut told = Vec::new();
    let mut before = None;
    loop {
        let page = desk
            .journal
            .read(move |reader| reader.records(MONEY, before, 2));
        let page = page.await.unwrap();
        assert!(page.found.len() <= 2);
        told.extend(page.found.into_iter().map(|record| record.number.unwrap()));
        before = page.before;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(told, numbers);
}

#[tokio::test]
async fn what_waits_is_told_oldest_first_and_never_more_than_there_is() {
    let desk = Desk::new();
    desk.place().await;
    let outbox = desk.outbox();
    let all = usize::try_from(outbox.unconfirmed()).unwrap();
    let waiting = desk
        .journal
        .read(move |reader| reader.unconfirmed(1, |seq| seq == 1, 10))
        .await
        .unwrap();
    let seqs: Vec<u64> = waiting.iter().map(|record| record.seq).collect();
    assert_eq!(seqs, (2..=outbox.next_seq - 1).collect::<Vec<_>>());
    assert_eq!(seqs.len(), all - 1);
}

#[tokio::test]
async fn what_headquarters_put_aside_is_told_until_it_is_no_more() {
    let desk = Desk::new();
    let placed = desk.place().await;
    let aside = |seqs: Vec<u64>, ack: Ack| Ack {
        quarantined_total: u64::try_from(seqs.len()).unwrap(),
        quarantine_reasons: seqs.iter().map(|_| "revoked".to_owned()).collect(),
        quarantined: seqs,
        ..ack
    };
    let told = || async { desk.journal.read(Reader::quarantined).await.unwrap() };
    desk.confirm(aside(vec![2], desk.ack(1, 2, &[]).await))
        .await;
    let (found, total) = told().await;
    assert_eq!((found.len(), total), (1, 1));
    let record = found[0].record.as_ref().unwrap();
    assert_eq!(record.number.as_ref(), Some(&placed.order.number));
    assert_eq!(found[0].reason.as_deref(), Some("revoked"));
    desk.confirm(aside(Vec::new(), desk.ack(2, 2, &[]).await))
        .await;
    assert_eq!(told().await, (Vec::new(), 0));
}
