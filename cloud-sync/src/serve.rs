//! `serve`: brings the parts up, and down again in order.

use std::collections::HashSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::broker::Broker;
use crate::brokers::{self, MqttUrl};
use crate::cli::Failure;
use crate::cloud::Cloud;
use crate::commands::{AUTHORITY, CLOUD_URL};
use crate::config::{Config, Mqtt};
use crate::front;
use crate::gate::{Gate, SERVICE};
use crate::http;
use crate::http::server::Server;
use crate::ledger::folder::FolderLock;
use crate::ledger::{Ledger, lineage, logins};
use crate::mqtt::{self, Post};
use crate::opening;
use crate::tls::{self, Shown};
use crate::watchdog;

/// How long what is in hand may take to finish; the promise is 10 s for all.
const FINISH: Duration = Duration::from_secs(7);
/// How often what kiosks said is written behind.
const WRITE_BEHIND: Duration = Duration::from_secs(3);
/// How often it is looked whether another process has changed what kiosks are told.
const LOOK: Duration = Duration::from_secs(1);

/// Serves until the process is told to stop.
pub(crate) async fn serve(config: Config) -> Result<(), Failure> {
    let mut signals = StopSignals::listen()?;
    let _lock = config
        .data_dir
        .as_deref()
        .map(FolderLock::take)
        .transpose()?;
    let (close, closing) = watch::channel(false);
    let metrics = crate::metrics::recorder()?;
    let plain = Doors::bound(config.listen, "HTTP", "--listen").await?;
    let address = plain.1;
    let place = config.ledger.clone();
    let open = move || Cloud::new(Ledger::open(&place)?, metrics.clone(), closing.clone());
    let tell = || told(&format!("listening on http://{address}"));
    let opened = tokio::select! {
        opened = opening::open(&plain.0, open, tell) => opened?,
        () = signals.told() => return Ok(()),
    };
    let (cloud, waited) = (opened.what, opened.waited);
    let ledger = cloud.ledger.clone();
    let doors = Doors::open(&config, plain, &ledger).await?;
    let authority = doors.authority(&config)?;
    doors.note(&ledger, authority).await?;
    let messages = Messages::start(&cloud, config.mqtt, &doors, config.mqtt_ca.as_deref()).await?;
    if !waited {
        tell();
    }
    let servers = doors.serve(&cloud);
    messages.tell();
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
    tokio::join!(stop_all(servers), messages.stop());
    if let Err(error) = cloud.presence.write_behind(&ledger).await {
        tracing::warn!(%error, "what kiosks last said could not be written");
    }
    tracing::info!("stopped");
    Ok(())
}

async fn stop_all(servers: Vec<Server>) {
    let stopping = servers.into_iter().map(|server| server.stop(FINISH));
    futures_util::future::join_all(stopping).await;
}

/// The broker's side: the embedded broker if there is one, and what serves each broker.
struct Messages {
    broker: Option<Broker>,
    encrypted: Option<SocketAddr>,
    serving: Vec<JoinHandle<()>>,
}

impl Messages {
    async fn start(
        cloud: &Cloud,
        mqtt: Mqtt,
        doors: &Doors,
        trusted: Option<&Path>,
    ) -> Result<Self, Failure> {
        let mut started = Self {
            broker: None,
            encrypted: None,
            serving: Vec::new(),
        };
        let (posts, urls) = match mqtt {
            Mqtt::External(urls) => {
                let public = urls.iter().map(MqttUrl::public).collect();
                (posts(urls, trusted)?, public)
            }
            Mqtt::Embedded { listen, encrypted } => {
                let (broker, post) = embedded(cloud, listen).await?;
                let mut url = format!("mqtt://{}", broker.local_addr());
                if let (Some(listen), Some(shown)) = (encrypted, &doors.shown) {
                    let at = SocketAddr::from((loopback_of(broker.local_addr().ip()), post.port));
                    let listener = bind(listen, "MQTT", "--mqtt-listen-tls").await?;
                    let address = listener.local_addr().map_err(|error| error.to_string())?;
                    let tls = TlsAcceptor::from(Arc::clone(&shown.config));
                    let front = front::serve(listener, tls, at, cloud.closing.clone());
                    started.serving.push(tokio::spawn(front));
                    started.encrypted = Some(address);
                    url = format!("mqtts://{address}");
                }
                started.broker = Some(broker);
                (vec![post], vec![url])
            }
        };
        brokers::note(&cloud.ledger, urls).await?;
        let serve = |post| tokio::spawn(mqtt::serve(cloud.clone(), post));
        started.serving.extend(posts.into_iter().map(serve));
        Ok(started)
    }

    /// Says where the embedded broker is, if there is one.
    fn tell(&self) {
        if let Some(broker) = &self.broker {
            told(&format!("mqtt listening on mqtt://{}", broker.local_addr()));
        }
        if let Some(address) = self.encrypted {
            told(&format!("mqtt listening on mqtts://{address}"));
        }
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

    /// Whoever was let in before its access was taken away is cut off.
    async fn cut_revoked(&self, ledger: &Ledger) {
        let Some(broker) = &self.broker else {
            return;
        };
        let gone = match ledger.read(logins::taken_away).await {
            Ok(gone) => gone,
            Err(error) => {
                tracing::debug!(%error, "whose access was taken away could not be looked up");
                return;
            }
        };
        if gone.is_empty() {
            return;
        }
        let connected: HashSet<String> = broker.clients().into_iter().collect();
        for client in gone.iter().filter(|client| connected.contains(*client)) {
            tracing::info!(client, "cut off from the broker: its access was taken away");
            broker.cut(client).await;
        }
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

async fn embedded(cloud: &Cloud, listen: SocketAddr) -> Result<(Broker, Post), Failure> {
    let (gate, password) = Gate::new(cloud.ledger.clone())?;
    let broker = Broker::start(listen, Arc::new(gate)).await;
    let broker = broker.map_err(|error| {
        format!("{error}; stop what uses the port or choose another with --mqtt-listen")
    })?;
    let address = broker.local_addr();
    let post = Post {
        host: loopback_of(address.ip()).to_string(),
        port: address.port(),
        login: Some((SERVICE.to_owned(), password)),
        tls: None,
    };
    Ok((broker, post))
}

fn posts(urls: Vec<MqttUrl>, trusted: Option<&Path>) -> Result<Vec<Post>, Failure> {
    let needed = urls.iter().any(|url| url.encrypted);
    let tls = needed.then(|| tls::client(trusted)).transpose();
    let tls = tls.map_err(|error| Failure::Configuration(vec![error]))?;
    let post = |url: MqttUrl| Post {
        tls: tls.as_ref().filter(|_| url.encrypted).map(Arc::clone),
        host: url.host,
        port: url.port,
        login: url.login,
    };
    Ok(urls.into_iter().map(post).collect())
}

async fn bind(listen: SocketAddr, what: &str, flag: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|error| {
        Failure::Failed(format!(
            "can't serve {what} on {listen}: {error}; stop what uses the port or choose another with {flag}"
        ))
    })
}

/// Where HTTP is served, in the clear and encrypted.
struct Doors {
    plain: (TcpListener, SocketAddr),
    encrypted: Option<(TcpListener, SocketAddr)>,
    /// The certificate, if anything is served encrypted.
    shown: Option<Shown>,
}

impl Doors {
    async fn open(
        config: &Config,
        plain: (TcpListener, SocketAddr),
        ledger: &Ledger,
    ) -> Result<Self, Failure> {
        let encrypted = match config.listen_https {
            Some(listen) => Some(Self::bound(listen, "HTTPS", "--listen-https").await?),
            None => None,
        };
        let broker = match &config.mqtt {
            Mqtt::Embedded { encrypted, .. } => *encrypted,
            Mqtt::External(_) => None,
        };
        let listens = [config.listen_https, broker];
        let listens: Vec<IpAddr> = listens.iter().flatten().map(SocketAddr::ip).collect();
        let shown = if listens.is_empty() {
            None
        } else {
            let shown = config.certificate.open(ledger, &listens).await;
            Some(shown.map_err(Failure::Failed)?)
        };
        Ok(Self {
            plain,
            encrypted,
            shown,
        })
    }

    async fn bound(
        listen: SocketAddr,
        what: &str,
        flag: &str,
    ) -> Result<(TcpListener, SocketAddr), Failure> {
        let listener = bind(listen, what, flag).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        Ok((listener, address))
    }

    /// Whom alone a kiosk has to trust for all that it is told to call; none if its machine's
    /// authorities are needed, or if nothing is encrypted here.
    fn authority(&self, config: &Config) -> Result<Option<String>, Failure> {
        let own = self
            .shown
            .as_ref()
            .and_then(|shown| shown.authority.clone());
        let Mqtt::External(urls) = &config.mqtt else {
            return Ok(own);
        };
        match (own, &config.mqtt_ca) {
            (Some(own), Some(file)) => {
                let more = std::fs::read_to_string(file);
                let more = more.map_err(|error| format!("{}: {error}", file.display()))?;
                Ok(Some(own + &more))
            }
            (Some(_), None) if urls.iter().any(|url| url.encrypted) => {
                tracing::warn!(
                    "credentials can't say whom to trust for HTTPS and for the brokers both; name mqtt-ca, or enrol with --ca"
                );
                Ok(None)
            }
            (own, _) => Ok(own),
        }
    }

    /// Leaves in the ledger how kiosks reach this process, for credentials.
    async fn note(&self, ledger: &Ledger, authority: Option<String>) -> Result<(), Failure> {
        let url = match &self.encrypted {
            Some((_, address)) => format!("https://{address}"),
            None => format!("http://{}", self.plain.1),
        };
        let note = ledger.write(move |connection| {
            lineage::set(connection, CLOUD_URL, &url)?;
            lineage::set(
                connection,
                AUTHORITY,
                authority.as_deref().unwrap_or_default(),
            )
        });
        Ok(note.await?)
    }

    fn serve(self, cloud: &Cloud) -> Vec<Server> {
        let router = || http::router(cloud.clone());
        let mut servers = vec![Server::start(self.plain.0, router(), None)];
        if let (Some((listener, address)), Some(shown)) = (self.encrypted, self.shown) {
            let tls = TlsAcceptor::from(shown.config);
            servers.push(Server::start(listener, router(), Some(tls)));
            told(&format!("listening on https://{address}"));
        }
        servers
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

impl StopSignals {
    /// Waits for either.
    async fn told(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn until_told_to_stop(
    mut signals: StopSignals,
    cloud: &Cloud,
    messages: &Messages,
) -> Result<(), Failure> {
    let mut write_behind = tokio::time::interval(WRITE_BEHIND);
    let mut look = tokio::time::interval(LOOK);
    let mut seen = None;
    loop {
        tokio::select! {
            () = signals.told() => return Ok(()),
            _ = look.tick() => {
                seen = cloud.look(seen).await;
                messages.cut_revoked(&cloud.ledger).await;
            }
            _ = write_behind.tick() => {
                messages.measure();
                if let Err(error) = cloud.presence.write_behind(&cloud.ledger).await {
                    tracing::warn!(%error, "what kiosks last said could not be written");
                }
            }
        }
    }
}
