//! One kiosk: a disk, and while it runs the journal on it with the link that drains it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cloud_sync_wire::credential::Credential;
use kiosk::journal::{Journal, JournalSettings, Outbox, PlaceRequest, Ranges, Synchronous, fence};
use kiosk::uplink::clerk::Clerk;
use kiosk::uplink::link::{Id, Link};
use kiosk::uplink::{UplinkSettings, ordering_breaker};
use kiosk_core::ids::BootId;
use kiosk_core::wall::WallTime;
use lossy_vfs::Disk;
use resilience::breaker::Permit;
use resilience::{Breaker, Moment};
use rusqlite::{Connection, OpenFlags};
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use super::checks::{Checked, Mark, harness};
use super::network::Line;

const FILE: &str = "/data/journal.sqlite";
/// Confirmed events that are kept in a world where journals are pruned, in bytes.
const LITTLE: u64 = 6_000;

/// One kiosk's place in the world.
pub(super) struct Node {
    pub(super) credential: Credential,
    pub(super) disk: Disk,
    /// Counts its runs; what belongs to an earlier one finds nobody.
    pub(super) run: u64,
    pub(super) on: Option<Running>,
    pub(super) line: Line,
    /// How far its clock is off, in milliseconds.
    pub(super) clock_off: i64,
    /// An order whose outcome nobody knows; the diner asks again with the same key.
    pub(super) retry: Option<PlaceRequest>,
    /// Events of the journal up to here are remembered.
    pub(super) learned: u64,
    /// What the journal was seen to hold.
    pub(super) marks: HashMap<u64, Mark>,
    pub(super) confirmed: Ranges,
    /// A state of its disk that somebody kept.
    pub(super) image: Option<Disk>,
    pub(super) last_anew: Option<Moment>,
    /// Its history may have forked.
    pub(super) forky: bool,
    /// Its disk is older than what people were told.
    pub(super) rolled_back: bool,
    /// The ledger asked for what this journal no longer holds.
    pub(super) lost: bool,
}

/// A running kiosk.
pub(super) struct Running {
    pub(super) journal: Journal,
    pub(super) clerk: Clerk,
    pub(super) link: Link,
    pub(super) breaker: Arc<Breaker>,
    pub(super) outbox: watch::Receiver<Outbox>,
    pub(super) calls: BTreeMap<Id, Call>,
    /// The run of the broker that took it in.
    pub(super) connection: Option<u64>,
    /// When the link was last asked what is due.
    pub(super) looked: Moment,
    /// It is about to carry on in a new journal.
    pub(super) ending: bool,
}

/// An HTTP call under way.
pub(super) struct Call {
    pub(super) permit: Permit<Arc<Breaker>>,
    /// Its time counts for the breaker.
    pub(super) timed: bool,
}

/// What a kiosk is started with.
pub(super) struct Start {
    pub(super) now: Moment,
    pub(super) seed: u64,
    pub(super) boot: u128,
    pub(super) synchronous: Synchronous,
    pub(super) prunes: bool,
    /// It may send as much at once as it likes.
    pub(super) unbounded: bool,
}

impl Node {
    pub(super) fn new(credential: Credential, disk: Disk) -> Self {
        Self {
            credential,
            disk,
            run: 0,
            on: None,
            line: Line::default(),
            clock_off: 0,
            retry: None,
            learned: 0,
            marks: HashMap::new(),
            confirmed: Ranges::default(),
            image: None,
            last_anew: None,
            forky: false,
            rolled_back: false,
            lost: false,
        }
    }

    pub(super) fn name(&self) -> &str {
        self.credential.kiosk.as_str()
    }

    /// Starts it; false if its disk fails.
    pub(super) fn start(&mut self, start: &Start) -> Checked<bool> {
        let settings = JournalSettings {
            vfs: Some(self.disk.vfs_name().to_owned()),
            free_bytes: Arc::new(|| None),
            retention_bytes: if start.prunes { LITTLE } else { u64::MAX },
            // Moving the log is done after the answer, in a thread of its own: not at a known step.
            log_pages: u64::MAX,
            prefixes: self.credential.prefixes.clone(),
            synchronous: start.synchronous,
            ..JournalSettings::new(
                "/data".into(),
                BootId(Uuid::from_u128(start.boot)),
                seed_of(start.seed),
            )
        };
        let (feed, _nobody) = mpsc::unbounded_channel();
        let Ok(journal) = Journal::open(settings, feed) else {
            return Ok(false);
        };
        let boot = journal.boot();
        let clerk = Clerk::new(journal.clone(), &self.credential, boot).map_err(harness)?;
        let breaker = ordering_breaker(start.seed);
        let breaker = Breaker::new("ordering", breaker, start.now).map_err(harness)?;
        breaker.expire_wait(start.now);
        let breaker = Arc::new(breaker);
        let usual = UplinkSettings::default();
        let settings = match start.unbounded {
            true => UplinkSettings {
                window: 64,
                live_calls: 64,
                batch_events: 1,
                ..usual
            },
            false => usual,
        };
        self.run += 1;
        self.on = Some(Running {
            link: Link::new(settings, Arc::clone(&breaker), start.seed, start.now),
            outbox: journal.outbox(),
            journal,
            clerk,
            breaker,
            calls: BTreeMap::new(),
            connection: None,
            looked: start.now,
            ending: false,
        });
        Ok(true)
    }

    /// Nothing of it runs any more, and nothing was ended properly.
    pub(super) fn dies(&mut self, left: Disk) {
        self.on = None;
        self.disk = left;
    }

    /// Forgets what was known of its journal, which is another one now.
    pub(super) fn forget(&mut self) {
        self.learned = 0;
        self.marks.clear();
        self.confirmed = Ranges::default();
    }

    /// Carries on in a new journal, as a kiosk does whose history has forked. It must not run.
    pub(super) fn carry_on(&mut self, seed: u64, at: WallTime) -> Checked {
        let bytes = self.whole_file()?;
        let folder = tempfile::tempdir().map_err(harness)?;
        let file = folder.path().join("journal.sqlite");
        std::fs::write(&file, bytes).map_err(harness)?;
        let prefixes = &self.credential.prefixes;
        fence(folder.path(), &seed_of(seed), prefixes, at).map_err(harness)?;
        self.disk = Disk::new(seed);
        self.disk.put(FILE, std::fs::read(&file).map_err(harness)?);
        self.forget();
        Ok(())
    }

    fn whole_file(&self) -> Checked<Vec<u8>> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE;
        let connection = Connection::open_with_flags_and_vfs(FILE, flags, self.disk.vfs_name());
        let connection = connection.map_err(harness)?;
        connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(harness)?;
        drop(connection);
        let bytes = self.disk.contents(FILE);
        bytes.ok_or_else(|| harness("the journal's file is gone"))
    }
}

/// What is random about a new journal.
fn seed_of(seed: u64) -> [u8; 64] {
    let mut dice = crate::dice::Dice::seeded(seed);
    let words: Vec<u8> = (0..8).flat_map(|_| dice.roll().to_le_bytes()).collect();
    std::array::from_fn(|at| words.get(at).copied().unwrap_or(0))
}
