//! `lab bench`: what the kiosk does, beside the same work done raw, in one run on one disk.
//!
//! Machines differ and are shared; ratios within one run are what counts. Every measurement is taken
//! several times in turns with the others, so that a slow moment of the machine hits all of them.

mod cloud;
mod drain;
mod events;
mod floor;
mod ingest;
mod journal;
mod kiosk;
mod load;
mod raw;
mod samples;
mod screens;
mod table;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use tokio::runtime::Runtime;

pub(crate) use self::journal::sample_event;
use self::kiosk::{Binary, Kiosk};
use self::samples::Series;
use self::table::{Goal, Row, Table};
use crate::process::Lab;
use crate::store::Folder;

/// Submitters and clients that show what group commit gives.
const MANY: usize = 64;
/// Clients of the HTTP measurements, with the goals of each: orders/s against the raw loop, and p99.
const CLIENTS: [(usize, Option<f64>, u64); 3] =
    [(1, Some(0.4), 5), (8, None, 8), (MANY, Some(2.0), 20)];
/// What a lone measurement of size, memory or start may be.
const IDLE_MEBIBYTES: f64 = 40.0;
const BUSY_MEBIBYTES: f64 = 64.0;
const BINARY_MEBIBYTES: f64 = 25.0;
const START_MILLIS: f64 = 300.0;
const RESTART_MILLIS: f64 = 1_000.0;

/// What `lab bench` is told.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// How often each measurement is taken, in turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repeats: u32,
    /// How long each one lasts, in seconds
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Folder on the disk to measure; a temporary one without it
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Events of the backlog that is drained through mosquitto; none leaves that out
    #[arg(long, default_value_t = 0)]
    backlog: u64,
    /// Leave out what needs a cloud
    #[arg(long)]
    without_cloud: bool,
    /// Only what the cloud takes in, beside raw inserts; needs PostgreSQL
    #[arg(long, conflicts_with = "without_cloud")]
    ingest: bool,
    /// Only what the screens cost, in a real browser
    #[arg(long, conflicts_with_all = ["without_cloud", "ingest"])]
    screens: bool,
    /// How many live updates a page is left open for, with --screens
    #[arg(long, default_value_t = 500, value_name = "N")]
    updates: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Measures and prints.
///
/// # Errors
/// If something can't be started, or an order is refused.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let folder = match &options.data_dir {
        Some(path) => Folder::named(path)?,
        None => Folder::temporary()?,
    };
    let lab = Lab::own()?;
    let binary = Binary::find(&lab)?;
    let mut table = Table::new(&binary, folder.path());
    // One thread: the load generator shares the cores with what it loads.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if options.ingest {
        ingest::measure(options, &folder, &mut table)?;
        return table.print(options.json);
    }
    if options.screens {
        let place = (&binary, folder.path());
        runtime.block_on(screens::measure(options, &lab, place, &mut table))?;
        return table.print(options.json);
    }
    orders(options, &runtime, &binary, &folder, &mut table)?;
    if !options.without_cloud {
        runtime.block_on(cloud::measure(options, &lab, &mut table))?;
        if options.backlog > 0 {
            let runtime = Runtime::new()?;
            runtime.block_on(drain::measure(options, &lab, &mut table))?;
        }
    }
    table.print(options.json)
}

/// What the turns gave.
struct Measured {
    single: Series,
    grouped: Series,
    alone: Series,
    http: [Series; CLIENTS.len()],
}

fn orders(
    options: &Options,
    runtime: &Runtime,
    binary: &Binary,
    folder: &Folder,
    table: &mut Table,
) -> anyhow::Result<()> {
    let kiosk = runtime.block_on(binary.start(&folder.path().join("kiosk")))?;
    let first_start = kiosk.first_page;
    let idle = kiosk.resident_mebibytes()?;
    turns(options, runtime, &kiosk, folder)?.tell(table);
    let busy = kiosk.resident_mebibytes()?;
    let held = runtime.block_on(kiosk.events())?;
    let again = runtime.block_on(kiosk.kill_and_start(binary))?;

    let millis = |duration: Duration| duration.as_secs_f64() * 1e3;
    let started = millis(first_start);
    table.add(Row::value(
        "start to first answered page",
        "ms",
        started,
        START_MILLIS,
    ));
    let name = format!("the same after kill -9 with {held} events");
    table.add(Row::value(name, "ms", millis(again), RESTART_MILLIS));
    table.add(Row::value(
        "resident memory, idle",
        "MiB",
        idle,
        IDLE_MEBIBYTES,
    ));
    table.add(Row::value(
        "resident memory after the load",
        "MiB",
        busy,
        BUSY_MEBIBYTES,
    ));
    if let Some(size) = binary.stripped_mebibytes() {
        table.add(Row::value("stripped binary", "MiB", size, BINARY_MEBIBYTES));
    }
    Ok(())
}

fn turns(
    options: &Options,
    runtime: &Runtime,
    kiosk: &Kiosk,
    folder: &Folder,
) -> anyhow::Result<Measured> {
    let length = Duration::from_secs(options.seconds);
    let mut measured = Measured {
        single: Series::default(),
        grouped: Series::default(),
        alone: Series::default(),
        http: CLIENTS.map(|_| Series::default()),
    };
    for turn in 0..options.repeats {
        if !options.json {
            eprintln!("turn {} of {} …", turn + 1, options.repeats);
        }
        let place = |what: &str| folder.path().join(format!("{what}-{turn}"));
        measured
            .single
            .add(floor::measure(&place("raw"), 1, length)?);
        let (sample, group) = journal::measure(&place("journal"), MANY, length)?;
        measured.alone.add(sample);
        measured
            .grouped
            .add(floor::measure(&place("raw-group"), group, length)?);
        for ((clients, ..), series) in CLIENTS.iter().zip(&mut measured.http) {
            series.add(runtime.block_on(load::run(kiosk.address, *clients, length, None))?);
        }
    }
    Ok(measured)
}

impl Measured {
    fn tell(&self, table: &mut Table) {
        let name = "raw loop, one commit per order";
        table.add(Row::rate(name, &self.single, None, Goal::None));
        let name = "raw group commit, same size of group";
        table.add(Row::rate(name, &self.grouped, None, Goal::None));
        let name = format!("journal alone, {MANY} submitters");
        let floor = Some(("raw group", &self.grouped));
        table.add(Row::rate(name, &self.alone, floor, Goal::AtLeast(0.7)));
        for ((clients, ratio, millis), series) in CLIENTS.iter().zip(&self.http) {
            let name = format!(
                "HTTP API, {clients} client{}",
                if *clients == 1 { "" } else { "s" }
            );
            let goal = ratio.map_or(Goal::None, Goal::AtLeast);
            let floor = Some(("raw loop", &self.single));
            table.add(Row::rate(name.clone(), series, floor, goal));
            table.add(Row::p99(name, series, Duration::from_millis(*millis)));
        }
    }
}

/// The folder of a measurement, new.
fn fresh(folder: &std::path::Path) -> anyhow::Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder)?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("{} can't be made", folder.display()))
}
