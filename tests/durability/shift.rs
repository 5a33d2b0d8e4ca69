//! A short working day on a simulated disk, what was answered in it, and whether a disk found later
//! holds all of that.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cloud_sync_wire::ack::Ack;
use kiosk::journal::{
    ActRefusal, ActRequest, Confirmed, DayRefusal, DayRequest, Journal, JournalError,
    JournalSettings, PlaceRefusal, PlaceRequest, Placed, Synchronous, check,
};
use kiosk_core::day::Schedule;
use kiosk_core::ids::{BootId, Generation, OrderId};
use kiosk_core::order::Action;
use kiosk_core::wall::WallTime;
use lossy_vfs::{Disk, Policy};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::asked::{NOON, request, stamp, zone};

/// Diners who order at the same time, and how often each.
const DINERS: u128 = 3;
const ORDERS: u128 = 4;
/// Enough for many groups, so that a request that never gets its answer fails the test.
const PATIENCE: Duration = Duration::from_secs(60);

/// The seeds with which a power cut that scrambles is looked at.
pub(crate) fn seeds(usual: u64) -> std::ops::Range<u64> {
    let told = std::env::var("DURABILITY_SEEDS").ok();
    0..told.and_then(|told| told.parse().ok()).unwrap_or(usual)
}

/// All that was answered with success.
#[derive(Default)]
pub(crate) struct Answered {
    placed: Vec<(PlaceRequest, Placed)>,
    acted: Vec<(OrderId, u32)>,
    watermark: u64,
    retained_from: u64,
    next_seq: u64,
}

/// Someone who runs the kiosk on one disk.
#[derive(Clone)]
pub(crate) struct Shift {
    settings: JournalSettings,
    /// How often a request that was told to try again is tried.
    tries: u32,
    answered: Arc<Mutex<Answered>>,
}

impl Shift {
    pub(crate) fn new(disk: &Disk, tries: u32) -> Self {
        let boot = BootId(Uuid::from_u128(3));
        let settings = JournalSettings {
            vfs: Some(disk.vfs_name().to_owned()),
            free_bytes: Arc::new(|| None),
            retention_bytes: 4_000,
            group_limit: 4,
            log_pages: 40,
            ..JournalSettings::new("/data".into(), boot, [7; 64])
        };
        Self {
            settings,
            tries,
            answered: Arc::default(),
        }
    }

    /// Leaves the log alone.
    pub(crate) fn keep_log(&mut self) {
        self.settings.log_pages = u64::MAX;
    }

    /// The same shift, with the answers given so far, on a disk found later.
    pub(crate) fn on(&self, disk: &Disk) -> Self {
        let vfs = Some(disk.vfs_name().to_owned());
        let settings = JournalSettings {
            vfs,
            ..self.settings.clone()
        };
        Self {
            settings,
            ..self.clone()
        }
    }

    pub(crate) fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.settings.synchronous = synchronous;
        self
    }

    /// Runs a story about this shift to its end.
    pub(crate) fn block_on<T>(&self, story: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        runtime.block_on(async {
            tokio::time::timeout(PATIENCE, story)
                .await
                .expect("a request was left without an answer")
        })
    }

    /// Opens the journal, several times if need be.
    pub(crate) fn open(&self) -> Option<Journal> {
        (0..self.tries).find_map(|_| self.try_open().ok())
    }

    pub(crate) fn try_open(&self) -> Result<Journal, String> {
        let (feed, _nobody) = mpsc::unbounded_channel();
        Journal::open(self.settings.clone(), feed).map_err(|error| error.to_string())
    }

    /// The whole day. What fails is tried again as often as this shift does; then it is let be.
    pub(crate) async fn work(&self) {
        let Some(journal) = self.open() else {
            return;
        };
        self.order_and_pay(&journal).await;
        self.confirm(&journal).await;
        self.change_day(&journal).await;
        journal.close().await;
        let Some(journal) = self.open() else {
            return;
        };
        // The other half of the day begins with what the first left.
        self.order_once_more(&journal).await;
        journal.close().await;
    }

    /// Some diners order, and each pays.
    pub(crate) async fn order_and_pay(&self, journal: &Journal) {
        let diners: Vec<_> = (0..DINERS)
            .map(|diner| {
                let (shift, journal) = (self.clone(), journal.clone());
                tokio::spawn(async move {
                    for order in 0..ORDERS {
                        shift.one(&journal, 1 + diner * ORDERS + order).await;
                    }
                })
            })
            .collect();
        for diner in diners {
            diner.await.unwrap();
        }
    }

    pub(crate) async fn order_once_more(&self, journal: &Journal) {
        self.one(journal, 1 + DINERS * ORDERS).await;
    }

    async fn one(&self, journal: &Journal, number: u128) {
        if let Some(placed) = self.place(journal, request(number)).await {
            self.pay(journal, placed.order.id).await;
        }
    }

    pub(crate) async fn place(&self, journal: &Journal, request: PlaceRequest) -> Option<Placed> {
        for _ in 0..self.tries {
            match journal.place(request.clone()).await {
                Ok(placed) => {
                    let answer = (request, placed.clone());
                    self.answered.lock().unwrap().placed.push(answer);
                    return Some(placed);
                }
                Err(PlaceRefusal::Journal(JournalError::Storage(_))) => {}
                // Opening it again was told to be tried again, and was not.
                Err(PlaceRefusal::Closed) if self.tries == 1 => return None,
                Err(refusal) => panic!("order {}: {refusal}", request.id),
            }
        }
        None
    }

    async fn pay(&self, journal: &Journal, order: OrderId) {
        for attempt in 0..self.tries {
            let request = ActRequest {
                stamp: stamp(order.0.as_u128() * 100 + u128::from(attempt)),
                order,
                action: Action::Pay,
                reason: None,
                by: None,
                tender: None,
                reference: None,
                refund: None,
            };
            match journal.act(request).await {
                Ok(order) => {
                    let answer = (order.id, order.version);
                    self.answered.lock().unwrap().acted.push(answer);
                    return;
                }
                Err(ActRefusal::Journal(JournalError::Storage(_))) => {}
                Err(refusal) => panic!("order {order}: {refusal}"),
            }
        }
    }

    /// The cloud confirms most of what there is, and it is pruned.
    async fn confirm(&self, journal: &Journal) {
        for attempt in 1..=self.tries {
            let upto = (journal.outbox().borrow().next_seq - 1).saturating_sub(6);
            let Ok(events) = journal.events(upto, upto, 1, 1).await else {
                continue;
            };
            let Some(event) = events.first() else {
                return;
            };
            let ack = Ack {
                journal: journal.id(),
                generation: Generation(Uuid::from_u128(1)),
                ack_no: attempt.into(),
                watermark: upto,
                chain: event.chain,
                ranges: Vec::new(),
                quarantined: Vec::new(),
                quarantine_reasons: Vec::new(),
                quarantined_total: 0,
                credit: 4,
                at: WallTime::from_millis(NOON),
                heartbeat_ms: None,
                epoch: None,
                lineage: 0,
                forked: false,
            };
            match journal.confirm(ack, b"signed".to_vec()).await {
                Ok(Confirmed::Taken { .. } | Confirmed::Stale) => {
                    self.answered.lock().unwrap().watermark = upto;
                    break;
                }
                Ok(other) => panic!("{other:?}"),
                Err(error) => assert!(matches!(error, JournalError::Storage(_)), "{error}"),
            }
        }
        for _ in 0..self.tries {
            if journal.prune().await.is_ok() {
                let mut answered = self.answered.lock().unwrap();
                answered.retained_from = journal.outbox().borrow().retained_from;
                break;
            }
        }
    }

    /// Closes the day and opens it again.
    async fn change_day(&self, journal: &Journal) {
        for close in [true, false] {
            for attempt in 0..self.tries {
                let request = DayRequest {
                    stamp: stamp(50_000 + u128::from(attempt)),
                    close,
                    schedule: Schedule::default(),
                    zone: zone(),
                    currency: "USD".parse().unwrap(),
                    by: None,
                };
                match journal.change_day(request).await {
                    Ok(_) => break,
                    Err(DayRefusal::NoneOpen) => return,
                    Err(DayRefusal::Journal(_)) => {}
                }
            }
        }
        self.answered.lock().unwrap().next_seq = journal.outbox().borrow().next_seq;
    }

    /// How many orders were answered.
    pub(crate) fn placed(&self) -> usize {
        self.answered.lock().unwrap().placed.len()
    }

    /// That a diner who asks again, of the journal as it is found on a disk, hears of the same
    /// order, and that the journal is whole.
    pub(crate) fn assert_kept(&self, disk: &Disk, story: &str) {
        let missing = self.missing(disk, story);
        assert!(missing.is_empty(), "{story}: lost {missing:?}");
    }

    /// The same of the first so many orders that were placed.
    pub(crate) fn assert_first_kept(&self, orders: usize, disk: &Disk, story: &str) {
        let placed = self.answered.lock().unwrap().placed.clone();
        let first = Answered {
            placed: placed.into_iter().take(orders).collect(),
            ..Answered::default()
        };
        let shift = Self {
            answered: Arc::new(Mutex::new(first)),
            ..self.clone()
        };
        shift.assert_kept(disk, story);
    }

    /// What was answered and is not there.
    pub(crate) fn missing(&self, disk: &Disk, story: &str) -> Vec<String> {
        let found = self.on(disk);
        let report = found.check();
        let (placed, acted) = {
            let answered = self.answered.lock().unwrap();
            (answered.placed.clone(), answered.acted.clone())
        };
        let report = match report {
            Ok(report) => report,
            // Nothing was promised yet.
            Err(_) if placed.is_empty() => return Vec::new(),
            Err(error) => return vec![format!("the whole journal: {error}")],
        };
        assert!(report.ok, "{story}: {:#?}", report.problems);
        let journal = found.try_open().unwrap();
        let mut missing = Vec::new();
        self.block_on(async {
            for (request, before) in &placed {
                let now = journal.place(request.clone()).await.unwrap();
                if !now.repeated {
                    missing.push(format!("order {}", before.order.number));
                } else if (now.order.id, &now.order.number)
                    != (before.order.id, &before.order.number)
                {
                    missing.push(format!("the number {} of an order", before.order.number));
                }
            }
            for (id, version) in acted {
                let stored = journal.read(move |reader| reader.order(id)).await.unwrap();
                if stored.is_none_or(|stored| stored.order.version < version) {
                    missing.push(format!("an action on order {id}"));
                }
            }
        });
        let answered = self.answered.lock().unwrap();
        let told = [
            ("a confirmation", answered.watermark, report.watermark),
            ("a prune", answered.retained_from, report.anchor_seq + 1),
            ("an event", answered.next_seq, report.next_seq),
        ];
        missing.extend(
            told.into_iter()
                .filter(|(_, before, now)| now < before)
                .map(|(what, ..)| what.to_owned()),
        );
        missing
    }

    /// What a check says of the journal on this shift's disk.
    pub(crate) fn check(&self) -> Result<check::Report, JournalError> {
        check::check_with(&self.settings, |_, _| {})
    }

    /// That no two orders have the same number.
    pub(crate) fn assert_numbers_differ(&self, story: &str) {
        let answered = self.answered.lock().unwrap();
        let ids: HashSet<_> = answered.placed.iter().map(|(_, p)| p.order.id).collect();
        let numbers: HashSet<_> = answered
            .placed
            .iter()
            .map(|(_, placed)| placed.order.number.clone())
            .collect();
        assert_eq!(ids.len(), numbers.len(), "{story}: {numbers:?}");
    }

    /// What is left of a disk after the power goes, looked at in every way.
    pub(crate) fn assert_kept_after_cut(&self, disk: &Disk, usual_seeds: u64, story: &str) {
        let forgot = disk.power_cut(0, Policy::ForgetAll);
        self.assert_kept(&forgot, &format!("{story}, all forgotten"));
        for seed in seeds(usual_seeds) {
            let scrambled = disk.power_cut(seed, Policy::Scramble);
            self.assert_kept(&scrambled, &format!("{story}, scrambled by {seed}"));
        }
    }
}

impl Clone for Answered {
    fn clone(&self) -> Self {
        Self {
            placed: self.placed.clone(),
            acted: self.acted.clone(),
            ..*self
        }
    }
}

/// How many orders a whole shift places.
pub(crate) fn orders_of_a_shift() -> usize {
    usize::try_from(DINERS * ORDERS + 1).unwrap()
}
