//! Several cloud-syncs on one PostgreSQL: what one of them does, or no longer does, loses nothing.

use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use lab::api::Api;
use lab::broker::Mosquitto;
use lab::checker::{Shown, drain, settle};
use lab::dice::Dice;
use lab::postgres::Cluster;
use lab::proxy::Mode;
use lab::store::{Cloud, Folder, Store};
use lab::wait::{Look, until};

use crate::{Told, lab, serially};

const LIMIT: Duration = Duration::from_secs(90);

/// Two replicas, a broker and a database; two kiosks whose HTTP leads to the first replica.
struct Site {
    // First: what runs on the database goes before it.
    store: Store,
    second: Cloud,
    _broker: Mosquitto,
    database: Cluster,
}

impl Site {
    async fn open() -> anyhow::Result<Self> {
        let folder = Folder::temporary()?;
        let database = Cluster::start(&[])?;
        let broker = Mosquitto::start(&lab(), folder.path()).await?;
        let url = Some(database.first());
        let names = ["front-left", "front-right"];
        let mut store = Store::enrolled_on(&lab(), folder, url, "canal-street", &names).await?;
        store.cloud.use_broker(broker.address());
        store.start_cloud().await?;
        let mut second = store.cloud.replica("second");
        second.start().await?;
        store.start_kiosks().await?;
        Ok(Self {
            store,
            second,
            _broker: broker,
            database,
        })
    }

    /// What a load balancer does with a replica that does not answer.
    fn lead_to_second(&self) {
        for kiosk in &self.store.kiosks {
            self.second.connect(kiosk);
        }
    }

    fn lead_to_first(&self) {
        for kiosk in &self.store.kiosks {
            self.store.cloud.connect(kiosk);
        }
    }

    async fn order(
        &self,
        shown: &mut Shown,
        orders: usize,
        seed: &'static str,
    ) -> anyhow::Result<()> {
        for kiosk in &self.store.kiosks {
            let mut diner = kiosk.diner(Dice::printed(seed))?;
            for _ in 0..orders {
                shown.add(diner.order().await?);
            }
        }
        Ok(())
    }

    async fn drain(&self) -> anyhow::Result<()> {
        for kiosk in &self.store.kiosks {
            drain(kiosk, LIMIT).await?;
        }
        Ok(())
    }

    async fn end(mut self, shown: Shown) -> anyhow::Result<()> {
        self.store.heal();
        let verdict = settle(&self.store, shown, LIMIT).await?;
        println!("{verdict:?}");
        self.store.stop().await?;
        self.second.terminate().await?;
        self.database.stop()?;
        Ok(())
    }
}

fn signal(process: Option<u32>, signal: &str) -> anyhow::Result<()> {
    let id = process.context("it does not run")?.to_string();
    let told = Command::new("kill").args([signal, &id]).status()?;
    ensure!(told.success(), "kill {signal} {id}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_is_killed_or_frozen_delays_and_never_loses() -> Told {
    let _alone = serially().await?;
    let mut site = Site::open().await?;
    let mut shown = Shown::default();
    site.order(&mut shown, 5, "both replicas there").await?;
    site.store.cloud.kill9()?;
    site.order(&mut shown, 5, "one replica killed").await?;
    site.lead_to_second();
    site.drain().await?;
    site.store.cloud.start().await?;
    // By MQTT alone: half of what is shared goes to a replica that never answers.
    signal(site.second.process_id(), "-STOP")?;
    for kiosk in &site.store.kiosks {
        kiosk.http.set(Mode::Cut);
    }
    site.order(&mut shown, 5, "one replica frozen").await?;
    site.drain().await?;
    signal(site.second.process_id(), "-CONT")?;
    site.lead_to_first();
    site.store.heal();
    site.order(&mut shown, 5, "it thaws").await?;
    site.end(shown).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_in_mid_burst_is_waited_for_by_all() -> Told {
    let _alone = serially().await?;
    let mut site = Site::open().await?;
    let mut shown = Shown::default();
    for round in 0..3 {
        site.order(&mut shown, 4, "before").await?;
        site.database.kill()?;
        site.order(&mut shown, 4, "while the database is away")
            .await?;
        let replica = if round % 2 == 0 {
            &site.store.cloud
        } else {
            &site.second
        };
        ready_says(replica, 503).await?;
        site.database.start_again()?;
        ready_says(replica, 200).await?;
    }
    site.drain().await?;
    site.end(shown).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloud_that_is_started_before_its_database_says_so_and_comes_up_with_it() -> Told {
    let _alone = serially().await?;
    let mut site = Site::open().await?;
    let mut shown = Shown::default();
    site.order(&mut shown, 2, "before").await?;
    site.store.cloud.terminate().await?;
    site.database.kill()?;
    // Told to end while it waits, it ends well.
    site.store.cloud.start().await?;
    ready_says(&site.store.cloud, 503).await?;
    let ended = site.store.cloud.terminate().await?;
    let (status, _) = ended.context("it ran")?;
    assert!(status.success(), "{status}");
    site.store.cloud.start().await?;
    ready_says(&site.store.cloud, 503).await?;
    site.order(&mut shown, 2, "while both are away").await?;
    site.database.start_again()?;
    ready_says(&site.store.cloud, 200).await?;
    site.drain().await?;
    site.end(shown).await?;
    Ok(())
}

async fn ready_says(cloud: &Cloud, status: u16) -> anyhow::Result<()> {
    let api = Api::at(cloud.base().context("never started")?)?;
    let what = format!("{} says {status}", api.base());
    until(&what, LIMIT, async || {
        let answer = api.get("/readyz").await?;
        Ok(match answer.status == status {
            true => Look::Done(()),
            false => Look::NotYet(answer.body.to_string()),
        })
    })
    .await?;
    Ok(())
}
