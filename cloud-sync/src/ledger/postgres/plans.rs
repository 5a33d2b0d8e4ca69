//! How the server would run what a test asks: its plans, noted thread by thread.

use std::cell::RefCell;

thread_local! {
    static PLANS: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

pub(super) fn note(plan: impl FnOnce() -> String) {
    if PLANS.with_borrow(Option::is_some) {
        let plan = plan();
        PLANS.with_borrow_mut(|plans| plans.as_mut().unwrap().push(plan));
    }
}

/// The plans of all queries that this thread makes in `work`.
pub(crate) fn of(work: impl FnOnce()) -> Vec<String> {
    PLANS.set(Some(Vec::new()));
    work();
    PLANS.take().unwrap()
}
