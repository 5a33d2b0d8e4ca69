//! Trying again what the ledger could not take: another transaction was in the way, or a connection
//! was lost before anything was committed. A few times, a little later each; then it is its sender's.

use std::time::Duration;

use crate::ledger::LedgerError;

/// Tries besides the first. With their pauses they take less than a kiosk waits for an answer.
const MORE: u32 = 4;
/// The longest pause before the second try; it doubles with each.
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(super) struct Tries {
    made: u32,
}

impl Tries {
    /// Whether to try once more, after a pause.
    pub(super) async fn another(&mut self, error: &LedgerError) -> bool {
        let passing = matches!(error, LedgerError::Contended(_) | LedgerError::Away(_));
        if !passing || self.made >= MORE {
            return false;
        }
        self.made += 1;
        metrics::counter!("cloud_ingest_retries_total").increment(1);
        tracing::debug!(%error, tries = self.made, "the ledger is tried again");
        tokio::time::sleep(pause(self.made, random())).await;
        true
    }
}

/// Anything up to the longest pause, so that those who were in each other's way part.
fn pause(made: u32, random: u32) -> Duration {
    let longest = PAUSE * 2_u32.saturating_pow(made.saturating_sub(1));
    longest.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    // Without randomness the longest pause will do.
    match getrandom::fill(&mut bytes) {
        Ok(()) => u32::from_le_bytes(bytes),
        Err(_) => u32::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_passes_is_tried_a_few_times_and_nothing_else_is() {
        let mut tries = Tries::default();
        let away = LedgerError::Away("gone".to_owned());
        for _ in 0..MORE {
            assert!(tries.another(&away).await);
        }
        assert!(!tries.another(&away).await);
        let mut tries = Tries::default();
        assert!(!tries.another(&LedgerError::Full).await);
        assert!(!tries.another(&LedgerError::Unknown(String::new())).await);
    }

    #[test]
    fn pauses_grow_and_are_never_the_same_for_all() {
        assert_eq!(pause(1, u32::MAX), PAUSE);
        assert_eq!(pause(4, u32::MAX), PAUSE * 8);
        assert_eq!(pause(4, 0), Duration::ZERO);
    }
}
