//! Following the journal, the menu and the link: what changes becomes an item of the feed.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use kiosk_core::cart::Method;
use kiosk_core::daypart::Dayparts;
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Action, Order, PaymentStatus, Status};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::devices::drawer::Unopened;
use crate::devices::{Seen, Sight};
use crate::journal::{Change, Ranges};
use crate::status::LinkMode;
use crate::web::AppState;
use crate::web::feed::Only;
use crate::{clock, scans};

/// Events whose confirmation is told to screens; beyond it, screens learn of it when they ask.
const WATCHED: usize = 20_000;
/// The link is looked at this often; its own changes have no other way to screens.
const LOOK: Duration = Duration::from_millis(500);

/// A code that was not told by then is of a diner who has gone on.
const SCAN_HOLDS: Duration = Duration::from_secs(5);

/// What screens hear of an order. Thousands of them wait here while the cloud is away, so it is what
/// an item needs and no more: an order itself takes a hundred times as much.
struct Heard {
    id: OrderId,
    number: Box<str>,
    status: Status,
    payment: PaymentStatus,
    version: u32,
}

/// Orders whose latest event is not confirmed yet.
#[derive(Default)]
struct Watched {
    by_seq: BTreeMap<u64, Heard>,
    latest: HashMap<OrderId, u64>,
    /// What was confirmed when they were last looked through.
    confirmed: Ranges,
}

/// What screens were last told of, besides orders and the menu.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Told {
    mode: LinkMode,
    unconfirmed: u64,
    cards: bool,
    settings: u64,
}

/// Runs until the journal is closed.
pub async fn run(state: AppState, mut changes: mpsc::UnboundedReceiver<Change>) {
    let mut outbox = state.journal.outbox();
    let mut menu = state.menu.clone();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched = Watched::default();
    let mut devices = state.devices.watch();
    let mut sights = state.devices.sights();
    let mut told = None;
    let mut levels = 0_u64;
    let mut running = state.menu().running(clock::wall());
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                None => return,
                Some(Change::Order { seq, order, action }) => {
                    signal(&state, &order, action);
                    let heard = Heard::of(&order);
                    push_order(&state, &heard, "saved");
                    if let Some(confirmed) = watched.add(seq, heard) {
                        push_order(&state, &confirmed, "confirmed");
                    }
                }
                Some(Change::Stock) => {
                    levels += 1;
                    push_menu(&state, levels);
                }
                Some(Change::Day) => told = None,
            },
            changed = outbox.changed() => {
                if changed.is_err() {
                    return;
                }
                let confirmed = watched.take(&outbox.borrow_and_update().confirmed);
                confirmed.iter().for_each(|order| push_order(&state, order, "confirmed"));
            }
            changed = menu.changed() => {
                if changed.is_err() {
                    return;
                }
                levels += 1;
                push_menu(&state, levels);
            }
            Some(sight) = next_of(&mut sights) => tell_sight(&state, sight),
            // Told with the next look: a rush changes what waits many times a second.
            Ok(()) = devices.changed() => told = None,
            _ = ticks.tick() => {
                if has_turned(&mut running, &state) {
                    levels += 1;
                    push_menu(&state, levels);
                }
                let now = look(&state);
                if told != Some(now) {
                    told = Some(now);
                    push_status(&state, now.mode);
                }
            }
        }
    }
}

fn look(state: &AppState) -> Told {
    let link = state.link.status();
    // The ladder climbs by time, whether or not anybody asks for the level.
    let _ = state.link.level(&link, state.admission.available_permits());
    let trouble = state.journal.health().borrow().trouble.is_some();
    let called = state.help.with(|calls| calls.waiting(clock::monotonic()));
    let offline = link.mode == LinkMode::Offline;
    state.devices.show(trouble, !called.is_empty(), offline);
    Told {
        mode: link.mode,
        unconfirmed: state.journal.outbox().borrow().unconfirmed(),
        cards: state.devices.takes_cards(),
        settings: state.settings.changes(),
    }
}

/// The drawer opens for money at the counter, and the kitchen hears of a new order. Neither is made up
/// for later: an open drawer at night helps nobody.
fn signal(state: &AppState, order: &Order, action: Option<Action>) {
    match action {
        None => {
            state.devices.ring();
            if order.payment.method == Method::Card {
                state.devices.charge(order.id);
            }
        }
        Some(Action::Pay) if order.in_cash() => {
            let devices = state.devices.clone();
            // Told in time or never: whoever serves does not wait for it.
            tokio::spawn(async move {
                if let Err(why @ (Unopened::Away | Unopened::Busy)) = devices.open_drawer().await {
                    tracing::warn!(why = why.as_str(), "the cash drawer did not open");
                }
            });
        }
        Some(_) => {}
    }
    // Nobody is to pay by card for what was voided, or paid otherwise.
    if matches!(action, Some(Action::Void | Action::Pay)) {
        state.devices.cancel_card(order.id);
    }
}

/// What is seen next; nothing ever where there is nothing to see by.
async fn next_of(sights: &mut Option<mpsc::Receiver<Sight>>) -> Option<Sight> {
    match sights {
        Some(sights) => sights.recv().await,
        None => std::future::pending().await,
    }
}

fn tell_sight(state: &AppState, sight: Sight) {
    let Sight { terminal, what } = sight;
    let terminal = terminal.unwrap_or_default();
    match what {
        Seen::Near(near) => {
            state.devices.note_near(&terminal, near);
            let data = json!({ "terminal": terminal, "near": near });
            state.feed.push("presence", data.to_string());
        }
        Seen::Code { content, symbology } => {
            let meaning = scans::meaning(&state.menu(), &content, symbology);
            // Not the code itself: it may be a diner's own.
            tracing::info!(terminal, ?meaning, "a code was scanned");
            let until = clock::monotonic() + SCAN_HOLDS;
            let data = json!({ "means": meaning }).to_string();
            let only = Some(Only { terminal, until });
            state.feed.push_only("scan", data, only);
        }
    }
}

fn push_status(state: &AppState, link: LinkMode) {
    let data = json!({
        "link": link,
        "unconfirmed": state.journal.outbox().borrow().unconfirmed(),
        "devices": state.devices.status(),
        "receipts": state.devices.receipts(),
        "payment_methods": state.payment_methods(),
    });
    state.feed.push("status", data.to_string());
}

/// Whether a daypart has begun or ended since: what can be ordered is another then.
fn has_turned(running: &mut Dayparts, state: &AppState) -> bool {
    let now = state.menu().running(clock::wall());
    std::mem::replace(running, now) != now
}

fn push_order(state: &AppState, order: &Heard, sync: &str) {
    let data = json!({
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "payment": order.payment,
        "sync": sync,
        "version": order.version,
    });
    state.feed.push("order", data.to_string());
}

fn push_menu(state: &AppState, change: u64) {
    let data = json!({ "version": state.menu().version(), "change": change });
    state.feed.push("menu", data.to_string());
}

impl Heard {
    fn of(order: &Order) -> Self {
        Self {
            id: order.id,
            number: order.number.as_str().into(),
            status: order.status,
            payment: order.payment.status,
            version: order.version,
        }
    }
}

impl Watched {
    /// Watches an order, or gives it back: news of its confirmation may have overtaken its own.
    fn add(&mut self, seq: u64, order: Heard) -> Option<Heard> {
        if let Some(before) = self.latest.insert(order.id, seq) {
            self.by_seq.remove(&before);
        }
        if self.confirmed.contains(seq) {
            self.latest.remove(&order.id);
            return Some(order);
        }
        self.by_seq.insert(seq, order);
        if self.by_seq.len() > WATCHED
            && let Some((_, order)) = self.by_seq.pop_first()
        {
            self.latest.remove(&order.id);
        }
        None
    }

    /// Takes out the orders whose latest event is confirmed. Every commit asks, and nearly always
    /// nothing was confirmed since: then nothing is looked through.
    fn take(&mut self, confirmed: &Ranges) -> Vec<Heard> {
        if self.confirmed == *confirmed {
            return Vec::new();
        }
        self.confirmed.clone_from(confirmed);
        let beyond = self.by_seq.split_off(&(confirmed.watermark() + 1));
        let mut taken = std::mem::replace(&mut self.by_seq, beyond);
        for (first, last) in confirmed.beyond() {
            let seqs: Vec<u64> = self
                .by_seq
                .range(first..=last)
                .map(|(seq, _)| *seq)
                .collect();
            for seq in seqs {
                taken.extend(self.by_seq.remove(&seq).map(|order| (seq, order)));
            }
        }
        for order in taken.values() {
            self.latest.remove(&order.id);
        }
        taken.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(id: u128, version: u32) -> Heard {
        Heard {
            id: OrderId(uuid::Uuid::from_u128(id)),
            number: "A001".into(),
            status: Status::Placed,
            payment: PaymentStatus::Due,
            version,
        }
    }

    fn versions(taken: &[Heard]) -> Vec<u32> {
        taken.iter().map(|order| order.version).collect()
    }

    #[test]
    fn an_order_is_told_once_its_latest_event_is_confirmed() {
        let mut watched = Watched::default();
        watched.add(2, heard(1, 1));
        watched.add(3, heard(2, 10));
        watched.add(4, heard(1, 2));
        watched.add(7, heard(3, 20));
        assert_eq!(versions(&watched.take(&Ranges::new(2, []))), [0; 0]);
        assert_eq!(versions(&watched.take(&Ranges::new(3, [(7, 9)]))), [10, 20]);
        assert_eq!(versions(&watched.take(&Ranges::new(3, [(7, 9)]))), [0; 0]);
        assert_eq!(versions(&watched.take(&Ranges::new(9, []))), [2]);
        assert!(watched.add(9, heard(4, 30)).is_some());
        assert!(watched.by_seq.is_empty() && watched.latest.is_empty());
    }

    #[test]
    fn what_is_watched_is_bounded_and_the_newest_stays() {
        let mut watched = Watched::default();
        for n in 1..=u32::try_from(WATCHED).unwrap() + 5 {
            watched.add(n.into(), heard(n.into(), n));
        }
        assert_eq!(
            (watched.by_seq.len(), watched.latest.len()),
            (WATCHED, WATCHED)
        );
        assert_eq!(
            watched.by_seq.first_key_value().map(|(seq, _)| *seq),
            Some(6)
        );
    }
}
