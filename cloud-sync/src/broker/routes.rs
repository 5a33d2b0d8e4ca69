//! What the library leaves to its user: bounded routing, shared subscriptions, retained messages.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use rmqtt::context::ServerContext;
use rmqtt::retain::{DefaultRetainStorage, RetainStorage};
use rmqtt::router::{DefaultRouter, Router};
use rmqtt::subscribe::SharedSubscription;
use rmqtt::types::{
    AllRelationsMap, ClientId, HashMap as FastMap, Id, IsOnline, NodeId, Retain, Route,
    SharedGroup, SubRelationsMap, SubsSearchParams, SubsSearchResult, SubscriptionIdentifier,
    SubscriptionOptions, TopicFilter, TopicName,
};
use rmqtt::utils::Counter;
use tracing::warn;

use super::ledger::Ledger;

/// Topics that may hold a retained message: the presence of 60,000 kiosks and their settings.
pub(super) const RETAINED_TOPICS: isize = 65_536;

/// The library's router; a client that has too much waiting is passed over, and that is counted.
pub(super) struct Routes {
    router: DefaultRouter,
    ledger: Arc<Ledger>,
}

impl Routes {
    pub(super) fn new(context: ServerContext, ledger: Arc<Ledger>) -> Routes {
        Routes {
            router: DefaultRouter::new(Some(context)),
            ledger,
        }
    }
}

#[async_trait]
impl Router for Routes {
    async fn matches(&self, id: Id, topic: &TopicName) -> rmqtt::Result<SubRelationsMap> {
        let mut matches = self.router.matches(id, topic).await?;
        for relations in matches.values_mut() {
            relations.retain_mut(|(_, client, options, _, _)| {
                // The retain flag tells a replayed message from a live one in the ledger.
                if let SubscriptionOptions::V5(options) = options {
                    options.retain_as_published = false;
                }
                self.ledger.route(client)
            });
        }
        Ok(matches)
    }

    async fn add(&self, filter: &str, id: Id, options: SubscriptionOptions) -> rmqtt::Result<()> {
        self.router.add(filter, id, options).await
    }
    async fn remove(&self, filter: &str, id: Id) -> rmqtt::Result<bool> {
        self.router.remove(filter, id).await
    }
    async fn is_online(&self, node: NodeId, client: &str) -> bool {
        self.router.is_online(node, client).await
    }
    async fn gets(&self, limit: usize) -> Vec<Route> {
        self.router.gets(limit).await
    }
    async fn get(&self, topic: &str) -> rmqtt::Result<Vec<Route>> {
        self.router.get(topic).await
    }
    async fn query_subscriptions(&self, query: &SubsSearchParams) -> Vec<SubsSearchResult> {
        self.router.query_subscriptions(query).await
    }
    async fn topics_tree(&self) -> usize {
        self.router.topics_tree().await
    }
    fn topics(&self) -> Counter {
        self.router.topics()
    }
    fn routes(&self) -> Counter {
        self.router.routes()
    }
    fn merge_topics(&self, topics: &FastMap<NodeId, Counter>) -> Counter {
        self.router.merge_topics(topics)
    }
    fn merge_routes(&self, routes: &FastMap<NodeId, Counter>) -> Counter {
        self.router.merge_routes(routes)
    }
    async fn list_topics(&self, top: usize) -> Vec<String> {
        self.router.list_topics(top).await
    }
    async fn list_relations(&self, top: usize) -> Vec<serde_json::Value> {
        self.router.list_relations(top).await
    }
    fn relations(&self) -> &AllRelationsMap {
        self.router.relations()
    }
}

/// Gives each message of a `$share` group to the connected member with the least waiting, so that one that hangs soon
/// gets nothing more; members that are equal take turns.
pub(super) struct Groups {
    ledger: Arc<Ledger>,
    turns: Mutex<HashMap<SharedGroup, usize>>,
}

impl Groups {
    pub(super) fn new(ledger: Arc<Ledger>) -> Groups {
        Groups {
            ledger,
            turns: Mutex::default(),
        }
    }

    fn turn(&self, group: &SharedGroup) -> usize {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let turn = turns.entry(group.clone()).or_default();
        *turn = turn.wrapping_add(1);
        *turn
    }
}

type Member = (
    NodeId,
    ClientId,
    SubscriptionOptions,
    Option<Vec<SubscriptionIdentifier>>,
    Option<IsOnline>,
);

#[async_trait]
impl SharedSubscription for Groups {
    fn is_supported(&self) -> bool {
        true
    }

    async fn choice(
        &self,
        _: &ServerContext,
        group: &SharedGroup,
        _: &Id,
        _: &TopicName,
        members: &[Member],
    ) -> Option<(usize, IsOnline)> {
        let turn = self.turn(group);
        members
            .iter()
            .enumerate()
            .filter_map(|(index, (_, client, ..))| {
                let waiting = self.ledger.waiting(client)?;
                Some((waiting, index.wrapping_add(turn) % members.len(), index))
            })
            .min()
            .map(|(_, _, index)| (index, true))
    }
}

/// Retained messages, in memory: settings and presence are published anew whenever broker or publisher starts.
pub(super) struct Retained {
    store: DefaultRetainStorage,
    ledger: Arc<Ledger>,
}

impl Retained {
    pub(super) fn new(ledger: Arc<Ledger>) -> Retained {
        Retained {
            store: DefaultRetainStorage::new(),
            ledger,
        }
    }
}

#[async_trait]
impl RetainStorage for Retained {
    fn enable(&self) -> bool {
        true
    }

    async fn set(
        &self,
        topic: &TopicName,
        retain: Retain,
        expiry: Option<Duration>,
    ) -> rmqtt::Result<()> {
        let full = self.store.count().await >= RETAINED_TOPICS;
        if full && !retain.publish.payload.is_empty() && self.get(topic).await?.is_empty() {
            self.ledger.count(|counters| counters.refused_retained += 1);
            warn!(%topic, limit = RETAINED_TOPICS, "mqtt message not retained, too many topics");
            return Ok(());
        }
        // The library's way to say "never" is a duration of zero, its store's is none.
        let expiry = expiry.filter(|expiry| !expiry.is_zero());
        self.store.set_with_timeout(topic, retain, expiry).await?;
        let retained = self.store.count().await;
        self.ledger
            .count(|counters| counters.retained = usize::try_from(retained).unwrap_or(0));
        Ok(())
    }

    async fn get(&self, filter: &TopicFilter) -> rmqtt::Result<Vec<(TopicName, Retain)>> {
        self.store.get_message(filter).await
    }

    async fn count(&self) -> isize {
        self.store.count().await
    }

    async fn max(&self) -> isize {
        self.store.max().await
    }
}
