//! Actions on orders: who may, and the table of moves.

use kiosk_core::cart::Method;
use kiosk_core::order::{Action, Move, PaymentStatus, Status, next};
use serde_json::{Value, json};

use super::support::Kiosk;
use super::support::menu::some;

const ACTIONS: [(Action, &str); 6] = [
    (Action::Start, "start"),
    (Action::Ready, "ready"),
    (Action::Collect, "collect"),
    (Action::Pay, "pay"),
    (Action::Void, "void"),
    (Action::Refund, "refund"),
];

/// Ways to every state that an order can be in here.
const WAYS: [&[&str]; 14] = [
    &[],
    &["start"],
    &["start", "ready"],
    &["start", "ready", "collect"],
    &["void"],
    &["pay"],
    &["pay", "start"],
    &["pay", "start", "ready"],
    &["pay", "start", "ready", "collect"],
    &["pay", "void"],
    &["pay", "refund"],
    &["pay", "start", "refund"],
    &["pay", "start", "ready", "collect", "refund"],
    &["pay", "void", "refund"],
];

fn reason() -> Value {
    json!({"reason": "so it is"})
}

fn states(order: &Value) -> (Status, PaymentStatus) {
    let status = serde_json::from_value(order["status"].clone()).unwrap();
    (
        status,
        serde_json::from_value(order["payment"]["status"].clone()).unwrap(),
    )
}

#[test]
fn every_action_in_every_state_does_what_the_table_says() {
    let kiosk = Kiosk::open();
    for way in WAYS {
        for (action, name) in ACTIONS {
            let mut order = kiosk.placed(&some("tea", 1));
            for step in way {
                order = kiosk.act(&order, step, &reason()).send().expect(200);
            }
            let (status, payment) = states(&order);
            let answer = kiosk.act(&order, name, &reason()).send();
            match next(status, payment, action) {
                Move::Illegal => {
                    let problem = answer.refused(409, "illegal-transition");
                    assert_eq!(problem["status"], order["status"], "{way:?} {name}");
                }
                Move::Already => assert_eq!(answer.expect(200), order, "{way:?} {name}"),
                Move::Status(to) => assert_eq!(states(&answer.expect(200)), (to, payment)),
                Move::Payment(to) => assert_eq!(states(&answer.expect(200)), (status, to)),
            }
        }
    }
}

#[test]
fn an_action_is_one_event_and_its_repeat_is_none() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    let events = kiosk.events();
    for _ in 0..3 {
        let order = kiosk.act(&order, "start", &json!({})).send().expect(200);
        assert_eq!(order["version"], 2);
    }
    assert_eq!(kiosk.events(), events + 1);
}

#[test]
fn a_void_and_a_refund_say_why() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    for action in ["void", "refund"] {
        for bad in [json!({}), json!({"reason": null}), json!({"reason": " "})] {
            assert_eq!(kiosk.act(&order, action, &bad).send().faults(), ["/reason"]);
        }
    }
    let long = json!({"reason": "r".repeat(201)});
    assert_eq!(
        kiosk.act(&order, "void", &long).send().faults(),
        ["/reason"]
    );
    assert_eq!(
        kiosk
            .act(&order, "start", &json!({"why": "x"}))
            .send()
            .faults(),
        ["/why"]
    );
    let voided = kiosk
        .act(&order, "void", &json!({"reason": "spilled"}))
        .send()
        .expect(200);
    assert_eq!(
        (&voided["reason"], &voided["status"]),
        (&json!("spilled"), &json!("voided"))
    );
}

#[test]
fn an_action_needs_no_body_but_a_sound_one_if_there_is_one() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    let path = format!("/api/v1/orders/{}/start", order["id"].as_str().unwrap());
    let ask = kiosk.ask("POST", &path).bearer(&kiosk.kitchen());
    ask.clone()
        .raw(b"{".to_vec())
        .send()
        .refused(400, "malformed");
    ask.clone()
        .raw(vec![b' '; 300_000])
        .send()
        .refused(413, "too-large");
    ask.send().expect(200);
}

#[test]
fn what_is_not_there_is_not_found() {
    let kiosk = Kiosk::open();
    let stranger = json!({"id": "0199a1b2-0000-7000-8000-000000000001"});
    kiosk
        .act(&stranger, "start", &json!({}))
        .send()
        .refused(404, "not-found");
    let nonsense = json!({"id": "%FF"});
    kiosk
        .act(&nonsense, "start", &json!({}))
        .send()
        .refused(404, "not-found");
    let order = kiosk.placed(&some("tea", 1));
    kiosk
        .act(&order, "eat", &json!({}))
        .send()
        .refused(404, "not-found");
}

#[test]
fn an_order_that_is_paid_at_the_counter_says_so() {
    let kiosk = Kiosk::open();
    let order = kiosk.placed(&some("tea", 1));
    let paid = kiosk.act(&order, "pay", &json!({})).send().expect(200);
    assert_eq!(
        paid["payment"],
        json!({"method": Method::Counter, "status": "paid"})
    );
}
