//! A thread for a device: it opens it, gives it its orders, and opens it again whenever it goes away.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use firmware_hal_linux::Error;

use super::board::Board;
use super::health::Health;
use crate::clock;

/// How often a device that is not there is looked for.
const LOOK: Duration = Duration::from_secs(2);
/// A device with nothing to do is looked at so often.
const IDLE: Duration = Duration::from_secs(60);

/// What a device did: when it wants to be looked at again, or what went wrong.
pub(super) type Driven = Result<Option<Duration>, String>;
/// A device, or how it is instead and what the system says to that.
pub(super) type Opened<D> = Result<D, (Health, String)>;

/// Starts the thread that keeps a device. `away` says what becomes of an order while it is not there:
/// it is given back to wait, or answered.
pub(super) fn spawn<D: 'static, T: Send + 'static>(
    name: &str,
    board: &Board,
    open: impl Fn() -> Opened<D> + Send + 'static,
    drive: fn(&mut D, Option<T>) -> Driven,
    away: fn(T) -> Option<T>,
) -> Sender<T> {
    let (orders_in, orders) = channel();
    let keeper = Keeper {
        name: name.to_owned(),
        board: board.clone(),
        orders,
        order: None,
        away,
    };
    let spawned = std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || keeper.keep(&open, drive));
    if let Err(error) = spawned {
        board.set(name, Health::Error, Some(error.to_string()), clock::wall());
    }
    orders_in
}

/// Why a device on this machine's own ports could not be opened.
#[expect(
    clippy::needless_pass_by_value,
    reason = "it stands where errors are mapped"
)]
pub(super) fn unopened(error: Error) -> (Health, String) {
    (Health::of_error(&error, true), error.to_string())
}

/// Keeps one device open and gives it its orders.
struct Keeper<T> {
    name: String,
    board: Board,
    orders: Receiver<T>,
    order: Option<T>,
    away: fn(T) -> Option<T>,
}

impl<T> Keeper<T> {
    fn keep<D>(mut self, open: &dyn Fn() -> Opened<D>, drive: fn(&mut D, Option<T>) -> Driven) {
        loop {
            let wait = match open() {
                Ok(mut device) => {
                    self.tell(Health::Ready, None);
                    match self.drive(&mut device, drive) {
                        Some(trouble) => self.tell(Health::Error, Some(trouble)),
                        None => return,
                    }
                    LOOK
                }
                Err((health, why)) => {
                    self.tell(health, Some(why));
                    LOOK
                }
            };
            self.turn_away();
            if !self.listen(wait) {
                return;
            }
            self.turn_away();
        }
    }

    fn turn_away(&mut self) {
        self.order = self.order.take().and_then(self.away);
    }

    /// Gives the device its orders until it fails; none when nobody gives orders any more.
    fn drive<D>(
        &mut self,
        device: &mut D,
        drive: fn(&mut D, Option<T>) -> Driven,
    ) -> Option<String> {
        loop {
            let next = match drive(device, self.order.take()) {
                Ok(next) => next,
                Err(trouble) => return Some(trouble),
            };
            if !self.listen(next.unwrap_or(IDLE)) {
                return None;
            }
        }
    }

    /// Waits for an order, no longer than this; says whether there will be others.
    fn listen(&mut self, wait: Duration) -> bool {
        match self.orders.recv_timeout(wait) {
            Ok(order) => self.order = Some(order),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return false,
        }
        true
    }

    fn tell(&self, health: Health, why: Option<String>) {
        self.board.set(&self.name, health, why, clock::wall());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::devices::board::DeviceStatus;

    const BUZZER: &str = "buzzer";

    #[test]
    fn a_device_that_fails_is_told_and_opened_again() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicU32, Ordering};
        let board = Board::new([(BUZZER.to_owned(), BUZZER)]);
        let opened = Arc::new(AtomicU32::new(0));
        let (orders_in, orders) = channel::<()>();
        let keeper = Keeper {
            name: BUZZER.to_owned(),
            board: board.clone(),
            orders,
            order: None,
            away: Some,
        };
        let mut seen = board.watch();
        let count = Arc::clone(&opened);
        let running = std::thread::spawn(move || {
            let open = || Ok::<u32, (Health, String)>(count.fetch_add(1, Ordering::SeqCst));
            let fail_first = |device: &mut u32, order: Option<()>| match (*device, order) {
                (0, Some(())) => Err("it broke".to_owned()),
                _ => Ok(None),
            };
            keeper.keep(&open, fail_first);
        });
        orders_in.send(()).unwrap();
        let broken = |devices: &Vec<DeviceStatus>| devices[0].detail.as_deref() == Some("it broke");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(seen.wait_for(broken)).unwrap();
        orders_in.send(()).unwrap();
        let well = |devices: &Vec<DeviceStatus>| devices[0].state == Health::Ready;
        runtime.block_on(seen.wait_for(well)).unwrap();
        drop(orders_in);
        running.join().unwrap();
        assert_eq!(opened.load(Ordering::SeqCst), 2);
    }
}
