//! One connection to a broker, as those see it who publish.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use cloud_sync_wire::notice::Presence;
use cloud_sync_wire::topics::KioskTopics;
use rumqttc::v5::AsyncClient;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::PublishProperties;

use crate::uplink::link::Id;

/// What was published, to find out what a broker's answer is about: the client gives packet
/// numbers only when it writes, in the order of the requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    Batch(Id),
    Other(&'static str),
}

pub(super) type Tokens = Arc<Mutex<VecDeque<Token>>>;

/// One connection.
#[derive(Debug, Clone)]
pub(in crate::uplink) struct Session {
    pub(super) client: AsyncClient,
    pub(super) tokens: Tokens,
    pub(super) topics: KioskTopics,
    /// Grows from one connection to the next.
    pub(in crate::uplink) number: u64,
}

impl Session {
    /// Publishes a frame; whether the client took it.
    pub(in crate::uplink) fn events(&self, batch: Id, frame: Vec<u8>, request: &str) -> bool {
        let properties = PublishProperties {
            user_properties: vec![("request-id".to_owned(), request.to_owned())],
            ..PublishProperties::default()
        };
        let topic = self.topics.up_events();
        self.publish(Token::Batch(batch), topic, false, frame, properties)
    }

    /// Publishes a hello; whether the client took it.
    pub(in crate::uplink) fn hello(&self, hello: Vec<u8>) -> bool {
        let topic = self.topics.up_hello();
        let properties = PublishProperties::default();
        self.publish(Token::Other("hello"), topic, false, hello, properties)
    }

    /// Publishes how the kiosk stands; whether the client took it.
    pub(in crate::uplink) fn presence(&self, presence: &Presence) -> bool {
        let Ok(payload) = serde_json::to_vec(presence) else {
            return false;
        };
        let topic = self.topics.status();
        let properties = PublishProperties::default();
        self.publish(Token::Other("status"), topic, true, payload, properties)
    }

    /// Takes leave in good order.
    pub(in crate::uplink) fn leave(&self) {
        let _ = self.client.try_disconnect();
    }

    fn publish(
        &self,
        token: Token,
        topic: String,
        retain: bool,
        payload: Vec<u8>,
        properties: PublishProperties,
    ) -> bool {
        // The lock makes the order of tokens that of requests.
        let mut tokens = lock(&self.tokens);
        let taken = self
            .client
            .try_publish_with_properties(topic, QoS::AtLeastOnce, retain, payload, properties)
            .is_ok();
        if taken {
            tokens.push_back(token);
        }
        taken
    }
}

pub(super) fn lock(tokens: &Tokens) -> std::sync::MutexGuard<'_, VecDeque<Token>> {
    tokens.lock().unwrap_or_else(PoisonError::into_inner)
}
