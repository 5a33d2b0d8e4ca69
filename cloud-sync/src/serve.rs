//! `serve`: brings the parts up, and down again in order.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::broker::Broker;
use crate::cli::Failure;
use crate::cloud::Cloud;
use crate::commands::{CLOUD_URL, MQTT_URL};
use crate::config::{Config, Mqtt, MqttUrl};
use crate::gate::{Gate, SERVICE};
use crate::http;
use crate::http::server::Server;
use crate::ledger::folder::FolderLock;
use crate::ledger::{Ledger, lineage};
use crate::mqtt::{self, Post};
use crate::watchdog;

/// How long what is in hand may take to finish; the promise is 10 s for all.
const FINISH: Duration = Duration::from_secs(7);
/// How often what kiosks said is written behind.
const WRITE_BEHIND: Duration = Duration::from_secs(3);

/// Serves until the process is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    let signals = StopSignals::listen()?;
    let _lock = config
        .data_dir
        .as_deref()
        .map(FolderLock::take)
        .transpose()?;
    let place = config.ledger;
    let opened = tokio::task::spawn_blocking(move || Ledger::open(&place)).await;
    let ledger = opened.map_err(|error| error.to_string())??;
    let (close, closing) = watch::channel(false);
    let metrics = crate::metrics::recorder()?;
    let building = ledger.clone();
    let cloud = tokio::task::spawn_blocking(move || Cloud::new(building, metrics, closing))
        .await
        .map_err(|error| error.to_string())??;
    let listener = TcpListener::bind(config.listen).await.map_err(|error| {
        format!(
            "can't serve HTTP on {}: {error}; stop what uses the port or choose another with --listen",
            config.listen
        )
    })?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let url = format!("http://{address}");
    ledger
        .write(move |connection| lineage::set(connection, CLOUD_URL, &url))
        .await?;
    let messages = Messages::start(&cloud, config.mqtt).await?;
    let server = Server::start(listener, http::router(cloud.clone()));
    told(&format!("listening on http://{address}"));
    if let Some(address) = messages.embedded() {
        told(&format!("mqtt listening on mqtt://{address}"));
    }
    let feeding = watchdog::start(ledger.clone());
    watchdog::ready();
    tracing::info!(%address, "serving");
    until_told_to_stop(signals, &cloud, &messages).await?;
    watchdog::stopping();
    if let Some(feeding) = feeding {
        feeding.abort();
    }
    tracing::info!("stopping: no new connections, finishing what is in hand");
    let _ = close.send(true);
    tokio::join!(server.stop(FINISH), messages.stop());
    if let Err(error) = cloud.presence.write_behind(&ledger).await {
        tracing::warn!(%error, "what kiosks last said could not be written");
    }
    tracing::info!("stopped");
    Ok(())
}

/// The broker's side: the embedded broker if there is one, and what serves each broker.
struct Messages {
    broker: Option<Broker>,
    serving: Vec<JoinHandle<()>>,
}

impl Messages {
    async fn start(cloud: &Cloud, mqtt: Mqtt) -> Result<Self, Failure> {
        let (broker, posts, url) =
            match mqtt {
                Mqtt::External(urls) => {
                    let url = urls.first().map(MqttUrl::public);
                    (None, urls.into_iter().map(post).collect(), url)
                }
                Mqtt::Embedded(listen) => {
                    let (gate, password) = Gate::new(cloud.ledger.clone())?;
                    let broker = Broker::start(listen, Arc::new(gate)).await.map_err(|error| {
                    format!("{error}; stop what uses the port or choose another with --mqtt-listen")
                })?;
                    let address = broker.local_addr();
                    let post = Post {
                        host: loopback_of(address.ip()).to_string(),
                        port: address.port(),
                        login: Some((SERVICE.to_owned(), password)),
                    };
                    (Some(broker), vec![post], Some(format!("mqtt://{address}")))
                }
            };
        if let Some(url) = url {
            let set = cloud
                .ledger
                .write(move |connection| lineage::set(connection, MQTT_URL, &url));
            set.await?;
        }
        let serve = |post| tokio::spawn(mqtt::serve(cloud.clone(), post));
        Ok(Self {
            broker,
            serving: posts.into_iter().map(serve).collect(),
        })
    }

    fn embedded(&self) -> Option<SocketAddr> {
        self.broker.as_ref().map(Broker::local_addr)
    }

    /// Shows what the embedded broker has done; that nothing vanishes uncounted is its promise.
    fn measure(&self) {
        let Some(counters) = self.broker.as_ref().map(Broker::counters) else {
            return;
        };
        let gauge = |value: usize| f64::from(u32::try_from(value).unwrap_or(u32::MAX));
        metrics::gauge!("cloud_broker_connections").set(gauge(counters.connected));
        metrics::gauge!("cloud_broker_waiting").set(gauge(counters.waiting));
        let count = |name, value| {
            metrics::counter!("cloud_broker_messages_total", "result" => name).absolute(value);
        };
        count("delivered", counters.delivered);
        count("dropped", counters.dropped);
        count("refused", counters.refused_publishes);
        metrics::counter!("cloud_broker_refused_connects_total")
            .absolute(counters.refused_connects);
    }

    async fn stop(self) {
        for serving in self.serving {
            // It ends by itself, within a few seconds.
            let _ = serving.await;
        }
        if let Some(broker) = self.broker {
            broker.stop().await;
        }
    }
}

fn post(url: MqttUrl) -> Post {
    Post {
        host: url.host,
        port: url.port,
        login: url.login,
    }
}

/// Where this process reaches what listens on an address.
fn loopback_of(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        other => other,
    }
}

/// A plain line on standard output, for whoever started the process.
fn told(line: &str) {
    let mut out = std::io::stdout().lock();
    // Nobody may read standard output any more; serving goes on.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The signals that end a process well. Listened for before anybody is told that it serves: until
/// then the system's own way, which ends it at once, is in force.
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).map_err(|error| Failure::Failed(error.to_string()));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }
}

async fn until_told_to_stop(
    mut signals: StopSignals,
    cloud: &Cloud,
    messages: &Messages,
) -> Result<(), Failure> {
    let mut write_behind = tokio::time::interval(WRITE_BEHIND);
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return Ok(()),
            _ = signals.interrupt.recv() => return Ok(()),
            _ = write_behind.tick() => {
                messages.measure();
                if let Err(error) = cloud.presence.write_behind(&cloud.ledger).await {
                    tracing::warn!(%error, "what kiosks last said could not be written");
                }
            }
        }
    }
}
