//! Orders as the manager sees them, and what can be done with each: only what the table of moves
//! allows is offered.

use askama::Template;
use kiosk_core::menu::Menu;
use kiosk_core::order::{Action, Move, Order, Status, next};

use super::shell::Shell;
use super::small;
use super::store::{Kept, Store, is_owed, is_unfinished, is_unpaid};
use crate::web::staff::{age, asset, clock_time, destination, icon, span};
use crate::web::text::Language;

/// Orders on the page; older ones are in the report and at headquarters.
const LISTED: usize = 120;

/// A row of the list.
pub(super) struct Row<'a> {
    pub(super) id: String,
    pub(super) number: &'a str,
    pub(super) time: String,
    pub(super) place: String,
    pub(super) terminal: Option<&'a str>,
    pub(super) dishes: String,
    pub(super) total: String,
    pub(super) payment: String,
    pub(super) paid: &'static str,
    pub(super) status: &'static str,
    pub(super) status_name: String,
    /// How long somebody waits for it.
    pub(super) waiting: Option<String>,
    pub(super) sync: &'static str,
    pub(super) sync_name: String,
    /// The next step of the food, if there is one.
    pub(super) step: Option<Offer>,
}

/// An action that is offered.
pub(super) struct Offer {
    pub(super) action: &'static str,
    pub(super) name: String,
    /// Whether more is asked before it is done.
    pub(super) asks: bool,
}

#[derive(Template)]
#[template(path = "manager/orders.html")]
struct Page<'a> {
    shell: Shell<'a>,
    show: &'static str,
    rows: Vec<Row<'a>>,
    more: Option<String>,
    total: usize,
    unfinished: usize,
    unpaid: usize,
}

impl Store {
    pub(super) fn orders_page(
        &self,
        lang: Option<&str>,
        show: Option<&str>,
    ) -> Result<String, askama::Error> {
        let shell = self.shell(lang, "orders");
        let show = match show {
            Some("open") => "open",
            Some("unpaid") => "unpaid",
            _ => "all",
        };
        let wanted = |order: &Order| match show {
            "open" => is_unfinished(order),
            "unpaid" => is_unpaid(order),
            _ => true,
        };
        let chosen: Vec<&Kept> = self
            .orders
            .iter()
            .filter(|kept| wanted(&kept.order))
            .collect();
        let rows = chosen.iter().take(LISTED);
        let rows = rows.map(|kept| self.row(kept, shell.frame.t, shell.frame.tag));
        Page {
            rows: rows.collect(),
            more: (chosen.len() > LISTED).then(|| {
                shell
                    .frame
                    .t
                    .count("orders-more", small(chosen.len() - LISTED))
            }),
            show,
            total: self.orders.len(),
            unfinished: self.unfinished().count(),
            unpaid: self.unpaid().count(),
            shell,
        }
        .render()
    }

    pub(super) fn row<'a>(&'a self, kept: &'a Kept, t: &Language, tag: &str) -> Row<'a> {
        let mut row = row(&kept.order, kept.sync, &self.menu, t, tag);
        if is_unfinished(&kept.order) {
            row.waiting = Some(span(t, age(kept.order.placed_at, self.now)));
        }
        row
    }
}

pub(super) fn row<'a>(
    order: &'a Order,
    sync: &'static str,
    menu: &Menu,
    t: &Language,
    tag: &str,
) -> Row<'a> {
    let dishes = order.lines.iter().map(|line| match line.quantity {
        1 => line.name.get(tag).to_owned(),
        more => format!("{} ×{more}", line.name.get(tag)),
    });
    let status = order.status.as_str();
    let paid = order.payment.status.as_str();
    Row {
        id: order.id.to_string(),
        number: &order.number,
        time: clock_time(order.placed_at, &menu.time_zone),
        place: destination(t, order),
        terminal: order.terminal.as_deref(),
        dishes: dishes.collect::<Vec<_>>().join(&t.say("list-comma")),
        total: t.money(order.currency, order.to_pay()),
        payment: if order.status == Status::Voided && is_owed(order) {
            String::new()
        } else {
            t.say(&format!("payment-{paid}"))
        },
        paid,
        status,
        status_name: t.say(&format!("status-{status}")),
        waiting: None,
        sync,
        sync_name: t.say(&format!("sync-{sync}")),
        step: food_step(order).map(|action| offer(action, t)),
    }
}

/// The next step of the food.
fn food_step(order: &Order) -> Option<Action> {
    match order.status {
        Status::Placed => Some(Action::Start),
        Status::Preparing => Some(Action::Ready),
        Status::Ready => Some(Action::Collect),
        Status::Collected | Status::Voided => None,
    }
}

fn offer(action: Action, t: &Language) -> Offer {
    let name = match action {
        Action::Start => "start",
        Action::Ready => "ready",
        Action::Collect => "collect",
        Action::Pay => "pay",
        Action::Ask => "ask",
        Action::Fail => "fail",
        Action::Owe => "owe",
        Action::Void => "void",
        Action::Refund | Action::RefundLines => "refund",
    };
    Offer {
        action: name,
        name: t.say(&format!("action-{name}")),
        asks: matches!(action, Action::Pay | Action::Void | Action::Refund),
    }
}

/// What the table of moves allows now.
pub(super) fn offers(order: &Order, t: &Language) -> Vec<Offer> {
    let all = [
        Action::Start,
        Action::Ready,
        Action::Collect,
        Action::Pay,
        Action::Refund,
        Action::Void,
    ];
    all.into_iter()
        .filter(|action| {
            let to = next(order.status, order.payment.status, *action);
            matches!(to, Move::Status(_) | Move::Payment(_))
        })
        .map(|action| offer(action, t))
        .collect()
}
