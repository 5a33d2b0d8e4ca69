//! Orders as the API shows them: the order, and how far its events are.

use kiosk_core::order::Order;
use serde::Serialize;

use crate::journal::Outbox;
use crate::status::LinkSource;

/// How far an order's events are: the least of them counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::web) enum SyncState {
    /// On this disk.
    Saved,
    /// On the wire.
    Sent,
    /// Confirmed by the cloud.
    Confirmed,
}

impl SyncState {
    /// The name on the wire, and of its words on a page.
    pub(in crate::web) fn name(self) -> &'static str {
        match self {
            Self::Saved => "saved",
            Self::Sent => "sent",
            Self::Confirmed => "confirmed",
        }
    }
}

/// An order with its sync state.
#[derive(Debug, Serialize)]
pub(in crate::web) struct OrderView<'a> {
    #[serde(flatten)]
    order: &'a Order,
    /// What is to be paid: total and tip.
    to_pay: i64,
    /// What was given back of it.
    refunded: i64,
    sync: SyncState,
}

/// What the events `seqs` are together.
pub(in crate::web) fn sync_of(seqs: &[u64], outbox: &Outbox, link: &LinkSource) -> SyncState {
    let mut open = seqs
        .iter()
        .filter(|seq| !outbox.is_confirmed(**seq))
        .peekable();
    if open.peek().is_none() {
        SyncState::Confirmed
    } else if open.all(|seq| link.is_sent(*seq)) {
        SyncState::Sent
    } else {
        SyncState::Saved
    }
}

impl<'a> OrderView<'a> {
    pub(in crate::web) fn new(order: &'a Order, sync: SyncState) -> Self {
        Self {
            order,
            to_pay: order.to_pay(),
            refunded: order.refunded(),
            sync,
        }
    }
}
