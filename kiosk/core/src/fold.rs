//! The fold: from a *set* of events to an order. Any order of arrival gives the same state.

use crate::event::{Acted, Event, Fact};
use crate::order::{Action, Move, Order, PaymentStatus, Status, next};
use crate::refund::{self, Refund};

/// Why an event doesn't follow from the order as it is.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// The first event of an order must place it, and no later one may.
    #[error("{0} can't be event {1} of an order")]
    Misplaced(String, u32),
    /// A predecessor is missing.
    #[error("expected event {want} of the order, found {found}")]
    Gap {
        /// The version that would follow.
        want: u32,
        /// The version of the event.
        found: u32,
    },
    /// The table of moves forbids it.
    #[error("{action} is illegal for an order that is {status}")]
    Illegal {
        /// The event's type.
        action: String,
        /// The order's state.
        status: &'static str,
    },
    /// It gives back what the order does not hold.
    #[error(transparent)]
    Refund(#[from] refund::BadRefund),
}

/// Applies the event that follows to what there is.
///
/// # Errors
/// [`FoldError`] if the event doesn't follow; the order is then unchanged.
pub fn apply(order: &mut Option<Order>, event: &Event) -> Result<(), FoldError> {
    let misplaced = || FoldError::Misplaced(event.fact.kind().to_owned(), event.order_version);
    let want = order.as_ref().map_or(1, |order| order.version + 1);
    if event.order_version != want {
        return Err(FoldError::Gap {
            want,
            found: event.order_version,
        });
    }
    match (&event.fact, order.as_mut()) {
        (Fact::Placed(placed), None) => {
            *order = Some((**placed).clone());
            Ok(())
        }
        (Fact::Acted(action, data), Some(order)) => {
            let moved = next(order.status, order.payment.status, *action);
            if *action == Action::RefundLines && matches!(moved, Move::Payment(_)) {
                refund::check(order, &data.lines, data.amount)?;
            }
            match moved {
                Move::Status(status) => order.status = status,
                Move::Payment(status) => order.payment.status = status,
                Move::Already | Move::Illegal => {
                    return Err(FoldError::Illegal {
                        action: event.fact.kind().to_owned(),
                        status: order.status.as_str(),
                    });
                }
            }
            order.version = event.order_version;
            order.changed_at = Some(event.at);
            note_reason(order, *action, data);
            note_money(order, *action, data, event);
            Ok(())
        }
        _ => Err(misplaced()),
    }
}

/// Why something was done, kept with what it was done to.
fn note_reason(order: &mut Order, action: Action, data: &Acted) {
    match action {
        Action::Ask | Action::Fail | Action::Owe => {
            order.payment.reason.clone_from(&data.reason);
        }
        Action::Start
        | Action::Ready
        | Action::Collect
        | Action::Pay
        | Action::Void
        | Action::Refund
        | Action::RefundLines => {
            if data.reason.is_some() {
                order.reason.clone_from(&data.reason);
            }
        }
    }
}

/// What an action says of money beyond the state it leads to.
fn note_money(order: &mut Order, action: Action, data: &Acted, event: &Event) {
    match action {
        Action::Pay => {
            order.payment.tender = data.tender;
            order.payment.reference.clone_from(&data.reference);
            order.payment.reason = None;
        }
        Action::RefundLines => {
            order.refunds.push(Refund {
                at: event.at,
                by: data.by.clone(),
                reason: data.reason.clone(),
                amount: data.amount,
                lines: data.lines.clone(),
            });
            if order.refunded() >= order.to_pay() {
                order.payment.status = PaymentStatus::Refunded;
            }
        }
        Action::Start
        | Action::Ready
        | Action::Collect
        | Action::Ask
        | Action::Fail
        | Action::Owe
        | Action::Void
        | Action::Refund => {}
    }
}

/// What a set of events of one order gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The order as far as its events reach without a gap; none while its first is missing.
    pub order: Option<Order>,
    /// How many events wait for a predecessor.
    pub parked: usize,
    /// The events that the order's history forbids, as indices into the events given.
    pub refused: Vec<(usize, FoldError)>,
}

/// Folds the events of one order, in whatever order they came. Of two events with the same version
/// the one with the lower identity counts.
#[must_use]
pub fn fold(events: &[Event]) -> Folded {
    let mut sorted: Vec<(usize, &Event)> = events.iter().enumerate().collect();
    sorted.sort_by_key(|(_, event)| (event.order_version, event.id));
    let mut folded = Folded {
        order: None,
        parked: 0,
        refused: Vec::new(),
    };
    let mut last = None;
    for (index, event) in sorted {
        if last.replace(event.id) == Some(event.id) {
            continue;
        }
        match apply(&mut folded.order, event) {
            Ok(()) => {}
            Err(FoldError::Gap { want, found }) if found > want => folded.parked += 1,
            Err(error) => folded.refused.push((index, error)),
        }
    }
    folded
}

/// Whether a counted item goes back on the shelf when an order is voided: only before work began.
#[must_use]
pub fn void_returns_stock(before: Status) -> bool {
    before == Status::Placed
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::cart::{Method, Service};
    use crate::event::Acted;
    use crate::ids::{BootId, EventId, OrderId};
    use crate::order::{Action, Payment, PaymentStatus};
    use crate::wall::WallTime;
    use proptest::prelude::*;
    use uuid::Uuid;

    pub(crate) fn order() -> Order {
        Order {
            id: OrderId(Uuid::from_u128(7)),
            number: "A001".to_owned(),
            business_date: "2026-11-20".parse().unwrap(),
            placed_at: WallTime::from_millis(0),
            status: Status::Placed,
            version: 1,
            service: Service::EatIn,
            table: None,
            language: "en".to_owned(),
            terminal: None,
            currency: "USD".parse().unwrap(),
            menu_version: "v".to_owned(),
            lines: Vec::new(),
            subtotal: 100,
            tax: 0,
            total: 100,
            discounts: Vec::new(),
            tip: 0,
            payment: Payment {
                method: Method::Counter,
                status: PaymentStatus::Due,
                tender: None,
                reference: None,
                reason: None,
            },
            changed_at: None,
            reason: None,
            refunds: Vec::new(),
        }
    }

    pub(crate) fn event(version: u32, fact: Fact) -> Event {
        Event {
            id: EventId(Uuid::from_u128(u128::from(version))),
            order: Some(OrderId(Uuid::from_u128(7))),
            order_version: version,
            at: WallTime::from_millis(i64::from(version)),
            boot: BootId(Uuid::nil()),
            mono_ms: 0,
            request: None,
            fact,
        }
    }

    fn acted(version: u32, action: Action) -> Event {
        event(version, Fact::Acted(action, Acted::default()))
    }

    fn history() -> Vec<Event> {
        vec![
            event(1, Fact::Placed(Box::new(order()))),
            acted(2, Action::Pay),
            acted(3, Action::Start),
            acted(4, Action::Ready),
            acted(5, Action::Collect),
        ]
    }

    #[test]
    fn a_history_folds_to_its_end() {
        let order = fold(&history()).order.unwrap();
        assert_eq!((order.status, order.version), (Status::Collected, 5));
        assert_eq!(order.payment.status, PaymentStatus::Paid);
    }

    #[test]
    fn why_a_provider_said_no_stays_with_the_payment_until_it_is_paid() {
        let because = |version, action, reason: Option<&str>| {
            let data = Acted {
                reason: reason.map(str::to_owned),
                ..Acted::default()
            };
            event(version, Fact::Acted(action, data))
        };
        let mut events = vec![
            event(1, Fact::Placed(Box::new(order()))),
            acted(2, Action::Ask),
            because(3, Action::Fail, Some("declined")),
        ];
        let failed = fold(&events).order.unwrap();
        assert_eq!(failed.payment.status, PaymentStatus::Failed);
        assert_eq!(failed.payment.reason.as_deref(), Some("declined"));
        assert_eq!(failed.reason, None);
        events.push(because(4, Action::Pay, None));
        let paid = fold(&events).order.unwrap();
        assert_eq!(paid.payment.status, PaymentStatus::Paid);
        assert_eq!(paid.payment.reason, None);
    }

    #[test]
    fn events_without_their_predecessor_are_parked() {
        let mut events = history();
        events.remove(2);
        let folded = fold(&events);
        assert_eq!((folded.order.unwrap().version, folded.parked), (2, 2));
        assert_eq!(fold(&events[1..]).order, None);
    }

    #[test]
    fn what_the_table_forbids_is_refused_and_changes_nothing() {
        let events = vec![
            event(1, Fact::Placed(Box::new(order()))),
            acted(2, Action::Collect),
        ];
        let folded = fold(&events);
        assert_eq!(folded.order.unwrap().version, 1);
        assert_eq!(folded.refused[0].0, 1);
    }

    proptest! {
        #[test]
        fn any_order_of_arrival_and_any_repeat_give_the_same_order(
            shuffled in Just((0..5_usize).chain(0..5).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let events = history();
            let arrived: Vec<Event> = shuffled.iter().map(|i| events[*i].clone()).collect();
            prop_assert_eq!(fold(&arrived).order, fold(&events).order);
        }
    }
}
