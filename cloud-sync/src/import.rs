//! `import`: exported files through the same door as everything else. A file proves itself: its
//! registrations are signed by the device, its frames by the journal.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cloud_sync_wire::archive::{Record, records};
use cloud_sync_wire::frame;

use crate::cli::Failure;
use crate::cloud::{self, Signer};
use crate::http::request::new_id;
use crate::ingest::decision::Outcome;
use crate::ingest::{Door, Received, Refused, Speaker, Way};
use crate::ledger::Place;
use crate::presence::Presence;

/// The largest file that is read: a month of a busy kiosk is a hundredth of it.
const FILE_LIMIT: u64 = 4 << 30;

/// What became of a file's events.
#[derive(Debug, Default)]
struct Tally {
    outcomes: BTreeMap<Outcome, u64>,
    refused: Vec<String>,
}

pub(crate) async fn import(place: &Place, files: &[std::path::PathBuf]) -> Result<(), Failure> {
    let place = place.clone();
    let opened = tokio::task::spawn_blocking(move || cloud::open(&place)).await;
    let (ledger, lineage) = opened.map_err(|error| error.to_string())??;
    let presence = Arc::new(Presence::default());
    let door = Door::new(
        ledger.clone(),
        Signer::new(lineage.key),
        Arc::clone(&presence),
    );
    let (mut refused, mut unread) = (0, 0);
    for file in files {
        // One bad file says nothing of the others.
        match import_file(&door, file).await {
            Ok(tally) => {
                refused += tally.refused.len();
                tell(file, &tally);
            }
            Err(error) => {
                unread += 1;
                eprintln!("cloud-sync: {error}");
            }
        }
    }
    let mut faults = Vec::new();
    if refused > 0 {
        faults.push(format!("{refused} records moved nothing"));
    }
    if unread > 0 {
        let all = files.len();
        faults.push(format!("{unread} of {all} files could not be read"));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let faults = faults.join(", ");
    Err(Failure::Failed(format!("{faults}; see above")))
}

async fn import_file(door: &Door, path: &Path) -> Result<Tally, String> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > FILE_LIMIT {
        return Err(told(&"is too large; export in parts"));
    }
    let bytes = std::fs::read(path).map_err(|error| told(&error))?;
    let records = records(&bytes).map_err(|error| told(&error))?;
    let mut tally = Tally::default();
    let request = format!("import-{}", new_id());
    for (index, record) in records.iter().enumerate() {
        let taken = match record {
            Record::Registration(bytes) => {
                let registered = door.register(bytes.to_vec()).await;
                registered
                    .map(|()| Taken::default())
                    .map_err(|refused| refused.to_string())
            }
            Record::Frame(bytes) => take_frame(door, bytes, &request).await,
        };
        match taken {
            Ok(taken) => {
                for outcome in taken.outcomes {
                    *tally.outcomes.entry(outcome).or_default() += 1;
                }
                let left = taken.left.into_iter();
                let left = left.map(|why| format!("record {}: {why}", index + 1));
                tally.refused.extend(left);
            }
            Err(reason) => tally
                .refused
                .push(format!("record {}: {reason}", index + 1)),
        }
    }
    Ok(tally)
}

/// What became of a record.
#[derive(Debug, Default)]
struct Taken {
    outcomes: Vec<Outcome>,
    /// Why some of its events were left out.
    left: Option<String>,
}

impl From<Received> for Taken {
    fn from(received: Received) -> Self {
        let refused = |outcome: &&Outcome| **outcome == Outcome::Refused;
        let count = received.outcomes.iter().filter(refused).count();
        let why = if received.ack.forked {
            "their journal had forked, and another journal of the kiosk carries it on: that one holds \
             them too, and sends them by itself; or export it, and import that file"
        } else {
            "too many events before them are missing; import the files that were exported earlier first"
        };
        Self {
            outcomes: received.outcomes,
            left: (count > 0).then(|| format!("{count} events were left out: {why}")),
        }
    }
}

async fn take_frame(door: &Door, bytes: &[u8], request: &str) -> Result<Taken, String> {
    let sender = frame::decode(bytes)
        .map_err(|error| error.to_string())?
        .sender;
    let speaker = Speaker {
        store: sender.store,
        kiosk: sender.kiosk,
    };
    let received = door
        .frame(&speaker, bytes.to_vec(), request, Way::Carried)
        .await;
    received
        .map(Taken::from)
        .map_err(|refused| match refused {
            Refused::UnknownJournal(journal) => format!(
                "journal {journal} is not known here: start its kiosk once with its credential, or export \
                 with --credential, and import again"
            ),
            other => other.to_string(),
        })
}

fn tell(file: &Path, tally: &Tally) {
    let events: u64 = tally.outcomes.values().sum();
    let counts: Vec<String> = tally
        .outcomes
        .iter()
        .map(|(outcome, count)| format!("{count} {}", outcome.as_str()))
        .collect();
    println!("{}: {events} events: {}", file.display(), counts.join(", "));
    let has = |outcome| tally.outcomes.contains_key(&outcome);
    if has(Outcome::Alias) {
        println!("  alias: came before in another journal of the kiosk, and counts once");
    }
    if has(Outcome::Quarantined) {
        println!("  quarantined: kept, but not applied; GET /api/v1/quarantine says why");
    }
    for refused in &tally.refused {
        eprintln!("cloud-sync: {}: {refused}", file.display());
    }
}
