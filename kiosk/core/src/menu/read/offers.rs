//! Reading what a menu offers besides items: dayparts, combos, promotions and tips.

use std::collections::BTreeSet;

use jiff::civil::{Date, Time, Weekday};
use serde_json::Value;

use super::nesting::{ByGroup, least_extra};
use super::{Known, PRICE_LIMIT, Reading};
use crate::cart::{COUPON_LIMIT, Service};
use crate::combo::{Combo, PARTS_LIMIT, Part, PartChoice, Upgrade};
use crate::daypart::{DAYPARTS_LIMIT, Daypart, Dayparts, Hours};
use crate::document::{At, Faults, Object, boolean, filled_text, list, whole};
use crate::menu::{Category, Item};
use crate::money::{Rate, TOTAL_LIMIT};
use crate::promotion::{Off, Promotion, plain_code};
use crate::tip::Tips;

/// The most of each in one menu.
const PROMOTIONS_LIMIT: usize = 200;
const PERCENTS_LIMIT: usize = 6;

const DAYPART_FIELDS: &[&str] = &["id", "name", "from", "until", "days"];
const COMBO_FIELDS: &[&str] = &[
    "id",
    "name",
    "description",
    "picture",
    "price",
    "parts",
    "dayparts",
];
const PART_FIELDS: &[&str] = &["id", "name", "choices"];
const CHOICE_FIELDS: &[&str] = &["item", "price", "default"];
const UPGRADE_FIELDS: &[&str] = &["combo", "part"];
const PROMOTION_FIELDS: &[&str] = &[
    "id",
    "name",
    "kind",
    "buy",
    "get",
    "percent",
    "amount",
    "items",
    "categories",
    "coupon",
    "min_total",
    "dayparts",
    "from",
    "until",
    "service",
];
const TIPS_FIELDS: &[&str] = &["percents", "amount"];

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("mon", Weekday::Monday),
    ("tue", Weekday::Tuesday),
    ("wed", Weekday::Wednesday),
    ("thu", Weekday::Thursday),
    ("fri", Weekday::Friday),
    ("sat", Weekday::Saturday),
    ("sun", Weekday::Sunday),
];

/// What a menu offers besides items.
pub(super) struct Offers {
    pub(super) dayparts: Vec<Daypart>,
    pub(super) combos: Vec<Combo>,
    pub(super) promotions: Vec<Promotion>,
    pub(super) tips: Option<Tips>,
}

/// When the categories that hold something let it be served: always, if one of them always does.
pub(super) fn shelf_of(id: &str, categories: &[Category]) -> Dayparts {
    let holding = categories.iter().filter(|shelf| {
        shelf
            .items
            .iter()
            .chain(&shelf.combos)
            .any(|held| held == id)
    });
    let mut all = Dayparts::default();
    for shelf in holding {
        if shelf.dayparts.is_empty() {
            return Dayparts::default();
        }
        all = all.and(shelf.dayparts);
    }
    all
}

impl Reading {
    pub(super) fn offers(
        &mut self,
        object: &Object<'_>,
        known: &Known,
        categories: &[Category],
    ) -> Offers {
        let at = At::Root;
        let dayparts = self.maybe_listed(object, "dayparts", &at, Self::daypart);
        let dayparts = dayparts.unwrap_or_default();
        if dayparts.len() > DAYPARTS_LIMIT {
            let detail = format!("holds more than {DAYPARTS_LIMIT} dayparts");
            self.faults.add(&at.key("dayparts"), detail);
        }
        let combos = self.maybe_listed(object, "combos", &at, |reading, value, at| {
            reading.combo(value, at, known)
        });
        let promotions = self.maybe_listed(object, "promotions", &at, |reading, value, at| {
            reading.promotion(value, at, known, categories)
        });
        let promotions = promotions.unwrap_or_default();
        self.check_promotions(&promotions);
        Offers {
            dayparts,
            combos: combos.unwrap_or_default(),
            promotions,
            tips: self.maybe(object, "tips", &at, Self::tips),
        }
    }

    /// The dayparts that something names; a daypart that does not exist is a fault.
    pub(super) fn dayparts_of(
        &mut self,
        object: &Object<'_>,
        at: &At<'_>,
        known: &Known,
    ) -> Dayparts {
        let named = self.maybe(object, "dayparts", at, |reading, value, at| {
            reading.references(value, at, &known.dayparts, "daypart")
        });
        let named = named.unwrap_or_default();
        Dayparts::at(
            named
                .iter()
                .filter_map(|id| known.dayparts.get(id).copied()),
        )
    }

    fn daypart(&mut self, value: &Value, at: &At<'_>) -> Option<Daypart> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, DAYPART_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let faults = &mut self.faults;
        let from = object.required("from", at, faults, clock_time);
        let until = object.required("until", at, faults, clock_time);
        let days = object.optional("days", at, faults, |value, at, faults| {
            list(value, at, faults, weekday)
        });
        let (from, until) = (from?, until?);
        if from == until {
            self.faults.add(
                &at.key("until"),
                "is when it begins; leave the daypart out if it never ends",
            );
        }
        Some(Daypart {
            id: id?,
            name: name?,
            from,
            until,
            days: days.unwrap_or_default(),
        })
    }

    fn combo(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<Combo> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, COMBO_FIELDS, at);
        let id = self.id(&object, at);
        if let Some(id) = id.as_ref().filter(|id| known.items.contains_key(*id)) {
            let detail = format!("{id:?} is an item's identity as well; name the combo otherwise");
            self.faults.add(&at.key("id"), detail);
        }
        let name = self.field(&object, "name", at, Self::text);
        let description = self.maybe(&object, "description", at, Self::text);
        let faults = &mut self.faults;
        let price = object.required("price", at, faults, |v, at, f| {
            whole(v, at, f, 0, PRICE_LIMIT)
        });
        let picture = object.optional("picture", at, faults, filled_text);
        let parts = self.listed(&object, "parts", at, |reading, value, at| {
            reading.part(value, at, known)
        });
        let own = self.dayparts_of(&object, at, known);
        let parts = parts?;
        if !(2..=PARTS_LIMIT).contains(&parts.len()) {
            let detail = format!("must hold 2 to {PARTS_LIMIT} parts, not {}", parts.len());
            self.faults.add(&at.key("parts"), detail);
        }
        Some(Combo {
            id: id?,
            name: name?,
            description,
            picture: picture.map(str::to_owned),
            price: price?,
            parts,
            hours: Hours {
                own,
                ..Hours::default()
            },
        })
    }

    fn part(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<Part> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, PART_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let values = object.required("choices", at, &mut self.faults, |value, at, faults| {
            list(value, at, faults, |value, _, _| Some(value))
        })?;
        let here = at.key("choices");
        let mut choices: Vec<PartChoice> = Vec::with_capacity(values.len());
        for (index, value) in values.into_iter().enumerate() {
            let at = here.index(index);
            let Some(choice) = self.choice(value, &at, known) else {
                continue;
            };
            if choices.iter().any(|other| other.item == choice.item) {
                let detail = format!("names the item {:?} twice", choice.item);
                self.faults.add(&at.key("item"), detail);
            }
            choices.push(choice);
        }
        if choices.is_empty() {
            self.faults.add(&here, "must hold at least one choice");
        }
        if choices.iter().filter(|choice| choice.default).count() > 1 {
            self.faults.add(&here, "has more than one default");
        }
        Some(Part {
            id: id?,
            name: name?,
            choices,
        })
    }

    fn choice(&mut self, value: &Value, at: &At<'_>, known: &Known) -> Option<PartChoice> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, CHOICE_FIELDS, at);
        let item = self.field(&object, "item", at, |reading, value, at| {
            reading.reference(value, at, &known.items, "item")
        });
        let faults = &mut self.faults;
        let price = object.optional("price", at, faults, |v, at, f| {
            whole(v, at, f, 0, PRICE_LIMIT)
        });
        let default = object.optional("default", at, faults, boolean);
        Some(PartChoice {
            item: item?,
            price: price.unwrap_or(0),
            default: default.unwrap_or(false),
        })
    }

    pub(super) fn upgrade(&mut self, value: &Value, at: &At<'_>) -> Option<Upgrade> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, UPGRADE_FIELDS, at);
        let faults = &mut self.faults;
        let combo = object.required("combo", at, faults, filled_text);
        let part = object.required("part", at, faults, filled_text);
        Some(Upgrade {
            combo: combo?.to_owned(),
            part: part?.to_owned(),
        })
    }

    /// Upgrades must lead into a part that takes the item, and no combo may cost less than nothing.
    pub(super) fn check_combos(
        &mut self,
        offers: &Offers,
        items: &[Item],
        least: &ByGroup<'_, i64>,
    ) {
        let root = At::Root;
        let lists = root.key("items");
        for (index, item) in items.iter().enumerate() {
            let Some(upgrade) = &item.upgrade else {
                continue;
            };
            let combo = offers.combos.iter().find(|combo| combo.id == upgrade.combo);
            let part = combo.and_then(|combo| combo.part(&upgrade.part));
            if part.is_none_or(|part| part.choice(&item.id).is_none()) {
                let at = lists.index(index);
                let detail = format!(
                    "names the part {:?} of the combo {:?}, which does not take {:?}",
                    upgrade.part, upgrade.combo, item.id
                );
                self.faults.add(&at.key("upgrade"), detail);
            }
        }
        let lists = root.key("combos");
        for (index, combo) in offers.combos.iter().enumerate() {
            let least_of = |part: &Part| {
                let choices = part.choices.iter().map(|choice| {
                    let item = items.iter().find(|item| item.id == choice.item);
                    choice.price + item.map_or(0, |item| least_extra(least, item))
                });
                choices.min().unwrap_or(0)
            };
            let least = combo.parts.iter().map(least_of);
            let least = least.fold(combo.price, i64::saturating_add);
            if least < 0 {
                let at = lists.index(index);
                let detail = format!("can cost {least} with its options; must stay at 0 or more");
                self.faults.add(&at.key("price"), detail);
            }
        }
    }

    fn promotion(
        &mut self,
        value: &Value,
        at: &At<'_>,
        known: &Known,
        categories: &[Category],
    ) -> Option<Promotion> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, PROMOTION_FIELDS, at);
        let id = self.id(&object, at);
        let name = self.field(&object, "name", at, Self::text);
        let off = off(&object, at, &mut self.faults);
        let only = self.meant(&object, at, known, categories);
        let dayparts = self.dayparts_of(&object, at, known);
        let faults = &mut self.faults;
        let coupon = object.optional("coupon", at, faults, code);
        let min_total = object.optional("min_total", at, faults, |v, at, f| {
            whole(v, at, f, 0, TOTAL_LIMIT)
        });
        let from = object.optional("from", at, faults, date);
        let until = object.optional("until", at, faults, date);
        let service = object.optional("service", at, faults, service);
        if from.is_some() && until.is_some() && from > until {
            self.faults.add(&at.key("until"), "is before from");
        }
        Some(Promotion {
            id: id?,
            name: name?,
            off: off?,
            only,
            coupon,
            min_total: min_total.unwrap_or(0),
            dayparts,
            from,
            until,
            service,
        })
    }

    /// The items and combos that a promotion names, itself or by their category.
    fn meant(
        &mut self,
        object: &Object<'_>,
        at: &At<'_>,
        known: &Known,
        categories: &[Category],
    ) -> Option<BTreeSet<String>> {
        let mut sold = known.items.clone();
        sold.extend(known.combos.iter().map(|(id, place)| (id.clone(), *place)));
        let items = self.maybe(object, "items", at, |reading, value, at| {
            reading.references(value, at, &sold, "item or combo")
        });
        let shelves = self.maybe(object, "categories", at, |reading, value, at| {
            reading.references(value, at, &known.categories, "category")
        });
        if items.is_none() && shelves.is_none() {
            return None;
        }
        let shelves = shelves.unwrap_or_default();
        let held = categories
            .iter()
            .filter(|shelf| shelves.contains(&shelf.id))
            .flat_map(|shelf| shelf.items.iter().chain(&shelf.combos).cloned());
        Some(items.unwrap_or_default().into_iter().chain(held).collect())
    }

    fn check_promotions(&mut self, promotions: &[Promotion]) {
        let root = At::Root;
        let at = root.key("promotions");
        if promotions.len() > PROMOTIONS_LIMIT {
            let detail = format!("holds more than {PROMOTIONS_LIMIT} promotions");
            self.faults.add(&at, detail);
        }
        let mut seen = BTreeSet::new();
        for (index, promotion) in promotions.iter().enumerate() {
            if let Some(code) = &promotion.coupon
                && !seen.insert(code)
            {
                let at = at.index(index);
                self.faults
                    .add(&at.key("coupon"), format!("{code:?} is used twice"));
            }
        }
    }

    fn tips(&mut self, value: &Value, at: &At<'_>) -> Option<Tips> {
        let object = Object::read(value, at, &mut self.faults)?;
        self.warn_unknown(&object, TIPS_FIELDS, at);
        let faults = &mut self.faults;
        let percents = object.optional("percents", at, faults, |value, at, faults| {
            list(value, at, faults, share)
        });
        let amount = object.optional("amount", at, faults, boolean);
        let percents = percents.unwrap_or_default();
        if percents.len() > PERCENTS_LIMIT {
            let detail = format!("must hold at most {PERCENTS_LIMIT}");
            self.faults.add(&at.key("percents"), detail);
        }
        Some(Tips {
            percents,
            amount: amount.unwrap_or(false),
        })
    }
}

fn off(object: &Object<'_>, at: &At<'_>, faults: &mut Faults) -> Option<Off> {
    let count = |v: &Value, at: &At<'_>, f: &mut Faults| {
        whole(v, at, f, 1, 99).and_then(|count| u32::try_from(count).ok())
    };
    let kind = object.required("kind", at, faults, filled_text)?;
    match kind {
        "percent" => object
            .required("percent", at, faults, share)
            .map(Off::Percent),
        "amount" => object
            .required("amount", at, faults, |v, at, f| {
                whole(v, at, f, 1, PRICE_LIMIT)
            })
            .map(Off::Amount),
        "buy_get" => {
            let buy = object.required("buy", at, faults, count);
            let get = object.required("get", at, faults, count);
            Some(Off::BuyGet {
                buy: buy?,
                get: get?,
            })
        }
        other => {
            let detail = format!("must be percent, amount or buy_get, not {other:?}");
            faults.add(&at.key("kind"), detail);
            None
        }
    }
}

/// A share above nothing and up to the whole.
fn share(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Rate> {
    match filled_text(value, at, faults)?.parse() {
        Ok(Rate::ZERO) => {
            faults.add(at, "must be more than 0");
            None
        }
        Ok(rate) => Some(rate),
        Err(error) => {
            faults.add(at, format!("{error}"));
            None
        }
    }
}

fn clock_time(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Time> {
    let text = filled_text(value, at, faults)?;
    let time = (text.len() == 5)
        .then(|| Time::strptime("%H:%M", text).ok())
        .flatten();
    if time.is_none() {
        faults.add(at, format!("{text:?} is not a time such as \"06:30\""));
    }
    time
}

fn weekday(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Weekday> {
    let text = filled_text(value, at, faults)?;
    let day = WEEKDAYS.iter().find(|(name, _)| *name == text);
    if day.is_none() {
        let detail = format!("must be one of mon, tue, wed, thu, fri, sat, sun, not {text:?}");
        faults.add(at, detail);
    }
    day.map(|(_, day)| *day)
}

fn date(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Date> {
    let text = filled_text(value, at, faults)?;
    let date = text.parse().ok().filter(|_| text.len() == 10);
    if date.is_none() {
        faults.add(at, format!("{text:?} is not a date such as \"2026-11-20\""));
    }
    date
}

fn service(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<Service> {
    match filled_text(value, at, faults)? {
        "eat_in" => Some(Service::EatIn),
        "take_away" => Some(Service::TakeAway),
        other => {
            let detail = format!("must be eat_in or take_away, not {other:?}");
            faults.add(at, detail);
            None
        }
    }
}

fn code(value: &Value, at: &At<'_>, faults: &mut Faults) -> Option<String> {
    let code = plain_code(filled_text(value, at, faults)?);
    if code.chars().count() > COUPON_LIMIT || code.chars().any(|c| c.is_control() || c == ' ') {
        let detail = format!("must have at most {COUPON_LIMIT} characters and no blanks");
        faults.add(at, detail);
        return None;
    }
    Some(code)
}
