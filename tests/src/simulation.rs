//! Stores and a cloud on one virtual clock, with everything between and below them failing: a seed in,
//! a verdict out.
//!
//! ```text
//!  diners ─► journal ─► link ─► clerk ─► network that loses, doubles, reorders, holds back ─► replicas
//!               ▲                                                                               │
//!        lossy disk                          the same network ◄── signed acks ◄── door ◄── ledger
//!                                                                                      lossy disk
//! ```
//!
//! **Real**: the kiosk's journal with its writer and SQLite, on a simulated disk; the uplink's link,
//! breaker and clerk (frames, hellos, acks, signatures); carrying on in a new journal; the cloud's door
//! (signatures, decisions, fold, transaction, lineage, fences) and its SQLite ledger, on a simulated
//! disk. **Simulated**: time, the network, the broker, the disks, which process lives, and the loop that
//! carries things between the real parts, which in the product is the uplink's driver and the cloud's
//! HTTP and MQTT. The numbers of a run come from its seed alone.
//!
//! Invariants are checked after every step against a memory of its own (`checks`): what journals
//! committed, what diners were told, what the ledger holds. At the end everything heals, every backlog
//! has to drain, and the sums have to agree.
//!
//! [`Sabotage`] breaks the product on purpose; each has to be found out, which is what makes the silence
//! of all other runs mean something.

pub mod command;

mod attacks;
mod broker;
mod checks;
mod cloud;
mod door;
mod ends;
mod faults;
mod forks;
mod journals;
mod kiosk;
mod ledger;
mod network;
mod orders;
mod plan;
mod sabotage;
mod uplink;
mod world;

pub use self::checks::{Invariant, Violation};
pub use self::sabotage::Sabotage;
pub use self::world::Report;

use lossy_vfs::Op;

use self::world::World;

/// How a run is set up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// What all chance comes from.
    pub seed: u64,
    /// Kiosks of the one store.
    pub kiosks: usize,
    /// How long faults happen, in seconds of the virtual clock.
    pub seconds: u64,
    /// What is broken on purpose.
    pub sabotage: Option<Sabotage>,
    /// The one thing that fails, instead of anything at random.
    pub plan: Option<Plan>,
}

/// One failure at a step that is counted, so that every step can have its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// The first kiosk's power goes at that operation of its disk.
    KioskCut(u64),
    /// That operation of its disk fails, once.
    KioskDisk(Op, u64),
    /// The first kiosk is killed after that step of the world.
    KioskKilled(u64),
    /// The cloud's power goes at that operation of the ledger's disk.
    CloudCut(u64),
    /// That operation of the ledger's disk fails, once.
    CloudDisk(Op, u64),
    /// All replicas are killed after that step of the world.
    CloudKilled(u64),
}

impl Setup {
    /// The usual run: 8 kiosks, five minutes of faults.
    #[must_use]
    pub fn of_seed(seed: u64) -> Self {
        Self {
            seed,
            kiosks: 8,
            seconds: 300,
            sabotage: None,
            plan: None,
        }
    }

    /// A short run, so that many seeds fit: 4 kiosks, a hundred seconds of faults.
    #[must_use]
    pub fn short(seed: u64) -> Self {
        Self {
            kiosks: 4,
            seconds: 100,
            ..Self::of_seed(seed)
        }
    }

    /// The same with something broken.
    #[must_use]
    pub fn sabotaged(self, sabotage: Sabotage) -> Self {
        Self {
            sabotage: Some(sabotage),
            ..self
        }
    }
}

/// A run that ended badly.
#[derive(Debug)]
pub struct Failure {
    /// How it was set up.
    pub setup: Setup,
    /// What did not hold.
    pub violation: Violation,
    /// The last steps before.
    pub trace: Vec<String>,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let seed = self.setup.seed;
        writeln!(f, "seed {seed}: {}", self.violation)?;
        for line in &self.trace {
            writeln!(f, "  {line}")?;
        }
        let (kiosks, seconds) = (self.setup.kiosks, self.setup.seconds);
        write!(
            f,
            "lab simulate --seed {seed} --kiosks {kiosks} --seconds {seconds} repeats it"
        )?;
        match self.setup.sabotage {
            Some(sabotage) => write!(f, " (with {sabotage:?})"),
            None => Ok(()),
        }
    }
}

/// Runs one seed to its end.
///
/// # Errors
/// [`Failure`] if an invariant did not hold.
pub fn run(setup: Setup) -> Result<Report, Box<Failure>> {
    let failed = |violation, trace| {
        Box::new(Failure {
            setup,
            violation,
            trace,
        })
    };
    let mut world = World::new(setup).map_err(|violation| failed(violation, Vec::new()))?;
    match world.live() {
        Ok(()) => Ok(world.report()),
        Err(violation) => Err(failed(violation, world.last_steps())),
    }
}

/// The same failure with as few faults as show it: those before an earlier end.
#[must_use]
pub fn shrunk(failure: Box<Failure>) -> Box<Failure> {
    let mut best = failure;
    let (mut passes, mut fails) = (0, best.setup.seconds);
    while fails - passes > 1 {
        let seconds = passes.midpoint(fails);
        let setup = Setup {
            seconds,
            ..best.setup
        };
        match run(setup) {
            Err(shorter) if shorter.violation.invariant == best.violation.invariant => {
                (best, fails) = (shorter, seconds);
            }
            _ => passes = seconds,
        }
    }
    best
}
