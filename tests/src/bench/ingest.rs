//! What the cloud takes in, beside the same rows inserted raw into the same tables of the same kind of
//! ledger: verifying, comparing, folding and acking is the difference.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use cloud_sync::intake::Intake;
use kiosk_core::ids::{KioskId, StoreId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::events::{Journal, frames};
use super::raw;
use super::samples::{Sample, Series};
use super::table::{Goal, Row, Table};
use super::{Options, fresh};
use crate::clock::Start;
use crate::postgres::Cluster;
use crate::store::Folder;

/// Stores, each with one kiosk that has a backlog.
const STORES: usize = 4;
/// Frames of each on their way at once: what a kiosk is given credit for.
const AT_ONCE: usize = 8;
/// Rows of one raw insert and commit: what that many frames hold.
pub(super) const RAW_ROWS: usize = AT_ONCE * 64;

/// A backlog of each store, made once.
struct Backlog {
    journals: Vec<Arc<Journal>>,
    events: usize,
}

pub(super) fn measure(options: &Options, folder: &Folder, table: &mut Table) -> anyhow::Result<()> {
    let runtime = Builder::new_multi_thread().enable_all().build()?;
    let per_store = usize::try_from(options.seconds)?.saturating_mul(5_000);
    let backlog = Backlog::new(per_store)?;
    let mut cluster = Cluster::start(&[])?;
    let (mut sqlite, mut sqlite_raw) = (Series::default(), Series::default());
    let (mut postgres, mut postgres_raw) = (Series::default(), Series::default());
    for turn in 0..options.repeats {
        let place = folder.path().join(format!("ledger-raw-{turn}"));
        fresh(&place)?;
        Intake::in_folder(&place).map_err(anyhow::Error::msg)?;
        sqlite_raw.add(raw::sqlite(&place, &backlog.journals)?);
        let place = folder.path().join(format!("ledger-{turn}"));
        fresh(&place)?;
        let intake = Intake::in_folder(&place).map_err(anyhow::Error::msg)?;
        sqlite.add(backlog.taken_in(&runtime, &intake)?);
        let url = cluster.database(&format!("raw_{turn}"))?;
        Intake::in_database(&url).map_err(anyhow::Error::msg)?;
        postgres_raw.add(runtime.block_on(raw::postgres(&url, &backlog.journals))?);
        let url = cluster.database(&format!("taken_{turn}"))?;
        let intake = Intake::in_database(&url).map_err(anyhow::Error::msg)?;
        postgres.add(backlog.taken_in(&runtime, &intake)?);
    }
    cluster.stop()?;
    let row = |name: &str, series, floor, goal| Row::rate(name, series, floor, goal);
    table.add(row(
        "cloud: raw group insert, SQLite",
        &sqlite_raw,
        None,
        Goal::None,
    ));
    let floor = Some(("raw group insert", &sqlite_raw));
    table.add(row(
        "cloud: ingest, SQLite",
        &sqlite,
        floor,
        Goal::AtLeast(0.6),
    ));
    table.add(row(
        "cloud: raw UNNEST insert, PostgreSQL",
        &postgres_raw,
        None,
        Goal::None,
    ));
    let floor = Some(("raw UNNEST insert", &postgres_raw));
    table.add(row(
        "cloud: ingest, PostgreSQL",
        &postgres,
        floor,
        Goal::AtLeast(0.5),
    ));
    Ok(())
}

impl Backlog {
    fn new(per_store: usize) -> anyhow::Result<Self> {
        let journal = |number: usize| {
            let store = StoreId::try_new(&format!("s{number}"))?;
            let kiosk = KioskId::try_new("k")?;
            Ok(Arc::new(Journal::written(store, kiosk, per_store)?))
        };
        let journals = (1..=STORES).map(journal).collect::<anyhow::Result<_>>()?;
        Ok(Self {
            journals,
            events: STORES * per_store,
        })
    }

    fn taken_in(&self, runtime: &Runtime, intake: &Intake) -> anyhow::Result<Sample> {
        runtime.block_on(async {
            for journal in &self.journals {
                let (store, kiosk) = (&journal.store, &journal.kiosk);
                let enrolled = intake.enrol(store, kiosk, &journal.secret).await;
                enrolled.map_err(anyhow::Error::msg)?;
                let greeted = intake.hello(store, kiosk, journal.hello()?).await;
                greeted.map_err(anyhow::Error::msg)?;
            }
            let sent: Vec<_> = self
                .journals
                .iter()
                .map(|journal| frames(journal))
                .collect();
            let start = Start::now();
            let mut kiosks = JoinSet::new();
            for (journal, frames) in self.journals.iter().zip(sent) {
                kiosks.spawn(send(intake.clone(), Arc::clone(journal), frames));
            }
            let mut latencies = Vec::new();
            while let Some(ended) = kiosks.join_next().await {
                latencies.extend(ended??);
            }
            Ok(Sample::new(self.events, start.elapsed(), latencies))
        })
    }
}

/// Sends a backlog as a kiosk would: so many frames at once, and the next when one is acked.
async fn send(
    intake: Intake,
    journal: Arc<Journal>,
    frames: Vec<Vec<u8>>,
) -> anyhow::Result<Vec<Duration>> {
    let mut waiting = frames.into_iter();
    let mut sending = JoinSet::new();
    let mut latencies = Vec::new();
    let mut reached = 0;
    loop {
        while sending.len() < AT_ONCE
            && let Some(frame) = waiting.next()
        {
            let (intake, journal) = (intake.clone(), Arc::clone(&journal));
            sending.spawn(async move {
                let began = Start::now();
                let taken = intake.frame(&journal.store, &journal.kiosk, frame).await;
                taken.map(|watermark| (watermark, began.elapsed()))
            });
        }
        let Some(ended) = sending.join_next().await else {
            break;
        };
        let (watermark, took) = ended?.map_err(anyhow::Error::msg)?;
        reached = reached.max(watermark);
        latencies.push(took);
    }
    let all = u64::try_from(journal.events.len())?;
    (reached == all)
        .then_some(latencies)
        .with_context(|| format!("{reached} of {all} events were acked"))
}
