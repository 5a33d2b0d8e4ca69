//! The card terminal's thread: it keeps the line, asks now and then whether the terminal is there, and
//! has one amount paid at a time.
//!
//! The thread decides nothing about orders. Cards and their numbers never pass through here: the
//! terminal alone reads them and talks to the bank.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Duration;

use firmware_hal::card::{
    Amount, Error, ErrorKind, Failure, Outcome, Receipt, Terminal, Wish, Zvt,
};
use firmware_hal_linux::{Port, Timeouts};
use tokio::sync::oneshot;

use super::board::Board;
use super::health::Health;
use super::keeper::{Driven, Opened, spawn, unopened};
use super::settings::CardSettings;

/// What the terminal is called among the devices.
pub(super) const CARD: &str = "card";

/// Its messages' room; 1,024 bytes are enough for all that is read here.
const MESSAGE: usize = 1024;
/// How often an idle terminal is asked whether it is there.
const ASK: Duration = Duration::from_secs(5);
/// Time-outs of the line that a payment waits through: people need a minute for a forgotten number,
/// banks another.
const PATIENCE: u16 = 120;

const TIMEOUTS: Timeouts = Timeouts {
    open: Duration::from_secs(1),
    read: Duration::from_secs(1),
    write: Duration::from_secs(1),
};

type Line = Zvt<Port, MESSAGE>;
/// How a payment ended.
pub(super) type Paid = Result<Outcome, Failure<String>>;
/// The payment that the terminal has kept last.
pub(super) type Last = Result<Option<Receipt>, Failure<String>>;

/// What the terminal is to do.
enum Order {
    /// Have an amount paid, unless somebody wants that no more.
    Pay(Amount, Arc<AtomicBool>, oneshot::Sender<Paid>),
    Last(oneshot::Sender<Last>),
}

/// Where the terminal gets its orders.
pub(super) struct CardReader {
    orders: Sender<Order>,
}

impl CardReader {
    /// Starts the thread. `currency` is the number of the store's own in ISO 4217.
    pub(super) fn start(settings: &CardSettings, currency: u16, board: &Board) -> Self {
        let settings = settings.clone();
        let open = move || open(&settings, currency);
        Self {
            orders: spawn(CARD, board, open, attend, away),
        }
    }

    /// Has an amount paid. Takes as long as people and banks do; once it is cancelled, a second or so,
    /// unless it is too late for that.
    pub(super) async fn pay(&self, amount: Amount, cancelled: Arc<AtomicBool>) -> Paid {
        let (reply, paid) = oneshot::channel();
        if self
            .orders
            .send(Order::Pay(amount, cancelled, reply))
            .is_err()
        {
            return Err(Failure::NotBegun(GONE.to_owned()));
        }
        // A thread that ended in the middle leaves nobody who knows.
        paid.await
            .unwrap_or_else(|_| Err(Failure::Unknown(GONE.to_owned())))
    }

    /// Asks for the payment that the terminal has kept last.
    pub(super) async fn last(&self) -> Last {
        let (reply, last) = oneshot::channel();
        let gone = || Err(Failure::NotBegun(GONE.to_owned()));
        if self.orders.send(Order::Last(reply)).is_err() {
            return gone();
        }
        last.await.unwrap_or_else(|_| gone())
    }
}

const GONE: &str = "the card terminal is not there";

fn open(settings: &CardSettings, currency: u16) -> Opened<Line> {
    let port = Port::open(&settings.address, TIMEOUTS).map_err(unopened)?;
    let mut line = Line::new(port, PATIENCE);
    // Whatever it is at since the line was cut ends here, or has ended: then it is asked for.
    line.abort();
    match line.register(settings.password, currency) {
        Ok(()) => Ok(line),
        Err(failure) => Err((health_of(&failure), plain(failure).to_string())),
    }
}

/// An order while the terminal is not there: nothing was begun.
fn away(order: Order) -> Option<Order> {
    let why = || Failure::NotBegun(GONE.to_owned());
    match order {
        Order::Pay(_, _, reply) => drop(reply.send(Err(why()))),
        Order::Last(reply) => drop(reply.send(Err(why()))),
    }
    None
}

fn attend(line: &mut Line, order: Option<Order>) -> Driven {
    let trouble = match order {
        None => trouble(&line.enquire()),
        Some(Order::Pay(amount, cancelled, reply)) => {
            let paid = line.pay(amount, &mut |_| match cancelled.load(Ordering::Acquire) {
                true => Wish::Cancel,
                false => Wish::GoOn,
            });
            let trouble = trouble(&paid);
            let _ = reply.send(paid.map_err(plain));
            trouble
        }
        Some(Order::Last(reply)) => {
            let last = line.last();
            let trouble = trouble(&last);
            let _ = reply.send(last.map_err(plain));
            trouble
        }
    };
    trouble.map_or(Ok(Some(ASK)), Err)
}

/// What is wrong with the line, if anything is: a terminal that refuses is there all the same.
fn trouble<T, E: Display>(result: &Result<T, Failure<E>>) -> Option<String> {
    match result {
        Ok(_) | Err(Failure::Refused(_)) => None,
        Err(Failure::NotBegun(cause) | Failure::Unknown(cause)) => Some(cause.to_string()),
    }
}

fn plain<E: Display>(failure: Failure<E>) -> Failure<String> {
    match failure {
        Failure::NotBegun(cause) => Failure::NotBegun(cause.to_string()),
        Failure::Unknown(cause) => Failure::Unknown(cause.to_string()),
        Failure::Refused(code) => Failure::Refused(code),
    }
}

fn health_of(failure: &Failure<Error<firmware_hal_linux::Error>>) -> Health {
    match failure {
        Failure::NotBegun(Error::Port(error)) | Failure::Unknown(Error::Port(error))
            if failure_kind(failure) != Some(ErrorKind::Timeout) =>
        {
            Health::of_error(error, true)
        }
        Failure::Refused(_) => Health::Error,
        Failure::NotBegun(_) | Failure::Unknown(_) => Health::Offline,
    }
}

fn failure_kind(failure: &Failure<Error<firmware_hal_linux::Error>>) -> Option<ErrorKind> {
    match failure {
        Failure::NotBegun(error) | Failure::Unknown(error) => Some(error.kind()),
        Failure::Refused(_) => None,
    }
}
