//! Announcing where switches stand, what is set and which broker to use: the retained notices of every
//! store, and the keys that sign them.

use std::collections::HashMap;

use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;
use cloud_sync_wire::topics;
use kiosk_core::ids::StoreId;
use rumqttc::v5::mqttbytes::QoS;
use tokio::sync::watch;

use super::Messenger;
use crate::ledger::changes::Kind;
use crate::ledger::connection::Connection;
use crate::ledger::{LedgerError, assignments, notices, succession};

/// The numbers of what this connection has been told, by store.
type Told = HashMap<StoreId, u64>;

/// What the kiosks of a store are told.
#[derive(Debug, Clone, Copy)]
enum What {
    Switches,
    Settings,
    Broker,
}

impl What {
    const ALL: [Self; 3] = [Self::Switches, Self::Settings, Self::Broker];

    fn topic(self, store: &StoreId) -> String {
        match self {
            Self::Switches => topics::store_switches(store),
            Self::Settings => topics::store_settings(store),
            Self::Broker => topics::store_broker(store),
        }
    }

    /// The stores to which something was ever said, with the number of the latest.
    fn numbers(self, connection: &dyn Connection) -> Result<Vec<(StoreId, u64)>, LedgerError> {
        match self {
            Self::Switches => notices::numbers(connection, Kind::Switch),
            Self::Settings => notices::numbers(connection, Kind::Settings),
            Self::Broker => {
                let all = assignments::all(connection)?.into_iter();
                Ok(all.map(|said| (said.store, said.number)).collect())
            }
        }
    }

    fn signed(
        self,
        connection: &dyn Connection,
        store: &StoreId,
        key: &SecretKey,
    ) -> Result<Vec<u8>, LedgerError> {
        let signed = match self {
            Self::Switches => signed::sign(&notices::switches(connection, store)?, key),
            Self::Settings => signed::sign(&notices::settings(connection, store)?, key),
            Self::Broker => signed::sign(&assignments::notice(connection, store)?, key),
        };
        signed.map_err(|error| LedgerError::Storage(error.to_string()))
    }
}

impl Messenger {
    /// Publishes the notices of every store for which there is something to tell: all after
    /// connecting and when another key signs, later those that changed.
    pub(super) async fn announce_changes(self, mut connected: watch::Receiver<u64>) {
        let mut changed = self.cloud.changed.subscribe();
        let mut rekeyed = self.cloud.rekeyed.subscribe();
        let mut told = What::ALL.map(|what| (what, Told::new()));
        loop {
            let anew = tokio::select! {
                up = connected.changed() => up.map(|()| true),
                key = rekeyed.changed() => key.map(|()| true),
                new = changed.changed() => new.map(|()| false),
            };
            let Ok(anew) = anew else { return };
            if *connected.borrow() == 0 {
                continue;
            }
            if anew {
                told = What::ALL.map(|what| (what, Told::new()));
                // First: without them nobody believes the rest.
                self.tell_keys().await;
            }
            for (what, told) in &mut told {
                self.tell(*what, told).await;
            }
        }
    }

    async fn tell_keys(&self) {
        let links = match self.cloud.ledger.read(succession::links).await {
            Ok(links) if links.links.is_empty() => return,
            Ok(links) => links,
            Err(error) => {
                tracing::warn!(%error, "the words of the keys for one another could not be read");
                return;
            }
        };
        let bytes = serde_json::to_vec(&links).unwrap_or_default();
        let (topic, qos) = (topics::FLEET_KEYS, QoS::AtLeastOnce);
        if let Err(error) = self.client.publish(topic, qos, true, bytes).await {
            tracing::warn!(%error, "the words of the keys for one another were not published");
        }
    }

    async fn tell(&self, what: What, told: &mut Told) {
        let read = self
            .cloud
            .ledger
            .read(move |connection| what.numbers(connection));
        let numbers = match read.await {
            Ok(numbers) => numbers,
            Err(error) => {
                tracing::warn!(%error, "what kiosks are to be told could not be read");
                return;
            }
        };
        let news = numbers
            .into_iter()
            .filter(|(store, number)| told.get(store).copied().unwrap_or(0) < *number);
        let news: Vec<_> = news.collect();
        for (store, number) in news {
            match self.tell_store(what, store.clone()).await {
                Ok(()) => {
                    told.insert(store, number);
                }
                Err(error) => tracing::warn!(%error, %store, "a notice was not published"),
            }
        }
    }

    async fn tell_store(&self, what: What, store: StoreId) -> Result<(), LedgerError> {
        let (topic, key) = (what.topic(&store), self.cloud.key.key());
        let read = self
            .cloud
            .ledger
            .read(move |connection| what.signed(connection, &store, &key));
        let bytes = read.await?;
        let published = self
            .client
            .publish(topic, QoS::AtLeastOnce, true, bytes)
            .await;
        published.map_err(|error| LedgerError::Storage(error.to_string()))
    }
}
