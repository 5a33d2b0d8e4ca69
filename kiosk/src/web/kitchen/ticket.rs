//! One order as the kitchen reads it.

use kiosk_core::menu::Menu;
use kiosk_core::order::{Order, Status};
use kiosk_core::pricing::{Line, LineOption};

use super::Kitchen;
use super::notes::{Piece, allergy, pieces};
use crate::web::staff::{age, clock_time, destination};
use crate::web::text::Language;

/// What the button of a ticket does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bump {
    Start,
    Ready,
    Collect,
    Acknowledge,
    Nothing,
}

pub(super) struct Ticket<'a> {
    pub(super) id: String,
    pub(super) number: &'a str,
    pub(super) status: &'static str,
    pub(super) status_name: String,
    pub(super) place: String,
    pub(super) terminal: Option<&'a str>,
    /// When it was placed, in milliseconds.
    pub(super) placed: i64,
    /// How long ago in digits, such as `8:12`.
    pub(super) age: String,
    /// `fresh`, `care` or `late`.
    pub(super) heat: &'static str,
    /// When it last changed, as time of day.
    pub(super) changed: String,
    /// Notes that speak of an allergy.
    pub(super) alarms: Vec<&'a str>,
    pub(super) reason: Option<&'a str>,
    pub(super) lines: Vec<TicketLine<'a>>,
    pub(super) bump: Bump,
}

pub(super) struct TicketLine<'a> {
    pub(super) item: &'a str,
    pub(super) name: &'a str,
    pub(super) quantity: u32,
    pub(super) station: &'a str,
    /// What the diner changed.
    pub(super) wishes: Vec<String>,
    /// What the dish comes with anyway.
    pub(super) usual: String,
    pub(super) note: Vec<Piece>,
}

impl<'a> Ticket<'a> {
    pub(super) fn new(
        order: &'a Order,
        kitchen: &Kitchen<'a>,
        t: &'static Language,
        tag: &str,
    ) -> Self {
        let menu = kitchen.menu;
        let seconds = age(order.placed_at, kitchen.now);
        let status = order.status.as_str();
        let notes = order.lines.iter().filter_map(|line| line.note.as_deref());
        let mut alarms: Vec<&str> = notes.filter(|note| allergy(note)).collect();
        alarms.sort_unstable();
        alarms.dedup();
        Self {
            id: order.id.to_string(),
            number: &order.number,
            status,
            status_name: t.say(&format!("status-{status}")),
            place: destination(t, order),
            terminal: order.terminal.as_deref(),
            placed: order.placed_at.as_millis(),
            age: format!("{}:{:02}", seconds / 60, seconds % 60),
            heat: kitchen.patience.heat(seconds),
            changed: clock_time(order.changed_at.unwrap_or(order.placed_at), &menu.time_zone),
            alarms,
            reason: order.reason.as_deref(),
            lines: order
                .lines
                .iter()
                .map(|line| TicketLine::new(line, menu, t, tag))
                .collect(),
            bump: match order.status {
                Status::Placed => Bump::Start,
                Status::Preparing => Bump::Ready,
                Status::Ready => Bump::Collect,
                Status::Voided => Bump::Acknowledge,
                Status::Collected => Bump::Nothing,
            },
        }
    }
}

impl<'a> TicketLine<'a> {
    fn new(line: &'a Line, menu: &'a Menu, t: &Language, tag: &str) -> Self {
        let (usual, wishes): (Vec<_>, Vec<_>) = line
            .options
            .iter()
            .partition(|option| is_usual(option, menu));
        let text = |option: &LineOption| match option.quantity {
            1 => option.name.get(tag).to_owned(),
            more => format!("{} ×{more}", option.name.get(tag)),
        };
        let usual: Vec<_> = usual.into_iter().map(text).collect();
        let station = line
            .station
            .as_deref()
            .or_else(|| menu.item(&line.item)?.station.as_deref());
        Self {
            item: &line.item,
            name: line.name.get(tag),
            quantity: line.quantity,
            station: station.unwrap_or_default(),
            wishes: wishes.into_iter().map(text).collect(),
            usual: usual.join(&t.say("list-separator")),
            note: line.note.as_deref().map(pieces).unwrap_or_default(),
        }
    }
}

/// Whether the dish comes with this option unless a diner says otherwise.
pub(crate) fn is_usual(option: &LineOption, menu: &Menu) -> bool {
    let group = menu.group(&option.group);
    let choice = group.and_then(|group| group.option(&option.option));
    option.quantity == 1 && choice.is_some_and(|choice| choice.default)
}
