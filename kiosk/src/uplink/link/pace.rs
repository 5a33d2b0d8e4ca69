//! How fast a backlog goes out: window, credit, and how long to wait for an ack.

use std::time::Duration;

use super::Transport;
use crate::uplink::dice::Dice;
use crate::uplink::settings::UplinkSettings;

/// Before the first ack was timed: one that comes within half a second is not early.
const FIRST_GUESS: Duration = Duration::from_millis(500);
/// So many expiries in a row make a transport suspect.
const SUSPECT_AFTER: u32 = 3;

/// Slow start and patience, per transport where they differ.
#[derive(Debug)]
pub(super) struct Pace {
    window: u16,
    credit: Option<u16>,
    http: Path,
    mqtt: Path,
}

#[derive(Debug, Default)]
struct Path {
    smoothed: Option<Duration>,
    expiries: u32,
    unsuspected: u32,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self {
            window: 1,
            credit: None,
            http: Path::default(),
            mqtt: Path::default(),
        }
    }

    /// A connection is new: begin slowly.
    pub(super) fn restart(&mut self) {
        self.window = 1;
    }

    /// The cloud said how many frames may be on their way.
    pub(super) fn grant(&mut self, credit: u16) {
        self.credit = Some(credit);
    }

    pub(super) fn credit(&self) -> Option<u16> {
        self.credit
    }

    pub(super) fn on_hold(&self) -> bool {
        self.credit == Some(0)
    }

    /// How many frames of a backlog may be on their way.
    pub(super) fn window(&self) -> usize {
        usize::from(self.window)
    }

    /// How many frames may be on their way in all.
    pub(super) fn total(&self) -> usize {
        self.credit.map_or(usize::MAX, usize::from)
    }

    /// Batches were acked. `sample` is how long one took, unless it was sent more than once: then
    /// nobody knows which sending the ack answers.
    pub(super) fn acked(&mut self, via: Transport, sample: Option<Duration>, most: u16) {
        self.window = self.window.saturating_mul(2).clamp(1, most.max(1));
        let path = self.path(via);
        path.expiries = 0;
        path.unsuspected = 0;
        if let Some(sample) = sample {
            path.smoothed = Some(
                path.smoothed
                    .map_or(sample, |smoothed| smoothed * 7 / 8 + sample / 8),
            );
        }
    }

    /// An ack did not come in time. Whether that makes the transport suspect.
    pub(super) fn expired(&mut self, via: Transport) -> bool {
        self.window = 1;
        let path = self.path(via);
        path.expiries = path.expiries.saturating_add(1);
        path.unsuspected += 1;
        let suspect = path.unsuspected == SUSPECT_AFTER;
        if suspect {
            path.unsuspected = 0;
        }
        suspect
    }

    /// How long to wait for the next ack: four times what they take, and longer, by chance, the
    /// more often that was not enough.
    pub(super) fn ack_wait(
        &mut self,
        via: Transport,
        settings: &UplinkSettings,
        dice: &mut Dice,
    ) -> Duration {
        let path = self.path(via);
        let (least, most) = settings.ack_wait;
        let base = (path.smoothed.unwrap_or(FIRST_GUESS) * 4).clamp(least, most.max(least));
        let whole = base
            .saturating_mul(1 << path.expiries.min(20))
            .min(settings.ack_wait_max)
            .max(base);
        base + dice.below(whole - base)
    }

    fn path(&mut self, via: Transport) -> &mut Path {
        match via {
            Transport::Http => &mut self.http,
            Transport::Mqtt => &mut self.mqtt,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_for_an_ack_follows_what_acks_take_within_bounds() {
        let (mut pace, mut dice) = (Pace::new(), Dice::new(1));
        let settings = UplinkSettings::default();
        let mut wait = |pace: &mut Pace| pace.ack_wait(Transport::Mqtt, &settings, &mut dice);
        assert_eq!(wait(&mut pace), Duration::from_secs(2));
        pace.acked(Transport::Mqtt, Some(Duration::from_secs(3)), 4);
        assert_eq!(wait(&mut pace), Duration::from_secs(12));
        pace.acked(Transport::Mqtt, Some(Duration::from_secs(300)), 4);
        assert_eq!(wait(&mut pace), Duration::from_secs(60));
        for _ in 0..40 {
            pace.expired(Transport::Mqtt);
        }
        let backed_off = wait(&mut pace);
        assert!(backed_off >= Duration::from_secs(60) && backed_off < Duration::from_secs(300));
    }

    #[test]
    fn every_third_expiry_in_a_row_makes_a_transport_suspect() {
        let mut pace = Pace::new();
        let suspect: Vec<bool> = (0..6).map(|_| pace.expired(Transport::Http)).collect();
        assert_eq!(suspect, [false, false, true, false, false, true]);
        pace.acked(Transport::Http, None, 4);
        assert!(!pace.expired(Transport::Http));
    }
}
