//! Stock: what is unlimited, counted or sold out.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What is known of one item's stock today.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// Whether a manager lets it be sold.
    pub available: bool,
    /// How many are left; none when it is not counted.
    pub left: Option<u32>,
}

/// An item of which less is left than was asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// The item's identity.
    pub item: String,
    /// How many are left.
    pub left: u32,
}

impl Level {
    /// Sold without a count.
    pub const UNLIMITED: Level = Level {
        available: true,
        left: None,
    };

    /// Counted from `left`, or unlimited.
    #[must_use]
    pub fn starting_with(left: Option<u32>) -> Self {
        Self {
            available: true,
            left,
        }
    }

    /// Whether at least one can be sold.
    #[must_use]
    pub fn sells(self) -> bool {
        self.available && self.left != Some(0)
    }
}

/// How many of each item some lines ask for, each item once however many lines it stands in.
pub fn wanted<'a>(lines: impl IntoIterator<Item = (&'a str, u32)>) -> BTreeMap<&'a str, u32> {
    let mut wanted = BTreeMap::new();
    for (item, quantity) in lines {
        let sum = wanted.entry(item).or_insert(0_u32);
        *sum = sum.saturating_add(quantity);
    }
    wanted
}

/// Takes all that is wanted, or nothing. Gives the new levels of the counted items among it.
///
/// # Errors
/// Every item of which there is too little.
pub fn reserve<'a>(
    wanted: &BTreeMap<&'a str, u32>,
    level: impl Fn(&str) -> Level,
) -> Result<Vec<(&'a str, Level)>, Vec<Shortage>> {
    let mut reserved = Vec::new();
    let mut short = Vec::new();
    for (item, quantity) in wanted {
        let now = level(item);
        match (now.available, now.left) {
            (false, _) => short.push(Shortage {
                item: (*item).to_owned(),
                left: 0,
            }),
            (true, None) => {}
            (true, Some(left)) if left >= *quantity => {
                reserved.push((
                    *item,
                    Level {
                        available: true,
                        left: Some(left - quantity),
                    },
                ));
            }
            (true, Some(left)) => short.push(Shortage {
                item: (*item).to_owned(),
                left,
            }),
        }
    }
    if short.is_empty() {
        Ok(reserved)
    } else {
        Err(short)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(item: &str) -> Level {
        match item {
            "egg" => Level::starting_with(Some(3)),
            "crab" => Level {
                available: false,
                left: Some(9),
            },
            _ => Level::UNLIMITED,
        }
    }

    #[test]
    fn the_same_item_in_two_lines_counts_together() {
        let wanted = wanted([("egg", 2), ("tea", 1), ("egg", 2)]);
        let short = reserve(&wanted, level).unwrap_err();
        assert_eq!(
            short,
            [Shortage {
                item: "egg".to_owned(),
                left: 3
            }]
        );
    }

    #[test]
    fn all_is_reserved_or_nothing() {
        let short = reserve(&wanted([("egg", 1), ("crab", 1)]), level).unwrap_err();
        assert_eq!(
            short,
            [Shortage {
                item: "crab".to_owned(),
                left: 0
            }]
        );
        let taken = reserve(&wanted([("egg", 3), ("tea", 50)]), level).unwrap();
        assert_eq!(taken, [("egg", Level::starting_with(Some(0)))]);
        assert!(!taken[0].1.sells());
    }
}
