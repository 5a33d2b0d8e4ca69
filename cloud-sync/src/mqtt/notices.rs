//! Announcing where switches stand and what is set: the retained notices of every store.

use std::collections::HashMap;

use cloud_sync_wire::signed;
use cloud_sync_wire::topics;
use kiosk_core::ids::StoreId;
use rumqttc::v5::mqttbytes::QoS;
use tokio::sync::watch;

use super::Messenger;
use crate::ledger::changes::Kind;
use crate::ledger::{LedgerError, notices};

/// The numbers of what this connection has been told, by store.
type Told = HashMap<StoreId, u64>;

impl Messenger {
    /// Publishes the notices of every store for which there is something to tell: all after
    /// connecting, later those that changed.
    pub(super) async fn announce_changes(self, mut connected: watch::Receiver<u64>) {
        let mut changed = self.cloud.changed.subscribe();
        let (mut switches, mut settings) = (Told::new(), Told::new());
        loop {
            tokio::select! {
                up = connected.changed() => match up {
                    Ok(()) => (switches, settings) = (Told::new(), Told::new()),
                    Err(_) => return,
                },
                new = changed.changed() => if new.is_err() { return },
            }
            if *connected.borrow() > 0 {
                self.tell(Kind::Switch, &mut switches).await;
                self.tell(Kind::Settings, &mut settings).await;
            }
        }
    }

    async fn tell(&self, kind: Kind, told: &mut Told) {
        let read = self
            .cloud
            .ledger
            .read(move |connection| notices::numbers(connection, kind));
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
            match self.tell_store(kind, store.clone()).await {
                Ok(()) => {
                    told.insert(store, number);
                }
                Err(error) => tracing::warn!(%error, %store, "a notice was not published"),
            }
        }
    }

    async fn tell_store(&self, kind: Kind, store: StoreId) -> Result<(), LedgerError> {
        let topic = match kind {
            Kind::Settings => topics::store_settings(&store),
            Kind::Switch | Kind::Groups => topics::store_switches(&store),
        };
        let key = std::sync::Arc::clone(&self.cloud.key);
        let read = self.cloud.ledger.read(move |connection| {
            let signed = match kind {
                Kind::Settings => signed::sign(&notices::settings(connection, &store)?, &key),
                Kind::Switch | Kind::Groups => {
                    signed::sign(&notices::switches(connection, &store)?, &key)
                }
            };
            signed.map_err(|error| LedgerError::Storage(error.to_string()))
        });
        let bytes = read.await?;
        let published = self
            .client
            .publish(topic, QoS::AtLeastOnce, true, bytes)
            .await;
        published.map_err(|error| LedgerError::Storage(error.to_string()))
    }
}
