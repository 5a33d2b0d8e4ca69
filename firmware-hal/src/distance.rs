//! A time-of-flight sensor that measures how far away somebody stands.
//!
//! The Benewake TF-Luna in I²C mode (its pin 5 on ground). Source: Benewake, TF-Luna Product Manual
//! (SJ-PM-TF-Luna), chapters 6.3 and 6.4 and the I²C register table: address 0x10, from register 0x00 on
//! distance in centimetres and signal strength, each two bytes, low byte first; a distance is
//! unreliable below a strength of 100, and above 32,768 ambient light, such as the sun, outshines the
//! signal. The sensor measures from 20 cm to 8 m and by itself 100 times a second.

use crate::presence::{Change, Presence, Timing};
use embedded_hal::i2c::{ErrorKind, I2c};

/// The address sensors are delivered with.
pub const DEFAULT_ADDRESS: u8 = 0x10;

const FIRST_REGISTER: u8 = 0x00;
const LEAST_STRENGTH: u16 = 100;
const GLARE: u16 = 0x8000;

/// What the sensor saw.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reading {
    /// Something, so many centimetres away.
    Distance(u16),
    /// Too little light came back: nothing within range.
    Nothing,
    /// Ambient light outshines the signal: no statement.
    Glare,
}

/// The sensor did not answer on the bus.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Error<E>(pub E);

impl<E: embedded_hal::i2c::Error> Error<E> {
    /// The bus's own class of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind()
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "distance sensor did not answer: {}", self.0)
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {}

/// The sensor.
#[derive(Debug)]
pub struct TfLuna<I> {
    bus: I,
    address: u8,
}

impl<I> TfLuna<I> {
    /// The sensor at this seven-bit address of the bus.
    pub const fn new(bus: I, address: u8) -> Self {
        Self { bus, address }
    }

    /// Gives the bus back.
    pub fn release(self) -> I {
        self.bus
    }
}

impl<I: I2c> TfLuna<I> {
    /// The latest measurement.
    ///
    /// # Errors
    ///
    /// [`Error`] with the bus's.
    pub fn read(&mut self) -> Result<Reading, Error<I::Error>> {
        let mut registers = [0; 4];
        self.bus
            .write_read(self.address, &[FIRST_REGISTER], &mut registers)
            .map_err(Error)?;
        Ok(reading(registers))
    }
}

/// Where somebody counts as standing before the kiosk.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Zone {
    near_cm: u16,
    far_cm: u16,
}

impl Zone {
    /// Come nearer than 80 cm to be seen; go further than 110 cm to be no longer seen.
    pub const COMMON: Self = Self {
        near_cm: 80,
        far_cm: 110,
    };

    /// Comes into the zone at `near_cm`, leaves it beyond `far_cm`. `None` if that leaves no margin between
    /// the two or lies outside the sensor's 20 cm to 800 cm.
    #[must_use]
    pub const fn try_new(near_cm: u16, far_cm: u16) -> Option<Self> {
        if near_cm < 20 || far_cm <= near_cm || far_cm > 800 {
            return None;
        }
        Some(Self { near_cm, far_cm })
    }
}

/// Presence by distance.
#[derive(Debug)]
pub struct DistanceSensor<I> {
    sensor: TfLuna<I>,
    zone: Zone,
    inside: bool,
    presence: Presence,
}

impl<I> DistanceSensor<I> {
    /// A sensor before which nobody stands yet.
    pub const fn new(sensor: TfLuna<I>, zone: Zone, timing: Timing) -> Self {
        Self {
            sensor,
            zone,
            inside: false,
            presence: Presence::new(timing),
        }
    }

    /// Whether somebody is there.
    pub const fn is_present(&self) -> bool {
        self.presence.is_present()
    }

    /// Gives the sensor back.
    pub fn release(self) -> TfLuna<I> {
        self.sensor
    }
}

impl<I: I2c> DistanceSensor<I> {
    /// Measures. See [`Presence::observe`] for `now`. Glare counts as no change.
    ///
    /// # Errors
    ///
    /// [`Error`] with the bus's; what was known stands.
    pub fn update(&mut self, now: u32) -> Result<Option<Change>, Error<I::Error>> {
        let reading = self.sensor.read()?;
        Ok(self.observe(reading, now))
    }
}

impl<I> DistanceSensor<I> {
    fn observe(&mut self, reading: Reading, now: u32) -> Option<Change> {
        match reading {
            Reading::Glare => return None,
            Reading::Nothing => self.inside = false,
            Reading::Distance(away) => {
                let edge = if self.inside {
                    self.zone.far_cm
                } else {
                    self.zone.near_cm
                };
                self.inside = away <= edge;
            }
        }
        self.presence.observe(self.inside, now)
    }
}

/// How often the distance is measured while somebody is waited for; the sensor itself measures every ten
/// milliseconds.
#[cfg(feature = "async")]
const SAMPLE_MS: u32 = 50;

#[cfg(feature = "async")]
impl<I: embedded_hal_async::i2c::I2c> DistanceSensor<I> {
    /// Waits until somebody arrives or leaves, measuring over and over. May be dropped at any time; what
    /// was seen of a change is then seen anew.
    ///
    /// # Errors
    ///
    /// [`Error`] with the bus's; what was known stands.
    pub async fn wait_change(
        &mut self,
        delay: &mut impl embedded_hal_async::delay::DelayNs,
    ) -> Result<Change, Error<I::Error>> {
        self.presence.forget_doubt();
        let mut waited = 0_u32;
        loop {
            let mut registers = [0; 4];
            let (bus, address) = (&mut self.sensor.bus, self.sensor.address);
            bus.write_read(address, &[FIRST_REGISTER], &mut registers)
                .await
                .map_err(Error)?;
            if let Some(change) = self.observe(reading(registers), waited) {
                return Ok(change);
            }
            delay.delay_ms(SAMPLE_MS).await;
            waited = waited.wrapping_add(SAMPLE_MS);
        }
    }
}

fn reading(registers: [u8; 4]) -> Reading {
    let [distance_low, distance_high, strength_low, strength_high] = registers;
    let distance = u16::from_le_bytes([distance_low, distance_high]);
    match u16::from_le_bytes([strength_low, strength_high]) {
        ..LEAST_STRENGTH => Reading::Nothing,
        GLARE.. => Reading::Glare,
        _ if distance == 0 => Reading::Nothing,
        _ => Reading::Distance(distance),
    }
}

#[cfg(test)]
mod tests {
    use super::{DEFAULT_ADDRESS, DistanceSensor, Reading, TfLuna, Zone};
    use crate::presence::{Change, Timing};
    use alloc::vec;
    use alloc::vec::Vec;
    use embedded_hal::i2c::{ErrorKind, NoAcknowledgeSource};
    use embedded_hal_mock::eh1::i2c::{Mock, Transaction};
    use proptest::prelude::*;

    const STRONG: u16 = 5000;

    fn answer(distance: u16, strength: u16) -> Transaction {
        let bytes = [distance.to_le_bytes(), strength.to_le_bytes()].concat();
        Transaction::write_read(DEFAULT_ADDRESS, vec![0], bytes)
    }

    fn read(distance: u16, strength: u16) -> Reading {
        let mut sensor = TfLuna::new(Mock::new(&[answer(distance, strength)]), DEFAULT_ADDRESS);
        let reading = sensor.read().unwrap();
        sensor.release().done();
        reading
    }

    #[test]
    fn a_strong_signal_is_a_distance() {
        assert_eq!(read(0x0102, STRONG), Reading::Distance(258));
        assert_eq!(read(75, 100), Reading::Distance(75));
        assert_eq!(read(75, 0x7FFF), Reading::Distance(75));
    }

    #[test]
    fn weak_signals_and_glare_are_no_distance() {
        assert_eq!(read(75, 99), Reading::Nothing);
        assert_eq!(read(0, STRONG), Reading::Nothing);
        assert_eq!(read(75, 0x8000), Reading::Glare);
        assert_eq!(read(75, 0xFFFF), Reading::Glare);
    }

    fn changes(script: &[Transaction]) -> Vec<Option<Change>> {
        let timing = Timing {
            arrive_ms: 100,
            leave_ms: 100,
        };
        let sensor = TfLuna::new(Mock::new(script), DEFAULT_ADDRESS);
        let mut sensor = DistanceSensor::new(sensor, Zone::COMMON, timing);
        let steps = (0_u32..).step_by(100).take(script.len());
        let changes = steps.map(|now| sensor.update(now).unwrap()).collect();
        sensor.release().release().done();
        changes
    }

    #[test]
    fn somebody_comes_stands_at_the_edge_and_goes() {
        let away = [200, 80, 80, 100, 110, 111, 90];
        let script = away.map(|distance| answer(distance, STRONG));
        let expected = [
            None,
            None,
            Some(Change::Arrived),
            None,
            None,
            None,
            Some(Change::Left),
        ];
        assert_eq!(
            changes(&script),
            expected,
            "90 cm is not near enough to come back"
        );
    }

    #[test]
    fn glare_holds_what_was_known_and_nothing_is_far() {
        let near = answer(50, STRONG);
        let glare = answer(0, 0xFFFF);
        let nothing = answer(0, 0);
        let script = [
            near.clone(),
            near,
            glare.clone(),
            glare,
            nothing.clone(),
            nothing,
        ];
        let expected = [
            None,
            Some(Change::Arrived),
            None,
            None,
            None,
            Some(Change::Left),
        ];
        assert_eq!(changes(&script), expected);
    }

    #[test]
    fn a_sensor_that_does_not_answer_is_told_and_changes_nothing() {
        let unplugged = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
        let script = [
            answer(50, STRONG),
            answer(50, STRONG).with_error(unplugged),
            answer(50, STRONG),
        ];
        let timing = Timing {
            arrive_ms: 200,
            leave_ms: 100,
        };
        let sensor = TfLuna::new(Mock::new(&script), DEFAULT_ADDRESS);
        let mut sensor = DistanceSensor::new(sensor, Zone::COMMON, timing);
        assert_eq!(sensor.update(0), Ok(None));
        assert_eq!(sensor.update(100).unwrap_err().kind(), unplugged);
        assert_eq!(sensor.update(200), Ok(Some(Change::Arrived)));
        sensor.release().release().done();
    }

    #[cfg(feature = "async")]
    #[test]
    fn a_change_of_distance_can_be_awaited() {
        use core::future::Future;
        use core::pin::pin;
        use core::task::{Context, Poll, Waker};
        use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};

        let unplugged = ErrorKind::NoAcknowledge(NoAcknowledgeSource::Address);
        let script = [
            answer(200, STRONG),
            answer(50, STRONG),
            answer(50, STRONG),
            answer(50, STRONG).with_error(unplugged),
        ];
        let timing = Timing {
            arrive_ms: 50,
            leave_ms: 50,
        };
        let sensor = TfLuna::new(Mock::new(&script), DEFAULT_ADDRESS);
        let mut sensor = DistanceSensor::new(sensor, Zone::COMMON, timing);
        let mut delay = CheckedDelay::new(&[(); 2].map(|()| Wait::async_delay_ms(50)));
        let mut context = Context::from_waker(Waker::noop());
        let arrived = pin!(sensor.wait_change(&mut delay)).poll(&mut context);
        assert_eq!(arrived, Poll::Ready(Ok(Change::Arrived)));
        match pin!(sensor.wait_change(&mut delay)).poll(&mut context) {
            Poll::Ready(failed) => assert_eq!(failed.unwrap_err().kind(), unplugged),
            Poll::Pending => panic!("the bus never waits"),
        }
        assert!(sensor.is_present(), "what was known stands");
        sensor.release().release().done();
        delay.done();
    }

    #[test]
    fn zones_need_a_margin_within_range() {
        assert_eq!(Zone::try_new(80, 110), Some(Zone::COMMON));
        assert_eq!(Zone::try_new(19, 110), None);
        assert_eq!(Zone::try_new(80, 80), None);
        assert_eq!(Zone::try_new(80, 801), None);
    }

    proptest! {
        #[test]
        fn any_registers_are_survived(distance: u16, strength: u16) {
            let reading = read(distance, strength);
            prop_assert_eq!(matches!(reading, Reading::Glare), strength >= 0x8000);
        }
    }
}
