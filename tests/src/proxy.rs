//! A link with switches: a TCP proxy that can pass, cut, freeze or slow what runs through it.
//!
//! A frozen link loses nothing, as TCP loses nothing on a cable that is pulled and put back: what was
//! on its way arrives late, perhaps after its sender gave up. Late requests and answers are the
//! interesting ones. From user space a new connection can't be left without an answer to its first
//! packet; it is accepted, and then nothing comes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::Instant;

const CHUNK: usize = 16 * 1024;

/// How a link is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Everything passes.
    #[default]
    Pass,
    /// Connections are reset, new ones at once.
    Cut,
    /// Everything is swallowed, nothing is reset.
    BlackHole,
    /// Requests pass, answers are swallowed.
    OneWay,
    /// Everything passes, late and little by little.
    Slow {
        /// How late, each way.
        latency: Duration,
        /// How much, each way.
        bytes_per_second: u32,
    },
}

impl Mode {
    /// A bad mobile connection: 800 ms there and back, 256 kbit/s.
    pub const SLOW: Self = Self::Slow {
        latency: Duration::from_millis(400),
        bytes_per_second: 32_000,
    };

    fn freezes(self, way: Way) -> bool {
        match self {
            Self::BlackHole => true,
            Self::OneWay => way == Way::Back,
            Self::Pass | Self::Cut | Self::Slow { .. } => false,
        }
    }
}

/// There or back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
}

#[derive(Debug, Default)]
struct Counted {
    there: AtomicU64,
    back: AtomicU64,
    connections: AtomicU64,
}

/// One link. It ends when this is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    upstream: watch::Sender<Option<SocketAddr>>,
    counted: Arc<Counted>,
    accepting: AbortHandle,
}

#[derive(Clone)]
struct Wires {
    mode: watch::Receiver<Mode>,
    upstream: watch::Receiver<Option<SocketAddr>>,
    counted: Arc<Counted>,
}

impl Proxy {
    /// A link to nowhere yet, on a free port of this machine.
    ///
    /// # Errors
    /// If no port is free.
    pub async fn open() -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (mode, mode_out) = watch::channel(Mode::Pass);
        let (upstream, upstream_out) = watch::channel(None);
        let counted = Arc::new(Counted::default());
        let wires = Wires {
            mode: mode_out,
            upstream: upstream_out,
            counted: Arc::clone(&counted),
        };
        let accepting = tokio::spawn(accept(listener, wires)).abort_handle();
        Ok(Self {
            address,
            mode,
            upstream,
            counted,
            accepting,
        })
    }

    /// Where to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what lies at the other end; with none, connections are reset.
    pub fn lead_to(&self, upstream: Option<SocketAddr>) {
        self.upstream.send_replace(upstream);
    }

    /// Turns the switch.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }

    /// How the link is.
    #[must_use]
    pub fn mode(&self) -> Mode {
        *self.mode.borrow()
    }

    /// Bytes that went there and came back.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (read(&self.counted.there), read(&self.counted.back))
    }

    /// Connections made through it so far.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.counted.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, wires: Wires) {
    loop {
        // Too many open files, say: whoever connected tries again.
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        tokio::spawn(connection(client, wires.clone()));
    }
}

/// One connection. The sender of the mode going away ends it as a cut does.
async fn connection(mut client: TcpStream, mut wires: Wires) {
    let thawed = wires.mode.wait_for(|mode| !mode.freezes(Way::There)).await;
    let upstream = *wires.upstream.borrow();
    let server = match (thawed.map(|mode| *mode), upstream) {
        (Ok(Mode::Cut) | Err(_), _) | (_, None) => None,
        (Ok(_), Some(upstream)) => TcpStream::connect(upstream).await.ok(),
    };
    let Some(mut server) = server else {
        return reset(client);
    };
    wires.counted.connections.fetch_add(1, Ordering::Relaxed);
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let torn = {
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let there = pump(from_client, to_server, Way::There, wires.clone());
        let back = pump(from_server, to_client, Way::Back, wires.clone());
        tokio::select! {
            _ = wires.mode.wait_for(|mode| *mode == Mode::Cut) => true,
            both = async { tokio::try_join!(there, back) } => both.is_err(),
        }
    };
    if torn {
        reset(client);
        reset(server);
    }
}

/// Closes with a reset, as a dead machine's router or a killed process would.
fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
    drop(stream);
}

/// Carries bytes one way until their end. While frozen, nothing is read: it waits in the kernel.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    mut wires: Wires,
) -> std::io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    let mut free_at = Instant::now();
    loop {
        thaw(&mut wires.mode, way).await?;
        let length = tokio::select! {
            read = from.read(&mut chunk) => read?,
            _ = wires.mode.changed() => continue,
        };
        if let Mode::Slow {
            latency,
            bytes_per_second,
        } = *wires.mode.borrow_and_update()
        {
            let micros = length as u64 * 1_000_000 / u64::from(bytes_per_second.max(1));
            free_at = free_at.max(Instant::now() + latency) + Duration::from_micros(micros);
        }
        tokio::time::sleep_until(free_at).await;
        thaw(&mut wires.mode, way).await?;
        if length == 0 {
            return to.shutdown().await;
        }
        let (bytes, _) = chunk.split_at(length);
        to.write_all(bytes).await?;
        let count = match way {
            Way::There => &wires.counted.there,
            Way::Back => &wires.counted.back,
        };
        count.fetch_add(length as u64, Ordering::Relaxed);
    }
}

async fn thaw(mode: &mut watch::Receiver<Mode>, way: Way) -> std::io::Result<()> {
    match mode.wait_for(|mode| !mode.freezes(way)).await {
        Ok(_) => Ok(()),
        Err(_) => Err(std::io::ErrorKind::ConnectionReset.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOON: Duration = Duration::from_secs(5);
    const WHILE: Duration = Duration::from_millis(150);

    /// A server that says everything twice.
    async fn echo() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut byte = [0];
                    while stream.read_exact(&mut byte).await.is_ok() {
                        stream.write_all(&[byte[0]; 2]).await.unwrap();
                    }
                });
            }
        });
        address
    }

    async fn linked() -> (Proxy, TcpStream) {
        let proxy = Proxy::open().await.unwrap();
        proxy.lead_to(Some(echo().await));
        let stream = TcpStream::connect(proxy.address()).await.unwrap();
        (proxy, stream)
    }

    async fn say(stream: &mut TcpStream, byte: u8) -> std::io::Result<[u8; 2]> {
        let mut answer = [0; 2];
        stream.write_all(&[byte]).await?;
        stream.read_exact(&mut answer).await?;
        Ok(answer)
    }

    #[tokio::test]
    async fn what_passes_is_counted() {
        let (proxy, mut stream) = linked().await;
        assert_eq!(say(&mut stream, 7).await.unwrap(), [7, 7]);
        assert_eq!((proxy.bytes(), proxy.connections()), ((1, 2), 1));
    }

    #[tokio::test]
    async fn a_cut_resets_old_and_new_connections() {
        let (proxy, mut stream) = linked().await;
        say(&mut stream, 1).await.unwrap();
        proxy.set(Mode::Cut);
        let torn = tokio::time::timeout(SOON, stream.read(&mut [0]))
            .await
            .unwrap();
        assert!(torn.is_err(), "reset, not closed");
        let mut new = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(
            tokio::time::timeout(SOON, say(&mut new, 1))
                .await
                .unwrap()
                .is_err()
        );
        proxy.set(Mode::Pass);
        let mut healed = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(say(&mut healed, 1).await.is_ok());
    }

    #[tokio::test]
    async fn a_black_hole_is_silent_and_loses_nothing_of_a_connection_that_waits() {
        let (proxy, mut stream) = linked().await;
        say(&mut stream, 1).await.unwrap();
        proxy.set(Mode::BlackHole);
        let mut new = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(tokio::time::timeout(WHILE, say(&mut new, 2)).await.is_err());
        assert!(
            tokio::time::timeout(WHILE, say(&mut stream, 3))
                .await
                .is_err()
        );
        proxy.set(Mode::Pass);
        for (stream, byte) in [(&mut stream, 3), (&mut new, 2)] {
            let mut late = [0; 2];
            tokio::time::timeout(SOON, stream.read_exact(&mut late))
                .await
                .unwrap()
                .unwrap();
            assert_eq!(late, [byte; 2]);
        }
    }

    #[tokio::test]
    async fn one_way_the_request_arrives_and_the_answer_does_not() {
        let (proxy, mut stream) = linked().await;
        proxy.set(Mode::OneWay);
        assert!(
            tokio::time::timeout(WHILE, say(&mut stream, 9))
                .await
                .is_err()
        );
        assert_eq!(proxy.bytes(), (1, 0));
    }

    #[tokio::test]
    async fn a_slow_link_takes_its_latency_both_ways() {
        let (proxy, mut stream) = linked().await;
        let latency = Duration::from_millis(60);
        proxy.set(Mode::Slow {
            latency,
            bytes_per_second: 1_000_000,
        });
        let start = Instant::now();
        say(&mut stream, 1).await.unwrap();
        assert!(start.elapsed() >= 2 * latency, "{:?}", start.elapsed());
    }

    #[tokio::test]
    async fn a_link_to_nowhere_resets() {
        let proxy = Proxy::open().await.unwrap();
        let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
        assert!(
            tokio::time::timeout(SOON, say(&mut stream, 1))
                .await
                .unwrap()
                .is_err()
        );
    }
}
