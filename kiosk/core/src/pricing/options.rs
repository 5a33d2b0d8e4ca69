//! The chosen options of one item: whether each is offered here, and how many of each group.
//!
//! A group is asked once by the item, and once more for each chosen option that opens it; its
//! minimum and maximum count that often. So two scoops that each ask for a topping ask for two.

use crate::cart::CartOption;
use crate::document::{At, Faults};
use crate::menu::{Item, Menu, OptionGroup};

use super::{LineOption, clipped};

/// What is wrong with a cart, apart: what is gone needs another look at the menu.
#[derive(Default)]
pub(super) struct Found {
    pub(super) gone: Faults,
    pub(super) not_now: Faults,
    pub(super) invalid: Faults,
}

pub(super) fn priced(
    menu: &Menu,
    item: &Item,
    chosen: &[CartOption],
    at: &At<'_>,
    found: &mut Found,
) -> Option<Vec<LineOption>> {
    let mut priced: Vec<LineOption> = Vec::with_capacity(chosen.len());
    let mut right = true;
    for (index, option) in chosen.iter().enumerate() {
        let at = at.index(index);
        let Some(line) = one(menu, item, option, &at, found) else {
            right = false;
            continue;
        };
        let twice = |p: &LineOption| p.group == line.group && p.option == line.option;
        if priced.iter().any(twice) {
            let detail = "names an option twice; give it a quantity instead";
            found.invalid.add(&at, detail);
            right = false;
        }
        priced.push(line);
    }
    for (index, option) in chosen.iter().enumerate() {
        if right && times(menu, item, &option.group, &priced) == 0 {
            let at = at.index(index);
            let detail = format!(
                "{:?} is asked only with an option that was not chosen",
                clipped(&option.group)
            );
            found.invalid.add(&at.key("group"), detail);
            right = false;
        }
    }
    for group in asked(menu, item, &priced) {
        right &= count_fits(menu, item, group, &priced, at, &mut found.invalid);
    }
    right.then_some(priced)
}

fn one(
    menu: &Menu,
    item: &Item,
    chosen: &CartOption,
    at: &At<'_>,
    found: &mut Found,
) -> Option<LineOption> {
    let offered = menu.asks(item, &chosen.group);
    let Some(group) = menu.group(&chosen.group).filter(|_| offered) else {
        let detail = format!(
            "{:?} is not offered with {:?}",
            clipped(&chosen.group),
            item.id
        );
        found.gone.add(&at.key("group"), detail);
        return None;
    };
    let Some(option) = group.option(&chosen.option) else {
        let detail = format!(
            "{:?} is not offered in {:?}",
            clipped(&chosen.option),
            group.id
        );
        found.gone.add(&at.key("option"), detail);
        return None;
    };
    Some(LineOption {
        group: group.id.clone(),
        option: option.id.clone(),
        name: option.name.clone(),
        quantity: chosen.quantity,
        price: option.price,
    })
}

/// How often a group is asked.
fn times(menu: &Menu, item: &Item, group: &str, chosen: &[LineOption]) -> u32 {
    let opened = chosen.iter().filter(|line| {
        let option = menu
            .group(&line.group)
            .and_then(|of| of.option(&line.option));
        option.is_some_and(|option| option.option_groups.iter().any(|id| id == group))
    });
    let own = u32::from(item.option_groups.iter().any(|id| id == group));
    opened.fold(own, |sum, line| sum.saturating_add(line.quantity))
}

/// The groups of the item and those that the chosen options open, each once.
fn asked<'m>(menu: &'m Menu, item: &'m Item, chosen: &[LineOption]) -> Vec<&'m OptionGroup> {
    let mut groups: Vec<&OptionGroup> = menu.groups_of(item).collect();
    for line in chosen {
        let option = menu
            .group(&line.group)
            .and_then(|of| of.option(&line.option));
        let opened = option.map_or(&[][..], |option| &option.option_groups);
        for group in opened.iter().filter_map(|id| menu.group(id)) {
            if !groups.iter().any(|known| known.id == group.id) {
                groups.push(group);
            }
        }
    }
    groups
}

fn count_fits(
    menu: &Menu,
    item: &Item,
    group: &OptionGroup,
    chosen: &[LineOption],
    at: &At<'_>,
    faults: &mut Faults,
) -> bool {
    let of_group = chosen.iter().filter(|option| option.group == group.id);
    let count: u32 = of_group.map(|option| option.quantity).sum();
    let times = times(menu, item, &group.id, chosen);
    let (min, max) = (
        group.min.saturating_mul(times),
        group.max.saturating_mul(times),
    );
    if (min..=max).contains(&count) {
        return true;
    }
    let wanted = match (min, max) {
        (min, max) if min == max => format!("exactly {min}"),
        (0, max) => format!("at most {max}"),
        (min, max) => format!("{min} to {max}"),
    };
    faults.add(
        at,
        format!("must choose {wanted} of {:?}, not {count}", group.id),
    );
    false
}
