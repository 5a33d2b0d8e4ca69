//! The embedded MQTT 5 broker: what a single-machine installation runs instead of one of its own.
//!
//! It is the only place that knows which broker library is in use. Nothing that passes through it is trusted to arrive
//! (kiosks resend until a signed ack comes back), so it keeps everything in memory: it promises who may speak where,
//! bounded queues, and that no message vanishes without being counted (`routed = delivered + dropped + waiting`).
//!
//! The library is rmqtt 0.24, pinned because its hooks and traits are not stable between minor versions. It was tried
//! beside mqtt5 0.49, which reads better (148 crates against 226, a real `shutdown()`, wills under the rules) but refuses
//! every client id with a slash, and `{store}/{kiosk}` is the id of a kiosk; its dropped messages show only as log lines,
//! while rmqtt reports them to a hook. rumqttd drops silently and has no rules per topic. What rmqtt lacks is made up for
//! here:
//!
//! * it has no stop call: every broker owns a small runtime, and stopping is ending that runtime;
//! * wills bypass the publish rules: `guard` checks them at connect;
//! * shared subscriptions and retained messages are left to plug-ins: `routes` holds both;
//! * sessions take messages over an unbounded channel, and some losses at the end of a session reach no hook: `ledger`
//!   bounds what may wait before the library sees it, and settles a session's account when it ends.

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::sync::Arc;
use std::time::Duration;

use rmqtt::context::ServerContext;
use rmqtt::net::{Builder, Listener};
use rmqtt::router::DefaultRouter;
use rmqtt::server::MqttServer;
use rmqtt::shared::DefaultShared;
use rmqtt::types::QoS;
use tokio::runtime::Runtime;

use self::guard::Guard;
use self::ledger::{Ledger, SERVICE_WAITING};
use self::routes::{Groups, RETAINED_TOPICS, Retained, Routes};

pub mod access;
mod guard;
mod ledger;
mod routes;
pub mod rules;
#[cfg(test)]
mod tests;

/// Twice the largest frame (128 KiB), so that settings and a frame's properties fit too.
const MAX_PACKET_BYTES: u32 = 256 * 1024;
/// What one client may have in flight in either direction.
const MAX_INFLIGHT: NonZeroU16 = NonZeroU16::new(64).expect("64 is not zero");
/// A client that takes nothing for so long is disconnected.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Passwords that are checked at the same time; more connects wait.
const HANDSHAKES: usize = 64;
const MAX_CONNECTIONS: usize = 100_000;
const STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// Who a client of the broker is, once its password has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// One kiosk; its client id is `{store}/{kiosk}`.
    Kiosk { store: String, kiosk: String },
    /// A part of the cloud; any client id without a slash.
    Service,
}

/// Checks credentials.
pub trait Gatekeeper: Send + Sync + 'static {
    /// Called on every connect, on a thread that may block.
    fn identify(&self, client_id: &str, username: &str, password: &[u8]) -> Option<Identity>;
}

/// What a broker has done since its start.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counters {
    /// Clients connected now.
    pub connected: usize,
    /// Clients ever let in.
    pub connects: u64,
    /// Sessions that are over, with all that they held.
    pub ended: u64,
    /// Connects refused: wrong password, someone else's client id, a will out of bounds, not MQTT 5.
    pub refused_connects: u64,
    /// Publishes accepted.
    pub published: u64,
    /// Publishes refused by the access rules or for what they ask.
    pub refused_publishes: u64,
    /// Subscriptions refused by the access rules.
    pub refused_subscribes: u64,
    /// Accepted messages times the clients they were meant for: always `delivered + dropped + waiting`.
    pub routed: u64,
    /// Messages that their client acknowledged, or that were written to it at QoS 0.
    pub delivered: u64,
    /// Messages given up: too many waited for the client, or it went away first.
    pub dropped: u64,
    /// Messages queued or in flight now.
    pub waiting: usize,
    /// Topics with a retained message now.
    pub retained: usize,
    /// Messages that were delivered but not retained, because too many topics were.
    pub refused_retained: u64,
}

/// Why a broker did not start.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    #[error("cannot listen for mqtt on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot start the mqtt broker: {0}")]
    Runtime(#[from] io::Error),
}

/// A running broker. Dropping it stops it too, without waiting.
pub struct Broker {
    local_addr: SocketAddr,
    ledger: Arc<Ledger>,
    engine: Option<Engine>,
}

struct Engine {
    runtime: Runtime,
    context: ServerContext,
}

impl Broker {
    /// Listens on `listen` (port 0 picks a free one) and serves until stopped.
    pub async fn start(
        listen: SocketAddr,
        gatekeeper: Arc<dyn Gatekeeper>,
    ) -> Result<Broker, BrokerError> {
        let ledger = Arc::new(Ledger::default());
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(2)
            .thread_name("mqtt-broker")
            .enable_all()
            .build()?;
        let serving = runtime.spawn(serve(listen, gatekeeper, Arc::clone(&ledger)));
        match serving
            .await
            .map_err(io::Error::other)
            .map_err(BrokerError::from)
            .flatten()
        {
            Ok((local_addr, context)) => Ok(Broker {
                local_addr,
                ledger,
                engine: Some(Engine { runtime, context }),
            }),
            Err(error) => {
                // A runtime must not be dropped from async code.
                runtime.shutdown_background();
                Err(error)
            }
        }
    }

    /// The address that clients connect to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.ledger.counters()
    }

    /// Who is connected now, by client id.
    pub fn clients(&self) -> Vec<String> {
        self.ledger.clients()
    }

    /// Cuts the connection of a client, if there is one. It may come again if it is let in.
    pub async fn cut(&self, client_id: &str) {
        let Some((engine, session)) = self.engine.as_ref().zip(self.ledger.session(client_id))
        else {
            return;
        };
        let context = engine.context.clone();
        let cutting = engine.runtime.spawn(async move {
            let entry = context.extends.shared().await.entry(session);
            let cut = match entry.try_lock().await {
                Ok(mut entry) => entry.kick(true, true, true).await.map(|_| ()),
                Err(error) => Err(error),
            };
            if let Err(error) = cut {
                tracing::warn!(%error, "a client could not be cut off");
            }
        });
        // It fails only if the broker is being stopped.
        let _ = cutting.await;
    }

    /// Cuts all connections and frees the port, within a few seconds at most.
    pub async fn stop(mut self) {
        if let Some(engine) = self.engine.take() {
            // Joining fails only if the caller's runtime is going down, and then nothing is left to wait for.
            drop(tokio::task::spawn_blocking(move || engine.stop()).await);
        }
    }
}

impl Engine {
    fn stop(self) {
        self.runtime.shutdown_timeout(STOP_TIMEOUT);
        // Context and these two hold each other; without this every stopped broker would stay in memory.
        let parts = &self.context.extends;
        if let Ok(mut shared) = parts.shared.try_write() {
            *shared = Box::new(DefaultShared::new(None));
        }
        if let Ok(mut router) = parts.router.try_write() {
            *router = Box::new(DefaultRouter::new(None));
        }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        if let Some(engine) = self.engine.take() {
            engine.runtime.shutdown_background();
        }
    }
}

async fn serve(
    listen: SocketAddr,
    gatekeeper: Arc<dyn Gatekeeper>,
    ledger: Arc<Ledger>,
) -> Result<(SocketAddr, ServerContext), BrokerError> {
    let failed = |error: rmqtt::Error| BrokerError::Listen {
        address: listen,
        source: error.downcast().unwrap_or_else(io::Error::other),
    };
    let listener = listener(listen).map_err(failed)?;
    let local_addr = listener.local_addr().map_err(failed)?;
    // The busy check would refuse clients by the load of the whole machine.
    let context = ServerContext::new().busy_check_enable(false).build().await;
    let parts = &context.extends;
    *parts.router_mut().await = Box::new(Routes::new(context.clone(), Arc::clone(&ledger)));
    *parts.shared_subscription_mut().await = Box::new(Groups::new(Arc::clone(&ledger)));
    *parts.retain_mut().await = Box::new(Retained::new(Arc::clone(&ledger)));
    Guard::new(gatekeeper, ledger)
        .install(parts.hook_mgr())
        .await;
    let server = MqttServer::new(context.clone())
        .listener_by_id(listener, 1)
        .build();
    tokio::spawn(server.run());
    Ok((local_addr, context))
}

fn listener(listen: SocketAddr) -> rmqtt::Result<Listener> {
    // The ledger bounds what waits; the library's own queue only has to be larger than that and a full replay.
    let queue = SERVICE_WAITING + RETAINED_TOPICS.unsigned_abs();
    Builder::new()
        .name("mqtt")
        .laddr(listen)
        .reuseaddr(Some(true))
        .nodelay(true)
        .allow_anonymous(false)
        .allow_zero_keepalive(false)
        .max_connections(MAX_CONNECTIONS)
        .max_handshaking_limit(HANDSHAKES)
        .handshake_timeout(HANDSHAKE_TIMEOUT)
        .max_packet_size(MAX_PACKET_BYTES)
        .max_clientid_len(128)
        .max_qos_allowed(QoS::AtLeastOnce)
        .max_topic_levels(16)
        .max_subscriptions(64)
        .max_inflight(MAX_INFLIGHT)
        .max_mqueue_len(queue)
        .send_timeout(SEND_TIMEOUT)
        // Zero is "never" for these two; MQTT 5 forbids resending on a live connection.
        .message_expiry_interval(Duration::ZERO)
        .message_retry_interval(Duration::ZERO)
        // Zero would be "no limit": sessions end with their connection.
        .max_session_expiry_interval(Duration::from_nanos(1))
        .bind()?
        .tcp()
}
