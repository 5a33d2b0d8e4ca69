//! What comes from the cloud: the store's menu, here; what headquarters says of switches and remote
//! calls, in `notices`.
//!
//! A retained notice tells that there is a new one; it is fetched over HTTP, validated whole, kept
//! as last-known-good, and put in force. A faulty one is refused and the last good one stays. One
//! download at a time, spread over the fleet, and never two failures in quick succession.

mod fetching;
pub(crate) mod headquarters;
pub(crate) mod notices;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::notice::MenuNotice;
use cloud_sync_wire::{signed, topics};
use kiosk_core::document::Fault;
use kiosk_core::ids::StoreId;
use kiosk_core::menu::{Menu, Parsed};
use metrics::counter;
use resilience::{Breaker, Ratio, breaker};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::fetching::{Fetched, Fetching, Pace};
use crate::cache::{Cache, Cached};
use crate::protect::{BadRules, Dependency, Limits, NotDone, Rules, errors, now};
use crate::sleep::Ear;
use crate::uplink::http::{CallError, Cloud, MenuAnswer};
use crate::uplink::{LinkView, Mode, Notice};

/// A menu of 4 MiB over a slow line.
pub(crate) const FETCH_TIMEOUT: Duration = Duration::from_secs(20);
/// How many faults of a refused menu are told; HQ has the whole list.
const FAULTS_TOLD: usize = 5;

/// What the downlink needs.
pub struct DownlinkStart {
    /// The store whose menu it is.
    pub store: StoreId,
    /// Where menus come from.
    pub cloud: Cloud,
    /// Where good ones are kept.
    pub cache: Cache,
    /// The menu in force; new ones are sent here.
    pub menus: watch::Sender<Arc<Menu>>,
    /// The tag of the menu in force, if it came from the cloud.
    pub etag: Option<String>,
    /// The cloud's notices.
    pub notices: mpsc::Receiver<Notice>,
    /// How the link stands.
    pub link: watch::Receiver<LinkView>,
    /// For how long the machine has slept in all.
    pub slept: watch::Receiver<Duration>,
    /// What stands before menu calls: [`Rules::menu`] unless somebody says otherwise.
    pub rules: Rules,
    /// What jitter is drawn from.
    pub seed: u64,
}

/// A running downlink; stops when dropped.
pub struct Downlink {
    dependency: Arc<Dependency>,
    task: JoinHandle<()>,
}

/// A menu that the cloud once gave and that was good.
#[derive(Debug, Clone)]
pub struct LastKnown {
    /// The menu.
    pub parsed: Parsed,
    /// The tag it came with.
    pub etag: Option<String>,
}

/// How the breaker of menu calls is set unless somebody says otherwise: nobody waits for a menu, so
/// it is patient.
#[must_use]
pub fn menu_breaker(seed: u64) -> breaker::Settings {
    breaker::Settings {
        consecutive_failures: Some(3),
        // A kiosk asks every few minutes at most.
        time: Some(breaker::TimeRule {
            window: breaker::Window::Rolling {
                span: Duration::from_secs(3_600),
                buckets: 10,
            },
            thresholds: breaker::Thresholds {
                minimum_calls: 4,
                failure_ratio: Some(Ratio::HALF),
                slow_ratio: Some(Ratio::ALL),
                failures: None,
            },
        }),
        slow_after: Some(FETCH_TIMEOUT / 2),
        open: breaker::OpenWait {
            initial: Duration::from_secs(15),
            growth: 2.0,
            max: Duration::from_secs(300),
            jitter: 0.3,
        },
        half_open: breaker::HalfOpen {
            deadline: FETCH_TIMEOUT * 2,
            ..breaker::HalfOpen::default()
        },
        seed,
        ..breaker::Settings::default()
    }
}

/// The last good menu of the store, if the cache holds one; for the time before the cloud answers.
pub async fn last_known(cache: &Cache, store: &StoreId) -> Option<LastKnown> {
    let cached = cache.get(&key(store)).await?;
    let parsed = match parse(cached.bytes.clone()).await {
        Ok(parsed) => parsed,
        Err(faults) => {
            // It was good once, so this software is stricter than the one that kept it.
            tracing::warn!(
                faults = faults.len(),
                "the cached menu can't be used any more"
            );
            return None;
        }
    };
    Some(LastKnown {
        parsed,
        etag: cached.etag.clone(),
    })
}

fn key(store: &StoreId) -> String {
    format!("menu/{store}")
}

async fn parse(bytes: Vec<u8>) -> Result<Parsed, Vec<Fault>> {
    let parsed = tokio::task::spawn_blocking(move || Menu::parse(&bytes)).await;
    parsed.unwrap_or_else(|panic| {
        let detail = format!("can't be read: {panic}");
        Err(vec![Fault {
            pointer: String::new(),
            detail,
        }])
    })
}

impl Downlink {
    /// Starts the downlink on the current runtime.
    ///
    /// # Errors
    /// [`BadRules`] if nothing can work under its rules.
    pub fn spawn(start: DownlinkStart) -> Result<Self, BadRules> {
        let dependency = Dependency::new("menu", &start.rules, start.seed, now())?;
        let dependency = Arc::new(dependency);
        let task = Task {
            fetching: Fetching::new(now(), start.seed, Pace::MENU),
            dependency: Arc::clone(&dependency),
            etag: start.etag.clone(),
            start,
        };
        Ok(Self {
            dependency,
            task: tokio::spawn(task.run()),
        })
    }

    /// The breaker of menu calls.
    #[must_use]
    pub fn breaker(&self) -> &Arc<Breaker> {
        self.dependency.breaker()
    }

    /// Menu calls with the rules before them.
    #[must_use]
    pub fn dependency(&self) -> &Arc<Dependency> {
        &self.dependency
    }
}

impl Drop for Downlink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    start: DownlinkStart,
    fetching: Fetching,
    dependency: Arc<Dependency>,
    /// The tag of the last document seen, good or not: neither is fetched again.
    etag: Option<String>,
}

impl Task {
    async fn run(mut self) {
        let mut mode = Mode::Offline;
        let mut ear = Ear::new(self.start.slept.clone());
        loop {
            let wait = self.fetching.due().since(now());
            tokio::select! {
                Some(notice) = self.start.notices.recv() => self.notice(&notice),
                Ok(()) = self.start.link.changed() => {
                    let (before, told) = (mode, self.look(&mut mode));
                    let back = before == Mode::Offline && mode != Mode::Offline;
                    self.fetching.link_changed(now(), told, back);
                }
                slept = ear.heard() => {
                    self.dependency.slept(now(), slept);
                    self.fetching.slept(now(), slept);
                }
                () = tokio::time::sleep(wait) => {
                    let how = self.fetch().await;
                    self.fetching.fetched(now(), how);
                }
            }
        }
    }

    fn look(&mut self, mode: &mut Mode) -> bool {
        let view = self.start.link.borrow_and_update();
        *mode = view.mode;
        view.mqtt_up
    }

    fn notice(&mut self, notice: &Notice) {
        if notice.topic != topics::store_menu(&self.start.store) {
            return;
        }
        let opened = signed::open::<MenuNotice>(&notice.payload, &self.start.cloud.key());
        match opened {
            Ok(menu) if menu.store == self.start.store => {
                let in_force = Arc::clone(&self.start.menus.borrow());
                if self
                    .fetching
                    .noticed(now(), &menu.version, in_force.version())
                {
                    tracing::info!(version = menu.version, "a new menu is announced");
                }
            }
            Ok(_) => tracing::warn!("a notice of another store's menu was ignored"),
            Err(error) => tracing::warn!(%error, "a notice that is not genuine was ignored"),
        }
    }

    async fn fetch(&mut self) -> Fetched {
        let request = crate::uplink::new_request();
        let etag = self.etag.clone();
        let make = || self.start.cloud.menu(etag.as_deref(), &request);
        let limits = Limits::within(self.dependency.rules().timeout);
        let answer = self
            .dependency
            .call(limits, errors(CallError::verdict), make)
            .await;
        let (result, how) = match answer {
            Ok(MenuAnswer::Document { bytes, etag }) => {
                (self.take(bytes, etag, &request).await, Fetched::Answered)
            }
            Ok(MenuAnswer::Unchanged) => ("unchanged", Fetched::Answered),
            Ok(MenuAnswer::None) => ("none", Fetched::Answered),
            Err(NotDone::Refused(refused)) => {
                tracing::debug!(%refused, "menu not fetched");
                ("rejected", Fetched::Failed)
            }
            Err(NotDone::TimedOut(limit)) => {
                tracing::debug!(request, "menu not fetched: no answer within {limit:?}");
                ("failed", Fetched::Failed)
            }
            Err(NotDone::Failed(error)) => {
                tracing::debug!(%error, request, "menu not fetched");
                ("failed", Fetched::Failed)
            }
        };
        counter!("kiosk_menu_fetches_total", "result" => result).increment(1);
        how
    }

    /// Puts a menu in force, if it is good.
    async fn take(&mut self, bytes: Vec<u8>, etag: Option<String>, request: &str) -> &'static str {
        self.etag.clone_from(&etag);
        let menu = match parse(bytes.clone()).await {
            Ok(Parsed { menu, .. }) => Arc::new(menu),
            Err(faults) => {
                let told: Vec<String> = faults
                    .iter()
                    .take(FAULTS_TOLD)
                    .map(ToString::to_string)
                    .collect();
                tracing::warn!(
                    request,
                    faults = faults.len(),
                    "a faulty menu was refused and the last good one stays in force: {}",
                    told.join("; ")
                );
                return "faulty";
            }
        };
        self.start
            .cache
            .put(&key(&self.start.store), Cached { etag, bytes })
            .await;
        let version = menu.version().to_owned();
        let changed = self.start.menus.send_if_modified(|in_force| {
            let changed = in_force.version() != menu.version();
            if changed {
                *in_force = menu;
            }
            changed
        });
        if changed {
            tracing::info!(version, request, "a new menu is in force");
            "new"
        } else {
            "same"
        }
    }
}
