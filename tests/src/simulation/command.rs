//! `lab simulate`: seed after seed, on every core, until one fails or the time is over.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::bail;

use super::{Failure, Report, Sabotage, Setup, run, shrunk};
use crate::clock::Start;

/// How often progress is told.
const TELL: Duration = Duration::from_secs(10);

/// What `lab simulate` is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Run this seed alone and tell all of it (or set LAB_SEED)
    #[arg(long, env = "LAB_SEED")]
    seed: Option<u64>,
    /// The first of many seeds
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Go on for so long instead, whatever the number of seeds
    #[arg(long)]
    minutes: Option<u64>,
    /// Kiosks of the store
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u64).range(1..=64))]
    kiosks: u64,
    /// How long faults happen, in seconds of the virtual clock
    #[arg(long, default_value_t = 300)]
    seconds: u64,
    /// Seeds at the same time; one per core without it
    #[arg(long)]
    at_once: Option<usize>,
    /// Break the product on purpose: the run has to fail
    #[arg(long, value_enum)]
    sabotage: Option<Sabotage>,
}

impl Options {
    fn setup(&self, seed: u64) -> Setup {
        Setup {
            seed,
            kiosks: usize::try_from(self.kiosks).unwrap_or(8),
            seconds: self.seconds,
            sabotage: self.sabotage,
            plan: None,
        }
    }
}

/// Runs it.
///
/// # Errors
/// The first seed that failed, with its last steps.
pub fn simulate(options: &Options) -> anyhow::Result<()> {
    if let Some(seed) = options.seed {
        return match run(options.setup(seed)) {
            Ok(report) => {
                println!("{report:#?}");
                Ok(())
            }
            Err(failure) => bail!("{}", shrunk(failure)),
        };
    }
    let many = Many {
        options,
        started: Start::now(),
        next: AtomicU64::new(options.from),
        failed: AtomicBool::new(false),
        sums: Mutex::default(),
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = options.at_once.unwrap_or(cores).max(1);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| many.work());
        }
    });
    let sums = many
        .sums
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner);
    sums.tell(&many.started);
    match sums.failure {
        Some(failure) => bail!("{}", shrunk(failure)),
        None => Ok(()),
    }
}

struct Many<'o> {
    options: &'o Options,
    started: Start,
    next: AtomicU64,
    failed: AtomicBool,
    sums: Mutex<Sums>,
}

#[derive(Default)]
struct Sums {
    seeds: u64,
    all: Report,
    slowest: u64,
    told: Duration,
    failure: Option<Box<Failure>>,
}

impl Many<'_> {
    fn work(&self) {
        while !self.failed.load(Ordering::Relaxed) {
            let seed = self.next.fetch_add(1, Ordering::Relaxed);
            let over = match self.options.minutes {
                Some(minutes) => self.started.elapsed() >= Duration::from_secs(minutes * 60),
                None => seed >= self.options.from.saturating_add(self.options.seeds),
            };
            if over {
                return;
            }
            let ended = run(self.options.setup(seed));
            let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
            match ended {
                Ok(report) => sums.add(&report),
                Err(failure) => {
                    self.failed.store(true, Ordering::Relaxed);
                    sums.failure.get_or_insert(failure);
                }
            }
            if self.started.elapsed() >= sums.told + TELL {
                sums.told = self.started.elapsed();
                sums.tell(&self.started);
            }
        }
    }
}

impl Sums {
    fn add(&mut self, report: &Report) {
        self.seeds += 1;
        self.slowest = self.slowest.max(report.drained_in);
        let all = &mut self.all;
        all.steps += report.steps;
        all.faults += report.faults;
        all.orders += report.orders;
        all.frames += report.frames;
        all.duplicates += report.duplicates;
        all.acks += report.acks;
        all.cuts += report.cuts;
        all.restores += report.restores;
        all.fences += report.fences;
        all.attacks += report.attacks;
    }

    fn tell(&self, started: &Start) {
        let Report {
            faults,
            orders,
            frames,
            duplicates,
            cuts,
            restores,
            fences,
            attacks,
            ..
        } = self.all;
        let seconds = started.elapsed().as_secs().max(1);
        println!(
            "{} seeds in {seconds} s, {} faults a minute: {orders} orders, {frames} frames, \
             {duplicates} duplicates absorbed, {cuts} cuts, {restores} restores, {fences} new journals, \
             {attacks} attacks; longest drain {} s",
            self.seeds,
            faults * 60 / seconds,
            self.slowest
        );
    }
}
