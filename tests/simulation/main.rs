//! Simulated stores: a few long seeds of `lab simulate` and a thousand short ones, and the proof that
//! its checks bite.
//!
//! `LAB_SEED=…` runs that seed in the place of the usual ones; thousands of them run by
//! `lab simulate --seeds 2000`.

mod bites;
mod named;
mod steps;

use lab::simulation::{Setup, run, shrunk};

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

/// A thousand short seeds, in parts that run side by side.
const SHORT: u64 = 128;

fn short_seeds_are_kept(part: u64) {
    let first = 1_000 + part * SHORT;
    for seed in first..first + SHORT {
        if let Err(failure) = run(Setup::short(seed)) {
            panic!("{}", shrunk(failure));
        }
    }
}

macro_rules! parts {
    ($($fact:ident: $part:literal,)*) => {
        $(#[test]
        fn $fact() {
            short_seeds_are_kept($part);
        })*
    };
}

parts! {
    whatever_fails_in_a_short_run_first_part: 0,
    whatever_fails_in_a_short_run_second_part: 1,
    whatever_fails_in_a_short_run_third_part: 2,
    whatever_fails_in_a_short_run_fourth_part: 3,
    whatever_fails_in_a_short_run_fifth_part: 4,
    whatever_fails_in_a_short_run_sixth_part: 5,
    whatever_fails_in_a_short_run_seventh_part: 6,
    whatever_fails_in_a_short_run_eighth_part: 7,
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
