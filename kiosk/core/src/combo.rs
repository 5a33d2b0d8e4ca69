//! Combos: several items at one price, and the items that can be upgraded to one.

use crate::daypart::Hours;
use crate::text::Text;

/// The most parts of one combo.
pub const PARTS_LIMIT: usize = 8;

/// Several items at one price.
#[derive(Debug, Clone)]
pub struct Combo {
    /// Its identity, among the items' own.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// A line about it.
    pub description: Option<Text>,
    /// An emoji drawn from bundled art, or a file beside the menu.
    pub picture: Option<String>,
    /// What one costs, before surcharges and options, in minor units.
    pub price: i64,
    /// What it is made of, at least two.
    pub parts: Vec<Part>,
    /// When it is served.
    pub hours: Hours,
}

/// A place in a combo that one item fills.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its identity inside the combo.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// The items that can fill it.
    pub choices: Vec<PartChoice>,
}

/// An item that can fill a part.
#[derive(Debug, Clone)]
pub struct PartChoice {
    /// The item's identity.
    pub item: String,
    /// What it adds to the combo's price, in minor units; never negative.
    pub price: i64,
    /// Whether screens choose it beforehand.
    pub default: bool,
}

/// What an item can be made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upgrade {
    /// The combo's identity.
    pub combo: String,
    /// The part that the item fills.
    pub part: String,
}

impl Combo {
    /// The part of that identity.
    #[must_use]
    pub fn part(&self, id: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.id == id)
    }
}

impl Part {
    /// The choice of that item.
    #[must_use]
    pub fn choice(&self, item: &str) -> Option<&PartChoice> {
        self.choices.iter().find(|choice| choice.item == item)
    }

    /// What screens choose beforehand: the first default, else the first that costs nothing more.
    #[must_use]
    pub fn preset(&self) -> Option<&PartChoice> {
        let default = self.choices.iter().find(|choice| choice.default);
        default.or_else(|| self.choices.iter().min_by_key(|choice| choice.price))
    }
}
