//! The idempotency key: looked at first, bound by a 201 alone.

use serde_json::json;

use super::orders::at_once;
use super::support::menu::{document, ramen, some};
use super::support::{Kiosk, Options};

const KEY: &str = "0199a1b2-0000-7000-8000-0000000000ab";

#[test]
fn the_same_key_with_the_same_content_is_the_same_order() {
    let kiosk = Kiosk::open();
    let order = kiosk.order_with(KEY, &ramen()).send().expect(201);
    let events = kiosk.events();
    for key in [KEY, &KEY.to_uppercase(), &KEY.replace('-', "")] {
        assert_eq!(kiosk.order_with(key, &ramen()).send().expect(200), order);
    }
    assert_eq!(kiosk.events(), events);
}

#[test]
fn a_repeat_shows_the_order_as_it_is_now() {
    let kiosk = Kiosk::open();
    let order = kiosk.order_with(KEY, &ramen()).send().expect(201);
    kiosk.act(&order, "start", &json!({})).send().expect(200);
    let now = kiosk.order_with(KEY, &ramen()).send().expect(200);
    assert_eq!(
        (&now["status"], &now["version"]),
        (&json!("preparing"), &json!(2))
    );
}

#[test]
fn the_same_key_with_other_content_is_refused_whatever_that_content_is() {
    let kiosk = Kiosk::open();
    kiosk.order_with(KEY, &ramen()).send().expect(201);
    let mut more = ramen();
    more["lines"][0]["quantity"] = json!(2);
    let mut invalid = ramen();
    invalid["lines"][0]["quantity"] = json!(-1);
    let gone = some("pizza", 1);
    for other in [more, invalid, gone, json!([])] {
        kiosk
            .order_with(KEY, &other)
            .send()
            .refused(422, "key-reused");
    }
    let malformed = kiosk.ask("POST", "/api/v1/orders").raw(b"{".to_vec());
    let malformed = malformed.header("Idempotency-Key", KEY);
    malformed.send().refused(422, "key-reused");
}

#[test]
fn a_known_key_is_answered_when_the_kiosk_has_its_hands_full() {
    let kiosk = Kiosk::with(&Options {
        admitted: 1,
        ..Options::default()
    });
    let order = kiosk.order_with(KEY, &ramen()).send().expect(201);
    let _busy = kiosk
        .state
        .admission
        .try_acquire()
        .expect("nobody else asks");
    assert_eq!(kiosk.order_with(KEY, &ramen()).send().expect(200), order);
    let other = kiosk.order_with(KEY, &some("pizza", 1)).send();
    other.refused(422, "key-reused");
    kiosk
        .order(&ramen())
        .send()
        .refused(429, "too-many-requests");
}

#[test]
fn a_known_key_is_told_before_a_body_that_is_too_large() {
    let kiosk = Kiosk::open();
    kiosk.order_with(KEY, &ramen()).send().expect(201);
    let huge = || {
        kiosk
            .ask("POST", "/api/v1/orders")
            .raw(vec![b' '; 300 * 1024])
    };
    huge()
        .header("Idempotency-Key", KEY)
        .send()
        .refused(422, "key-reused");
    let fresh = "0199a1b2-0000-7000-8000-0000000000ff";
    huge()
        .header("Idempotency-Key", fresh)
        .send()
        .refused(413, "too-large");
}

#[test]
fn a_known_key_is_answered_when_the_same_order_could_not_be_placed_any_more() {
    let kiosk = Kiosk::open();
    let mut body = some("bun", 1);
    body["expected_total"] = json!(300);
    let order = kiosk.order_with(KEY, &body).send().expect(201);
    let repeat = || kiosk.order_with(KEY, &body).send().expect(200);
    // Sold out by this very order.
    assert_eq!(repeat(), order);

    let mut dearer = document();
    dearer["items"][2]["price"] = json!(400);
    kiosk.set_menu(&dearer);
    assert_eq!(repeat(), order);

    let mut without = document();
    without["items"].as_array_mut().unwrap().remove(2);
    without["categories"][0]["items"] = json!(["tea"]);
    kiosk.set_menu(&without);
    assert_eq!(repeat(), order);

    let manager = kiosk.manager();
    kiosk
        .post("/api/v1/days/close", &json!({}))
        .bearer(&manager)
        .send()
        .expect(200);
    kiosk.order(&ramen()).send().refused(409, "closed");
    assert_eq!(repeat(), order);
}

#[test]
fn a_refusal_binds_no_key() {
    let kiosk = Kiosk::open();
    let mut body = ramen();
    body["expected_total"] = json!(1);
    kiosk
        .order_with(KEY, &body)
        .send()
        .refused(409, "price-changed");
    kiosk
        .order_with(KEY, &some("bun", 2))
        .send()
        .refused(409, "sold-out");
    kiosk
        .order_with(KEY, &json!({}))
        .send()
        .refused(422, "invalid");
    kiosk.order_with(KEY, &ramen()).send().expect(201);
}

#[test]
fn sixty_four_taps_on_the_same_basket_are_one_order() {
    let kiosk = Kiosk::open();
    let answers = at_once(64, |_| kiosk.order_with(KEY, &ramen()).send());
    let placed = answers.iter().filter(|answer| answer.status == 201).count();
    let repeated = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!((placed, repeated), (1, 63));
    assert!(
        answers
            .iter()
            .all(|answer| answer.json() == answers[0].json())
    );
    // The day's opening, and the order.
    assert_eq!(kiosk.events(), 2);
}
