//! The cash drawer on the printer's connector.
//!
//! Source: Epson ESC/POS Command Reference, `ESC p` (generate pulse) and `DLE DC4` function 1 (generate
//! pulse in real time).

use super::{DLE, ESC, Error, Printer};
use embedded_io::Write;

/// The pin of the drawer connector that is pulsed. A second drawer is wired to the second pin.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Connector {
    /// Pin 2, the first drawer.
    #[default]
    Pin2,
    /// Pin 5, the second drawer.
    Pin5,
}

/// How long the solenoid is driven, in units of 2 ms.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pulse {
    on: u8,
    off: u8,
}

impl Pulse {
    /// 100 ms on, 200 ms off: opens common drawers and keeps the solenoid cool.
    pub const COMMON: Self = Self { on: 50, off: 100 };

    /// A pulse of so many milliseconds and a pause before the next. Each is rounded down to 2 ms and at
    /// most 510 ms; printers want the pause to be longer than the pulse. `None` where that is not so, or
    /// the pulse is shorter than 2 ms.
    #[must_use]
    pub const fn try_new(on_ms: u16, off_ms: u16) -> Option<Self> {
        if on_ms < 2 || off_ms <= on_ms || off_ms > 510 {
            return None;
        }
        let [on, _] = (on_ms / 2).to_le_bytes();
        let [off, _] = (off_ms / 2).to_le_bytes();
        // 16 followed by 20 would read as a real-time command: 2 ms more are not felt.
        let on = if on == DLE { DLE + 1 } else { on };
        Some(Self { on, off })
    }
}

impl<T: Write> Printer<T> {
    /// Opens the drawer when the printer comes to this place in the job.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn open_drawer(
        &mut self,
        connector: Connector,
        pulse: Pulse,
    ) -> Result<(), Error<T::Error>> {
        self.send(&[ESC, b'p', connector as u8, pulse.on, pulse.off])
    }

    /// Opens the drawer at once, also while paper is out or the cover is open, with a pulse of 200 ms.
    ///
    /// # Errors
    ///
    /// [`Error::Torn`], or the port's.
    pub fn open_drawer_now(&mut self, connector: Connector) -> Result<(), Error<T::Error>> {
        self.send(&[DLE, 0x14, 1, connector as u8, 2])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Printer, Profile, holds_real_time_sequence};
    use super::{Connector, Pulse};
    use alloc::vec::Vec;

    #[test]
    fn both_ways_byte_for_byte() {
        let mut printer = Printer::new(Vec::new(), Profile::MM80);
        printer.open_drawer(Connector::Pin2, Pulse::COMMON).unwrap();
        printer.open_drawer_now(Connector::Pin5).unwrap();
        assert_eq!(
            printer.into_port(),
            [0x1B, b'p', 0, 50, 100, 0x10, 0x14, 1, 1, 2]
        );
    }

    #[test]
    fn impossible_pulses_are_refused() {
        assert_eq!(Pulse::try_new(100, 200), Some(Pulse::COMMON));
        assert_eq!(Pulse::try_new(1, 200), None);
        assert_eq!(Pulse::try_new(200, 200), None);
        assert_eq!(Pulse::try_new(200, 512), None);
    }

    #[test]
    fn no_pulse_reads_as_a_real_time_command() {
        for on in 0..=510 {
            for off in 0..=510 {
                if let Some(pulse) = Pulse::try_new(on, off) {
                    assert!(
                        !holds_real_time_sequence(&[pulse.on, pulse.off]),
                        "{on} {off}"
                    );
                }
            }
        }
    }
}
