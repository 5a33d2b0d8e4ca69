//! The broker's hooks: every connect, publish and subscribe passes here, and every message's fate is written down.

use std::sync::Arc;

use async_trait::async_trait;
use rmqtt::codec::v5::{Connect, PublishAckReason, SubscribeAckReason};
use rmqtt::hook::{Handler, HookManager, HookResult, Parameter, ReturnType, Type};
use rmqtt::types::{
    AuthResult, ConnectInfo, Id, Publish, PublishAclResult, PublishResult, QoS, Subscribe,
    SubscribeReturn,
};
use tracing::{debug, info, warn};

use super::access::{identity_of, may_publish, may_retain, may_subscribe, may_use_client_id};
use super::ledger::Ledger;
use super::{Gatekeeper, Identity};

#[derive(Clone)]
pub(super) struct Guard {
    gatekeeper: Arc<dyn Gatekeeper>,
    ledger: Arc<Ledger>,
}

/// Why a client is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("not MQTT 5")]
    Version,
    #[error("user name or password is wrong")]
    Credentials,
    #[error("the client id is not the client's own")]
    ClientId,
    #[error("the last will goes where the client may not publish")]
    Will,
}

impl Guard {
    pub(super) fn new(gatekeeper: Arc<dyn Gatekeeper>, ledger: Arc<Ledger>) -> Guard {
        Guard { gatekeeper, ledger }
    }

    pub(super) async fn install(self, hooks: &dyn HookManager) {
        let register = hooks.register();
        for event in [
            Type::ClientAuthenticate,
            Type::ClientConnected,
            Type::ClientDisconnected,
            Type::SessionTerminated,
            Type::ClientSubscribeCheckAcl,
            Type::MessagePublishCheckAcl,
            Type::MessageDelivered,
            Type::MessageAcked,
            Type::MessageDropped,
        ] {
            register.add(event, Box::new(self.clone())).await;
        }
        register.start().await;
    }

    async fn authenticate(&self, connect: &ConnectInfo) -> AuthResult {
        let admitted = match connect {
            ConnectInfo::V5(_, connect) => self.admit(connect).await,
            ConnectInfo::V3(..) => Err(Refusal::Version),
        };
        let Err(refusal) = admitted else {
            return AuthResult::Allow(false, None);
        };
        self.ledger.count(|counters| counters.refused_connects += 1);
        warn!(client = %connect.client_id(), reason = %refusal, "mqtt client refused");
        match refusal {
            Refusal::Credentials => AuthResult::BadUsernameOrPassword,
            Refusal::Version | Refusal::ClientId | Refusal::Will => AuthResult::NotAuthorized,
        }
    }

    async fn admit(&self, connect: &Connect) -> Result<(), Refusal> {
        let (Some(username), Some(password)) = (connect.username.clone(), connect.password.clone())
        else {
            return Err(Refusal::Credentials);
        };
        let (gatekeeper, client_id) = (Arc::clone(&self.gatekeeper), connect.client_id.clone());
        // Checking a password is meant to be slow; the other clients' messages shall not wait for it.
        let checked = tokio::task::spawn_blocking(move || {
            gatekeeper.identify(&client_id, &username, &password)
        });
        let identity = checked.await.ok().flatten().ok_or(Refusal::Credentials)?;
        if !may_use_client_id(&identity, &connect.client_id) {
            return Err(Refusal::ClientId);
        }
        // The broker publishes a will without asking anyone, so it is asked for here.
        match &connect.last_will {
            Some(will) if !may_publish(&identity, &will.topic) => Err(Refusal::Will),
            Some(will)
                if will.retain && !may_retain(&identity, &will.topic, will.message.len()) =>
            {
                Err(Refusal::Will)
            }
            _ => Ok(()),
        }
    }

    fn publish(&self, session: &Id, publish: &Publish) -> PublishAclResult {
        let verdict = publish_verdict(&identity_of(&session.client_id), publish);
        self.ledger.count(|counters| match verdict {
            Ok(()) => counters.published += 1,
            Err(_) => counters.refused_publishes += 1,
        });
        let Err((reason, text)) = verdict else {
            return PublishAclResult::allow();
        };
        info!(client = %session.client_id, topic = %publish.topic, reason = text, "mqtt publish refused");
        PublishAclResult(PublishResult::reason_code(reason, Some(text.into()), false))
    }

    fn subscribe(&self, session: &Id, subscribe: &Subscribe) -> SubscribeReturn {
        let filter = match subscribe.opts.shared_group() {
            Some(group) => format!("$share/{group}/{}", subscribe.topic_filter),
            None => subscribe.topic_filter.to_string(),
        };
        if may_subscribe(&identity_of(&session.client_id), &filter) {
            return SubscribeReturn::new_success(subscribe.opts.qos(), None);
        }
        self.ledger
            .count(|counters| counters.refused_subscribes += 1);
        info!(client = %session.client_id, filter, "mqtt subscribe refused");
        SubscribeReturn::new_failure(SubscribeAckReason::NotAuthorized)
    }
}

fn publish_verdict(
    identity: &Identity,
    publish: &Publish,
) -> Result<(), (PublishAckReason, &'static str)> {
    if !may_publish(identity, &publish.topic) {
        return Err((
            PublishAckReason::NotAuthorized,
            "not a topic of this client",
        ));
    }
    if publish.qos == QoS::ExactlyOnce {
        return Err((
            PublishAckReason::ImplementationSpecificError,
            "QoS 2 is not supported",
        ));
    }
    if publish.retain && !may_retain(identity, &publish.topic, publish.payload.len()) {
        return Err((PublishAckReason::QuotaExceeded, "not to be retained"));
    }
    Ok(())
}

#[async_trait]
impl Handler for Guard {
    async fn hook(&self, event: &Parameter, _: Option<HookResult>) -> ReturnType {
        let verdict = match event {
            Parameter::ClientAuthenticate(connect) => {
                Some(HookResult::AuthResult(self.authenticate(connect).await))
            }
            Parameter::MessagePublishCheckAcl(session, publish) => Some(
                HookResult::PublishAclResult(self.publish(&session.id, publish)),
            ),
            Parameter::ClientSubscribeCheckAcl(session, subscribe) => Some(
                HookResult::SubscribeAclResult(self.subscribe(&session.id, subscribe)),
            ),
            Parameter::ClientConnected(session) => {
                self.ledger
                    .opened(&session.id, &identity_of(&session.id.client_id));
                debug!(client = %session.id.client_id, "mqtt client connected");
                None
            }
            Parameter::ClientDisconnected(session, reason) => {
                self.ledger.closed(&session.id);
                debug!(client = %session.id.client_id, %reason, "mqtt client disconnected");
                None
            }
            Parameter::SessionTerminated(..) => {
                self.ledger.count(|counters| counters.ended += 1);
                None
            }
            // Live messages carry no retain flag (see `Routes`), replayed ones do.
            Parameter::MessageAcked(session, _, publish) if !publish.retain => {
                self.ledger.delivered(&session.id);
                None
            }
            Parameter::MessageDelivered(session, _, publish)
                if !publish.retain && publish.qos == QoS::AtMostOnce =>
            {
                self.ledger.delivered(&session.id);
                None
            }
            Parameter::MessageDropped(Some(session), _, publish, _) if !publish.retain => {
                self.ledger.dropped(session);
                None
            }
            _ => None,
        };
        (false, verdict)
    }
}
