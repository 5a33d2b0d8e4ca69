//! What the manager sets at the kiosk, and what that does.

use serde_json::{Value, json};

use super::support::menu::some;
use super::support::{Answer, Kiosk};

const LATE: &str = "kitchen_late_minutes";

fn set(kiosk: &Kiosk, name: &str, value: &Value) -> Answer {
    let path = format!("/api/v1/settings/{name}");
    let ask = kiosk.ask("PUT", &path).json(&json!({ "value": value }));
    ask.bearer(&kiosk.manager()).send()
}

fn shown(kiosk: &Kiosk, name: &str) -> Value {
    let ask = kiosk.get("/api/v1/settings").bearer(&kiosk.manager());
    let all = ask.send().expect(200);
    let settings = all["settings"].as_array().unwrap();
    let one = settings.iter().find(|setting| setting["name"] == name);
    one.unwrap().clone()
}

fn page(kiosk: &Kiosk, path: &str) -> String {
    let answer = kiosk.get(path).cookie(&kiosk.manager()).send();
    assert_eq!(answer.status, 200);
    answer.text()
}

#[test]
fn what_is_set_holds_on_screens_and_goes_back_at_null() {
    let kiosk = Kiosk::open();
    assert!(page(&kiosk, "/kitchen").contains("data-late=\"420\""));
    let late = set(&kiosk, LATE, &json!(9)).expect(200);
    assert_eq!(
        (&late["value"], &late["default"]),
        (&json!("9"), &json!("7"))
    );
    assert_eq!(late["set_by"], json!("manager"));
    assert_eq!(shown(&kiosk, LATE), late);
    assert!(page(&kiosk, "/kitchen").contains("data-late=\"540\""));
    set(&kiosk, "board_ready_minutes", &json!(2)).expect(200);
    assert!(page(&kiosk, "/board").contains("data-ready-for=\"120\""));
    let back = set(&kiosk, LATE, &json!(null)).expect(200);
    assert_eq!(
        (&back["value"], &back["set_by"]),
        (&json!("7"), &json!(null))
    );
    assert!(page(&kiosk, "/kitchen").contains("data-late=\"420\""));
    // Who looks for it later finds who did what.
    let record = page(&kiosk, "/manager/records?lang=en");
    assert!(record.contains("A ticket is late after: 9"), "{record}");
}

#[test]
fn a_day_that_does_not_open_by_itself_waits_for_the_manager() {
    let kiosk = Kiosk::open();
    set(&kiosk, "opens_by_itself", &json!(false)).expect(200);
    kiosk.order(&some("tea", 1)).send().refused(409, "closed");
    set(&kiosk, "opens_by_itself", &json!(true)).expect(200);
    kiosk.placed(&some("tea", 1));
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let kiosk = Kiosk::open();
    let before = shown(&kiosk, LATE);
    for value in [
        json!(0),
        json!(121),
        json!(7.5),
        json!(true),
        json!("9"),
        json!([9]),
    ] {
        set(&kiosk, LATE, &value).refused(422, "invalid");
    }
    // Each would be fine by itself.
    let contradiction = set(&kiosk, LATE, &json!(4));
    assert!(
        contradiction
            .text()
            .contains("needs care (4) before it is late (4)")
    );
    assert_eq!(shown(&kiosk, LATE), before);
    set(&kiosk, "colour", &json!(1)).refused(404, "not-found");
    for body in [json!({}), json!({"value": 9, "why": "so"}), json!(9)] {
        let ask = kiosk.ask("PUT", &format!("/api/v1/settings/{LATE}"));
        let refused = ask.json(&body).bearer(&kiosk.manager()).send();
        refused.refused(422, "invalid");
    }
}

#[test]
fn only_the_manager_sees_and_sets() {
    let kiosk = Kiosk::open();
    let path = format!("/api/v1/settings/{LATE}");
    for (method, path) in [("GET", "/api/v1/settings"), ("PUT", path.as_str())] {
        let ask = || kiosk.ask(method, path).json(&json!({"value": 9}));
        assert_eq!(ask().send().status, 401);
        assert_eq!(ask().bearer(&kiosk.kitchen()).send().status, 403);
    }
}
