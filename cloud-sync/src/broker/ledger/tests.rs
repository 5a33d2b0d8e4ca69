use super::*;

fn session(port: u16) -> Id {
    let remote = Some(std::net::SocketAddr::from(([127, 0, 0, 1], port)));
    Id::new(1, 1, None, remote, ClientId::from_static("s1/k1"), None)
}

fn kiosk() -> Identity {
    Identity::Kiosk {
        store: "s1".into(),
        kiosk: "k1".into(),
    }
}

fn fate(ledger: &Ledger) -> (u64, u64, u64, usize) {
    let counters = ledger.counters();
    (
        counters.routed,
        counters.delivered,
        counters.dropped,
        counters.waiting,
    )
}

#[test]
fn late_news_of_a_replaced_session_does_not_touch_its_successor() {
    let ledger = Ledger::default();
    let (old, new) = (session(1), session(2));
    ledger.opened(&old, &kiosk());
    assert!(ledger.route(&old.client_id));
    ledger.opened(&new, &kiosk());
    assert_eq!(
        fate(&ledger),
        (1, 0, 1, 0),
        "what waited for the old one is settled at once"
    );
    assert!(ledger.route(&new.client_id));
    ledger.delivered(&old);
    ledger.dropped(&old);
    ledger.closed(&old);
    assert_eq!(fate(&ledger), (2, 0, 1, 1));
    assert_eq!(ledger.counters().connected, 1);
    ledger.delivered(&new);
    ledger.closed(&new);
    assert_eq!(fate(&ledger), (2, 1, 1, 0));
    assert_eq!(ledger.counters().connected, 0);
}

#[test]
fn a_message_for_nobody_or_beyond_the_bound_is_dropped_at_once() {
    let ledger = Ledger::default();
    let session = session(1);
    assert!(!ledger.route(&session.client_id));
    ledger.opened(&session, &kiosk());
    let admitted = (0..100)
        .filter(|_| ledger.route(&session.client_id))
        .count();
    assert_eq!(admitted, KIOSK_WAITING);
    assert_eq!(fate(&ledger), (101, 0, 37, 64));
}

#[test]
fn one_message_is_never_done_twice() {
    let ledger = Ledger::default();
    let session = session(1);
    ledger.opened(&session, &kiosk());
    ledger.route(&session.client_id);
    ledger.delivered(&session);
    ledger.delivered(&session);
    ledger.dropped(&session);
    assert_eq!(fate(&ledger), (1, 1, 0, 0));
}
