//! What the page's script has to know: words, amounts, and of each dish what it holds, whom it suits
//! and by which letters it is found.

use std::collections::BTreeMap;

use kiosk_core::menu::Item;
use kiosk_core::text::Text;
use pinyin::ToPinyin as _;
use serde::Serialize;

use super::{Diner, FEW, Language, Live, MoneyFormat, allergen};

/// What the page's script has to know.
#[derive(Serialize)]
struct Facts<'a> {
    language: String,
    menu_version: &'a str,
    money: MoneyFormat,
    inclusive: bool,
    few: u32,
    /// What of the menu is served at other times, so that the page knows when that has changed.
    away: String,
    allergens: BTreeMap<&'a str, String>,
    diets: BTreeMap<&'a str, String>,
    dishes: BTreeMap<&'a str, Dish<'a>>,
    sets: BTreeMap<&'a str, Vec<Vec<&'a str>>>,
    receipts: bool,
    words: BTreeMap<&'a str, Live>,
}

/// One dish, in as few bytes as the page's budget wants.
#[derive(Serialize)]
pub(super) struct Dish<'a> {
    /// Its allergens.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    holds: &'a [String],
    /// Ways of eating that it suits.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    suits: &'a [String],
    /// Other words to find it by: its name in other languages, and the first letters of what a Chinese
    /// name sounds like.
    #[serde(skip_serializing_if = "String::is_empty")]
    keys: String,
}

impl<'a> Diner<'a> {
    /// What the menu's allergens are called.
    fn allergen_names(&self, t: &Language) -> BTreeMap<&'a str, String> {
        let items = self.menu.items().iter().flat_map(|item| &item.allergens);
        items.map(|id| (id.as_str(), allergen(id, t))).collect()
    }

    /// All of it, as JSON for inside an element.
    pub(super) fn facts(&self, tag: &str, t: &Language, inclusive: bool) -> String {
        let facts = Facts {
            language: tag.to_owned(),
            menu_version: self.menu.version(),
            money: t.money_format(self.menu.currency),
            inclusive,
            few: FEW,
            away: self.away(),
            allergens: self.allergen_names(t),
            diets: self.diet_names(t),
            dishes: self.dishes(tag),
            sets: self.sets(),
            receipts: self.reached,
            words: t.live(),
        };
        // Inside an element, only `<` could end it.
        serde_json::to_string(&facts)
            .unwrap_or_default()
            .replace('<', "\\u003c")
    }

    fn away(&self) -> String {
        let items = self.menu.items().iter();
        let items = items.filter(|item| !item.hours.allow(self.running));
        let combos = self.menu.combos().iter();
        let combos = combos.filter(|combo| !self.menu.serves(&combo.id, self.running));
        let mut away: Vec<&str> = items.map(|item| item.id.as_str()).collect();
        away.extend(combos.map(|combo| combo.id.as_str()));
        away.join(" ")
    }

    /// Items and combos by identity.
    pub(super) fn dishes(&self, tag: &str) -> BTreeMap<&'a str, Dish<'a>> {
        let items = self.menu.items().iter();
        let items = items.map(|item: &'a Item| {
            let dish = Dish {
                holds: &item.allergens,
                suits: &item.diets,
                keys: self.keys(&item.name, tag),
            };
            (item.id.as_str(), dish)
        });
        let combos = self.menu.combos().iter().map(|combo| {
            let dish = Dish {
                holds: &[],
                suits: &[],
                keys: self.keys(&combo.name, tag),
            };
            (combo.id.as_str(), dish)
        });
        items.chain(combos).collect()
    }

    /// What may fill each part of a combo.
    pub(super) fn sets(&self) -> BTreeMap<&'a str, Vec<Vec<&'a str>>> {
        let combos = self.menu.combos().iter();
        let parts = combos.map(|combo| {
            let parts = combo.parts.iter().map(|part| {
                let choices = part.choices.iter();
                choices.map(|choice| choice.item.as_str()).collect()
            });
            (combo.id.as_str(), parts.collect())
        });
        parts.collect()
    }

    /// What the menu's ways of eating are called.
    pub(super) fn diet_names(&self, t: &Language) -> BTreeMap<&'a str, String> {
        let diets = self.menu.items().iter().flat_map(|item| &item.diets);
        let named = diets.map(|id| {
            let name = t.say_if_known(&format!("diet-{id}"));
            (id.as_str(), name.unwrap_or_else(|| id.clone()))
        });
        named.collect()
    }

    fn keys(&self, name: &Text, tag: &str) -> String {
        let languages = self.menu.languages.iter().map(String::as_str);
        let names = languages.clone().map(|tag| name.get(tag)).map(initials);
        let others = languages.filter(|other| *other != tag);
        let others = others.map(|other| name.get(other).to_lowercase());
        let mut keys: Vec<String> = names.chain(others).filter(|key| !key.is_empty()).collect();
        keys.sort();
        keys.dedup();
        keys.join(" ")
    }
}

/// The first letters of the sounds of Chinese characters: `tglm` for 豚骨拉面. Nothing where there are
/// none.
pub(super) fn initials(name: &str) -> String {
    let sounds = name.to_pinyin().flatten();
    sounds
        .map(|sound| sound.first_letter())
        .collect::<Vec<_>>()
        .concat()
}
