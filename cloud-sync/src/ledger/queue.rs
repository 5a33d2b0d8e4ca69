//! What waits for a writer, and which of it goes into the next commit.
//!
//! What is due soon goes ahead of what may wait, in a commit of its own, and has a commit that is
//! being made cut short: a new order waits for no more than one frame of a backlog. So that backlogs
//! move all the same, every fourth commit begins with one, and all do that nothing else needs.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::work::Work;
use super::{Due, LedgerError, Reach};

/// Pieces of work in one commit: enough to make a commit's fsync cheap, few enough that the first
/// of them doesn't wait for long.
const GROUP: usize = 64;
/// Events of backlogs in one commit, but for the last frame's.
const EVENTS: usize = 512;
/// Commits of what is due soon while something else waits.
const AHEAD: usize = 3;

/// A piece of work on its way to a writer.
pub(super) struct Piece {
    pub(super) due: Due,
    pub(super) reach: Reach,
    pub(super) work: Box<dyn Work>,
}

/// The queue of one writer. Clones share it.
#[derive(Clone)]
pub(super) struct Queue(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    soon: VecDeque<Piece>,
    in_turn: VecDeque<Piece>,
    /// Commits of what is due soon since something else had one.
    ahead: usize,
    closed: bool,
}

impl Queue {
    /// In which so many pieces of either kind may wait.
    pub(super) fn new(most: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            changed: Condvar::new(),
            most,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// [`LedgerError::Busy`] if too much waits, [`LedgerError::Closed`].
    pub(super) fn push(&self, piece: Piece) -> Result<(), LedgerError> {
        let mut state = self.lock();
        if state.closed {
            return Err(LedgerError::Closed);
        }
        let queue = match piece.due {
            Due::Soon => &mut state.soon,
            Due::InTurn(_) => &mut state.in_turn,
        };
        if queue.len() >= self.0.most {
            return Err(LedgerError::Busy);
        }
        queue.push_back(piece);
        self.0.changed.notify_one();
        Ok(())
    }

    /// Waits for the next commit's work; none when the queue was closed and is empty.
    pub(super) fn group(&self) -> Option<Vec<Piece>> {
        let mut state = self.lock();
        loop {
            let group = state.group();
            if !group.is_empty() {
                return Some(group);
            }
            if state.closed {
                return None;
            }
            let waited = self.0.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether a commit of this piece and others is to be made without the others, because something
    /// came meanwhile that is due sooner.
    pub(super) fn cuts_short(&self, after: Due) -> bool {
        matches!(after, Due::InTurn(_)) && !self.lock().soon.is_empty()
    }

    /// Takes back what a commit was made without, to go first into the next one of its kind.
    pub(super) fn take_back(&self, pieces: Vec<Piece>) {
        let mut state = self.lock();
        for piece in pieces.into_iter().rev() {
            match piece.due {
                Due::Soon => state.soon.push_front(piece),
                Due::InTurn(_) => state.in_turn.push_front(piece),
            }
        }
    }

    /// How full the fuller half is, from 0 (empty) to 100.
    pub(super) fn load(&self) -> usize {
        let state = self.lock();
        let waiting = state.soon.len().max(state.in_turn.len());
        (waiting * 100 / self.0.most).min(100)
    }

    /// How much waits of what is due soon, and of the rest.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> (usize, usize) {
        let state = self.lock();
        (state.soon.len(), state.in_turn.len())
    }

    /// Nothing more comes; what waits is still given out.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_one();
    }
}

impl State {
    fn group(&mut self) -> Vec<Piece> {
        let others = !self.in_turn.is_empty();
        let others_turn = others && self.ahead >= AHEAD;
        if !self.soon.is_empty() && !others_turn {
            self.ahead = if others { self.ahead + 1 } else { 0 };
            let pieces = self.soon.len().min(GROUP);
            return self.soon.drain(..pieces).collect();
        }
        self.ahead = 0;
        let mut events = 0;
        let mut group = Vec::new();
        while events < EVENTS
            && group.len() < GROUP
            && let Some(piece) = self.in_turn.pop_front()
        {
            events += match piece.due {
                Due::Soon => 1,
                Due::InTurn(events) => events.max(1),
            };
            group.push(piece);
        }
        group
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::work;

    fn push(queue: &Queue, due: Due) {
        let (work, _) = work::piece(|_| Ok(()));
        let reach = Reach::All;
        queue.push(Piece { due, reach, work }).unwrap();
    }

    fn next(queue: &Queue) -> Vec<Due> {
        let group = queue.group().unwrap();
        group.into_iter().map(|piece| piece.due).collect()
    }

    #[test]
    fn what_is_due_soon_goes_ahead_and_in_a_commit_of_its_own() {
        let queue = Queue::new(100);
        for _ in 0..20 {
            push(&queue, Due::InTurn(64));
        }
        push(&queue, Due::Soon);
        assert_eq!(next(&queue), [Due::Soon]);
        assert_eq!(next(&queue), [Due::InTurn(64); 8]);
        push(&queue, Due::Soon);
        assert_eq!(next(&queue), [Due::Soon]);
    }

    #[test]
    fn every_fourth_commit_is_a_backlogs_however_much_is_sold() {
        let queue = Queue::new(100);
        for _ in 0..16 {
            push(&queue, Due::InTurn(64));
        }
        let mut commits = Vec::new();
        for _ in 0..8 {
            push(&queue, Due::Soon);
            commits.push(next(&queue).contains(&Due::InTurn(64)));
        }
        let backlog = [false, false, false, true];
        assert_eq!(commits, [backlog, backlog].concat());
    }

    #[test]
    fn what_comes_meanwhile_cuts_a_commit_short_and_the_rest_keeps_its_place() {
        let queue = Queue::new(100);
        for events in [1, 2, 3] {
            push(&queue, Due::InTurn(events));
        }
        let mut group = queue.group().unwrap();
        assert!(!queue.cuts_short(Due::InTurn(1)));
        push(&queue, Due::Soon);
        assert!(queue.cuts_short(Due::InTurn(1)) && !queue.cuts_short(Due::Soon));
        queue.take_back(group.split_off(1));
        push(&queue, Due::InTurn(4));
        assert_eq!(next(&queue), [Due::Soon]);
        assert_eq!(next(&queue), [2, 3, 4].map(Due::InTurn));
    }

    #[test]
    fn a_full_half_refuses_and_the_other_does_not() {
        let queue = Queue::new(2);
        push(&queue, Due::InTurn(1));
        push(&queue, Due::InTurn(1));
        let (work, _) = work::piece(|_| Ok(()));
        let (due, reach) = (Due::InTurn(1), Reach::All);
        let refused = queue.push(Piece { due, reach, work });
        assert!(matches!(refused, Err(LedgerError::Busy)));
        push(&queue, Due::Soon);
        assert_eq!(queue.load(), 100);
    }

    #[test]
    fn a_closed_queue_gives_out_what_waits_and_then_ends() {
        let queue = Queue::new(2);
        push(&queue, Due::InTurn(1));
        queue.close();
        assert_eq!(next(&queue).len(), 1);
        assert!(queue.group().is_none());
    }
}
