//! Accepting connections: bounded in number, with a deadline for slow headers, ended in order.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::sessions::Peer;

/// Connections at once: a fleet of kiosks keeps one each.
const CONNECTIONS: usize = 16_384;
/// Headers of a request take one packet; who is slower is holding a place.
const HEADER_TIME: Duration = Duration::from_secs(10);
/// A pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(crate) struct Server {
    stop: oneshot::Sender<Duration>,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves, encrypted if there is a certificate to do it with.
    pub(crate) fn start(listener: TcpListener, router: Router, tls: Option<TlsAcceptor>) -> Self {
        let (stop, stopping) = oneshot::channel();
        Self {
            stop,
            accepting: tokio::spawn(accept(listener, router, tls, stopping)),
        }
    }

    /// Stops accepting, and waits so long for what is in hand.
    pub(crate) async fn stop(self, finish: Duration) {
        if self.stop.send(finish).is_ok() {
            let _ = self.accepting.await;
        }
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
    mut stopping: oneshot::Receiver<Duration>,
) {
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let finish = loop {
        let accepted = tokio::select! {
            finish = &mut stopping => break finish.unwrap_or_default(),
            accepted = accept_one(&listener, &places) => accepted,
        };
        let Some((stream, ip, permit)) = accepted else {
            continue;
        };
        let Some(tls) = tls.clone() else {
            let connection = graceful.watch(connection(stream, ip, router.clone()));
            tokio::spawn(async move {
                let _permit = permit;
                // A broken connection is the client's loss; what it sent was answered or not.
                let _ = connection.await;
            });
            continue;
        };
        let (watcher, router) = (graceful.watcher(), router.clone());
        tokio::spawn(async move {
            let _permit = permit;
            // What is no handshake, or none in time, is no client.
            if let Ok(Ok(stream)) = tokio::time::timeout(HEADER_TIME, tls.accept(stream)).await {
                let _ = watcher.watch(connection(stream, ip, router)).await;
            }
        });
    };
    drop(listener);
    if tokio::time::timeout(finish, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some connections did not finish in time");
    }
}

type Accepted = (TcpStream, IpAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept_one(listener: &TcpListener, places: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small and must not wait for more.
            let _ = stream.set_nodelay(true);
            Some((stream, peer.ip(), permit))
        }
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

fn connection<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    stream: S,
    ip: IpAddr,
    router: Router,
) -> impl hyper_util::server::graceful::GracefulConnection<Error = hyper::Error> + Send {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request: Request = request.map(Body::new);
        request.extensions_mut().insert(Peer(ip));
        router.clone().oneshot(request)
    });
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIME)
        .serve_connection(TokioIo::new(stream), service)
}
