//! Who is at the card terminal: one order at a time, claimed before it is placed, so that of two diners
//! who tap at once one is told that the terminal is busy, and not left to wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use kiosk_core::ids::OrderId;

/// The card terminal as a place for one.
#[derive(Debug, Default)]
pub(super) struct AtTerminal {
    taken: AtomicBool,
    /// The order that the terminal asks to be paid, and whether somebody wants that no more.
    order: Mutex<Option<(OrderId, Arc<AtomicBool>)>>,
}

impl AtTerminal {
    /// Whether an order can go there now.
    pub(super) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::Acquire)
    }

    /// Takes the place, whoever has it.
    pub(super) fn occupy(&self) {
        self.taken.store(true, Ordering::Release);
    }

    /// Leaves the place.
    pub(super) fn leave(&self) {
        self.taken.store(false, Ordering::Release);
    }

    /// The terminal is asked for an order's money; the flag says when somebody wants that no more.
    pub(super) fn begin(&self, order: OrderId) -> Arc<AtomicBool> {
        let cancelled = Arc::new(AtomicBool::new(false));
        *self.order() = Some((order, Arc::clone(&cancelled)));
        cancelled
    }

    /// The terminal has said how it ended.
    pub(super) fn end(&self) {
        *self.order() = None;
    }

    /// Has the terminal cancel, if this order is at it; says whether it is.
    pub(super) fn cancel(&self, order: OrderId) -> bool {
        match &*self.order() {
            Some((at, cancelled)) if *at == order => {
                cancelled.store(true, Ordering::Release);
                true
            }
            _ => false,
        }
    }

    /// Whether this order is at the terminal.
    pub(super) fn has(&self, order: OrderId) -> bool {
        self.order().as_ref().is_some_and(|(at, _)| *at == order)
    }

    fn order(&self) -> std::sync::MutexGuard<'_, Option<(OrderId, Arc<AtomicBool>)>> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The card terminal's place, held for an order that is being placed. Given up when dropped, unless the
/// order was placed and goes there.
#[derive(Debug)]
pub struct Claim {
    place: Arc<AtTerminal>,
    goes: bool,
}

impl Claim {
    /// The place, if nobody has it.
    pub(super) fn on(place: &Arc<AtTerminal>) -> Option<Self> {
        let free = place
            .taken
            .compare_exchange(false, true, Ordering::AcqRel, Ordering::Acquire);
        free.is_ok().then(|| Self {
            place: Arc::clone(place),
            goes: false,
        })
    }

    /// The order was placed: whoever sees to payments leaves the place when that has ended.
    pub fn goes(mut self) {
        self.goes = true;
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.goes {
            self.place.leave();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_claims_one_is_granted_until_it_is_dropped() {
        let place = Arc::new(AtTerminal::default());
        let first = Claim::on(&place).unwrap();
        assert!(Claim::on(&place).is_none() && !place.is_free());
        drop(first);
        Claim::on(&place).unwrap().goes();
        assert!(!place.is_free(), "the order is on its way there");
        place.leave();
        assert!(place.is_free());
    }

    #[test]
    fn only_the_order_that_is_there_is_cancelled() {
        let place = AtTerminal::default();
        let [one, other] = [1, 2].map(|no| OrderId(uuid::Uuid::from_u128(no)));
        let cancelled = place.begin(one);
        assert!(!place.cancel(other));
        assert!(!cancelled.load(Ordering::Acquire));
        assert!(place.cancel(one) && place.has(one));
        assert!(cancelled.load(Ordering::Acquire));
        place.end();
        assert!(!place.cancel(one));
    }
}
