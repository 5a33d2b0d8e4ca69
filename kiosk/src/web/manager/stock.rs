//! Sold-out and stock switches: what is turned here is on every screen at once.

use askama::Template;
use kiosk_core::menu::{Category, Item};

use super::shell::Shell;
use super::store::Store;
use crate::web::pictures::Url;
use crate::web::staff::{asset, icon};
use crate::web::text::Language;

#[derive(Template)]
#[template(path = "manager/stock.html")]
struct Page<'a> {
    shell: Shell<'a>,
    shelves: Vec<Shelf<'a>>,
    menu_version: &'a str,
}

struct Shelf<'a> {
    name: &'a str,
    items: Vec<StockRow<'a>>,
}

/// A dish and what may be sold of it.
pub(super) struct StockRow<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) picture: Option<Url>,
    pub(super) price: String,
    pub(super) available: bool,
    pub(super) sells: bool,
    pub(super) left: Option<u32>,
    pub(super) text: String,
}

impl Store {
    pub(super) fn stock_page(&self, lang: Option<&str>) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "stock");
        let shelf = |category| self.shelf(category, shell.frame.t, shell.frame.tag);
        Page {
            shelves: self.menu.categories.iter().map(shelf).collect(),
            menu_version: self.menu.version(),
            shell,
        }
        .render()
    }

    fn shelf<'a>(&'a self, category: &'a Category, t: &Language, tag: &str) -> Shelf<'a> {
        let items = category.items.iter().filter_map(|id| self.menu.item(id));
        Shelf {
            name: category.name.get(tag),
            items: items.map(|item| self.stock_row(item, t, tag)).collect(),
        }
    }

    pub(super) fn stock_row<'a>(&self, item: &'a Item, t: &Language, tag: &str) -> StockRow<'a> {
        let level = self.level(item);
        let text = match level.left {
            _ if !level.available => t.say("stock-off"),
            Some(0) => t.say("stock-none-left"),
            Some(left) => t.count("stock-left", left),
            None => t.say("stock-uncounted"),
        };
        StockRow {
            id: &item.id,
            name: item.name.get(tag),
            picture: self.picture(item),
            price: t.money(self.menu.currency, item.price),
            available: level.available,
            sells: level.sells(),
            left: level.left,
            text,
        }
    }
}
