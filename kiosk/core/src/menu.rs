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

use crate::document::Fault;
use crate::money::{Currency, Rate};
use crate::text::Text;

/// The largest menu document that is read, in bytes.
pub const DOCUMENT_LIMIT: usize = 4 * 1024 * 1024;

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
    items: Vec<Item>,
    groups: Vec<OptionGroup>,
    item_index: HashMap<String, usize>,
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
    /// Energy in kilocalories.
    pub calories: Option<u32>,
    /// Which kitchen station makes it.
    pub station: Option<String>,
    /// How many may be sold in a business day; none when it is not counted.
    pub stock: Option<u32>,
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
        let document: Value = serde_json::from_slice(bytes)
            .map_err(|error| whole(format!("is not JSON in UTF-8: {error}")))?;
        read::menu(document)
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
