//! What the link's actions need done off its loop: calls with what the clerk makes, and the acks they
//! bring.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cloud_sync_wire::credential::Credential;
use cloud_sync_wire::signed;
use kiosk_core::ids::BootId;
use tokio::sync::mpsc;

use super::clerk::{Clerk, Frame, new_request};
use super::http::{CallError, Cloud, SignedAck};
use super::link::{Batch, Id, Reply};
use crate::journal::Journal;
use crate::protect::{Dependency, Limits, NotDone, errors};

/// What an errand brings back to the loop.
#[derive(Debug)]
pub(super) enum News {
    /// A batch is on the wire up to this event.
    Sent { flight: Id, last: u64 },
    /// A batch could not be read.
    Unsendable { flight: Id },
    /// A call ended.
    Called { id: Id, reply: Reply },
    /// A frame is ready for the broker.
    Frame(Frame),
    /// A hello is ready for the broker.
    Hello(Vec<u8>),
    /// An ack that came by MQTT was taken in.
    Acked(Reply),
}

/// What all errands share.
pub(super) struct Errands {
    pub(super) clerk: Clerk,
    pub(super) cloud: Cloud,
    pub(super) ordering: Arc<Dependency>,
    news: mpsc::UnboundedSender<News>,
    trouble: Mutex<String>,
}

impl Errands {
    pub(super) fn new(
        journal: Journal,
        cloud: Cloud,
        ordering: &Arc<Dependency>,
        credential: &Credential,
        boot: BootId,
        news: mpsc::UnboundedSender<News>,
    ) -> Result<Self, signed::SignedError> {
        Ok(Self {
            clerk: Clerk::new(journal, credential, boot)?.believing(cloud.believed()),
            cloud,
            ordering: Arc::clone(ordering),
            news,
            trouble: Mutex::default(),
        })
    }

    /// What the latest call that failed ran into, for the operator.
    pub(super) fn trouble(&self) -> String {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble.clone()
    }

    /// Calls the cloud with a hello.
    pub(super) async fn hello_by_http(&self, id: Id, limit: Duration) {
        let reply = match self.clerk.hello().await {
            Some(hello) => {
                let request = new_request();
                let make = || {
                    self.cloud
                        .hello(self.clerk.journal().id(), hello.clone(), &request)
                };
                let limits = Limits::within(limit);
                let result = self
                    .ordering
                    .call(limits, errors(CallError::verdict), make)
                    .await;
                self.reply("hello", result, &request).await
            }
            None => Reply::NotSent(None),
        };
        self.tell(News::Called { id, reply });
    }

    /// Asks the cloud what is durable, and says how much is unconfirmed.
    pub(super) async fn heartbeat(&self, id: Id, unconfirmed: u64, limit: Duration) {
        let request = new_request();
        let make = || {
            self.cloud
                .ack(self.clerk.journal().id(), unconfirmed, &request)
        };
        let limits = Limits::within(limit);
        let result = self
            .ordering
            .call(limits, errors(CallError::verdict), make)
            .await;
        let reply = self.reply("ack", result, &request).await;
        self.tell(News::Called { id, reply });
    }

    /// Calls the cloud with a batch.
    pub(super) async fn events_by_http(&self, batch: Batch, limit: Duration) {
        let Some(frame) = self.clerk.frame(batch).await else {
            return self.tell(News::Unsendable { flight: batch.id });
        };
        let Frame {
            flight,
            last,
            bytes,
            request,
        } = frame;
        self.tell(News::Sent { flight, last });
        let make = || {
            self.cloud
                .events(self.clerk.journal().id(), bytes.clone(), &request)
        };
        // A batch of a backlog over a thin line is no sign of a cloud that hangs.
        let limits = Limits {
            judged_by_time: batch.live,
            ..Limits::within(limit)
        };
        let result = self
            .ordering
            .call(limits, errors(CallError::verdict), make)
            .await;
        let reply = self.reply("events", result, &request).await;
        self.tell(News::Called { id: flight, reply });
    }

    /// Makes a frame for the broker.
    pub(super) async fn events_for_mqtt(&self, batch: Batch) {
        self.tell(match self.clerk.frame(batch).await {
            Some(frame) => News::Frame(frame),
            None => News::Unsendable { flight: batch.id },
        });
    }

    /// Makes a hello for the broker.
    pub(super) async fn hello_for_mqtt(&self) {
        if let Some(hello) = self.clerk.hello().await {
            self.tell(News::Hello(hello));
        }
    }

    /// Takes in an ack that came by MQTT. Gives back one that a key signed which is not known yet: it
    /// can be taken in when it is, and nothing waits for that.
    pub(super) async fn ack_by_mqtt(&self, payload: Vec<u8>) -> Option<Vec<u8>> {
        if self.cloud.wants_keys_for(&payload) {
            return Some(payload);
        }
        match self.clerk.open(payload) {
            Ok(ack) => {
                let reply = self.clerk.take_in(ack).await;
                self.tell(News::Acked(reply));
            }
            Err(reason) => tracing::warn!(reason, "ack by MQTT ignored"),
        }
        None
    }

    fn tell(&self, news: News) {
        // Nobody listens any more when the kiosk stops.
        let _ = self.news.send(news);
    }

    /// What became of a call, its ack taken in.
    async fn reply(
        &self,
        call: &'static str,
        result: Result<SignedAck, NotDone<CallError>>,
        request: &str,
    ) -> Reply {
        let error = match result {
            Ok(ack) => return self.clerk.take_in(ack).await,
            Err(NotDone::Refused(refused)) => return Reply::NotSent(refused.retry_in()),
            Err(NotDone::TimedOut(limit)) => CallError::Timeout(limit),
            Err(NotDone::Failed(error)) => error,
        };
        tracing::debug!(call, request, %error, "call failed");
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
        match error {
            CallError::Overloaded(wait) => Reply::Overloaded(wait),
            CallError::Refused(_) => Reply::Refused,
            CallError::HelloFirst => Reply::HelloFirst,
            CallError::BadFrame(status) => {
                tracing::warn!(call, request, status, "the cloud can't use what was sent");
                Reply::BadFrame
            }
            CallError::Unreachable(_)
            | CallError::Timeout(_)
            | CallError::Status(_)
            | CallError::Nonsense(_) => Reply::Failed,
        }
    }
}
