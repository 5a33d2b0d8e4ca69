//! The sheet of one dish: what it holds, what can be chosen, and what that costs.

use askama::Template;
use kiosk_core::menu::{Choice, OptionGroup};

use super::super::text::Language;
use super::{Diner, Elsewhere, Url, allergens, icon};

#[derive(Template)]
#[template(path = "item.html")]
struct Sheet<'a> {
    t: &'a Language,
    id: &'a str,
    name: &'a str,
    elsewhere: Elsewhere<'a>,
    description: &'a str,
    picture: Option<Url>,
    price: String,
    price_minor: i64,
    calories: Option<String>,
    allergens: String,
    sold_out: bool,
    left: Option<u32>,
    groups: Vec<Group<'a>>,
}

struct Group<'a> {
    id: &'a str,
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
    /// The sheet of one dish, if the menu has it.
    ///
    /// # Errors
    /// As [`Diner::page`].
    pub fn sheet(
        &self,
        item: &str,
        language: Option<&str>,
    ) -> Option<Result<String, askama::Error>> {
        let item = self.menu.item(item)?;
        let (tag, t) = self.speak(language);
        let level = (self.stock)(&item.id);
        let sheet = Sheet {
            t,
            id: &item.id,
            name: item.name.get(tag),
            elsewhere: self.elsewhere(&item.name, tag),
            description: item.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(item.picture.as_deref()),
            price: t.money(self.menu.currency, item.price),
            price_minor: item.price,
            calories: item.calories.map(|count| t.count("calories", count)),
            allergens: allergens(item, t).join(&t.say("list-separator")),
            sold_out: !level.sells(),
            left: level.left,
            groups: self
                .menu
                .groups_of(item)
                .map(|group| self.group(group, tag, t))
                .collect(),
        };
        Some(sheet.render())
    }

    fn group(&self, group: &'a OptionGroup, tag: &str, t: &Language) -> Group<'a> {
        let choice = |option: &'a Choice| SheetChoice {
            id: &option.id,
            name: option.name.get(tag),
            price: self.extra(option.price, t),
            minor: option.price,
            quantity: u32::from(option.default),
        };
        Group {
            id: &group.id,
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
