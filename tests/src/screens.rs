//! `lab screens`: every screen of a kiosk in every language, layout and mode, looked at by axe-core and
//! by a few rules of our own, with a picture of each.
//!
//! Without `--all` every two of screen, language, layout and mode come together at least once. What
//! axe can't decide counts as wrong unless `screens/explained.json` says why it is right.

mod diner;
mod eye;
mod fixture;
mod shape;
mod staff;
mod visit;

use std::path::PathBuf;

use anyhow::{Context, ensure};

pub use self::eye::CUT;
use self::eye::Eye;
use self::fixture::Fixture;
use self::shape::{DINER_MODES, Plan, STAFF_MODES};
use self::visit::Visit;
use crate::browser::Browser;
use crate::process::Lab;

/// What a finger needs, in pixels: diners', and the staff's.
const DINERS: u32 = 64;
const STAFF: u32 = 44;

/// What `lab screens` is told.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Options {
    /// Look at every screen in every language, layout and mode, not only at every pair of these
    #[arg(long)]
    all: bool,
    /// Folder for a picture of each
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// Only the screens whose names begin so
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

/// Which of the screens somebody looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whose {
    /// The diner's.
    Diners,
    /// Those of kitchen, board and manager.
    Staff,
}

/// Looks at all screens and prints what is wrong with them.
///
/// # Errors
/// If anything is, or a tool is missing.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let lab = Lab::own()?;
    runtime.block_on(look(&lab, options, &[Whose::Diners, Whose::Staff]))
}

/// As [`run`], in a runtime that is there already, for some of the screens.
///
/// # Errors
/// As [`run`].
pub async fn look(lab: &Lab, options: &Options, whose: &[Whose]) -> anyhow::Result<()> {
    let mut eye = Eye::open(options.out.as_deref())?;
    let store = Fixture::open(lab).await?;
    let browser = Browser::open(lab, store.folder()).await?;
    let walked = walk_all(&browser, &store, &mut eye, options, whose).await;
    let walked = browser.close_after(walked).await;
    print!("{}", eye.report());
    walked?;
    store.close().await?;
    println!("{} looks, {} things to mend", eye.looks(), eye.findings());
    ensure!(eye.findings() == 0, "screens have faults");
    if options.all && options.only.is_none() && whose.len() > 1 {
        let idle = eye.idle();
        ensure!(idle.is_empty(), "explained, but not there: {idle:?}");
    }
    Ok(())
}

async fn walk_all(
    browser: &Browser,
    store: &Fixture,
    eye: &mut Eye,
    options: &Options,
    whose: &[Whose],
) -> anyhow::Result<()> {
    for whose in whose {
        for (shape, wanted) in plan(options, *whose) {
            let (width, height) = shape.layout;
            browser.size(width, height).await?;
            let mut visit = Visit {
                browser,
                store,
                eye,
                shape,
                wanted,
                least: match whose {
                    Whose::Diners => DINERS,
                    Whose::Staff => STAFF,
                },
            };
            walk(&mut visit, *whose)
                .await
                .with_context(|| format!("{whose:?} {shape}"))?;
            let missed = visit.wanted;
            ensure!(missed.is_empty(), "{shape}: never came by {missed:?}");
        }
    }
    Ok(())
}

async fn walk(visit: &mut Visit<'_>, whose: Whose) -> anyhow::Result<()> {
    match whose {
        Whose::Diners => diner::walk(visit).await,
        Whose::Staff => staff::walk(visit).await,
    }
}

fn plan(options: &Options, whose: Whose) -> Plan {
    let (screens, modes) = match whose {
        Whose::Diners => (&diner::SCREENS[..], &DINER_MODES[..]),
        Whose::Staff => (&staff::SCREENS[..], &STAFF_MODES[..]),
    };
    let mut plan = match options.all {
        true => shape::all(screens, modes),
        false => shape::pairwise(screens, modes),
    };
    if let Some(start) = &options.only {
        for wanted in plan.values_mut() {
            wanted.retain(|screen| screen.starts_with(start));
        }
        plan.retain(|_, wanted| !wanted.is_empty());
    }
    plan
}
