//! The store at one moment, as the dashboard reads it.

use std::sync::Arc;

use jiff::civil::Date;
use kiosk_core::cash::CashEntry;
use kiosk_core::day::Day;
use kiosk_core::menu::{Item, Menu};
use kiosk_core::order::{Order, PaymentStatus, Status};
use kiosk_core::report::{DayReport, day_report};
use kiosk_core::stock::Level;
use kiosk_core::wall::WallTime;

use crate::clock;
use crate::config::Configured;
use crate::devices::DeviceStatus;
use crate::devices::payments::twice_count;
use crate::devices::settings::PrinterSettings;
use crate::journal::{Health, JournalError, Levels, ListFilter, Reader, StoredOrder, Succeeds};
use crate::level::LevelStatus;
use crate::settings::{Patience, SettingStatus};
use crate::status::{LinkStatus, Setting};
use crate::switches::SwitchStatus;
use crate::wallclock::Jump;
use crate::web::api::views;
use crate::web::error::Problem;
use crate::web::pictures::{Pictures, Url};
use crate::web::staff::age;
use crate::web::{AppState, Place};

/// Orders of one day that are looked at; a kiosk that has more than these is not one kiosk.
const MOST: u32 = 20_000;

/// The store at one moment.
pub(super) struct Store {
    pub(super) menu: Arc<Menu>,
    pub(super) place: Place,
    pub(super) pictures: Pictures,
    pub(super) now: WallTime,
    /// The latest time that the wall clock was set under the running kiosk.
    pub(super) jump: Option<Jump>,
    /// The business day looked at.
    pub(super) date: Date,
    /// The latest business day.
    pub(super) day: Option<Day>,
    /// The hour at which a business day begins.
    pub(super) starts: i8,
    /// The orders of that day, newest first.
    pub(super) orders: Vec<Kept>,
    pub(super) levels: Arc<Levels>,
    pub(super) link: LinkStatus,
    /// What the kiosk does without.
    pub(super) level_now: LevelStatus,
    /// How long the kitchen may take.
    pub(super) patience: Patience,
    /// What the manager sets here.
    pub(super) chosen: Vec<SettingStatus>,
    /// What is configured.
    pub(super) configured: Vec<Configured>,
    /// Every rule before every remote dependency.
    pub(super) settings: Vec<(String, Vec<Setting>)>,
    pub(super) switches: Vec<SwitchStatus>,
    pub(super) journal: JournalLook,
    /// What was done with the cash drawer that day.
    pub(super) cash: Vec<CashEntry>,
    /// The Z report that day was last closed with.
    pub(super) z: Option<u64>,
    /// That report, as it was then.
    pub(super) kept: Option<DayReport>,
    pub(super) devices: Vec<DeviceStatus>,
    pub(super) printers: Vec<PrinterSettings>,
    /// Print jobs that wait for somebody to decide.
    pub(super) stuck_prints: u64,
    /// Orders that were paid by card and otherwise.
    pub(super) paid_twice: u64,
}

/// An order and how far its events are.
pub(super) struct Kept {
    pub(super) order: Order,
    pub(super) sync: &'static str,
}

/// What is to be known of the journal.
pub(super) struct JournalLook {
    pub(super) id: String,
    pub(super) unsent: u64,
    /// Seconds since the oldest unsent event was written.
    pub(super) oldest: Option<i64>,
    pub(super) written: u64,
    /// Events that the cloud lost and nobody holds any more.
    pub(super) lost: Option<(u64, u64)>,
    /// The journal that this one carries on.
    pub(super) succeeds: Option<Succeeds>,
    pub(super) health: Health,
}

/// What the dashboard reads from the journal's file.
struct InFile {
    orders: Vec<StoredOrder>,
    /// When the oldest unconfirmed event was written.
    oldest: Option<WallTime>,
    cash: Vec<CashEntry>,
    z: Option<u64>,
    /// The Z report that the day was last closed with, as JSON.
    report: Option<String>,
    stuck_prints: u64,
    paid_twice: u64,
    succeeds: Option<Succeeds>,
}

impl InFile {
    fn read(
        reader: &Reader,
        filter: &ListFilter,
        date: Date,
        first: Option<u64>,
    ) -> Result<Self, JournalError> {
        let (cash, z) = reader.cash_of_day(date)?;
        Ok(Self {
            orders: reader.list(filter)?,
            oldest: first
                .map(|seq| reader.event_time(seq))
                .transpose()?
                .flatten(),
            cash,
            z,
            report: z.map(|z| reader.z_report(z)).transpose()?.flatten(),
            stuck_prints: reader.stuck_prints()?,
            paid_twice: twice_count(reader)?,
            succeeds: reader.succeeds()?,
        })
    }
}

impl JournalLook {
    fn of(state: &AppState, oldest: Option<i64>, succeeds: Option<Succeeds>) -> Self {
        let outbox = state.journal.outbox().borrow().clone();
        Self {
            id: state.journal.id().to_string(),
            unsent: outbox.unconfirmed(),
            oldest,
            written: outbox.next_seq.saturating_sub(1),
            lost: outbox.lost_window(),
            succeeds,
            health: state.journal.health().borrow().clone(),
        }
    }
}

impl Store {
    /// Looks at the day `date`, or at the latest.
    pub(super) async fn look(state: &AppState, date: Option<Date>) -> Result<Self, Problem> {
        let now = clock::wall();
        let menu = state.menu();
        let day = *state.journal.day().borrow();
        let date = date
            .or(day.map(|day| day.date))
            .unwrap_or_else(|| state.settings.schedule().date(now, &menu.time_zone));
        let filter = ListFilter {
            business_date: Some(date),
            limit: MOST,
            ..ListFilter::default()
        };
        let outbox = state.journal.outbox().borrow().clone();
        let first = outbox.first_unconfirmed();
        let waits = outbox.unconfirmed() > 0;
        let file = state
            .journal
            .read(move |reader| InFile::read(reader, &filter, date, waits.then_some(first)))
            .await?;
        let levels = Arc::clone(&state.journal.levels().borrow());
        let link = state.link.status();
        let room = state.admission.available_permits();
        Ok(Self {
            level_now: state.link.level(&link, room),
            patience: state.settings.patience(),
            chosen: state.settings.status(),
            configured: state.configured.clone(),
            settings: state.link.settings(),
            place: state.place.clone(),
            starts: state.settings.schedule().starts.hour(),
            orders: file
                .orders
                .into_iter()
                .map(|order| kept(state, order))
                .collect(),
            levels,
            link,
            switches: state.link.switches().status(),
            journal: JournalLook::of(state, file.oldest.map(|at| age(at, now)), file.succeeds),
            devices: state.devices.status(),
            printers: state.devices.printers().to_vec(),
            stuck_prints: file.stuck_prints,
            paid_twice: file.paid_twice,
            pictures: state.pictures.clone(),
            menu,
            now,
            jump: state.wall.jump(),
            date,
            day,
            cash: file.cash,
            z: file.z,
            kept: file
                .report
                .and_then(|report| serde_json::from_str(&report).ok()),
        })
    }

    /// The sums of the day looked at.
    pub(super) fn report(&self) -> DayReport {
        let menu = &self.menu;
        let orders = self.orders.iter().rev().map(|kept| &kept.order);
        DayReport {
            z: self.z,
            ..day_report(
                self.date,
                menu.currency,
                &menu.time_zone,
                orders,
                &self.cash,
            )
        }
    }

    /// What the report page tells: of a closed day for ever what its Z report said.
    pub(super) fn told_report(&self) -> DayReport {
        match &self.kept {
            Some(kept) if !self.is_open() => kept.clone(),
            _ => self.report(),
        }
    }

    /// Where the picture of an item is.
    pub(super) fn picture(&self, item: &Item) -> Option<Url> {
        item.picture
            .as_deref()
            .and_then(|name| self.pictures.url(name))
    }

    /// What may be sold of an item now.
    pub(super) fn level(&self, item: &Item) -> Level {
        let level = self.levels.get(&item.id).copied();
        level.unwrap_or(Level::starting_with(item.stock))
    }

    /// Whether the day looked at is open.
    pub(super) fn is_open(&self) -> bool {
        self.day
            .is_some_and(|day| day.date == self.date && day.closed_at.is_none())
    }

    /// The orders that the kitchen or the diner still waits for, newest first.
    pub(super) fn unfinished(&self) -> impl Iterator<Item = &Kept> {
        self.orders.iter().filter(|kept| is_unfinished(&kept.order))
    }

    /// The orders that are not paid, newest first.
    pub(super) fn unpaid(&self) -> impl Iterator<Item = &Kept> {
        self.orders.iter().filter(|kept| is_unpaid(&kept.order))
    }
}

pub(super) fn is_unfinished(order: &Order) -> bool {
    matches!(
        order.status,
        Status::Placed | Status::Preparing | Status::Ready
    )
}

/// Whether no money was received for it.
pub(super) fn is_owed(order: &Order) -> bool {
    matches!(
        order.payment.status,
        PaymentStatus::Due | PaymentStatus::Pending | PaymentStatus::Failed
    )
}

pub(super) fn is_unpaid(order: &Order) -> bool {
    is_owed(order) && order.status != Status::Voided
}

fn kept(state: &AppState, stored: StoredOrder) -> Kept {
    let sync = sync_of(state, &stored.seqs);
    Kept {
        order: stored.order,
        sync,
    }
}

/// How far an order's events are: the least of them counts.
pub(super) fn sync_of(state: &AppState, seqs: &[u64]) -> &'static str {
    let outbox = state.journal.outbox();
    views::sync_of(seqs, &outbox.borrow(), &state.link).name()
}
