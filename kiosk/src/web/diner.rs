//! The diner's pages: one page that holds the whole menu, and a sheet for each dish.
//!
//! The server writes every name and amount in the page's language. The cart lives in the browser, so
//! that it outlives a restart of the kiosk; what it costs is what `POST /api/v1/quotes` says.

mod facts;
mod sheet;

use askama::Template;
use kiosk_core::combo::Combo;
use kiosk_core::daypart::Dayparts;
use kiosk_core::menu::{Category, Item, Menu, OptionGroup};
use kiosk_core::stock::Level;
use kiosk_core::text::Text;

use super::assets;
use super::pictures::{Pictures, Url};
use super::text::{self, Language, Live, MoneyFormat};

/// From here on down a card tells how many are left.
const FEW: u32 = 5;
/// How many dishes move past on the first screen.
const BELT: usize = 16;
/// Drawn for eating in and for taking away.
const PLATE: &str = "🍽";
const BOX: &str = "🥡";

/// What the diner's pages are made from.
#[derive(Clone, Copy)]
pub struct Diner<'a> {
    /// The menu in force.
    pub menu: &'a Menu,
    /// What may be sold of an item now.
    pub stock: &'a dyn Fn(&str) -> Level,
    /// Where pictures are.
    pub pictures: &'a Pictures,
    /// The dayparts that run now; what is served at other times is not shown.
    pub running: Dayparts,
    /// Whether the cloud is out of reach now.
    pub offline: bool,
    /// Whether a phone in the store reaches this kiosk.
    pub reached: bool,
}

/// A name in another of the menu's languages, with its tag.
type Elsewhere<'a> = Vec<(&'a str, &'a str)>;

#[derive(Template)]
#[template(path = "diner.html")]
struct Page<'a> {
    t: &'a Language,
    /// The language of the menu's texts, if the screens don't speak it.
    foreign: Option<&'a str>,
    shop: &'a str,
    shop_elsewhere: Elsewhere<'a>,
    languages: Vec<LanguageChoice<'a>>,
    shelves: Vec<Shelf<'a>>,
    belt: Vec<Url>,
    hero: Option<Url>,
    eat_in: Option<&'static str>,
    take_away: Option<&'static str>,
    inclusive: bool,
    offline: bool,
    coupons: bool,
    tips: Option<TipChoices>,
    zero: String,
    facts: String,
}

/// What can be given on top.
struct TipChoices {
    /// Shares, as the API and as people write them.
    percents: Vec<(String, String)>,
    /// Whether any amount can be named.
    amount: bool,
}

#[derive(Template)]
#[template(path = "about.html")]
struct About<'a> {
    t: &'a Language,
    shop: &'a str,
    languages: Vec<LanguageChoice<'a>>,
    version: &'static str,
    menu_version: &'a str,
    belt: Vec<Url>,
}

struct LanguageChoice<'a> {
    tag: &'a str,
    name: String,
    chosen: bool,
}

struct Shelf<'a> {
    id: &'a str,
    name: &'a str,
    elsewhere: Elsewhere<'a>,
    picture: Option<Url>,
    cards: Vec<Card<'a>>,
}

struct Card<'a> {
    id: &'a str,
    name: &'a str,
    description: &'a str,
    picture: Option<Url>,
    facts: String,
    price: String,
    /// What one costs as it comes, its preselected options included.
    unit: i64,
    /// The preselected options as `group.option`, separated by blanks.
    chosen: String,
    /// Whether something has to be chosen before it can be ordered.
    asks: bool,
    sold_out: bool,
    left: Option<u32>,
    flag: String,
}

impl<'a> Diner<'a> {
    /// The diner's page in the wanted language, or in the menu's own.
    ///
    /// # Errors
    /// None that a built binary can meet: writing to a string does not fail.
    pub fn page(&self, language: Option<&str>) -> Result<String, askama::Error> {
        let (tag, t) = self.speak(language);
        let shelves: Vec<_> = self
            .menu
            .categories
            .iter()
            .map(|category| self.shelf(category, tag, t))
            .filter(|shelf| !shelf.cards.is_empty())
            .collect();
        let mut belt: Vec<_> = (0..4)
            .flat_map(|row| {
                shelves
                    .iter()
                    .filter_map(move |shelf| shelf.cards.get(row)?.picture.clone())
            })
            .collect();
        belt.dedup();
        belt.truncate(BELT);
        let inclusive = self.menu.taxes.iter().all(|tax| tax.inclusive);
        Page {
            t,
            foreign: foreign(tag, t),
            shop: self.menu.name.get(tag),
            shop_elsewhere: self.elsewhere(&self.menu.name, tag),
            languages: self.languages(tag),
            hero: belt.first().cloned(),
            belt,
            shelves,
            eat_in: assets::picture(PLATE),
            take_away: assets::picture(BOX),
            inclusive,
            offline: self.offline,
            coupons: self.menu.promotions.iter().any(|off| off.coupon.is_some()),
            tips: self.menu.tips.as_ref().map(tip_choices),
            zero: t.money(self.menu.currency, 0),
            facts: self.facts(tag, t, inclusive),
        }
        .render()
    }

    /// What this is, its version, its licences and whose pictures it shows.
    ///
    /// # Errors
    /// As [`Diner::page`].
    pub fn about(&self, language: Option<&str>) -> Result<String, askama::Error> {
        let (tag, t) = self.speak(language);
        let pictures = self
            .menu
            .items()
            .iter()
            .filter_map(|item| self.picture(item.picture.as_deref()));
        About {
            t,
            shop: self.menu.name.get(tag),
            languages: self.languages(tag),
            version: env!("CARGO_PKG_VERSION"),
            menu_version: self.menu.version(),
            belt: pictures.take(BELT).collect(),
        }
        .render()
    }

    /// The language of the menu's texts and of ours. They differ where the menu speaks one that the
    /// screens don't.
    fn speak<'m>(&'m self, wanted: Option<&'m str>) -> (&'m str, &'static Language) {
        let tag = self.menu.language_or_own(wanted);
        (tag, text::language(tag))
    }

    fn languages(&self, chosen: &str) -> Vec<LanguageChoice<'a>> {
        let spoken = self
            .menu
            .languages
            .iter()
            .filter_map(|tag| Some((tag, text::find(tag)?)));
        spoken
            .map(|(tag, t)| LanguageChoice {
                tag,
                name: t.say("language-name"),
                chosen: tag == chosen,
            })
            .collect()
    }

    /// A name in the menu's first language that is not the page's: a shop sign in two scripts.
    fn elsewhere<'m>(&self, name: &'m Text, tag: &str) -> Elsewhere<'m>
    where
        'a: 'm,
    {
        let here = name.get(tag);
        let others = self
            .menu
            .languages
            .iter()
            .map(String::as_str)
            .filter(|other| *other != tag);
        let names = others.map(|other| (other, name.get(other)));
        names.filter(|(_, name)| *name != here).take(1).collect()
    }

    fn shelf(&self, category: &'a Category, tag: &str, t: &Language) -> Shelf<'a> {
        let combos = category.combos.iter().filter_map(|id| self.menu.combo(id));
        let combos = combos.filter(|combo| self.menu.serves(&combo.id, self.running));
        let items = category.items.iter().filter_map(|id| self.menu.item(id));
        let items = items.filter(|item| item.hours.allow(self.running));
        let mut cards: Vec<_> = combos.map(|combo| self.combo_card(combo, tag, t)).collect();
        cards.extend(items.map(|item| self.card(item, tag, t)));
        Shelf {
            id: &category.id,
            name: category.name.get(tag),
            elsewhere: self.elsewhere(&category.name, tag),
            picture: self
                .picture(category.picture.as_deref())
                .or_else(|| cards.iter().find_map(|card| card.picture.clone())),
            cards,
        }
    }

    fn card(&self, item: &'a Item, tag: &str, t: &Language) -> Card<'a> {
        let level = (self.stock)(&item.id);
        let mut facts: Vec<_> = item
            .calories
            .iter()
            .map(|count| t.count("calories", *count))
            .collect();
        facts.extend(allergens(&item.allergens, t));
        let groups: Vec<_> = self.menu.groups_of(item).collect();
        let defaults = groups.iter().flat_map(|group| {
            let forced = is_forced(group);
            let options = group.options.iter();
            let chosen = options.filter(move |option| option.default || forced);
            chosen.map(|option| (group.id.as_str(), option))
        });
        let defaults: Vec<_> = defaults.collect();
        let unit = item.price + defaults.iter().map(|(_, option)| option.price).sum::<i64>();
        let chosen: Vec<_> = defaults
            .iter()
            .map(|(group, option)| format!("{group}.{}", option.id))
            .collect();
        Card {
            id: &item.id,
            name: item.name.get(tag),
            description: item.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(item.picture.as_deref()),
            facts: facts.join(&t.say("list-separator")),
            price: t.money(self.menu.currency, unit),
            unit,
            chosen: chosen.join(" "),
            asks: groups.iter().any(|group| preselected(group) < group.min),
            sold_out: !level.sells(),
            left: level.left,
            flag: flag(level, t),
        }
    }

    fn combo_card(&self, combo: &'a Combo, tag: &str, t: &Language) -> Card<'a> {
        let sold_out = !self.sells_combo(combo);
        Card {
            id: &combo.id,
            name: combo.name.get(tag),
            description: combo.description.as_ref().map_or("", |text| text.get(tag)),
            picture: self.picture(combo.picture.as_deref()),
            facts: String::new(),
            price: t.money(self.menu.currency, combo.price),
            unit: combo.price,
            chosen: String::new(),
            asks: true,
            sold_out,
            left: None,
            flag: if sold_out {
                t.say("sold-out")
            } else {
                String::new()
            },
        }
    }

    /// Whether an item can be had now.
    fn sells(&self, item: &Item) -> bool {
        item.hours.allow(self.running) && (self.stock)(&item.id).sells()
    }

    /// Whether a combo can be had now: every part by something.
    fn sells_combo(&self, combo: &Combo) -> bool {
        let fills = |id: &str| self.menu.item(id).is_some_and(|item| self.sells(item));
        let mut parts = combo.parts.iter();
        (self.stock)(&combo.id).sells()
            && combo.hours.allow(self.running)
            && parts.all(|part| part.choices.iter().any(|choice| fills(&choice.item)))
    }

    fn picture(&self, name: Option<&str>) -> Option<Url> {
        name.and_then(|name| self.pictures.url(name))
    }
}

fn tip_choices(tips: &kiosk_core::tip::Tips) -> TipChoices {
    let share = |rate: &kiosk_core::money::Rate| {
        let rate = rate.to_string();
        let told = text::percent(&rate);
        (rate, told)
    };
    TipChoices {
        percents: tips.percents.iter().map(share).collect(),
        amount: tips.amount,
    }
}

/// The menu's language where ours is another.
fn foreign<'t>(tag: &'t str, t: &Language) -> Option<&'t str> {
    (tag != t.tag()).then_some(tag)
}

/// For templates: the URL of an embedded file.
fn asset(name: &str) -> &'static str {
    assets::url(name)
}

/// For templates: one of our small signs, in the colour of the text around it.
fn icon(name: &str) -> String {
    let url = assets::url("icons.svg");
    format!(r#"<svg class="icon" aria-hidden="true"><use href="{url}#{name}"/></svg>"#)
}

fn allergens(ids: &[String], t: &Language) -> Vec<String> {
    ids.iter().map(|id| allergen(id, t)).collect()
}

fn allergen(id: &str, t: &Language) -> String {
    t.say_if_known(&format!("allergen-{id}"))
        .unwrap_or_else(|| id.to_owned())
}

fn flag(level: Level, t: &Language) -> String {
    match level.left {
        _ if !level.sells() => t.say("sold-out"),
        Some(left) if left <= FEW => t.count("left", left),
        _ => String::new(),
    }
}

/// Whether there is but one answer to a question that must be answered: then it is not asked.
fn is_forced(group: &OptionGroup) -> bool {
    (group.min, group.max, group.options.len()) == (1, 1, 1)
}

fn preselected(group: &OptionGroup) -> u32 {
    if is_forced(group) {
        return 1;
    }
    group
        .options
        .iter()
        .map(|option| u32::from(option.default))
        .sum()
}

#[cfg(test)]
mod tests;
