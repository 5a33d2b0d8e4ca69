//! The staff: people with PINs of their own, and sessions that last as long as the PIN does.

use kiosk::clock;
use kiosk::journal::{PEOPLE_LIMIT, StaffRole};
use kiosk::web::sessions::Sessions;
use serde_json::{Value, json};

use super::support::kiosk::{KITCHEN_PIN, PIN};
use super::support::menu::some;
use super::support::{Answer, Kiosk};

const MEI: &str = "864209";

fn sign_in(kiosk: &Kiosk, pin: &str) -> Answer {
    kiosk.post("/api/v1/sessions", &json!({"pin": pin})).send()
}

fn token(kiosk: &Kiosk, pin: &str) -> String {
    let session = sign_in(kiosk, pin).expect(201);
    session["token"].as_str().unwrap().to_owned()
}

fn add(kiosk: &Kiosk, name: &str, role: &str, pin: &str) -> Answer {
    let body = json!({"name": name, "role": role, "pin": pin});
    let ask = kiosk.post("/api/v1/staff", &body).bearer(&kiosk.manager());
    ask.send()
}

fn change(kiosk: &Kiosk, id: &Value, body: &Value) -> Answer {
    let path = format!("/api/v1/staff/{}", id.as_str().unwrap());
    let ask = kiosk.ask("PUT", &path).json(body);
    ask.bearer(&kiosk.manager()).send()
}

fn revoke(kiosk: &Kiosk, id: &str) -> Answer {
    let ask = kiosk.ask("DELETE", &format!("/api/v1/staff/{id}"));
    ask.bearer(&kiosk.manager()).send()
}

fn listed(kiosk: &Kiosk, token: &str) -> Value {
    let ask = kiosk.get("/api/v1/staff").bearer(token);
    ask.send().expect(200)
}

#[test]
fn what_somebody_does_under_a_pin_of_their_own_carries_their_name() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let mei = add(&kiosk, "Mei", "manager", MEI).expect(201);
    assert_eq!(
        (&mei["name"], &mei["role"]),
        (&json!("Mei"), &json!("manager"))
    );
    let session = sign_in(&kiosk, MEI).expect(201);
    assert_eq!(
        (&session["name"], &session["role"]),
        (&json!("Mei"), &json!("manager"))
    );
    let order = kiosk.placed(&some("tea", 1));
    let path = |action: &str| format!("/api/v1/orders/{}/{action}", order["id"].as_str().unwrap());
    let own = session["token"].as_str().unwrap();
    let paid = kiosk.post(&path("pay"), &json!({})).bearer(own);
    let paid = paid.send().expect(200);
    let body = json!({"reason": "cold", "version": paid["version"], "lines": [{"line": 0}]});
    let refunded = kiosk.post(&path("refund"), &body).bearer(own);
    assert_eq!(
        refunded.send().expect(200)["refunds"][0]["by"],
        "manager/Mei"
    );
}

#[test]
fn a_pin_and_a_name_are_somebodys_alone() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let mei = add(&kiosk, "Mei", "kitchen", MEI).expect(201);
    assert_eq!(add(&kiosk, "mei", "kitchen", "975310").faults(), ["/name"]);
    for taken in [MEI, PIN, KITCHEN_PIN] {
        assert_eq!(
            add(&kiosk, "Li", "kitchen", taken).faults(),
            ["/pin"],
            "{taken}"
        );
    }
    assert_eq!(
        change(&kiosk, &mei["id"], &json!({"pin": PIN})).faults(),
        ["/pin"]
    );
    // Her own again is no collision.
    assert_eq!(change(&kiosk, &mei["id"], &json!({"pin": MEI})).status, 204);
    for (body, fault) in [
        (
            json!({"name": "Li", "role": "kitchen", "pin": "12345"}),
            "/pin",
        ),
        (
            json!({"name": "Li", "role": "kitchen", "pin": 123_456}),
            "/pin",
        ),
        (
            json!({"name": "Li", "role": "owner", "pin": "975310"}),
            "/role",
        ),
        (
            json!({"name": " ", "role": "kitchen", "pin": "975310"}),
            "/name",
        ),
        (
            json!({"name": "x".repeat(41), "role": "kitchen", "pin": "975310"}),
            "/name",
        ),
        (
            json!({"name": "Li", "role": "kitchen", "pin": "975310", "is": 1}),
            "/is",
        ),
    ] {
        let ask = kiosk.post("/api/v1/staff", &body).bearer(&kiosk.manager());
        assert_eq!(ask.send().faults(), [fault], "{body}");
    }
    assert_eq!(
        listed(&kiosk, &kiosk.manager())["staff"]
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[test]
fn a_changed_pin_signs_out_everywhere_who_used_it_and_nobody_else() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let mei = add(&kiosk, "Mei", "manager", MEI).expect(201);
    let (one, two, manager) = (token(&kiosk, MEI), token(&kiosk, MEI), token(&kiosk, PIN));
    let works = |token: &str| kiosk.get("/api/v1/staff").bearer(token).send().status;
    assert_eq!([works(&one), works(&two), works(&manager)], [200, 200, 200]);
    assert_eq!(
        change(&kiosk, &mei["id"], &json!({"pin": "111222"})).status,
        204
    );
    assert_eq!([works(&one), works(&two), works(&manager)], [401, 401, 200]);
    sign_in(&kiosk, MEI).refused(401, "unauthorized");
    token(&kiosk, "111222");
    // The same when it is set on the command line beside the running kiosk.
    kiosk.set_pins();
    assert_eq!(works(&manager), 401);
}

#[test]
fn another_role_holds_at_once() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let mei = add(&kiosk, "Mei", "manager", MEI).expect(201);
    let own = token(&kiosk, MEI);
    assert_eq!(
        change(&kiosk, &mei["id"], &json!({"role": "kitchen"})).status,
        204
    );
    let staff = kiosk.get("/api/v1/staff").bearer(&own).send();
    staff.refused(403, "forbidden");
    assert_eq!(kiosk.get("/api/v1/orders").bearer(&own).send().status, 200);
    assert_eq!(revoke(&kiosk, mei["id"].as_str().unwrap()).status, 204);
    let orders = kiosk.get("/api/v1/orders").bearer(&own).send();
    orders.refused(401, "unauthorized");
    revoke(&kiosk, mei["id"].as_str().unwrap()).refused(404, "not-found");
    change(&kiosk, &mei["id"], &json!({"pin": "111222"})).refused(404, "not-found");
}

#[test]
fn the_last_who_can_sign_in_as_manager_stays() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let refused = revoke(&kiosk, "manager");
    refused.refused(409, "staff");
    assert_eq!(refused.json()["cause"], "last-manager");
    let mei = add(&kiosk, "Mei", "manager", MEI).expect(201);
    assert_eq!(revoke(&kiosk, "manager").status, 204);
    let down = change(&kiosk, &mei["id"], &json!({"role": "kitchen"}));
    down.refused(409, "staff");
    revoke(&kiosk, mei["id"].as_str().unwrap()).refused(409, "staff");
    assert_eq!(revoke(&kiosk, "kitchen").status, 204);
    revoke(&kiosk, "kitchen").refused(404, "not-found");
}

#[test]
fn the_first_pin_is_set_on_the_screen_once() {
    let kiosk = Kiosk::open();
    let first = |pin: &str| kiosk.post("/api/v1/staff/first", &json!({"pin": pin}));
    assert_eq!(first("12345").send().faults(), ["/pin"]);
    let foreign = first(PIN).header("Origin", "http://evil.example");
    foreign.send().refused(403, "forbidden");
    let answer = first(PIN).send();
    let session = answer.expect(201);
    assert!(answer.header("set-cookie").unwrap().contains("HttpOnly"));
    listed(&kiosk, session["token"].as_str().unwrap());
    let again = first("999999").send();
    again.refused(409, "staff");
    assert_eq!(again.json()["cause"], "not-first");
    token(&kiosk, PIN);
}

#[test]
fn the_kitchen_and_strangers_change_nothing_among_the_staff() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let person = json!({"name": "Mei", "role": "manager", "pin": MEI});
    for (method, path) in [
        ("GET", "/api/v1/staff"),
        ("POST", "/api/v1/staff"),
        ("PUT", "/api/v1/staff/manager"),
        ("DELETE", "/api/v1/staff/kitchen"),
        ("DELETE", "/api/v1/sessions/others"),
    ] {
        let ask = || match method {
            "GET" | "DELETE" => kiosk.ask(method, path),
            _ => kiosk.ask(method, path).json(&person),
        };
        ask().send().refused(401, "unauthorized");
        ask()
            .bearer(&kiosk.kitchen())
            .send()
            .refused(403, "forbidden");
        let foreign = ask().cookie(&kiosk.manager());
        let foreign = foreign.header("Sec-Fetch-Site", "cross-site");
        foreign.send().refused(403, "forbidden");
    }
}

#[test]
fn everybody_else_is_signed_out_at_a_word() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let (own, other) = (token(&kiosk, PIN), token(&kiosk, KITCHEN_PIN));
    let open = listed(&kiosk, &own)["sessions"].clone();
    assert_eq!(open.as_array().unwrap().len(), 2);
    let out = kiosk.ask("DELETE", "/api/v1/sessions/others").bearer(&own);
    assert_eq!(out.send().status, 204);
    let open = listed(&kiosk, &own)["sessions"].clone();
    assert_eq!(
        (open.as_array().unwrap().len(), &open[0]["own"]),
        (1, &json!(true))
    );
    let orders = kiosk.get("/api/v1/orders").bearer(&other).send();
    orders.refused(401, "unauthorized");
}

/// What a kiosk takes up that starts anew with the journal of this one.
fn after_restart(kiosk: &Kiosk, hours: i64) -> Sessions {
    let sessions = Sessions::default();
    let wall = clock::wall().as_millis() + hours * 3_600_000;
    let now = (
        clock::monotonic(),
        kiosk_core::wall::WallTime::from_millis(wall),
    );
    let journal = &kiosk.state.journal;
    let taken = sessions.take_up(journal, now);
    kiosk.runtime.block_on(taken).unwrap();
    sessions
}

#[test]
fn a_restart_signs_nobody_out_before_the_session_is_over() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let (stays, leaves) = (token(&kiosk, PIN), token(&kiosk, PIN));
    let out = kiosk.ask("DELETE", "/api/v1/sessions").bearer(&leaves);
    assert_eq!(out.send().status, 204);
    let now = clock::monotonic();
    let again = after_restart(&kiosk, 11);
    let found = again.find(&stays, now).unwrap();
    assert_eq!(found.who.role, StaffRole::Manager);
    assert_eq!(again.find(&leaves, now), None);
    // A clock that was set back makes no session longer than it is.
    let earlier = after_restart(&kiosk, -1_000);
    let half_a_day = std::time::Duration::from_secs(12 * 3600);
    assert!(earlier.find(&stays, now).is_some());
    assert_eq!(earlier.find(&stays, clock::monotonic() + half_a_day), None);
    // Over: not taken up, and forgotten in the journal too.
    assert_eq!(after_restart(&kiosk, 13).find(&stays, now), None);
    assert_eq!(after_restart(&kiosk, 0).find(&stays, now), None);
}

#[test]
fn no_token_can_be_read_from_the_journal() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    let token = token(&kiosk, PIN);
    let bytes: Vec<u8> = ["journal.sqlite", "journal.sqlite-wal"]
        .into_iter()
        .flat_map(|name| std::fs::read(kiosk.folder.path().join(name)).unwrap_or_default())
        .collect();
    let holds = |text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(holds("session/"), "sessions are kept");
    assert!(!holds(&token) && !holds(PIN));
}

#[test]
fn people_are_as_many_as_a_wrong_pin_can_be_held_against() {
    let kiosk = Kiosk::open();
    for n in 0..PEOPLE_LIMIT {
        add(&kiosk, &format!("No {n}"), "kitchen", &format!("10{n:04}")).expect(201);
    }
    let one_more = add(&kiosk, "One more", "kitchen", "999999");
    one_more.refused(409, "staff");
    assert_eq!(one_more.json()["cause"], "too-many");
}
