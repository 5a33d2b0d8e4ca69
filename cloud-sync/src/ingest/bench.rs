//! Ingest beside the raw floor: the same rows inserted in groups of the same size, nothing else.
//! Run by hand: `cargo test --release -p cloud-sync --lib ingest::bench -- --ignored --nocapture`

use std::time::Duration;

use cloud_sync_wire::frame::EVENTS_LIMIT;
use futures_util::stream::{self, StreamExt as _};
use kiosk_core::event::Fact;
use kiosk_core::pricing::Line;
use rusqlite::{Connection, OpenFlags};

use crate::clock;
use crate::testing::{Kiosk, Rig, event, order};

const FRAMES: usize = 400;
const AT_ONCE: usize = 32;

/// An order of three lines, about 1.5 KiB as an event.
fn fill(kiosk: &mut Kiosk) {
    for number in 0..FRAMES * EVENTS_LIMIT {
        let mut order = order(4000);
        order.number = format!("A{number:03}");
        order.lines = (0..3).map(line).collect();
        let id = order.id;
        kiosk.write(&event(id, 1, Fact::Placed(Box::new(order))));
    }
}

fn line(index: usize) -> Line {
    let text = format!(
        r#"{{"item":"dish-{index}","name":{{"en":"Tonkotsu Ramen with an egg","zh-Hans":"豚骨拉面"}},"quantity":1,
        "unit_price":1340,"options":[{{"group":"spice","option":"hot","name":{{"en":"Hot","zh-Hans":"辣"}},"quantity":1,"price":50}}],
        "total":1340,"tax_rate":"0.0825","tax_inclusive":true,"tax":102,"station":"noodle"}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn told(what: &str, events: usize, took: Duration) -> f64 {
    let rate = events as f64 / took.as_secs_f64();
    println!("{what}: {events} events in {took:.2?}, {rate:.0}/s");
    rate
}

/// The rows of `events` and `orders` in groups as large as a full commit of frames.
fn raw(dir: &std::path::Path, kiosk: &Kiosk, group: usize) -> Duration {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let connection = Connection::open_with_flags(dir.join("ledger.sqlite"), flags).unwrap();
    connection
        .execute_batch(
            "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA foreign_keys = ON",
        )
        .unwrap();
    let decoded: Vec<_> = kiosk
        .entries
        .iter()
        .map(|entry| super::Incoming::new(entry.clone()))
        .collect();
    let started = clock::instant();
    for group in decoded.chunks(group) {
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        for incoming in group {
            insert(&connection, incoming);
        }
        connection.execute_batch("COMMIT").unwrap();
    }
    started.elapsed()
}

fn insert(connection: &Connection, incoming: &super::Incoming) {
    let (event, order) = (incoming.id.unwrap(), incoming.order.unwrap());
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO events (stream, seq, event_id, content, chain, order_id, state, received_at, bytes)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, 0, 0, ?6)",
        )
        .unwrap();
    let (id, order_id) = (event.0.as_bytes(), order.0.as_bytes());
    insert
        .execute((
            incoming.seq,
            id,
            incoming.content.0,
            incoming.chain.0,
            order_id,
            &incoming.bytes,
        ))
        .unwrap();
    let mut insert = connection
        .prepare_cached(
            "INSERT INTO orders (store, device, order_id, business_date, number, placed_at, received_at,
             status, payment_status, version, currency, total, tax, parked, refused)
             VALUES (1, 1, ?1, '2026-11-20', 'A001', 0, 0, 'placed', 'due', 1, 'USD', 4000, 363, 0, 0)",
        )
        .unwrap();
    insert.execute([order_id]).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a measurement"]
async fn ingest_beside_raw_group_inserts() {
    let mut kiosk = Kiosk::new("s", "k");
    fill(&mut kiosk);
    let events = kiosk.entries.len();
    let floor = Rig::new();
    floor.kiosk("k").await;
    floor.hello(&kiosk).await.unwrap();
    let group = AT_ONCE * EVENTS_LIMIT;
    let floor = told("raw", events, raw(floor.dir.path(), &kiosk, group));
    let rig = Rig::new();
    rig.kiosk("k").await;
    rig.hello(&kiosk).await.unwrap();
    let frames: Vec<Vec<u8>> = kiosk
        .entries
        .chunks(EVENTS_LIMIT)
        .map(|chunk| kiosk.frame(chunk))
        .collect();
    println!(
        "frames: {} bytes per event",
        frames.iter().map(Vec::len).sum::<usize>() / events
    );
    let started = clock::instant();
    for frame in &frames {
        let opened = super::open_frame(&rig.cloud.ledger, &kiosk.speaker, frame, super::Way::Live);
        assert!(opened.is_ok());
    }
    told(
        "opening frames alone, one thread",
        events,
        started.elapsed(),
    );
    let started = clock::instant();
    let sending = stream::iter(frames).map(|frame| {
        rig.cloud
            .door
            .frame(&kiosk.speaker, frame, "r", super::Way::Live)
    });
    let received: Vec<_> = sending.buffered(AT_ONCE).collect().await;
    let took = started.elapsed();
    assert!(received.iter().all(Result::is_ok));
    let rate = told("ingest", events, took);
    println!("ingest is {:.2} of raw", rate / floor);
}
