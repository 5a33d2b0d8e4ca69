//! The journal: the kiosk's SQLite file, and the only owner of it.
//!
//! The journal *is* the outbox: an order and its event commit together, fsynced, before a number is
//! shown; an event is confirmed by a signed ack of the cloud and by nothing else. One writer thread
//! owns the only writing connection and commits what has queued up as one group; readers have
//! connections of their own.
//!
//! ```text
//!  place / act / stock / day / ack ──► queue ──► writer: BEGIN IMMEDIATE
//!                                                  savepoint per request
//!                                                COMMIT (fsync) ──► answers, outbox, feed
//! ```

mod act;
mod append;
mod backup;
mod cash;
pub mod check;
mod chosen;
mod confirm;
mod days;
mod document;
mod draft;
mod enrolment;
mod error;
mod export;
pub(crate) mod fence;
mod folder;
mod group;
mod jobs;
mod newfile;
mod notices;
mod open;
mod outbox;
mod place;
mod printing;
mod prune;
mod ranges;
mod read;
mod records;
mod reset;
mod schema;
mod settings;
mod staff;
mod stock;
mod switches;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use cloud_sync_wire::ack::Ack;
use cloud_sync_wire::frame::Entry;
use cloud_sync_wire::keys::SecretKey;
use kiosk_core::event::Fact;
use kiosk_core::ids::JournalId;
use kiosk_core::order::{Action, Order};
use kiosk_core::stock::Level;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::jobs::Job;
use crate::devices::job::Job as PrintJob;
use crate::devices::routing::Routing;

pub use self::act::{ActRefusal, ActRequest, LinesRefund};
pub use self::backup::backup;
pub use self::cash::CashRequest;
pub use self::chosen::{KeptSetting, SettingRequest};
pub use self::confirm::{Confirmed, HelloState};
pub use self::days::{DayClosed, DayRefusal, DayRequest, FoundDay, latest_day};
pub use self::error::{JournalError, OpenError};
pub use self::export::{Exported, export};
pub use self::fence::{Succeeds, fence};
pub use self::folder::{FolderLock, make_folder};
pub use self::newfile::CopyError;
pub use self::notices::{KeptNotice, NoticeRequest};
pub use self::outbox::Outbox;
pub use self::place::{PlaceRefusal, PlaceRequest, Placed};
pub use self::printing::{PrintFilter, PrintRefusal, PrintRequest, PrintWish};
pub use self::ranges::Ranges;
pub use self::read::{ListFilter, Reader, StoredOrder, find_order};
pub use self::records::{Aside, Record, Records};
pub use self::reset::{Reset, ResetRefusal, reset};
pub use self::staff::{
    PEOPLE_LIMIT, Person, PinOf, StaffChange, StaffRefusal, StaffRequest, StaffRole,
};
pub use self::stock::StockRequest;
pub use self::switches::{KeptSwitch, SwitchRequest};

/// New orders stop below this many free mebibytes, if nothing else is configured.
pub const RESERVE_MIB: u64 = 64;
/// Confirmed events are kept for so many days, if nothing else is configured.
pub const RETENTION_DAYS: u32 = 14;
/// And no more than so many mebibytes of them.
pub const RETENTION_MIB: u64 = 512;

/// What every write carries: when, in which run of the process, at whose request.
#[derive(Debug, Clone)]
pub struct Stamp {
    /// Wall time.
    pub at: kiosk_core::wall::WallTime,
    /// Monotonic milliseconds since this run began.
    pub mono_ms: u64,
    /// The identity that the event gets.
    pub event: kiosk_core::ids::EventId,
    /// The request that caused it.
    pub request: Option<String>,
}

impl Stamp {
    /// The stamp of a write that happens now.
    #[must_use]
    pub fn now(request: Option<String>) -> Self {
        let at = crate::clock::wall();
        let mono = crate::clock::monotonic().as_millis();
        Self {
            at,
            mono_ms: u64::try_from(mono).unwrap_or(u64::MAX),
            event: kiosk_core::ids::EventId(crate::clock::uuid7(at)),
            request,
        }
    }
}

/// How a journal is opened and kept.
#[derive(Clone)]
pub struct JournalSettings {
    /// The data folder; the file in it is `journal.sqlite`.
    pub folder: PathBuf,
    /// The SQLite VFS, if not the operating system's.
    pub vfs: Option<String>,
    /// New orders stop below this many free bytes, so that refunds and acks still fit.
    pub reserve_bytes: u64,
    /// Tells the free bytes on the journal's disk; none when that can't be told.
    pub free_bytes: Arc<dyn Fn() -> Option<u64> + Send + Sync>,
    /// This run of the process.
    pub boot: kiosk_core::ids::BootId,
    /// Prefixes for order numbers: the first for this kiosk's first journal, the next for its next.
    /// None: what the file has, and A for a new file.
    pub prefixes: Vec<String>,
    /// How long confirmed events are kept, by the cloud's clock, in milliseconds.
    pub retention_ms: i64,
    /// How many bytes of confirmed events are kept at most.
    pub retention_bytes: u64,
    /// The most requests in one transaction.
    pub group_limit: usize,
    /// The log is moved into the database when it has about so many pages of 4 KiB.
    pub log_pages: u64,
    /// What SQLite is told with `PRAGMA synchronous`. Anything but FULL loses orders in a power
    /// cut; only a test that must show it sets this.
    pub synchronous: Synchronous,
    /// What of an order is printed, and where.
    pub routing: Arc<Routing>,
    /// 64 random bytes for the journal's identity and key, used only if the file is made now.
    pub seed: [u8; 64],
}

/// Values of `PRAGMA synchronous`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Synchronous {
    /// Each commit is on the disk before it returns.
    Full,
    /// It may not be.
    Normal,
}

impl JournalSettings {
    /// The settings of a store: reserve of 64 MiB, retention of 14 days or 512 MiB.
    #[must_use]
    pub fn new(folder: PathBuf, boot: kiosk_core::ids::BootId, seed: [u8; 64]) -> Self {
        let at = folder.clone();
        Self {
            folder,
            vfs: None,
            reserve_bytes: RESERVE_MIB * 1024 * 1024,
            free_bytes: Arc::new(move || folder::free_bytes(&at)),
            boot,
            prefixes: Vec::new(),
            retention_ms: i64::from(RETENTION_DAYS) * 24 * 3600 * 1000,
            retention_bytes: RETENTION_MIB * 1024 * 1024,
            group_limit: 128,
            log_pages: 1_000,
            synchronous: Synchronous::Full,
            routing: Arc::default(),
            seed,
        }
    }
}

/// What has just been committed, for screens.
#[derive(Debug, Clone)]
pub enum Change {
    /// An order was placed or changed by the event `seq`.
    Order {
        /// The event's number.
        seq: u64,
        /// The order as it is now.
        order: Arc<Order>,
        /// What was done with it; none when it was placed.
        action: Option<Action>,
    },
    /// Stock or availability of items changed.
    Stock,
    /// A business day was opened or closed.
    Day,
}

/// Stock levels of today, by item; items that are not in it stand as the menu says.
pub type Levels = HashMap<String, Level>;

/// A handle to the journal. Cheap to clone; the writer stops when the last one is gone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Job>,
}

struct Shared {
    id: JournalId,
    boot: kiosk_core::ids::BootId,
    key: SecretKey,
    boots: u64,
    readers: read::Readers,
    reading: Semaphore,
    outbox: watch::Receiver<Outbox>,
    levels: watch::Receiver<Arc<Levels>>,
    day: watch::Receiver<Option<kiosk_core::day::Day>>,
    health: watch::Receiver<Health>,
    prints: watch::Receiver<u64>,
}

/// Whether the journal takes orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// Why not, if it doesn't.
    pub trouble: Option<String>,
    /// Free bytes on its disk, as of the latest commit.
    pub free_bytes: Option<u64>,
}

impl Journal {
    /// Opens the journal, making it if there is none, and starts its writer thread. Changes are
    /// sent to `feed` after their commit.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not a journal this software can use.
    pub fn open(
        settings: JournalSettings,
        feed: mpsc::UnboundedSender<Change>,
    ) -> Result<Self, OpenError> {
        open::open(settings, feed)
    }

    /// The identity of this journal.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.shared.id
    }

    /// This run of the process.
    #[must_use]
    pub fn boot(&self) -> kiosk_core::ids::BootId {
        self.shared.boot
    }

    /// The key that frames of this journal are signed with.
    #[must_use]
    pub fn key(&self) -> &SecretKey {
        &self.shared.key
    }

    /// How often this file has been opened for writing; a part of ids that must never repeat.
    #[must_use]
    pub fn boots(&self) -> u64 {
        self.shared.boots
    }

    /// What is confirmed; changes after every commit and ack.
    #[must_use]
    pub fn outbox(&self) -> watch::Receiver<Outbox> {
        self.shared.outbox.clone()
    }

    /// Stock levels of today; changes after commits that touch stock.
    #[must_use]
    pub fn levels(&self) -> watch::Receiver<Arc<Levels>> {
        self.shared.levels.clone()
    }

    /// The latest business day.
    #[must_use]
    pub fn day(&self) -> watch::Receiver<Option<kiosk_core::day::Day>> {
        self.shared.day.clone()
    }

    /// Whether orders can be taken.
    #[must_use]
    pub fn health(&self) -> watch::Receiver<Health> {
        self.shared.health.clone()
    }

    /// Counts the commits that touched print jobs.
    #[must_use]
    pub fn prints(&self) -> watch::Receiver<u64> {
        self.shared.prints.clone()
    }

    /// Changes the spool.
    ///
    /// # Errors
    /// [`PrintRefusal`] if there is no such job or its state forbids it.
    pub async fn print(&self, request: PrintRequest) -> Result<PrintJob, PrintRefusal> {
        self.ask(|reply| Job::Print(Box::new(request), reply))
            .await?
    }

    /// Walks the way of an order: a row of the journal's own is committed.
    ///
    /// # Errors
    /// [`JournalError`] if the disk fails or somebody else holds the file.
    pub async fn probe(&self) -> Result<(), JournalError> {
        self.ask(Job::Probe).await?
    }

    /// Places an order: the one write that a diner waits for.
    ///
    /// # Errors
    /// [`PlaceRefusal`]; storage trouble is among them.
    pub async fn place(&self, request: PlaceRequest) -> Result<Placed, PlaceRefusal> {
        let draft = Box::new(draft::Draft::new(request, self.shared.boot)?);
        self.ask(|reply| Job::Place(draft, reply)).await?
    }

    /// Does something with an order.
    ///
    /// # Errors
    /// [`ActRefusal`] if the table of moves forbids it or there is no such order.
    pub async fn act(&self, request: ActRequest) -> Result<Arc<Order>, ActRefusal> {
        self.ask(|reply| Job::Act(request, reply)).await?
    }

    /// Changes what is known of an item's stock.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn adjust_stock(&self, request: StockRequest) -> Result<Level, JournalError> {
        self.ask(|reply| Job::Stock(request, reply)).await?
    }

    /// Opens or closes the business day.
    ///
    /// # Errors
    /// [`DayRefusal`].
    pub async fn change_day(&self, request: DayRequest) -> Result<DayClosed, DayRefusal> {
        self.ask(|reply| Job::Day(request, reply)).await?
    }

    /// Notes a fact that is about no order.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn note(&self, stamp: Stamp, fact: Fact) -> Result<(), JournalError> {
        self.ask(|reply| Job::Note(stamp, fact, reply)).await?
    }

    /// Takes a verified ack: releases what the journal's own chain hashes agree with.
    ///
    /// # Errors
    /// [`JournalError`]; an ack that doesn't fit is not an error but told by [`Confirmed`].
    pub async fn confirm(&self, ack: Ack, signed: Vec<u8>) -> Result<Confirmed, JournalError> {
        self.ask(|reply| Job::Confirm(Box::new((ack, signed)), reply))
            .await?
    }

    /// Prunes confirmed events beyond retention, a bounded number at a time; gives how many.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn prune(&self) -> Result<u64, JournalError> {
        self.ask(Job::Prune).await?
    }

    /// Turns a switch; one that stands so already, for that reason and by that person, is left.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn turn_switch(&self, request: SwitchRequest) -> Result<KeptSwitch, JournalError> {
        self.ask(|reply| Job::Switch(Box::new(request), reply))
            .await?
    }

    /// Sets something of this kiosk, or puts it back; gives what is set from now on.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn change_setting(
        &self,
        request: SettingRequest,
    ) -> Result<Option<KeptSetting>, JournalError> {
        self.ask(|reply| Job::Setting(Box::new(request), reply))
            .await?
    }

    /// Keeps a notice of headquarters, with an event for each switch that it turns here.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn keep_notice(&self, request: NoticeRequest) -> Result<(), JournalError> {
        self.ask(|reply| Job::Notice(Box::new(request), reply))
            .await?
    }

    /// A named setting that was kept.
    ///
    /// # Errors
    /// [`JournalError`].
    pub(crate) async fn kept(
        &self,
        name: impl Into<String>,
    ) -> Result<Option<String>, JournalError> {
        let name = name.into();
        self.read(move |reader| settings::setting(reader.conn(), &name))
            .await
    }

    /// Stored events `from..=to`, in order, at most so many and so many bytes (but at least one).
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn events(
        &self,
        from: u64,
        to: u64,
        max_events: usize,
        max_bytes: usize,
    ) -> Result<Vec<Entry>, JournalError> {
        self.read(move |reader| reader.events(from, to, max_events, max_bytes))
            .await
    }

    /// What a hello says of this journal.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn hello_state(&self) -> Result<HelloState, JournalError> {
        self.read(confirm::hello_state).await
    }

    /// Runs a query on a reading connection, off the async threads.
    ///
    /// # Errors
    /// [`JournalError`].
    pub async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Reader) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let _turn = self.shared.reading.acquire().await;
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.readers.with(query))
            .await
            .map_err(|_| JournalError::Stopping)?
    }

    /// Finishes what is queued, moves the log into the database and lets go of the file. Whoever
    /// asks for a write afterwards hears that the kiosk is stopping.
    pub async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Job::Stop(reply)).await.is_ok() {
            let _ = closed.await;
        }
    }

    async fn ask<T>(&self, job: impl FnOnce(oneshot::Sender<T>) -> Job) -> Result<T, JournalError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(job(reply))
            .await
            .map_err(|_| JournalError::Stopping)?;
        answer.await.map_err(|_| {
            if self.queue.is_closed() {
                JournalError::Stopping
            } else {
                JournalError::Storage("the writer failed at this request".to_owned())
            }
        })
    }
}
