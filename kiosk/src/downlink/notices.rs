//! Following headquarters: what it says of switches and remote calls, by the broker and, where that
//! does not tell, by HTTP. The bytes are the same either way, and so is the one who must have
//! signed them.
//!
//! A notice is in force once it is kept, with an event for each switch that it turns here: it holds
//! through a restart without any cloud.

mod known;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::notice::{BrokerNotice, SettingsNotice, SwitchNotice};
use cloud_sync_wire::signed::{self, PAYLOAD_LIMIT};
use cloud_sync_wire::topics;
use kiosk_core::event::SwitchChanged;
use kiosk_core::ids::{EventId, Generation};
use metrics::counter;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

pub(crate) use self::known::Known;
use self::known::{KEYS, Kept, Kind, Numbered, apply_settings, apply_switches, open};
use super::fetching::{Fetched, Fetching, Pace};
use super::headquarters::{self, Me, News, Seen, news};
use crate::clock;
use crate::connect::Tuner;
use crate::journal::{Journal, KeptNotice, NoticeRequest, Stamp};
use crate::protect::{BadRules, Dependency, Limits, NotDone, Rules, now};
use crate::switches::Switchboard;
use crate::uplink::http::{CallError, Cloud, NoticeAnswer};
use crate::uplink::{LinkView, Mode, Notice, new_request};

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
            start,
        })
    }

    async fn run(mut self) {
        let mut mode = Mode::Offline;
        let mut followed = self.start.cloud.followed();
        loop {
            let wait = self.fetching.due().since(now());
            tokio::select! {
                Ok(()) = followed.changed() => self.trusts_another().await,
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
                        self.fetching.soon(now());
                    }
                }
                () = tokio::time::sleep(wait) => {
                    let how = self.fetch().await;
                    self.fetching.fetched(now(), how);
                }
            }
        }
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
            self.fetching.soon(now());
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

    async fn fetch(&mut self) -> Fetched {
        let mut how = Fetched::Answered;
        for kind in Kind::ALL {
            if self.fetch_one(kind).await == Fetched::Failed {
                how = Fetched::Failed;
            }
        }
        how
    }

    async fn fetch_one(&mut self, kind: Kind) -> Fetched {
        let request = new_request();
        let etag = self.start.known.seen(kind);
        let etag = etag.map(|seen| format!("\"{}-{}\"", seen.generation, seen.number));
        let cloud = self.start.cloud.clone();
        let make = || cloud.notice(kind.name(), etag.as_deref(), &request);
        let limits = Limits::within(self.dependency.rules().timeout);
        let answer = self.dependency.call(limits, CallError::verdict, make).await;
        match answer {
            Ok(NoticeAnswer::Bytes(bytes)) => self.take(kind, bytes).await,
            Ok(NoticeAnswer::Unchanged | NoticeAnswer::None) => Fetched::Answered,
            Err(NotDone::Refused(refused)) => {
                tracing::debug!(kind = kind.name(), %refused, "notice not fetched");
                Fetched::Failed
            }
            Err(NotDone::TimedOut(limit)) => {
                tracing::debug!(kind = kind.name(), request, ?limit, "notice not fetched");
                Fetched::Failed
            }
            Err(NotDone::Failed(error)) => {
                tracing::debug!(kind = kind.name(), request, %error, "notice not fetched");
                Fetched::Failed
            }
        }
    }

    /// Takes a notice in, if it is genuine and news.
    async fn take(&mut self, kind: Kind, bytes: Vec<u8>) -> Fetched {
        self.start.cloud.catch_up(&bytes).await;
        if signed::key_of(&bytes).is_some_and(|by| by != self.start.cloud.key().id()) {
            self.early.retain(|(of, _)| *of != kind);
            self.early.push((kind, bytes.clone()));
        }
        let result = self.judge(kind, bytes).await;
        counter!("kiosk_notices_total", "kind" => kind.name(), "result" => result).increment(1);
        match result {
            "taken" | "known" => Fetched::Answered,
            // A replay; the notice that outdid it may be underway by the same way.
            "older" => {
                tracing::warn!(kind = kind.name(), "an older notice was ignored");
                Fetched::Answered
            }
            reason => {
                tracing::warn!(kind = kind.name(), reason, "a notice was ignored");
                Fetched::Failed
            }
        }
    }

    /// What became of a notice, as a metric tells it.
    async fn judge(&mut self, kind: Kind, bytes: Vec<u8>) -> &'static str {
        let taken = match kind {
            Kind::Switches => self.take_switches(bytes).await,
            Kind::Settings => self.take_settings(bytes).await,
            Kind::Broker => self.take_broker(bytes).await,
        };
        taken.unwrap_or_else(|refused| refused)
    }

    async fn take_switches(&mut self, bytes: Vec<u8>) -> Result<&'static str, &'static str> {
        let notice: SwitchNotice = self.open(&bytes)?;
        if let Some(result) = self.stale(Kind::Switches, notice.seen()).await {
            return Ok(result);
        }
        let me = &self.start.me;
        let before = self.start.known.switches.as_ref();
        let before = before.map(|kept| &*kept.notice);
        let turned = headquarters::turned(me, before, &notice);
        self.keep(Kind::Switches, notice.seen(), bytes, &turned)
            .await?;
        apply_switches(me, &notice, &self.start.switches);
        tell(&turned);
        self.start.known.switches = Some(Kept {
            seen: notice.seen(),
            notice: Arc::new(notice),
        });
        Ok("taken")
    }

    async fn take_settings(&mut self, bytes: Vec<u8>) -> Result<&'static str, &'static str> {
        let notice: SettingsNotice = self.open(&bytes)?;
        if let Some(result) = self.stale(Kind::Settings, notice.seen()).await {
            return Ok(result);
        }
        self.keep(Kind::Settings, notice.seen(), bytes, &[]).await?;
        apply_settings(&self.start.me, &notice, &self.start.tuner);
        let last = notice.settings.iter().max_by_key(|setting| setting.number);
        tracing::info!(
            number = notice.number,
            by = last.map(|setting| setting.by.as_str()),
            reason = last.map(|setting| setting.reason.as_str()),
            "headquarters has set the rules before remote calls"
        );
        self.start.known.settings = Some(Kept {
            seen: notice.seen(),
            notice: Arc::new(notice),
        });
        Ok("taken")
    }

    async fn take_broker(&mut self, bytes: Vec<u8>) -> Result<&'static str, &'static str> {
        let notice: BrokerNotice = self.open(&bytes)?;
        if let Some(result) = self.stale(Kind::Broker, notice.seen()).await {
            return Ok(result);
        }
        self.keep(Kind::Broker, notice.seen(), bytes, &[]).await?;
        if notice.number > 0 {
            tracing::info!(
                url = notice.url,
                by = notice.by,
                reason = notice.reason,
                "headquarters assigns a broker"
            );
        }
        self.start.tuner.broker(notice.url.as_deref());
        self.start.known.broker = Some(Kept {
            seen: notice.seen(),
            notice: Arc::new(notice),
        });
        Ok("taken")
    }

    fn open<M: Numbered>(&self, bytes: &[u8]) -> Result<M, &'static str> {
        open(bytes, &self.start.cloud.key(), &self.start.me.store)
    }

    /// Why a genuine notice is not taken, if it is not.
    async fn stale(&self, kind: Kind, seen: Seen) -> Option<&'static str> {
        let known = self.start.known.seen(kind);
        match news(known, self.acked().await, seen) {
            News::Later => None,
            News::Known => Some("known"),
            News::Older => Some("older"),
            News::OtherLedger => Some("other_ledger"),
        }
    }

    /// The lineage whose acks the journal follows.
    async fn acked(&self) -> Option<Generation> {
        let state = self.start.journal.hello_state().await;
        state.ok().and_then(|state| state.generation)
    }

    async fn keep(
        &self,
        kind: Kind,
        seen: Seen,
        bytes: Vec<u8>,
        turned: &[SwitchChanged],
    ) -> Result<(), &'static str> {
        let request = NoticeRequest {
            kind: kind.name(),
            notice: KeptNotice {
                generation: seen.generation,
                number: seen.number,
                bytes,
            },
            turned: turned.iter().map(|fact| (stamp(), fact.clone())).collect(),
        };
        let kept = self.start.journal.keep_notice(request).await;
        kept.map_err(|error| {
            tracing::warn!(%error, "what headquarters says could not be kept and is asked for again");
            "not_kept"
        })
    }
}

fn tell(turned: &[SwitchChanged]) {
    for fact in turned {
        tracing::info!(
            switch = fact.name,
            state = fact.state,
            by = fact.by,
            scope = fact.scope,
            reason = fact.reason,
            "switch turned"
        );
    }
}

fn stamp() -> Stamp {
    let at = clock::wall();
    let mono = clock::monotonic().as_millis();
    Stamp {
        at,
        mono_ms: u64::try_from(mono).unwrap_or(u64::MAX),
        event: EventId(clock::uuid7(at)),
        request: None,
    }
}

/// How long a call for a notice may take.
pub(crate) const NOTICE_TIMEOUT: Duration = Duration::from_secs(5);
