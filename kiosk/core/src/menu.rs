//! The menu: a versioned document, validated whole before it is in force.
//!
//! [`Menu::parse`] reads the document of the contract and either gives a menu in which every
//! reference holds, or *every* fault with its JSON pointer. The document is kept as it came, unknown
//! fields included, so that it can be handed on unchanged.

mod read;

use std::collections::HashMap;

use jiff::tz::TimeZone;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::combo::{Combo, Upgrade};
use crate::daypart::{Daypart, Dayparts, Hours};
use crate::document::{self, Fault};
use crate::gtin::Gtin;
use crate::money::{Currency, Rate};
use crate::promotion::Promotion;
use crate::text::Text;
use crate::tip::Tips;
use crate::wall::WallTime;

/// The largest menu document that is read, in bytes.
pub const DOCUMENT_LIMIT: usize = 4 * 1024 * 1024;
/// How deep option groups may open others: a choice, what it asks, and what that asks.
pub const NESTING_LIMIT: usize = 3;

/// A menu in which every reference holds.
#[derive(Debug, Clone)]
pub struct Menu {
    version: String,
    document: Value,
    /// What the restaurant is called.
    pub name: Text,
    /// What all amounts are in.
    pub currency: Currency,
    /// The languages every text is there in; the first is the store's own.
    pub languages: Vec<String>,
    /// The IANA name of the store's time zone.
    pub time_zone_name: String,
    /// The store's time zone.
    pub time_zone: TimeZone,
    /// The tax rates that items name.
    pub taxes: Vec<Tax>,
    /// The categories in the order in which they are shown.
    pub categories: Vec<Category>,
    /// The hours that items, categories and promotions name.
    pub dayparts: Vec<Daypart>,
    /// What takes something off, in the order of the document.
    pub promotions: Vec<Promotion>,
    /// What can be given on top; none where nothing is taken.
    pub tips: Option<Tips>,
    items: Vec<Item>,
    combos: Vec<Combo>,
    groups: Vec<OptionGroup>,
    item_index: HashMap<String, usize>,
    combo_index: HashMap<String, usize>,
    group_index: HashMap<String, usize>,
}

/// A tax rate.
#[derive(Debug, Clone)]
pub struct Tax {
    /// What items call it.
    pub id: String,
    /// How much.
    pub rate: Rate,
    /// Whether prices hold the tax already.
    pub inclusive: bool,
}

/// A shelf of the menu.
#[derive(Debug, Clone)]
pub struct Category {
    /// Its identity.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// An emoji drawn from bundled art, or a file beside the menu.
    pub picture: Option<String>,
    /// The items in it, by identity, in the order in which they are shown.
    pub items: Vec<String>,
    /// The combos in it, shown before the items.
    pub combos: Vec<String>,
    /// When it is served.
    pub dayparts: Dayparts,
}

/// Something that can be ordered.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its identity.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// A line about it.
    pub description: Option<Text>,
    /// What one costs without options, in minor units.
    pub price: i64,
    /// Which of [`Menu::taxes`] applies, as an index.
    pub tax: usize,
    /// Which option groups it has, by identity, in the order in which they are asked.
    pub option_groups: Vec<String>,
    /// An emoji drawn from bundled art, or a file beside the menu.
    pub picture: Option<String>,
    /// What an allergic diner must know, as lower-case words.
    pub allergens: Vec<String>,
    /// Ways of eating that it suits as it comes, such as `vegetarian`, `vegan` or `halal`.
    pub diets: Vec<String>,
    /// Energy in kilocalories.
    pub calories: Option<u32>,
    /// Which kitchen station makes it.
    pub station: Option<String>,
    /// How many may be sold in a business day; none when it is not counted.
    pub stock: Option<u32>,
    /// When it is served.
    pub hours: Hours,
    /// The combo it can be made into.
    pub upgrade: Option<Upgrade>,
    /// The number on its package, by which a scanner knows it.
    pub gtin: Option<Gtin>,
    /// An item that goes well with it, offered once.
    pub goes_with: Option<String>,
}

/// A question about an item, with its answers.
#[derive(Debug, Clone)]
pub struct OptionGroup {
    /// Its identity.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// The least number of options to choose, quantities counted.
    pub min: u32,
    /// The most options that can be chosen, quantities counted.
    pub max: u32,
    /// The answers.
    pub options: Vec<Choice>,
}

/// One answer to an option group.
#[derive(Debug, Clone)]
pub struct Choice {
    /// Its identity inside the group.
    pub id: String,
    /// What it is called.
    pub name: Text,
    /// What it adds to the price of one item, in minor units; may be negative.
    pub price: i64,
    /// Whether screens choose it beforehand.
    pub default: bool,
    /// The groups that are asked once it is chosen, as often as it is chosen.
    pub option_groups: Vec<String>,
    /// What an allergic diner must know of it besides what the item holds.
    pub allergens: Vec<String>,
}

/// A menu together with what is odd about its document without being wrong.
#[derive(Debug, Clone)]
pub struct Parsed {
    /// The menu.
    pub menu: Menu,
    /// Fields that nobody knows here. They are kept.
    pub warnings: Vec<Fault>,
}

impl Menu {
    /// Reads and validates a menu document (JSON, UTF-8).
    ///
    /// # Errors
    /// Every fault of the document with its JSON pointer, in the order of the document.
    pub fn parse(bytes: &[u8]) -> Result<Parsed, Vec<Fault>> {
        let whole = |detail: String| {
            vec![Fault {
                pointer: String::new(),
                detail,
            }]
        };
        if bytes.len() > DOCUMENT_LIMIT {
            return Err(whole(format!(
                "is {} bytes long; at most {DOCUMENT_LIMIT} are read",
                bytes.len()
            )));
        }
        let (document, twice) = document::parse(bytes)
            .map_err(|error| whole(format!("is not JSON in UTF-8: {error}")))?;
        let read = read::menu(document);
        if twice.is_empty() {
            return read;
        }
        Err(twice
            .into_iter()
            .chain(read.err().unwrap_or_default())
            .collect())
    }

    /// The hash of the canonical document (RFC 8785, SHA-256, lower-case hex).
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The document as it came, unknown fields included.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// All items, in the order of the document.
    #[must_use]
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// The item of that identity.
    #[must_use]
    pub fn item(&self, id: &str) -> Option<&Item> {
        self.item_index
            .get(id)
            .and_then(|index| self.items.get(*index))
    }

    /// All combos, in the order of the document.
    #[must_use]
    pub fn combos(&self) -> &[Combo] {
        &self.combos
    }

    /// The combo of that identity.
    #[must_use]
    pub fn combo(&self, id: &str) -> Option<&Combo> {
        self.combo_index
            .get(id)
            .and_then(|index| self.combos.get(*index))
    }

    /// The dayparts that run at `at`, by the store's own clock.
    #[must_use]
    pub fn running(&self, at: WallTime) -> Dayparts {
        if self.dayparts.is_empty() {
            return Dayparts::default();
        }
        let local = self.local(at);
        let running = self.dayparts.iter().enumerate();
        Dayparts::at(
            running
                .filter(|(_, daypart)| daypart.holds(local))
                .map(|(place, _)| place),
        )
    }

    /// The store's local time at `at`.
    #[must_use]
    pub fn local(&self, at: WallTime) -> jiff::civil::DateTime {
        at.timestamp().to_zoned(self.time_zone.clone()).datetime()
    }

    /// Whether an item or a combo is served while `now` runs. What the menu doesn't hold is not.
    #[must_use]
    pub fn serves(&self, id: &str, now: Dayparts) -> bool {
        match (self.item(id), self.combo(id)) {
            (Some(item), _) => item.hours.allow(now),
            (None, Some(combo)) => {
                let filled =
                    |choice: &crate::combo::PartChoice| self.serves_item(&choice.item, now);
                combo.hours.allow(now)
                    && combo
                        .parts
                        .iter()
                        .all(|part| part.choices.iter().any(filled))
            }
            (None, None) => false,
        }
    }

    fn serves_item(&self, id: &str, now: Dayparts) -> bool {
        self.item(id).is_some_and(|item| item.hours.allow(now))
    }

    /// The dayparts of a limit, in the order of the document.
    pub fn named(&self, limit: Dayparts) -> impl Iterator<Item = &Daypart> {
        let all = self.dayparts.iter().enumerate();
        all.filter(move |(place, _)| limit.has(*place))
            .map(|(_, daypart)| daypart)
    }

    /// The option group of that identity.
    #[must_use]
    pub fn group(&self, id: &str) -> Option<&OptionGroup> {
        self.group_index
            .get(id)
            .and_then(|index| self.groups.get(*index))
    }

    /// The option groups of an item, in the order in which they are asked.
    pub fn groups_of<'m>(&'m self, item: &'m Item) -> impl Iterator<Item = &'m OptionGroup> {
        item.option_groups.iter().filter_map(|id| self.group(id))
    }

    /// Whether an item asks for a group: itself, or by an option that opens it.
    #[must_use]
    pub fn asks(&self, item: &Item, group: &str) -> bool {
        item.option_groups.iter().any(|own| own == group)
            || self.asked_by(item).iter().any(|asked| asked.id == group)
    }

    /// The option groups of an item and all that they can open, each once, in the order in which
    /// they can come up.
    #[must_use]
    pub fn asked_by<'m>(&'m self, item: &'m Item) -> Vec<&'m OptionGroup> {
        let mut asked: Vec<&OptionGroup> = Vec::new();
        let mut next: Vec<&OptionGroup> = self.groups_of(item).collect();
        for _ in 0..NESTING_LIMIT {
            let mut opened = Vec::new();
            for group in next {
                if asked.iter().any(|known| known.id == group.id) {
                    continue;
                }
                asked.push(group);
                let ids = group
                    .options
                    .iter()
                    .flat_map(|option| &option.option_groups);
                opened.extend(ids.filter_map(|id| self.group(id)));
            }
            next = opened;
        }
        asked
    }

    /// The tax that applies to an item.
    #[must_use]
    pub fn tax_of(&self, item: &Item) -> Option<&Tax> {
        self.taxes.get(item.tax)
    }

    /// `language` if the menu speaks it, else the store's own.
    #[must_use]
    pub fn language_or_own<'m>(&'m self, language: Option<&'m str>) -> &'m str {
        language
            .filter(|wanted| self.languages.iter().any(|known| known == wanted))
            .or_else(|| self.languages.first().map(String::as_str))
            .unwrap_or("en")
    }
}

impl OptionGroup {
    /// The option of that identity.
    #[must_use]
    pub fn option(&self, id: &str) -> Option<&Choice> {
        self.options.iter().find(|option| option.id == id)
    }
}

fn version_of(document: &Value) -> Result<String, serde_json::Error> {
    let canonical = serde_json_canonicalizer::to_vec(document)?;
    Ok(Sha256::digest(canonical)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

#[cfg(test)]
mod tests;
