//! What is asked of the journal.

use std::collections::BTreeMap;

use cloud_sync_wire::chain::content_hash;
use jiff::tz::TimeZone;
use kiosk::journal::{PlaceRequest, Stamp};
use kiosk_core::cart::{Method, Service};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{EventId, OrderId};
use kiosk_core::pricing::Quote;
use kiosk_core::wall::WallTime;
use uuid::Uuid;

/// 2026-11-20, noon in New York.
pub(crate) const NOON: i64 = 1_795_194_000_000;

/// The order of that number; asking for it again is a retry.
pub(crate) fn request(number: u128) -> PlaceRequest {
    PlaceRequest {
        key: Uuid::from_u128(number << 64),
        content: content_hash(&number.to_be_bytes()),
        id: OrderId(Uuid::from_u128(number)),
        stamp: stamp(number * 10),
        day_event: EventId(Uuid::from_u128(number * 10 + 1)),
        quote: quote(),
        service: Service::TakeAway,
        table: None,
        language: "en".to_owned(),
        terminal: None,
        method: Method::Counter,
        wanted: BTreeMap::from([("ramen".to_owned(), (1, Some(500)))]),
        schedule: Schedule::default(),
        zone: zone(),
    }
}

pub(crate) fn stamp(event: u128) -> Stamp {
    Stamp {
        at: WallTime::from_millis(NOON),
        mono_ms: 1,
        event: EventId(Uuid::from_u128(event)),
        request: None,
    }
}

pub(crate) fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn quote() -> Quote {
    serde_json::from_value(serde_json::json!({
        "menu_version": "m1", "currency": "USD", "subtotal": 1340, "tax": 0, "total": 1340,
        "lines": [{
            "item": "ramen", "name": {"en": "Ramen"}, "quantity": 1, "unit_price": 1340,
            "total": 1340, "tax_rate": "0", "tax": 0, "note": "x".repeat(200),
        }],
    }))
    .unwrap()
}
