//! Pricing: from cart and menu to amounts that always add up.
//!
//! Tax is worked out once per rate over the whole order, half away from zero, and shared among the
//! lines of that rate by largest remainder (ties to the earlier line), so that the parts sum to the
//! total for any mix of rates: 28.90 at 22 % with 1.25 at 10 %, inclusive, is 30.15.

use serde::{Deserialize, Serialize};

use crate::cart::{Cart, CartLine};
use crate::document::{At, Fault, Faults};
use crate::menu::{Item, Menu, OptionGroup};
use crate::money::{Currency, Rate, TOTAL_LIMIT};
use crate::text::Text;

/// A priced line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The item's identity.
    pub item: String,
    /// What it was called when it was ordered, in every language of the menu.
    pub name: Text,
    /// How many.
    pub quantity: u32,
    /// One item with its options, in minor units.
    pub unit_price: i64,
    /// The options of each one.
    #[serde(default)]
    pub options: Vec<LineOption>,
    /// What the kitchen should know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// `unit_price` × `quantity`.
    pub total: i64,
    /// The rate that applies.
    pub tax_rate: Rate,
    /// Whether `total` holds the tax already.
    #[serde(default = "yes")]
    pub tax_inclusive: bool,
    /// The line's share of the tax.
    pub tax: i64,
    /// Which kitchen station makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
}

/// A chosen option of a priced line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineOption {
    /// The group's identity.
    pub group: String,
    /// The option's identity inside the group.
    pub option: String,
    /// What it was called when it was ordered.
    pub name: Text,
    /// How many for one item.
    pub quantity: u32,
    /// What one adds, in minor units.
    pub price: i64,
}

/// A priced cart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// The menu it was priced by.
    pub menu_version: String,
    /// What all amounts are in.
    pub currency: Currency,
    /// The lines in the order of the cart.
    pub lines: Vec<Line>,
    /// What remains without tax.
    pub subtotal: i64,
    /// All tax, inside or on top.
    pub tax: i64,
    /// What is to be paid: always `subtotal` + `tax`.
    pub total: i64,
}

/// Why a cart can't be priced by the menu in force.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The cart itself is wrong.
    #[error("the order is not valid: {}", list(.0))]
    Invalid(Vec<Fault>),
    /// The cart names what the menu doesn't hold any more.
    #[error("the menu has changed: {}", list(.0))]
    MenuChanged(Vec<Fault>),
}

fn list(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

fn yes() -> bool {
    true
}

/// Prices a cart by a menu.
///
/// # Errors
/// [`Refusal::MenuChanged`] if an item, group or option is not on the menu (any more), else
/// [`Refusal::Invalid`] if a choice breaks a group's minimum or maximum, names an option twice, or
/// the total reaches 10^12 minor units.
pub fn price(menu: &Menu, cart: &Cart) -> Result<Quote, Refusal> {
    let mut gone = Faults::default();
    let mut invalid = Faults::default();
    let root = At::Root;
    let at = root.key("lines");
    let mut lines = Vec::with_capacity(cart.lines.len());
    for (index, line) in cart.lines.iter().enumerate() {
        lines.extend(priced_line(
            menu,
            line,
            &at.index(index),
            &mut gone,
            &mut invalid,
        ));
    }
    if !gone.is_empty() {
        return Err(Refusal::MenuChanged(gone.into_vec()));
    }
    if !invalid.is_empty() {
        return Err(Refusal::Invalid(invalid.into_vec()));
    }
    let tax = share_taxes(&mut lines);
    let lines_total: i64 = lines.iter().map(|line| line.total).sum();
    let on_top: i64 = lines
        .iter()
        .filter(|line| !line.tax_inclusive)
        .map(|line| line.tax)
        .sum();
    let total = lines_total + on_top;
    if total >= TOTAL_LIMIT {
        invalid.add(
            &at,
            format!("add up to {total}; a total must stay below {TOTAL_LIMIT}"),
        );
        return Err(Refusal::Invalid(invalid.into_vec()));
    }
    Ok(Quote {
        menu_version: menu.version().to_owned(),
        currency: menu.currency,
        lines,
        subtotal: total - tax,
        tax,
        total,
    })
}

fn priced_line(
    menu: &Menu,
    line: &CartLine,
    at: &At<'_>,
    gone: &mut Faults,
    invalid: &mut Faults,
) -> Option<Line> {
    let Some(item) = menu.item(&line.item) else {
        gone.add(
            &at.key("item"),
            format!("{:?} is not on the menu", clipped(&line.item)),
        );
        return None;
    };
    let options = priced_options(menu, item, line, &at.key("options"), gone, invalid)?;
    let extras: i64 = options
        .iter()
        .map(|option| option.price * i64::from(option.quantity))
        .sum();
    let unit_price = item.price + extras;
    let tax = menu.tax_of(item)?;
    Some(Line {
        item: item.id.clone(),
        name: item.name.clone(),
        quantity: line.quantity,
        unit_price,
        options,
        note: line.note.clone(),
        total: unit_price * i64::from(line.quantity),
        tax_rate: tax.rate,
        tax_inclusive: tax.inclusive,
        tax: 0,
        station: item.station.clone(),
    })
}

fn priced_options(
    menu: &Menu,
    item: &Item,
    line: &CartLine,
    at: &At<'_>,
    gone: &mut Faults,
    invalid: &mut Faults,
) -> Option<Vec<LineOption>> {
    let mut priced = Vec::with_capacity(line.options.len());
    let mut right = true;
    for (index, chosen) in line.options.iter().enumerate() {
        let at = at.index(index);
        let offered = item.option_groups.contains(&chosen.group);
        let Some(group) = menu.group(&chosen.group).filter(|_| offered) else {
            let detail = format!(
                "{:?} is not offered with {:?}",
                clipped(&chosen.group),
                item.id
            );
            gone.add(&at.key("group"), detail);
            right = false;
            continue;
        };
        let Some(option) = group.option(&chosen.option) else {
            let detail = format!(
                "{:?} is not offered in {:?}",
                clipped(&chosen.option),
                group.id
            );
            gone.add(&at.key("option"), detail);
            right = false;
            continue;
        };
        let twice = priced
            .iter()
            .any(|p: &LineOption| p.group == chosen.group && p.option == chosen.option);
        if twice {
            invalid.add(&at, "names an option twice; give it a quantity instead");
            right = false;
        }
        priced.push(LineOption {
            group: group.id.clone(),
            option: option.id.clone(),
            name: option.name.clone(),
            quantity: chosen.quantity,
            price: option.price,
        });
    }
    for group in menu.groups_of(item) {
        right &= count_fits(group, &priced, at, invalid);
    }
    right.then_some(priced)
}

fn count_fits(
    group: &OptionGroup,
    chosen: &[LineOption],
    at: &At<'_>,
    faults: &mut Faults,
) -> bool {
    let of_group = chosen.iter().filter(|option| option.group == group.id);
    let count: u32 = of_group.map(|option| option.quantity).sum();
    if (group.min..=group.max).contains(&count) {
        return true;
    }
    let wanted = match (group.min, group.max) {
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

/// Works the tax out per rate, shares it among the lines and gives the sum.
fn share_taxes(lines: &mut [Line]) -> i64 {
    let mut groups: Vec<(Rate, bool)> = Vec::new();
    for line in lines.iter() {
        let key = (line.tax_rate, line.tax_inclusive);
        if !groups.contains(&key) {
            groups.push(key);
        }
    }
    let mut sum = 0;
    for (rate, inclusive) in groups {
        let members: Vec<usize> = lines
            .iter()
            .enumerate()
            .filter(|(_, line)| (line.tax_rate, line.tax_inclusive) == (rate, inclusive))
            .map(|(index, _)| index)
            .collect();
        let weights: Vec<i64> = members
            .iter()
            .filter_map(|i| lines.get(*i))
            .map(|l| l.total)
            .collect();
        let base: i64 = weights.iter().sum();
        let tax = if inclusive {
            rate.within(base)
        } else {
            rate.on_top(base)
        };
        for (index, share) in members.into_iter().zip(largest_remainder(tax, &weights)) {
            if let Some(line) = lines.get_mut(index) {
                line.tax = share;
            }
        }
        sum += tax;
    }
    sum
}

/// Splits `amount` in proportion to `weights`, none negative, so that the shares sum to it.
#[must_use]
pub fn largest_remainder(amount: i64, weights: &[i64]) -> Vec<i64> {
    let sum: i128 = weights.iter().map(|weight| i128::from(*weight)).sum();
    if sum == 0 {
        return vec![0; weights.len()];
    }
    let exact = |weight: &i64| i128::from(amount) * i128::from(*weight);
    let mut shares: Vec<i64> = weights
        .iter()
        .map(|weight| i64::try_from(exact(weight).div_euclid(sum)).unwrap_or(0))
        .collect();
    let mut by_remainder: Vec<usize> = (0..weights.len()).collect();
    // A stable sort keeps the earlier line first among equal remainders.
    by_remainder.sort_by_key(|index| {
        std::cmp::Reverse(
            weights
                .get(*index)
                .map_or(0, |weight| exact(weight).rem_euclid(sum)),
        )
    });
    let missing = amount - shares.iter().sum::<i64>();
    let missing = usize::try_from(missing).unwrap_or(0);
    for index in by_remainder.into_iter().take(missing) {
        if let Some(share) = shares.get_mut(index) {
            *share += 1;
        }
    }
    shares
}

fn clipped(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests;
