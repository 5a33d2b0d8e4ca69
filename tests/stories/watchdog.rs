//! What systemd hears from a kiosk: that it takes orders, and nothing any more once it can't.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use lab::clock::Start;
use lab::process::Role;
use lab::store::Folder;
use rusqlite::{Connection, OpenFlags};

use crate::{Told, lab, lone_kiosk};

/// What the unit would say: pings are expected within this time.
const WATCHDOG: Duration = Duration::from_secs(2);
/// Bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(30);
/// Several times as long as pings may be apart.
const SILENCE: Duration = Duration::from_secs(6);

/// The next message that holds this text, within a time.
fn hear(socket: &UnixDatagram, wanted: &str, within: Duration) -> Option<String> {
    let begun = Start::now();
    while let Some(left) = within.checked_sub(begun.elapsed()) {
        socket
            .set_read_timeout(Some(left.max(Duration::from_millis(1))))
            .ok()?;
        let mut bytes = [0; 512];
        let count = socket.recv(&mut bytes).ok()?;
        let message = String::from_utf8_lossy(&bytes[..count]).into_owned();
        if message.contains(wanted) {
            return Some(message);
        }
    }
    None
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_journal_that_is_stuck_stops_the_pings_and_one_that_works_again_starts_them() -> Told {
    let folder = Folder::temporary()?;
    let mut kiosk = lone_kiosk(folder.path()).await?;
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path)?;
    kiosk.environment = vec![
        ("NOTIFY_SOCKET".to_owned(), path.display().to_string()),
        ("WATCHDOG_USEC".to_owned(), WATCHDOG.as_micros().to_string()),
    ];
    kiosk.start().await?;
    assert!(
        hear(&socket, "READY=1", PATIENCE).is_some(),
        "it never said that it is ready"
    );
    for _ in 0..3 {
        let ping = hear(&socket, "WATCHDOG=1", WATCHDOG);
        assert!(
            ping.is_some(),
            "a kiosk that takes orders must ping within {WATCHDOG:?}"
        );
    }

    // Somebody holds the journal: the process runs, its pages are served, and no order can be taken.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
    let holder = Connection::open_with_flags(kiosk.data().join("journal.sqlite"), flags)?;
    holder.execute_batch("BEGIN IMMEDIATE")?;
    kiosk.status().await?;
    let begun = Start::now();
    let mut last = Duration::ZERO;
    while let Some(left) = SILENCE.checked_sub(begun.elapsed()) {
        match hear(&socket, "WATCHDOG=1", left) {
            Some(_) => last = begun.elapsed(),
            None => break,
        }
    }
    assert!(last < WATCHDOG, "it still pinged after {last:?}");
    println!("the last ping came {last:?} after the journal was stuck");

    holder.execute_batch("ROLLBACK")?;
    assert!(
        hear(&socket, "WATCHDOG=1", PATIENCE).is_some(),
        "it works again and says nothing"
    );
    kiosk.terminate().await?;
    assert!(
        hear(&socket, "STOPPING=1", PATIENCE).is_some(),
        "it did not say that it stops"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headquarters_side_says_that_it_serves_that_it_goes_on_and_that_it_stops() -> Told {
    let folder = Folder::temporary()?;
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path)?;
    let environment = [
        ("NOTIFY_SOCKET".to_owned(), path.display().to_string()),
        ("WATCHDOG_USEC".to_owned(), WATCHDOG.as_micros().to_string()),
    ];
    let data = folder.path().join("cloud").display().to_string();
    let any = "127.0.0.1:0";
    let args = [
        "serve",
        "--data-dir",
        &data,
        "--listen",
        any,
        "--mqtt-listen",
        any,
    ];
    let log = folder.path().join("cloud.log");
    let mut cloud = lab().start_in(Role::CloudSync, args, &environment, &log)?;
    assert!(
        hear(&socket, "READY=1", PATIENCE).is_some(),
        "it never said that it is ready"
    );
    cloud.listening().await?;
    for _ in 0..3 {
        let ping = hear(&socket, "WATCHDOG=1", WATCHDOG);
        assert!(ping.is_some(), "it must ping within {WATCHDOG:?}");
    }
    cloud.terminate().await?;
    assert!(
        hear(&socket, "STOPPING=1", PATIENCE).is_some(),
        "it did not say that it stops"
    );
    Ok(())
}
