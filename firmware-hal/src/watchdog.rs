//! A hardware watchdog that is fed only while the appliance does its work.
//!
//! A process that still runs but takes no orders any more is as bad as one that hangs. So the [`Guard`]
//! feeds the watchdog only as long as every source it was given (the order path, the screens, …) has
//! reported within its time; if one falls silent, feeding stops and the hardware resets the machine.
//!
//! [`PinWatchdog`] is a supervisor chip on a pin. Source: Texas Instruments, TPS3823 data sheet (supervisory
//! circuits with watchdog timer): every edge on WDI restarts the timer, which runs out after 0.9 s to
//! 2.5 s. Other chips with a WDI input differ in the time only.

use embedded_hal::digital::OutputPin;

/// Something that resets the machine unless it is fed.
pub trait Watchdog {
    /// What feeding may fail with.
    type Error;

    /// Restarts the timer.
    ///
    /// # Errors
    ///
    /// The device's; the timer was not restarted.
    fn feed(&mut self) -> Result<(), Self::Error>;
}

impl<W: Watchdog + ?Sized> Watchdog for &mut W {
    type Error = W::Error;

    fn feed(&mut self) -> Result<(), Self::Error> {
        W::feed(self)
    }
}

/// A supervisor chip whose WDI input is on a pin.
#[derive(Debug)]
pub struct PinWatchdog<P> {
    pin: P,
    high: bool,
}

impl<P: OutputPin> PinWatchdog<P> {
    /// The chip on this pin. The first feeding drives the pin high.
    pub const fn new(pin: P) -> Self {
        Self { pin, high: false }
    }

    /// Gives the pin back.
    pub fn release(self) -> P {
        self.pin
    }
}

impl<P: OutputPin> Watchdog for PinWatchdog<P> {
    type Error = P::Error;

    fn feed(&mut self) -> Result<(), P::Error> {
        match self.high {
            false => self.pin.set_high()?,
            true => self.pin.set_low()?,
        }
        self.high = !self.high;
        Ok(())
    }
}

/// Something that must show signs of life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Source {
    /// Its name, for the log.
    pub name: &'static str,
    /// How long it may be silent, in milliseconds; below 24 days.
    pub within_ms: u32,
}

/// What an update of the [`Guard`] came to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// All is well; call again after so many milliseconds.
    Well {
        /// Milliseconds until the watchdog must be fed next.
        next_ms: u32,
    },
    /// A source is silent, the watchdog starves: the machine is about to be reset.
    Starving {
        /// The first source that is silent.
        source: &'static str,
    },
}

/// Feeds a watchdog while every source reports in time. It owns no clock: times are any count of
/// milliseconds that goes on evenly and may wrap around.
#[derive(Debug)]
pub struct Guard<W, const N: usize> {
    watchdog: W,
    every_ms: u32,
    fed: Option<u32>,
    sources: [Watched; N],
}

#[derive(Clone, Copy, Debug)]
struct Watched {
    source: Source,
    heard: u32,
    silent: bool,
}

impl<W: Watchdog, const N: usize> Guard<W, N> {
    /// Feeds every `every_ms` milliseconds, which should be well below the time the hardware gives. Every
    /// source counts as heard `now`.
    pub fn new(watchdog: W, every_ms: u32, sources: [Source; N], now: u32) -> Self {
        let sources = sources.map(|source| Watched {
            source,
            heard: now,
            silent: false,
        });
        Self {
            watchdog,
            every_ms,
            fed: None,
            sources,
        }
    }

    /// A sign of life from the source with this place in the list; others are ignored.
    pub fn report(&mut self, place: usize, now: u32) {
        if let Some(watched) = self.sources.get_mut(place) {
            watched.heard = now;
            watched.silent = false;
        }
    }

    /// Feeds the watchdog if it is time and all sources have been heard.
    ///
    /// # Errors
    ///
    /// The watchdog's; the next update tries again.
    pub fn update(&mut self, now: u32) -> Result<Verdict, W::Error> {
        for watched in &mut self.sources {
            // Kept, because after 49 days of silence the difference is small again.
            watched.silent |= now.wrapping_sub(watched.heard) > watched.source.within_ms;
        }
        if let Some(silent) = self.sources.iter().find(|watched| watched.silent) {
            return Ok(Verdict::Starving {
                source: silent.source.name,
            });
        }
        let since = self.fed.map(|fed| now.wrapping_sub(fed));
        let next_ms = match since {
            Some(since) if since < self.every_ms => self.every_ms - since,
            _ => {
                self.watchdog.feed()?;
                self.fed = Some(now);
                self.every_ms
            }
        };
        Ok(Verdict::Well { next_ms })
    }

    /// The watchdog, to be opened again or looked at.
    pub const fn watchdog_mut(&mut self) -> &mut W {
        &mut self.watchdog
    }

    /// Gives the watchdog back.
    pub fn release(self) -> W {
        self.watchdog
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Guard, PinWatchdog, Source, Verdict, Watchdog};
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::digital::{Mock, State, Transaction};
    use std::io::ErrorKind as Io;

    const ORDERS: usize = 0;
    const SCREENS: usize = 1;

    #[derive(Debug, Default)]
    struct Counted {
        fed: usize,
        refused: Option<usize>,
    }

    impl Watchdog for Counted {
        type Error = &'static str;

        fn feed(&mut self) -> Result<(), &'static str> {
            if self
                .refused
                .take_if(|refused| *refused == self.fed)
                .is_some()
            {
                return Err("refused");
            }
            self.fed += 1;
            Ok(())
        }
    }

    fn guard(watchdog: Counted, now: u32) -> Guard<Counted, 2> {
        let sources = [
            Source {
                name: "orders",
                within_ms: 5_000,
            },
            Source {
                name: "screens",
                within_ms: 30_000,
            },
        ];
        Guard::new(watchdog, 400, sources, now)
    }

    #[test]
    fn every_feeding_is_an_edge() {
        let edges = [State::High, State::Low, State::High].map(Transaction::set);
        let mut watchdog = PinWatchdog::new(Mock::new(&edges));
        for _ in 0..edges.len() {
            watchdog.feed().unwrap();
        }
        watchdog.release().done();
    }

    #[test]
    fn a_feeding_that_fails_is_made_up_for_with_the_same_edge() {
        let refused = Transaction::set(State::High).with_error(MockError::Io(Io::NotConnected));
        let mut watchdog = PinWatchdog::new(Mock::new(&[refused, Transaction::set(State::High)]));
        watchdog.feed().unwrap_err();
        watchdog.feed().unwrap();
        watchdog.release().done();
    }

    #[test]
    fn it_is_fed_at_its_pace_while_all_report() {
        let mut guard = guard(Counted::default(), 0);
        for now in (0..60_000).step_by(100) {
            guard.report(ORDERS, now);
            guard.report(SCREENS, now);
            assert!(matches!(
                guard.update(now),
                Ok(Verdict::Well { next_ms: 1..=400 })
            ));
        }
        assert_eq!(guard.release().fed, 150);
    }

    #[test]
    fn one_silent_source_starves_it_whatever_the_others_do() {
        let mut guard = guard(Counted::default(), 0);
        for now in (0..=5_000).step_by(500) {
            guard.report(SCREENS, now);
            assert!(
                matches!(guard.update(now), Ok(Verdict::Well { .. })),
                "{now}"
            );
        }
        let fed = guard.watchdog.fed;
        for now in (5_001..40_000).step_by(500) {
            guard.report(SCREENS, now);
            assert_eq!(
                guard.update(now),
                Ok(Verdict::Starving { source: "orders" })
            );
        }
        assert_eq!(guard.watchdog.fed, fed);
    }

    #[test]
    fn a_source_that_comes_back_in_time_saves_it() {
        let mut guard = guard(Counted::default(), 0);
        assert_eq!(
            guard.update(6_000),
            Ok(Verdict::Starving { source: "orders" })
        );
        guard.report(ORDERS, 6_100);
        assert_eq!(guard.update(6_100), Ok(Verdict::Well { next_ms: 400 }));
    }

    #[test]
    fn silence_is_not_forgotten_when_the_clock_wraps_around() {
        let start = u32::MAX - 1_000;
        let mut guard = guard(Counted::default(), start);
        assert!(matches!(
            guard.update(start.wrapping_add(4_000)),
            Ok(Verdict::Well { .. })
        ));
        let late = start.wrapping_add(5_001);
        assert_eq!(
            guard.update(late),
            Ok(Verdict::Starving { source: "orders" })
        );
        assert_eq!(
            guard.update(start),
            Ok(Verdict::Starving { source: "orders" })
        );
    }

    #[test]
    fn a_feeding_that_fails_is_tried_with_the_next_update() {
        let mut guard = guard(
            Counted {
                refused: Some(1),
                ..Counted::default()
            },
            0,
        );
        assert_eq!(guard.update(0), Ok(Verdict::Well { next_ms: 400 }));
        assert_eq!(guard.update(400), Err("refused"));
        assert_eq!(guard.update(401), Ok(Verdict::Well { next_ms: 400 }));
    }

    #[test]
    fn a_report_from_nowhere_is_ignored() {
        let mut guard = guard(Counted::default(), 0);
        guard.report(2, 6_000);
        assert_eq!(
            guard.update(6_000),
            Ok(Verdict::Starving { source: "orders" })
        );
    }
}
