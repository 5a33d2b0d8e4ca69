//! What systemd hears: that cloud-sync serves, and, while it does its work, that it goes on.
//!
//! Its work is to store what kiosks send. So the ledger's writer commits a row of its own from time to
//! time. A ledger that does not answer, or whose storage fails, starves the watchdog and the service
//! starts anew; one that is full, has its hands full or waits for its database answers, and starting anew
//! would mend none of that.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use crate::ledger::{Ledger, LedgerError, lineage};

/// The setting that is written to see that writing works.
const PROBED: &str = "probed";
/// The watchdog is fed so often in the time that it gives.
const TIMES: u32 = 4;

/// Tells systemd that kiosks are served.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// Tells systemd that it still starts, and will for so long at least.
pub(crate) fn still_starting(wait: Duration) {
    let more = u32::try_from(wait.as_micros()).unwrap_or(u32::MAX);
    tell(&[NotifyState::ExtendTimeoutUsec(more)]);
}

/// Tells systemd that it stops.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "systemd could not be told; check NOTIFY_SOCKET");
    }
}

/// Feeds systemd's watchdog, if there is one, until the task is ended.
pub(crate) fn start(ledger: Ledger) -> Option<JoinHandle<()>> {
    let given = sd_notify::watchdog_enabled()?;
    Some(tokio::spawn(feed(ledger, given / TIMES)))
}

async fn feed(ledger: Ledger, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u64.. {
        ticks.tick().await;
        // A value that changes each time: SQLite does not write a page whose bytes stay the same.
        let probe = ledger.write(move |ledger| lineage::set(ledger, PROBED, &round.to_string()));
        let answer = tokio::time::timeout(every, probe).await;
        match answer {
            Ok(answer) if works(&answer) => tell(&[NotifyState::Watchdog]),
            Ok(answer) => tracing::error!(
                ?answer,
                "the ledger stores nothing: systemd is not told that all is well"
            ),
            Err(_) => {
                tracing::error!("the ledger does not answer: systemd is not told that all is well")
            }
        }
    }
}

fn works(answer: &Result<(), LedgerError>) -> bool {
    match answer {
        Ok(())
        | Err(
            LedgerError::Busy
            | LedgerError::Full
            | LedgerError::Contended(_)
            | LedgerError::Away(_),
        ) => true,
        Err(
            LedgerError::Storage(_)
            | LedgerError::Unknown(_)
            | LedgerError::Closed
            | LedgerError::Unusable(_),
        ) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_and_a_rush_are_no_reason_to_start_anew() {
        assert!(works(&Ok(())));
        assert!(works(&Err(LedgerError::Full)));
        assert!(works(&Err(LedgerError::Busy)));
        assert!(!works(&Err(LedgerError::Storage("i/o error".to_owned()))));
        assert!(!works(&Err(LedgerError::Closed)));
    }
}
