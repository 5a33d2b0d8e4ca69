//! When to fetch the menu: a decision without IO.

use std::time::Duration;

use kiosk_core::wall::WallTime;
use resilience::Moment;

use crate::uplink::Dice;

/// A whole fleet hears of a new menu in the same second.
const SPREAD: Duration = Duration::from_secs(2);
/// When the broker is away, or has been, nobody tells of new menus.
const POLL_UNTOLD: Duration = Duration::from_secs(300);
const POLL_TOLD: Duration = Duration::from_secs(3_600);
const RETRY_FIRST: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(900);

/// How a fetch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fetched {
    /// The cloud said what there is, whether it was new, good or neither.
    Answered,
    /// It did not.
    Failed,
}

/// Decides when the next fetch is due.
#[derive(Debug)]
pub(super) struct Fetching {
    due: Moment,
    failures: u32,
    /// The cloud's time of the newest notice.
    newest: Option<WallTime>,
    told: bool,
    dice: Dice,
}

impl Fetching {
    pub(super) fn new(now: Moment, seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            due: now.plus(dice.below(SPREAD)),
            failures: 0,
            newest: None,
            told: false,
            dice,
        }
    }

    pub(super) fn due(&self) -> Moment {
        self.due
    }

    /// A genuine notice has come; whether it is news.
    pub(super) fn noticed(&mut self, now: Moment, at: WallTime, is_known: bool) -> bool {
        if self.newest.is_some_and(|newest| at <= newest) {
            return false;
        }
        self.newest = Some(at);
        if !is_known && self.failures == 0 {
            self.due = self.due.min(now.plus(self.dice.below(SPREAD)));
        }
        !is_known
    }

    /// The link changed: `told` if the broker would tell of a new menu, `back` if the cloud has
    /// just come back.
    pub(super) fn link_changed(&mut self, now: Moment, told: bool, back: bool) {
        let lost = self.told && !told;
        self.told = told;
        if lost {
            self.due = self.due.min(now.plus(self.pause(POLL_UNTOLD)));
        }
        if back && self.failures > 0 {
            self.due = self.due.min(now.plus(self.dice.below(RETRY_FIRST)));
        }
    }

    pub(super) fn fetched(&mut self, now: Moment, how: Fetched) {
        let wait = match how {
            Fetched::Answered => {
                self.failures = 0;
                let poll = if self.told { POLL_TOLD } else { POLL_UNTOLD };
                self.pause(poll)
            }
            Fetched::Failed => {
                let extra = self.dice.backoff(RETRY_FIRST, self.failures, RETRY_MAX);
                self.failures = self.failures.saturating_add(1);
                RETRY_FIRST / 2 + extra
            }
        };
        self.due = now.plus(wait);
    }

    /// Between three quarters and all of it.
    fn pause(&mut self, whole: Duration) -> Duration {
        whole - self.dice.below(whole / 4)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> WallTime {
        WallTime::from_millis(millis)
    }

    fn settled(told: bool) -> Fetching {
        let mut fetching = Fetching::new(Moment::START, 3);
        fetching.link_changed(Moment::START, told, false);
        fetching.fetched(Moment::START, Fetched::Answered);
        fetching
    }

    #[test]
    fn a_notice_is_followed_soon_but_not_by_all_at_once() {
        let due = |seed| {
            let mut fetching = Fetching::new(Moment::START, seed);
            fetching.fetched(Moment::START, Fetched::Answered);
            assert!(fetching.noticed(Moment::START, at(1), false));
            fetching.due()
        };
        assert!((0..100).all(|seed| due(seed) < Moment::from_secs(2)));
        assert_ne!(due(1), due(2));
    }

    #[test]
    fn an_older_notice_and_one_of_the_menu_in_force_change_nothing() {
        let mut fetching = settled(true);
        let due = fetching.due();
        assert!(!fetching.noticed(Moment::START, at(5), true));
        assert!(!fetching.noticed(Moment::START, at(5), false));
        assert!(!fetching.noticed(Moment::START, at(4), false));
        assert_eq!(fetching.due(), due);
        assert!(fetching.noticed(Moment::START, at(6), false));
    }

    #[test]
    fn a_failure_is_remembered_for_a_while_whatever_notices_say() {
        let mut fetching = settled(true);
        let now = Moment::from_secs(100);
        fetching.fetched(now, Fetched::Failed);
        let due = fetching.due();
        assert!(due >= now.plus(RETRY_FIRST / 2));
        fetching.noticed(now, at(9), false);
        assert_eq!(fetching.due(), due);
        for _ in 0..20 {
            fetching.fetched(now, Fetched::Failed);
            assert!(fetching.due() < now.plus(RETRY_MAX).plus(RETRY_FIRST));
        }
    }

    #[test]
    fn without_a_broker_the_cloud_is_asked_more_often() {
        assert!(settled(false).due() < settled(true).due());
        let mut fetching = settled(true);
        fetching.link_changed(Moment::START, false, false);
        assert!(fetching.due() <= Moment::START.plus(POLL_UNTOLD));
    }

    #[test]
    fn when_the_cloud_is_back_what_failed_is_tried_soon() {
        let mut fetching = settled(true);
        for _ in 0..10 {
            fetching.fetched(Moment::START, Fetched::Failed);
        }
        fetching.link_changed(Moment::START, true, true);
        assert!(fetching.due() < Moment::START.plus(RETRY_FIRST));
    }
}
