//! The load: diners that order one after the other over connections of their own, kept lean because
//! it runs on the same cores as what it measures. Plain HTTP/1.1, one write and one read per order.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use uuid::Uuid;

use super::samples::Sample;
use crate::clock::Start;

/// Longest answer: an order of three lines in two languages has about 2 KiB.
const ANSWER: usize = 64 * 1024;

/// Three dishes of the built-in menu that are not counted.
pub(super) fn body() -> Value {
    let chosen =
        |group: &str, option: &str| json!({"group": group, "option": option, "quantity": 1});
    json!({
        "service": "eat_in", "table": "7", "language": "en",
        "lines": [
            {"item": "tonkotsu-ramen", "quantity": 1, "options": [chosen("spice", "hot")], "note": "no scallion"},
            {"item": "tomato-egg-noodles", "quantity": 1, "options": [chosen("noodle-cut", "thin"), chosen("size", "large")]},
            {"item": "dan-dan-noodles", "quantity": 2, "options": [chosen("spice", "mild"), chosen("size", "regular")]}
        ],
        "payment": {"method": "counter"}
    })
}

/// Lets so many clients order for so long, each as fast as it is answered, or at a pace.
pub(super) async fn run(
    address: SocketAddr,
    clients: usize,
    length: Duration,
    pace: Option<Duration>,
) -> anyhow::Result<Sample> {
    let mut ready = Vec::with_capacity(clients);
    for _ in 0..clients {
        ready.push(Client::connect(address).await?);
    }
    let start = Start::now();
    let tasks: Vec<_> = ready
        .into_iter()
        .map(|client| tokio::spawn(client.order_for(start, length, pace)))
        .collect();
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    Ok(Sample::new(latencies.len(), start.elapsed(), latencies))
}

/// One connection, with its request written out but for the key.
struct Client {
    stream: TcpStream,
    request: Vec<u8>,
    key_at: usize,
    answer: Vec<u8>,
}

impl Client {
    async fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)
            .await
            .context("the kiosk does not answer")?;
        stream.set_nodelay(true)?;
        let body = body().to_string();
        let head = format!("POST /api/v1/orders HTTP/1.1\r\nHost: {address}\r\nIdempotency-Key: ");
        let rest = format!(
            "\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let key = Uuid::nil().to_string();
        let request = [head.as_bytes(), key.as_bytes(), rest.as_bytes()].concat();
        Ok(Self {
            stream,
            request,
            key_at: head.len(),
            answer: vec![0; ANSWER],
        })
    }

    async fn order_for(
        mut self,
        start: Start,
        length: Duration,
        pace: Option<Duration>,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut latencies = Vec::new();
        let mut beat = pace.map(tokio::time::interval);
        while start.elapsed() < length {
            if let Some(beat) = &mut beat {
                beat.tick().await;
            }
            let began = Start::now();
            self.order().await?;
            latencies.push(began.elapsed());
        }
        Ok(latencies)
    }

    async fn order(&mut self) -> anyhow::Result<()> {
        let mut key = [0; 36];
        // As the diner's own page makes them.
        Uuid::now_v7().hyphenated().encode_lower(&mut key);
        if let Some(place) = self.request.get_mut(self.key_at..self.key_at + key.len()) {
            place.copy_from_slice(&key);
        }
        self.stream.write_all(&self.request).await?;
        let mut have = 0;
        loop {
            let room = self
                .answer
                .get_mut(have..)
                .context("the answer is too long")?;
            let read = self.stream.read(room).await?;
            ensure!(read > 0, "the kiosk closed the connection");
            have += read;
            let answer = self.answer.get(..have).unwrap_or_default();
            if is_whole(answer)? {
                return placed(answer);
            }
        }
    }
}

fn placed(answer: &[u8]) -> anyhow::Result<()> {
    if answer.starts_with(b"HTTP/1.1 201") {
        return Ok(());
    }
    bail!("an order was refused: {}", String::from_utf8_lossy(answer))
}

/// Whether head and body are all there.
fn is_whole(answer: &[u8]) -> anyhow::Result<bool> {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(false);
    };
    let head = std::str::from_utf8(answer.get(..end).unwrap_or_default())?;
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length
        .context("an answer without a length")?
        .trim()
        .parse()?;
    Ok(answer.len() >= end + 4 + length)
}

/// Gets a page whole.
pub(super) async fn get(address: SocketAddr, path: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    let answer = String::from_utf8_lossy(&answer).into_owned();
    ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    let body = answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned());
    body.with_context(|| format!("{path}: no body"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_its_body_is() {
        let answer = b"HTTP/1.1 201 Created\r\ncontent-length: 2\r\n\r\n{}";
        for cut in 0..answer.len() {
            assert!(!is_whole(&answer[..cut]).unwrap(), "{cut}");
        }
        assert!(is_whole(answer).unwrap());
    }
}
