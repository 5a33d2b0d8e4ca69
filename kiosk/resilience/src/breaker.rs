//! A circuit breaker: stop calling what does not answer, and find out when it does again.
//!
//! ```text
//!              a trip rule is met
//!   Closed ─────────────────────────► Open ◄──────────┐
//!     ▲                                │ wait over,   │ probes fail: wait again, longer
//!     │ probes succeed                 ▼ next call    │
//!     └──────────────────────────── HalfOpen ─────────┘
//!
//!   by hand, never by time: ForcedOpen · Disabled · MetricsOnly ──auto/reset──► Closed
//! ```
//!
//! The rules, where breakers differ:
//!
//! * A threshold is met at `>=`, judged on *every* outcome once the window holds its minimum.
//! * A call is slow if it took *longer than* the limit; a slow failure counts as both.
//! * An outcome belongs to the time at which the call ended. An outcome of an earlier generation
//!   (the state changed, or the breaker was reset, since the permit was taken) is dropped, and
//!   its reporter is told: no stale success closes a breaker, no stale failure opens it.
//! * An open breaker admits a probe at `now >= opened + wait`. Looking changes nothing.
//! * A half-open breaker admits exactly so many probes. A neutral probe gives its place back, a
//!   hung one loses it after a deadline.
//! * Once closed again, traffic can come back along a slope instead of all at once.
//! * A retune is one swap: state, generation and the moment the state began stay.
//!
//! ```
//! use resilience::Moment;
//! use resilience::breaker::{Breaker, Settings, State};
//! use std::time::Duration;
//!
//! let settings = Settings { consecutive_failures: Some(2), ..Settings::default() };
//! let breaker = Breaker::new("ordering", settings, Moment::START)?;
//!
//! let mut now = Moment::START;
//! for _ in 0..2 {
//!     let permit = breaker.try_acquire(now)?;
//!     now = now.plus(Duration::from_millis(20));
//!     let _ = permit.failure(now);
//! }
//! let refused = breaker.try_acquire(now).unwrap_err();
//! assert_eq!(refused.to_string(), "circuit open after consecutive failures, retry in 5s");
//!
//! now = now.plus(Duration::from_secs(5));
//! assert!(breaker.snapshot(now).probe_due);
//! let probe = breaker.try_acquire(now)?;
//! let _ = probe.success(now);
//! assert_eq!(breaker.state(), State::Closed);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::moment::Moment;
use crate::sync::{Mutex, MutexGuard};

mod call;
mod classify;
mod core;
mod event;
mod fault;
mod gate;
mod permit;
mod probes;
mod rejected;
mod settings;
mod snapshot;
mod state;
mod window;

pub use classify::Classifier;
pub use event::{EVENTS_KEPT, Event, EventKind, Events, Retuned};
pub use fault::{Fault, SettingsError};
pub use permit::Permit;
pub use rejected::{IllegalMove, RejectReason, Rejected};
pub use settings::{
    CallRule, HalfOpen, MAX_BUCKETS, MAX_LAST_CALLS, MAX_PROBES, OpenWait, Settings, Thresholds,
    TimeRule, Verdict, Window,
};
pub use snapshot::{Counts, Outage, ProbeCounts, Snapshot, Totals};
pub use state::{Causes, Outcome, Report, State};

use self::core::{Answer, Core, Pass, Verdicted};
use self::gate::{Gate, Refusal, Word};

/// A circuit breaker, shared by reference or [`Arc`].
///
/// No method waits for anything but a short lock, none reads a clock, none calls back.
pub struct Breaker {
    name: Box<str>,
    gate: Gate,
    core: Mutex<Core>,
}

/// Success must have been all there was for so many outcomes before it is tallied aside: opening
/// and closing the lanes costs more than a few locks.
const QUIET: u32 = 4;

impl Breaker {
    /// A breaker that begins at `now` in the state that the settings say.
    ///
    /// # Errors
    ///
    /// [`SettingsError`] if the settings are not [valid](Settings::validate).
    pub fn new(
        name: impl Into<Box<str>>,
        settings: Settings,
        now: Moment,
    ) -> Result<Self, SettingsError> {
        settings.validate()?;
        let core = Core::new(settings, now);
        Ok(Self {
            name: name.into(),
            gate: Gate::new(&core),
            core: Mutex::new(core),
        })
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Asks for the right to make one call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the reason and, if a wait is what ends it, the rest of the wait.
    #[inline]
    pub fn try_acquire(&self, now: Moment) -> Result<Permit<&Self>, Rejected> {
        match self.pass(now) {
            Ok(pass) => Ok(Permit::new(self, pass)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    /// The same with a permit that keeps the breaker alive and borrows nothing.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with the reason and, if a wait is what ends it, the rest of the wait.
    #[inline]
    pub fn try_acquire_owned(self: &Arc<Self>, now: Moment) -> Result<Permit<Arc<Self>>, Rejected> {
        match self.pass(now) {
            Ok(pass) => Ok(Permit::new(Arc::clone(self), pass)),
            Err(refusal) => Err(refusal.into()),
        }
    }

    #[inline]
    fn pass(&self, now: Moment) -> Result<Pass, Refusal> {
        match self.gate.pass(now) {
            Some(answer) => answer,
            None => self.pass_locked(now),
        }
    }

    #[cold]
    #[inline(never)]
    fn pass_locked(&self, now: Moment) -> Result<Pass, Refusal> {
        let (answer, word) = self.locked(|core| {
            let answer = core.admit(now, || self.gate.count_start());
            (answer, Word::of(core))
        });
        match (answer, word.state()) {
            (Answer::Pass(pass), _) => Ok(pass),
            (Answer::ProbesBusy, _) => Err(self.gate.refusal(word, RejectReason::ProbesBusy, 0)),
            (Answer::Ramping, _) => Err(self.gate.refusal(word, RejectReason::Ramping, 0)),
            (Answer::Wait, State::Open) => Err(self.gate.open_refusal(now, word, self.gate.due())),
            (Answer::Wait, _) => Err(self.gate.forced_refusal(word)),
        }
    }

    #[inline]
    fn settle(&self, pass: Pass, now: Moment, outcome: Outcome, timed: bool) -> Report {
        if outcome == Outcome::Ok && self.gate.tally_aside(&pass, now, timed) {
            return Report::Counted;
        }
        self.settle_locked(
            pass,
            now,
            Verdicted {
                outcome,
                timed,
                pause: None,
            },
        )
    }

    fn timed(&self, pass: &Pass, now: Moment, outcome: Outcome) -> Outcome {
        self.lock().timed(pass, now, outcome)
    }

    #[inline(never)]
    fn settle_locked(&self, pass: Pass, now: Moment, said: Verdicted) -> Report {
        self.locked(|core| core.settle(&pass, now, said))
    }

    /// The state as of the last call or command. See [`Snapshot::probe_due`] for what the next
    /// call will find.
    pub fn state(&self) -> State {
        self.gate.word().state()
    }

    /// Everything there is to know at `now`. Changes nothing.
    pub fn snapshot(&self, now: Moment) -> Snapshot {
        self.locked(|core| core.snapshot(now, self.gate.rejected(), self.gate.started()))
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.lock().settings
    }

    /// The events after `cursor` (0 for all that are remembered), at most [`EVENTS_KEPT`].
    ///
    /// Nothing is called under a lock and nothing is consumed, so any number of readers can follow
    /// at their own pace and do what they like with what they find:
    ///
    /// ```
    /// # use resilience::{Moment, breaker::{Breaker, Settings}};
    /// # let breaker = Breaker::new("menu", Settings::default(), Moment::START).unwrap();
    /// # breaker.force_open(Moment::START, "stocktaking");
    /// let mut cursor = 0;
    /// let news = breaker.events_after(cursor);
    /// cursor = news.cursor;
    /// assert_eq!((news.events.len(), news.lost), (1, 0));
    /// assert!(breaker.events_after(cursor).events.is_empty());
    /// ```
    pub fn events_after(&self, cursor: u64) -> Events {
        self.lock().log.after(cursor)
    }

    /// Refuses every call from now on, until [`auto`](Self::auto) or [`reset`](Self::reset).
    pub fn force_open(&self, now: Moment, reason: impl Into<Arc<str>>) {
        let note = Some(reason.into());
        self.locked(|core| core.by_hand(State::ForcedOpen, now, note));
    }

    /// Passes every call and records nothing, until [`auto`](Self::auto) or
    /// [`reset`](Self::reset).
    pub fn disable(&self, now: Moment, reason: impl Into<Arc<str>>) {
        let note = Some(reason.into());
        self.locked(|core| core.by_hand(State::Disabled, now, note));
    }

    /// Passes and counts every call, and reports thresholds that are met without acting on them:
    /// a dry run, until [`auto`](Self::auto) or [`reset`](Self::reset). To try new thresholds
    /// beside those in force, report the same calls to a second breaker in this state.
    pub fn metrics_only(&self, now: Moment, reason: impl Into<Arc<str>>) {
        let note = Some(reason.into());
        self.locked(|core| core.by_hand(State::MetricsOnly, now, note));
    }

    /// Ends a state that was set by hand: the breaker is closed and decides by itself again. Does
    /// nothing to a breaker that already does.
    pub fn auto(&self, now: Moment) {
        self.locked(|core| {
            if core.state.is_manual() {
                core.by_hand(State::Closed, now, None);
            }
        });
    }

    /// Ends a state that was set by hand where nobody knows whether the called side answers: the next
    /// call is a probe. Why it is open is then [`Causes::UNTRIED`], and once that probe failed what it
    /// found. Does nothing to a breaker that decides by itself.
    pub fn auto_by_probe(&self, now: Moment) {
        self.locked(|core| core.auto_by_probe(now));
    }

    /// Closes the breaker, whatever its state, and clears its counts and its growing wait. What is
    /// in flight becomes stale. [`Totals`] stay.
    pub fn reset(&self, now: Moment) {
        self.locked(|core| core.reset(now));
    }

    /// Opens for `wait` from now, as [`Permit::trip`] does without a call. An open breaker waits
    /// so long from now. Returns whether it applies: not in a state set by hand.
    pub fn trip(&self, now: Moment, wait: Duration) -> bool {
        self.locked(|core| core.trip(now, wait, Causes::ASKED_TO_WAIT))
    }

    /// Ends the wait of an open breaker, so that the next call is a probe: for a "try again now"
    /// button, and after a suspend in which a monotonic clock stood still.
    pub fn expire_wait(&self, now: Moment) {
        self.locked(|core| core.expire_wait(now));
    }

    /// The machine slept so long while the clock stood still, as a monotonic one does: the wait of an
    /// open breaker is shorter by that, and where it is over by now the next call is a probe.
    pub fn slept(&self, now: Moment, slept: Duration) {
        self.locked(|core| core.slept(now, slept));
    }

    /// Opens for the wait in the settings, as a trip rule does, whatever the state: the breaker
    /// decides by itself again. Does nothing to one that is open.
    pub fn open(&self, now: Moment) {
        self.locked(|core| core.open_by_hand(now));
    }

    /// Lets probes through now instead of after a wait.
    ///
    /// # Errors
    ///
    /// [`IllegalMove`] from [`State::Closed`]: it would refuse calls that are known to work.
    pub fn half_open(&self, now: Moment) -> Result<(), IllegalMove> {
        self.locked(|core| {
            if core.state == State::Closed {
                return Err(IllegalMove {
                    from: State::Closed,
                    to: State::HalfOpen,
                });
            }
            core.by_hand(State::HalfOpen, now, None);
            Ok(())
        })
    }

    /// Does what time alone brings about: an open breaker whose wait is over becomes half-open
    /// without a call, and probes past their deadline that keep others out are given up. Optional;
    /// the next call does the same.
    pub fn tick(&self, now: Moment) {
        self.locked(|core| core.tick(now));
    }

    /// When [`tick`](Self::tick) or a call will find something changed: the end of the wait, or
    /// the deadline of a probe that keeps others out. Nothing to wait for in other states.
    pub fn next_deadline(&self) -> Option<Moment> {
        self.lock().next_deadline()
    }

    /// Puts new settings in force at one stroke.
    ///
    /// State, generation and the moment the state began stay; so do counts, as far as the new
    /// windows reach: of a rolling window with other buckets each old one goes where it began.
    /// Lowered thresholds take effect with the next outcome. A changed wait counts from the moment
    /// the breaker opened, unless one was asked for or ended: that stands.
    ///
    /// # Errors
    ///
    /// [`SettingsError`], and the old settings stay in force.
    pub fn retune(&self, settings: Settings, now: Moment) -> Result<Retuned, SettingsError> {
        settings.validate()?;
        Ok(self.locked(|core| core.retune(settings, now)))
    }

    fn lock(&self) -> MutexGuard<'_, Core> {
        // Nothing under the lock runs foreign code, so a poisoned lock holds sound data.
        self.core
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Runs a change under the lock and then shows callers what became of it.
    fn locked<R>(&self, change: impl FnOnce(&mut Core) -> R) -> R {
        let mut core = self.lock();
        if core.aside {
            core.fold(self.gate.close_lanes());
        }
        let result = change(&mut core);
        if core.dirty {
            core.dirty = false;
            if self.gate.publish(&core) {
                core.rejected_before = self.gate.rejected();
            }
        }
        if core.quiet >= QUIET && core.is_calm() {
            let (tag, within) = core.set_aside();
            self.gate.open_lanes(tag, &within, core.settings.slow_after);
        }
        result
    }
}

impl fmt::Debug for Breaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Breaker")
            .field("name", &self.name)
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}
