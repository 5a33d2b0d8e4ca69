//! Calls for staff from diners' terminals.
//!
//! A call is a wish of this moment, not a fact about an order: it lives in memory and in the browser
//! that made it. The terminal names its call, so that it can be made again after a lost answer or a
//! restart of the kiosk and stays one call. Time is an argument; [`Help`] is what the screens share.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kiosk_core::wall::WallTime;
use serde::Serialize;
use uuid::Uuid;

/// Nobody comes any more after this time, whether or not somebody said so.
const LAPSE: Duration = Duration::from_secs(30 * 60);
/// More calls than a store has terminals are somebody's mischief.
const MOST: usize = 64;

/// One diner who wants somebody to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Given by the terminal; knowing it is the right to take the call back.
    pub id: Uuid,
    /// Where it came from, if the terminal has a name.
    pub terminal: Option<String>,
    /// Since when.
    pub since: WallTime,
    /// Whether somebody of the staff has said that they are coming.
    pub answered: bool,
}

/// There are too many calls already.
#[derive(Debug, PartialEq, Eq)]
pub struct TooMany;

/// All calls, oldest first.
#[derive(Debug, Default)]
pub struct Calls {
    kept: Vec<(Duration, Call)>,
}

impl Calls {
    /// Makes a call, or finds it made already; says whether it is new. A named terminal has one call:
    /// a diner who calls where another called before takes the former one's place.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn call(
        &mut self,
        id: Uuid,
        terminal: Option<String>,
        since: WallTime,
        now: Duration,
    ) -> Result<(Call, bool), TooMany> {
        self.lapse(now);
        if let Some(known) = self.find(id) {
            return Ok((known.clone(), false));
        }
        if terminal.is_some() {
            self.kept.retain(|(_, call)| call.terminal != terminal);
        }
        if self.kept.len() >= MOST {
            return Err(TooMany);
        }
        let call = Call {
            id,
            terminal,
            since,
            answered: false,
        };
        self.kept.push((now, call.clone()));
        Ok((call, true))
    }

    /// Somebody is coming; none if there is no such call. Said twice it is said once.
    pub fn answer(&mut self, id: Uuid, now: Duration) -> Option<Call> {
        self.lapse(now);
        let (_, call) = self.kept.iter_mut().find(|(_, call)| call.id == id)?;
        call.answered = true;
        Some(call.clone())
    }

    /// The diner needs nobody any more; gives what was taken back.
    pub fn withdraw(&mut self, id: Uuid) -> Option<Call> {
        let at = self.kept.iter().position(|(_, call)| call.id == id)?;
        Some(self.kept.remove(at).1)
    }

    /// One call.
    pub fn get(&mut self, id: Uuid, now: Duration) -> Option<Call> {
        self.lapse(now);
        self.find(id).cloned()
    }

    /// Those to whom nobody is coming yet, the one who waits longest first.
    pub fn waiting(&mut self, now: Duration) -> Vec<Call> {
        self.lapse(now);
        let waiting = self.kept.iter().filter(|(_, call)| !call.answered);
        waiting.map(|(_, call)| call.clone()).collect()
    }

    fn find(&self, id: Uuid) -> Option<&Call> {
        let mut calls = self.kept.iter().map(|(_, call)| call);
        calls.find(|call| call.id == id)
    }

    fn lapse(&mut self, now: Duration) {
        self.kept
            .retain(|(made, _)| now.saturating_sub(*made) < LAPSE);
    }
}

/// The calls of a running kiosk.
#[derive(Debug, Default)]
pub struct Help(Mutex<Calls>);

impl Help {
    /// Does something with the calls.
    pub fn with<T>(&self, act: impl FnOnce(&mut Calls) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at() -> WallTime {
        WallTime::from_millis(1_795_168_200_000)
    }

    fn id(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn secs(n: u64) -> Duration {
        Duration::from_secs(n)
    }

    fn window() -> String {
        "window".to_owned()
    }

    #[test]
    fn a_call_made_twice_is_one_and_keeps_its_answer() {
        let mut calls = Calls::default();
        assert!(calls.call(id(1), Some(window()), at(), secs(1)).unwrap().1);
        calls.answer(id(1), secs(2)).unwrap();
        let (again, new) = calls.call(id(1), Some(window()), at(), secs(3)).unwrap();
        assert!(again.answered && !new);
        assert_eq!(calls.waiting(secs(3)), []);
    }

    #[test]
    fn a_named_terminal_has_one_call_and_nameless_ones_do_not_push_each_other_out() {
        let mut calls = Calls::default();
        for (n, terminal) in [Some(window()), Some(window()), None, None]
            .into_iter()
            .enumerate()
        {
            let n = u128::try_from(n).unwrap();
            calls.call(id(n), terminal, at(), secs(1)).unwrap();
        }
        let ids: Vec<_> = calls.waiting(secs(1)).iter().map(|call| call.id).collect();
        assert_eq!(ids, [id(1), id(2), id(3)]);
    }

    #[test]
    fn what_nobody_answered_lapses_and_what_nobody_made_is_not_answered() {
        let mut calls = Calls::default();
        calls.call(id(1), None, at(), secs(0)).unwrap();
        assert_eq!(calls.waiting(LAPSE - secs(1)).len(), 1);
        assert_eq!(calls.waiting(LAPSE), []);
        assert_eq!(calls.answer(id(1), LAPSE), None);
        assert_eq!(calls.withdraw(id(2)), None);
    }

    #[test]
    fn a_flood_of_calls_is_refused_and_a_call_taken_back_makes_room() {
        let mut calls = Calls::default();
        for n in 0..MOST {
            let n = u128::try_from(n).unwrap();
            calls.call(id(n), None, at(), secs(1)).unwrap();
        }
        assert_eq!(calls.call(id(999), None, at(), secs(1)), Err(TooMany));
        assert!(calls.call(id(5), None, at(), secs(1)).is_ok());
        assert!(calls.withdraw(id(5)).is_some());
        assert!(calls.call(id(999), None, at(), secs(1)).is_ok());
    }
}
