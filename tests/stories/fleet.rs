//! A fleet over several brokers and two cloud-syncs: a broker that dies takes nobody else along.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use cloud_sync_wire::credential::Credential;
use lab::broker::Mosquitto;
use lab::checker::{Shown, drain, settle_at};
use lab::dice::Dice;
use lab::diner::Diner;
use lab::hq::Hq;
use lab::postgres::Cluster;
use lab::proxy::Mode;
use lab::store::{Cloud, Folder, Kiosk, Store};
use lab::wait::{Look, until};
use serde_json::json;

use crate::{Told, lab, link_becomes, serially};

const SOON: Duration = Duration::from_secs(60);
const STORES: [&str; 3] = ["canal-street", "harbour", "pier"];

/// A store of the fleet: one kiosk, and who orders there.
struct Branch {
    name: &'static str,
    kiosk: Kiosk,
    mqtt: String,
    shown: Shown,
    diner: Option<Diner>,
}

impl Branch {
    /// Enrols its kiosk; cloud-sync says which broker it gets.
    async fn open(store: &Store, name: &'static str) -> anyhow::Result<Self> {
        let mut kiosk = Kiosk::new(&lab(), &store.folder().join(name), "k").await?;
        std::fs::create_dir_all(store.folder().join(name))?;
        let file: PathBuf = store.folder().join(format!("{name}.json"));
        let out = file.to_string_lossy().into_owned();
        let cloud = format!("http://{}", kiosk.http.address());
        let who = ["enroll", "--store", name, "--kiosk", "k"];
        let what = ["--cloud", &cloud, "--out", &out];
        store.cloud.command(&[&who[..], &what].concat(), "").await?;
        let credential = Credential::parse(&std::fs::read(&file)?)?;
        kiosk.more = vec!["--credential".to_owned(), out];
        store.cloud.connect(&kiosk);
        kiosk.start().await?;
        link_becomes(&kiosk, &["online"], SOON).await?;
        Ok(Self {
            name,
            mqtt: credential.mqtt.context("a broker")?,
            diner: Some(kiosk.diner(Dice::printed(name))?),
            kiosk,
            shown: Shown::default(),
        })
    }

    async fn sells(&mut self, orders: usize) -> anyhow::Result<()> {
        let diner = self.diner.as_mut().context("somebody who orders")?;
        for _ in 0..orders {
            self.shown.add(diner.order().await?);
        }
        Ok(())
    }

    /// Sells and gets everything confirmed.
    async fn works(&mut self, orders: usize) -> anyhow::Result<()> {
        self.sells(orders).await?;
        drain(&self.kiosk, SOON).await?;
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_dies_is_noticed_by_its_own_stores_alone_and_they_can_be_moved() -> Told {
    let _alone = serially().await?;
    let mut database = Cluster::start(&[])?;
    let (folder, url) = (Folder::temporary()?, Some(database.first()));
    let mut store = Store::enrolled_on(&lab(), folder, url, "unused", &[]).await?;
    let mut brokers = with_brokers(&mut store).await?;
    store.start_cloud().await?;
    let mut second = store.cloud.replica("second");
    second.start().await?;
    let mut fleet = Vec::new();
    for name in STORES {
        let mut branch = Branch::open(&store, name).await?;
        branch.works(3).await?;
        fleet.push(branch);
    }
    let urls: Vec<String> = brokers
        .iter()
        .map(|at| format!("mqtt://{}", at.address()))
        .collect();
    let given: Vec<&String> = fleet.iter().map(|branch| &branch.mqtt).collect();
    assert_eq!(
        given,
        urls.iter().collect::<Vec<_>>(),
        "each store has its own"
    );
    // By MQTT alone, all three.
    fleet
        .iter()
        .for_each(|branch| branch.kiosk.http.set(Mode::Cut));
    for branch in &mut fleet {
        branch.works(4).await?;
    }
    brokers.first_mut().context("a broker")?.kill9()?;
    let (first, others) = fleet.split_first_mut().context("a store")?;
    // Without broker and HTTP it sells and waits; the others notice nothing.
    first.sells(4).await?;
    for branch in &mut *others {
        branch.works(6).await?;
    }
    let status = first.kiosk.status().await?;
    assert!(
        status["journal"]["unconfirmed"].as_u64() > Some(0),
        "{status}"
    );
    // With HTTP it falls back to that.
    first.kiosk.http.set(Mode::Pass);
    first.works(2).await?;
    link_becomes(&first.kiosk, &["online"], SOON).await?;
    let hq = store.hq().await?;
    moves(&hq, first, urls.get(1).context("a second broker")?).await?;
    first.kiosk.http.set(Mode::Cut);
    first.works(3).await?;
    // It holds through a restart without HTTP.
    first.kiosk.terminate().await?;
    first.kiosk.start().await?;
    first.works(3).await?;
    let listed = hq.api().get("/api/v1/brokers").await?.expect(200)?;
    assert!(listed["brokers"][1]["stores"] == json!(2), "{listed}");
    heals_and_agrees(&hq, &mut fleet).await?;
    took_part(&[&store.cloud, &second])?;
    store.stop().await?;
    second.terminate().await?;
    database.stop()?;
    Ok(())
}

/// Three brokers of its own.
async fn with_brokers(store: &mut Store) -> anyhow::Result<Vec<Mosquitto>> {
    let mut brokers = Vec::new();
    for name in ["b1", "b2", "b3"] {
        let folder = store.folder().join(name);
        std::fs::create_dir(&folder)?;
        let broker = Mosquitto::start(&lab(), &folder).await?;
        store.cloud.use_broker(broker.address());
        brokers.push(broker);
    }
    Ok(brokers)
}

fn took_part(replicas: &[&Cloud]) -> anyhow::Result<()> {
    for replica in replicas {
        let log = std::fs::read_to_string(replica.log())?;
        let shown = replica.log().display();
        ensure!(log.contains("events received"), "{shown} took nothing in");
    }
    Ok(())
}

/// Headquarters moves a store to another broker, live.
async fn moves(hq: &Hq, branch: &Branch, to: &str) -> anyhow::Result<()> {
    let nowhere = json!({"url": "mqtt://127.0.0.1:9", "reason": "a slip"});
    let put = hq
        .api()
        .put("/api/v1/stores/canal-street/broker", &nowhere)
        .await?;
    ensure!(put.status == 422, "{put:?}");
    let wish = json!({"url": to, "reason": "the first is dead"});
    let put = hq
        .api()
        .put("/api/v1/stores/canal-street/broker", &wish)
        .await?;
    put.expect(200)?;
    until("the kiosk has heard of it", SOON, async || {
        let log = std::fs::read_to_string(branch.kiosk.log())?;
        Ok(match log.contains(to) {
            true => Look::Done(()),
            false => Look::NotYet("not yet".to_owned()),
        })
    })
    .await?;
    Ok(())
}

async fn heals_and_agrees(hq: &Hq, fleet: &mut [Branch]) -> anyhow::Result<()> {
    for branch in fleet.iter_mut() {
        branch.kiosk.http.set(Mode::Pass);
        link_becomes(&branch.kiosk, &["online"], SOON).await?;
    }
    for branch in fleet.iter_mut() {
        let shown = std::mem::take(&mut branch.shown);
        let verdict = settle_at(hq, branch.name, &[&branch.kiosk], shown, SOON).await?;
        println!("{}: {verdict:?}", branch.name);
        branch.kiosk.terminate().await?;
    }
    Ok(())
}
