//! What the kiosk sees of the people before it: scanned codes and presence, on the screens that they
//! belong to and on no other.

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use kiosk::devices::{Seen, Sight};
use serde_json::{Value, json};

use super::events::Listener;
use super::printing::now;
use super::support::{Kiosk, Options};

/// Nothing waits for it to pass; it bounds what never comes.
const PATIENCE: Duration = Duration::from_secs(30);

fn kiosk(devices: String) -> Kiosk {
    Kiosk::with(&Options {
        devices,
        ..Options::default()
    })
}

fn state(kiosk: &Kiosk, name: &str) -> Value {
    let status = kiosk.get("/api/v1/status").send().expect(200);
    let devices = status["devices"].as_array().unwrap();
    let device = devices.iter().find(|device| device["name"] == name);
    device.unwrap()["state"].clone()
}

fn wait(what: &str, is: impl Fn() -> bool) {
    let begun = now();
    while !is() {
        assert!(begun.elapsed() < PATIENCE, "it never comes that {what}");
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// What a screen hears next of these kinds.
fn next(listener: &mut Listener, kinds: &[&str]) -> (String, Value) {
    loop {
        if let Some(event) = listener.block()
            && kinds.contains(&event.kind.as_str())
        {
            return (event.kind, event.data);
        }
    }
}

#[test]
fn a_code_comes_to_the_screen_of_its_scanner_and_to_no_other() {
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = far.local_addr().unwrap();
    let kiosk = kiosk(format!(
        "[[scanner]]\nname = \"left\"\nport = \"tcp:{port}\"\nterminal = \"front-left\"\n"
    ));
    let (mut scanner, _) = far.accept().unwrap();
    wait("the scanner is ready", || state(&kiosk, "left") == "ready");
    let mut left = Listener::open_at(&kiosk, "?terminal=front-left", None);
    let mut right = Listener::open_at(&kiosk, "?terminal=front-right", None);
    let mut staff = Listener::open(&kiosk, None);
    scanner.write_all(b"]Q0tonkotsu-ramen\r").unwrap();
    let (_, told) = next(&mut left, &["scan"]);
    assert_eq!(told, json!({"means": {"item": "tonkotsu-ramen"}}));
    scanner.write_all(b"\x00\xFF nonsense\r").unwrap();
    let (_, told) = next(&mut left, &["scan"]);
    assert_eq!(told, json!({"means": "unknown"}));
    // Whatever comes next on the other screens is not a code.
    let near = Sight {
        terminal: None,
        what: Seen::Near(true),
    };
    kiosk.state.devices.see(near);
    for other in [&mut right, &mut staff] {
        assert_eq!(next(other, &["scan", "presence"]).0, "presence");
    }
}

#[test]
fn a_scanner_that_was_unplugged_is_missed_and_found_again() {
    let far = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = far.local_addr().unwrap();
    let kiosk = kiosk(format!(
        "[[scanner]]\nname = \"scan\"\nport = \"tcp:{port}\"\n"
    ));
    let (plugged, _): (TcpStream, _) = far.accept().unwrap();
    wait("the scanner is ready", || state(&kiosk, "scan") == "ready");
    drop(plugged);
    wait("it is missed", || state(&kiosk, "scan") != "ready");
    let (mut again, _) = far.accept().unwrap();
    wait("it is back", || state(&kiosk, "scan") == "ready");
    let mut screen = Listener::open_at(&kiosk, "?terminal=", None);
    again.write_all(b"tea\r\n").unwrap();
    let (_, told) = next(&mut screen, &["scan"]);
    assert_eq!(told, json!({"means": {"item": "tea"}}));
}

#[test]
fn whether_somebody_is_near_is_told_at_once_and_to_who_asks() {
    let kiosk = Kiosk::open();
    let mut screen = Listener::open_at(&kiosk, "?terminal=front", None);
    for near in [true, false] {
        let terminal = Some("front".to_owned());
        let what = Seen::Near(near);
        kiosk.state.devices.see(Sight { terminal, what });
        let (_, told) = next(&mut screen, &["presence"]);
        assert_eq!(told, json!({"terminal": "front", "near": near}));
        let status = kiosk.get("/api/v1/status").send().expect(200);
        assert_eq!(status["near"], json!({ "front": near }));
    }
}

#[test]
fn a_kiosk_whose_devices_are_all_missing_works_and_names_them() {
    let kiosk = kiosk(
        "[card]\nport = \"/dev/no-such-tty\"\n\
         [[scanner]]\nname = \"scan\"\nport = \"hid:/dev/no-such-hidraw\"\n\
         [[presence]]\nname = \"pin\"\nchip = \"/dev/no-such-chip\"\nline = 4\n\
         [[presence]]\nname = \"eye\"\nbus = \"/dev/no-such-bus\"\nterminal = \"front\"\n"
            .to_owned(),
    );
    kiosk.placed(&super::support::menu::ramen());
    for name in ["card", "scan", "pin", "eye"] {
        wait("it is told that it is missing", || {
            state(&kiosk, name) == "missing"
        });
    }
}

#[test]
fn a_terminal_of_no_such_name_is_refused() {
    let kiosk = Kiosk::open();
    let long = "x".repeat(41);
    let refused = kiosk.get(&format!("/api/v1/events?terminal={long}")).send();
    assert_eq!(refused.faults(), ["/terminal"]);
    let refused = kiosk.get("/api/v1/events?who=me").send();
    assert_eq!(refused.faults(), ["/who"]);
}
