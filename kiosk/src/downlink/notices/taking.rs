//! Taking in what headquarters says: judged, kept, and only then in force.

use std::sync::Arc;

use cloud_sync_wire::notice::{BrokerNotice, SettingsNotice, SwitchNotice};
use kiosk_core::event::SwitchChanged;
use kiosk_core::ids::{EventId, Generation};
use metrics::counter;

use super::super::fetching::Fetched;
use super::super::headquarters::{self, News, Seen, news};
use super::Task;
use super::known::{Kept, Kind, Numbered, apply_settings, apply_switches, open};
use crate::clock;
use crate::journal::{KeptNotice, NoticeRequest, Stamp};

impl Task {
    /// Takes a notice in, if it is genuine and news. One that a key signed which is not known yet waits
    /// until it is.
    pub(super) async fn take(&mut self, kind: Kind, bytes: Vec<u8>) -> Fetched {
        let result = if self.start.cloud.wants_keys_for(&bytes) {
            self.early.retain(|(of, _)| *of != kind);
            self.early.push((kind, bytes));
            "early"
        } else {
            self.judge(kind, bytes).await
        };
        counter!("kiosk_notices_total", "kind" => kind.name(), "result" => result).increment(1);
        match result {
            "taken" | "known" => Fetched::Answered,
            // A replay; the notice that outdid it may be underway by the same way.
            "older" => {
                tracing::warn!(kind = kind.name(), "an older notice was ignored");
                Fetched::Answered
            }
            "early" => {
                tracing::info!(
                    kind = kind.name(),
                    "a notice waits for the key that signed it"
                );
                Fetched::Failed
            }
            reason => {
                tracing::warn!(kind = kind.name(), reason, "a notice was ignored");
                Fetched::Failed
            }
        }
    }

    /// What became of a notice, as a metric tells it.
    pub(super) async fn judge(&mut self, kind: Kind, bytes: Vec<u8>) -> &'static str {
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
