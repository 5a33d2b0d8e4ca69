//! The parts of the dashboard as HTML, in one reader's language and time zone.

use askama::Template;

use super::board::Reader;
use super::facts::{Facts, kiosk_states};
use super::lines::{CareLine, Figures, Hours, KioskLine, OrderLine, StoreLine};
use super::words::Words;
use crate::http::problem::Problem;
use crate::ledger::LedgerError;
use crate::presence::Presence;

#[derive(Template)]
#[template(path = "figures.html")]
struct FiguresPart<'a> {
    words: &'static Words,
    f: &'a Figures,
}

#[derive(Template)]
#[template(path = "hours.html")]
struct HoursPart {
    words: &'static Words,
    h: Hours,
}

#[derive(Template)]
#[template(path = "orders.html")]
struct OrdersPart {
    words: &'static Words,
    orders: Vec<OrderLine>,
}

#[derive(Template)]
#[template(path = "stores.html")]
struct StoresPart {
    words: &'static Words,
    stores: Vec<StoreLine>,
}

#[derive(Template)]
#[template(path = "kiosks.html")]
struct KiosksPart<'a> {
    words: &'static Words,
    f: &'a Figures,
    kiosks: Vec<KioskLine>,
}

#[derive(Template)]
#[template(path = "care.html")]
struct CarePart {
    words: &'static Words,
    care: Vec<CareLine>,
}

/// Every part, under the name of the element that holds it.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Parts {
    pub(crate) figures: String,
    pub(crate) hours: String,
    pub(crate) orders: String,
    pub(crate) stores: String,
    pub(crate) kiosks: String,
    pub(crate) care: String,
}

impl Parts {
    pub(crate) fn render(
        facts: &Facts,
        reader: &Reader,
        presence: &Presence,
    ) -> Result<Self, Problem> {
        let words = reader.words;
        let states = kiosk_states(facts, presence, reader.now);
        let figures = reader.figures(facts, &states);
        let f = &figures;
        let (orders, stores) = (reader.orders(facts), reader.stores(facts));
        let (kiosks, care) = (reader.kiosks(&states), reader.care(facts, &states));
        let h = reader.hours(facts);
        Ok(Self {
            figures: FiguresPart { words, f }.render().map_err(failed)?,
            hours: HoursPart { words, h }.render().map_err(failed)?,
            orders: OrdersPart { words, orders }.render().map_err(failed)?,
            stores: StoresPart { words, stores }.render().map_err(failed)?,
            kiosks: KiosksPart { words, f, kiosks }.render().map_err(failed)?,
            care: CarePart { words, care }.render().map_err(failed)?,
        })
    }

    pub(crate) fn named(&self) -> [(&'static str, &str); 6] {
        [
            ("figures", &self.figures),
            ("hours", &self.hours),
            ("orders", &self.orders),
            ("stores", &self.stores),
            ("kiosks", &self.kiosks),
            ("care", &self.care),
        ]
    }
}

pub(crate) fn failed(error: askama::Error) -> Problem {
    LedgerError::Storage(format!("a page could not be rendered: {error}")).into()
}
