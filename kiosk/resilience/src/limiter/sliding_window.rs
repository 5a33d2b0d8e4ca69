use std::collections::VecDeque;
use std::time::Duration;

use super::{InvalidRate, Limited};
use crate::moment::Moment;
use crate::sync::{Mutex, MutexGuard};

/// The most calls a sliding window can allow (it remembers each).
pub const MAX_CALLS: u32 = 100_000;

/// So many calls in any span of this length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// So many calls, at most [`MAX_CALLS`].
    pub calls: u32,
    /// In any span of this length; a call exactly so old no longer counts.
    pub span: Duration,
}

impl Window {
    /// Whether a limiter can work with this window.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] if calls or span are zero, or there are too many calls to remember.
    pub const fn validate(&self) -> Result<(), InvalidRate> {
        if self.calls == 0 || self.calls > MAX_CALLS || self.span.is_zero() {
            return Err(InvalidRate);
        }
        Ok(())
    }
}

/// A limiter that remembers when each call passed, so that no span ever sees more than it may:
/// neither a burst after a pause nor one at the edge of two fixed windows.
///
/// ```
/// use resilience::Moment;
/// use resilience::limiter::{SlidingWindow, Window};
/// use std::time::Duration;
///
/// let limiter = SlidingWindow::new(Window { calls: 1, span: Duration::from_secs(1) })?;
/// limiter.try_acquire(Moment::from_millis(900))?;
/// let limited = limiter.try_acquire(Moment::from_millis(1_100)).unwrap_err();
/// assert_eq!(limited.retry_in, Some(Duration::from_millis(800)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SlidingWindow {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    window: Window,
    passed: VecDeque<Moment>,
}

impl State {
    fn forget(&mut self, now: Moment) {
        let old = self.old_at(now);
        self.passed.drain(..old);
    }

    /// How many calls no longer count.
    fn old_at(&self, now: Moment) -> usize {
        let old = |passed: &Moment| now.since(*passed) >= self.window.span;
        self.passed.partition_point(old)
    }
}

impl SlidingWindow {
    /// A limiter that nothing has passed yet.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`] if nothing could ever pass, or there is too much to remember.
    pub fn new(window: Window) -> Result<Self, InvalidRate> {
        window.validate()?;
        let passed = VecDeque::with_capacity(window.calls as usize);
        Ok(Self {
            state: Mutex::new(State { window, passed }),
        })
    }

    /// Passes a call, or says when one may pass.
    ///
    /// # Errors
    ///
    /// [`Limited`] with the time until the oldest call no longer counts.
    pub fn try_acquire(&self, now: Moment) -> Result<(), Limited> {
        let mut state = self.lock();
        state.forget(now);
        if state.passed.len() < state.window.calls as usize {
            // A clock that steps back must not put calls out of order.
            let now = state.passed.back().map_or(now, |last| now.max(*last));
            state.passed.push_back(now);
            return Ok(());
        }
        // After a retune to fewer calls, more may be remembered than now may pass.
        let in_the_way = state.passed.len() - state.window.calls as usize;
        let frees = state.passed.get(in_the_way).copied().unwrap_or(now);
        Err(Limited {
            retry_in: Some(frees.plus(state.window.span).since(now.max(frees))),
        })
    }

    /// Calls that count at `now`. Changes nothing.
    #[must_use]
    pub fn counted(&self, now: Moment) -> usize {
        let state = self.lock();
        state.passed.len() - state.old_at(now)
    }

    /// The window in force.
    #[must_use]
    pub fn window(&self) -> Window {
        self.lock().window
    }

    /// Puts another window in force. What passed stays remembered; only what was older than the
    /// old span is unknown to a longer one.
    ///
    /// # Errors
    ///
    /// [`InvalidRate`], and the old window stays in force.
    pub fn retune(&self, window: Window) -> Result<(), InvalidRate> {
        window.validate()?;
        let mut state = self.lock();
        let room = (window.calls as usize).saturating_sub(state.passed.len());
        state.passed.reserve(room);
        state.window = window;
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
