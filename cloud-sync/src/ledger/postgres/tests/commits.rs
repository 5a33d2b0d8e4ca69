//! A connection that is lost around its commit: nobody knows how it ended, and asking again shows.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use super::rig;
use crate::ingest::Refused;
use crate::ingest::decision::Outcome;
use crate::ledger::LedgerError;
use crate::testing::{Rig, place};

/// What a writer's connection is lost with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Lost {
    Nothing = 0,
    /// The commit does not reach the server.
    Request = 1,
    /// The server has committed, and its answer is lost.
    Answer = 2,
}

/// Between the ledger and the server.
struct Line {
    lost: Arc<AtomicU8>,
    port: u16,
}

impl Line {
    fn to(socket: PathBuf) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let lost = Arc::new(AtomicU8::new(Lost::Nothing as u8));
        let told = Arc::clone(&lost);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = UnixStream::connect(&socket).unwrap();
                carry(client, server, &told);
            }
        });
        Self { lost, port }
    }

    /// Loses the next commit of a writer; nothing after it.
    fn lose(&self, what: Lost) {
        self.lost.store(what as u8, Ordering::SeqCst);
    }
}

/// Carries bytes both ways, in threads that end with the connection.
fn carry(client: TcpStream, server: UnixStream, lost: &Arc<AtomicU8>) {
    let writes = Arc::new(AtomicBool::new(false));
    let (mut from, mut to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let (told, is_writer) = (Arc::clone(lost), Arc::clone(&writes));
    let up = move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            if holds(bytes, b"SAVEPOINT work") {
                is_writer.store(true, Ordering::SeqCst);
            }
            let commits = is_writer.load(Ordering::SeqCst) && holds(bytes, b"COMMIT\0");
            if (commits && takes(&told, Lost::Request)) || to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    };
    let (mut from, mut to, told) = (server, client, Arc::clone(lost));
    let down = move || {
        let mut buffer = [0; 16 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let bytes = &buffer[..count];
            let committed = writes.load(Ordering::SeqCst) && holds(bytes, b"COMMIT\0");
            if (committed && takes(&told, Lost::Answer)) || to.write_all(bytes).is_err() {
                break;
            }
        }
        let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    };
    std::thread::spawn(up);
    std::thread::spawn(down);
}

fn takes(lost: &AtomicU8, what: Lost) -> bool {
    let nothing = Lost::Nothing as u8;
    let swap = lost.compare_exchange(what as u8, nothing, Ordering::SeqCst, Ordering::SeqCst);
    swap.is_ok()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_end_nobody_knows_is_made_good_by_sending_again() {
    let direct = rig();
    let server = direct.server.clone().unwrap();
    let line = Line::to(server.lock().unwrap().socket());
    let url = format!(
        "postgres://postgres@127.0.0.1:{}/postgres?sslmode=disable",
        line.port
    );
    let rig = Rig::open(Arc::clone(&direct.dir), place(&url), Some(server));
    let mut kiosk = rig.greeted("k").await;
    for (lost, then) in [
        (Lost::Answer, Outcome::Duplicate),
        (Lost::Request, Outcome::Applied),
    ] {
        kiosk.place(100);
        let new = kiosk.entries.last().cloned().unwrap();
        line.lose(lost);
        let unknown = rig.send(&kiosk, std::slice::from_ref(&new)).await;
        let Err(Refused::Ledger(LedgerError::Unknown(_))) = unknown else {
            panic!("{lost:?}: {unknown:?}");
        };
        let again = rig.send(&kiosk, std::slice::from_ref(&new)).await.unwrap();
        assert_eq!(
            (again.outcomes, again.ack.watermark),
            (vec![then], new.seq),
            "{lost:?}"
        );
    }
    assert_eq!(super::sum(&rig).await, (2, 200));
}
