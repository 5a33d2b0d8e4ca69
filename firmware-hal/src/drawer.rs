//! A cash drawer on an output pin.
//!
//! The solenoid of a 12 V or 24 V drawer is driven through a transistor; a pin drives the transistor. The
//! pulse must be long enough to free the latch and short enough not to burn the coil, which needs a pause
//! afterwards. Receipt printers give the same drawers pulses of 100 ms and up (Epson ESC/POS Command
//! Reference, `ESC p` and `DLE DC4`); where the drawer's data sheet names another time, that one counts.
//!
//! A drawer on the printer's connector is opened by
//! [`Printer::open_drawer`](crate::printer::Printer::open_drawer) instead.

use embedded_hal::delay::DelayNs;
use embedded_hal::digital::{ErrorKind, OutputPin};

/// Which level drives the solenoid.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum ActiveLevel {
    /// High opens.
    #[default]
    High,
    /// Low opens.
    Low,
}

/// How long the solenoid is driven.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pulse {
    on_ms: u16,
}

impl Pulse {
    /// 100 ms.
    pub const COMMON: Self = Self { on_ms: 100 };

    /// A pulse of 10 ms to 200 ms: what frees a latch and spares a coil.
    #[must_use]
    pub const fn try_new(on_ms: u16) -> Option<Self> {
        match on_ms {
            10..=200 => Some(Self { on_ms }),
            _ => None,
        }
    }

    /// Its length in milliseconds.
    #[must_use]
    pub const fn milliseconds(self) -> u16 {
        self.on_ms
    }
}

/// Why the drawer did not open, or worse.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error<E> {
    /// The pin could not be driven; the drawer stayed shut.
    Drive(E),
    /// The pin could not be released, twice: the coil may be under power and getting hot.
    StuckOn(E),
}

impl<E: embedded_hal::digital::Error> Error<E> {
    /// The pin's own class of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Drive(error) | Self::StuckOn(error) => error.kind(),
        }
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Drive(error) => write!(f, "drawer pin could not be driven: {error}"),
            Self::StuckOn(error) => write!(f, "drawer pin could not be released: {error}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {}

/// A drawer on a pin.
#[derive(Debug)]
pub struct Drawer<P> {
    pin: P,
    active: ActiveLevel,
}

impl<P: OutputPin> Drawer<P> {
    /// A drawer whose solenoid `active` drives. Releases the pin first, whatever it was.
    ///
    /// # Errors
    ///
    /// [`Error::Drive`] with the pin's error.
    pub fn try_new(pin: P, active: ActiveLevel) -> Result<Self, Error<P::Error>> {
        let mut drawer = Self { pin, active };
        drawer.set(false).map_err(Error::Drive)?;
        Ok(drawer)
    }

    /// Opens the drawer: one pulse, then a pause of the same length for the coil.
    ///
    /// # Errors
    ///
    /// [`Error::Drive`] or [`Error::StuckOn`] with the pin's error.
    pub fn open(&mut self, pulse: Pulse, delay: &mut impl DelayNs) -> Result<(), Error<P::Error>> {
        self.set(true).map_err(Error::Drive)?;
        delay.delay_ms(pulse.on_ms.into());
        if self.set(false).is_err() {
            self.set(false).map_err(Error::StuckOn)?;
        }
        delay.delay_ms(pulse.on_ms.into());
        Ok(())
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }

    fn set(&mut self, driven: bool) -> Result<(), P::Error> {
        match (self.active, driven) {
            (ActiveLevel::High, true) | (ActiveLevel::Low, false) => self.pin.set_high(),
            (ActiveLevel::High, false) | (ActiveLevel::Low, true) => self.pin.set_low(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ActiveLevel, Drawer, Error, Pulse};
    use embedded_hal::digital::{Error as _, ErrorKind};
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::delay::{CheckedDelay, Transaction as Wait};
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
    use std::io::ErrorKind as IoKind;

    extern crate std;

    fn waits(count: usize) -> CheckedDelay {
        CheckedDelay::new(&std::vec![Wait::delay_ms(100); count])
    }

    fn run(
        transactions: &[Transaction],
        active: ActiveLevel,
        pauses: usize,
    ) -> Result<(), Error<MockError>> {
        let mut pin = Mock::new(transactions);
        let mut delay = waits(pauses);
        let result = Drawer::try_new(pin.clone(), active)
            .and_then(|mut drawer| drawer.open(Pulse::COMMON, &mut delay));
        pin.done();
        delay.done();
        result
    }

    fn refused(state: State) -> Transaction {
        Transaction::set(state).with_error(MockError::Io(IoKind::NotConnected))
    }

    #[test]
    fn one_pulse_and_a_pause() {
        let set = Transaction::set;
        let high = [set(State::Low), set(State::High), set(State::Low)];
        assert_eq!(run(&high, ActiveLevel::High, 2), Ok(()));
        let low = [set(State::High), set(State::Low), set(State::High)];
        assert_eq!(run(&low, ActiveLevel::Low, 2), Ok(()));
    }

    #[test]
    fn a_pin_that_cannot_be_driven_leaves_the_drawer_shut() {
        let at_start = run(&[refused(State::Low)], ActiveLevel::High, 0).unwrap_err();
        assert!(matches!(at_start, Error::Drive(_)));
        let script = [Transaction::set(State::Low), refused(State::High)];
        let later = run(&script, ActiveLevel::High, 0).unwrap_err();
        assert!(matches!(later, Error::Drive(_)));
        assert_eq!(later.kind(), MockError::Io(IoKind::NotConnected).kind());
        assert_eq!(later.kind(), ErrorKind::Other);
    }

    #[test]
    fn a_release_that_fails_is_tried_once_more() {
        let set = Transaction::set;
        let script = [
            set(State::Low),
            set(State::High),
            refused(State::Low),
            set(State::Low),
        ];
        assert_eq!(run(&script, ActiveLevel::High, 2), Ok(()));
    }

    #[test]
    fn a_coil_left_under_power_is_told_apart() {
        let set = Transaction::set;
        let script = [
            set(State::Low),
            set(State::High),
            refused(State::Low),
            refused(State::Low),
        ];
        let stuck = run(&script, ActiveLevel::High, 1).unwrap_err();
        assert!(matches!(stuck, Error::StuckOn(_)));
    }

    #[test]
    fn pulses_that_harm_or_do_nothing_are_refused() {
        assert_eq!(Pulse::try_new(9), None);
        assert_eq!(Pulse::try_new(201), None);
        assert_eq!(Pulse::try_new(100), Some(Pulse::COMMON));
    }
}
