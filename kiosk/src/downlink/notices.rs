//! Following headquarters: what it says of switches and remote calls, by the broker and, where that
//! does not tell, by HTTP. The bytes are the same either way, and so is the one who must have
//! signed them.
//!
//! A notice is in force once it is kept, with an event for each switch that it turns here: it holds
//! through a restart without any cloud.

mod calls;
mod known;
mod taking;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::signed::PAYLOAD_LIMIT;
use cloud_sync_wire::topics;
use kiosk_core::ids::Generation;
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

use self::calls::{Answer, Brought};
pub(crate) use self::known::Known;
use self::known::{KEYS, Kind};
use super::fetching::{Fetched, Fetching, Pace};
use super::headquarters::Me;
use crate::connect::Tuner;
use crate::journal::{Journal, KeptNotice, NoticeRequest};
use crate::protect::{BadRules, Dependency, Rules, now};
use crate::sleep::{Ear, Slept};
use crate::switches::Switchboard;
use crate::uplink::http::Cloud;
use crate::uplink::{LinkView, Mode, Notice};

/// The payload with its header and signature.
pub(crate) const NOTICE_LIMIT: usize = PAYLOAD_LIMIT + 1024;

/// What following headquarters needs.
pub(crate) struct FollowStart {
    pub(crate) me: Me,
    pub(crate) cloud: Cloud,
    pub(crate) journal: Journal,
    pub(crate) switches: Switchboard,
    pub(crate) tuner: Tuner,
    pub(crate) known: Known,
    /// The cloud's notices.
    pub(crate) notices: mpsc::Receiver<Notice>,
    pub(crate) link: watch::Receiver<LinkView>,
    pub(crate) slept: Slept,
    pub(crate) seed: u64,
}

/// A kiosk that follows headquarters; stops when dropped.
pub(crate) struct Following {
    dependency: Arc<Dependency>,
    task: JoinHandle<()>,
}

impl Following {
    /// Starts on the current runtime.
    ///
    /// # Errors
    /// [`BadRules`] if nothing can work under its rules.
    pub(crate) fn spawn(start: FollowStart) -> Result<Self, BadRules> {
        let task = Task::new(start)?;
        Ok(Self {
            dependency: Arc::clone(&task.dependency),
            task: tokio::spawn(task.run()),
        })
    }

    /// Its calls with the rules before them.
    pub(crate) fn dependency(&self) -> &Arc<Dependency> {
        &self.dependency
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Task {
    start: FollowStart,
    fetching: Fetching,
    dependency: Arc<Dependency>,
    /// What came signed by a key that is not known yet; the latest of each kind.
    early: Vec<(Kind, Vec<u8>)>,
    /// Questions to the cloud.
    calls: JoinSet<Brought>,
    under_way: UnderWay,
}

/// Which questions are being asked.
#[derive(Debug, Default)]
struct UnderWay {
    notices: bool,
    keys: bool,
    /// There may be news that the question about notices came too early for.
    news: bool,
}

impl Task {
    fn new(start: FollowStart) -> Result<Self, BadRules> {
        // No switch and no setting from afar reaches these calls: they are what brings the
        // correction of a bad one.
        let rules = Rules::notices(start.seed);
        let dependency = Dependency::new("notices", &rules, start.seed, now())?;
        Ok(Self {
            fetching: Fetching::new(now(), start.seed, Pace::NOTICES),
            dependency: Arc::new(dependency),
            early: Vec::new(),
            calls: JoinSet::new(),
            under_way: UnderWay::default(),
            start,
        })
    }

    async fn run(mut self) {
        let mut mode = Mode::Offline;
        let cloud = self.start.cloud.clone();
        let mut followed = cloud.followed();
        let mut ear = Ear::new(self.start.slept.clone());
        loop {
            let wait = self.fetching.due().since(now());
            tokio::select! {
                Ok(()) = followed.changed() => self.trusts_another().await,
                () = cloud.keys_wanted() => self.ask_keys(),
                slept = ear.heard() => {
                    self.dependency.slept(now(), slept);
                    self.fetching.slept(now(), slept);
                }
                Some(ended) = self.calls.join_next() => match ended {
                    Ok(brought) => self.brought(brought).await,
                    // A call that panicked says nothing, and the panic is told by its own line.
                    Err(_) => self.failed(),
                },
                Some(notice) = self.start.notices.recv() => self.noticed(notice).await,
                Ok(()) = self.start.link.changed() => {
                    let before = mode;
                    let told = {
                        let view = self.start.link.borrow_and_update();
                        mode = view.mode;
                        view.mqtt_up
                    };
                    let back = before == Mode::Offline && mode != Mode::Offline;
                    self.fetching.link_changed(now(), told, back);
                    if back {
                        // Whatever was changed during the outage.
                        self.soon();
                    }
                }
                () = tokio::time::sleep(wait), if !self.under_way.notices => self.fetch(),
            }
        }
    }

    /// A question to the cloud is answered, or not.
    async fn brought(&mut self, brought: Brought) {
        match brought {
            Brought::Notices(all) => {
                let mut how = Fetched::Answered;
                for (kind, answer) in all {
                    let taken = match answer {
                        Answer::News(bytes) => self.take(kind, bytes).await,
                        Answer::NoNews => Fetched::Answered,
                        Answer::Silence => Fetched::Failed,
                    };
                    if taken == Fetched::Failed {
                        how = taken;
                    }
                }
                self.fetched(how);
            }
            Brought::Keys(links) => {
                self.under_way.keys = false;
                if links.is_some_and(|links| !self.start.cloud.follow(&links)) {
                    tracing::warn!(
                        "what came was signed by a key that no trusted one gave its word for"
                    );
                }
            }
        }
    }

    fn failed(&mut self) {
        self.under_way.keys = false;
        if self.under_way.notices {
            self.fetched(Fetched::Failed);
        }
    }

    fn fetched(&mut self, how: Fetched) {
        self.under_way.notices = false;
        self.fetching.fetched(now(), how);
        if std::mem::take(&mut self.under_way.news) {
            self.fetching.soon(now());
        }
    }

    /// There may be news.
    fn soon(&mut self) {
        self.under_way.news |= self.under_way.notices;
        self.fetching.soon(now());
    }

    async fn noticed(&mut self, notice: Notice) {
        let Notice { topic, payload } = notice;
        if topic == topics::FLEET_KEYS {
            if payload.len() <= NOTICE_LIMIT * 8 {
                let links = serde_json::from_slice(&payload).unwrap_or_default();
                self.start.cloud.follow(&links);
            }
            return;
        }
        let Some(kind) = Kind::of(&topic, &self.start.me.store) else {
            return;
        };
        if self.take(kind, payload).await == Fetched::Failed {
            self.soon();
        }
    }

    /// Keeps how the cloud's present key came to be trusted, and takes up what came signed by it before.
    async fn trusts_another(&mut self) {
        let links = self.start.cloud.links();
        let bytes = serde_json::to_vec(&links).unwrap_or_default();
        let request = NoticeRequest {
            kind: KEYS,
            notice: KeptNotice {
                // They are of no ledger's lineage: a restored one may know fewer.
                generation: Generation(uuid::Uuid::nil()),
                number: u64::try_from(links.links.len()).unwrap_or(u64::MAX),
                bytes,
            },
            turned: Vec::new(),
        };
        if let Err(error) = self.start.journal.keep_notice(request).await {
            tracing::warn!(%error, "the cloud's new key could not be kept; it is asked for again after a restart");
        }
        for (kind, bytes) in std::mem::take(&mut self.early) {
            self.take(kind, bytes).await;
        }
    }
}

/// How long a call for a notice may take.
pub(crate) const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);
