//! Where frames and hellos wait for their turn, before anything is read or decided.
//!
//! So few have a turn at once as keep the ledger's writer busy; what waits stands here, where it can be
//! overtaken, and not in the writer's queue. A turn lasts until the answer, or until what was begun is
//! over if nobody waits for it any more.

use std::collections::HashMap;
use std::num::NonZero;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cloud_sync_wire::frame::{self, EVENTS_LIMIT};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::turns::{Lane, Ticket, Turns};
use super::{Refused, Speaker};
use crate::clock;
use crate::ledger::Due;

/// The most events in a frame of the live lane: what one tap of a diner or of the kitchen makes.
const LIVE_EVENTS: usize = 4;
/// The most bytes of one: four events with long carts, compressed.
const LIVE_BYTES: usize = 8 * 1024;
/// Live frames that have a turn at once.
const LIVE_PLACES: usize = 64;
/// Backlog frames that have a turn at once, for each writer of the ledger: half of them are being
/// written while the other half is read and verified.
const BACKLOG_PLACES: usize = 8;
/// Requests that may wait in a lane before their senders are told to come again. Whoever waits
/// longer than a kiosk waits for an answer has waited for nothing.
const ROOM: usize = 1024;
/// Turns that pass in about a second, for guessing when those who are told to come again have room.
const PER_SECOND: usize = 128;
/// The longest time after which somebody is told to come again, in seconds.
const AGAIN_MOST: usize = 15;

#[derive(Clone)]
pub(crate) struct Reception(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    room: [Arc<Semaphore>; 2],
    /// Backlog frames that may be read and verified at once: half of the cores are for the rest.
    reading: Arc<Semaphore>,
}

struct State {
    turns: Turns<Speaker>,
    called: HashMap<Ticket, oneshot::Sender<()>>,
    /// How many were told to come again and have, as far as can be known, not come in since.
    outside: usize,
}

/// A place in the waiting room, held from a request's first line to its answer.
pub(crate) struct Place {
    lane: Lane,
    /// Given back when it is dropped.
    _permit: OwnedSemaphorePermit,
}

/// Somebody's turn; over when it is dropped.
pub(crate) struct Turn {
    shared: Arc<Shared>,
    lane: Lane,
}

impl Reception {
    /// For a ledger with so many writers.
    pub(crate) fn new(writers: usize) -> Self {
        let room = || Arc::new(Semaphore::new(ROOM));
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                turns: Turns::new(LIVE_PLACES, BACKLOG_PLACES * writers.max(1)),
                called: HashMap::new(),
                outside: 0,
            }),
            room: [room(), room()],
            reading: Arc::new(Semaphore::new((cores / 2).max(1))),
        }))
    }

    /// Lets a request of so many bytes into the waiting room, before its body is read.
    pub(crate) fn admit(&self, bytes: Option<u64>) -> Result<Place, Refused> {
        let small = bytes.and_then(|bytes| usize::try_from(bytes).ok());
        let lane = match small {
            Some(bytes) if bytes <= LIVE_BYTES => Lane::Live,
            _ => Lane::Backlog,
        };
        self.place(lane)
    }

    /// After its body was read: a small frame may be of a backlog too, and is not to wait where new
    /// orders come in.
    pub(crate) fn move_on(&self, place: Place, frame: &[u8]) -> Result<Place, Refused> {
        if place.lane == Lane::Live && lane_of(frame).0 == Lane::Backlog {
            drop(place);
            return self.place(Lane::Backlog);
        }
        Ok(place)
    }

    fn place(&self, lane: Lane) -> Result<Place, Refused> {
        let [live, backlog] = &self.0.room;
        let room = match lane {
            Lane::Live => live,
            Lane::Backlog => backlog,
        };
        match Arc::clone(room).try_acquire_owned() {
            Ok(permit) => Ok(Place {
                lane,
                _permit: permit,
            }),
            Err(_) => Err(Refused::Crowded {
                seconds: self.0.lock().turn_away(),
            }),
        }
    }

    /// Waits for a turn with so many events.
    pub(crate) async fn turn(&self, lane: Lane, speaker: &Speaker, events: usize) -> Arc<Turn> {
        let began = clock::instant();
        let (sender, called) = oneshot::channel();
        let ticket = {
            let mut state = self.0.lock();
            let ticket = state.turns.arrive(lane, speaker.clone(), events);
            state.called.insert(ticket, sender);
            state.call(lane);
            ticket
        };
        let waiting = Waiting {
            shared: &self.0,
            lane,
            speaker,
            ticket,
        };
        let gauge = metrics::gauge!("cloud_intake_waiting", "lane" => lane.as_str());
        gauge.increment(1.0);
        let _waits = Counted(gauge);
        // The sender goes only after it was used.
        let _ = called.await;
        std::mem::forget(waiting);
        metrics::histogram!("cloud_intake_wait_seconds", "lane" => lane.as_str())
            .record(began.elapsed());
        Arc::new(Turn {
            shared: Arc::clone(&self.0),
            lane,
        })
    }

    /// How full the waiting room for backlogs is, from 0 (empty) to 100.
    pub(crate) fn load(&self) -> usize {
        (self.waiting(Lane::Backlog) * 100 / ROOM).min(100)
    }

    /// How many wait for their turn.
    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        self.0.lock().turns.waiting(lane)
    }
}

/// The lane that a frame belongs in, and its events. What a sender claims can only put it back: a
/// frame with another number of events than it says is refused.
pub(super) fn lane_of(bytes: &[u8]) -> (Lane, usize) {
    // What is no frame is refused all the same, when it is its turn.
    let events = frame::decode(bytes).map_or(EVENTS_LIMIT, |frame| frame.count());
    let lane = if events <= LIVE_EVENTS && bytes.len() <= LIVE_BYTES {
        Lane::Live
    } else {
        Lane::Backlog
    };
    (lane, events)
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn call(&mut self, lane: Lane) {
        while let Some(ticket) = self.turns.call(lane) {
            self.outside = self.outside.saturating_sub(1);
            if let Some(sender) = self.called.remove(&ticket) {
                // If nobody waits for it any more, whoever stops waiting gives the turn back.
                let _ = sender.send(());
            }
        }
    }

    /// When to come again: later, the more were told so already.
    fn turn_away(&mut self) -> u64 {
        self.outside = self.outside.saturating_add(1);
        let seconds = (1 + self.outside / PER_SECOND).min(AGAIN_MOST);
        u64::try_from(seconds).unwrap_or(1)
    }
}

/// Somebody who waits, and may stop doing so.
struct Waiting<'w> {
    shared: &'w Arc<Shared>,
    lane: Lane,
    speaker: &'w Speaker,
    ticket: Ticket,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if !state.turns.give_up(self.lane, self.speaker, self.ticket) {
            // It had been called already.
            state.turns.leave(self.lane);
            state.call(self.lane);
        }
        state.called.remove(&self.ticket);
    }
}

/// Counts one who waits.
struct Counted(metrics::Gauge);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Turn {
    /// Waits until what it is for may be read; until what is given is dropped.
    pub(super) async fn reading(&self) -> Option<OwnedSemaphorePermit> {
        match self.lane {
            Lane::Live => None,
            Lane::Backlog => Arc::clone(&self.shared.reading).acquire_owned().await.ok(),
        }
    }

    /// When what it is for is to be written.
    pub(super) fn due(&self, events: usize) -> Due {
        match self.lane {
            Lane::Live => Due::Soon,
            Lane::Backlog => Due::InTurn(events),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.turns.leave(self.lane);
        state.call(self.lane);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Kiosk;

    #[tokio::test]
    async fn a_full_room_sends_backlogs_away_for_longer_and_longer_and_lets_orders_in() {
        let reception = Reception::new(1);
        let large = Some(64 * 1024);
        let mut inside: Vec<Place> = (0..ROOM)
            .map(|_| reception.admit(large).unwrap_or_else(|_| panic!("room")))
            .collect();
        let mut told = Vec::new();
        for _ in 0..10 * ROOM {
            match reception.admit(large) {
                Err(Refused::Crowded { seconds }) => told.push(seconds),
                _ => panic!("there was no room"),
            }
        }
        assert_eq!((told.first(), told.last()), (Some(&1), Some(&15)));
        assert!(told.is_sorted());
        assert!(reception.admit(Some(900)).is_ok());
        // A body of unknown length may be long.
        assert!(reception.admit(None).is_err());
        // Small, but many events: it waits where the others of its kind do.
        let mut kiosk = Kiosk::new("s", "k");
        (0..LIVE_EVENTS).for_each(|_| {
            kiosk.place(100);
        });
        let small = |kiosk: &Kiosk| {
            let place = reception
                .admit(Some(900))
                .unwrap_or_else(|_| panic!("room"));
            reception.move_on(place, &kiosk.frame(&kiosk.entries))
        };
        let live: Vec<_> = (0..ROOM).map(|_| small(&kiosk)).collect();
        assert!(live.iter().all(Result::is_ok));
        drop(live);
        kiosk.place(100);
        for _ in 0..2 * ROOM {
            assert!(small(&kiosk).is_err());
        }
        inside.pop();
        assert!(small(&kiosk).is_ok());
        assert!(reception.admit(large).is_ok());
    }
}
