//! Whether the wall clock can be believed. It is there for people: waits use the monotonic clock,
//! order and identity use neither, so a wrong wall clock makes wrong times and loses nothing.

use std::sync::Arc;
use std::time::Duration;

use kiosk_core::event::{ClockJumped, Fact};
use kiosk_core::ids::EventId;
use kiosk_core::wall::WallTime;
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::journal::{Journal, Stamp};

/// How often the wall clock is compared with the monotonic one.
const LOOK: Duration = Duration::from_secs(5);
/// A wall clock that moves by more than this against the monotonic one is noted.
const JUMP_MS: i64 = 5 * 60 * 1000;
/// Before this, the clock has plainly not been set (2024-01-01).
const SET_MS: i64 = 1_704_067_200_000;

/// The wall clock was set while the kiosk ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jump {
    /// By how much, in milliseconds; negative if it went back.
    pub by_ms: i64,
    /// What it showed afterwards.
    pub at: WallTime,
}

/// What this run has seen of the wall clock.
#[derive(Debug, Clone, Default)]
pub struct WallClock {
    jumped: Arc<watch::Sender<Option<Jump>>>,
}

impl WallClock {
    /// The latest jump of this run.
    #[must_use]
    pub fn jump(&self) -> Option<Jump> {
        *self.jumped.borrow()
    }

    /// Says once what is wrong with a clock that was never set.
    pub fn warn(now: WallTime) {
        if !is_set(now) {
            tracing::warn!(
                %now,
                "the system clock is not set: orders are taken and kept, but their times and \
                 business day are wrong; set the clock (`timedatectl set-ntp true`), then close \
                 the day"
            );
        }
    }

    /// Writes each jump down as an event, for as long as the kiosk runs.
    pub(crate) async fn watch(self, journal: Journal) {
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut known = offset();
        loop {
            looks.tick().await;
            let now = offset();
            match jump(known, now) {
                // Slow drift is the clock being disciplined.
                None => known = now,
                Some(by_ms) => match note(&journal, by_ms).await {
                    Ok(at) => {
                        known = now;
                        self.jumped.send_replace(Some(Jump { by_ms, at }));
                    }
                    Err(error) => tracing::warn!(%error, "the jump could not be noted yet"),
                },
            }
        }
    }
}

/// Whether somebody has set the clock: no kiosk ran before this software was written.
#[must_use]
pub fn is_set(now: WallTime) -> bool {
    now.as_millis() >= SET_MS
}

/// By how much the wall clock was set, if it was.
fn jump(known: i64, now: i64) -> Option<i64> {
    let by_ms = now.saturating_sub(known);
    (by_ms.saturating_abs() > JUMP_MS).then_some(by_ms)
}

async fn note(journal: &Journal, by_ms: i64) -> Result<WallTime, crate::journal::JournalError> {
    tracing::warn!(
        by_seconds = by_ms / 1000,
        "the wall clock was set; waits are not affected"
    );
    let at = clock::wall();
    let stamp = Stamp {
        at,
        mono_ms: u64::try_from(millis(clock::monotonic())).unwrap_or(0),
        event: EventId(clock::uuid7(at)),
        request: None,
    };
    let fact = Fact::ClockJumped(ClockJumped { by_ms });
    journal.note(stamp, fact).await.map(|()| at)
}

/// Wall time at the process's begin, as the clocks have it now.
fn offset() -> i64 {
    clock::wall().as_millis() - millis(clock::monotonic())
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_is_no_jump_and_a_clock_that_is_set_is_one_in_both_directions() {
        let minute = 60_000;
        for drift in [0, 1, -1, 5 * minute, -5 * minute] {
            assert_eq!(jump(1_000, 1_000 + drift), None, "{drift}");
        }
        for set in [5 * minute + 1, -5 * minute - 1, 56 * 365 * 1_440 * minute] {
            assert_eq!(jump(1_000, 1_000 + set), Some(set));
        }
        assert_eq!(jump(i64::MIN, i64::MAX), Some(i64::MAX));
    }

    #[test]
    fn a_clock_that_begins_at_its_epoch_was_not_set() {
        assert!(!is_set(WallTime::from_millis(0)));
        assert!(!is_set(WallTime::from_millis(-1)));
        assert!(is_set(WallTime::from_millis(SET_MS)));
    }
}
