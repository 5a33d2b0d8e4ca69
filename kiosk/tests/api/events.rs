//! Live updates.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::support::Kiosk;
use super::support::menu::some;

/// One event as a browser would see it.
#[derive(Debug, PartialEq)]
pub(super) struct Event {
    id: u64,
    pub(super) kind: String,
    pub(super) data: Value,
}

/// A browser's end of the stream.
pub(super) struct Listener {
    lines: BufReader<TcpStream>,
    last_id: Option<u64>,
}

impl Listener {
    pub(super) fn open(kiosk: &Kiosk, last_id: Option<&str>) -> Self {
        Self::open_at(kiosk, "", last_id)
    }

    pub(super) fn open_at(kiosk: &Kiosk, query: &str, last_id: Option<&str>) -> Self {
        let mut ask = kiosk.get(&format!("/api/v1/events{query}"));
        if let Some(id) = last_id {
            ask = ask.header("Last-Event-ID", id);
        }
        let mut stream = TcpStream::connect(kiosk.address).unwrap();
        ask.begin(&mut stream);
        let mut listener = Self {
            lines: BufReader::new(stream),
            last_id: None,
        };
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(listener.lines.read_line(&mut head).unwrap(), 0, "{head}");
        }
        assert!(head.contains("text/event-stream"), "{head}");
        listener
    }

    /// The next event as the standard says it is to be read; none for an id without data, which a
    /// browser remembers and doesn't show.
    pub(super) fn block(&mut self) -> Option<Event> {
        let (mut kind, mut data, mut named) = (String::new(), String::new(), false);
        loop {
            let mut line = String::new();
            assert_ne!(
                self.lines.read_line(&mut line).unwrap(),
                0,
                "the stream ended"
            );
            let line = line.trim_end();
            if let Some(id) = line.strip_prefix("id: ") {
                self.last_id = Some(id.parse().unwrap());
                named = true;
            } else if let Some(text) = line.strip_prefix("event: ") {
                text.clone_into(&mut kind);
            } else if let Some(text) = line.strip_prefix("data: ") {
                data.push_str(text);
            } else if line.is_empty() && !data.is_empty() {
                let data = serde_json::from_str(&data).unwrap();
                return Some(Event {
                    id: self.last_id.unwrap(),
                    kind,
                    data,
                });
            } else if line.is_empty() && named {
                return None;
            }
        }
    }

    /// The next event of a kind, however often the stream says other things.
    fn next(&mut self, kind: &str) -> Event {
        loop {
            if let Some(event) = self.block()
                && event.kind == kind
            {
                return event;
            }
        }
    }
}

#[test]
fn an_order_is_heard_of_when_it_is_placed_and_when_it_moves() {
    let kiosk = Kiosk::open();
    let mut listener = Listener::open(&kiosk, None);
    assert_eq!(listener.block(), None);
    let order = kiosk.placed(&some("tea", 1));
    let heard = listener.next("order").data;
    for field in ["id", "number", "status", "sync", "version"] {
        assert_eq!(heard[field], order[field], "{field}");
    }
    kiosk.act(&order, "start", &json!({})).send().expect(200);
    let heard = listener.next("order").data;
    assert_eq!(
        (&heard["status"], &heard["version"]),
        (&json!("preparing"), &json!(2))
    );
}

#[test]
fn a_menu_or_stock_that_changes_is_heard_of() {
    let kiosk = Kiosk::open();
    let mut listener = Listener::open(&kiosk, None);
    assert_eq!(listener.block(), None);
    kiosk.placed(&some("bun", 1));
    assert_eq!(
        listener.next("menu").data["version"],
        kiosk.state.menu().version()
    );
    let mut other = super::support::menu::document();
    other["items"][1]["price"] = json!(260);
    kiosk.set_menu(&other);
    assert_eq!(
        listener.next("menu").data["version"],
        kiosk.state.menu().version()
    );
}

#[test]
fn one_who_was_cut_off_resumes_without_a_gap() {
    let kiosk = Kiosk::open();
    let mut listener = Listener::open(&kiosk, None);
    kiosk.placed(&some("tea", 1));
    let first = listener.next("order");
    drop(listener);
    for _ in 0..3 {
        kiosk.placed(&some("tea", 1));
    }
    let mut resumed = Listener::open(&kiosk, Some(&first.id.to_string()));
    let numbers: Vec<_> = (0..3)
        .map(|_| resumed.next("order").data["number"].clone())
        .collect();
    assert_eq!(numbers, ["A002", "A003", "A004"]);
}

#[test]
fn one_who_was_cut_off_before_the_first_event_resumes_from_the_beginning() {
    let kiosk = Kiosk::open();
    let mut listener = Listener::open(&kiosk, None);
    assert_eq!(listener.block(), None);
    let id = listener.last_id.unwrap();
    drop(listener);
    kiosk.placed(&some("tea", 1));
    let mut resumed = Listener::open(&kiosk, Some(&id.to_string()));
    assert_eq!(resumed.next("order").data["number"], "A001");
}

#[test]
fn ids_grow_by_one() {
    let kiosk = Kiosk::open();
    let mut listener = Listener::open(&kiosk, None);
    assert_eq!(listener.block(), None);
    let start = listener.last_id.unwrap();
    kiosk.placed(&some("bun", 1));
    let ids: Vec<u64> = (0..2)
        .map_while(|_| listener.block().map(|event| event.id))
        .collect();
    assert_eq!(ids, [start + 1, start + 2]);
}

#[test]
fn one_who_was_away_too_long_is_told_to_begin_anew() {
    let kiosk = Kiosk::open();
    kiosk.placed(&some("tea", 1));
    for id in [
        "0",
        "1",
        "18446744073709551615",
        "9999999999999",
        "nonsense",
    ] {
        let mut listener = Listener::open(&kiosk, Some(id));
        let reset = listener.next("reset");
        // From there on it goes without a gap.
        kiosk.placed(&some("tea", 1));
        assert!(listener.next("order").id > reset.id);
    }
}
