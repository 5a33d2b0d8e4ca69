//! The way of an order, walked as a diner's screen walks it: in by the kiosk's own door, priced by the
//! menu in force, and then a row committed by the journal's writer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use kiosk_core::menu::Menu;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::journal::{Journal, JournalError};

/// What is walked.
pub struct Way {
    /// Where orders are taken.
    pub door: SocketAddr,
    /// The menu in force.
    pub menu: watch::Receiver<Arc<Menu>>,
    /// Where they are kept.
    pub journal: Journal,
}

/// Where it ends too early.
#[derive(Debug, thiserror::Error)]
pub(super) enum Blocked {
    #[error("the kiosk's own door does not answer: {0}")]
    Door(#[from] std::io::Error),
    #[error("a basket could not be priced: the kiosk answered {0:?}")]
    Unpriced(String),
    #[error("the journal did not take a row of its own: {0}")]
    Journal(#[from] JournalError),
}

impl Way {
    pub(super) async fn walk(&self) -> Result<(), Blocked> {
        self.price().await?;
        Ok(self.journal.probe().await?)
    }

    /// Has a basket priced over HTTP. One that is refused for what is in it was read and looked at.
    async fn price(&self) -> Result<(), Blocked> {
        let item = {
            let menu = self.menu.borrow();
            menu.items().first().map(|item| item.id.clone())
        };
        let body = json!({ "lines": [{ "item": item.unwrap_or_default(), "quantity": 1 }] });
        let body = body.to_string();
        let request = format!(
            "POST /api/v1/quotes HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(within(self.door)).await?;
        stream.write_all(request.as_bytes()).await?;
        let mut head = [0; 12];
        stream.read_exact(&mut head).await?;
        match is_answer(&head) {
            true => Ok(()),
            false => Err(Blocked::Unpriced(
                String::from_utf8_lossy(&head).into_owned(),
            )),
        }
    }
}

/// `HTTP/1.1 200`, or any answer that is no server's error.
fn is_answer(head: &[u8]) -> bool {
    matches!(
        head,
        [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            _,
            b' ',
            b'2' | b'4',
            ..
        ]
    )
}

/// The same door from inside: one that listens everywhere listens here.
fn within(door: SocketAddr) -> SocketAddr {
    let ip = match door.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, door.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_error_is_no_answer() {
        assert!(is_answer(b"HTTP/1.1 200"));
        assert!(is_answer(b"HTTP/1.1 422"));
        assert!(!is_answer(b"HTTP/1.1 500"));
        assert!(!is_answer(b"SSH-2.0-Open"));
    }

    #[test]
    fn a_door_to_everywhere_is_walked_from_inside() {
        let within = |text: &str| within(text.parse().unwrap()).to_string();
        assert_eq!(within("0.0.0.0:8080"), "127.0.0.1:8080");
        assert_eq!(within("[::]:8080"), "[::1]:8080");
        assert_eq!(within("192.0.2.7:8080"), "192.0.2.7:8080");
    }
}
