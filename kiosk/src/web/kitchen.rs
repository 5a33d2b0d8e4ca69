//! The kitchen's screen: tickets by age, station by station, and the pass where ready orders wait.
//!
//! What is on a ticket is written here. Which station a screen looks at, which lines are struck and
//! which voids were seen belongs to that screen alone and stays in its browser.

mod notes;
mod ticket;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use kiosk_core::menu::Menu;
use kiosk_core::order::{Order, Status};
use kiosk_core::wall::WallTime;

pub(crate) use self::notes::allergy;
pub(crate) use self::ticket::is_usual;
use self::ticket::{Bump, Ticket};
use super::AppState;
use super::error::Problem;
use super::staff::{
    Frame, KitchenStaff, age, answer, asset, clock_time, icon, station_name, worked_on,
};
use crate::clock;
use crate::settings::Patience;
use crate::status::LinkMode;

/// Ready orders that nobody collected leave the pass.
const PASS_SECONDS: i64 = 60 * 60;
/// Voided orders are shown for so long, unless they are acknowledged before.
const VOID_SECONDS: i64 = 2 * 60 * 60;
/// Tickets that can be called back.
const RECALLED: usize = 20;
const ALL: &[Status] = &[
    Status::Placed,
    Status::Preparing,
    Status::Ready,
    Status::Collected,
    Status::Voided,
];
/// What this screen's script says.
const WORDS: &[&str] = &[
    "kitchen-start",
    "kitchen-ready",
    "kitchen-mine",
    "kitchen-mine-done",
    "kitchen-new",
    "kitchen-voided",
    "kitchen-more",
];

/// What the kitchen's screen is made from.
pub(super) struct Kitchen<'a> {
    pub(super) menu: &'a Menu,
    /// Oldest first.
    pub(super) orders: &'a [Order],
    pub(super) offline: bool,
    pub(super) patience: Patience,
    pub(super) now: WallTime,
}

#[derive(Template)]
#[template(path = "kitchen.html")]
struct Page<'a> {
    frame: Frame<'a>,
    stations: Vec<Station<'a>>,
    tickets: Vec<Ticket<'a>>,
    pass: Vec<Ticket<'a>>,
    recalled: Vec<Ticket<'a>>,
    offline: bool,
    clock: String,
    now: i64,
    care: i64,
    late: i64,
}

struct Station<'a> {
    id: &'a str,
    name: String,
}

/// `GET /kitchen`
pub(super) async fn page(
    KitchenStaff(look): KitchenStaff,
    State(state): State<AppState>,
) -> Result<Response, Problem> {
    let now = clock::wall();
    let orders = worked_on(&state, ALL, now).await?;
    let orders: Vec<Order> = orders.into_iter().map(|stored| stored.order).collect();
    let menu = state.menu();
    let kitchen = Kitchen {
        menu: &menu,
        orders: &orders,
        offline: state.link.mode() == LinkMode::Offline,
        patience: state.settings.patience(),
        now,
    };
    answer(kitchen.page(look.lang.as_deref()))
}

impl<'a> Kitchen<'a> {
    /// The page in the wanted language.
    pub(super) fn page(&self, lang: Option<&'a str>) -> Result<String, askama::Error> {
        let frame = Frame::new(self.menu, lang, WORDS);
        let ticket = |order: &&'a Order| Ticket::new(order, self, frame.t, frame.tag);
        let since = |order: &Order| age(order.changed_at.unwrap_or(order.placed_at), self.now);
        let on_the_rail = self.orders.iter().filter(|order| match order.status {
            Status::Placed | Status::Preparing => true,
            Status::Voided => since(order) < VOID_SECONDS,
            Status::Ready | Status::Collected => false,
        });
        let on_the_pass = self
            .orders
            .iter()
            .filter(|order| order.status == Status::Ready && since(order) < PASS_SECONDS);
        let mut finished: Vec<&Order> = self
            .orders
            .iter()
            .filter(|order| matches!(order.status, Status::Ready | Status::Collected))
            .collect();
        finished.sort_by_key(|order| since(order));
        finished.truncate(RECALLED);
        Page {
            stations: self.stations(&frame),
            tickets: on_the_rail.map(|order| ticket(&order)).collect(),
            pass: on_the_pass.map(|order| ticket(&order)).collect(),
            recalled: finished.iter().map(ticket).collect(),
            offline: self.offline,
            clock: clock_time(self.now, &self.menu.time_zone),
            now: self.now.as_millis(),
            care: self.patience.care,
            late: self.patience.late,
            frame,
        }
        .render()
    }

    /// The stations that the menu names, in its order.
    fn stations(&self, frame: &Frame<'_>) -> Vec<Station<'a>> {
        let mut stations: Vec<Station<'a>> = Vec::new();
        for id in self
            .menu
            .items()
            .iter()
            .filter_map(|item| item.station.as_deref())
        {
            if stations.iter().all(|known| known.id != id) {
                let name = station_name(frame.t, id);
                stations.push(Station { id, name });
            }
        }
        stations
    }
}

#[cfg(test)]
mod tests;
