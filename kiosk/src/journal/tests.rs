//! The journal's promises, by its public API.

mod acting;
mod carrying;
mod chosen;
mod days;
mod fencing;
mod files;
mod groups;
mod placing;
mod printing;
mod pruning;
mod records;
mod resetting;
mod sequences;
mod switches;
mod syncing;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use cloud_sync_wire::ack::{Ack, Range};
use cloud_sync_wire::chain::{Hash, content_hash};
use jiff::tz::TimeZone;
use kiosk_core::cart::{Method, Service};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{BootId, EventId, Generation, OrderId};
use kiosk_core::order::Action;
use kiosk_core::pricing::Quote;
use kiosk_core::wall::WallTime;
use tokio::sync::mpsc;
use uuid::Uuid;

use super::*;

/// 2026-11-20, noon in New York.
const NOON: i64 = 1_795_194_000_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// A journal in a folder of its own, and requests that differ from one another.
struct Desk {
    folder: tempfile::TempDir,
    settings: JournalSettings,
    journal: Journal,
    feed: mpsc::UnboundedReceiver<Change>,
    count: AtomicU64,
    at: i64,
}

impl Desk {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut JournalSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path(), 1);
        change(&mut settings);
        let (feed_in, feed) = mpsc::unbounded_channel();
        let journal = Journal::open(settings.clone(), feed_in).unwrap();
        Self {
            folder,
            settings,
            journal,
            feed,
            count: AtomicU64::new(0),
            at: NOON,
        }
    }

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Closes the journal and opens it again.
    async fn reopen(&mut self) {
        self.journal.close().await;
        let (feed_in, feed) = mpsc::unbounded_channel();
        self.journal = Journal::open(self.settings.clone(), feed_in).unwrap();
        self.feed = feed;
    }

    fn next(&self) -> u128 {
        u128::from(self.count.fetch_add(1, Ordering::Relaxed)) + 1000
    }

    fn stamp(&self) -> Stamp {
        Stamp {
            at: WallTime::from_millis(self.at),
            mono_ms: 7,
            event: EventId(Uuid::from_u128(self.next())),
            request: Some("r-1".to_owned()),
        }
    }

    fn order(&self) -> PlaceRequest {
        let number = self.next();
        PlaceRequest {
            key: Uuid::from_u128(number),
            content: content_hash(&number.to_be_bytes()),
            id: OrderId(Uuid::from_u128(number)),
            stamp: self.stamp(),
            day_event: EventId(Uuid::from_u128(self.next())),
            quote: quote(1),
            service: Service::EatIn,
            table: Some("7".to_owned()),
            language: "en".to_owned(),
            terminal: None,
            method: Method::Counter,
            wanted: BTreeMap::new(),
            schedule: Schedule::default(),
            zone: zone(),
        }
    }

    /// An order of so many ramen, of which the menu starts the day with so many.
    fn ramen(&self, quantity: u32, start: u32) -> PlaceRequest {
        let wanted = [("ramen".to_owned(), (quantity, Some(start)))].into();
        PlaceRequest {
            quote: quote(quantity),
            wanted,
            ..self.order()
        }
    }

    async fn place(&self) -> Placed {
        self.journal.place(self.order()).await.unwrap()
    }

    async fn act(&self, order: OrderId, action: Action) -> Result<Arc<Order>, ActRefusal> {
        let request = ActRequest {
            stamp: self.stamp(),
            order,
            action,
            reason: Some("cold".to_owned()),
            by: Some("manager".to_owned()),
            tender: None,
            reference: None,
            refund: None,
        };
        self.journal.act(request).await
    }

    fn day(&self, close: bool) -> DayRequest {
        DayRequest {
            stamp: self.stamp(),
            close,
            schedule: Schedule::default(),
            zone: zone(),
            currency: "USD".parse().unwrap(),
            by: None,
        }
    }

    fn left(&self, left: Option<u32>) -> StockRequest {
        StockRequest {
            stamp: self.stamp(),
            item: "ramen".to_owned(),
            available: None,
            left: Some(left),
            start: None,
            today: Schedule::default().date(WallTime::from_millis(self.at), &zone()),
            by: None,
        }
    }

    fn outbox(&self) -> Outbox {
        self.journal.outbox().borrow().clone()
    }

    /// The journal's own chain hash at `seq`.
    async fn chain(&self, seq: u64) -> Hash {
        let events = self.journal.events(seq, seq, 1, 1).await.unwrap();
        events.first().map_or(Hash::START, |event| event.chain)
    }

    /// A true ack of everything up to `watermark` and of `ranges`.
    async fn ack(&self, ack_no: u64, watermark: u64, ranges: &[(u64, u64)]) -> Ack {
        let mut told = Vec::new();
        for (first, last) in ranges {
            told.push(Range {
                first: *first,
                last: *last,
                chain: self.chain(*last).await,
            });
        }
        Ack {
            journal: self.journal.id(),
            generation: generation(1),
            ack_no,
            watermark,
            chain: self.chain(watermark).await,
            ranges: told,
            quarantined: Vec::new(),
            quarantine_reasons: Vec::new(),
            quarantined_total: 0,
            credit: 4,
            at: WallTime::from_millis(self.at),
            heartbeat_ms: None,
            epoch: None,
            lineage: 0,
            forked: false,
        }
    }

    async fn confirm(&self, ack: Ack) -> Confirmed {
        self.journal.confirm(ack, b"signed".to_vec()).await.unwrap()
    }

    fn check(&self) -> check::Report {
        check::check(self.folder(), |_, _| {}).unwrap()
    }

    fn assert_whole(&self) {
        let report = self.check();
        assert!(report.ok, "{:#?}", report.problems);
        assert_eq!(report.next_seq, self.outbox().next_seq);
        assert_eq!(report.unconfirmed, self.outbox().unconfirmed());
    }
}

fn settings(folder: &Path, seed: u8) -> JournalSettings {
    let boot = BootId(Uuid::from_u128(3));
    JournalSettings {
        free_bytes: Arc::new(|| None),
        ..JournalSettings::new(folder.to_owned(), boot, [seed; 64])
    }
}

fn generation(number: u128) -> Generation {
    Generation(Uuid::from_u128(number))
}

fn zone() -> TimeZone {
    TimeZone::get("America/New_York").unwrap()
}

fn quote(quantity: u32) -> Quote {
    let total = 1340 * i64::from(quantity);
    serde_json::from_value(serde_json::json!({
        "menu_version": "m1", "currency": "USD", "subtotal": total, "tax": 0, "total": total,
        "lines": [{
            "item": "ramen", "name": {"en": "Ramen", "zh-Hans": "拉面"}, "quantity": quantity,
            "unit_price": 1340, "total": total, "tax_rate": "0", "tax": 0,
            "note": "say \"hi\",\"data\":{}",
        }],
    }))
    .unwrap()
}
