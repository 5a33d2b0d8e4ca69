//! One virtual clock, and everything that happens on it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet, VecDeque};
use std::time::Duration;

use kiosk::uplink::link::{Event, Id};
use kiosk_core::ids::{KioskId, StoreId};
use lossy_vfs::Disk;
use resilience::Moment;
use tokio::runtime::Runtime;

use super::Setup;
use super::broker::{Broker, Down};
use super::checks::{Checked, Invariant, Memory, harness};
use super::cloud::{Cloud, Place};
use super::kiosk::Node;
use super::uplink::{Answer, Letter};
use crate::dice::Dice;

/// Steps that are told of a run that failed.
const TOLD: usize = 60;
/// The driver looks at the breaker at least so often.
const LOOK: Duration = Duration::from_secs(5);
/// How long a backlog may take to drain after everything healed.
const DRAIN: Duration = Duration::from_secs(45 * 60);
/// Acks that an eavesdropper remembers.
const OVERHEARD: usize = 48;

/// What happens at a moment.
pub(super) enum Due {
    Arrives(Letter),
    Answers((usize, u64), Id, Answer),
    Published(Letter, u64),
    Delivered(usize, u64, Down),
    Connects((usize, u64)),
    Disconnects((usize, u64), u64),
    Boots(usize),
    Anew((usize, u64)),
    Orders(usize),
    Acts(usize),
    Fault,
    LineHeals(usize),
    BrokerStarts,
    ReplicaStarts(usize),
    Thaws(usize),
}

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// Its seed.
    pub seed: u64,
    /// Events on the virtual clock.
    pub steps: u64,
    /// Things that were done to it.
    pub faults: u64,
    /// Orders whose numbers were shown.
    pub orders: u64,
    /// Frames that were sent.
    pub frames: u64,
    /// Events that came more than once.
    pub duplicates: u64,
    /// Acks that were given.
    pub acks: u64,
    /// Power cuts and kills of kiosks.
    pub cuts: u64,
    /// Ledgers put back from a backup.
    pub restores: u64,
    /// New journals in the place of forked ones.
    pub fences: u64,
    /// What was forged, replayed or misdelivered.
    pub attacks: u64,
    /// Operations of the ledger's disk before the planned one is counted.
    pub planned_from: u64,
    /// Whether the one planned failure came about.
    pub reached: bool,
    /// How long the backlog took to drain in the end, in virtual seconds.
    pub drained_in: u64,
}

pub(super) struct World {
    pub(super) setup: Setup,
    pub(super) now: Moment,
    pub(super) dice: Dice,
    pub(super) runtime: Runtime,
    pub(super) nodes: Vec<Node>,
    pub(super) cloud: Cloud,
    pub(super) broker: Broker,
    pub(super) memory: Memory,
    pub(super) report: Report,
    pub(super) healing: bool,
    /// The planned failure of the first kiosk's disk is set.
    pub(super) armed: bool,
    pub(super) ids: u128,
    pub(super) overheard: VecDeque<Vec<u8>>,
    pub(super) forged: HashSet<Vec<u8>>,
    /// Frames that somebody on the line remembers, and who sent them.
    pub(super) frames: VecDeque<(usize, Vec<u8>)>,
    /// How far the clocks of the cloud are off, in milliseconds.
    pub(super) cloud_off: i64,
    order: BinaryHeap<Reverse<(Moment, u64)>>,
    due: HashMap<u64, Due>,
    issued: u64,
    trace: VecDeque<String>,
}

impl World {
    pub(super) fn new(setup: Setup) -> Checked<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let mut world = Self {
            setup,
            now: Moment::from_secs(100),
            dice: Dice::seeded(setup.seed),
            runtime: runtime.map_err(harness)?,
            nodes: Vec::new(),
            cloud: Cloud::new(setup.seed)?,
            broker: Broker { up: true, run: 1 },
            memory: Memory::default(),
            report: Report {
                seed: setup.seed,
                ..Report::default()
            },
            healing: false,
            armed: false,
            ids: 0,
            overheard: VecDeque::new(),
            forged: HashSet::new(),
            frames: VecDeque::new(),
            cloud_off: 0,
            order: BinaryHeap::new(),
            due: HashMap::new(),
            issued: 0,
            trace: VecDeque::new(),
        };
        for number in 0..setup.kiosks {
            world.enroll(number)?;
        }
        match setup.plan {
            None => world.after(Duration::from_secs(3), Due::Fault),
            Some(plan) => world.arm_cloud(plan)?,
        }
        Ok(world)
    }

    fn enroll(&mut self, number: usize) -> Checked {
        let store = StoreId::try_new("s").map_err(harness)?;
        let kiosk = KioskId::try_new(&format!("k{number}")).map_err(harness)?;
        let secret = std::array::from_fn(|_| u8::try_from(self.dice.below(256)).unwrap_or(0));
        let Some(Place::Up(replica)) = self.cloud.replicas.first() else {
            return Err(harness("no replica"));
        };
        let enrolling = replica.enroll(&store, &kiosk, secret);
        let credential = self.runtime.block_on(enrolling).map_err(harness)?;
        let disk = self.new_disk();
        self.nodes.push(Node::new(credential, disk));
        self.joins(number);
        Ok(())
    }

    /// A kiosk begins its day.
    pub(super) fn joins(&mut self, at: usize) {
        for due in [Due::Boots(at), Due::Orders(at), Due::Acts(at)] {
            let wait = self.some(Duration::from_secs(8));
            self.after(wait, due);
        }
    }

    pub(super) fn new_disk(&mut self) -> Disk {
        let disk = Disk::new(self.dice.roll());
        disk.set_powersafe_overwrite(true);
        disk
    }

    /// Lets faults happen, heals, drains, and compares.
    pub(super) fn live(&mut self) -> Checked {
        let end = self.now.plus(Duration::from_secs(self.setup.seconds));
        while self.step(end)? {}
        self.heal()?;
        let healed = self.now;
        self.drain()?;
        self.report.drained_in = self.now.since(healed).as_secs();
        // What is on its way may still arrive, and the last diners may still order.
        let quiet = self.now.plus(Duration::from_secs(20));
        while self.step(quiet)? {}
        self.drain()?;
        self.compare()
    }

    fn drain(&mut self) -> Checked {
        let limit = self.now.plus(DRAIN);
        while !self.is_drained() {
            if !self.step(limit)? {
                return Invariant::Liveness.broken(self.what_is_left());
            }
        }
        Ok(())
    }

    pub(super) fn report(&self) -> Report {
        self.report
    }

    pub(super) fn last_steps(&self) -> Vec<String> {
        self.trace.iter().cloned().collect()
    }

    /// Notes a step for whoever has to find out what went wrong.
    pub(super) fn says(&mut self, what: impl FnOnce() -> String) {
        if self.trace.len() >= TOLD {
            self.trace.pop_front();
        }
        let seconds = self.now.since(Moment::from_secs(100)).as_secs_f64();
        self.trace.push_back(format!("{seconds:8.3} {}", what()));
    }

    pub(super) fn after(&mut self, wait: Duration, due: Due) {
        self.issued += 1;
        self.order.push(Reverse((self.now.plus(wait), self.issued)));
        self.due.insert(self.issued, due);
    }

    /// A time from zero up to `most`.
    pub(super) fn some(&mut self, most: Duration) -> Duration {
        let most = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(self.dice.below(most))
    }

    /// Does what is next; false if nothing is before `end`.
    fn step(&mut self, end: Moment) -> Checked<bool> {
        let due = self.order.peek().map(|Reverse((at, _))| *at);
        let wake = self.next_wake();
        let next = due.into_iter().chain(wake.map(|(at, _)| at)).min();
        let Some(next) = next.filter(|at| *at <= end) else {
            self.now = end;
            return Ok(false);
        };
        self.now = next.max(self.now);
        self.cloud_ticks();
        self.report.steps += 1;
        Invariant::Bounded.holds(self.report.steps < 3_000_000, || {
            "the world never comes to rest".to_owned()
        })?;
        self.strike()?;
        match due {
            Some(due) if due <= next => {
                let Some(Reverse((_, name))) = self.order.pop() else {
                    return Ok(true);
                };
                if let Some(due) = self.due.remove(&name) {
                    self.happens(due)?;
                }
            }
            _ => {
                if let Some((_, at)) = wake {
                    self.feed(at, Event::Wake)?;
                }
            }
        }
        Ok(true)
    }

    /// The next moment at which a link wants to be woken.
    fn next_wake(&self) -> Option<(Moment, usize)> {
        let wake = |(at, node): (usize, &Node)| {
            let on = node.on.as_ref()?;
            let look = on.looked.plus(LOOK);
            let deadline = on.link.next_deadline(self.now).map(|deadline| deadline.at);
            // A millisecond later is surely not too early.
            let deadline = deadline.map(|at| at.plus(Duration::from_millis(1)));
            Some((deadline.map_or(look, |deadline| deadline.min(look)), at))
        };
        self.nodes.iter().enumerate().filter_map(wake).min()
    }

    fn happens(&mut self, due: Due) -> Checked {
        match due {
            Due::Arrives(letter) => self.arrives(letter),
            Due::Answers(from, id, answer) => self.answers(from, id, answer),
            Due::Published(letter, broker) if broker == self.broker.run => self.arrives(letter),
            Due::Published(..) => Ok(()),
            Due::Delivered(at, broker, down) => self.delivered(at, broker, down),
            Due::Connects(from) => self.connects(from),
            Due::Disconnects(from, broker) => self.disconnects(from, broker),
            Due::Boots(at) => self.boots(at),
            Due::Anew(from) => self.carries_on(from),
            Due::Orders(at) => self.place(at),
            Due::Acts(at) => self.act(at),
            Due::Fault => self.fault(),
            Due::LineHeals(at) => {
                self.line_heals(at);
                Ok(())
            }
            Due::BrokerStarts => {
                self.broker.up = true;
                Ok(())
            }
            Due::ReplicaStarts(at) => {
                self.start_replica(at);
                Ok(())
            }
            Due::Thaws(at) => self.thaws(at),
        }
    }

    /// In some worlds journals are pruned so early that a restore can lose what nobody has any more.
    pub(super) fn prunes(&self) -> bool {
        self.setup.seed % 4 == 3
    }

    pub(super) fn remember_ack(&mut self, signed: &[u8]) {
        if self.overheard.len() >= OVERHEARD {
            self.overheard.pop_front();
        }
        self.overheard.push_back(signed.to_vec());
    }

    pub(super) fn remember_frame(&mut self, at: usize, frame: &[u8]) {
        if self.frames.len() >= OVERHEARD {
            self.frames.pop_front();
        }
        self.frames.push_back((at, frame.to_vec()));
    }

    fn is_drained(&self) -> bool {
        self.nodes.iter().all(|node| {
            node.on.as_ref().is_some_and(|on| {
                on.outbox.borrow().unconfirmed() == 0 && !on.link.is_fenced() && !on.ending
            })
        })
    }

    fn what_is_left(&self) -> String {
        let left = self
            .nodes
            .iter()
            .enumerate()
            .map(|(at, node)| match &node.on {
                None => format!("kiosk {at} is off"),
                Some(on) => {
                    let unconfirmed = on.outbox.borrow().unconfirmed();
                    format!("kiosk {at}: {unconfirmed} left, {}", on.link.reason())
                }
            });
        let left: Vec<String> = left.collect();
        left.join("; ")
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("setup", &self.setup)
            .finish_non_exhaustive()
    }
}
