//! Simulated stores: a few seeds of `lab simulate`, and the proof that its checks bite.
//!
//! `LAB_SEED=…` runs that seed in the place of the usual ones; thousands of them run by
//! `lab simulate --seeds 2000`.

mod bites;
mod named;
mod steps;

use lab::simulation::{Setup, run};

/// Seeds of the usual run; every fourth is a world in which journals are pruned early.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=4;

fn kept(seed: u64) {
    if let Err(failure) = run(Setup::of_seed(seed)) {
        panic!("{failure}");
    }
}

#[test]
fn whatever_fails_the_promises_are_kept() {
    let told = std::env::var("LAB_SEED").ok();
    match told.and_then(|seed| seed.parse().ok()) {
        Some(seed) => kept(seed),
        None => SEEDS.for_each(kept),
    }
}

#[test]
fn a_seed_repeats_itself() {
    let setup = Setup {
        seconds: 100,
        ..Setup::of_seed(6)
    };
    let [first, second] = [setup; 2].map(|setup| run(setup).map_err(|failure| failure.to_string()));
    assert_eq!(first, second);
}
