//! How fast a backlog drains by MQTT, beside the same events one by one through the same broker.
//!
//! The kiosk, cloud-sync and mosquitto are processes of their own; the kiosk's HTTP is cut, so all of its
//! backlog goes through the broker in signed batches, and is done when a signed ack has confirmed it. The
//! floor publishes the same bytes, one event a message at QoS 1 with many on their way, to a subscriber
//! that does nothing with them.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use cloud_sync_wire::frame::{self, BODY_LIMIT, EVENTS_LIMIT, Sender};
use kiosk::journal::{Journal, JournalSettings, make_folder};
use kiosk_core::event::SCHEMA;
use kiosk_core::ids::{BootId, KioskId, StoreId};
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Filter, Packet};
use rumqttc::v5::{AsyncClient, Event, EventLoop, MqttOptions};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::kiosk::resident_mebibytes;
use super::samples::{Sample, Series};
use super::table::{Goal, Row, Table};
use super::{Options, journal};
use crate::broker::Mosquitto;
use crate::clock::Start;
use crate::process::Lab;
use crate::proxy::Mode;
use crate::store::{Folder, Store};
use crate::wait::{Look, until};

/// Messages on their way in the floor's own connection, as in a client tuned for throughput.
const IN_FLIGHT: u16 = 100;
/// What the broker keeps for the subscriber; beyond a thousand it would drop.
const AHEAD: usize = 800;
/// How long a drain may take.
const PATIENCE: Duration = Duration::from_secs(600);
/// Batches by that of one event a message.
const RATIO: f64 = 5.0;
/// Different orders in a backlog.
const VARIED: usize = 500;
/// What a kiosk's memory may grow by while it drains, in MiB, however much that is.
const GROWTH: f64 = 24.0;
/// Bytes of an order on the wire, in full batches.
const BYTES: f64 = 400.0;

pub(super) async fn measure(options: &Options, lab: &Lab, table: &mut Table) -> anyhow::Result<()> {
    let (mut raw, mut drained) = (Series::default(), Series::default());
    let (mut bytes_each, mut growth) = (0.0, 0.0_f64);
    for _ in 0..options.repeats {
        let folder = Folder::temporary()?;
        let broker = Mosquitto::start(lab, folder.path()).await?;
        let mut store = Store::enrolled(lab, folder, "bench", &["k1"]).await?;
        store.cloud.use_broker(broker.address());
        let kiosk = store.kiosks.first().context("no kiosk")?;
        let (bytes, size) = fill(kiosk.data(), options.backlog).await?;
        bytes_each = bytes;
        raw.add(one_by_one(broker.address().port(), options.backlog, size).await?);
        kiosk.http.set(Mode::Cut);
        store.start_cloud().await?;
        if let Some(kiosk) = store.kiosks.first() {
            kiosk.http.set(Mode::Cut);
        }
        store.start_kiosks().await?;
        let (sample, grown) = drain(&store, options.backlog).await?;
        drained.add(sample);
        growth = growth.max(grown);
        store.stop().await?;
    }
    let name = "one event a message, QoS 1";
    table.add(Row::rate(name, &raw, None, Goal::None));
    let name = format!("drain of {} events by MQTT", options.backlog);
    let floor = Some(("one by one", &raw));
    table.add(Row::rate(name, &drained, floor, Goal::AtLeast(RATIO)));
    let name = "kiosk's memory grows meanwhile by";
    table.add(Row::value(name, "MiB", growth, GROWTH));
    let name = "an order on the wire, in full batches";
    table.add(Row::value(name, "B", bytes_each, BYTES));
    Ok(())
}

/// Writes a backlog into a new journal; gives the bytes of an event in a full frame, and by itself.
async fn fill(folder: &Path, events: u64) -> anyhow::Result<(f64, usize)> {
    make_folder(folder)?;
    let boot = BootId(Uuid::now_v7());
    let settings = JournalSettings::new(folder.to_owned(), boot, *random_seed());
    let (feed, mut changes) = mpsc::unbounded_channel();
    let journal = Journal::open(settings, feed)?;
    let reading = tokio::spawn(async move { while changes.recv().await.is_some() {} });
    let orders = journal::varied(VARIED)?;
    let mut placing = JoinSet::new();
    // The first of a day is two events.
    for number in 1..events {
        if placing.len() >= 256 {
            placing.join_next().await.transpose()?.transpose()?;
        }
        let order = &orders[usize::try_from(number)? % orders.len()];
        let (journal, order) = (journal.clone(), journal::another(order));
        placing.spawn(async move { journal.place(order).await.map(|_| ()) });
    }
    for placed in placing.join_all().await {
        placed?;
    }
    let last = EVENTS_LIMIT as u64 + 1;
    let entries = journal.events(2, last, EVENTS_LIMIT, BODY_LIMIT).await?;
    let sender = Sender {
        store: StoreId::try_new("bench")?,
        kiosk: KioskId::try_new("k1")?,
        journal: journal.id(),
    };
    let framed = frame::encode(&sender, SCHEMA, &entries, journal.key()).len();
    let size = entries.first().map_or(0, |entry| entry.bytes.len());
    let each = framed as f64 / entries.len() as f64;
    journal.close().await;
    reading.abort();
    Ok((each, size))
}

fn random_seed() -> Box<[u8; 64]> {
    let words = [(); 4].map(|()| *Uuid::new_v4().as_bytes());
    let mut seed = Box::new([0; 64]);
    seed.iter_mut()
        .zip(words.iter().flatten())
        .for_each(|(to, from)| *to = *from);
    seed
}

/// From the first confirmed event to the last; and by how many MiB the kiosk grew.
async fn drain(store: &Store, events: u64) -> anyhow::Result<(Sample, f64)> {
    let kiosk = store.kiosks.first().context("no kiosk")?;
    let process = kiosk.process_id().context("the kiosk does not run")?;
    let memory = || resident_mebibytes(process);
    let left = async || -> anyhow::Result<(u64, String)> {
        let status = kiosk.status().await?;
        let left = status["journal"]["unconfirmed"].as_u64();
        Ok((left.context("no depth")?, status["journal"].to_string()))
    };
    let (begun, _) = until("the drain begins", PATIENCE, async || {
        let (left, seen) = left().await?;
        Ok(if left < events {
            Look::Done(left)
        } else {
            Look::NotYet(seen)
        })
    })
    .await?;
    let start = Start::now();
    let least = memory()?;
    let most = Cell::new(least);
    until("the backlog is drained", PATIENCE, async || {
        let (left, seen) = left().await?;
        most.set(most.get().max(memory()?));
        Ok(if left == 0 {
            Look::Done(())
        } else {
            Look::NotYet(seen)
        })
    })
    .await?;
    let sample = Sample::new(usize::try_from(begun)?, start.elapsed(), Vec::new());
    Ok((sample, most.get() - least))
}

fn client(port: u16, name: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(name, "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    options.set_outgoing_inflight_upper_limit(IN_FLIGHT);
    AsyncClient::new(options, usize::from(IN_FLIGHT))
}

/// The floor.
async fn one_by_one(port: u16, events: u64, size: usize) -> anyhow::Result<Sample> {
    let (reader, mut incoming) = client(port, "reader");
    let filter = Filter::new("raw/events", QoS::AtLeastOnce);
    reader.subscribe_many([filter]).await?;
    loop {
        if let Event::Incoming(Packet::SubAck(_)) = incoming.poll().await? {
            break;
        }
    }
    let (writer, mut outgoing) = client(port, "writer");
    let start = Start::now();
    let ahead = Arc::new(Semaphore::new(AHEAD));
    let places = Arc::clone(&ahead);
    let publishing = tokio::spawn(async move {
        for _ in 0..events {
            places.acquire().await?.forget();
            let body = vec![b'x'; size];
            writer
                .publish("raw/events", QoS::AtLeastOnce, false, body)
                .await?;
        }
        anyhow::Ok(())
    });
    let sending = tokio::spawn(async move {
        let mut acked = 0;
        while acked < events {
            if let Event::Incoming(Packet::PubAck(_)) = outgoing.poll().await? {
                acked += 1;
            }
        }
        anyhow::Ok(())
    });
    let receiving = async {
        let mut received = 0;
        while received < events {
            if let Event::Incoming(Packet::Publish(_)) = incoming.poll().await? {
                received += 1;
                ahead.add_permits(1);
            }
        }
        anyhow::Ok(())
    };
    if tokio::time::timeout(PATIENCE, receiving).await.is_err() {
        bail!("the floor's subscriber did not get everything");
    }
    publishing.await??;
    sending.await??;
    Ok(Sample::new(
        usize::try_from(events)?,
        start.elapsed(),
        Vec::new(),
    ))
}
