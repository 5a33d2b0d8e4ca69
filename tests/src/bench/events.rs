//! A backlog as a kiosk holds it: orders of three lines, about 1.5 KiB each as an event.

use cloud_sync_wire::chain::{Hash, chain_hash, content_hash};
use cloud_sync_wire::credential::DeviceSecret;
use cloud_sync_wire::frame::{self, EVENTS_LIMIT, Entry, Sender};
use cloud_sync_wire::hello::{Hello, Registration, to_hex};
use cloud_sync_wire::keys::SecretKey;
use cloud_sync_wire::signed;
use kiosk_core::event::{Event, Fact, SCHEMA};
use kiosk_core::ids::{BootId, EventId, JournalId, KioskId, OrderId, StoreId};
use kiosk_core::order::Order;
use serde_json::{Value, json};
use uuid::Uuid;

/// What all of them have in common.
pub(super) const DAY: &str = "2026-11-20";
pub(super) const CURRENCY: &str = "USD";
pub(super) const TOTAL: i64 = 4020;
pub(super) const TAX: i64 = 306;
const PLACED_AT: &str = "2026-11-20T12:30:00.000Z";

/// An event and what of it stands in columns.
pub(super) struct Written {
    pub(super) entry: Entry,
    pub(super) content: Hash,
    pub(super) id: EventId,
    pub(super) order: OrderId,
}

/// The journal of one kiosk.
pub(super) struct Journal {
    pub(super) store: StoreId,
    pub(super) kiosk: KioskId,
    pub(super) secret: DeviceSecret,
    key: SecretKey,
    journal: JournalId,
    pub(super) events: Vec<Written>,
}

impl Journal {
    pub(super) fn written(store: StoreId, kiosk: KioskId, events: usize) -> anyhow::Result<Self> {
        let mut journal = Self {
            secret: DeviceSecret::from_seed(content_hash(store.as_str().as_bytes()).0),
            key: SecretKey::from_seed(&content_hash(kiosk.as_str().as_bytes()).0),
            journal: JournalId(Uuid::new_v4()),
            store,
            kiosk,
            events: Vec::with_capacity(events),
        };
        let mut chain = Hash::START;
        for seq in (1..).take(events) {
            let (id, order) = (EventId(Uuid::now_v7()), OrderId(Uuid::now_v7()));
            let bytes = placed(id, order, seq)?.encode()?;
            let content = content_hash(&bytes);
            chain = chain_hash(chain, seq, content);
            let entry = Entry { seq, chain, bytes };
            journal.events.push(Written {
                entry,
                content,
                id,
                order,
            });
        }
        Ok(journal)
    }

    pub(super) fn hello(&self) -> anyhow::Result<Vec<u8>> {
        let registration = Registration {
            store: self.store.clone(),
            kiosk: self.kiosk.clone(),
            journal: self.journal,
            key: self.key.public(),
        };
        let hello = Hello {
            registration: to_hex(&signed::sign(&registration, &self.secret.key())?),
            journal: self.journal,
            next_seq: self.events.len() as u64 + 1,
            retained_from: 1,
            generation: None,
            ack_no: 0,
            watermark: 0,
            chain: Hash::START,
            ranges: Vec::new(),
            last_ack: None,
            boot: BootId(Uuid::nil()),
            depth: self.events.len() as u64,
            version: "bench".to_owned(),
            schema: SCHEMA,
            free_bytes: 0,
            replaces: None,
        };
        Ok(signed::sign(&hello, &self.key)?)
    }
}

/// The whole backlog as signed frames.
pub(super) fn frames(journal: &Journal) -> Vec<Vec<u8>> {
    let sender = Sender {
        store: journal.store.clone(),
        kiosk: journal.kiosk.clone(),
        journal: journal.journal,
    };
    let chunks = journal.events.chunks(EVENTS_LIMIT);
    let frame = |chunk: &[Written]| {
        let entries: Vec<Entry> = chunk.iter().map(|written| written.entry.clone()).collect();
        frame::encode(&sender, SCHEMA, &entries, &journal.key)
    };
    chunks.map(frame).collect()
}

/// An order of three ramen, placed.
fn placed(id: EventId, order: OrderId, seq: u64) -> anyhow::Result<Event> {
    let order: Order = serde_json::from_value(json!({
        "id": order, "number": format!("A{seq:03}"), "business_date": DAY, "placed_at": PLACED_AT,
        "status": "placed", "version": 1, "service": "eat_in", "table": "7", "language": "en",
        "currency": CURRENCY, "menu_version": "bench", "lines": [line(0), line(1), line(2)],
        "subtotal": TOTAL - TAX, "tax": TAX, "total": TOTAL,
        "payment": {"method": "counter", "status": "due"},
    }))?;
    Ok(Event {
        id,
        order: Some(order.id),
        order_version: 1,
        at: order.placed_at,
        boot: BootId(Uuid::nil()),
        mono_ms: seq,
        request: Some("bench".to_owned()),
        fact: Fact::Placed(Box::new(order)),
    })
}

fn line(index: usize) -> Value {
    let hot = json!({"en": "Hot", "zh-Hans": "辣"});
    json!({
        "item": format!("dish-{index}"), "quantity": 1, "unit_price": 1340,
        "name": {"en": "Tonkotsu Ramen with an egg", "zh-Hans": "豚骨拉面"},
        "options": [{"group": "spice", "option": "hot", "name": hot, "quantity": 1, "price": 50}],
        "total": 1340, "tax_rate": "0.0825", "tax_inclusive": true, "tax": 102, "station": "noodle",
    })
}
