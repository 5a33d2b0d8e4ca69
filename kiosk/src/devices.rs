//! The devices of this kiosk: the print room, and whatever else hangs on its ports.
//!
//! A print job is a row of the journal, written in the transaction of the event it belongs to, so
//! that no order is without its ticket and no ticket without its order. From there:
//!
//! ```text
//!  order event + jobs ─commit─► spool ─ begin, committed ─► printer's thread ─► paper
//!                                 ▲                                │
//!                                 └── confirmed / not / unknown ◄──┘
//! ```
//!
//! Everything here is optional: a kiosk without devices takes orders all the same.

mod at_terminal;
mod board;
mod card;
pub mod drawer;
pub mod health;
pub mod job;
mod keeper;
pub mod layout;
mod paper;
pub mod payments;
mod printer;
mod room;
pub mod routing;
pub mod settings;
mod sights;
mod signals;
pub mod spool;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};

use kiosk_core::ids::{BootId, OrderId};
use kiosk_core::menu::Menu;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use self::at_terminal::AtTerminal;
pub use self::at_terminal::Claim;
use self::board::Board;
pub use self::board::DeviceStatus;
use self::card::{CARD, CardReader};
use self::drawer::Kick;
use self::payments::Payments;
use self::printer::Command;
use self::settings::{PrinterSettings, Settings};
use self::sights::Eyes;
pub use self::sights::{Seen, Sight};
use self::signals::Signals;
use crate::journal::Journal;

/// How it stands with diners' receipts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipts {
    /// This kiosk prints none.
    Off,
    /// They come out at once.
    Printing,
    /// They wait until somebody has looked after the printer.
    Waiting,
}

/// A handle to the devices. Cheap to clone.
#[derive(Clone)]
pub struct Devices {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    board: Board,
    /// Their threads end when their orders do.
    printers: Mutex<HashMap<String, Sender<Command>>>,
    signals: Signals,
    stop: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
    /// Orders that wait for their card; none on a kiosk without a card terminal.
    cards: Mutex<Option<mpsc::UnboundedSender<OrderId>>>,
    /// Who is at the card terminal.
    place: Arc<AtTerminal>,
    eyes: Mutex<Eyes>,
    sights: Mutex<Option<mpsc::Receiver<Sight>>>,
    seeing: Mutex<Option<mpsc::Sender<Sight>>>,
    /// Terminals with a sensor, and whether somebody is near.
    near: Mutex<BTreeMap<String, bool>>,
}

impl Devices {
    /// The devices of a kiosk that has none.
    #[must_use]
    pub fn none() -> Self {
        Self::of(Settings::default(), Board::new([]), Signals::default())
    }

    /// Starts a thread for each device, and the print room. Must be called inside the runtime.
    #[must_use]
    pub fn start(
        settings: Settings,
        journal: &Journal,
        menu: &watch::Receiver<Arc<Menu>>,
        boot: BootId,
    ) -> Self {
        let printers = settings.printers.iter();
        let names = printers.map(|printer| (printer.name.clone(), "printer"));
        let board = Board::new(names.chain(signals::names(&settings)));
        let signals = Signals::start(&settings, &board);
        let devices = Self::of(settings.clone(), board.clone(), signals);
        let inner = &devices.inner;
        let currency = menu.borrow().currency.number();
        let payments = devices.take_cards(&settings, journal, currency);
        lock(&inner.tasks).push(tokio::spawn(payments.run(inner.stop.subscribe())));
        let (seeing, sights) = sights::channel();
        *lock(&inner.eyes) = Eyes::open(&settings, &seeing, &board);
        *lock(&inner.seeing) = Some(seeing);
        *lock(&inner.sights) = Some(sights);
        if !settings.printers.is_empty() {
            let (room, printers) = room::open(settings, journal.clone(), menu.clone(), boot, board);
            *lock(&inner.printers) = printers;
            lock(&inner.tasks).push(tokio::spawn(room.run(inner.stop.subscribe())));
        }
        devices
    }

    /// Payments are seen to also without a card terminal: the run before may have had one.
    fn take_cards(&self, settings: &Settings, journal: &Journal, currency: u16) -> Payments {
        let (cards, orders) = mpsc::unbounded_channel();
        let reader = settings.card.as_ref().map(|card| {
            *lock(&self.inner.cards) = Some(cards);
            CardReader::start(card, currency, &self.inner.board)
        });
        let place = Arc::clone(&self.inner.place);
        Payments::new(journal.clone(), reader, orders, place)
    }

    fn of(settings: Settings, board: Board, signals: Signals) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                board,
                printers: Mutex::default(),
                signals,
                stop: watch::channel(false).0,
                tasks: Mutex::default(),
                cards: Mutex::default(),
                place: Arc::default(),
                eyes: Mutex::default(),
                sights: Mutex::default(),
                seeing: Mutex::default(),
                near: Mutex::default(),
            }),
        }
    }

    /// Lets printers finish what they have in hand, for a bounded time, and lets go of everything.
    pub async fn stop(&self) {
        self.inner.stop.send_replace(true);
        let tasks = std::mem::take(&mut *lock(&self.inner.tasks));
        for task in tasks {
            let _ = task.await;
        }
        lock(&self.inner.printers).clear();
        *lock(&self.inner.eyes) = Eyes::default();
        self.inner.signals.stop();
    }

    /// How each device is.
    #[must_use]
    pub fn status(&self) -> Vec<DeviceStatus> {
        self.inner.board.watch().borrow().clone()
    }

    /// Changes whenever a device does.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Vec<DeviceStatus>> {
        self.inner.board.watch()
    }

    /// The configured printers.
    #[must_use]
    pub fn printers(&self) -> &[PrinterSettings] {
        &self.inner.settings.printers
    }

    /// The kernel's watchdog, if one is configured.
    #[must_use]
    pub fn watchdog(&self) -> Option<&Path> {
        self.inner.settings.watchdog.as_deref()
    }

    /// The language of the kitchen's tickets.
    #[must_use]
    pub fn kitchen_language(&self) -> Option<&str> {
        self.inner.settings.kitchen_language.as_deref()
    }

    /// How it stands with diners' receipts: whether the printer for them works, or one that takes its
    /// place.
    #[must_use]
    pub fn receipts(&self) -> Receipts {
        let printers = self.printers();
        let Some(mut printer) = printers.iter().find(|printer| printer.receipt) else {
            return Receipts::Off;
        };
        let board = self.inner.board.watch();
        let board = board.borrow();
        for _ in printers {
            let works = |device: &DeviceStatus| device.name == printer.name && device.state.works();
            if board.iter().any(works) {
                return Receipts::Printing;
            }
            let fallback = printer.fallback.as_deref();
            match printers
                .iter()
                .find(|other| Some(other.name.as_str()) == fallback)
            {
                Some(other) => printer = other,
                None => break,
            }
        }
        Receipts::Waiting
    }

    /// Whether an order can be paid by card now: the terminal is there and at nothing else.
    #[must_use]
    pub fn takes_cards(&self) -> bool {
        self.has_terminal() && self.inner.place.is_free()
    }

    /// Whether the card terminal is there and at another order.
    #[must_use]
    pub fn is_terminal_busy(&self) -> bool {
        self.has_terminal() && !self.inner.place.is_free()
    }

    fn has_terminal(&self) -> bool {
        let board = self.inner.board.watch();
        let is_ready = |device: &DeviceStatus| device.name == CARD && device.state.works();
        board.borrow().iter().any(is_ready)
    }

    /// Holds the card terminal for an order that is about to be placed; none if another one has it.
    #[must_use]
    pub fn claim_terminal(&self) -> Option<Claim> {
        Claim::on(&self.inner.place)
    }

    /// Has the card terminal stop asking for an order's money; says whether it is at that. It may be
    /// too late, and the terminal has the last word.
    pub fn cancel_card(&self, order: OrderId) -> bool {
        self.inner.place.cancel(order)
    }

    /// Whether the card terminal asks for an order's money now.
    #[must_use]
    pub fn is_at_terminal(&self, order: OrderId) -> bool {
        self.inner.place.has(order)
    }

    /// Has the card terminal ask for what an order costs.
    pub fn charge(&self, order: OrderId) {
        if let Some(cards) = &*lock(&self.inner.cards) {
            let _ = cards.send(order);
        }
    }

    /// What scanners and sensors see; given once.
    #[must_use]
    pub fn sights(&self) -> Option<mpsc::Receiver<Sight>> {
        lock(&self.inner.sights).take()
    }

    /// Something was seen by who is no device of these settings.
    pub fn see(&self, sight: Sight) {
        if let Some(seeing) = &*lock(&self.inner.seeing) {
            let _ = seeing.try_send(sight);
        }
    }

    /// Somebody is near a terminal now, or is not.
    pub fn note_near(&self, terminal: &str, near: bool) {
        lock(&self.inner.near).insert(terminal.to_owned(), near);
    }

    /// Terminals with a sensor, the one without a name as "", and whether somebody is near.
    #[must_use]
    pub fn near(&self) -> BTreeMap<String, bool> {
        lock(&self.inner.near).clone()
    }

    /// Opens the cash drawer, wherever it is.
    ///
    /// # Errors
    /// [`drawer::Unopened`]; then it is not opened later either.
    pub async fn open_drawer(&self) -> drawer::Opened {
        let (kick, opened) = Kick::new();
        if let Some(kick) = self.inner.signals.open_drawer(kick) {
            let mut printers = self.printers().iter();
            let printer = printers.find(|printer| printer.drawer.is_some());
            let printer = printer.ok_or(drawer::Unopened::NoDrawer)?;
            if let Some(thread) = lock(&self.inner.printers).get(&printer.name) {
                let _ = thread.send(Command::OpenDrawer(kick));
            }
        }
        drawer::heard(opened).await
    }

    /// An order was placed: whoever works in the kitchen hears of it.
    pub fn ring(&self) {
        self.inner.signals.ring();
    }

    /// What people should see from afar: whether orders are refused, whether a diner calls for staff,
    /// and whether the cloud is away.
    pub fn show(&self, trouble: bool, called: bool, offline: bool) {
        let board = self.inner.board.watch();
        let pattern = signals::pattern(&board.borrow(), trouble, called, offline);
        self.inner.signals.show(pattern);
    }

    /// How a device is that somebody else keeps.
    pub fn tell(&self, name: &str, health: health::Health, why: Option<String>) {
        self.inner
            .board
            .set(name, health, why, crate::clock::wall());
    }

    /// Devices that are attached to this machine, with the addresses that a configuration would have.
    #[must_use]
    pub fn found() -> Vec<(String, String)> {
        let found = firmware_hal_linux::discover(Path::new("/")).into_iter();
        found
            .map(|device| (device.address.to_string(), device.description))
            .collect()
    }
}

/// This moment, for a job that waits from now on.
#[must_use]
pub fn now(boot: BootId) -> job::Since {
    spool::since(room::now(), boot)
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
