//! The fleet: enrolled in one go, let loose at once.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context, anyhow};
use cloud_sync::replica::Replica;
use cloud_sync_wire::credential::Credential;
use kiosk_core::ids::{KioskId, StoreId};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

use super::Options;
use super::kiosk::{Common, Kiosk, Template};
use super::server::Server;
use crate::bench;
use crate::clock::Start;
use crate::dice::Dice;

/// Kiosks of a store.
const STORE: u64 = 100;
/// Kiosks that show what the cloud can do with nobody else there.
const FEW: u64 = 32;
/// Between two orders of a kiosk that sells.
const ORDER: Duration = Duration::from_millis(250);
/// Enrolments at once; the ledger's queue takes no more than a few hundred.
const ENROLLING: usize = 200;

pub(super) struct Fleet {
    events: u64,
    within: Duration,
    herd: Vec<Credential>,
    few: Vec<Credential>,
    live: Vec<Credential>,
    common: Arc<Common>,
    sellers: Sellers,
    /// Counts journals, so that nobody continues another's.
    journals: AtomicU64,
}

impl Fleet {
    /// Writes all kiosks into a new ledger in that folder.
    pub(super) async fn enrol(data: &Path, options: &Options) -> anyhow::Result<Self> {
        std::fs::DirBuilder::new().mode(0o700).create(data)?;
        let file = data.join("ledger.sqlite");
        let opening = tokio::task::spawn_blocking(move || Replica::open(file, false));
        let replica = Arc::new(opening.await?.map_err(|error| anyhow!("{error}"))?);
        let few = FEW.min(options.kiosks);
        let all = options.kiosks + few + options.live;
        let (mut enrolling, mut enrolled) = (JoinSet::new(), Vec::new());
        for number in 0..all {
            if enrolling.len() >= ENROLLING {
                enrolled.extend(enrolling.join_next().await.transpose()?.transpose()?);
            }
            enrolling.spawn(enrol(Arc::clone(&replica), number));
        }
        for credential in enrolling.join_all().await {
            enrolled.push(credential?);
        }
        let template = template().await?;
        let mut split = |count: u64| -> anyhow::Result<Vec<Credential>> {
            let at = enrolled.len() - usize::try_from(count)?;
            Ok(enrolled.split_off(at))
        };
        let (few, live) = (split(few)?, split(options.live)?);
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            events: options.events,
            within: Duration::from_secs(options.within),
            herd: enrolled,
            few,
            live,
            sellers: Sellers::new(&template)?,
            common: Arc::new(Common::new(template)?),
            journals: AtomicU64::new(1),
        })
    }

    fn kiosk(&self, credential: &Credential, common: &Arc<Common>, server: &Server) -> Kiosk {
        let number = self.journals.fetch_add(1, Ordering::Relaxed);
        Kiosk::new(credential.clone(), common, server.base(), number)
    }

    pub(super) fn told_to_wait(&self) -> u64 {
        self.common.told_to_wait.load(Ordering::Relaxed)
    }

    /// A few kiosks drain with nobody else there: events a second.
    pub(super) async fn a_few(&self, server: &Server) -> anyhow::Result<f64> {
        let started = Start::now();
        let events = self.events.max(1_000);
        let mut draining = JoinSet::new();
        for credential in &self.few {
            let mut kiosk = self.kiosk(credential, &self.common, server);
            draining.spawn(async move {
                kiosk.greet().await?;
                kiosk.drain(events).await
            });
        }
        for ended in draining.join_all().await {
            ended?;
        }
        let all = self.few.len() as u64 * events;
        Ok(all as f64 / started.elapsed().as_secs_f64())
    }

    /// What live orders wait for their acks while so much time passes.
    pub(super) async fn sell_for(
        &self,
        server: &Server,
        length: Duration,
    ) -> anyhow::Result<Vec<Sold>> {
        let over = Arc::new(AtomicBool::new(false));
        let selling = self.sell(server, &over);
        tokio::time::sleep(length).await;
        over.store(true, Ordering::Relaxed);
        collect(selling).await
    }

    fn sell(&self, server: &Server, over: &Arc<AtomicBool>) -> JoinSet<anyhow::Result<Vec<Sold>>> {
        let mut selling = JoinSet::new();
        for credential in &self.live {
            let mut kiosk = self.kiosk(credential, &self.sellers.common, server);
            let (over, others) = (Arc::clone(over), Arc::clone(&self.common));
            let drained = move || others.drained.load(Ordering::Relaxed);
            let sell = async move {
                kiosk.greet().await?;
                let mut sold = Vec::new();
                while !over.load(Ordering::Relaxed) {
                    let (started, before) = (Start::now(), drained());
                    kiosk.drain(1).await?;
                    sold.push(Sold {
                        wait: started.elapsed(),
                        ahead: drained() - before,
                    });
                    tokio::time::sleep(ORDER.saturating_sub(started.elapsed())).await;
                }
                Ok(sold)
            };
            match &self.sellers.runtime {
                Some(runtime) => selling.spawn_on(sell, runtime.handle()),
                None => selling.spawn(sell),
            };
        }
        selling
    }

    /// Everybody comes back: when each was done, sorted, and what live orders waited meanwhile.
    pub(super) async fn all(&self, server: &Server) -> anyhow::Result<(Vec<Duration>, Vec<Sold>)> {
        let over = Arc::new(AtomicBool::new(false));
        let selling = self.sell(server, &over);
        let started = Start::now();
        let mut draining = JoinSet::new();
        let mut dice = Dice::seeded(1);
        for credential in &self.herd {
            let mut kiosk = self.kiosk(credential, &self.common, server);
            let most = u64::try_from(self.within.as_micros()).unwrap_or(u64::MAX);
            let wait = Duration::from_micros(dice.below(most));
            let events = self.events;
            draining.spawn(async move {
                tokio::time::sleep(wait).await;
                kiosk.greet().await?;
                kiosk.drain(events).await?;
                anyhow::Ok(started.elapsed())
            });
        }
        let mut ends = draining
            .join_all()
            .await
            .into_iter()
            .collect::<anyhow::Result<Vec<_>>>()?;
        over.store(true, Ordering::Relaxed);
        ends.sort_unstable();
        Ok((ends, collect(selling).await?))
    }
}

/// An order that was sold while others drained.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sold {
    /// How long its ack took.
    pub(super) wait: Duration,
    /// Events of backlogs that were acked in that time.
    pub(super) ahead: u64,
}

/// What sells has a thread of its own: what it waits is then the cloud's doing, and not that of the
/// thousands of kiosks that are played on the same machine.
struct Sellers {
    common: Arc<Common>,
    runtime: Option<Runtime>,
}

impl Sellers {
    fn new(template: &Template) -> anyhow::Result<Self> {
        let mut builder = Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).enable_all().build()?;
        Ok(Self {
            common: Arc::new(Common::new(template.clone())?),
            runtime: Some(runtime),
        })
    }
}

impl Drop for Sellers {
    fn drop(&mut self) {
        // It may end where nothing is allowed to block.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn collect(selling: JoinSet<anyhow::Result<Vec<Sold>>>) -> anyhow::Result<Vec<Sold>> {
    let mut all = Vec::new();
    for sold in selling.join_all().await {
        all.extend(sold?);
    }
    Ok(all)
}

/// A percentile of sorted values; 100 gives the last.
pub(super) fn percentile<T: Copy + Default>(sorted: &[T], percent: usize) -> T {
    let index = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(index).copied().unwrap_or_default()
}

async fn enrol(replica: Arc<Replica>, number: u64) -> anyhow::Result<Credential> {
    let store = StoreId::try_new(&format!("s{}", number / STORE))?;
    let kiosk = KioskId::try_new(&format!("k{number}"))?;
    let mut seed = [1; 32];
    seed.iter_mut()
        .zip(number.to_le_bytes())
        .for_each(|(to, from)| *to = from);
    let enrolled = replica.enroll(&store, &kiosk, seed).await;
    enrolled.map_err(|error| anyhow!("{error}"))
}

/// The event of a real order, out of a real journal.
async fn template() -> anyhow::Result<Template> {
    let (event, order, bytes) = bench::sample_event().await?;
    let text = String::from_utf8(bytes).context("an event is text")?;
    Ok(Template {
        text,
        event: event.0.to_string(),
        order: order.0.to_string(),
    })
}
