//! When to fetch something that the broker also tells of: a decision without IO.

use std::time::Duration;

use resilience::Moment;

use crate::uplink::Dice;

/// A whole fleet hears of news in the same second.
const SPREAD: Duration = Duration::from_secs(2);
const RETRY_FIRST: Duration = Duration::from_secs(10);
const RETRY_MAX: Duration = Duration::from_secs(900);

/// How often to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    /// When the broker is away, or has been: nobody tells of news.
    untold: Duration,
    /// When the broker tells.
    told: Duration,
}

impl Pace {
    /// A menu is large, and seldom new.
    pub(super) const MENU: Self = Self {
        untold: Duration::from_secs(300),
        told: Duration::from_secs(3_600),
    };
    /// A switch is turned because something is wrong now; an answer is a few bytes.
    pub(super) const NOTICES: Self = Self {
        untold: Duration::from_secs(20),
        told: Duration::from_secs(900),
    };
}

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
    pace: Pace,
    due: Moment,
    failures: u32,
    /// The version of the latest notice.
    announced: Option<String>,
    told: bool,
    dice: Dice,
}

impl Fetching {
    pub(super) fn new(now: Moment, seed: u64, pace: Pace) -> Self {
        let mut dice = Dice::new(seed);
        Self {
            pace,
            due: now.plus(dice.below(SPREAD)),
            failures: 0,
            announced: None,
            told: false,
            dice,
        }
    }

    pub(super) fn due(&self) -> Moment {
        self.due
    }

    /// A genuine notice has come; whether it is news. Its date says nothing: headquarters' clock may
    /// have been set back since, and an old notice that comes again costs one question.
    pub(super) fn noticed(&mut self, now: Moment, version: &str, in_force: &str) -> bool {
        let again = self.announced.as_deref() == Some(version);
        self.announced = Some(version.to_owned());
        let is_news = !again && version != in_force;
        if is_news {
            self.soon(now);
        }
        is_news
    }

    /// There may be news; unless the last fetch failed, which has its own wait.
    pub(super) fn soon(&mut self, now: Moment) {
        if self.failures == 0 {
            self.due = self.due.min(now.plus(self.dice.below(SPREAD)));
        }
    }

    /// The link changed: `told` if the broker would tell of a new menu, `back` if the cloud has
    /// just come back.
    pub(super) fn link_changed(&mut self, now: Moment, told: bool, back: bool) {
        let lost = self.told && !told;
        self.told = told;
        if lost {
            self.due = self.due.min(now.plus(self.pause(self.pace.untold)));
        }
        if back && self.failures > 0 {
            self.due = self.due.min(now.plus(self.dice.below(RETRY_FIRST)));
        }
    }

    /// The machine slept so long while the clock of waits stood still: what is overdue is due, spread
    /// like any news, for a power failure puts a whole street to sleep.
    pub(super) fn slept(&mut self, now: Moment, slept: Duration) {
        let rest = self.due.since(now);
        let left = rest.saturating_sub(slept);
        if left.is_zero() && !rest.is_zero() {
            self.due = self.due.min(now.plus(self.dice.below(SPREAD)));
        } else {
            self.due = now.plus(left);
        }
    }

    pub(super) fn fetched(&mut self, now: Moment, how: Fetched) {
        let wait = match how {
            Fetched::Answered => {
                self.failures = 0;
                let poll = if self.told {
                    self.pace.told
                } else {
                    self.pace.untold
                };
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

    fn settled(told: bool) -> Fetching {
        let mut fetching = Fetching::new(Moment::START, 3, Pace::MENU);
        fetching.link_changed(Moment::START, told, false);
        fetching.fetched(Moment::START, Fetched::Answered);
        fetching
    }

    #[test]
    fn a_notice_is_followed_soon_but_not_by_all_at_once() {
        let due = |seed| {
            let mut fetching = Fetching::new(Moment::START, seed, Pace::MENU);
            fetching.fetched(Moment::START, Fetched::Answered);
            assert!(fetching.noticed(Moment::START, "new", "old"));
            fetching.due()
        };
        assert!((0..100).all(|seed| due(seed) < Moment::from_secs(2)));
        assert_ne!(due(1), due(2));
    }

    #[test]
    fn a_notice_of_the_menu_in_force_and_one_that_comes_again_change_nothing() {
        let mut fetching = settled(true);
        let due = fetching.due();
        assert!(!fetching.noticed(Moment::START, "b", "b"));
        assert_eq!(fetching.due(), due);
        assert!(fetching.noticed(Moment::START, "c", "b"));
        fetching.fetched(Moment::START, Fetched::Answered);
        // It could not be used, say: the broker's retained copy is no reason to ask again.
        let due = fetching.due();
        assert!(!fetching.noticed(Moment::START, "c", "b"));
        assert_eq!(fetching.due(), due);
    }

    #[test]
    fn going_back_to_an_earlier_menu_is_news_whatever_the_clocks_say() {
        let mut fetching = settled(true);
        assert!(fetching.noticed(Moment::START, "b", "a"));
        assert!(fetching.noticed(Moment::START, "a", "b"));
    }

    #[test]
    fn a_failure_is_remembered_for_a_while_whatever_notices_say() {
        let mut fetching = settled(true);
        let now = Moment::from_secs(100);
        fetching.fetched(now, Fetched::Failed);
        let due = fetching.due();
        assert!(due >= now.plus(RETRY_FIRST / 2));
        fetching.noticed(now, "new", "old");
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
        assert!(fetching.due() <= Moment::START.plus(Pace::MENU.untold));
    }

    #[test]
    fn after_a_sleep_what_is_overdue_is_fetched_soon_and_the_rest_earlier() {
        let mut fetching = settled(true);
        let due = fetching.due();
        fetching.slept(Moment::from_secs(1), Duration::from_secs(60));
        assert_eq!(fetching.due(), due.minus(Duration::from_secs(60)));
        fetching.slept(Moment::from_secs(2), Duration::from_secs(8 * 3_600));
        assert!(fetching.due() < Moment::from_secs(2).plus(SPREAD));
        let due = fetching.due();
        fetching.slept(due, Duration::from_secs(9));
        assert_eq!(fetching.due(), due);
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
