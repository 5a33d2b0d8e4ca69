//! What is true of the ledger in PostgreSQL beside all that is true of both.

use std::sync::{Arc, mpsc};

use futures_util::future::join_all;
use kiosk_core::event::Fact;
use kiosk_core::ids::{EventId, OrderId};

mod commits;

use super::plans;
use crate::cluster::{Cluster, FIRST};
use crate::http::problem::Problem;
use crate::ingest::Refused;
use crate::ledger::connection::{Connection, values};
use crate::ledger::orders::Wanted;
use crate::ledger::{Ledger, LedgerError, Reach, devices, events, lineage, orders, quarantine};
use crate::testing::{Kiosk, Rig, event, order, place};

fn rig() -> Rig {
    Rig::on_postgres(Arc::new(tempfile::tempdir().unwrap()))
}

async fn sum(rig: &Rig) -> (i64, i64) {
    let read = rig
        .cloud
        .ledger
        .read(|connection| orders::summary(connection, None));
    let sums = read.await.unwrap();
    sums.first().map_or((0, 0), |sum| (sum.orders, sum.gross))
}

/// Many orders, as if they had come over the years.
const YEARS: &str = "
    INSERT INTO stores (name) SELECT 's' || n FROM generate_series(1, 20) n;
    INSERT INTO devices (store, kiosk, key, token_digest, enrolled_at)
        SELECT id, 'k', sha256('k'), sha256('t'), 0 FROM stores;
    INSERT INTO streams (journal, device, key, epoch, chain, registered_at)
        SELECT substr(sha256(kiosk::bytea || id::text::bytea), 1, 16), id, key, 1, sha256('c'), 0 FROM devices;
    INSERT INTO orders (store, order_id, device, business_date, number, placed_at, received_at, status,
        payment_status, version, currency, total, tax, parked, refused)
        SELECT 1 + n % 20, substr(sha256(n::text::bytea), 1, 16), 1 + n % 20,
        (DATE '2026-01-01' + n / 300)::text, 'A001', n, n, 'placed', 'due', 1, 'USD', 100, 9, 0, 0
        FROM generate_series(0, 99999) n;
    INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state, received_at, bytes)
        SELECT n, 1 + n % 20, 1 + n / 20, substr(sha256(('e' || n)::bytea), 1, 16), sha256('x'), sha256('y'),
        substr(sha256(n::text::bytea), 1, 16), 0, n, '' FROM generate_series(0, 99999) n;
    INSERT INTO sums SELECT business_date, store, currency, count(*), 0, sum(total), sum(tax) FROM orders
        GROUP BY business_date, store, currency;
    ANALYZE";

#[test]
fn nothing_that_is_asked_of_many_orders_reads_all_of_them() {
    let server = Cluster::start(&[]).unwrap();
    let ledger = Ledger::open(&place(&server.first())).unwrap();
    // Nor would a plan that was kept since the ledger was new.
    let id = OrderId(uuid::Uuid::nil());
    let new = plans::of(|| {
        let read = ledger.read_blocking(|connection| {
            ask_for_lists(connection, id)?;
            what_frames_ask(connection, 1, id)
        });
        read.unwrap();
    });
    reads_no_table_whole(&new);
    finds_by_index(&ledger, id);
    server.sql(FIRST, YEARS).unwrap();
    let id = "SELECT encode(order_id, 'hex') FROM orders WHERE id = 5";
    let id = OrderId(server.sql(FIRST, id).unwrap().parse().unwrap());
    let asked = plans::of(|| {
        let read = ledger.read_blocking(|connection| {
            ask_for_lists(connection, id)?;
            ask_for_the_dashboard(connection)?;
            ask_about_one(connection, id)
        });
        read.unwrap();
    });
    assert!(asked.len() > 20, "{}", asked.len());
    reads_no_table_whole(&asked);
    finds_by_index(&ledger, id);
    // What a scan looks like, so that the test above would see one.
    let all = "EXPLAIN SELECT count(*) FROM orders WHERE total > 0";
    let plan = server.sql(FIRST, all).unwrap();
    assert!(plan.contains("Seq Scan on orders"), "{plan}");
}

fn reads_no_table_whole(plans: &[String]) {
    for plan in plans {
        for whole in ["Seq Scan on orders", "Seq Scan on events"] {
            assert!(!plan.contains(whole), "{plan}");
        }
    }
}

/// What each frame asks is found by the index that is there for it, and not by way of another.
fn finds_by_index(ledger: &Ledger, id: OrderId) {
    let plans = plans::of(|| {
        let read = ledger.read_blocking(|connection| what_frames_ask(connection, 1, id));
        read.unwrap();
    });
    let indexes = [
        "events_stream_seq_key",
        "events_event_id_key",
        "events_of_order",
        "events_not_applied",
        "orders_order_id_store_key",
    ];
    assert_eq!(plans.len(), indexes.len());
    for (plan, index) in plans.iter().zip(indexes) {
        assert!(plan.contains(index), "{index}: {plan}");
        // With a condition: an index can be read whole too.
        assert!(plan.contains("Index Cond"), "{plan}");
    }
}

fn ask_for_lists(connection: &dyn Connection, id: OrderId) -> Result<(), LedgerError> {
    let some = |text: &str| Some(text.to_owned());
    for after in [None, Some(("2026-06-01".to_owned(), id))] {
        for store in [None, some("s3")] {
            for business_date in [None, some("2026-05-05")] {
                let wanted = Wanted {
                    store: store.clone(),
                    business_date,
                    after: after.clone(),
                    limit: 50,
                };
                orders::list(connection, &wanted)?;
            }
        }
    }
    quarantine::list(connection, 0, 50)?;
    devices::list(connection, ("", ""), 50)?;
    Ok(())
}

fn ask_for_the_dashboard(connection: &dyn Connection) -> Result<(), LedgerError> {
    orders::latest(connection, 9)?;
    orders::latest_date(connection)?;
    orders::neighbours(connection, "2026-05-05")?;
    orders::per_hour(connection, "2026-05-05")?;
    orders::summary(connection, Some("2026-05-05"))?;
    orders::summary(connection, None)?;
    events::parked(connection)?;
    quarantine::count(connection)?;
    quarantine::reasons(connection)?;
    Ok(())
}

/// What a page about an order asks.
fn ask_about_one(connection: &dyn Connection, id: OrderId) -> Result<(), LedgerError> {
    let store = events::store_of_order(connection, id)?.unwrap();
    orders::named(connection, store, id)?.unwrap();
    events::of_order(connection, store, id)?;
    what_frames_ask(connection, store, id)
}

fn what_frames_ask(
    connection: &dyn Connection,
    store: i64,
    id: OrderId,
) -> Result<(), LedgerError> {
    events::at(connection, 1, 1..=64)?;
    events::by_event_ids(connection, &[EventId(id.0)])?;
    events::members(connection, store + 1, [id])?;
    events::not_applied(connection, 1, 10)?;
    orders::find(connection, store, [&id])?;
    Ok(())
}

#[test]
fn replicas_that_start_at_once_migrate_once() {
    let server = Cluster::start(&[]).unwrap();
    let url = server.first();
    let started: Vec<_> = (0..4)
        .map(|_| {
            let place = place(&url);
            std::thread::spawn(move || Ledger::open(&place).map(|_| ()))
        })
        .collect();
    for started in started {
        started.join().unwrap().unwrap();
    }
    assert_eq!(
        server
            .sql(FIRST, "SELECT count(*) = max(version) FROM migrations")
            .unwrap(),
        "t"
    );
}

#[test]
fn a_newer_ledger_and_a_server_that_may_forget_are_refused() {
    let server = Cluster::start(&["synchronous_commit=off"]).unwrap();
    let refused = Ledger::open(&place(&server.first())).err().unwrap();
    assert!(
        refused.to_string().contains("synchronous_commit"),
        "{refused}"
    );
    server
        .sql(FIRST, "ALTER DATABASE postgres SET synchronous_commit = on")
        .unwrap();
    Ledger::open(&place(&server.first())).unwrap();
    server
        .sql(FIRST, "INSERT INTO migrations (version) VALUES (9)")
        .unwrap();
    let refused = Ledger::open(&place(&server.first())).err().unwrap();
    assert!(refused.to_string().contains("newer"), "{refused}");
}

#[tokio::test]
async fn replicas_come_and_go_without_a_hello_and_a_server_that_was_restarted_asks_for_one() {
    let rig = rig();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let other = rig.again();
    kiosk.place(200);
    let taken = other.send(&kiosk, &kiosk.entries[1..]).await.unwrap();
    assert_eq!(taken.ack.watermark, 2);
    let generation = taken.ack.generation;
    drop(other);
    let restarted = rig.restarted();
    kiosk.place(300);
    let refused = restarted.send(&kiosk, &kiosk.entries[2..]).await;
    assert!(
        matches!(refused, Err(Refused::HelloFirst(_))),
        "{refused:?}"
    );
    assert_eq!(
        restarted.hello(&kiosk).await.unwrap().generation,
        generation
    );
    restarted.send(&kiosk, &kiosk.entries[2..]).await.unwrap();
}

#[tokio::test]
async fn without_its_database_it_says_so_and_carries_on_when_that_is_back() {
    let rig = rig();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    let server = rig.server.clone().unwrap();
    server.lock().unwrap().kill().unwrap();
    let refused = rig.send(&kiosk, &kiosk.entries).await.unwrap_err();
    assert!(
        matches!(refused, Refused::Ledger(LedgerError::Away(_))),
        "{refused:?}"
    );
    let answer = axum::response::IntoResponse::into_response(Problem::from(refused));
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
    let (ready, _) = crate::http::health::ready(axum::extract::State(rig.cloud.clone())).await;
    assert_eq!(ready, 503);
    server.lock().unwrap().start_again().unwrap();
    rig.hello(&kiosk).await.unwrap();
    let taken = rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(taken.ack.watermark, 1);
    let (ready, _) = crate::http::health::ready(axum::extract::State(rig.cloud.clone())).await;
    assert_eq!(ready, 200);
}

#[tokio::test]
async fn work_that_fails_in_a_group_takes_back_its_own_writes_alone() {
    let rig = rig();
    rig.kiosk("k").await;
    let ledger = &rig.cloud.ledger;
    let (go, wait) = mpsc::channel::<()>();
    // Holds the lane until the others wait behind it, and so become one group.
    let first = ledger.write_in(Reach::Store(1), move |_| {
        wait.recv().unwrap();
        Ok(())
    });
    let piece = |number: i64| {
        ledger.write_in(Reach::Store(1), move |connection| {
            let name = format!("n{number}");
            let sql = "INSERT INTO settings (name, value) VALUES (?1, 'x')";
            connection.execute(sql, values![&name])?;
            match number {
                3 => panic!("odd"),
                // Fails at the server.
                5 => connection.execute(sql, values![&name]).map(|_| ()),
                // Is only seen to have failed when the work is over.
                7 => streams_that_can_not_be(connection),
                _ => Ok(()),
            }
        })
    };
    let others = join_all((0..10).map(piece));
    let release = async { go.send(()).unwrap() };
    let (first, others, ()) = tokio::join!(first, others, release);
    first.unwrap();
    let failed: Vec<usize> = (0..10).filter(|index| others[*index].is_err()).collect();
    assert_eq!(failed, [3, 5, 7]);
    let count = ledger.read(|connection| {
        let sql = "SELECT count(*) FROM settings WHERE name LIKE 'n%'";
        connection.one(sql, &[], |row| row.get::<i64>(0))
    });
    assert_eq!(count.await.unwrap(), 7);
}

/// Events of a stream that there is not.
fn streams_that_can_not_be(connection: &dyn Connection) -> Result<(), LedgerError> {
    let new = crate::ingest::decision::NewEvent {
        row: 1,
        seq: 1,
        id: None,
        content: cloud_sync_wire::chain::Hash::START,
        chain: cloud_sync_wire::chain::Hash::START,
        order: None,
        state: events::State::Applied,
        alias_of: None,
        incoming: 0,
    };
    events::insert(connection, 999, [(&new, &b"x"[..])], crate::clock::wall())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_that_get_the_same_frames_at_once_store_each_event_once() {
    let one = rig();
    let two = one.again();
    let mut kiosks = Vec::new();
    for name in ["a", "b", "c"] {
        let mut kiosk = one.greeted(name).await;
        for _ in 0..40 {
            kiosk.place(100);
        }
        kiosks.push(kiosk);
    }
    let frames = kiosks.iter().flat_map(|kiosk| {
        let chunks = kiosk.entries.chunks(4);
        chunks.map(move |chunk| (kiosk, chunk))
    });
    let sending = frames.map(|(kiosk, chunk)| {
        let (one, two) = (&one, &two);
        async move {
            let (here, there) = tokio::join!(one.send(kiosk, chunk), two.send(kiosk, chunk));
            let outcomes = [here.unwrap().outcomes, there.unwrap().outcomes].concat();
            let applied = |outcome: &&_| **outcome == crate::ingest::decision::Outcome::Applied;
            assert_eq!(outcomes.iter().filter(applied).count(), chunk.len());
        }
    });
    join_all(sending).await;
    assert_eq!(sum(&one).await, (120, 12_000));
    for kiosk in &kiosks {
        let ack = two.cloud.door.current_ack(&kiosk.speaker, kiosk.journal);
        assert_eq!(ack.await.unwrap().watermark, 40);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kiosks_that_prove_a_loss_at_once_begin_one_new_generation() {
    let rig = rig();
    let mut kiosks = Vec::new();
    for store in ["a", "b", "c", "d"] {
        let mut kiosk = rig.kiosk_of(store, "k").await;
        rig.hello(&kiosk).await.unwrap();
        kiosk.place(100);
        kiosks.push(kiosk);
    }
    let backup = rig
        .server
        .as_ref()
        .unwrap()
        .lock()
        .unwrap()
        .copy(FIRST, "backup")
        .unwrap();
    for kiosk in &mut kiosks {
        let ack = rig.send(kiosk, &kiosk.entries).await.unwrap().ack;
        kiosk.last_ack = Some(rig.cloud.door.sign(&ack).unwrap());
    }
    let back = Rig::open(Arc::clone(&rig.dir), place(&backup), rig.server.clone());
    let hellos = join_all(kiosks.iter().map(|kiosk| back.hello(kiosk))).await;
    let after = back.cloud.ledger.read(lineage::standing).await.unwrap();
    assert_eq!(after.lineage, 2);
    assert!(hellos.iter().all(Result::is_ok));
    for kiosk in &kiosks {
        let again = back.hello(kiosk).await.unwrap();
        assert_eq!((again.generation, again.watermark), (after.generation, 0));
        back.send(kiosk, &kiosk.entries).await.unwrap();
    }
    assert_eq!(sum(&back).await.0, 1);
    assert_eq!(
        back.cloud
            .ledger
            .read(lineage::standing)
            .await
            .unwrap()
            .lineage,
        2
    );
}

#[tokio::test]
async fn whoever_stops_in_the_middle_of_a_transaction_holds_up_the_others_for_seconds_only() {
    let rig = rig();
    let mut kiosk = rig.greeted("k").await;
    kiosk.place(100);
    let frozen = rig.beside().await;
    let (held, holding) = mpsc::channel::<()>();
    let (wake, asleep) = mpsc::channel::<()>();
    let stuck = frozen.clone();
    let stuck = tokio::spawn(async move {
        let work = stuck.write(move |connection| {
            connection.execute("UPDATE ledger SET created_at = 0", &[])?;
            held.send(()).unwrap();
            asleep.recv().unwrap();
            connection.execute("UPDATE ledger SET created_at = 1", &[])
        });
        work.await
    });
    tokio::task::spawn_blocking(move || holding.recv().unwrap())
        .await
        .unwrap();
    // The server gives up on who has it, not on who waits for it.
    let taken = rig.send(&kiosk, &kiosk.entries).await.unwrap();
    assert_eq!(taken.ack.watermark, 1);
    wake.send(()).unwrap();
    let lost = stuck.await.unwrap();
    assert!(matches!(lost, Err(LedgerError::Away(_))), "{lost:?}");
}

#[tokio::test]
async fn a_text_that_the_server_can_not_keep_is_kept_readable() {
    let rig = rig();
    let mut kiosk = rig.greeted("k").await;
    let mut odd = order(700);
    odd.number = "A\0 1".to_owned();
    let id = odd.id;
    kiosk.write(&event(id, 1, Fact::Placed(Box::new(odd))));
    rig.send(&kiosk, &kiosk.entries).await.unwrap();
    let row = rig
        .cloud
        .ledger
        .read(move |connection| orders::find(connection, 1, [&id]));
    assert_eq!(row.await.unwrap()[&id].number, "A\u{fffd} 1");
}

#[test]
fn a_kiosk_of_a_store_that_nobody_knows_is_refused() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rig = runtime.block_on(async { tokio::task::spawn_blocking(rig).await.unwrap() });
    let refused = runtime.block_on(rig.hello(&Kiosk::new("nowhere", "k")));
    assert!(matches!(refused, Err(Refused::Bad(_))), "{refused:?}");
}
