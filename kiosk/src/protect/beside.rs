//! Thresholds that are tried beside those in force: a second breaker that sees the same calls and only
//! tells.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use resilience::breaker::{Permit, Settings, SettingsError, Snapshot};
use resilience::{Breaker, Moment};

use super::diary::Diary;

/// The breaker that only watches, if there is one.
#[derive(Debug)]
pub(super) struct Beside {
    breaker: Mutex<Option<Arc<Breaker>>>,
    diary: Diary,
}

impl Beside {
    pub(super) fn new(
        name: &str,
        settings: Option<Settings>,
        now: Moment,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            breaker: Mutex::new(breaker(name, settings, now)?),
            diary: Diary::of_dry_run(),
        })
    }

    /// Begins, ends or goes on under other thresholds; what was counted stays as far as it reaches.
    pub(super) fn retune(
        &self,
        name: &str,
        settings: Option<Settings>,
        now: Moment,
    ) -> Result<(), SettingsError> {
        let mut known = self.lock();
        match (known.as_ref(), settings) {
            (Some(breaker), Some(settings)) => {
                breaker.retune(settings, now)?;
            }
            (None, None) => {}
            _ => {
                *known = breaker(name, settings, now)?;
                self.diary.begin();
            }
        }
        Ok(())
    }

    /// The same call, for the one that only watches.
    pub(super) fn permit(&self, now: Moment) -> Option<Permit<Arc<Breaker>>> {
        self.lock().as_ref()?.try_acquire_owned(now).ok()
    }

    pub(super) fn look(&self, now: Moment) -> Option<Snapshot> {
        Some(self.lock().as_ref()?.snapshot(now))
    }

    /// Tells what is not told yet.
    pub(super) fn tell(&self) {
        if let Some(breaker) = self.lock().as_ref() {
            self.diary.tell(breaker);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Arc<Breaker>>> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn breaker(
    name: &str,
    settings: Option<Settings>,
    now: Moment,
) -> Result<Option<Arc<Breaker>>, SettingsError> {
    settings
        .map(|settings| Ok(Arc::new(Breaker::new(name, settings, now)?)))
        .transpose()
}
