//! One order with all that is known of it, and what can be done with it, for a dialog.

use askama::Template;
use fluent_bundle::FluentArgs;
use kiosk_core::menu::Menu;
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::pricing::Line;
use kiosk_core::refund::{Refund, Wanted, left, priced};
use kiosk_core::wall::WallTime;

use super::orders::{Offer, Row, offers, row};
use super::small;
use super::store::{is_unfinished, sync_of};
use crate::clock;
use crate::devices::payments::{self, Look};
use crate::journal::StoredOrder;
use crate::web::AppState;
use crate::web::error::Problem;
use crate::web::staff::{Frame, age, clock_time, icon, span};
use crate::web::text::Language;

#[derive(Template)]
#[template(path = "manager/order.html")]
struct Sheet<'a> {
    frame: Frame<'a>,
    row: Row<'a>,
    version: u32,
    lines: Vec<SheetLine<'a>>,
    /// What promotions took off, by name.
    discounts: Vec<(&'a str, String)>,
    subtotal: String,
    tax: String,
    tip: Option<String>,
    refunded: Option<String>,
    refunds: Vec<GivenBack>,
    /// How it is paid, and why a provider said no.
    method: String,
    refused: Option<&'a str>,
    /// What somebody has to look at the card terminal for.
    look: Option<String>,
    /// What to receive, in minor units, and how amounts are written.
    to_pay: i64,
    money: String,
    /// What is left to be given back.
    left: String,
    /// How old the oldest of its records is that headquarters has not confirmed.
    unsent: Option<String>,
    changed: Option<String>,
    reason: Option<&'a str>,
    offers: Vec<Offer>,
}

struct SheetLine<'a> {
    name: &'a str,
    quantity: u32,
    options: String,
    note: Option<&'a str>,
    total: String,
    /// How many of its units can still be refunded, and what 1, 2, 3 … of them come to.
    left: u32,
    amounts: String,
}

/// Lines whose money was given back together.
struct GivenBack {
    amount: String,
    detail: String,
    what: String,
}

/// What the card terminal has to do with an order.
#[derive(Default)]
pub(super) struct Terminal {
    /// What somebody has to look at it for.
    pub(super) look: Option<Look>,
    /// Whether it asks for the order's money now.
    pub(super) at: bool,
}

/// What headquarters has not confirmed of an order.
pub(super) struct Unsent {
    /// How many of its records.
    pub(super) records: usize,
    /// Since when the oldest waits.
    pub(super) since: Option<WallTime>,
}

/// The dialog of an order.
pub(super) async fn sheet(
    state: &AppState,
    stored: &StoredOrder,
    lang: Option<&str>,
) -> Result<Result<String, askama::Error>, Problem> {
    let menu = state.menu();
    let unsent = unsent(state, stored).await?;
    let order = stored.order.clone();
    let look = state
        .journal
        .read(move |reader| payments::look(reader, &order));
    let terminal = Terminal {
        look: look.await?,
        at: state.devices.is_at_terminal(stored.order.id),
    };
    let sync = sync_of(state, &stored.seqs);
    Ok(render_sheet(
        &menu,
        &stored.order,
        sync,
        unsent,
        &terminal,
        lang,
    ))
}

/// What headquarters lacks of an order; without one, nothing.
async fn unsent(state: &AppState, stored: &StoredOrder) -> Result<Option<Unsent>, Problem> {
    if state.link.status().mode == crate::status::LinkMode::Standalone {
        return Ok(None);
    }
    let outbox = state.journal.outbox().borrow().clone();
    let open = stored.seqs.iter().filter(|seq| !outbox.is_confirmed(**seq));
    let open: Vec<u64> = open.copied().collect();
    let Some(first) = open.first().copied() else {
        return Ok(None);
    };
    let since = state
        .journal
        .read(move |reader| reader.event_time(first))
        .await?;
    Ok(Some(Unsent {
        records: open.len(),
        since,
    }))
}

pub(super) fn render_sheet(
    menu: &Menu,
    order: &Order,
    sync: &'static str,
    unsent: Option<Unsent>,
    terminal: &Terminal,
    lang: Option<&str>,
) -> Result<String, askama::Error> {
    let frame = Frame::new(menu, lang, &[]);
    let t = frame.t;
    let money = |minor| t.money(order.currency, minor);
    let lines = order.lines.iter().enumerate();
    let lines = lines.map(|(index, line)| sheet_line(order, index, line, t, frame.tag));
    let mut row = row(order, sync, menu, t, frame.tag);
    let now = clock::wall();
    if is_unfinished(order) {
        row.waiting = Some(span(t, age(order.placed_at, now)));
    }
    let changed = order.changed_at.filter(|at| *at != order.placed_at);
    let gone = order.status == Status::Voided || order.payment.status == PaymentStatus::Refunded;
    let refunds = order.refunds.iter();
    Sheet {
        version: order.version,
        lines: lines.collect(),
        discounts: order
            .discounts
            .iter()
            .map(|off| (off.name.get(frame.tag), money(-off.amount)))
            .collect(),
        subtotal: money(order.subtotal),
        tax: money(order.tax),
        tip: (order.tip > 0).then(|| money(order.tip)),
        refunded: (order.refunded() > 0).then(|| money(order.refunded())),
        refunds: refunds
            .map(|one| given_back(order, one, menu, t, frame.tag))
            .collect(),
        method: method(order, t),
        refused: order.payment.reason.as_deref(),
        look: terminal.look.as_ref().map(|look| told(look, order, t)),
        to_pay: order.to_pay(),
        money: serde_json::to_string(&t.money_format(order.currency)).unwrap_or_default(),
        left: money(order.to_pay() - order.refunded()),
        unsent: unsent.map(|unsent| waits(&unsent, now, t)),
        changed: changed.map(|at| clock_time(at, &menu.time_zone)),
        reason: order.reason.as_deref().filter(|_| gone),
        offers: at_terminal(terminal, t).chain(offers(order, t)).collect(),
        row,
        frame,
    }
    .render()
}

/// What can be done with the card terminal's part in it.
fn at_terminal(terminal: &Terminal, t: &Language) -> impl Iterator<Item = Offer> {
    let offer = |action: &'static str, asks| Offer {
        action,
        name: t.say(&format!("action-{action}")),
        asks,
    };
    let twice = matches!(terminal.look, Some(Look::Twice(_)));
    let cancel = terminal.at.then(|| offer("cancel-payment", false));
    let returned = twice.then(|| offer("payment-returned", true));
    cancel.into_iter().chain(returned)
}

fn told(look: &Look, order: &Order, t: &Language) -> String {
    match look {
        Look::Unclear => t.say("order-unclear"),
        Look::Twice(twice) => {
            let mut args = FluentArgs::new();
            args.set("amount", t.money(order.currency, twice.minor));
            args.set("reference", twice.reference.as_deref().unwrap_or("–"));
            t.say_with("order-twice", &args)
        }
    }
}

fn sheet_line<'a>(
    order: &Order,
    index: usize,
    line: &'a Line,
    t: &Language,
    tag: &str,
) -> SheetLine<'a> {
    let options = line.options.iter().map(|option| match option.quantity {
        1 => option.name.get(tag).to_owned(),
        more => format!("{} ×{more}", option.name.get(tag)),
    });
    let left = left(order, index);
    let amounts = (1..=left).filter_map(|quantity| {
        let wanted = Wanted {
            line: index,
            quantity,
        };
        priced(order, &[wanted])
            .ok()
            .map(|(_, amount)| amount.to_string())
    });
    SheetLine {
        name: line.name.get(tag),
        quantity: line.quantity,
        options: options.collect::<Vec<_>>().join(&t.say("list-separator")),
        note: line.note.as_deref(),
        total: t.money(order.currency, line.total),
        left,
        amounts: amounts.collect::<Vec<_>>().join(" "),
    }
}

fn given_back(order: &Order, refund: &Refund, menu: &Menu, t: &Language, tag: &str) -> GivenBack {
    let what = refund.lines.iter().filter_map(|one| {
        let line = order.lines.get(one.line)?;
        Some(format!("{} ×{}", line.name.get(tag), one.quantity))
    });
    let parts = [
        Some(clock_time(refund.at, &menu.time_zone)),
        refund.by.as_deref().map(|by| who(by, t)),
        refund.reason.clone(),
    ];
    GivenBack {
        amount: t.money(order.currency, -refund.amount),
        detail: parts.into_iter().flatten().collect::<Vec<_>>().join(" · "),
        what: what.collect::<Vec<_>>().join(&t.say("list-comma")),
    }
}

/// How it is paid: what it came in as, where that was said.
fn method(order: &Order, t: &Language) -> String {
    let method = t.say(&format!("method-{}", order.payment.method.as_str()));
    let tender = order.payment.tender.map(|tender| match tender {
        kiosk_core::order::Tender::Cash => t.say("tender-cash"),
        kiosk_core::order::Tender::Card => t.say("tender-card"),
        kiosk_core::order::Tender::Other => t.say("tender-other"),
    });
    match tender {
        Some(tender) => format!("{method} · {tender}"),
        None => method,
    }
}

fn waits(unsent: &Unsent, now: WallTime, t: &Language) -> String {
    let mut args = FluentArgs::new();
    args.set("count", small(unsent.records));
    let seconds = unsent.since.map_or(0, |since| age(since, now));
    args.set("span", span(t, seconds));
    t.say_with("order-unsent", &args)
}

/// Who did something, as people read it: `manager/Mei` is Mei, `kitchen` the kitchen.
pub(super) fn who(by: &str, t: &Language) -> String {
    match by.split_once('/') {
        Some(("hq", name)) => t.say_one("switch-by-hq", "name", name),
        Some((_, name)) => name.to_owned(),
        None => t
            .say_if_known(&format!("role-{by}"))
            .unwrap_or_else(|| by.to_owned()),
    }
}
