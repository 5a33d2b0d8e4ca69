//! The cash drawer's wish: to be opened now, or not at all.
//!
//! A drawer that opens minutes after it was asked for helps nobody but thieves. So a wish lasts two
//! seconds, and whoever asked is told whether it was granted.

use std::time::Duration;

use serde::Serialize;
use tokio::sync::oneshot;

use crate::clock;

/// A wish lasts so long.
const LASTS: Duration = Duration::from_secs(2);
/// A device whose thread does not even answer counts as away after so long.
const ANSWERS: Duration = Duration::from_secs(3);

/// Why the drawer was not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unopened {
    /// There is none.
    NoDrawer,
    /// It, or the printer that it hangs on, is not there or does not answer.
    Away,
    /// The printer was in the middle of a slip for too long.
    Busy,
}

impl Unopened {
    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoDrawer => "no_drawer",
            Self::Away => "away",
            Self::Busy => "busy",
        }
    }
}

/// Whether it was opened.
pub type Opened = Result<(), Unopened>;

/// A wish that the drawer be opened, and who waits to hear of it.
#[derive(Debug)]
pub(super) struct Kick {
    asked: Duration,
    reply: oneshot::Sender<Opened>,
}

impl Kick {
    /// A wish of this moment.
    pub(super) fn new() -> (Self, oneshot::Receiver<Opened>) {
        let (reply, opened) = oneshot::channel();
        let asked = clock::monotonic();
        (Self { asked, reply }, opened)
    }

    /// Whether it is too late to grant it.
    pub(super) fn is_over(&self, now: Duration) -> bool {
        now.saturating_sub(self.asked) >= LASTS
    }

    /// Tells whoever asked.
    pub(super) fn answer(self, opened: Opened) {
        let _ = self.reply.send(opened);
    }
}

/// Waits for what becomes of a wish.
pub(super) async fn heard(opened: oneshot::Receiver<Opened>) -> Opened {
    match tokio::time::timeout(ANSWERS, opened).await {
        Ok(Ok(opened)) => opened,
        Ok(Err(_)) | Err(_) => Err(Unopened::Away),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_lasts_two_seconds() {
        let (kick, _opened) = Kick::new();
        let after = |ms| kick.asked + Duration::from_millis(ms);
        assert!(!kick.is_over(after(1_999)));
        assert!(kick.is_over(after(2_000)));
    }

    #[tokio::test]
    async fn who_gets_no_answer_hears_that_it_is_away() {
        let (kick, opened) = Kick::new();
        drop(kick);
        assert_eq!(heard(opened).await, Err(Unopened::Away));
        let (kick, opened) = Kick::new();
        kick.answer(Ok(()));
        assert_eq!(heard(opened).await, Ok(()));
    }
}
