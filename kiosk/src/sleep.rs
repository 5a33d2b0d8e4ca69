//! A machine that sleeps: waits are measured by a clock that stands still meanwhile, so that on resume
//! they would go on as if no time had passed. Whoever waits hears of it here, and ends what is over.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::MissedTickBehavior;

use crate::clock;

/// How often the clocks are compared: so soon after a resume it is known.
const LOOK: Duration = Duration::from_secs(1);
/// Less than this is no sleep but the clocks being read one after the other.
const LEAST: Duration = Duration::from_millis(500);

/// How long the machine has slept in all; changes on resume.
pub(crate) type Slept = watch::Receiver<Duration>;

/// Watches the clocks of this machine for as long as somebody listens.
pub(crate) fn watch() -> Slept {
    follow(clock::slept, LOOK)
}

/// Watches a clock of sleep.
pub(crate) fn follow(clock: impl Fn() -> Duration + Send + 'static, every: Duration) -> Slept {
    let (tell, slept) = watch::channel(clock());
    tokio::spawn(async move {
        let mut looks = tokio::time::interval(every);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !tell.is_closed() {
            looks.tick().await;
            let now = clock();
            tell.send_if_modified(|known| {
                let more = now.saturating_sub(*known);
                let slept = more >= LEAST;
                if slept {
                    tracing::info!(seconds = more.as_secs_f64(), "the machine has slept");
                    *known = now;
                }
                slept
            });
        }
    });
    slept
}

/// Hears of sleep: how long each was.
#[derive(Debug, Clone)]
pub(crate) struct Ear {
    slept: Slept,
    known: Duration,
}

impl Ear {
    pub(crate) fn new(slept: Slept) -> Self {
        let known = *slept.borrow();
        Self { slept, known }
    }

    /// Resolves when the machine has slept, with how long since it was last asked; never if nobody
    /// watches any more.
    pub(crate) async fn heard(&mut self) -> Duration {
        if self.slept.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
        let whole = *self.slept.borrow_and_update();
        whole.saturating_sub(std::mem::replace(&mut self.known, whole))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// A clock of sleep that a test sets.
    #[derive(Debug, Clone, Default)]
    pub(crate) struct Bed(Arc<Mutex<Duration>>);

    impl Bed {
        pub(crate) fn sleep(&self, span: Duration) {
            *self.0.lock().unwrap() += span;
        }

        pub(crate) fn watched(&self) -> Slept {
            let clock = self.clone();
            follow(move || *clock.0.lock().unwrap(), Duration::from_millis(5))
        }
    }

    #[tokio::test]
    async fn each_sleep_is_heard_once_and_for_as_long_as_it_was() {
        let bed = Bed::default();
        bed.sleep(Duration::from_secs(3_600));
        let mut ear = Ear::new(bed.watched());
        // What was slept before it began, and a difference that is none.
        bed.sleep(Duration::from_millis(400));
        let eight_hours = Duration::from_secs(8 * 3_600);
        bed.sleep(eight_hours);
        let heard = ear.heard().await;
        assert_eq!(heard, eight_hours + Duration::from_millis(400));
        bed.sleep(Duration::from_secs(2));
        assert_eq!(ear.heard().await, Duration::from_secs(2));
    }

    #[tokio::test]
    async fn a_machine_that_is_awake_has_not_slept() {
        let (first, again) = (clock::slept(), clock::slept());
        assert!(again.saturating_sub(first) < LEAST);
    }
}
