//! Actions on an order: the table of moves decides, the event and the order commit together.

use std::sync::Arc;

use kiosk_core::cart::Method;
use kiosk_core::event::{Acted, Event, Fact};
use kiosk_core::fold;
use kiosk_core::ids::OrderId;
use kiosk_core::order::{Action, Move, Order, PaymentStatus, Status, Tender, next};
use kiosk_core::pricing::taken;
use kiosk_core::refund::{self, BadRefund, Wanted};

use super::document::{document_of, order_from};
use super::group::Group;
use super::{Change, JournalError, Stamp};

/// What staff want done with an order.
#[derive(Debug, Clone)]
pub struct ActRequest {
    /// When and at whose request.
    pub stamp: Stamp,
    /// The order.
    pub order: OrderId,
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Option<String>,
    /// The role that does it.
    pub by: Option<String>,
    /// What a payment came in as.
    pub tender: Option<Tender>,
    /// The number by which the card terminal knows a payment.
    pub reference: Option<String>,
    /// Of [`Action::RefundLines`]: which.
    pub refund: Option<LinesRefund>,
}

/// Lines whose money is to be given back.
#[derive(Debug, Clone)]
pub struct LinesRefund {
    /// The order as whoever asks has seen it: an order that changed since, perhaps by the very same
    /// refund, is to be looked at again.
    pub version: u32,
    /// Which lines.
    pub lines: Vec<Wanted>,
}

/// Why it was not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActRefusal {
    /// There is no such order.
    #[error("there is no such order")]
    NotFound,
    /// The table of moves forbids it.
    #[error("illegal for an order that is {}", .0.as_str())]
    Illegal(Status),
    /// The order was changed since it was looked at.
    #[error("the order was changed meanwhile; it is {}", .0.as_str())]
    Changed(Status),
    /// Those lines can't be refunded so.
    #[error(transparent)]
    Refund(#[from] BadRefund),
    /// The disk is full or fails.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl From<rusqlite::Error> for ActRefusal {
    fn from(error: rusqlite::Error) -> Self {
        Self::Journal(error.into())
    }
}

impl Group<'_> {
    pub(super) fn act(&mut self, request: ActRequest) -> Result<Arc<Order>, ActRefusal> {
        let Some((order, place, mut seqs)) = self.find(request.order)? else {
            return Err(ActRefusal::NotFound);
        };
        let before = order.status;
        match next(order.status, order.payment.status, request.action) {
            Move::Already => return Ok(Arc::new(order)),
            Move::Illegal => return Err(ActRefusal::Illegal(before)),
            Move::Status(_) | Move::Payment(_) => {}
        }
        let was_under_way =
            order.payment.method == Method::Card && order.payment.status == PaymentStatus::Pending;
        let version = order.version + 1;
        let (lines, amount) = match &request.refund {
            Some(refund) if refund.version != order.version => {
                return Err(ActRefusal::Changed(before));
            }
            Some(refund) => refund::priced(&order, &refund.lines)?,
            None => (Vec::new(), 0),
        };
        let data = Acted {
            reason: request.reason,
            by: request.by,
            tender: request
                .tender
                .or_else(|| at_the_counter(&order, request.action)),
            reference: request.reference,
            lines,
            amount,
        };
        let fact = Fact::Acted(request.action, data);
        let (action, now) = (request.action, request.stamp.since(self.settings.boot));
        let order = folded(order, &request.stamp, version, &fact)?;
        let seq = self.append(request.stamp, Some((order.id, version)), fact)?;
        seqs.extend(seq.to_be_bytes());
        self.conn
            .prepare_cached(
                "UPDATE orders SET status = ?2, seqs = ?3, document = ?4 WHERE seq = ?1",
            )?
            .execute((place, order.status.as_str(), seqs, document_of(&order)?))?;
        if action == Action::Void {
            if fold::void_returns_stock(before) {
                self.return_stock(&order)?;
            }
            self.spool_voided(&order, now)?;
        }
        if was_under_way && order.payment.status != PaymentStatus::Pending {
            self.spool_settled(&order, now)?;
        }
        let order = Arc::new(order);
        self.changes.push(Change::Order {
            seq,
            order: Arc::clone(&order),
            action: Some(action),
        });
        Ok(order)
    }

    /// An order, its place and the seqs of its events.
    fn find(&self, id: OrderId) -> Result<Option<(Order, i64, Vec<u8>)>, JournalError> {
        let mut query = self
            .conn
            .prepare_cached("SELECT seq, seqs, document, event FROM whole_orders WHERE id = ?1")?;
        let mut rows = query.query([id.0.as_bytes()])?;
        let Some(row) = rows.next()? else {
            return Ok(None);
        };
        Ok(Some((order_from(row, 2)?, row.get(0)?, row.get(1)?)))
    }

    /// Puts counted items back, if their day still runs.
    fn return_stock(&mut self, order: &Order) -> Result<(), JournalError> {
        if self
            .head
            .day
            .is_none_or(|day| day.closed_at.is_some() || day.date != order.business_date)
        {
            return Ok(());
        }
        for (item, quantity) in taken(&order.lines) {
            if let Some(level) = self.levels.get(item).copied()
                && let Some(left) = level.left
            {
                let left = Some(left.saturating_add(quantity));
                self.store_level(
                    order.business_date,
                    item,
                    kiosk_core::stock::Level { left, ..level },
                )?;
            }
        }
        Ok(())
    }
}

/// What is paid at the counter and nobody says how is cash, whatever the diner had meant to pay with.
fn at_the_counter(order: &Order, action: Action) -> Option<Tender> {
    let other = action == Action::Pay && order.payment.method != Method::Counter;
    other.then_some(Tender::Cash)
}

/// The order after the event, by the same fold that the cloud uses.
fn folded(order: Order, stamp: &Stamp, version: u32, fact: &Fact) -> Result<Order, ActRefusal> {
    let status = order.status;
    let event = Event {
        id: stamp.event,
        order: Some(order.id),
        order_version: version,
        at: stamp.at,
        boot: kiosk_core::ids::BootId(uuid::Uuid::nil()),
        mono_ms: stamp.mono_ms,
        request: None,
        fact: fact.clone(),
    };
    let mut folded = Some(order);
    fold::apply(&mut folded, &event).map_err(|_| ActRefusal::Illegal(status))?;
    folded.ok_or(ActRefusal::NotFound)
}
