//! The pickup board: numbers that are being prepared, and those that are ready.
//!
//! It hangs where everybody sees it, so it holds numbers and how far they are, and nothing that leads
//! to an order.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use kiosk_core::menu::Menu;
use kiosk_core::order::{Order, Status};
use kiosk_core::wall::WallTime;

use super::AppState;
use super::error::Problem;
use super::staff::{Frame, Look, age, answer, asset, clock_time, worked_on};
use super::text::{self, Language};
use crate::clock;

/// A number that has just become ready stands out for so long.
const NEW_SECONDS: i64 = 30;
/// What the board shows.
const SHOWN: &[Status] = &[Status::Placed, Status::Preparing, Status::Ready];
/// Two languages are large enough to read from afar; more are not.
const LANGUAGES: usize = 2;

#[derive(Template)]
#[template(path = "board.html")]
struct Page<'a> {
    frame: Frame<'a>,
    voices: Vec<Voice<'a>>,
    preparing: Vec<&'a str>,
    ready: Vec<Ready<'a>>,
    clock: String,
    ready_seconds: i64,
    new_seconds: i64,
}

/// A language that the board speaks.
struct Voice<'a> {
    t: &'static Language,
    tag: &'a str,
    shop: &'a str,
}

struct Ready<'a> {
    number: &'a str,
    /// For how many seconds it has been ready.
    since: i64,
}

/// `GET /board`
pub(super) async fn page(
    State(state): State<AppState>,
    Query(look): Query<Look>,
) -> Result<Response, Problem> {
    let now = clock::wall();
    let orders = worked_on(&state, SHOWN, now).await?;
    let orders: Vec<Order> = orders.into_iter().map(|stored| stored.order).collect();
    let menu = state.menu();
    let stays = state.settings.board_ready();
    answer(render(&menu, &orders, look.lang.as_deref(), stays, now))
}

/// The board of these orders, oldest first. A number that is ready stays for so many seconds, unless
/// it is collected before.
pub(super) fn render(
    menu: &Menu,
    orders: &[Order],
    lang: Option<&str>,
    ready_seconds: i64,
    now: WallTime,
) -> Result<String, askama::Error> {
    let frame = Frame::new(menu, lang, &[]);
    let preparing = orders
        .iter()
        .filter(|order| matches!(order.status, Status::Placed | Status::Preparing));
    let mut ready: Vec<_> = orders
        .iter()
        .filter(|order| order.status == Status::Ready)
        .map(|order| Ready {
            number: &order.number,
            since: age(order.changed_at.unwrap_or(order.placed_at), now),
        })
        .filter(|ready| ready.since < ready_seconds)
        .collect();
    ready.sort_by_key(|ready| ready.since);
    Page {
        voices: voices(menu, &frame),
        preparing: preparing.map(|order| order.number.as_str()).collect(),
        ready,
        clock: clock_time(now, &menu.time_zone),
        ready_seconds,
        new_seconds: NEW_SECONDS,
        frame,
    }
    .render()
}

/// The page's language first, then the menu's others.
fn voices<'a>(menu: &'a Menu, frame: &Frame<'a>) -> Vec<Voice<'a>> {
    let others = menu.languages.iter().map(String::as_str);
    let others = others.filter(|tag| *tag != frame.tag && text::find(tag).is_some());
    std::iter::once(frame.tag)
        .chain(others)
        .take(LANGUAGES)
        .map(|tag| Voice {
            t: text::language(tag),
            tag,
            shop: menu.name.get(tag),
        })
        .collect()
}

#[cfg(test)]
mod tests;
