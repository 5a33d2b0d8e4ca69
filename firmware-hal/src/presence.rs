//! Knows whether somebody stands before the kiosk.
//!
//! Sensors flicker: a person steps from one foot to the other, a waiter passes by. [`Presence`] turns what
//! a sensor sees now into arrivals and departures; it is the same for every sensor. [`PinSensor`] is a
//! sensor with a digital output (passive infrared, radar, light barrier); for a distance see
//! [`crate::distance`].

use embedded_hal::digital::{ErrorKind, InputPin};

/// How long something must be seen, or not seen, before it counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Timing {
    /// Seen without a break for so many milliseconds: somebody has arrived.
    pub arrive_ms: u32,
    /// Not seen for so many milliseconds: they have left.
    pub leave_ms: u32,
}

impl Default for Timing {
    /// Half a second to arrive, so that passers-by don't count; five seconds to leave, because a person
    /// who reads a menu stands still, and infrared sensors see movement only.
    fn default() -> Self {
        Self {
            arrive_ms: 500,
            leave_ms: 5_000,
        }
    }
}

/// What has happened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Change {
    /// Somebody stands before the kiosk.
    Arrived,
    /// Nobody does any more.
    Left,
}

/// Turns flickering observations into arrivals and departures.
#[derive(Clone, Copy, Debug)]
pub struct Presence {
    timing: Timing,
    present: bool,
    /// Since when the observations have contradicted `present`.
    otherwise: Option<u32>,
}

impl Presence {
    /// Nobody is there yet.
    #[must_use]
    pub const fn new(timing: Timing) -> Self {
        Self {
            timing,
            present: false,
            otherwise: None,
        }
    }

    /// Whether somebody is there.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        self.present
    }

    /// Forgets the beginning of a change, for whoever starts to count time anew.
    #[cfg(feature = "async")]
    pub(crate) const fn forget_doubt(&mut self) {
        self.otherwise = None;
    }

    /// Takes an observation. `now` is any count of milliseconds that goes on evenly and may wrap around;
    /// observations must not be further apart than the shorter of the two times.
    pub fn observe(&mut self, seen: bool, now: u32) -> Option<Change> {
        if seen == self.present {
            self.otherwise = None;
            return None;
        }
        let since = *self.otherwise.get_or_insert(now);
        let needed = if seen {
            self.timing.arrive_ms
        } else {
            self.timing.leave_ms
        };
        if now.wrapping_sub(since) < needed {
            return None;
        }
        self.present = seen;
        self.otherwise = None;
        Some(if seen { Change::Arrived } else { Change::Left })
    }
}

/// Which level of the pin means that something is seen.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SeenLevel {
    /// High.
    #[default]
    High,
    /// Low, as with open-collector outputs.
    Low,
}

/// The pin could not be read; what was known stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Error<E>(pub E);

impl<E: embedded_hal::digital::Error> Error<E> {
    /// The pin's own class of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "presence pin could not be read: {}", self.0)
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {}

/// A presence sensor with a digital output.
#[derive(Debug)]
pub struct PinSensor<P> {
    pin: P,
    level: SeenLevel,
    presence: Presence,
}

impl<P: InputPin> PinSensor<P> {
    /// A sensor before which nobody stands yet.
    pub const fn new(pin: P, level: SeenLevel, timing: Timing) -> Self {
        Self {
            pin,
            level,
            presence: Presence::new(timing),
        }
    }

    /// Whether somebody is there.
    pub const fn is_present(&self) -> bool {
        self.presence.is_present()
    }

    /// Reads the pin. See [`Presence::observe`] for `now`.
    ///
    /// # Errors
    ///
    /// [`Error`] with the pin's.
    pub fn update(&mut self, now: u32) -> Result<Option<Change>, Error<P::Error>> {
        let seen = match self.level {
            SeenLevel::High => self.pin.is_high(),
            SeenLevel::Low => self.pin.is_low(),
        };
        Ok(self.presence.observe(seen.map_err(Error)?, now))
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }
}

/// How often a pin is looked at while it is not clear yet whether somebody comes or goes.
#[cfg(feature = "async")]
const SAMPLE_MS: u32 = 20;

#[cfg(feature = "async")]
impl<P: InputPin + embedded_hal_async::digital::Wait> PinSensor<P> {
    /// Waits until somebody arrives or leaves. Sleeps until the pin moves, then watches it for as long as
    /// the timing says. May be dropped at any time.
    ///
    /// # Errors
    ///
    /// [`Error`] with the pin's; what was known stands.
    pub async fn wait_change(
        &mut self,
        delay: &mut impl embedded_hal_async::delay::DelayNs,
    ) -> Result<Change, Error<P::Error>> {
        self.presence.forget_doubt();
        let mut waited = 0_u32;
        loop {
            if self.presence.otherwise.is_none() {
                let high = (self.level == SeenLevel::High) != self.presence.present;
                match high {
                    true => self.pin.wait_for_high().await,
                    false => self.pin.wait_for_low().await,
                }
                .map_err(Error)?;
            }
            if let Some(change) = self.update(waited)? {
                return Ok(change);
            }
            delay.delay_ms(SAMPLE_MS).await;
            waited = waited.wrapping_add(SAMPLE_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Change, PinSensor, Presence, SeenLevel, Timing};
    use embedded_hal::digital::ErrorKind;
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
    use proptest::prelude::*;
    use std::io::ErrorKind as Io;
    use std::vec::Vec;

    const TIMING: Timing = Timing {
        arrive_ms: 300,
        leave_ms: 1000,
    };

    #[test]
    fn a_passer_by_does_not_count() {
        let mut presence = Presence::new(TIMING);
        for (seen, now) in [
            (true, 0),
            (true, 200),
            (false, 250),
            (true, 300),
            (true, 599),
        ] {
            assert_eq!(presence.observe(seen, now), None, "{now}");
        }
        assert_eq!(presence.observe(true, 600), Some(Change::Arrived));
    }

    #[test]
    fn standing_still_for_a_while_is_not_leaving() {
        let mut presence = Presence::new(TIMING);
        presence.observe(true, 0);
        assert_eq!(presence.observe(true, 300), Some(Change::Arrived));
        assert_eq!(presence.observe(false, 400), None);
        assert_eq!(presence.observe(true, 1300), None);
        assert_eq!(presence.observe(false, 1400), None);
        assert_eq!(presence.observe(false, 2399), None);
        assert_eq!(presence.observe(false, 2400), Some(Change::Left));
        assert!(!presence.is_present());
    }

    #[test]
    fn the_clock_may_wrap_around() {
        let mut presence = Presence::new(TIMING);
        assert_eq!(presence.observe(true, u32::MAX - 100), None);
        assert_eq!(presence.observe(true, 198), None);
        assert_eq!(presence.observe(true, 199), Some(Change::Arrived));
    }

    #[test]
    fn without_times_every_change_counts_at_once() {
        let mut presence = Presence::new(Timing {
            arrive_ms: 0,
            leave_ms: 0,
        });
        assert_eq!(presence.observe(true, 5), Some(Change::Arrived));
        assert_eq!(presence.observe(false, 5), Some(Change::Left));
    }

    fn sensor(script: &[Transaction], level: SeenLevel) -> PinSensor<Mock> {
        PinSensor::new(Mock::new(script), level, TIMING)
    }

    #[test]
    fn either_level_may_mean_seen() {
        for (level, state) in [(SeenLevel::High, State::High), (SeenLevel::Low, State::Low)] {
            let mut sensor = sensor(&[Transaction::get(state), Transaction::get(state)], level);
            assert_eq!(sensor.update(0), Ok(None));
            assert_eq!(sensor.update(300), Ok(Some(Change::Arrived)));
            assert!(sensor.is_present());
            sensor.release().done();
        }
    }

    #[test]
    fn a_pin_that_cannot_be_read_changes_nothing() {
        let refused = Transaction::get(State::Low).with_error(MockError::Io(Io::NotConnected));
        let high = || Transaction::get(State::High);
        let mut sensor = sensor(&[high(), refused, high()], SeenLevel::High);
        assert_eq!(sensor.update(0), Ok(None));
        assert_eq!(sensor.update(200).unwrap_err().kind(), ErrorKind::Other);
        assert_eq!(sensor.update(300), Ok(Some(Change::Arrived)));
        sensor.release().done();
    }

    #[cfg(feature = "async")]
    #[test]
    fn a_change_can_be_awaited() {
        use core::future::Future;
        use core::pin::pin;
        use core::task::{Context, Poll, Waker};
        use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};

        let timing = Timing {
            arrive_ms: 40,
            leave_ms: 20,
        };
        let (get, until) = (Transaction::get, Transaction::wait_for_state);
        let high = State::High;
        let low = State::Low;
        let arrives = [
            until(high),
            get(high),
            get(low),
            until(high),
            get(high),
            get(high),
            get(high),
        ];
        let leaves = [until(low), get(low), get(low)];
        let mut sensor = PinSensor::new(
            Mock::new(arrives.iter().chain(&leaves)),
            SeenLevel::High,
            timing,
        );
        let mut delay = CheckedDelay::new(&[(); 5].map(|()| Wait::async_delay_ms(20)));
        let mut context = Context::from_waker(Waker::noop());
        for expected in [Change::Arrived, Change::Left] {
            let polled = pin!(sensor.wait_change(&mut delay)).poll(&mut context);
            assert_eq!(polled, Poll::Ready(Ok(expected)));
        }
        sensor.release().done();
        delay.done();
    }

    proptest! {
        #[test]
        fn arrivals_and_departures_take_turns(
            seen in proptest::collection::vec((any::<bool>(), 1..400_u32), 1..200),
        ) {
            let mut presence = Presence::new(TIMING);
            let mut now = 0_u32;
            let changes: Vec<Change> = seen
                .into_iter()
                .filter_map(|(seen, later)| {
                    now += later;
                    presence.observe(seen, now)
                })
                .collect();
            for (place, change) in changes.iter().enumerate() {
                let expected = if place % 2 == 0 { Change::Arrived } else { Change::Left };
                prop_assert_eq!(*change, expected);
            }
        }
    }
}
