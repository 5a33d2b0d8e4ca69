//! What a kitchen station works from.

use kiosk_core::order::Status;
use kiosk_core::pricing::Line;
use kiosk_paper::{Block, Sheet, all, banner, cut, maybe, pair, rule, space, text, when};

use super::{Slip, copy_mark, moment};
use crate::web::kitchen::{allergy, is_usual};
use crate::web::staff::{clock_time, destination, station_name};

/// What of an order goes to a station.
#[derive(Clone, Copy)]
pub struct Ticket<'a> {
    /// The station; none for dishes that belong to no station.
    pub station: Option<&'a str>,
    /// Its dishes.
    pub lines: &'a [&'a Line],
    /// Whether they are not to be made after all.
    pub void: bool,
}

/// The ticket of one station, in the kitchen's language.
#[must_use]
pub fn ticket(slip: &Slip<'_>, ticket: &Ticket<'_>) -> Sheet {
    let (order, t) = (slip.order, slip.t());
    let void = ticket.void || order.status == Status::Voided;
    let station = ticket
        .station
        .map_or_else(|| t.say("paper-kitchen"), |name| station_name(t, name));
    let dishes = all(ticket.lines.iter().map(|line| dish(slip, line)));
    let reason = order.reason.as_deref().filter(|_| void);
    Sheet::new(
        slip.language,
        t.say_one("paper-ticket", "number", &order.number),
        [
            copy_mark(slip.copy, t),
            when(void, banner(t.say("paper-void"))),
            maybe(reason, |reason| {
                text(t.say_one("paper-reason", "reason", reason))
                    .tall()
                    .bold()
            }),
            pair(station, clock_time(order.placed_at, &slip.menu.time_zone))
                .large()
                .bold(),
            text(&order.number).huge().bold().centred(),
            text(destination(t, order)).large().centred(),
            rule(),
            all(alarms(ticket.lines).into_iter().map(|note| {
                text(t.say_one("kitchen-allergy", "note", note))
                    .tall()
                    .bold()
                    .inverted()
            })),
            if void { dishes.struck() } else { dishes },
            rule(),
            text(moment(order.placed_at, slip.menu)),
            space(),
            cut(),
        ],
    )
}

/// What follows a ticket that came out of a printer after it had been taken back from it.
#[must_use]
pub fn disowned(slip: &Slip<'_>, station: Option<&str>) -> Sheet {
    let (order, t) = (slip.order, slip.t());
    let station = station.map_or_else(|| t.say("paper-kitchen"), |name| station_name(t, name));
    Sheet::new(
        slip.language,
        t.say_one("paper-ticket", "number", &order.number),
        [
            banner(t.say("paper-taken-back")),
            pair(station, clock_time(order.placed_at, &slip.menu.time_zone))
                .large()
                .bold(),
            text(&order.number).huge().bold().centred(),
            text(t.say("paper-taken-back-why")).tall(),
            space(),
            cut(),
        ],
    )
}

fn dish(slip: &Slip<'_>, line: &Line) -> Block {
    let (usual, wishes): (Vec<_>, Vec<_>) = line
        .options
        .iter()
        .partition(|option| is_usual(option, slip.menu));
    let usual: Vec<_> = usual
        .into_iter()
        .map(|option| slip.option(option))
        .collect();
    let usual = usual.join(&slip.t().say("list-comma"));
    let name = format!(
        "{}\u{a0}×\u{a0}{}",
        line.quantity,
        line.name.get(slip.tag())
    );
    all([
        text(name).large().bold().hanging(4),
        all(wishes.into_iter().map(|wish| {
            text(format!("› {}", slip.option(wish)))
                .tall()
                .indented(4)
                .hanging(2)
        })),
        when(!usual.is_empty(), text(usual).indented(6)),
        maybe(line.note.as_deref(), |note| {
            text(format!("“{note}”")).tall().bold().indented(4)
        }),
    ])
}

/// Notes that speak of an allergy, each once.
fn alarms<'a>(lines: &[&'a Line]) -> Vec<&'a str> {
    let notes = lines.iter().filter_map(|line| line.note.as_deref());
    let mut alarms: Vec<&str> = notes.filter(|note| allergy(note)).collect();
    alarms.sort_unstable();
    alarms.dedup();
    alarms
}
