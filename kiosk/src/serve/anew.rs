//! A kiosk whose journal has forked carries on in a new one, in the same process: it finishes what is in
//! hand, puts the new journal in the old one's place, and opens again. Who comes meanwhile waits at
//! the door for a moment.

use std::time::Duration;

use cloud_sync_wire::credential::Credential;

use super::ServeError;
use crate::clock;
use crate::config::Config;
use crate::connect::Connection;
use crate::journal::fence::fence;

/// Between two new journals, or after one that could not be made: whatever is wrong then, copying the
/// journal again and again doesn't mend it.
const PAUSE: Duration = Duration::from_secs(600);

/// Why the doors were closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Closed {
    /// Somebody said so.
    Told,
    /// The journal has forked.
    Forked,
}

/// New journals of this process.
#[derive(Debug, Default)]
pub(super) struct Anew {
    last: Option<Duration>,
}

impl Anew {
    /// Resolves when the journal has forked and a new one may be begun.
    pub(super) async fn is_due(&self, connection: &Connection) {
        if let Some(last) = self.last {
            let since = clock::monotonic().saturating_sub(last);
            tokio::time::sleep(PAUSE.saturating_sub(since)).await;
        }
        connection.forked().await;
    }

    /// Begins a new journal in the closed one's place. If that fails, the old one stays; it takes
    /// orders as before.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub(super) async fn begin(&mut self, config: &Config) -> Result<(), ServeError> {
        self.last = Some(clock::monotonic());
        let mut seed = [0; 64];
        getrandom::fill(&mut seed)
            .map_err(|error| ServeError::System(format!("no random numbers: {error}")))?;
        let folder = config.data_dir.clone();
        let credential: Option<&Credential> = config.credential.as_ref();
        let prefixes = credential.map_or_else(Vec::new, |known| known.prefixes.clone());
        let at = clock::wall();
        let begun = tokio::task::spawn_blocking(move || fence(&folder, &seed, &prefixes, at)).await;
        match begun.map_err(|error| ServeError::System(error.to_string()))? {
            Ok(succeeds) => tracing::error!(
                before = %succeeds.journal, kept = succeeds.file, events = succeeds.events,
                "this disk was rolled back, or a copy of it sells elsewhere: the kiosk carries on in a new \
                 journal, which sends again what the old one held"
            ),
            Err(error) => tracing::error!(
                %error,
                "no new journal can be begun; orders are taken and kept, but nothing is sent until one can"
            ),
        }
        Ok(())
    }
}
