//! The sheet of one dish: what it holds, what can be chosen, and what that costs.
//!
//! Every question is a fieldset. Those of a combo's parts come first, each followed by the questions
//! of the items that can fill it; a group that an option opens stands behind the groups before it.
//! The page's script shows what is asked by what is chosen.

use askama::Template;
use kiosk_core::combo::{Combo, Part, PartChoice};
use kiosk_core::menu::{Choice, Item, OptionGroup};

use super::super::text::Language;
use super::{Diner, Elsewhere, Url, allergens, foreign, icon, is_forced};

#[derive(Template)]
#[template(path = "item.html")]
struct Sheet<'a> {
    t: &'a Language,
    foreign: Option<&'a str>,
    id: &'a str,
    name: &'a str,
    elsewhere: Elsewhere<'a>,
    description: &'a str,
    picture: Option<Url>,
    price: String,
    price_minor: i64,
    calories: Option<String>,
    /// None for a combo, whose items tell their own.
    allergens: Option<String>,
    sold_out: bool,
    left: Option<u32>,
    upgrade: Option<UpgradeOffer<'a>>,
    groups: Vec<Group<'a>>,
}

/// The combo that a dish can be made into.
struct UpgradeOffer<'a> {
    combo: &'a str,
    part: &'a str,
    title: String,
    description: &'a str,
    picture: Option<Url>,
    price: String,
}

struct Group<'a> {
    id: &'a str,
    /// The part of a combo that this is about.
    part: bool,
    /// The part and the item whose question this is; empty outside combos.
    scope: String,
    /// The options that open it, as `group.option`, separated by blanks.
    opened_by: String,
    /// Whether the item asks it in any case.
    own: bool,
    name: &'a str,
    rule: String,
    min: u32,
    max: u32,
    kind: Kind,
    choices: Vec<SheetChoice<'a>>,
}

struct SheetChoice<'a> {
    id: &'a str,
    name: &'a str,
    price: String,
    minor: i64,
    quantity: u32,
    /// What an allergic diner must know of it.
    facts: String,
    /// The same as the menu says it, separated by blanks, for the script.
    holds: String,
    sold_out: bool,
}

/// How the options of a group are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// One of them.
    One,
    /// Each once at most.
    Several,
    /// Each as often as liked.
    Counted,
}

impl<'a> Diner<'a> {
    /// The sheet of one dish or combo, if the menu has it.
    ///
    /// # Errors
    /// As [`Diner::page`].
    pub fn sheet(&self, id: &str, language: Option<&str>) -> Option<Result<String, askama::Error>> {
        let (tag, t) = self.speak(language);
        let sheet = match (self.menu.item(id), self.menu.combo(id)) {
            (Some(item), _) => self.item_sheet(item, tag, t),
            (None, Some(combo)) => self.combo_sheet(combo, tag, t),
            (None, None) => return None,
        };
        Some(sheet.render())
    }

    fn item_sheet<'s>(&'s self, item: &'s Item, tag: &'s str, t: &'s Language) -> Sheet<'s> {
        let level = (self.stock)(&item.id);
        Sheet {
            t,
            foreign: foreign(tag, t),
            id: &item.id,
            name: item.name.get(tag),
            elsewhere: self.elsewhere(&item.name, tag),
            description: item.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(item.picture.as_deref()),
            price: t.money(self.menu.currency, item.price),
            price_minor: item.price,
            calories: item.calories.map(|count| t.count("calories", count)),
            allergens: Some(allergens(&item.allergens, t).join(&t.say("list-separator"))),
            sold_out: !self.sells(item),
            left: level.left,
            upgrade: self.upgrade(item, tag, t),
            groups: self.groups(item, "", tag, t),
        }
    }

    fn combo_sheet<'s>(&'s self, combo: &'s Combo, tag: &'s str, t: &'s Language) -> Sheet<'s> {
        let mut groups = Vec::new();
        for part in &combo.parts {
            groups.push(self.part(part, tag, t));
            let items = part
                .choices
                .iter()
                .filter_map(|one| self.menu.item(&one.item));
            for item in items {
                let scope = format!("{} {}", part.id, item.id);
                groups.extend(self.groups(item, &scope, tag, t));
            }
        }
        Sheet {
            t,
            foreign: foreign(tag, t),
            id: &combo.id,
            name: combo.name.get(tag),
            elsewhere: self.elsewhere(&combo.name, tag),
            description: combo.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(combo.picture.as_deref()),
            price: t.money(self.menu.currency, combo.price),
            price_minor: combo.price,
            calories: None,
            allergens: None,
            sold_out: !self.sells_combo(combo),
            left: None,
            upgrade: None,
            groups,
        }
    }

    fn upgrade<'s>(
        &'s self,
        item: &'s Item,
        tag: &'s str,
        t: &Language,
    ) -> Option<UpgradeOffer<'s>> {
        let upgrade = item.upgrade.as_ref()?;
        let combo = self.menu.combo(&upgrade.combo)?;
        if !self.sells_combo(combo) || !self.sells(item) {
            return None;
        }
        let part = combo.part(&upgrade.part)?;
        let adds = combo.price + part.choice(&item.id)?.price - item.price;
        Some(UpgradeOffer {
            combo: &combo.id,
            part: &part.id,
            title: t.say_one("upgrade", "combo", combo.name.get(tag)),
            description: combo.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(combo.picture.as_deref()),
            price: self.extra(adds, t),
        })
    }

    fn part<'s>(&'s self, part: &'s Part, tag: &'s str, t: &Language) -> Group<'s> {
        let sells = |choice: &PartChoice| {
            let item = self.menu.item(&choice.item);
            item.is_some_and(|item| self.sells(item))
        };
        let preset = part
            .preset()
            .filter(|choice| sells(choice))
            .or_else(|| part.choices.iter().find(|choice| sells(choice)));
        let choice = |choice: &'s PartChoice| {
            let item = self.menu.item(&choice.item)?;
            Some(SheetChoice {
                id: &item.id,
                name: item.name.get(tag),
                price: self.extra(choice.price, t),
                minor: choice.price,
                quantity: u32::from(preset.is_some_and(|preset| preset.item == item.id)),
                facts: allergens(&item.allergens, t).join(&t.say("list-separator")),
                holds: String::new(),
                sold_out: !sells(choice),
            })
        };
        Group {
            id: &part.id,
            part: true,
            scope: String::new(),
            opened_by: String::new(),
            own: true,
            name: part.name.get(tag),
            rule: t.say("choose-one"),
            min: 1,
            max: 1,
            kind: Kind::One,
            choices: part.choices.iter().filter_map(choice).collect(),
        }
    }

    /// The questions of an item, those that options open behind those that hold them.
    fn groups<'s>(
        &'s self,
        item: &'s Item,
        scope: &str,
        tag: &'s str,
        t: &Language,
    ) -> Vec<Group<'s>> {
        let asked = self.menu.asked_by(item);
        let groups = asked.iter().map(|group| {
            let openers: Vec<(&OptionGroup, &Choice)> = asked
                .iter()
                .flat_map(|of| of.options.iter().map(|option| (*of, option)))
                .filter(|(_, option)| option.option_groups.contains(&group.id))
                .collect();
            let own = item.option_groups.contains(&group.id);
            // Who may choose an option twice may want two answers to what it asks.
            let often = openers.len() + usize::from(own) > 1
                || openers.iter().any(|(of, _)| kind(of) == Kind::Counted);
            let opened_by: Vec<String> = openers
                .iter()
                .map(|(of, option)| format!("{}.{}", of.id, option.id))
                .collect();
            Group {
                scope: scope.to_owned(),
                opened_by: opened_by.join(" "),
                own,
                kind: if often { Kind::Counted } else { kind(group) },
                ..self.group(group, tag, t)
            }
        });
        groups.collect()
    }

    fn group<'s>(&'s self, group: &'s OptionGroup, tag: &'s str, t: &Language) -> Group<'s> {
        let choice = |option: &'s Choice| SheetChoice {
            id: &option.id,
            name: option.name.get(tag),
            price: self.extra(option.price, t),
            minor: option.price,
            quantity: u32::from(option.default || is_forced(group)),
            facts: allergens(&option.allergens, t).join(&t.say("list-separator")),
            holds: option.allergens.join(" "),
            sold_out: false,
        };
        Group {
            id: &group.id,
            part: false,
            scope: String::new(),
            opened_by: String::new(),
            own: true,
            name: group.name.get(tag),
            rule: rule(group, t),
            min: group.min,
            max: group.max,
            kind: kind(group),
            choices: group.options.iter().map(choice).collect(),
        }
    }

    /// What an option adds to the price; nothing where it adds nothing.
    fn extra(&self, minor: i64, t: &Language) -> String {
        let amount = t.money(self.menu.currency, minor);
        match minor {
            0 => String::new(),
            ..0 => amount,
            _ => t.say_one("extra", "price", &amount),
        }
    }
}

/// Extras that cost something, and scoops of which one may be had twice, are counted; wishes that
/// cost nothing, such as "no scallion", are said once.
pub(super) fn kind(group: &OptionGroup) -> Kind {
    match group.max {
        0 | 1 => Kind::One,
        _ if group.min > 1 || group.options.iter().any(|option| option.price != 0) => Kind::Counted,
        _ => Kind::Several,
    }
}

fn rule(group: &OptionGroup, t: &Language) -> String {
    match (group.min, group.max) {
        (1, 1) => t.say("choose-one"),
        (0, 1) => t.say("choose-one-optional"),
        (0, max) => t.count("choose-up-to", max),
        (min, max) if min == max => t.count("choose-exactly", max),
        (min, max) => {
            let mut args = fluent_bundle::FluentArgs::new();
            args.set("min", min);
            args.set("max", max);
            t.say_with("choose-between", &args)
        }
    }
}
