//! The feed: what screens hear of, numbered so that one that was away resumes without a gap.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

/// Items kept for those who come back; who was away longer is told to load anew.
const KEPT: usize = 2_048;
/// How far the ids of one run lie from those of the next.
const RUN: u64 = 1 << 32;

/// One item of the feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its number; grows by one.
    pub id: u64,
    /// `order`, `menu`, `status`, `presence` or `scan`.
    pub kind: &'static str,
    /// JSON.
    pub data: String,
    /// For whom, if not for everybody.
    pub only: Option<Only>,
}

/// An item for those alone who are there now and stand at one terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Only {
    /// The terminal; empty for the screen without a name.
    pub terminal: String,
    /// When it is of no more use, in monotonic time: a code belongs to the diner who has scanned it.
    pub until: Duration,
}

impl Item {
    /// Whether whoever listens for `terminal`, or for none, is told of it at `now`.
    #[must_use]
    pub fn is_for(&self, terminal: Option<&str>, now: Duration) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| terminal == Some(only.terminal.as_str()) && now < only.until)
    }
}

/// The latest items, and a wake-up for those who wait for the next.
pub struct Feed {
    kept: Mutex<VecDeque<Item>>,
    latest: watch::Sender<u64>,
}

/// What a screen gets that resumes.
#[derive(Debug, PartialEq, Eq)]
pub enum Resumed {
    /// What it missed, in order.
    Items(Vec<Item>),
    /// It was away too long, or the kiosk has started anew: load everything again.
    Reset,
}

impl Feed {
    /// A feed whose ids are those of the `run`-th run and never of another.
    #[must_use]
    pub fn new(run: u64) -> Self {
        let (latest, _) = watch::channel(run.saturating_mul(RUN));
        Self {
            kept: Mutex::new(VecDeque::with_capacity(KEPT)),
            latest,
        }
    }

    /// Adds an item.
    pub fn push(&self, kind: &'static str, data: String) {
        self.push_only(kind, data, None);
    }

    /// Adds an item that perhaps is not for everybody.
    pub fn push_only(&self, kind: &'static str, data: String, only: Option<Only>) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let id = *self.latest.borrow() + 1;
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(Item {
            id,
            kind,
            data,
            only,
        });
        self.latest.send_replace(id);
    }

    /// The number of the latest item, and news of the next.
    #[must_use]
    pub fn latest(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// What came after the item `after`.
    #[must_use]
    pub fn after(&self, after: u64) -> Resumed {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = *self.latest.borrow();
        let oldest = kept.front().map_or(latest + 1, |item| item.id);
        if after > latest || after + 1 < oldest {
            return Resumed::Reset;
        }
        Resumed::Items(
            kept.iter()
                .filter(|item| item.id > after)
                .cloned()
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_away_gets_what_was_missed_in_order() {
        let feed = Feed::new(3);
        let start = *feed.latest().borrow();
        for n in 0..3 {
            feed.push("order", n.to_string());
        }
        let Resumed::Items(items) = feed.after(start + 1) else {
            panic!("no gap")
        };
        let data: Vec<_> = items.iter().map(|item| item.data.as_str()).collect();
        assert_eq!(data, ["1", "2"]);
        assert_eq!(feed.after(start + 3), Resumed::Items(Vec::new()));
    }

    #[test]
    fn a_code_is_told_to_who_stands_there_now_and_to_nobody_later() {
        let feed = Feed::new(3);
        let start = *feed.latest().borrow();
        let only = Only {
            terminal: "front".to_owned(),
            until: Duration::from_secs(5),
        };
        feed.push_only("scan", "{}".to_owned(), Some(only));
        let Resumed::Items(items) = feed.after(start) else {
            panic!("no gap")
        };
        let at = Duration::from_secs;
        assert!(items[0].is_for(Some("front"), at(4)));
        assert!(!items[0].is_for(Some("front"), at(5)), "the diner has left");
        assert!(!items[0].is_for(Some("back"), at(4)));
        assert!(!items[0].is_for(None, at(4)), "staff's screens and others");
    }

    #[test]
    fn who_was_away_too_long_or_over_a_restart_loads_anew() {
        let feed = Feed::new(3);
        let start = *feed.latest().borrow();
        for n in 0..=KEPT {
            feed.push("order", n.to_string());
        }
        assert_eq!(feed.after(start), Resumed::Reset);
        assert!(matches!(feed.after(start + 1), Resumed::Items(_)));
        let restarted = Feed::new(4);
        assert_eq!(restarted.after(start + 1), Resumed::Reset);
        assert_eq!(feed.after(*restarted.latest().borrow()), Resumed::Reset);
    }
}
