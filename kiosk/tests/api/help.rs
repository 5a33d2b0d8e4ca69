//! Diners who call for staff, and the code of a receipt.

use serde_json::json;
use uuid::Uuid;

use super::support::{Kiosk, Options, menu};

fn path() -> String {
    format!("/api/v1/help/{}", Uuid::now_v7())
}

#[test]
fn a_call_is_made_once_seen_by_staff_and_answered() {
    let kiosk = Kiosk::open();
    let (path, kitchen) = (path(), kiosk.kitchen());
    let call = kiosk
        .ask("PUT", &path)
        .json(&json!({"terminal": " window "}));
    let made = call.clone().send().expect(201);
    assert_eq!(
        (&made["terminal"], &made["answered"]),
        (&json!("window"), &json!(false))
    );
    assert_eq!(call.clone().send().expect(200), made);
    let listed = || {
        kiosk
            .get("/api/v1/help")
            .bearer(&kitchen)
            .send()
            .expect(200)
    };
    assert_eq!(listed()["calls"], json!([made]));
    let answer = kiosk
        .post(&format!("{path}/answer"), &json!({}))
        .bearer(&kitchen);
    assert_eq!(answer.clone().send().expect(200)["answered"], true);
    assert_eq!(answer.send().expect(200)["answered"], true);
    assert_eq!(listed()["calls"], json!([]));
    assert_eq!(kiosk.get(&path).send().expect(200)["answered"], true);
    assert_eq!(kiosk.events(), 0, "a call is no fact about an order");
}

#[test]
fn a_call_can_be_taken_back_as_often_as_one_likes() {
    let kiosk = Kiosk::open();
    let path = path();
    assert_eq!(kiosk.ask("PUT", &path).send().status, 201);
    for _ in 0..2 {
        assert_eq!(kiosk.ask("DELETE", &path).send().status, 204);
    }
    kiosk.get(&path).send().refused(404, "not-found");
    let answer = kiosk.post(&format!("{path}/answer"), &json!({}));
    answer
        .bearer(&kiosk.kitchen())
        .send()
        .refused(404, "not-found");
}

#[test]
fn odd_calls_are_refused_and_a_flood_of_them_ends() {
    let kiosk = Kiosk::open();
    let call = |body| kiosk.ask("PUT", &path()).json(&body).send();
    assert_eq!(
        call(json!({"terminal": "x".repeat(41)})).faults(),
        ["/terminal"]
    );
    assert_eq!(call(json!({"terminal": "a\nb"})).faults(), ["/terminal"]);
    assert_eq!(call(json!({"name": "b"})).faults(), ["/name"]);
    kiosk
        .ask("PUT", "/api/v1/help/me")
        .send()
        .refused(404, "not-found");
    let statuses: Vec<u16> = (0..65).map(|_| call(json!({})).status).collect();
    assert_eq!((statuses[63], statuses[64]), (201, 429));
}

#[test]
fn screens_hear_of_a_call_and_its_answer() {
    let kiosk = Kiosk::open();
    let path = path();
    let before = *kiosk.state.feed.latest().borrow();
    kiosk
        .ask("PUT", &path)
        .json(&json!({"terminal": "bar"}))
        .send()
        .expect(201);
    let answer = kiosk.post(&format!("{path}/answer"), &json!({}));
    answer.bearer(&kiosk.kitchen()).send().expect(200);
    let kiosk::web::feed::Resumed::Items(items) = kiosk.state.feed.after(before) else {
        panic!("a gap")
    };
    let told: Vec<_> = items.iter().filter(|item| item.kind == "help").collect();
    let states: Vec<serde_json::Value> = told
        .iter()
        .map(|item| serde_json::from_str(&item.data).unwrap())
        .collect();
    assert_eq!(
        (&states[0]["state"], &states[1]["state"]),
        (&json!("waiting"), &json!("answered"))
    );
    assert_eq!(states[0]["terminal"], "bar");
}

#[test]
fn the_code_of_a_receipt_is_there_where_a_phone_gets_to_it() {
    let code = |public_url: Option<&str>| {
        let kiosk = Kiosk::with(&Options {
            public_url: public_url.map(str::to_owned),
            ..Options::default()
        });
        let order = kiosk.placed(&menu::ramen());
        let id = order["id"].as_str().unwrap().to_owned();
        let other = kiosk.get(&format!("/api/v1/orders/{}/receipt-qr.svg", Uuid::now_v7()));
        other.send().refused(404, "not-found");
        kiosk
            .get(&format!("/api/v1/orders/{id}/receipt-qr.svg"))
            .send()
    };
    let drawn = code(Some("http://10.1.2.3:8080/"));
    assert_eq!(drawn.header("content-type"), Some("image/svg+xml"));
    assert!(drawn.status == 200 && drawn.text().contains("<svg"));
    code(None).refused(404, "not-found");
}
