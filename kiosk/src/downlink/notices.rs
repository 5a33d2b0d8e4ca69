//! Following headquarters: what it says of switches and remote calls, by the broker and, where that
//! does not tell, by HTTP. The bytes are the same either way, and so is the one who must have
//! signed them.
//!
//! A notice is in force once it is kept, with an event for each switch that it turns here: it holds
//! through a restart without any cloud.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::notice::{SettingsNotice, SwitchNotice};
use cloud_sync_wire::signed::{self, Message, PAYLOAD_LIMIT, SignedError};
use cloud_sync_wire::topics;
use kiosk_core::event::SwitchChanged;
use kiosk_core::ids::{EventId, Generation, StoreId};
use metrics::counter;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::fetching::{Fetched, Fetching, Pace};
use super::headquarters::{self, Me, News, Seen, news};
use crate::clock;
use crate::connect::Tuner;
use crate::journal::{Journal, JournalError, KeptNotice, NoticeRequest, Reader, Stamp};
use crate::protect::{BadRules, Dependency, Limits, NotDone, Rules, now};
use crate::switches::Switchboard;
use crate::uplink::http::{CallError, Cloud, NoticeAnswer};
use crate::uplink::{LinkView, Mode, Notice, new_request};

/// The payload with its header and signature.
pub(crate) const NOTICE_LIMIT: usize = PAYLOAD_LIMIT + 1024;

/// What headquarters says, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Switches,
    Settings,
}

impl Kind {
    const ALL: [Self; 2] = [Self::Switches, Self::Settings];

    /// In the journal, in paths and in metrics.
    const fn name(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Settings => "settings",
        }
    }
}

/// What is known of headquarters' word. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    switches: Option<Kept<SwitchNotice>>,
    settings: Option<Kept<SettingsNotice>>,
}

#[derive(Debug, Clone)]
struct Kept<M> {
    seen: Seen,
    notice: Arc<M>,
}

/// A notice that names its store, its lineage and its number.
trait Numbered: Message {
    fn store(&self) -> &StoreId;
    fn seen(&self) -> Seen;
}

impl Numbered for SwitchNotice {
    fn store(&self) -> &StoreId {
        &self.store
    }

    fn seen(&self) -> Seen {
        Seen {
            generation: self.generation,
            number: self.number,
        }
    }
}

impl Numbered for SettingsNotice {
    fn store(&self) -> &StoreId {
        &self.store
    }

    fn seen(&self) -> Seen {
        Seen {
            generation: self.generation,
            number: self.number,
        }
    }
}

/// Why bytes are not taken, as a metric tells it.
fn open<M: Numbered>(bytes: &[u8], key: &PublicKey, store: &StoreId) -> Result<M, &'static str> {
    if bytes.len() > NOTICE_LIMIT {
        return Err("too_large");
    }
    match signed::open::<M>(bytes, key) {
        Ok(notice) if notice.store() == store => Ok(notice),
        Ok(_) => Err("foreign"),
        Err(SignedError::Version(_) | SignedError::Payload(_)) => Err("unreadable"),
        Err(SignedError::NotOne | SignedError::Signature) => Err("forged"),
    }
}

impl Known {
    /// What was kept before this start, as far as it was signed by this cloud for this store.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) async fn restored(
        journal: &Journal,
        key: &PublicKey,
        store: &StoreId,
    ) -> Result<Self, JournalError> {
        let read = |kind: Kind| journal.read(move |reader: &Reader| reader.notice(kind.name()));
        let (switches, settings) = (read(Kind::Switches).await?, read(Kind::Settings).await?);
        Ok(Self {
            switches: switches.and_then(|kept| reopened(&kept, key, store)),
            settings: settings.and_then(|kept| reopened(&kept, key, store)),
        })
    }

    /// Puts switches where they are known to stand.
    pub(crate) fn switch(&self, me: &Me, switches: &Switchboard) {
        if let Some(kept) = &self.switches {
            apply_switches(me, &kept.notice, switches);
        }
    }

    /// Puts in force what is known to be set.
    pub(crate) fn tune(&self, me: &Me, tuner: &Tuner) {
        if let Some(kept) = &self.settings {
            apply_settings(me, &kept.notice, tuner);
        }
    }

    fn seen(&self, kind: Kind) -> Option<Seen> {
        match kind {
            Kind::Switches => self.switches.as_ref().map(|kept| kept.seen),
            Kind::Settings => self.settings.as_ref().map(|kept| kept.seen),
        }
    }
}

fn reopened<M: Numbered>(kept: &KeptNotice, key: &PublicKey, store: &StoreId) -> Option<Kept<M>> {
    let notice = open::<M>(&kept.bytes, key, store)
        .inspect_err(|reason| {
            tracing::warn!(reason, "what headquarters said before counts no more");
        })
        .ok()?;
    Some(Kept {
        seen: notice.seen(),
        notice: Arc::new(notice),
    })
}

fn apply_switches(me: &Me, notice: &SwitchNotice, switches: &Switchboard) {
    switches.headquarters(me.member(&notice.groups), headquarters::changes(notice));
}

fn apply_settings(me: &Me, notice: &SettingsNotice, tuner: &Tuner) {
    if let Err(fault) = tuner.headquarters(&headquarters::tuning(me, notice)) {
        tracing::error!(fault, "what headquarters sets can't be worked under");
    }
}

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
            start,
        })
    }

    async fn run(mut self) {
        let mut mode = Mode::Offline;
        loop {
            let wait = self.fetching.due().since(now());
            tokio::select! {
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
        let store = &self.start.me.store;
        let kind = if topic == topics::store_switches(store) {
            Kind::Switches
        } else if topic == topics::store_settings(store) {
            Kind::Settings
        } else {
            return;
        };
        if self.take(kind, payload).await == Fetched::Failed {
            self.fetching.soon(now());
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

    fn open<M: Numbered>(&self, bytes: &[u8]) -> Result<M, &'static str> {
        open(bytes, self.start.cloud.key(), &self.start.me.store)
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
