//! What is known of headquarters' word: the latest notice of each kind, and whose word it must be.

use std::sync::Arc;

use cloud_sync_wire::keys::PublicKey;
use cloud_sync_wire::notice::{BrokerNotice, SettingsNotice, SwitchNotice};
use cloud_sync_wire::signed::{self, Message, SignedError};
use cloud_sync_wire::succession::{Links, Trust};
use cloud_sync_wire::topics;
use kiosk_core::ids::StoreId;

use super::NOTICE_LIMIT;
use crate::connect::Tuner;
use crate::downlink::headquarters::{self, Me, Seen};
use crate::journal::{Journal, JournalError, KeptNotice, Reader};
use crate::protect::Tuning;
use crate::switches::Switchboard;

/// What headquarters says, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Switches,
    Settings,
    Broker,
}

impl Kind {
    pub(super) const ALL: [Self; 3] = [Self::Switches, Self::Settings, Self::Broker];

    /// In the journal, in paths and in metrics.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Settings => "settings",
            Self::Broker => "broker",
        }
    }

    pub(super) fn of(topic: &str, store: &StoreId) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| {
            topic
                == match kind {
                    Self::Switches => topics::store_switches(store),
                    Self::Settings => topics::store_settings(store),
                    Self::Broker => topics::store_broker(store),
                }
        })
    }
}

/// What the words of the cloud's keys for one another are called in the journal.
pub(super) const KEYS: &str = "keys";

/// What is known of headquarters' word. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(super) switches: Option<Kept<SwitchNotice>>,
    pub(super) settings: Option<Kept<SettingsNotice>>,
    pub(super) broker: Option<Kept<BrokerNotice>>,
    /// The words that the cloud's keys gave for one another, as far as they were followed.
    pub(crate) links: Links,
}

#[derive(Debug, Clone)]
pub(super) struct Kept<M> {
    pub(super) seen: Seen,
    pub(super) notice: Arc<M>,
}

/// A notice that names its store, its lineage and its number.
pub(super) trait Numbered: Message {
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

impl Numbered for BrokerNotice {
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
pub(super) fn open<M: Numbered>(
    bytes: &[u8],
    key: &PublicKey,
    store: &StoreId,
) -> Result<M, &'static str> {
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
        let read = |name: &'static str| journal.read(move |reader: &Reader| reader.notice(name));
        let mut trust = Trust::new(*key);
        if let Some(kept) = read(KEYS).await? {
            trust.follow(&serde_json::from_slice(&kept.bytes).unwrap_or_default());
        }
        let of = |kind: Kind| read(kind.name());
        let (switches, settings) = (of(Kind::Switches).await?, of(Kind::Settings).await?);
        let broker = of(Kind::Broker).await?;
        Ok(Self {
            switches: switches.and_then(|kept| reopened(&kept, &trust, store)),
            settings: settings.and_then(|kept| reopened(&kept, &trust, store)),
            broker: broker.and_then(|kept| reopened(&kept, &trust, store)),
            links: trust.links(),
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
        if let Some(kept) = &self.broker {
            tuner.broker(kept.notice.url.as_deref());
        }
    }

    /// What is known to be set.
    pub(crate) fn tuning(&self, me: &Me) -> Tuning {
        let kept = self.settings.as_ref();
        kept.map_or_else(Tuning::default, |kept| {
            headquarters::tuning(me, &kept.notice)
        })
    }

    pub(super) fn seen(&self, kind: Kind) -> Option<Seen> {
        match kind {
            Kind::Switches => self.switches.as_ref().map(|kept| kept.seen),
            Kind::Settings => self.settings.as_ref().map(|kept| kept.seen),
            Kind::Broker => self.broker.as_ref().map(|kept| kept.seen),
        }
    }
}

/// What was kept counts by whichever key was in force when it was taken in.
fn reopened<M: Numbered>(kept: &KeptNotice, trust: &Trust, store: &StoreId) -> Option<Kept<M>> {
    let key = trust.signer(&kept.bytes).unwrap_or_else(|| trust.key());
    let notice = open::<M>(&kept.bytes, &key, store)
        .inspect_err(|reason| {
            tracing::warn!(reason, "what headquarters said before counts no more");
        })
        .ok()?;
    Some(Kept {
        seen: notice.seen(),
        notice: Arc::new(notice),
    })
}

pub(super) fn apply_switches(me: &Me, notice: &SwitchNotice, switches: &Switchboard) {
    switches.headquarters(me.member(&notice.groups), headquarters::changes(notice));
}

pub(super) fn apply_settings(me: &Me, notice: &SettingsNotice, tuner: &Tuner) {
    if let Err(fault) = tuner.headquarters(&headquarters::tuning(me, notice)) {
        tracing::error!(fault, "what headquarters sets can't be worked under");
    }
}
