//! From document to menu: every field, every reference, every fault.

mod nesting;
mod offers;

use std::collections::{HashMap, HashSet};

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Category, Choice, Item, Menu, OptionGroup, Parsed, Tax, version_of};
use crate::daypart::Hours;
use crate::document::{At, Fault, Faults, Object, boolean, filled_text, list, whole};
use crate::gtin::{BadGtin, Gtin};
use crate::money::{Currency, TOTAL_LIMIT};
use crate::text::{Text, is_language_tag};

/// The dearest single price: a line of 99 still stays below the limit of a total.
const PRICE_LIMIT: i64 = TOTAL_LIMIT / 1000;
/// The most options one group can ask for.
const CHOICES_LIMIT: i64 = 99;

const MENU_FIELDS: &[&str] = &[
    "name",
    "currency",
    "languages",
    "time_zone",
    "taxes",
    "categories",
    "items",
    "option_groups",
    "dayparts",
    "combos",
    "promotions",
    "tips",
    "version",
];
const TAX_FIELDS: &[&str] = &["id", "rate", "inclusive"];
const CATEGORY_FIELDS: &[&str] = &["id", "name", "picture", "items", "combos", "dayparts"];
const ITEM_FIELDS: &[&str] = &[
    "id",
    "name",
    "description",
    "price",
    "tax",
    "option_groups",
    "picture",
    "allergens",
    "diets",
    "calories",
    "station",
    "stock",
    "dayparts",
    "upgrade",
    "goes_with",
    "gtin",
];
const GROUP_FIELDS: &[&str] = &["id", "name", "min", "max", "options"];
const OPTION_FIELDS: &[&str] = &[
    "id",
    "name",
    "price",
    "default",
    "option_groups",
    "allergens",
];

/// What reading gathers besides the menu itself.
struct Reading {
    languages: Vec<String>,
    faults: Faults,
    warnings: Faults,
}

pub(super) fn menu(document: Value) -> Result<Parsed, Vec<Fault>> {
    let mut reading = Reading {
        languages: Vec::new(),
        faults: Faults::default(),
        warnings: Faults::default(),
    };
    let parts = reading.parts(&document);
    let Reading {
        languages,
        mut faults,
        warnings,
    } = reading;
    let version = version_of(&document)
        .map_err(|error| faults.add(&At::Root, format!("has no canonical form: {error}")))
        .ok();
    match (parts, version) {
        (Some(parts), Some(version)) if faults.is_empty() => Ok(Parsed {
            menu: assemble(parts, languages, version, document),
            warnings: warnings.into_vec(),
        }),
        _ => Err(faults.into_vec()),
    }
}

struct Parts {
    name: Text,
    currency: Currency,
    time_zone: (String, TimeZone),
    taxes: Vec<Tax>,
    categories: Vec<Category>,
    items: Vec<Item>,
    groups: Vec<OptionGroup>,
    offers: offers::Offers,
}

fn assemble(parts: Parts, languages: Vec<String>, version: String, document: Value) -> Menu {
    let Parts {
        name,
        currency,
        time_zone,
        taxes,
        categories,
        mut items,
        groups,
        offers,
    } = parts;
    let offers::Offers {
        dayparts,
        mut combos,
        promotions,
        tips,
    } = offers;
    for item in &mut items {
        item.hours.shelf = offers::shelf_of(&item.id, &categories);
    }
    for combo in &mut combos {
        combo.hours.shelf = offers::shelf_of(&combo.id, &categories);
    }
    let item_index = index(items.iter().map(|item| &item.id));
    let combo_index = index(combos.iter().map(|combo| &combo.id));
    let group_index = index(groups.iter().map(|group| &group.id));
    let (time_zone_name, time_zone) = time_zone;
    Menu {
        version,
        document,
        name,
        currency,
        languages,
        time_zone_name,
        time_zone,
        taxes,
        categories,
        dayparts,
        promotions,
        tips,
        items,
        combos,
        groups,
        item_index,
        combo_index,
        group_index,
    }
}

fn index<'a>(ids: impl Iterator<Item = &'a String>) -> HashMap<String, usize> {
    ids.enumerate()
        .map(|(place, id)| (id.clone(), place))
        .collect()
}

/// The identities that a document defines, by list, so that one fault does not make others.
struct Known {
    taxes: HashMap<String, usize>,
    groups: HashMap<String, usize>,
    items: HashMap<String, usize>,
    combos: HashMap<String, usize>,
    categories: HashMap<String, usize>,
    dayparts: HashMap<String, usize>,
}

impl Known {
    fn of(document: &Value) -> Self {
        Self {
            taxes: ids(document, "taxes"),
            groups: ids(document, "option_groups"),
            items: ids(document, "items"),
            combos: ids(document, "combos"),
            categories: ids(document, "categories"),
            dayparts: ids(document, "dayparts"),
        }
    }
}

impl Reading {
    fn parts(&mut self, document: &Value) -> Option<Parts> {
        let at = At::Root;
        let object = Object::read(document, &at, &mut self.faults)?;
        self.warn_unknown(&object, MENU_FIELDS, &at);
        self.languages = object
            .required("languages", &at, &mut self.faults, languages)
            .unwrap_or_default();
        let name = self.field(&object, "name", &at, Self::text);
        let currency = object.required("currency", &at, &mut self.faults, currency);
        let time_zone = object.required("time_zone", &at, &mut self.faults, time_zone);
        let taxes = self.listed(&object, "taxes", &at, Self::tax);
        let known = Known::of(document);
        let groups = self.maybe_listed(&object, "option_groups", &at, |reading, value, at| {
            reading.group(value, at, &known)
        });
        let items = self.listed(&object, "items", &at, |reading, value, at| {
            reading.item(value, at, &known)
        });
        let categories = self.listed(&object, "categories", &at, |reading, value, at| {
            reading.category(value, at, &known)
        });
        let offers = self.offers(&object, &known, categories.as_deref().unwrap_or_default());
        let (taxes, groups, items) = (taxes?, groups?, items?);
        self.check_nesting(&groups);
        let least = nesting::least_extras(&groups);
        self.check_prices(&items, &least);
        self.check_combos(&offers, &items, &least);
        Some(Parts {
            name: name?,
            currency: currency?,
            time_zone: time_zone?,
            taxes,
            categories: categories?,
            items,
            groups,
            offers,
        })
    }

    fn warn_unknown(&mut self, object: &Object<'_>, known: &[&str], at: &At<'_>) {
        for key in object.unknown(known) {
            self.warnings
                .add(&at.key(key), "is not known here; it is kept as it is");
        }
    }

    fn field<T>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        at: &At<'_>,
        read: impl FnOnce(&mut Self, &Value, &At<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = object.required(key, at, &mut self.faults, |value, _, _| Some(value))?;
        read(self, value, &at.key(key))
    }

    fn maybe<T>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        at: &At<'_>,
        read: impl FnOnce(&mut Self, &Value, &At<'_>) -> Option<T>,
    ) -> Option<T> {
        let value = object.optional(key, at, &mut self.faults, |value, _, _| Some(value))?;
        read(self, value, &at.key(key))
    }

    /// A list of objects whose `id` is unique among them.
    fn listed<T>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        at: &At<'_>,
        mut each: impl FnMut(&mut Self, &Value, &At<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let here = at.key(key);
        let values = object.required(key, at, &mut self.faults, |value, at, faults| {
            list(value, at, faults, |value, _, _| Some(value))
        })?;
        let mut seen = HashSet::new();
        let mut read = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let at = here.index(index);
            if let Some(id) = value.get("id").and_then(Value::as_str)
                && !seen.insert(id)
            {
                self.faults
                    .add(&at.key("id"), format!("{id:?} is used twice"));
            }
            read.extend(each(self, value, &at));
        }
        Some(read)
    }

    /// The same for a list that may be absent or null.
    fn maybe_listed<T>(
        &mut self,
        object: &Object<'_>,
        key: &str,
        at: &At<'_>,
        each: impl FnMut(&mut Self, &Value, &At<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let there = object.optional(key, at, &mut self.faults, |_, _, _| Some(()));
        match there {
            Some(()) => self.listed(object, key, at, each),
            None => Some(Vec::new()),
        }
    }

    fn id(&mut self, object: &Object<'_>, at: &At<'_>) -> Option<String> {
        object.required("id", at, &mut self.faults, |value, at, faults| {
            let id = filled_text(value, at, faults)?;
            if id.len() > 64 || id.chars().any(|c| c.is_control() || c == '/') {
                faults.add(
                    at,
                    "must be at most 64 bytes, without slashes or control characters",
                );
                return None;
            }
            Some(id.to_owned())
        })
    }

    /// A text that must be there in every language of the menu.
    fn text(&mut self, value: &Value, at: &At<'_>) -> Option<Text> {
        let Value::Object(map) = value else {
            self.faults.add(
                at,
                "must map language tags to texts, such as {\"en\":\"Noodles\"}",
            );
            return None;
        };
        let mut complete = true;
        for language in self.languages.clone() {
            if !map.contains_key(&language) {
                self.faults.add(
                    &at.key(&language),
                    "is missing: every language must be there",
                );
                complete = false;
            }
        }
        let mut texts = Vec::with_capacity(map.len());
        for (language, value) in map {
            let at = at.key(language);
            match filled_text(value, &at, &mut self.faults) {
                Some(text) => texts.push((language.clone(), text.to_owned())),
                None => complete = false,
            }
        }
        complete.then(|| texts.into_iter().collect())
    }

    fn tax(&mut self, value: &Value, at: &At<'_>) -> Option<Tax> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, TAX_FIELDS, at);
        let id = self.id(&object, at);
        let rate = object.required("rate", at, &mut self.faults, |value, at, faults| {
            let text = filled_text(value, at, faults)?;
            text.parse()
                .map_err(|error| faults.add(at, format!("{error}")))
                .ok()
        });
        let inclusive = object.required("inclusive", at, &mut self.faults, boolean);
        Some(Tax {
            id: id?,
            rate: rate?,
            inclusive: inclusive?,
        })
    }

    fn category(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<Category> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, CATEGORY_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let picture = object.optional("picture", at, &mut self.faults, filled_text);
        let held = self.field(&object, "items", at, |reading, value, at| {
            reading.references(value, at, &known.items, "item")
        });
        let combos = self.maybe(&object, "combos", at, |reading, value, at| {
            reading.references(value, at, &known.combos, "combo")
        });
        let dayparts = self.dayparts_of(&object, at, known);
        Some(Category {
            id: id?,
            name: name?,
            picture: picture.map(str::to_owned),
            items: held?,
            combos: combos.unwrap_or_default(),
            dayparts,
        })
    }

    fn item(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<Item> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, ITEM_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let description = self.maybe(&object, "description", at, Self::text);
        let faults = &mut self.faults;
        let price = object.required("price", at, faults, |v, at, f| {
            whole(v, at, f, 0, PRICE_LIMIT)
        });
        let tax = object.required("tax", at, faults, |value, at, faults| {
            let tax = filled_text(value, at, faults)?;
            if !known.taxes.contains_key(tax) {
                faults.add(at, format!("names the tax {tax:?}, which is not in /taxes"));
            }
            known.taxes.get(tax).copied()
        });
        let picture = object.optional("picture", at, faults, filled_text);
        let station = object.optional("station", at, faults, filled_text);
        let calories = object.optional("calories", at, faults, |v, at, f| {
            whole(v, at, f, 0, 99_999)
        });
        let stock = object.optional("stock", at, faults, |v, at, f| {
            whole(v, at, f, 0, 1_000_000)
        });
        let allergens = object.optional("allergens", at, faults, words);
        let diets = object.optional("diets", at, faults, words);
        let option_groups = self.maybe(&object, "option_groups", at, |reading, value, at| {
            reading.references(value, at, &known.groups, "option group")
        });
        let own = self.dayparts_of(&object, at, known);
        let upgrade = self.maybe(&object, "upgrade", at, Self::upgrade);
        let goes_with = self.maybe(&object, "goes_with", at, |reading, value, at| {
            reading.reference(value, at, &known.items, "item")
        });
        let gtin = object.optional("gtin", at, &mut self.faults, gtin);
        Some(Item {
            id: id?,
            name: name?,
            description,
            gtin,
            price: price?,
            tax: tax?,
            option_groups: option_groups.unwrap_or_default(),
            picture: picture.map(str::to_owned),
            allergens: allergens.unwrap_or_default(),
            diets: diets.unwrap_or_default(),
            calories: calories.and_then(|value| u32::try_from(value).ok()),
            station: station.map(str::to_owned),
            stock: stock.and_then(|value| u32::try_from(value).ok()),
            hours: Hours {
                own,
                ..Hours::default()
            },
            upgrade,
            goes_with,
        })
    }

    /// A list of identities that all exist, each at most once.
    fn references(
        &mut self,
        value: &Value,
        at: &At<'_>,
        known: &HashMap<String, usize>,
        what: &str,
    ) -> Option<Vec<String>> {
        let mut seen = HashSet::new();
        list(value, at, &mut self.faults, |value, at, faults| {
            let id = filled_text(value, at, faults)?;
            if !known.contains_key(id) {
                faults.add(at, format!("names the {what} {id:?}, which does not exist"));
            } else if !seen.insert(id.to_owned()) {
                faults.add(at, format!("names the {what} {id:?} twice"));
            }
            Some(id.to_owned())
        })
    }

    /// One identity that exists.
    fn reference(
        &mut self,
        value: &Value,
        at: &At<'_>,
        known: &HashMap<String, usize>,
        what: &str,
    ) -> Option<String> {
        let id = filled_text(value, at, &mut self.faults)?;
        if !known.contains_key(id) {
            self.faults
                .add(at, format!("names the {what} {id:?}, which does not exist"));
        }
        Some(id.to_owned())
    }

    fn group(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<OptionGroup> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, GROUP_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let faults = &mut self.faults;
        let min = object.optional("min", at, faults, |v, at, f| {
            whole(v, at, f, 0, CHOICES_LIMIT)
        });
        let max = object.required("max", at, faults, |v, at, f| {
            whole(v, at, f, 1, CHOICES_LIMIT)
        });
        let options = self.listed(&object, "options", at, |reading, value, at| {
            reading.option(value, at, known)
        });
        let (min, max, options) = (min.unwrap_or(0), max?, options?);
        if options.is_empty() {
            self.faults
                .add(&at.key("options"), "must hold at least one option");
        }
        if min > max {
            self.faults.add(
                &at.key("min"),
                format!("is {min}, more than max, which is {max}"),
            );
        }
        let defaults = options.iter().filter(|option| option.default).count();
        if i64::try_from(defaults).unwrap_or(i64::MAX) > max {
            self.faults.add(
                &at.key("options"),
                format!("has {defaults} defaults, more than max, which is {max}"),
            );
        }
        Some(OptionGroup {
            id: id?,
            name: name?,
            min: u32::try_from(min).ok()?,
            max: u32::try_from(max).ok()?,
            options,
        })
    }

    fn option(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<Choice> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, OPTION_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let price = object.optional("price", at, &mut self.faults, |value, at, faults| {
            whole(value, at, faults, -PRICE_LIMIT, PRICE_LIMIT)
        });
        let default = object.optional("default", at, &mut self.faults, boolean);
        let allergens = object.optional("allergens", at, &mut self.faults, words);
        let option_groups = self.maybe(&object, "option_groups", at, |reading, value, at| {
            reading.references(value, at, &known.groups, "option group")
        });
        Some(Choice {
            id: id?,
            name: name?,
            price: price.unwrap_or(0),
            default: default.unwrap_or(false),
            option_groups: option_groups.unwrap_or_default(),
            allergens: allergens.unwrap_or_default(),
        })
    }
}

/// The identities in a list of the document, whether or not the rest of each entry is right, so
/// that one fault does not make others.
fn ids(document: &Value, list: &str) -> HashMap<String, usize> {
    let entries = document
        .get(list)
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let ids = entries
        .iter()
        .filter_map(|entry| entry.get("id").and_then(Value::as_str));
    ids.enumerate()
        .map(|(index, id)| (id.to_owned(), index))
        .collect()
}

fn languages(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    let mut seen = HashSet::new();
    let languages = list(value, at, faults, |value, at, faults| {
        let tag = filled_text(value, at, faults)?;
        if !is_language_tag(tag) {
            faults.add(
                at,
                format!("{tag:?} is not a language tag such as en or zh-Hans"),
            );
            return None;
        }
        if !seen.insert(tag) {
            faults.add(at, format!("{tag:?} is named twice"));
            return None;
        }
        Some(tag.to_owned())
    })?;
    if languages.is_empty() {
        faults.add(at, "must name at least one language");
    }
    Some(languages)
}

fn currency(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Currency> {
    let code = filled_text(value, at, faults)?;
    code.parse()
        .map_err(|error| faults.add(at, format!("{error}")))
        .ok()
}

fn time_zone(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<(String, TimeZone)> {
    let name = filled_text(value, at, faults)?;
    match TimeZone::get(name) {
        Ok(zone) => Some((name.to_owned(), zone)),
        Err(_) => {
            faults.add(
                at,
                format!("{name:?} is not an IANA time zone such as America/New_York"),
            );
            None
        }
    }
}

/// A list of words.
fn words(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Vec<String>> {
    list(value, at, faults, |value, at, faults| {
        filled_text(value, at, faults).map(str::to_owned)
    })
}

/// An article number in digits.
fn gtin(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Gtin> {
    let read = filled_text(value, at, faults)?.parse();
    read.map_err(|fault: BadGtin| faults.add(at, fault.to_string()))
        .ok()
}
