//! The cloud: one ledger, and the replicas that stand on it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cloud_sync::replica::{Given, Refusal, Replica};
use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::credential::Credential;
use kiosk_core::ids::JournalId;
use kiosk_core::wall::WallTime;
use lossy_vfs::Disk;

use super::checks::{Checked, Invariant, Mark, Memory, harness};
use super::ledger::Reader;
use super::uplink::{Ask, Letter};

/// Replicas of the cloud.
pub(super) const REPLICAS: usize = 2;
/// Backups that are kept.
const BACKUPS: usize = 4;

pub(super) struct Cloud {
    pub(super) disk: Disk,
    pub(super) replicas: Vec<Place>,
    pub(super) reader: Reader,
    pub(super) backups: Vec<Disk>,
    /// What happens at the next frame.
    pub(super) doom: Option<Doom>,
    /// Each start of a process may mean that the ledger went back, as with a file of its own.
    anew: bool,
    /// What its machines' clocks say, in milliseconds.
    pub(super) clock: Arc<AtomicI64>,
    last_row: i64,
    held: HashMap<JournalId, BTreeMap<u64, Mark>>,
    fenced: HashSet<JournalId>,
}

/// Where a replica runs, or not.
pub(super) enum Place {
    Up(Replica),
    Dead,
    /// It hangs; what it was given waits with it.
    Frozen(Replica, Vec<Letter>),
}

/// When a replica dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Doom {
    BeforeCommit,
    AfterCommit,
    /// At that operation of its disk.
    Within(u64),
}

fn uri(disk: &Disk) -> String {
    format!("file:/cloud/ledger.sqlite?vfs={}", disk.vfs_name())
}

/// A replica on that disk, by that clock.
fn started(disk: &Disk, anew: bool, clock: &Arc<AtomicI64>) -> Result<Replica, Refusal> {
    let clock = Arc::clone(clock);
    let wall = move || WallTime::from_millis(clock.load(Ordering::Relaxed));
    Ok(Replica::open(uri(disk), anew)?.with_clock(Arc::new(wall)))
}

impl Cloud {
    pub(super) fn new(seed: u64) -> Checked<Self> {
        let disk = Disk::new(seed);
        disk.set_powersafe_overwrite(true);
        let clock = Arc::default();
        let replica = started(&disk, true, &clock).map_err(harness)?;
        let mut cloud = Self {
            reader: Reader::open(&uri(&disk))?,
            disk,
            replicas: vec![Place::Up(replica)],
            backups: Vec::new(),
            doom: None,
            anew: seed.is_multiple_of(2),
            clock,
            last_row: 0,
            held: HashMap::new(),
            fenced: HashSet::new(),
        };
        while cloud.replicas.len() < REPLICAS {
            let replica = started(&cloud.disk, false, &cloud.clock).map_err(harness)?;
            cloud.replicas.push(Place::Up(replica));
        }
        Ok(cloud)
    }

    /// Starts the replica in that place, if there is none; false if the ledger's disk fails.
    pub(super) fn start(&mut self, at: usize) -> bool {
        let Some(place) = self.replicas.get_mut(at) else {
            return true;
        };
        if let Place::Dead = place {
            match started(&self.disk, self.anew, &self.clock) {
                Ok(replica) => *place = Place::Up(replica),
                Err(_) => return false,
            }
        }
        true
    }

    /// The power is back: the ledger has lost nothing.
    pub(super) fn recover(&mut self, disk: Disk, memory: &mut Memory) -> Checked {
        let before = std::mem::take(&mut self.held);
        self.replace(disk, true, memory)?;
        for (journal, events) in before {
            let held = self.held.get(&journal);
            let kept = |seq: &u64| held.is_some_and(|held| held.contains_key(seq));
            let lost = events.keys().find(|seq| !kept(seq));
            Invariant::DurableAccept.holds(lost.is_none(), || {
                format!("the ledger lost event {lost:?} of {journal} in a power cut")
            })?;
        }
        Ok(())
    }

    /// The ledger is in another state now, and every replica is started over it.
    pub(super) fn replace(&mut self, disk: Disk, anew: bool, memory: &mut Memory) -> Checked {
        self.replicas.clear();
        self.disk = disk;
        for first in [true, false] {
            let replica = started(&self.disk, anew && first, &self.clock).map_err(harness)?;
            self.replicas.push(Place::Up(replica));
        }
        self.reader = Reader::open(&uri(&self.disk))?;
        Invariant::Immutability.holds(self.reader.is_sound()?, || {
            "the ledger is damaged".to_owned()
        })?;
        (self.last_row, self.doom) = (0, None);
        self.held.clear();
        self.fenced.clear();
        self.catch_up(memory)?;
        self.learn_fences()
    }

    pub(super) fn back_up(&mut self) {
        if self.backups.len() >= BACKUPS {
            self.backups.remove(0);
        }
        self.backups.push(self.disk.snapshot());
    }

    /// What is new in the ledger is held against what journals committed.
    pub(super) fn catch_up(&mut self, memory: &mut Memory) -> Checked {
        let stored = match self.reader.events_since(self.last_row) {
            // The power went while it was read.
            Err(_) if self.disk.is_off() => return Ok(()),
            read => read?,
        };
        for stored in stored {
            Invariant::Fencing.holds(!self.fenced.contains(&stored.journal), || {
                format!(
                    "event {} of {} came after its fence",
                    stored.seq, stored.journal
                )
            })?;
            memory.stores(stored.journal, stored.seq, stored.mark)?;
            let stream = self.held.entry(stored.journal).or_default();
            let before = stream.insert(stored.seq, stored.mark);
            Invariant::Immutability.holds(before.is_none(), || {
                format!("event {} of {} is stored twice", stored.seq, stored.journal)
            })?;
            self.last_row = stored.row;
        }
        Ok(())
    }

    /// After a hello: which journals take nothing more.
    pub(super) fn learn_fences(&mut self) -> Checked {
        let fenced = self
            .reader
            .streams()?
            .into_iter()
            .filter(|stream| stream.fenced);
        // Whatever was fenced stays so, whatever the ledger says later.
        self.fenced.extend(fenced.map(|stream| stream.journal));
        Ok(())
    }

    /// Whether an ack says no more than what is committed, and no less.
    pub(super) fn check(&self, ack: &Ack) -> Checked {
        let nothing = BTreeMap::new();
        let held = self.held.get(&ack.journal).unwrap_or(&nothing);
        let spans = ack
            .ranges
            .iter()
            .map(|range| (range.first, range.last, range.chain));
        let below = (1, ack.watermark, ack.chain);
        for (first, last, chain) in std::iter::once(below).chain(spans) {
            if last < first {
                continue;
            }
            let count = u64::try_from(held.range(first..=last).count()).map_err(harness)?;
            let end = held.get(&last).map(|mark| mark.1);
            Invariant::NoPrematureAck.holds(
                count == last - first + 1 && end == Some(chain),
                || {
                    let journal = ack.journal;
                    format!(
                        "an ack of {journal} names {first} to {last}; {count} of them are committed"
                    )
                },
            )?;
        }
        let next = held.contains_key(&(ack.watermark + 1));
        Invariant::GapFree.holds(!next || ack.forked, || {
            format!(
                "the watermark of {} stops short at {}",
                ack.journal, ack.watermark
            )
        })
    }
}

/// Hands something to a replica under a kiosk's name.
pub(super) async fn serve(
    replica: &Replica,
    name: &Credential,
    journal: JournalId,
    ask: Ask,
) -> Result<Given, Refusal> {
    let (store, kiosk) = (&name.store, &name.kiosk);
    match ask {
        Ask::Hello(bytes) => replica.hello(store, kiosk, bytes).await,
        Ask::Frame(bytes) => replica.frame(store, kiosk, bytes).await,
        Ask::Ack => replica.current_ack(store, kiosk, journal).await,
    }
}
