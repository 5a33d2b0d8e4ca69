//! The embedded broker's encrypted side: what arrives here is decrypted and handed on to the broker's
//! own port. The broker library has TLS of its own, with another provider than everything else here.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio_rustls::TlsAcceptor;

/// Connections at once; each costs two sockets and the buffers between them.
const CONNECTIONS: usize = 16_384;
/// A handshake takes two round trips.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// A pause after a failed accept, such as for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Hands on connections until the process closes.
pub(crate) async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    broker: SocketAddr,
    mut closing: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = closing.wait_for(|closing| *closing) => return,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "a connection for the broker could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = hand_on(stream, acceptor, broker).await {
                tracing::debug!(%error, "an encrypted connection to the broker ended");
            }
        });
    }
}

async fn hand_on(stream: TcpStream, acceptor: TlsAcceptor, broker: SocketAddr) -> io::Result<()> {
    let _ = stream.set_nodelay(true);
    let mut outside = tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await??;
    let mut inside = TcpStream::connect(broker).await?;
    let _ = inside.set_nodelay(true);
    copy_bidirectional(&mut outside, &mut inside).await?;
    Ok(())
}
