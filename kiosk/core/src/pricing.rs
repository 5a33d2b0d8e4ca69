//! Pricing: from cart and menu to amounts that always add up.
//!
//! First the lines, then what promotions take off ([`crate::promotion`] has the order), then tax.
//! Tax is worked out once per rate over the whole order, half away from zero, and shared among the
//! lines of that rate by largest remainder (ties to the earlier line), so that the parts sum to the
//! total for any mix of rates: 28.90 at 22 % with 1.25 at 10 %, inclusive, is 30.15.

mod combo;
mod options;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use self::options::Found;
use crate::cart::{Cart, CartLine};
use crate::daypart::{Dayparts, Hours};
use crate::document::{At, Fault, Faults};
use crate::menu::{Item, Menu};
use crate::money::{Currency, Rate, TOTAL_LIMIT};
use crate::promotion::{Discount, Occasion, discount};
use crate::text::Text;
use crate::wall::WallTime;

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
    /// What promotions take off `total`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub discount: i64,
    /// The rate that applies.
    pub tax_rate: Rate,
    /// Whether what is left of `total` holds the tax already.
    #[serde(default = "yes")]
    pub tax_inclusive: bool,
    /// The line's share of the tax.
    pub tax: i64,
    /// Which kitchen station makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// What an allergic diner must know of it, its options included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allergens: Vec<String>,
    /// The combo that it is a part of; `unit_price` is then its share of the combo's price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combo: Option<InCombo>,
}

/// The combo that a line is a part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InCombo {
    /// The combo's identity.
    pub id: String,
    /// What it was called when it was ordered.
    pub name: Text,
    /// The part that the line fills.
    pub part: String,
    /// Which of the order's combos it belongs to: 1, 2, 3 …
    pub set: u32,
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
    /// What it comes to: always `subtotal` + `tax`.
    pub total: i64,
    /// What promotions took off, in the order in which they did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub discounts: Vec<Discount>,
    /// What is given on top of `total`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tip: i64,
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
    /// The cart names what is on the menu at other times.
    #[error("not served now: {}", list(.0))]
    NotNow(Vec<Fault>),
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

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
pub(crate) fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

impl Quote {
    /// What is to be paid: `total` and `tip`.
    #[must_use]
    pub fn to_pay(&self) -> i64 {
        self.total + self.tip
    }
}

/// What lines take from stock, each item and each combo once however many lines name it.
#[must_use]
pub fn taken(lines: &[Line]) -> BTreeMap<&str, u32> {
    let mut taken: BTreeMap<&str, u32> = BTreeMap::new();
    let mut sets = Vec::new();
    for line in lines {
        let mut take = |id, quantity| {
            let sum = taken.entry(id).or_default();
            *sum = u32::saturating_add(*sum, quantity);
        };
        take(line.item.as_str(), line.quantity);
        if let Some(combo) = &line.combo
            && !sets.contains(&combo.set)
        {
            sets.push(combo.set);
            take(&combo.id, line.quantity);
        }
    }
    taken
}

/// Prices a cart by a menu, at a time: dayparts and promotions go by the store's own clock.
///
/// # Errors
/// [`Refusal::MenuChanged`] if an item, group or option is not on the menu (any more), else
/// [`Refusal::NotNow`] if an item's daypart is over or yet to come, else [`Refusal::Invalid`] if a
/// choice breaks a group's minimum or maximum, names an option twice, the coupon takes nothing off,
/// the tip is not offered, or the total reaches 10^12 minor units.
pub fn price(menu: &Menu, cart: &Cart, at: WallTime) -> Result<Quote, Refusal> {
    let now = menu.running(at);
    let mut lines = priced_lines(menu, cart, now)?;
    let occasion = Occasion {
        date: menu.local(at).date(),
        dayparts: now,
        service: cart.service,
        coupon: cart.coupon.as_deref(),
    };
    let root = At::Root;
    let discounts = discount(&menu.promotions, &occasion, &mut lines)
        .map_err(|error| invalid(&root.key("coupon"), &error))?;
    let tax = share_taxes(&mut lines);
    let payable: i64 = lines.iter().map(Line::payable).sum();
    let tip = cart.tip.map(|tip| tip.of(payable, menu.tips.as_ref()));
    let tip = tip
        .transpose()
        .map_err(|error| invalid(&root.key("tip"), &error))?
        .unwrap_or(0);
    if payable + tip >= TOTAL_LIMIT {
        let detail = format!("add up to {payable}; a total must stay below {TOTAL_LIMIT}");
        return Err(invalid(&root.key("lines"), &detail));
    }
    Ok(Quote {
        menu_version: menu.version().to_owned(),
        currency: menu.currency,
        lines,
        subtotal: payable - tax,
        tax,
        total: payable,
        discounts,
        tip,
    })
}

fn invalid(at: &At<'_>, detail: &impl ToString) -> Refusal {
    let mut faults = Faults::default();
    faults.add(at, detail.to_string());
    Refusal::Invalid(faults.into_vec())
}

fn priced_lines(menu: &Menu, cart: &Cart, now: Dayparts) -> Result<Vec<Line>, Refusal> {
    let mut found = Found::default();
    let root = At::Root;
    let at = root.key("lines");
    let mut lines = Vec::with_capacity(cart.lines.len());
    let mut sets = 0;
    for (index, line) in cart.lines.iter().enumerate() {
        let at = at.index(index);
        if let Some(combo) = menu.combo(&line.item) {
            sets += 1;
            let parts = combo::priced(menu, combo, sets, line, now, &at, &mut found);
            lines.extend(parts.unwrap_or_default());
        } else {
            lines.extend(priced_line(menu, line, now, &at, &mut found));
        }
    }
    let Found {
        gone,
        not_now,
        invalid,
    } = found;
    if !gone.is_empty() {
        return Err(Refusal::MenuChanged(gone.into_vec()));
    }
    if !not_now.is_empty() {
        return Err(Refusal::NotNow(not_now.into_vec()));
    }
    if !invalid.is_empty() {
        return Err(Refusal::Invalid(invalid.into_vec()));
    }
    Ok(lines)
}

fn priced_line(
    menu: &Menu,
    line: &CartLine,
    now: Dayparts,
    at: &At<'_>,
    found: &mut Found,
) -> Option<Line> {
    let Some(item) = menu.item(&line.item) else {
        found.gone.add(
            &at.key("item"),
            format!("{:?} is not on the menu", clipped(&line.item)),
        );
        return None;
    };
    served(menu, &item.id, item.hours, now, &at.key("item"), found);
    if !line.parts.is_empty() {
        let detail = format!("{:?} is no combo and has no parts", item.id);
        found.invalid.add(&at.key("parts"), detail);
    }
    let options = options::priced(menu, item, &line.options, &at.key("options"), found)?;
    let unit_price = item.price + extras(&options);
    let tax = menu.tax_of(item)?;
    Some(Line {
        item: item.id.clone(),
        name: item.name.clone(),
        quantity: line.quantity,
        unit_price,
        allergens: allergens_of(menu, item, &options),
        options,
        note: line.note.clone(),
        total: unit_price * i64::from(line.quantity),
        discount: 0,
        tax_rate: tax.rate,
        tax_inclusive: tax.inclusive,
        tax: 0,
        station: item.station.clone(),
        combo: None,
    })
}

/// Notes what is served at other times, and at which.
fn served(menu: &Menu, id: &str, hours: Hours, now: Dayparts, at: &At<'_>, found: &mut Found) {
    let Some(limit) = hours.unmet(now) else {
        return;
    };
    let hours: Vec<String> = menu.named(limit).map(|part| part.hours()).collect();
    let detail = format!("{id:?} is served {} only", hours.join(" and "));
    found.not_now.add(at, detail);
}

fn extras(options: &[LineOption]) -> i64 {
    options
        .iter()
        .map(|option| option.price * i64::from(option.quantity))
        .sum()
}

/// What an item and its options hold, each once, in the order in which they are told.
fn allergens_of(menu: &Menu, item: &Item, options: &[LineOption]) -> Vec<String> {
    let mut all = item.allergens.clone();
    for line in options {
        let option = menu
            .group(&line.group)
            .and_then(|of| of.option(&line.option));
        for allergen in option.map_or(&[][..], |option| &option.allergens) {
            if !all.contains(allergen) {
                all.push(allergen.clone());
            }
        }
    }
    all
}

impl Line {
    /// What is taxed: `total` less what promotions take off.
    #[must_use]
    pub fn discounted(&self) -> i64 {
        self.total - self.discount
    }

    /// What it comes to, tax included.
    #[must_use]
    pub fn payable(&self) -> i64 {
        self.discounted() + if self.tax_inclusive { 0 } else { self.tax }
    }
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
            .map(Line::discounted)
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
