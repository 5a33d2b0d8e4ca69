//! The journal alone: the real one in this process, without HTTP and pricing.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use anyhow::{Context, anyhow};
use cloud_sync_wire::chain::Hash;
use kiosk::clock;
use kiosk::journal::{Journal, JournalSettings, PlaceRequest, Stamp};
use kiosk_core::cart::{Cart, Method};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{BootId, EventId, OrderId};
use kiosk_core::menu::{Menu, Parsed};
use kiosk_core::pricing::price;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::samples::Sample;
use super::{fresh, load};
use crate::carts;
use crate::clock::Start;
use crate::dice::Dice;

/// What the journal counts of itself in this process.
static METRICS: LazyLock<Box<dyn Fn() -> String + Send + Sync>> = LazyLock::new(|| {
    let handle = kiosk::metrics::install();
    Box::new(move || {
        handle
            .as_ref()
            .map(|handle| handle.render())
            .unwrap_or_default()
    })
});

/// Requests committed so far, and commits.
fn groups() -> (usize, usize) {
    let text = METRICS();
    let value = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|value| value.trim().parse().ok())
            .unwrap_or(0)
    };
    (
        value("kiosk_journal_group_size_sum"),
        value("kiosk_journal_group_size_count"),
    )
}

/// Lets so many submitters place orders for so long; says also how many orders a commit held.
pub(super) fn measure(
    folder: &Path,
    submitters: usize,
    length: Duration,
) -> anyhow::Result<(Sample, usize)> {
    fresh(folder)?;
    let order = order()?;
    let settings = JournalSettings::new(folder.to_owned(), BootId(Uuid::now_v7()), [7; 64]);
    let (feed, mut changes) = mpsc::unbounded_channel();
    let journal = Journal::open(settings, feed)?;
    // A runtime as the kiosk has one; the changes are taken from it as the kiosk takes them.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let before = groups();
    let (latencies, elapsed) = runtime.block_on(async {
        let drain = tokio::spawn(async move { while changes.recv().await.is_some() {} });
        let start = Start::now();
        let tasks: Vec<_> = (0..submitters)
            .map(|_| tokio::spawn(submit(journal.clone(), order.clone(), start, length)))
            .collect();
        let mut latencies = Vec::new();
        for task in tasks {
            latencies.extend(task.await??);
        }
        drain.abort();
        anyhow::Ok((latencies, start.elapsed()))
    })?;
    let after = groups();
    let group = (after.0 - before.0) / (after.1 - before.1).max(1);
    Ok((
        Sample::new(latencies.len(), elapsed, latencies),
        group.max(1),
    ))
}

async fn submit(
    journal: Journal,
    order: PlaceRequest,
    start: Start,
    length: Duration,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while start.elapsed() < length {
        let began = Start::now();
        let request = another(&order);
        journal.place(request).await?;
        latencies.push(began.elapsed());
    }
    Ok(latencies)
}

/// The same order of another diner.
pub(super) fn another(order: &PlaceRequest) -> PlaceRequest {
    let at = clock::wall();
    let stamp = Stamp {
        at,
        event: EventId(clock::uuid7(at)),
        ..order.stamp.clone()
    };
    PlaceRequest {
        // As the diner's own page makes them.
        key: Uuid::now_v7(),
        id: OrderId(clock::uuid7(at)),
        day_event: EventId(clock::uuid7(at)),
        stamp,
        ..order.clone()
    }
}

/// The order of the HTTP measurements, priced by the built-in menu.
pub(super) fn order() -> anyhow::Result<PlaceRequest> {
    let menu = built_in()?.menu;
    priced(&menu, &load::body())?.context("the built-in menu lacks what the bench orders")
}

fn built_in() -> anyhow::Result<Parsed> {
    kiosk::menus::load(None).map_err(|error| anyhow!("{error}"))
}

/// So many different orders, as diners might fill their carts from the built-in menu.
pub(super) fn varied(orders: usize) -> anyhow::Result<Vec<PlaceRequest>> {
    let parsed = built_in()?;
    let document = serde_json::from_slice(kiosk::menus::SAMPLE)?;
    let mut dice = Dice::seeded(1);
    let mut varied = Vec::with_capacity(orders);
    // Some of the menu is not sold at every time of day.
    for _ in 0..orders.saturating_mul(20) {
        let Some(mut cart) = carts::random(&document, &mut dice) else {
            continue;
        };
        cart["payment"] = serde_json::json!({"method": "counter"});
        if let Some(fields) = cart.as_object_mut() {
            fields.remove("menu_version");
        }
        varied.extend(priced(&parsed.menu, &cart)?);
        if varied.len() == orders {
            break;
        }
    }
    anyhow::ensure!(varied.len() == orders, "too little of the menu can be sold");
    Ok(varied)
}

fn priced(menu: &Menu, body: &serde_json::Value) -> anyhow::Result<Option<PlaceRequest>> {
    let cart = Cart::order(body).map_err(|faults| anyhow!("{faults:?}"))?;
    let Ok(quote) = price(menu, &cart, clock::wall()) else {
        return Ok(None);
    };
    let at = clock::wall();
    let stamp = Stamp {
        at,
        mono_ms: 0,
        event: EventId(Uuid::nil()),
        request: None,
    };
    Ok(Some(PlaceRequest {
        key: Uuid::nil(),
        content: Hash([0; 32]),
        id: OrderId(Uuid::nil()),
        stamp,
        day_event: EventId(Uuid::nil()),
        quote,
        service: cart.service,
        table: cart.table.clone(),
        language: cart.language.unwrap_or_else(|| "en".to_owned()),
        terminal: None,
        method: Method::Counter,
        wanted: BTreeMap::new(),
        schedule: Schedule::default(),
        zone: menu.time_zone.clone(),
    }))
}

/// The event of one such order as a journal writes it, and the identities in it.
pub(crate) async fn sample_event() -> anyhow::Result<(EventId, OrderId, Vec<u8>)> {
    let folder = tempfile::tempdir()?;
    let settings = JournalSettings::new(folder.path().into(), BootId(Uuid::now_v7()), [7; 64]);
    let (feed, _changes) = mpsc::unbounded_channel();
    let journal = Journal::open(settings, feed)?;
    let request = another(&order()?);
    let (event, id) = (request.stamp.event, request.id);
    let seqs = journal.place(request).await?.seqs;
    let seq = seqs.last().copied().context("an order without an event")?;
    let events = journal.events(seq, seq, 1, usize::MAX).await?;
    journal.close().await;
    let bytes = events.into_iter().next().context("no event")?.bytes;
    Ok((event, id, bytes))
}
