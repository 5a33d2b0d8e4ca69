//! Looking at the store again and again: what kiosks and headquarters say of themselves, and what
//! has changed since the last look.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex as Lock, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};
use tokio::time::MissedTickBehavior;

use super::PIN;
use super::glance::{BreakerSeen, CloudSeen, Glance, KioskSeen, LinkSeen, Promise};
use crate::api::Api;
use crate::diner::{Accepted, accepted};
use crate::hq::Hq;
use crate::proxy::{Mode, Proxy};
use crate::store::{Cloud, Kiosk, Store, USER};

/// Fast enough to see a breaker count down.
const LOOK: Duration = Duration::from_millis(400);
/// A dead process must not hold the next look.
const PATIENCE: Duration = Duration::from_millis(1_500);
/// Arrivals at headquarters that are shown.
const ARRIVALS: usize = 7;
/// Happenings that are kept for the page.
const KEPT: usize = 60;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Happening {
    CloudKilled,
    CloudStarted,
    KioskKilled(String),
    KioskStarted(String),
    Turned(String, &'static str, Mode),
    Healed,
    Ordering(String, usize),
    Link(String, String),
    Trouble(String),
}

/// What happened, and what diners were shown.
#[derive(Debug, Default)]
pub(super) struct Journal {
    inner: Lock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    count: u64,
    happenings: Vec<(u64, String, Happening)>,
    shown: BTreeMap<String, Accepted>,
}

impl Journal {
    fn with<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        look(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn note(&self, happening: Happening) {
        let at = kiosk::clock::wall().to_string();
        self.with(|inner| {
            inner.count += 1;
            inner.happenings.push((inner.count, at, happening));
            let surplus = inner.happenings.len().saturating_sub(KEPT);
            inner.happenings.drain(..surplus);
        });
    }

    /// A number was shown.
    pub(super) fn shown(&self, order: Accepted) {
        self.with(|inner| inner.shown.insert(order.id.clone(), order));
    }

    /// The latest first.
    pub(super) fn happenings(&self) -> Vec<(u64, String, Happening)> {
        self.with(|inner| inner.happenings.iter().rev().cloned().collect())
    }

    fn all_shown(&self) -> BTreeMap<String, Accepted> {
        self.with(|inner| inner.shown.clone())
    }
}

/// Looks until it is aborted.
pub(super) async fn watch(
    store: Arc<Mutex<Store>>,
    journal: Arc<Journal>,
    seen: watch::Sender<Glance>,
) {
    let mut watcher = Watcher::default();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let glance = watcher.look(&store, &journal).await;
        seen.send_replace(glance);
    }
}

#[derive(Default)]
struct Watcher {
    kiosks: HashMap<String, KioskWatch>,
    cloud: CloudSeen,
    hq: Option<Hq>,
    at_hq: BTreeMap<String, Accepted>,
    doubled: u64,
    currency: String,
}

#[derive(Default)]
struct KioskWatch {
    seen: KioskSeen,
    api: Option<Api>,
    session: Option<Api>,
    journal: Value,
    sync: HashMap<String, bool>,
}

impl Watcher {
    async fn look(&mut self, store: &Mutex<Store>, journal: &Journal) -> Glance {
        let (mut kiosks, mut cloud) = {
            let store = store.lock().await;
            let kiosks: Vec<_> = store.kiosks.iter().map(outside).collect();
            (kiosks, cloud_outside(&store.cloud))
        };
        for kiosk in &mut kiosks {
            let watch = self.kiosks.entry(kiosk.id.clone()).or_default();
            if kiosk.running
                && watch
                    .look(kiosk, journal, &mut self.currency)
                    .await
                    .is_err()
            {
                kiosk.running = false;
            }
            watch.fill(kiosk);
        }
        if cloud.running && self.look_at_hq(&cloud.base).await.is_err() {
            self.hq = None;
            cloud.running = false;
        }
        cloud.orders = self.cloud.orders;
        cloud.gross = self.cloud.gross;
        cloud.duplicates = self.cloud.duplicates;
        cloud.arrivals.clone_from(&self.cloud.arrivals);
        let promise = self.promise(&journal.all_shown());
        Glance {
            kiosks,
            cloud,
            promise,
            currency: self.currency.clone(),
        }
    }

    async fn look_at_hq(&mut self, base: &str) -> anyhow::Result<()> {
        let hq = match &self.hq {
            Some(hq) => hq.clone(),
            None => Hq::sign_in(base, USER.0, USER.1).await?,
        };
        let (orders, gross) = hq.sums(super::STORE).await?;
        self.hq = Some(hq.clone());
        self.cloud.duplicates = whole(hq.metric("cloud_ingest_events_total", "duplicate").await?);
        if (orders, gross) != (self.cloud.orders, self.cloud.gross) {
            let mut listed = hq.orders(super::STORE).await?;
            listed.sort_by(|one, other| arrived(other).cmp(arrived(one)));
            let read = listed
                .iter()
                .filter_map(|order| accepted(order["kiosk"].as_str()?, order).ok());
            let read: Vec<Accepted> = read.collect();
            self.cloud.arrivals = read.iter().take(ARRIVALS).cloned().collect();
            self.at_hq = read
                .into_iter()
                .map(|order| (order.id.clone(), order))
                .collect();
            self.doubled = (listed.len() - self.at_hq.len()) as u64;
            (self.cloud.orders, self.cloud.gross) = (orders, gross);
        }
        Ok(())
    }

    fn promise(&self, shown: &BTreeMap<String, Accepted>) -> Promise {
        let arrived = |order: &&Accepted| self.at_hq.contains_key(&order.id);
        let wrong = shown.values().filter(|order| {
            self.at_hq
                .get(&order.id)
                .is_some_and(|found| found.total != order.total)
        });
        let known = |order: &&Accepted| shown.contains_key(&order.id);
        // What a visitor ordered at a screen is known from the next look at that kiosk on.
        let strange = self.at_hq.values().filter(|order| !known(order));
        let strange = strange.filter(|order| !self.kiosks.contains_key(&order.kiosk));
        Promise {
            shown: shown.len() as u64,
            gross: shown.values().map(|order| order.total).sum(),
            on_their_way: shown.values().filter(|order| !arrived(order)).count() as u64,
            broken: wrong.count() as u64 + self.doubled + strange.count() as u64,
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a counter is a whole number that never goes below zero"
)]
fn whole(counter: f64) -> u64 {
    counter.max(0.0) as u64
}

fn arrived(order: &Value) -> &str {
    order["received_at"].as_str().unwrap_or_default()
}

/// What is known without asking.
fn outside(kiosk: &Kiosk) -> KioskSeen {
    KioskSeen {
        id: kiosk.id.clone(),
        base: kiosk.base().unwrap_or_default(),
        running: kiosk.is_running(),
        http: link(&kiosk.http),
        mqtt: link(&kiosk.mqtt),
        ..KioskSeen::default()
    }
}

fn link(proxy: &Proxy) -> LinkSeen {
    let (there, back) = proxy.bytes();
    LinkSeen {
        mode: proxy.mode(),
        bytes: there + back,
    }
}

fn cloud_outside(cloud: &Cloud) -> CloudSeen {
    CloudSeen {
        base: cloud.base().unwrap_or_default(),
        running: cloud.is_running(),
        ..CloudSeen::default()
    }
}

impl KioskWatch {
    async fn look(
        &mut self,
        kiosk: &KioskSeen,
        journal: &Journal,
        currency: &mut String,
    ) -> anyhow::Result<()> {
        let api = match &self.api {
            Some(api) => api.clone(),
            None => self
                .api
                .insert(Api::patient(&kiosk.base, PATIENCE)?)
                .clone(),
        };
        if self.seen.screens.is_empty() {
            self.seen.screens = screens(&api).await?;
        }
        let status = api.get("/api/v1/status").await?.expect(200)?;
        let link = status["link"].as_str().unwrap_or_default().to_owned();
        if link != self.seen.link {
            journal.note(Happening::Link(kiosk.id.clone(), link.clone()));
            self.seen.link = link;
        }
        self.seen.breaker = breaker(&status);
        if status["journal"]["id"].is_null() || same(&status["journal"], &self.journal) {
            return Ok(());
        }
        // A restarted kiosk knows no sessions; the next look brings a new one.
        let Ok(orders) = self.orders(&api).await else {
            return Ok(());
        };
        for order in &orders {
            if let Ok(order) = accepted(&kiosk.id, order) {
                journal.shown(order);
            }
            let id = order["id"].as_str().unwrap_or_default().to_owned();
            self.sync.insert(id, order["sync"] == "confirmed");
            if let Some(of_order) = order["currency"].as_str() {
                of_order.clone_into(currency);
            }
        }
        let newest = orders.first().and_then(|order| order["number"].as_str());
        self.seen.last = newest.map(str::to_owned).or(self.seen.last.take());
        self.seen.orders = self.sync.len() as u64;
        self.seen.unsent = self.sync.values().filter(|confirmed| !**confirmed).count() as u64;
        self.journal = status["journal"].clone();
        Ok(())
    }

    /// The orders of this kiosk, newest first, back to where everything is confirmed.
    async fn orders(&mut self, api: &Api) -> anyhow::Result<Vec<Value>> {
        let session = match &self.session {
            Some(session) => session.clone(),
            None => {
                let session = api
                    .post("/api/v1/sessions", &json!({ "pin": PIN }))
                    .await?
                    .expect(201)?;
                api.clone()
                    .with_token(session["token"].as_str().unwrap_or_default())
            }
        };
        let mut found: Vec<Value> = Vec::new();
        let mut after = String::new();
        loop {
            let page = session
                .get(&format!("/api/v1/orders?limit=100{after}"))
                .await?;
            if page.status == 401 {
                self.session = None;
            }
            let page = page.expect(200)?;
            let orders = page["orders"].as_array().cloned().unwrap_or_default();
            let old = |order: &Value| {
                self.sync.get(order["id"].as_str().unwrap_or_default()) == Some(&true)
            };
            let all_old = orders.iter().all(old);
            found.extend(orders);
            match page["next"].as_str() {
                Some(next) if !all_old => after = format!("&after={next}"),
                _ => break,
            }
        }
        self.session = Some(session);
        Ok(found)
    }

    /// The last that was heard.
    fn fill(&self, kiosk: &mut KioskSeen) {
        let seen = &self.seen;
        kiosk.screens.clone_from(&seen.screens);
        kiosk.link.clone_from(&seen.link);
        kiosk.breaker.clone_from(&seen.breaker);
        kiosk.last.clone_from(&seen.last);
        (kiosk.orders, kiosk.unsent) = (seen.orders, seen.unsent);
    }
}

/// Whether no event was added or confirmed between two looks.
fn same(one: &Value, other: &Value) -> bool {
    ["id", "next_seq", "watermark", "unconfirmed"]
        .iter()
        .all(|key| one[key] == other[key])
}

fn breaker(status: &Value) -> Option<BreakerSeen> {
    let breakers = status["breakers"].as_array()?;
    let ordering = breakers
        .iter()
        .find(|breaker| breaker["name"] == "ordering")?;
    let number = |key: &str| ordering[key].as_u64().unwrap_or(0);
    Some(BreakerSeen {
        state: ordering["state"].as_str().unwrap_or_default().to_owned(),
        retry_in: ordering["retry_in_seconds"].as_f64(),
        calls: number("calls"),
        failures: number("failures"),
    })
}

/// The pages that this kiosk serves.
async fn screens(api: &Api) -> anyhow::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    for page in ["/", "/kitchen", "/board", "/manager"] {
        // Some ask who you are before they show anything.
        if api.get(page).await?.status != 404 {
            found.push(page);
        }
    }
    Ok(found)
}
