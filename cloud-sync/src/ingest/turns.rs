//! Whose turn it is: pure, and the same for every way in.
//!
//! Two lanes stand side by side, each with places of its own, so that neither takes the other's: new
//! orders never wait for somebody's backlog, and a backlog moves however much is sold. In a lane kiosks
//! take turns by deficit round robin: each may have as many events taken in per round as a full frame
//! holds, whether it sends them in one frame or in many, and however many it has sent.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

use cloud_sync_wire::frame::EVENTS_LIMIT;

/// What a kiosk may have taken in per round.
const QUANTUM: usize = EVENTS_LIMIT;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// What was sold just now.
    Live,
    /// What has waited, and can wait a little more.
    Backlog,
}

impl Lane {
    pub(crate) const ALL: [Self; 2] = [Self::Live, Self::Backlog];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Backlog => "backlog",
        }
    }
}

/// Names one that waits or has its turn.
pub(crate) type Ticket = u64;

/// Who waits and who has a turn.
#[derive(Debug)]
pub(crate) struct Turns<K> {
    next: Ticket,
    live: Round<K>,
    backlog: Round<K>,
}

impl<K: Clone + Eq + Hash> Turns<K> {
    /// With so many places in each lane.
    pub(crate) fn new(live: usize, backlog: usize) -> Self {
        Self {
            next: 0,
            live: Round::new(live),
            backlog: Round::new(backlog),
        }
    }

    fn round(&mut self, lane: Lane) -> &mut Round<K> {
        match lane {
            Lane::Live => &mut self.live,
            Lane::Backlog => &mut self.backlog,
        }
    }

    /// Somebody comes, with so many events.
    pub(crate) fn arrive(&mut self, lane: Lane, key: K, events: usize) -> Ticket {
        let ticket = self.next;
        self.next += 1;
        self.round(lane).add(key, ticket, events);
        ticket
    }

    /// Who is next, if a place is free; it is taken by that.
    pub(crate) fn call(&mut self, lane: Lane) -> Option<Ticket> {
        self.round(lane).call()
    }

    /// A turn is over.
    pub(crate) fn leave(&mut self, lane: Lane) {
        let round = self.round(lane);
        round.free = (round.free + 1).min(round.places);
    }

    /// Somebody who waited does so no longer; false if it had been called.
    pub(crate) fn give_up(&mut self, lane: Lane, key: &K, ticket: Ticket) -> bool {
        self.round(lane).remove(key, ticket)
    }

    pub(crate) fn waiting(&self, lane: Lane) -> usize {
        match lane {
            Lane::Live => self.live.waiting,
            Lane::Backlog => self.backlog.waiting,
        }
    }
}

#[derive(Debug)]
struct Round<K> {
    places: usize,
    free: usize,
    waiting: usize,
    lines: HashMap<K, Line>,
    /// Those with a line; the first is served until its share of the round is used up.
    order: VecDeque<K>,
}

#[derive(Debug, Default)]
struct Line {
    tickets: VecDeque<(Ticket, usize)>,
    /// Events that it may still have taken in before the others' turn.
    share: usize,
}

impl<K: Clone + Eq + Hash> Round<K> {
    fn new(places: usize) -> Self {
        let places = places.max(1);
        Self {
            places,
            free: places,
            waiting: 0,
            lines: HashMap::new(),
            order: VecDeque::new(),
        }
    }

    fn add(&mut self, key: K, ticket: Ticket, events: usize) {
        self.waiting += 1;
        let line = self.lines.entry(key.clone()).or_insert_with(|| {
            self.order.push_back(key);
            Line {
                tickets: VecDeque::new(),
                share: QUANTUM,
            }
        });
        // No frame holds more than a round's share, so that each round serves each kiosk.
        line.tickets.push_back((ticket, events.clamp(1, QUANTUM)));
    }

    fn call(&mut self) -> Option<Ticket> {
        if self.free == 0 {
            return None;
        }
        while let Some(key) = self.order.pop_front() {
            let Some(line) = self.lines.get_mut(&key) else {
                continue;
            };
            let first = line.tickets.front().copied();
            let Some((ticket, events)) = first else {
                self.lines.remove(&key);
                continue;
            };
            if events > line.share {
                line.share += QUANTUM;
                self.order.push_back(key);
                continue;
            }
            line.share -= events;
            line.tickets.pop_front();
            if line.tickets.is_empty() {
                self.lines.remove(&key);
            } else {
                self.order.push_front(key);
            }
            self.free -= 1;
            self.waiting -= 1;
            return Some(ticket);
        }
        None
    }

    fn remove(&mut self, key: &K, ticket: Ticket) -> bool {
        let Some(line) = self.lines.get_mut(key) else {
            return false;
        };
        let before = line.tickets.len();
        line.tickets.retain(|(waiting, _)| *waiting != ticket);
        let removed = line.tickets.len() < before;
        if removed {
            self.waiting -= 1;
        }
        // An empty line goes when its turn comes.
        removed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Calls and ends one turn after the other; who was served, in order.
    fn served(turns: &mut Turns<u8>, lane: Lane, whose: &HashMap<Ticket, u8>) -> Vec<u8> {
        let mut order = Vec::new();
        while let Some(ticket) = turns.call(lane) {
            order.push(whose[&ticket]);
            turns.leave(lane);
        }
        order
    }

    #[test]
    fn a_live_frame_has_a_place_however_long_the_backlog_is() {
        let mut turns = Turns::new(1, 2);
        for kiosk in 0..100 {
            turns.arrive(Lane::Backlog, kiosk, 64);
        }
        assert!(turns.call(Lane::Backlog).is_some() && turns.call(Lane::Backlog).is_some());
        assert_eq!(turns.call(Lane::Backlog), None);
        let live = turns.arrive(Lane::Live, 200, 1);
        assert_eq!(turns.call(Lane::Live), Some(live));
        // And the other way round.
        turns.arrive(Lane::Live, 201, 1);
        assert_eq!(turns.call(Lane::Live), None);
        turns.leave(Lane::Backlog);
        assert!(turns.call(Lane::Backlog).is_some());
    }

    #[test]
    fn a_kiosk_with_many_frames_waits_for_one_with_a_single_frame() {
        let mut turns = Turns::new(1, 1);
        let mut whose = HashMap::new();
        for _ in 0..50 {
            whose.insert(turns.arrive(Lane::Backlog, 1, 64), 1);
        }
        whose.insert(turns.arrive(Lane::Backlog, 2, 64), 2);
        let order = served(&mut turns, Lane::Backlog, &whose);
        assert_eq!(order.iter().position(|kiosk| *kiosk == 2), Some(1));
        assert_eq!(order.len(), 51);
    }

    #[test]
    fn whoever_gives_up_takes_nobodys_turn() {
        let mut turns = Turns::new(1, 1);
        let first = turns.arrive(Lane::Backlog, 1, 64);
        let second = turns.arrive(Lane::Backlog, 2, 64);
        assert!(turns.give_up(Lane::Backlog, &1, first));
        assert!(!turns.give_up(Lane::Backlog, &1, first));
        assert_eq!(turns.call(Lane::Backlog), Some(second));
        assert!(!turns.give_up(Lane::Backlog, &2, second));
        assert_eq!(
            (turns.waiting(Lane::Backlog), turns.call(Lane::Backlog)),
            (0, None)
        );
    }

    proptest! {
        /// Whatever waits: all are served once, each kiosk's own in order, and while two kiosks both
        /// wait, neither is ahead of the other by more than two frames' events.
        #[test]
        fn turns_are_fair_and_nobody_is_left_out(
            frames in prop::collection::vec((0_u8..6, 1_usize..=64), 1..120),
        ) {
            let mut turns = Turns::new(1, 1);
            let mut sent = HashMap::new();
            for (kiosk, events) in &frames {
                sent.insert(turns.arrive(Lane::Backlog, *kiosk, *events), (*kiosk, *events));
            }
            let mut left: HashMap<u8, usize> = HashMap::new();
            for (kiosk, _) in &frames {
                *left.entry(*kiosk).or_default() += 1;
            }
            let mut taken: HashMap<u8, usize> = HashMap::new();
            let mut last: HashMap<u8, Ticket> = HashMap::new();
            for _ in 0..frames.len() {
                let ticket = turns.call(Lane::Backlog).unwrap();
                turns.leave(Lane::Backlog);
                let (kiosk, events) = sent.remove(&ticket).unwrap();
                prop_assert!(last.insert(kiosk, ticket).is_none_or(|before| before < ticket));
                *taken.entry(kiosk).or_default() += events;
                *left.entry(kiosk).or_default() -= 1;
                let waiting = left.iter().filter(|(_, left)| **left > 0);
                let of = |kiosk: &u8| taken.get(kiosk).copied().unwrap_or(0);
                let taken: Vec<usize> = waiting.map(|(kiosk, _)| of(kiosk)).collect();
                let (most, least) = (taken.iter().max(), taken.iter().min());
                if let (Some(most), Some(least)) = (most, least) {
                    prop_assert!(most - least <= 2 * QUANTUM, "{taken:?}");
                }
            }
            prop_assert_eq!(turns.waiting(Lane::Backlog), 0);
            prop_assert_eq!(turns.call(Lane::Backlog), None);
        }
    }
}
