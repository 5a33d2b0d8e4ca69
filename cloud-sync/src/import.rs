//! `import`: exported files through the same door as everything else. A file proves itself: its
//! registrations are signed by the device, its frames by the journal.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use cloud_sync_wire::archive::{Record, records};
use cloud_sync_wire::frame;

use crate::cli::Failure;
use crate::cloud;
use crate::http::request::new_id;
use crate::ingest::decision::Outcome;
use crate::ingest::{Door, Refused, Speaker, Way};
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
    let door = Door::new(ledger.clone(), lineage.key, Arc::clone(&presence));
    let mut refused = 0;
    for file in files {
        let tally = import_file(&door, file).await?;
        refused += tally.refused.len();
        tell(file, &tally);
    }
    if refused > 0 {
        return Err(Failure::Failed(format!(
            "{refused} records moved nothing; see above"
        )));
    }
    Ok(())
}

async fn import_file(door: &Door, path: &Path) -> Result<Tally, Failure> {
    let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let size = std::fs::metadata(path).map_err(|error| told(&error))?.len();
    if size > FILE_LIMIT {
        return Err(Failure::Failed(told(&"is too large; export in parts")));
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
                    .map(|()| Vec::new())
                    .map_err(|refused| refused.to_string())
            }
            Record::Frame(bytes) => take_frame(door, bytes, &request).await,
        };
        match taken {
            Ok(outcomes) => {
                for outcome in outcomes {
                    *tally.outcomes.entry(outcome).or_default() += 1;
                }
            }
            Err(reason) => tally
                .refused
                .push(format!("record {}: {reason}", index + 1)),
        }
    }
    Ok(tally)
}

async fn take_frame(door: &Door, bytes: &[u8], request: &str) -> Result<Vec<Outcome>, String> {
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
        .map(|received| received.outcomes)
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
    for refused in &tally.refused {
        eprintln!("cloud-sync: {}: {refused}", file.display());
    }
}
