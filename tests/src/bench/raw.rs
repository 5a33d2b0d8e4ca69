//! The floor of ingest: the rows that the cloud keeps of an event, inserted raw, in groups.
//!
//! The tables are the cloud's own, with their indexes and rules. Nothing is verified, compared or folded.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kiosk_core::ids::OrderId;
use rusqlite::{Connection, OpenFlags};
use tokio_postgres::NoTls;

use super::events::{CURRENCY, DAY, Journal, TAX, TOTAL, Written};
use super::ingest::RAW_ROWS;
use super::samples::Sample;
use crate::clock::Start;

/// One stream of one kiosk of a store, which rows refer to.
const BEGIN: [&str; 3] = [
    "INSERT INTO stores (name) VALUES ('raw')",
    "INSERT INTO devices (store, kiosk, key, token_digest, enrolled_at) VALUES (1, 'k', $1, $1, 0)",
    "INSERT INTO streams (journal, device, key, epoch, chain, registered_at) VALUES ($2, 1, $1, 1, $1, 0)",
];

const EVENT: &str =
    "INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state,
    received_at, bytes) VALUES (?1, 1, ?1, ?2, ?3, ?4, ?5, 0, 0, ?6)";
const ORDER: &str = "INSERT INTO orders (store, device, order_id, business_date, number, placed_at,
    received_at, status, payment_status, version, currency, total, tax, parked, refused)
    VALUES (1, 1, ?1, ?2, 'A001', 0, 0, 'placed', 'due', 1, ?3, ?4, ?5, 0, 0)";

const EVENTS: &str =
    "INSERT INTO events (id, stream, seq, event_id, content, chain, order_id, state,
    received_at, bytes) SELECT n, 1, n, id, content, chain, order_id, 0, 0, bytes
    FROM unnest($1::bigint[], $2::bytea[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[])
    AS e (n, id, content, chain, order_id, bytes)";
const ORDERS: &str =
    "INSERT INTO orders (store, device, order_id, business_date, number, placed_at,
    received_at, status, payment_status, version, currency, total, tax, parked, refused)
    SELECT 1, 1, id, $2, 'A001', 0, 0, 'placed', 'due', 1, $3, $4, $5, 0, 0
    FROM unnest($1::bytea[]) AS o (id)";

/// Groups of rows, numbered through all journals.
fn groups(journals: &[Arc<Journal>]) -> Vec<Vec<(i64, &Written)>> {
    let all = journals.iter().flat_map(|journal| &journal.events);
    let all: Vec<(i64, &Written)> = (1..).zip(all).collect();
    all.chunks(RAW_ROWS).map(<[_]>::to_vec).collect()
}

fn order_bytes(order: OrderId) -> [u8; 16] {
    order.0.into_bytes()
}

pub(super) fn sqlite(folder: &Path, journals: &[Arc<Journal>]) -> anyhow::Result<Sample> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let ledger = Connection::open_with_flags(folder.join("ledger.sqlite"), flags)?;
    ledger.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA cache_size = -32768; PRAGMA foreign_keys = ON",
    )?;
    for statement in BEGIN {
        let statement = statement.replace('$', "?");
        let mut statement = ledger.prepare(&statement)?;
        let values: [&[u8]; 2] = [&[1; 32], &[1; 16]];
        let wanted = statement.parameter_count();
        statement.execute(rusqlite::params_from_iter(values.iter().take(wanted)))?;
    }
    let groups = groups(journals);
    let mut latencies = Vec::with_capacity(groups.len());
    let start = Start::now();
    for group in &groups {
        let began = Start::now();
        ledger.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        for (number, written) in group {
            let entry = &written.entry;
            let (id, order) = (written.id.0.into_bytes(), order_bytes(written.order));
            let event = (
                number,
                id,
                written.content.0,
                entry.chain.0,
                order,
                &entry.bytes,
            );
            ledger.prepare_cached(EVENT)?.execute(event)?;
            let order = (order, DAY, CURRENCY, TOTAL, TAX);
            ledger.prepare_cached(ORDER)?.execute(order)?;
        }
        ledger.prepare_cached("COMMIT")?.execute([])?;
        latencies.push(began.elapsed());
    }
    let rows = groups.iter().map(Vec::len).sum();
    Ok(Sample::new(rows, start.elapsed(), latencies))
}

pub(super) async fn postgres(url: &str, journals: &[Arc<Journal>]) -> anyhow::Result<Sample> {
    let (mut client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let (key, journal): (&[u8], &[u8]) = (&[1; 32], &[1; 16]);
    client.execute(BEGIN[0], &[]).await?;
    client.execute(BEGIN[1], &[&key]).await?;
    client.execute(BEGIN[2], &[&key, &journal]).await?;
    let (events, orders) = (client.prepare(EVENTS).await?, client.prepare(ORDERS).await?);
    let groups = groups(journals);
    let mut latencies: Vec<Duration> = Vec::with_capacity(groups.len());
    let start = Start::now();
    for group in &groups {
        let began = Start::now();
        let numbers: Vec<i64> = group.iter().map(|(number, _)| *number).collect();
        let ids: Vec<[u8; 16]> = group.iter().map(|(_, row)| row.id.0.into_bytes()).collect();
        let of: Vec<[u8; 16]> = group
            .iter()
            .map(|(_, row)| order_bytes(row.order))
            .collect();
        let ids: Vec<&[u8]> = ids.iter().map(<[u8; 16]>::as_slice).collect();
        let of: Vec<&[u8]> = of.iter().map(<[u8; 16]>::as_slice).collect();
        let contents: Vec<&[u8]> = group.iter().map(|(_, row)| &row.content.0[..]).collect();
        let chains: Vec<&[u8]> = group
            .iter()
            .map(|(_, row)| &row.entry.chain.0[..])
            .collect();
        let bytes: Vec<&[u8]> = group.iter().map(|(_, row)| &row.entry.bytes[..]).collect();
        let transaction = client.transaction().await?;
        transaction
            .execute(&events, &[&numbers, &ids, &contents, &chains, &of, &bytes])
            .await?;
        transaction
            .execute(&orders, &[&of, &DAY, &CURRENCY, &TOTAL, &TAX])
            .await?;
        transaction.commit().await?;
        latencies.push(began.elapsed());
    }
    let rows = groups.iter().map(Vec::len).sum();
    let sample = Sample::new(rows, start.elapsed(), latencies);
    drop(client);
    connection.await??;
    Ok(sample)
}
