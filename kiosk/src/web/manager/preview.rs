//! The menu as diners see it: in each of its languages, at each of its times of day.

use askama::Template;
use kiosk_core::combo::Combo;
use kiosk_core::daypart::Dayparts;
use kiosk_core::menu::{Category, Item};

use super::shell::Shell;
use super::store::Store;
use crate::web::pictures::Url;
use crate::web::staff::{asset, icon};
use crate::web::text::{self, Language};

/// What is looked at: in which language, at which time of day.
pub(super) struct View<'a> {
    pub(super) language: Option<&'a str>,
    pub(super) daypart: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "manager/preview.html")]
struct Page<'a> {
    shell: Shell<'a>,
    /// The language that diners read, and its words.
    seen: &'a str,
    languages: Vec<Choice>,
    times: Vec<Choice>,
    shelves: Vec<Shelf<'a>>,
    away: usize,
    away_text: String,
    menu_version: &'a str,
}

/// Something to look at instead.
struct Choice {
    id: String,
    name: String,
    chosen: bool,
}

struct Shelf<'a> {
    name: &'a str,
    cards: Vec<Card<'a>>,
}

struct Card<'a> {
    name: &'a str,
    description: &'a str,
    picture: Option<Url>,
    price: String,
    facts: String,
    asks: String,
    sold_out: bool,
    flag: String,
}

impl Store {
    pub(super) fn preview_page(
        &self,
        view: &View<'_>,
        lang: Option<&str>,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "preview");
        let t = shell.frame.t;
        let seen = self
            .menu
            .language_or_own(view.language.or(Some(shell.frame.tag)));
        let places = self
            .menu
            .dayparts
            .iter()
            .position(|part| Some(part.id.as_str()) == view.daypart);
        let (chosen, running) = match (places, view.daypart) {
            (Some(place), _) => (view.daypart, Dayparts::at([place])),
            (None, Some("none")) => (view.daypart, Dayparts::default()),
            (None, _) => (None, self.menu.running(self.now)),
        };
        let shelves: Vec<_> = self
            .menu
            .categories
            .iter()
            .map(|category| self.preview_shelf(category, running, seen))
            .filter(|shelf| !shelf.cards.is_empty())
            .collect();
        let shown = self.menu.items().iter();
        let away = shown.filter(|item| !item.hours.allow(running)).count();
        Page {
            languages: self
                .menu
                .languages
                .iter()
                .map(|tag| Choice {
                    id: tag.clone(),
                    name: text::find(tag).map_or_else(|| tag.clone(), |t| t.say("language-name")),
                    chosen: tag == seen,
                })
                .collect(),
            times: self.times(chosen, t, shell.frame.tag),
            seen,
            shelves,
            away,
            away_text: t.count("preview-away", super::small(away)),
            menu_version: self.menu.version(),
            shell,
        }
        .render()
    }

    /// The times of day to look at: now, each daypart, and when none of them runs.
    fn times(&self, chosen: Option<&str>, t: &Language, tag: &str) -> Vec<Choice> {
        let choice = |id: &str, name: String| Choice {
            id: id.to_owned(),
            name,
            chosen: chosen.unwrap_or("") == id,
        };
        let mut times = vec![choice("", t.say("preview-now"))];
        let parts = self.menu.dayparts.iter();
        times.extend(parts.map(|part| {
            let name = format!("{} {}", part.name.get(tag), part.hours());
            choice(&part.id, name)
        }));
        if !self.menu.dayparts.is_empty() {
            times.push(choice("none", t.say("preview-none")));
        }
        times
    }

    fn preview_shelf<'a>(
        &'a self,
        category: &'a Category,
        running: Dayparts,
        seen: &str,
    ) -> Shelf<'a> {
        let combos = category.combos.iter().filter_map(|id| self.menu.combo(id));
        let combos = combos.filter(|combo| self.menu.serves(&combo.id, running));
        let items = category.items.iter().filter_map(|id| self.menu.item(id));
        let items = items.filter(|item| item.hours.allow(running));
        let t = text::language(seen);
        let mut cards: Vec<_> = combos
            .map(|combo| self.combo_preview(combo, t, seen))
            .collect();
        cards.extend(items.map(|item| self.item_preview(item, t, seen)));
        Shelf {
            name: category.name.get(seen),
            cards,
        }
    }

    fn combo_preview<'a>(&self, combo: &'a Combo, t: &Language, seen: &str) -> Card<'a> {
        let picture = combo.picture.as_deref();
        Card {
            name: combo.name.get(seen),
            description: combo.description.as_ref().map_or("", |text| text.get(seen)),
            picture: picture.and_then(|name| self.pictures.url(name)),
            price: t.money(self.menu.currency, combo.price),
            facts: String::new(),
            asks: String::new(),
            sold_out: false,
            flag: String::new(),
        }
    }

    fn item_preview<'a>(&self, item: &'a Item, t: &Language, seen: &str) -> Card<'a> {
        let level = self.level(item);
        let calories = item.calories.map(|count| t.count("calories", count));
        let allergens = item.allergens.iter().map(|allergen| {
            let known = t.say_if_known(&format!("allergen-{allergen}"));
            known.unwrap_or_else(|| allergen.clone())
        });
        let facts: Vec<_> = calories.into_iter().chain(allergens).collect();
        let groups = self.menu.groups_of(item);
        let asks: Vec<_> = groups
            .map(|group| group.name.get(seen).to_owned())
            .collect();
        Card {
            name: item.name.get(seen),
            description: item.description.as_ref().map_or("", |text| text.get(seen)),
            picture: self.picture(item),
            price: t.money(self.menu.currency, item.price),
            facts: facts.join(&t.say("list-separator")),
            asks: asks.join(&t.say("list-comma")),
            sold_out: !level.sells(),
            flag: match level.left {
                _ if !level.sells() => t.say("sold-out"),
                Some(left) => t.count("left", left),
                None => String::new(),
            },
        }
    }
}
