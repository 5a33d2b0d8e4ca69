//! What can be sold now: by what is left, and by the store's hours.

use kiosk_core::combo::Combo;
use kiosk_core::daypart::Dayparts;
use kiosk_core::menu::{Category, Item, Menu};
use kiosk_core::stock::Level;

use crate::journal::Levels;

/// A menu at one moment.
#[derive(Clone, Copy)]
pub struct Offer<'a> {
    /// The menu in force.
    pub menu: &'a Menu,
    /// What differs today from what the menu says of stock.
    pub levels: &'a Levels,
    /// The dayparts that run.
    pub running: Dayparts,
}

impl Offer<'_> {
    /// What is left of an item.
    #[must_use]
    pub fn level(&self, item: &Item) -> Level {
        let start = || Level::starting_with(item.stock);
        self.levels.get(&item.id).copied().unwrap_or_else(start)
    }

    /// What is left of the item or the combo of that identity.
    #[must_use]
    pub fn level_of(&self, id: &str) -> Level {
        let own = || self.levels.get(id).copied().unwrap_or(Level::UNLIMITED);
        self.menu.item(id).map_or_else(own, |item| self.level(item))
    }

    /// Whether an item can be sold.
    #[must_use]
    pub fn sells(&self, item: &Item) -> bool {
        item.hours.allow(self.running) && self.level(item).sells()
    }

    /// Whether a combo can be sold: every part by something.
    #[must_use]
    pub fn sells_combo(&self, combo: &Combo) -> bool {
        let own = self.levels.get(&combo.id).is_none_or(|level| level.sells());
        let fills = |item: &str| self.menu.item(item).is_some_and(|item| self.sells(item));
        let filled =
            |part: &kiosk_core::combo::Part| part.choices.iter().any(|choice| fills(&choice.item));
        own && combo.hours.allow(self.running) && combo.parts.iter().all(filled)
    }

    /// Whether anything of a category is served now.
    #[must_use]
    pub fn serves_shelf(&self, category: &Category) -> bool {
        let held = category.items.iter().chain(&category.combos);
        category.dayparts.allow(self.running)
            && held
                .into_iter()
                .any(|id| self.menu.serves(id, self.running))
    }
}
