//! Who may do what, and how one shows who one is.

use std::net::{SocketAddr, TcpStream};

use kiosk::clock;
use kiosk::journal::StaffRole;
use serde_json::json;
use tokio::net::TcpSocket;

use super::orders::at_once;
use super::support::kiosk::{KITCHEN_PIN, PIN};
use super::support::menu::some;
use super::support::{Answer, Ask, Kiosk};

/// Calls of the kitchen, and those of the manager alone, for one order.
fn calls(kiosk: &Kiosk) -> (Vec<Ask>, Vec<Ask>) {
    let order = kiosk.placed(&some("tea", 1));
    let act = |action: &str| {
        let path = format!("/api/v1/orders/{}/{action}", order["id"].as_str().unwrap());
        kiosk.post(&path, &json!({"reason": "so"}))
    };
    let kitchen = vec![
        kiosk.get("/api/v1/orders"),
        act("start"),
        act("ready"),
        act("collect"),
    ];
    let manager = vec![
        act("pay"),
        act("refund"),
        act("void"),
        kiosk.get("/api/v1/reports/day"),
        kiosk.post("/api/v1/days/open", &json!({})),
        kiosk.post("/api/v1/days/close", &json!({})),
        kiosk
            .ask("PUT", "/api/v1/items/tea/availability")
            .json(&json!({"available": true})),
    ];
    (kitchen, manager)
}

#[test]
fn nobody_does_what_needs_a_session() {
    let kiosk = Kiosk::open();
    let (kitchen, manager) = calls(&kiosk);
    for ask in kitchen.into_iter().chain(manager) {
        let answer = ask.clone().send();
        answer.refused(401, "unauthorized");
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        ask.clone()
            .bearer("guess")
            .send()
            .refused(401, "unauthorized");
        ask.header("Authorization", "Basic YTpi")
            .send()
            .refused(401, "unauthorized");
    }
}

#[test]
fn the_kitchen_does_its_part_and_the_manager_may_do_all() {
    let kiosk = Kiosk::open();
    let (kitchen, manager) = (kiosk.kitchen(), kiosk.manager());
    let (for_kitchen, for_manager) = calls(&kiosk);
    for ask in for_kitchen {
        assert_eq!(ask.bearer(&kitchen).send().status, 200);
    }
    for ask in for_manager {
        ask.bearer(&kitchen).send().refused(403, "forbidden");
    }
    let (for_kitchen, for_manager) = calls(&kiosk);
    for ask in for_kitchen.into_iter().chain(for_manager) {
        let status = ask.cookie(&manager).send().status;
        assert!(status == 200 || status == 409, "{status}");
    }
}

#[test]
fn a_cookie_shown_by_another_sites_page_opens_nothing() {
    let kiosk = Kiosk::open();
    let manager = kiosk.manager();
    let ask = || kiosk.post("/api/v1/days/open", &json!({})).cookie(&manager);
    let foreign: [(&str, &str); 5] = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Site", "same-site"),
        ("Origin", "http://evil.example"),
        ("Origin", "http://127.0.0.1:1"),
        ("Origin", "null"),
    ];
    for (name, value) in foreign {
        ask().header(name, value).send().refused(403, "forbidden");
        let out = kiosk.ask("DELETE", "/api/v1/sessions").cookie(&manager);
        out.header(name, value).send().refused(403, "forbidden");
        let sign_in = kiosk.post("/api/v1/sessions", &json!({"pin": PIN}));
        sign_in.header(name, value).send().refused(403, "forbidden");
    }
    ask()
        .header("Sec-Fetch-Site", "same-origin")
        .send()
        .expect(200);
    ask()
        .header("Origin", format!("http://{}", kiosk.address))
        .send()
        .expect(200);
    // A program that holds the token says so itself.
    let bearer = kiosk.post("/api/v1/days/open", &json!({})).bearer(&manager);
    bearer
        .header("Origin", "http://evil.example")
        .send()
        .expect(200);
}

fn sign_in(kiosk: &Kiosk, pin: &str) -> Answer {
    kiosk.post("/api/v1/sessions", &json!({"pin": pin})).send()
}

#[test]
fn a_pin_opens_a_session_of_its_role_and_signing_out_ends_it() {
    let kiosk = Kiosk::open();
    sign_in(&kiosk, PIN).refused(401, "unauthorized");
    kiosk.set_pins();
    assert_eq!(sign_in(&kiosk, KITCHEN_PIN).expect(201)["role"], "kitchen");
    let answer = sign_in(&kiosk, PIN);
    let session = answer.expect(201);
    assert_eq!(session["role"], "manager");
    let token = session["token"].as_str().unwrap();
    let cookie = answer.header("set-cookie").unwrap();
    assert!(
        cookie.starts_with(&format!("stillopen_session={token};")),
        "{cookie}"
    );
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"),
        "{cookie}"
    );
    let report = || kiosk.get("/api/v1/reports/day").cookie(token).send();
    report().expect(200);
    let out = kiosk.ask("DELETE", "/api/v1/sessions").cookie(token).send();
    assert_eq!(out.status, 204);
    assert!(out.header("set-cookie").unwrap().contains("Max-Age=0"));
    report().refused(401, "unauthorized");
    assert_eq!(kiosk.ask("DELETE", "/api/v1/sessions").send().status, 204);
}

#[test]
fn what_is_no_pin_is_told_apart_from_a_wrong_one() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    assert_eq!(
        kiosk.post("/api/v1/sessions", &json!({})).send().faults(),
        ["/pin"]
    );
    assert_eq!(
        kiosk
            .post("/api/v1/sessions", &json!({"pin": 135_790}))
            .send()
            .faults(),
        ["/pin"]
    );
    let body = json!({"pin": PIN, "role": "manager"});
    assert_eq!(
        kiosk.post("/api/v1/sessions", &body).send().faults(),
        ["/role"]
    );
    let broken = kiosk
        .ask("POST", "/api/v1/sessions")
        .raw(b"135790x".to_vec());
    broken.send().refused(400, "malformed");
    sign_in(&kiosk, "13579").refused(401, "unauthorized");
    sign_in(&kiosk, "１３５７９０").refused(401, "unauthorized");
}

/// A connection that seems to come from another screen.
fn from_elsewhere(kiosk: &Kiosk, last: u8) -> TcpStream {
    let stream = kiosk.runtime.block_on(async {
        let socket = TcpSocket::new_v4().unwrap();
        socket
            .bind(SocketAddr::from(([127, 0, 0, last], 0)))
            .unwrap();
        socket.connect(kiosk.address).await.unwrap()
    });
    let stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn one_who_guesses_is_told_to_wait_and_locks_nobody_else_out() {
    let kiosk = Kiosk::open();
    kiosk.set_pins();
    // Guessing many at once gains nothing.
    let answers = at_once(16, |_| sign_in(&kiosk, "999999"));
    let wrong = answers.iter().filter(|answer| answer.status == 401).count();
    assert_eq!(wrong, 5);
    for answer in answers.iter().filter(|answer| answer.status != 401) {
        answer.refused(429, "too-many-requests");
        let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=5).contains(&seconds), "{seconds}");
    }
    // Also with the right PIN, or guessing would be worth it.
    sign_in(&kiosk, PIN).refused(429, "too-many-requests");
    let ask = kiosk.post("/api/v1/sessions", &json!({"pin": PIN}));
    ask.send_on(from_elsewhere(&kiosk, 2)).expect(201);
}

#[test]
fn a_session_ends_when_its_time_is_over() {
    let kiosk = Kiosk::open();
    let long_ago = clock::monotonic();
    let sessions = &kiosk.state.sessions;
    let client = [10, 0, 0, 1].into();
    let when = (long_ago, clock::wall());
    let opened = sessions.open(StaffRole::Kitchen, None, client, &[3; 32], when);
    assert_eq!(
        sessions.find(&opened.token, long_ago + opened.lifetime),
        None
    );
    let ask = kiosk.get("/api/v1/orders").bearer(&opened.token);
    assert_eq!(ask.send().status, 200);
}
