//! Option groups that open others: how deep, never in a circle, and never below a price of nothing.

use std::collections::HashMap;

use super::Reading;
use crate::document::At;
use crate::menu::{Choice, Item, NESTING_LIMIT, OptionGroup};

/// Something known of each group, by its identity.
pub(super) type ByGroup<'a, T> = HashMap<&'a str, T>;

impl Reading {
    /// Faults every group that leads too deep, which one that leads back to itself does as well.
    pub(super) fn check_nesting(&mut self, groups: &[OptionGroup]) {
        let depths = depths(groups);
        let root = At::Root;
        let lists = root.key("option_groups");
        for (index, group) in groups.iter().enumerate() {
            if depths.get(group.id.as_str()) > Some(&NESTING_LIMIT) {
                let detail = format!(
                    "opens groups that open others more than {NESTING_LIMIT} deep, or in a circle"
                );
                self.faults.add(&lists.index(index), detail);
            }
        }
    }

    /// No choice of options may make an item cost less than nothing.
    pub(super) fn check_prices(&mut self, items: &[Item], least: &ByGroup<'_, i64>) {
        for (index, item) in items.iter().enumerate() {
            let least = item.price.saturating_add(least_extra(least, item));
            if least < 0 {
                let items = At::Root.key("items");
                let at = items.index(index);
                let detail = format!("can cost {least} with its options; must stay at 0 or more");
                self.faults.add(&at.key("price"), detail);
            }
        }
    }
}

/// How many groups lie above one another from each on, told up to one more than is allowed.
fn depths(groups: &[OptionGroup]) -> ByGroup<'_, usize> {
    let mut known = ByGroup::new();
    for _ in 0..=NESTING_LIMIT {
        let deeper = |group: &OptionGroup| {
            let opened = group
                .options
                .iter()
                .flat_map(|option| &option.option_groups);
            let below = opened.filter_map(|id| known.get(id.as_str())).max();
            1 + below.copied().unwrap_or(0)
        };
        known = groups
            .iter()
            .map(|group| (group.id.as_str(), deeper(group)))
            .collect();
    }
    known
}

/// The least that the options of each group add, with all they open; 0 or less.
pub(super) fn least_extras(groups: &[OptionGroup]) -> ByGroup<'_, i64> {
    let mut known = ByGroup::new();
    for _ in 0..NESTING_LIMIT {
        let with_opened = |option: &Choice| {
            let opened = option.option_groups.iter();
            opened
                .filter_map(|id| known.get(id.as_str()).copied())
                .fold(option.price, i64::saturating_add)
        };
        let least = |group: &OptionGroup| {
            let each = group.options.iter().map(with_opened).min();
            each.unwrap_or(0)
                .min(0)
                .saturating_mul(i64::from(group.max))
        };
        known = groups
            .iter()
            .map(|group| (group.id.as_str(), least(group)))
            .collect();
    }
    known
}

/// The least that the options of an item add; 0 or less.
pub(super) fn least_extra(least: &ByGroup<'_, i64>, item: &Item) -> i64 {
    let asked = item.option_groups.iter();
    asked
        .filter_map(|id| least.get(id.as_str()).copied())
        .fold(0, i64::saturating_add)
}
