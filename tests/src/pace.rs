//! `lab pace`: a fleet that comes back all at once, each kiosk with a backlog, against one real
//! cloud-sync.
//!
//! The cloud is a process of its own; the kiosks are tasks of this one that speak the real protocol over
//! HTTP in signed frames of real events, wait when they are told to, and do nothing else. Beside them a
//! few kiosks sell: what their orders wait is what the herd costs the others.

mod fleet;
mod kiosk;
mod server;

use std::time::Duration;

use anyhow::ensure;

use self::fleet::{Fleet, Sold, percentile};
use self::server::Server;
use crate::process::Lab;
use crate::store::Folder;

/// What `lab pace` is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Kiosks that come back
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    pub kiosks: u64,
    /// Events that each of them has kept
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
    pub events: u64,
    /// Seconds within which they come back
    #[arg(long, default_value_t = 1)]
    pub within: u64,
    /// Kiosks that sell meanwhile, four orders a second each
    #[arg(long, default_value_t = 8)]
    pub live: u64,
    /// The most memory that cloud-sync may take, in MiB
    #[arg(long, default_value_t = 512)]
    pub most_mib: u64,
}

/// What came out.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    /// Events per second of a few kiosks that drain with nobody else there.
    pub alone: f64,
    /// Events per second of the herd.
    pub together: f64,
    /// How long it took until the first, the last and the middle kiosk was done.
    pub done: [Duration; 3],
    /// The slowest hundredth's end by the median's.
    pub fairness: f64,
    /// p50 and p99 of live orders with nobody else there, and during the herd.
    pub live: [(Duration, Duration); 2],
    /// Events of backlogs that were acked while a live order waited: p50 and p99.
    pub ahead: (u64, u64),
    /// The most memory that cloud-sync took, in MiB.
    pub memory_mib: u64,
    /// How often somebody was told to come again later.
    pub told_to_wait: u64,
}

/// Runs it and prints what came out.
///
/// # Errors
/// If an event did not arrive, or cloud-sync took more memory than it may.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(measure(options, &Lab::own()?))?;
    let Outcome {
        alone,
        together,
        done: [first, middle, last],
        fairness,
        live,
        ahead,
        memory_mib,
        told_to_wait,
    } = outcome;
    let all = options.kiosks * options.events;
    println!(
        "{} kiosks × {} events: {all} events",
        options.kiosks, options.events
    );
    println!(
        "drained in {last:.1?}; the first kiosk after {first:.1?}, half of them after {middle:.1?}"
    );
    println!(
        "{together:.0} events/s, {:.2} × a few kiosks alone ({alone:.0}/s)",
        together / alone
    );
    println!("p99 of the kiosks' ends is {fairness:.2} × their median");
    for (when, (p50, p99)) in ["before", "during"].iter().zip(live) {
        println!("live orders {when}: p50 {p50:.1?}, p99 {p99:.1?}");
    }
    println!(
        "events of backlogs that went before a live order: p50 {}, p99 {}",
        ahead.0, ahead.1
    );
    println!("told to wait {told_to_wait} times; cloud-sync took at most {memory_mib} MiB");
    ensure!(
        memory_mib <= options.most_mib,
        "cloud-sync took {memory_mib} MiB, more than {}",
        options.most_mib
    );
    Ok(())
}

/// Runs it. `lab` is the binary that can be a cloud-sync.
///
/// # Errors
/// If something can't be started, or an event did not arrive.
pub async fn measure(options: &Options, lab: &Lab) -> anyhow::Result<Outcome> {
    let folder = Folder::temporary()?;
    let data = folder.path().join("cloud");
    let fleet = Fleet::enrol(&data, options).await?;
    let server = Server::start(lab, &data, &folder.path().join("cloud.log")).await?;
    let alone = fleet.a_few(&server).await?;
    let quiet = fleet.sell_for(&server, Duration::from_secs(4)).await?;
    let (ends, busy) = fleet.all(&server).await?;
    let last = percentile(&ends, 100);
    let ahead = sorted(&busy, |sold| sold.ahead);
    let events = (options.kiosks * options.events) as f64;
    Ok(Outcome {
        alone,
        together: events / last.as_secs_f64(),
        done: [percentile(&ends, 0), percentile(&ends, 50), last],
        fairness: percentile(&ends, 99).as_secs_f64() / percentile(&ends, 50).as_secs_f64(),
        live: [&quiet, &busy].map(|sold| {
            let waits = sorted(sold, |sold| sold.wait);
            (percentile(&waits, 50), percentile(&waits, 99))
        }),
        ahead: (percentile(&ahead, 50), percentile(&ahead, 99)),
        memory_mib: server.most_mib(),
        told_to_wait: fleet.told_to_wait(),
    })
}

fn sorted<T: Ord>(sold: &[Sold], by: impl Fn(&Sold) -> T) -> Vec<T> {
    let mut values: Vec<T> = sold.iter().map(by).collect();
    values.sort_unstable();
    values
}
