//! A bulkhead: so many calls at a time, so many waiting, the rest refused at once.
//!
//! One slow dependency then ties up its own places and nobody else's. Waiters are served in the
//! order in which they came, and nobody overtakes them. Waiting is a plain [`Future`] on no
//! particular runtime; how *long* somebody waits is up to whoever drops it.
//!
//! ```
//! use resilience::bulkhead::{Bulkhead, Settings};
//!
//! let menu = Bulkhead::new(Settings { calls: 1, waiting: 0 })?;
//! let place = menu.try_acquire()?;
//! assert!(menu.try_acquire().is_err());
//! drop(place);
//! assert!(menu.try_acquire().is_ok());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};

/// How many may be inside and how many may wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Calls at a time, at least 1.
    pub calls: u32,
    /// Callers that may wait for a place; zero refuses at once.
    pub waiting: u32,
}

impl Settings {
    /// Whether a bulkhead can work with these settings.
    ///
    /// # Errors
    ///
    /// [`NoPlaces`] if no call could ever pass.
    pub const fn validate(&self) -> Result<(), NoPlaces> {
        if self.calls == 0 {
            Err(NoPlaces)
        } else {
            Ok(())
        }
    }
}

/// A semaphore with a bounded queue. Clones share the same places.
#[derive(Clone, Debug)]
pub struct Bulkhead {
    shared: Arc<Mutex<Places>>,
}

#[derive(Debug)]
struct Places {
    settings: Settings,
    in_use: u32,
    refused: u64,
    next_id: u64,
    queue: VecDeque<Waiter>,
}

#[derive(Debug)]
struct Waiter {
    id: u64,
    waker: Option<Waker>,
    /// It has its place and need only fetch it.
    granted: bool,
}

impl Places {
    fn waiting(&self) -> usize {
        self.queue.iter().filter(|waiter| !waiter.granted).count()
    }

    /// Hands free places to those who wait longest; returns whom to wake.
    fn hand_out(&mut self) -> Vec<Waker> {
        let mut woken = Vec::new();
        for waiter in self.queue.iter_mut().filter(|waiter| !waiter.granted) {
            if self.in_use >= self.settings.calls {
                break;
            }
            self.in_use += 1;
            waiter.granted = true;
            woken.extend(waiter.waker.take());
        }
        woken
    }
}

impl Bulkhead {
    /// A bulkhead with all places free.
    ///
    /// # Errors
    ///
    /// [`NoPlaces`] if the settings allow no call at all.
    pub fn new(settings: Settings) -> Result<Self, NoPlaces> {
        settings.validate()?;
        let places = Places {
            settings,
            in_use: 0,
            refused: 0,
            next_id: 0,
            queue: VecDeque::new(),
        };
        Ok(Self {
            shared: Arc::new(Mutex::new(places)),
        })
    }

    /// Takes a place if one is free and nobody waits for it.
    ///
    /// # Errors
    ///
    /// [`Full`]; nothing was sent, so this says nothing about the called side.
    pub fn try_acquire(&self) -> Result<Place, Full> {
        let mut places = self.lock();
        if places.in_use < places.settings.calls && places.waiting() == 0 {
            places.in_use += 1;
            return Ok(Place {
                bulkhead: self.clone(),
            });
        }
        places.refused += 1;
        Err(Full {
            settings: places.settings,
        })
    }

    /// Takes a place, or a place in the queue for one.
    ///
    /// # Errors
    ///
    /// [`Full`] if the queue is full too.
    pub fn acquire(&self) -> Result<Waiting, Full> {
        let mut places = self.lock();
        let waiting = places.waiting();
        let granted = places.in_use < places.settings.calls && waiting == 0;
        if !granted && waiting >= places.settings.waiting as usize {
            places.refused += 1;
            return Err(Full {
                settings: places.settings,
            });
        }
        places.in_use += u32::from(granted);
        places.next_id += 1;
        let id = places.next_id;
        places.queue.push_back(Waiter {
            id,
            waker: None,
            granted,
        });
        Ok(Waiting {
            bulkhead: self.clone(),
            id: Some(id),
        })
    }

    /// Puts other limits in force. More places are handed out at once; with fewer, those inside
    /// finish and nobody enters until there is room; those in the queue stay in it.
    ///
    /// # Errors
    ///
    /// [`NoPlaces`], and the old limits stay in force.
    pub fn retune(&self, settings: Settings) -> Result<(), NoPlaces> {
        settings.validate()?;
        let mut places = self.lock();
        places.settings = settings;
        let woken = places.hand_out();
        drop(places);
        woken.into_iter().for_each(Waker::wake);
        Ok(())
    }

    /// How full it is.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let places = self.lock();
        Snapshot {
            settings: places.settings,
            in_use: places.in_use,
            waiting: u32::try_from(places.waiting()).unwrap_or(u32::MAX),
            refused: places.refused,
        }
    }

    fn release(&self) {
        let mut places = self.lock();
        places.in_use -= 1;
        let woken = places.hand_out();
        drop(places);
        woken.into_iter().for_each(Waker::wake);
    }

    fn lock(&self) -> MutexGuard<'_, Places> {
        // Nothing under the lock runs foreign code, so a poisoned lock holds sound data.
        self.shared
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A place inside, given back when dropped.
#[derive(Debug)]
#[must_use = "dropping a place gives it back at once"]
pub struct Place {
    bulkhead: Bulkhead,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.bulkhead.release();
    }
}

/// A place in the queue: a future of a [`Place`]. Dropping it leaves the queue.
#[derive(Debug)]
#[must_use = "a place in the queue must be awaited"]
pub struct Waiting {
    bulkhead: Bulkhead,
    /// Gone once the place was fetched.
    id: Option<u64>,
}

impl Waiting {
    /// Takes the place if it is there, without waiting.
    ///
    /// # Errors
    ///
    /// The place in the queue back, if it is not its turn.
    pub fn try_now(mut self) -> Result<Place, Self> {
        self.fetch(None).ok_or(self)
    }

    fn fetch(&mut self, waker: Option<&Waker>) -> Option<Place> {
        let id = self.id?;
        // Cloning and dropping a waker runs foreign code, which may give a place of this very
        // bulkhead back: neither happens under the lock.
        let mut waker = waker.cloned();
        let mut places = self.bulkhead.lock();
        let at = places.queue.iter().position(|waiter| waiter.id == id)?;
        if !places.queue[at].granted {
            if waker.is_some() {
                std::mem::swap(&mut places.queue[at].waker, &mut waker);
            }
            drop(places);
            return None;
        }
        let fetched = places.queue.remove(at);
        drop(places);
        drop(fetched);
        self.id = None;
        Some(Place {
            bulkhead: self.bulkhead.clone(),
        })
    }
}

impl Future for Waiting {
    type Output = Place;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Place> {
        self.fetch(Some(cx.waker()))
            .map_or(Poll::Pending, Poll::Ready)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let Some(id) = self.id else { return };
        let mut places = self.bulkhead.lock();
        let at = places.queue.iter().position(|waiter| waiter.id == id);
        let left = at.and_then(|at| places.queue.remove(at));
        drop(places);
        if left.is_some_and(|waiter| waiter.granted) {
            self.bulkhead.release();
        }
    }
}

/// How full a bulkhead is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The limits in force.
    pub settings: Settings,
    /// Places taken, including those handed to waiters that have not fetched them.
    pub in_use: u32,
    /// Callers in the queue.
    pub waiting: u32,
    /// Callers ever refused.
    pub refused: u64,
}

/// All places are taken, and the queue is full or there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// The limits in force.
    pub settings: Settings,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings { calls, waiting } = self.settings;
        write!(
            f,
            "bulkhead full: {calls} calls under way, room for {waiting} to wait"
        )
    }
}

impl std::error::Error for Full {}

/// A bulkhead without places would let nobody through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoPlaces;

impl fmt::Display for NoPlaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bulkhead must have room for at least 1 call")
    }
}

impl std::error::Error for NoPlaces {}
