//! In which language, size and mode a screen is looked at, and which of these are enough.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The languages of the screens that ship.
pub(super) const LANGUAGES: [&str; 2] = ["en", "zh-Hans"];
/// Upright, lying, and the small old screen of a manager's tablet.
pub(super) const LAYOUTS: [(u32, u32); 3] = [(1080, 1920), (1920, 1080), (1024, 768)];
/// What a diner can turn on, each alone and all at once.
pub(super) const DINER_MODES: [&[&str]; 5] = [
    &[],
    &["large"],
    &["contrast"],
    &["low"],
    &["large", "contrast", "low"],
];
/// The staff's screens have one look.
pub(super) const STAFF_MODES: [&[&str]; 1] = [&[]];

/// One way to look at a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Shape {
    pub(super) language: &'static str,
    pub(super) layout: (u32, u32),
    pub(super) modes: &'static [&'static str],
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (width, height) = self.layout;
        write!(out, "{}.{width}x{height}", self.language)?;
        self.modes
            .iter()
            .try_for_each(|mode| write!(out, ".{mode}"))
    }
}

/// Which screens are looked at in which shape.
pub(super) type Plan = BTreeMap<Shape, BTreeSet<&'static str>>;

/// Every screen in every shape.
pub(super) fn all(screens: &[&'static str], modes: &[&'static [&'static str]]) -> Plan {
    let mut plan = Plan::new();
    for language in LANGUAGES {
        for layout in LAYOUTS {
            for &modes in modes {
                let shape = Shape {
                    language,
                    layout,
                    modes,
                };
                plan.insert(shape, screens.iter().copied().collect());
            }
        }
    }
    plan
}

/// Every two of screen, language, layout and mode together at least once.
pub(super) fn pairwise(screens: &[&'static str], modes: &[&'static [&'static str]]) -> Plan {
    let mut plan = Plan::new();
    let turns = modes.len().max(LAYOUTS.len());
    for (at, &screen) in screens.iter().enumerate() {
        for turn in 0..turns {
            let shape = Shape {
                language: LANGUAGES[(at / LAYOUTS.len() + turn) % LANGUAGES.len()],
                layout: LAYOUTS[(at + turn) % LAYOUTS.len()],
                modes: modes[turn % modes.len()],
            };
            plan.entry(shape).or_default().insert(screen);
        }
    }
    plan
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCREENS: [&str; 7] = ["a", "b", "c", "d", "e", "f", "g"];

    /// Each pair of two properties that the looks of a plan have, as text.
    fn pairs(plan: &Plan) -> BTreeSet<(String, String)> {
        let mut pairs = BTreeSet::new();
        for (shape, screens) in plan {
            for screen in screens {
                let facts = [
                    format!("screen {screen}"),
                    shape.language.to_owned(),
                    format!("{:?}", shape.layout),
                    format!("{:?}", shape.modes),
                ];
                for (at, one) in facts.iter().enumerate() {
                    let others = facts[at + 1..].iter();
                    pairs.extend(others.map(|other| (one.clone(), other.clone())));
                }
            }
        }
        pairs
    }

    #[test]
    fn few_looks_show_every_pair_that_all_looks_show() {
        for modes in [&DINER_MODES[..], &STAFF_MODES[..]] {
            let (few, many) = (pairwise(&SCREENS, modes), all(&SCREENS, modes));
            assert_eq!(pairs(&few), pairs(&many));
            let looks = |plan: &Plan| plan.values().map(BTreeSet::len).sum::<usize>();
            assert!(looks(&few) * 2 <= looks(&many));
        }
    }
}
