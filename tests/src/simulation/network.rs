//! What becomes of a message: lost, late, twice, in any order.

use std::time::Duration;

use crate::dice::Dice;

/// The line between one kiosk and the rest of the world.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// Of a thousand messages so many are lost, and as many come twice.
    pub(super) bad: u64,
    /// Nothing gets out.
    pub(super) deaf_up: bool,
    /// Nothing gets in.
    pub(super) deaf_down: bool,
    /// Calls are turned away at once.
    pub(super) refuses: bool,
    /// The most a message takes.
    pub(super) latency: Duration,
}

impl Default for Line {
    fn default() -> Self {
        Self {
            bad: 0,
            deaf_up: false,
            deaf_down: false,
            refuses: false,
            latency: Duration::from_millis(80),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Up,
    Down,
}

impl Line {
    /// After which time each copy of a message arrives; none if it is lost.
    pub(super) fn carry(&self, way: Way, dice: &mut Dice) -> Vec<Duration> {
        let deaf = match way {
            Way::Up => self.deaf_up,
            Way::Down => self.deaf_down,
        };
        let (lost, doubled) = (dice.below(1000) < self.bad, dice.below(1000) < self.bad);
        let copies = match (deaf || lost, doubled) {
            (true, _) => 0,
            (false, true) => 2,
            (false, false) => 1,
        };
        (0..copies).map(|_| self.trip(dice)).collect()
    }

    fn trip(&self, dice: &mut Dice) -> Duration {
        let most = u64::try_from(self.latency.as_micros()).unwrap_or(u64::MAX);
        Duration::from_micros(most / 8 + dice.below(most))
    }
}
