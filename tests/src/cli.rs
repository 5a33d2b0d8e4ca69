//! The command line. Hidden commands make this binary a kiosk, a cloud-sync or a leash.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::process::{self, Role};
use crate::{bench, demo, pace, screens, simulation};

/// The store in a box: cloud, broker, kiosks, and switches that really cut.
#[derive(Debug, Parser)]
#[command(name = "lab", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a whole store on this machine, with a page to pull plugs on (what `lab` alone does too)
    #[command(after_help = "Examples:\n  lab demo\n  lab demo --port 7000\n  \
        lab demo --data-dir demo-data      keeps orders for the next time")]
    Demo(demo::Options),
    /// Measure the kiosk beside the same work done raw, in one run on one disk
    #[command(
        after_help = "Examples:\n  cargo build --release && target/release/lab bench\n  \
        lab bench --repeats 5 --seconds 5\n  lab bench --json --without-cloud"
    )]
    Bench(bench::Options),
    /// Let a fleet come back at once against one real cloud, and see what that costs the others
    #[command(
        after_help = "Examples:\n  lab pace\n  lab pace --kiosks 1000 --events 200 --within 5"
    )]
    Pace(pace::Options),
    /// Simulate stores and a cloud on one virtual clock with everything failing, seed after seed
    #[command(
        after_help = "Examples:\n  lab simulate --seeds 2000\n  lab simulate --minutes 60\n  \
        lab simulate --seed 42             repeats one seed and tells its last steps\n  \
        lab simulate --sabotage no-proof   has to fail"
    )]
    Simulate(simulation::command::Options),
    /// Look at the kiosk's screens in a real browser, with axe-core, and take a picture of each
    #[command(
        after_help = "Examples:\n  lab screens --out pictures\n  lab screens --all --out pictures\n  \
        lab screens --only kitchen --out pictures"
    )]
    Screens(screens::Options),
}

/// Runs one command line.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args: Vec<OsString> = args.into_iter().collect();
    if let Some(code) = hidden(&args) {
        return code;
    }
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    match cli
        .command
        .unwrap_or(Command::Demo(demo::Options::default()))
    {
        Command::Demo(options) => ended(demo::run(options)),
        Command::Bench(options) => ended(bench::run(&options)),
        Command::Pace(options) => ended(pace::run(&options)),
        Command::Simulate(options) => ended(simulation::command::simulate(&options)),
        Command::Screens(options) => ended(screens::run(&options)),
    }
}

/// What a child of the lab was started as.
fn hidden(args: &[OsString]) -> Option<ExitCode> {
    let (_, args) = args.split_first()?;
    let (first, rest) = args.split_first()?;
    let is = |role: Role| first == role.argument();
    if is(Role::Kiosk) {
        process::die_with_parent();
        Some(kiosk::cli::run(args.iter().cloned()))
    } else if is(Role::CloudSync) {
        process::die_with_parent();
        Some(cloud_sync(args))
    } else if first == "leash" {
        process::die_with_parent();
        Some(ended(Err(process::leash(rest))))
    } else {
        None
    }
}

fn cloud_sync(args: &[OsString]) -> ExitCode {
    match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime.block_on(cloud_sync::cli::run(args.iter().cloned())),
        Err(error) => ended(Err(error.into())),
    }
}

fn ended(result: anyhow::Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
