//! Following the journal, the menu and the link: what changes becomes an item of the feed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kiosk_core::ids::OrderId;
use kiosk_core::order::Order;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::journal::Change;
use crate::status::LinkMode;
use crate::web::AppState;

/// Events whose confirmation is told to screens; beyond it, screens learn of it when they ask.
const WATCHED: usize = 20_000;
/// The link is looked at this often; its own changes have no other way to screens.
const LOOK: Duration = Duration::from_millis(500);

/// Orders whose latest event is not confirmed yet.
#[derive(Default)]
struct Watched {
    by_seq: BTreeMap<u64, Arc<Order>>,
    latest: BTreeMap<OrderId, u64>,
}

/// What screens were last told of the link.
#[derive(PartialEq, Eq, Clone, Copy)]
struct Told {
    mode: LinkMode,
    unconfirmed: u64,
}

/// Runs until the journal is closed.
pub async fn run(state: AppState, mut changes: mpsc::UnboundedReceiver<Change>) {
    let mut outbox = state.journal.outbox();
    let mut menu = state.menu.clone();
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watched = Watched::default();
    let mut told = None;
    let mut levels = 0_u64;
    loop {
        tokio::select! {
            change = changes.recv() => match change {
                None => return,
                Some(Change::Order { seq, order }) => {
                    push_order(&state, &order, "saved");
                    watched.add(seq, order);
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
                let confirmed = watched.take(|seq| outbox.borrow_and_update().is_confirmed(seq));
                confirmed.iter().for_each(|order| push_order(&state, order, "confirmed"));
            }
            changed = menu.changed() => {
                if changed.is_err() {
                    return;
                }
                levels += 1;
                push_menu(&state, levels);
            }
            _ = ticks.tick() => {
                let now = Told {
                    mode: state.link.mode(),
                    unconfirmed: state.journal.outbox().borrow().unconfirmed(),
                };
                if told != Some(now) {
                    told = Some(now);
                    let data = json!({ "link": now.mode, "unconfirmed": now.unconfirmed });
                    state.feed.push("status", data.to_string());
                }
            }
        }
    }
}

fn push_order(state: &AppState, order: &Order, sync: &str) {
    let data = json!({
        "id": order.id,
        "number": order.number,
        "status": order.status,
        "payment": order.payment.status,
        "sync": sync,
        "version": order.version,
    });
    state.feed.push("order", data.to_string());
}

fn push_menu(state: &AppState, change: u64) {
    let data = json!({ "version": state.menu().version(), "change": change });
    state.feed.push("menu", data.to_string());
}

impl Watched {
    fn add(&mut self, seq: u64, order: Arc<Order>) {
        if let Some(before) = self.latest.insert(order.id, seq) {
            self.by_seq.remove(&before);
        }
        self.by_seq.insert(seq, order);
        if self.by_seq.len() > WATCHED
            && let Some((_, order)) = self.by_seq.pop_first()
        {
            self.latest.remove(&order.id);
        }
    }

    /// Takes out the orders whose latest event is confirmed.
    fn take(&mut self, mut is_confirmed: impl FnMut(u64) -> bool) -> Vec<Arc<Order>> {
        let seqs: Vec<u64> = self
            .by_seq
            .keys()
            .copied()
            .filter(|seq| is_confirmed(*seq))
            .collect();
        let taken: Vec<_> = seqs
            .iter()
            .filter_map(|seq| self.by_seq.remove(seq))
            .collect();
        for order in &taken {
            self.latest.remove(&order.id);
        }
        taken
    }
}
