//! Switches, and who may turn them.

use serde_json::{Value, json};

use super::support::{Answer, Kiosk};

fn turn(kiosk: &Kiosk, name: &str, body: &Value) -> Answer {
    let path = format!("/api/v1/switches/{name}");
    kiosk
        .ask("PUT", &path)
        .json(body)
        .bearer(&kiosk.manager())
        .send()
}

fn shown(kiosk: &Kiosk, name: &str) -> Value {
    let status = kiosk.get("/api/v1/status").send().expect(200);
    let switches = status["switches"].as_array().unwrap();
    switches
        .iter()
        .find(|switch| switch["name"] == name)
        .unwrap()
        .clone()
}

#[test]
fn a_turned_switch_is_shown_with_who_and_why() {
    let kiosk = Kiosk::open();
    let before = shown(&kiosk, "ordering_cloud");
    assert_eq!(
        (&before["state"], &before["effective"], &before["set_by"]),
        (&json!("auto"), &json!("on"), &json!(null))
    );
    let body = json!({"state": "off", "reason": " stocktaking "});
    let turned = turn(&kiosk, "ordering_cloud", &body).expect(200);
    let at = &turned["at"];
    assert!(at.is_string());
    let setting = json!({"state": "off", "scope": "this kiosk", "here": true,
                         "set_by": "manager", "reason": "stocktaking", "at": at});
    assert_eq!(
        turned,
        json!({"name": "ordering_cloud", "state": "off", "effective": "off",
               "set_by": "manager", "reason": "stocktaking", "scope": "this kiosk", "at": at,
               "settings": [setting]})
    );
    assert_eq!(shown(&kiosk, "ordering_cloud"), turned);
    let body = json!({"state": "auto", "reason": "done"});
    let turned = turn(&kiosk, "ordering_cloud", &body).expect(200);
    assert_eq!(
        (&turned["effective"], &turned["reason"]),
        (&json!("on"), &json!(null))
    );
    assert_eq!(kiosk.events(), 2);
}

#[test]
fn a_switch_that_does_nothing_is_not_there() {
    let kiosk = Kiosk::open();
    let body = json!({"state": "off", "reason": "x"});
    turn(&kiosk, "gravity", &body).refused(404, "not-found");
    assert_eq!(kiosk.events(), 0);
}

#[test]
fn a_turn_needs_a_state_and_a_reason() {
    let kiosk = Kiosk::open();
    for (body, faults) in [
        (json!({}), vec!["/reason", "/state"]),
        (json!({"state": "half", "reason": "x"}), vec!["/state"]),
        (json!({"state": "on", "reason": "  "}), vec!["/reason"]),
        (
            json!({"state": "on", "reason": "x".repeat(201)}),
            vec!["/reason"],
        ),
        (
            json!({"state": "on", "reason": "x", "for": 1}),
            vec!["/for"],
        ),
    ] {
        let mut told = turn(&kiosk, "menu_updates", &body).faults();
        told.sort();
        assert_eq!(told, faults, "{body}");
    }
    assert_eq!(kiosk.events(), 0);
}

#[test]
fn the_kitchen_turns_no_switches() {
    let kiosk = Kiosk::open();
    let ask = kiosk.ask("PUT", "/api/v1/switches/menu_updates");
    let ask = ask.json(&json!({"state": "off", "reason": "x"}));
    ask.bearer(&kiosk.kitchen())
        .send()
        .refused(403, "forbidden");
}

#[test]
fn a_level_is_held_by_its_switch_and_left_with_it() {
    let kiosk = Kiosk::open();
    let level = || {
        let status = kiosk.get("/api/v1/status").send().expect(200);
        (status["level"].clone(), status["level_reasons"].clone())
    };
    assert_eq!(level(), (json!("L0"), json!([])));
    let body = json!({"state": "on", "reason": "drill"});
    turn(&kiosk, "force_l3", &body).expect(200);
    let held = (json!("L3"), json!(["set by hand: manager: drill"]));
    assert_eq!(level(), held);
    let body = json!({"state": "auto", "reason": "over"});
    turn(&kiosk, "force_l3", &body).expect(200);
    assert_eq!(level(), (json!("L0"), json!([])));
}
