//! What the store's own orders say is often taken together: counted in the background, from the
//! journal alone, and never waited for by anybody.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use kiosk_core::together::Together;
use tokio::time::MissedTickBehavior;

use crate::journal::{Journal, JournalError, ListFilter};

/// So many of the latest orders count: what was liked last year says little of today.
const LATEST: usize = 2_000;
/// So many are read at a time, so that a reader is never kept long.
const PAGE: u32 = 100;
/// Habits change slowly.
const AGAIN: Duration = Duration::from_secs(600);

/// The latest count. Cheap to clone.
#[derive(Clone, Default)]
pub struct Habits {
    known: Arc<RwLock<Arc<Together>>>,
}

impl Habits {
    /// The latest count.
    #[must_use]
    pub fn known(&self) -> Arc<Together> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Counts the latest orders anew.
    ///
    /// # Errors
    /// [`JournalError`]; what was known before stays.
    pub async fn count(&self, journal: &Journal) -> Result<(), JournalError> {
        let mut together = Together::default();
        let mut before = None;
        let mut counted = 0;
        while counted < LATEST {
            let filter = ListFilter {
                before,
                limit: PAGE,
                ..ListFilter::default()
            };
            let page = journal.read(move |reader| reader.list(&filter)).await?;
            let Some(last) = page.last() else {
                break;
            };
            before = Some(last.place);
            counted += page.len();
            page.iter().for_each(|stored| together.add(&stored.order));
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(together);
        Ok(())
    }

    /// Counts now and then, for as long as it is let.
    pub async fn run(self, journal: Journal) {
        let mut ticks = tokio::time::interval(AGAIN);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.count(&journal).await {
                tracing::warn!(%error, "what is often taken together could not be counted");
            }
        }
    }
}
