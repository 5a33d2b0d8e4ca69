//! Combos: one price for several items, each of which stands in a line of its own.
//!
//! A line of its own keeps what belongs to an item: its station, its stock, its tax. The combo's
//! price is shared among them in proportion to what each would cost alone with its options, by
//! largest remainder, so that the lines of one combo come to exactly its price.

use crate::cart::CartLine;
use crate::combo::Combo;
use crate::daypart::Dayparts;
use crate::document::At;
use crate::menu::Menu;

use super::options::{self, Found};
use super::{InCombo, Line, LineOption, allergens_of, clipped, largest_remainder, served};

/// An item that fills a part.
struct Filled<'m> {
    part: &'m str,
    item: &'m crate::menu::Item,
    options: Vec<LineOption>,
    /// What it would cost alone, with its surcharge and options.
    alone: i64,
    /// What it adds to the combo's price.
    adds: i64,
}

pub(super) fn priced(
    menu: &Menu,
    combo: &Combo,
    set: u32,
    line: &CartLine,
    now: Dayparts,
    at: &At<'_>,
    found: &mut Found,
) -> Option<Vec<Line>> {
    served(menu, &combo.id, combo.hours, now, &at.key("item"), found);
    if !line.options.is_empty() {
        let detail = "belong to the parts of a combo, not to the combo itself";
        found.invalid.add(&at.key("options"), detail);
    }
    let at = at.key("parts");
    let mut right = known_parts(combo, line, &at, found);
    let mut filled = Vec::with_capacity(combo.parts.len());
    for part in &combo.parts {
        match fill(menu, part, line, now, &at, found) {
            Some(one) => filled.push(one),
            None => right = false,
        }
    }
    if !right {
        return None;
    }
    let price = filled.iter().map(|one| one.adds).sum::<i64>() + combo.price;
    let mut weights: Vec<i64> = filled.iter().map(|one| one.alone).collect();
    if weights.iter().all(|weight| *weight == 0) {
        weights.fill(1);
    }
    let shares = largest_remainder(price, &weights);
    let mut lines = Vec::with_capacity(filled.len());
    for (one, unit_price) in filled.into_iter().zip(shares) {
        let tax = menu.tax_of(one.item)?;
        lines.push(Line {
            item: one.item.id.clone(),
            name: one.item.name.clone(),
            quantity: line.quantity,
            unit_price,
            allergens: allergens_of(menu, one.item, &one.options),
            options: one.options,
            // What the kitchen should know is told once, with the first part.
            note: line.note.clone().filter(|_| lines.is_empty()),
            total: unit_price * i64::from(line.quantity),
            discount: 0,
            tax_rate: tax.rate,
            tax_inclusive: tax.inclusive,
            tax: 0,
            station: one.item.station.clone(),
            combo: Some(InCombo {
                id: combo.id.clone(),
                name: combo.name.clone(),
                part: one.part.to_owned(),
                set,
            }),
        });
    }
    Some(lines)
}

/// Whether every part that was named is one of the combo's, and none is named twice.
fn known_parts(combo: &Combo, line: &CartLine, at: &At<'_>, found: &mut Found) -> bool {
    let mut right = true;
    for (index, part) in line.parts.iter().enumerate() {
        let at = at.index(index);
        if combo.part(&part.part).is_none() {
            let detail = format!("{:?} is no part of {:?}", clipped(&part.part), combo.id);
            found.gone.add(&at.key("part"), detail);
            right = false;
        }
        let before = line.parts.iter().take(index);
        if before.into_iter().any(|other| other.part == part.part) {
            let detail = format!("fills the part {:?} twice", clipped(&part.part));
            found.invalid.add(&at.key("part"), detail);
            right = false;
        }
    }
    right
}

fn fill<'m>(
    menu: &'m Menu,
    part: &'m crate::combo::Part,
    line: &CartLine,
    now: Dayparts,
    at: &At<'_>,
    found: &mut Found,
) -> Option<Filled<'m>> {
    let named = line.parts.iter().enumerate();
    let Some((index, chosen)) = named.into_iter().find(|(_, chosen)| chosen.part == part.id) else {
        let detail = format!("must name an item for the part {:?}", part.id);
        found.invalid.add(at, detail);
        return None;
    };
    let at = at.index(index);
    let here = at.key("item");
    let choice = part.choice(&chosen.item);
    let Some((choice, item)) = choice.and_then(|choice| Some((choice, menu.item(&choice.item)?)))
    else {
        let detail = format!(
            "{:?} is not offered for the part {:?}",
            clipped(&chosen.item),
            part.id
        );
        found.gone.add(&here, detail);
        return None;
    };
    served(menu, &item.id, item.hours, now, &here, found);
    let options = options::priced(menu, item, &chosen.options, &at.key("options"), found)?;
    let adds = choice.price + super::extras(&options);
    Some(Filled {
        part: &part.id,
        item,
        options,
        alone: item.price + adds,
        adds,
    })
}
