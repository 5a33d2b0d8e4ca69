//! A status beacon: one RGB lamp on three PWM channels that people see across the room.
//!
//! Every pattern differs in rhythm as well as in colour, so that it is read without seeing red or green.
//! None flashes more than twice a second (WCAG 2.2, success criterion 2.3.1, allows three).
//!
//! The beacon owns no clock: [`Beacon::update`] is told the time and says when it wants to be called next.

use embedded_hal::pwm::{ErrorKind, SetDutyCycle};

/// What the beacon tells.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pattern {
    /// Dark: the kiosk is closed.
    #[default]
    Off,
    /// Steady green: order here.
    Ready,
    /// Blue, half a second on and half a second off: somebody asked for help.
    HelpWanted,
    /// Amber, lit most of the time with a short wink: orders are taken, headquarters is not reached.
    Offline,
    /// Red, two short flashes and a pause: out of order.
    Fault,
}

/// A colour at full brightness.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Colour {
    red: u8,
    green: u8,
    blue: u8,
}

const DARK: Colour = Colour {
    red: 0,
    green: 0,
    blue: 0,
};
const RED: Colour = Colour {
    red: 255,
    green: 0,
    blue: 0,
};
const GREEN: Colour = Colour {
    red: 0,
    green: 255,
    blue: 0,
};
const BLUE: Colour = Colour {
    red: 0,
    green: 0,
    blue: 255,
};
/// Green LEDs look brighter than red ones at the same current.
const AMBER: Colour = Colour {
    red: 255,
    green: 96,
    blue: 0,
};

#[derive(Clone, Copy, Debug)]
struct Step {
    colour: Colour,
    milliseconds: u32,
}

const fn step(colour: Colour, milliseconds: u32) -> Step {
    Step {
        colour,
        milliseconds,
    }
}

impl Pattern {
    /// Steps that repeat; a single one is steady.
    const fn steps(self) -> &'static [Step] {
        const OFF: &[Step] = &[step(DARK, 1000)];
        const READY: &[Step] = &[step(GREEN, 1000)];
        const HELP_WANTED: &[Step] = &[step(BLUE, 500), step(DARK, 500)];
        const OFFLINE: &[Step] = &[step(AMBER, 2700), step(DARK, 300)];
        const FAULT: &[Step] = &[
            step(RED, 250),
            step(DARK, 250),
            step(RED, 250),
            step(DARK, 1250),
        ];
        match self {
            Self::Off => OFF,
            Self::Ready => READY,
            Self::HelpWanted => HELP_WANTED,
            Self::Offline => OFFLINE,
            Self::Fault => FAULT,
        }
    }

    /// The colour so many milliseconds after the pattern began, and for how long it stays; `None` if for
    /// ever.
    fn at(self, elapsed: u32) -> (Colour, Option<u32>) {
        let steps = self.steps();
        let round: u32 = steps.iter().map(|step| step.milliseconds).sum();
        let mut left = elapsed % round.max(1);
        for step in steps {
            if left < step.milliseconds {
                let stays = step.milliseconds - left;
                return (step.colour, (steps.len() > 1).then_some(stays));
            }
            left -= step.milliseconds;
        }
        (DARK, None)
    }
}

/// A channel of the lamp.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Channel {
    /// Red.
    Red,
    /// Green.
    Green,
    /// Blue.
    Blue,
}

/// A channel could not be set; the lamp shows something else than asked until an update succeeds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Error<E> {
    /// The channel.
    pub channel: Channel,
    /// What its PWM said.
    pub cause: E,
}

impl<E: embedded_hal::pwm::Error> Error<E> {
    /// The PWM's own class of error.
    pub fn kind(&self) -> ErrorKind {
        self.cause.kind()
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self { channel, cause } = self;
        write!(f, "beacon, channel {channel:?}: {cause}")
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {}

/// The beacon. All three channels must come from the same kind of PWM as far as errors go.
#[derive(Debug)]
pub struct Beacon<R, G, B> {
    red: R,
    green: G,
    blue: B,
    brightness: u8,
    pattern: Pattern,
    /// When the pattern began; unknown until the first update after a change.
    since: Option<u32>,
    shown: Option<Colour>,
}

impl<R, G, B> Beacon<R, G, B>
where
    R: SetDutyCycle,
    G: SetDutyCycle<Error = R::Error>,
    B: SetDutyCycle<Error = R::Error>,
{
    /// A beacon that is off. Sets nothing before the first update. `brightness` 255 is full.
    pub const fn new(red: R, green: G, blue: B, brightness: u8) -> Self {
        let pattern = Pattern::Off;
        Self {
            red,
            green,
            blue,
            brightness,
            pattern,
            since: None,
            shown: None,
        }
    }

    /// The pattern being shown.
    pub const fn pattern(&self) -> Pattern {
        self.pattern
    }

    /// Changes the pattern; it begins with the next update. The one being shown goes on undisturbed.
    pub fn show(&mut self, pattern: Pattern) {
        if self.pattern != pattern {
            self.pattern = pattern;
            self.since = None;
        }
    }

    /// Brings the lamp up to date. `now` is any count of milliseconds that goes on evenly and may wrap
    /// around. Returns after how many milliseconds the lamp changes next; `None` if it stays as it is.
    ///
    /// # Errors
    ///
    /// [`Error`] with the channel that could not be set. The next update sets all of them again.
    pub fn update(&mut self, now: u32) -> Result<Option<u32>, Error<R::Error>> {
        let since = *self.since.get_or_insert(now);
        let (colour, stays) = self.pattern.at(now.wrapping_sub(since));
        if self.shown != Some(colour) {
            self.shown = None;
            let level = self.brightness;
            set(&mut self.red, Channel::Red, colour.red, level)?;
            set(&mut self.green, Channel::Green, colour.green, level)?;
            set(&mut self.blue, Channel::Blue, colour.blue, level)?;
            self.shown = Some(colour);
        }
        Ok(stays)
    }

    /// Gives the channels back.
    pub fn release(self) -> (R, G, B) {
        (self.red, self.green, self.blue)
    }
}

fn set<P: SetDutyCycle>(
    pwm: &mut P,
    channel: Channel,
    part: u8,
    brightness: u8,
) -> Result<(), Error<P::Error>> {
    const FULL: u16 = 255 * 255;
    pwm.set_duty_cycle_fraction(u16::from(part) * u16::from(brightness), FULL)
        .map_err(|cause| Error { channel, cause })
}

#[cfg(test)]
mod tests {
    extern crate std;

    use super::{Beacon, Channel, Pattern};
    use embedded_hal::pwm::ErrorKind;
    use embedded_hal_mock::eh1::MockError;
    use embedded_hal_mock::eh1::pwm::{Mock, Transaction};
    use std::io::ErrorKind as Io;
    use std::vec::Vec;

    const MAX: u16 = 1000;

    fn script(duties: &[u16]) -> Vec<Transaction> {
        duties
            .iter()
            .flat_map(|&duty| {
                [
                    Transaction::max_duty_cycle(MAX),
                    Transaction::set_duty_cycle(duty),
                ]
            })
            .collect()
    }

    /// Runs a story and checks the duties each channel was given.
    fn lamp(
        duties: [&[u16]; 3],
        brightness: u8,
        story: impl FnOnce(&mut Beacon<Mock, Mock, Mock>),
    ) {
        let [red, green, blue] = duties.map(|channel| Mock::new(&script(channel)));
        let mut beacon = Beacon::new(red, green, blue, brightness);
        story(&mut beacon);
        let (mut red, mut green, mut blue) = beacon.release();
        red.done();
        green.done();
        blue.done();
    }

    #[test]
    fn ready_is_steady_green_and_set_once() {
        lamp([&[0], &[1000], &[0]], 255, |beacon| {
            beacon.show(Pattern::Ready);
            assert_eq!(beacon.update(7), Ok(None));
            assert_eq!(beacon.update(60_000), Ok(None));
        });
    }

    #[test]
    fn a_fault_flashes_twice_and_pauses() {
        lamp(
            [&[1000, 0, 1000, 0, 1000], &[0; 5], &[0; 5]],
            255,
            |beacon| {
                beacon.show(Pattern::Fault);
                let mut now = 100;
                for stays in [250, 250, 250, 1250, 250] {
                    assert_eq!(beacon.update(now), Ok(Some(stays)));
                    now += stays;
                }
            },
        );
    }

    #[test]
    fn brightness_dims_every_colour() {
        lamp([&[501], &[188], &[0]], 128, |beacon| {
            beacon.show(Pattern::Offline);
            beacon.update(0).unwrap();
        });
    }

    #[test]
    fn a_late_update_shows_what_belongs_to_the_time() {
        lamp([&[0], &[0], &[1000]], 255, |beacon| {
            beacon.show(Pattern::HelpWanted);
            assert_eq!(beacon.update(0), Ok(Some(500)));
            assert_eq!(beacon.update(499), Ok(Some(1)));
            assert_eq!(beacon.update(2100), Ok(Some(400)));
        });
    }

    #[test]
    fn the_clock_may_wrap_around() {
        lamp([&[0, 0], &[0, 0], &[1000, 0]], 255, |beacon| {
            beacon.show(Pattern::HelpWanted);
            beacon.update(u32::MAX - 99).unwrap();
            assert_eq!(beacon.update(500), Ok(Some(400)));
        });
    }

    #[test]
    fn showing_the_same_again_does_not_restart_the_rhythm() {
        lamp([&[0], &[0], &[1000]], 255, |beacon| {
            beacon.show(Pattern::HelpWanted);
            beacon.update(0).unwrap();
            beacon.show(Pattern::HelpWanted);
            assert_eq!(beacon.update(400), Ok(Some(100)));
        });
    }

    #[test]
    fn a_channel_that_fails_is_named_and_all_are_set_again() {
        let refused =
            |duty| Transaction::set_duty_cycle(duty).with_error(MockError::Io(Io::NotConnected));
        let max = || Transaction::max_duty_cycle(MAX);
        for (place, channel) in [Channel::Red, Channel::Green, Channel::Blue]
            .into_iter()
            .enumerate()
        {
            let mut scripts =
                [0, 1, 2].map(|at| if at < place { script(&[0]) } else { Vec::new() });
            scripts[place].extend([max(), refused(0)]);
            for each in &mut scripts {
                each.extend(script(&[0]));
            }
            let [red, green, blue] = scripts.map(|each| Mock::new(&each));
            let mut beacon = Beacon::new(red, green, blue, 255);
            let error = beacon.update(0).unwrap_err();
            assert_eq!((error.channel, error.kind()), (channel, ErrorKind::Other));
            assert_eq!(beacon.update(1), Ok(None));
            let (mut red, mut green, mut blue) = beacon.release();
            red.done();
            green.done();
            blue.done();
        }
    }

    #[test]
    fn no_pattern_flashes_more_than_three_times_a_second() {
        use Pattern::{Fault, HelpWanted, Off, Offline, Ready};
        for pattern in [Off, Ready, HelpWanted, Offline, Fault] {
            for start in 0..3000 {
                let lit = |at| pattern.at(at).0 != super::DARK;
                let flashes = (start..start + 1000)
                    .filter(|&at| !lit(at) && lit(at + 1))
                    .count();
                assert!(flashes <= 3, "{pattern:?} from {start} ms");
            }
        }
    }

    #[test]
    fn patterns_differ_in_rhythm_not_only_in_colour() {
        use Pattern::{Fault, HelpWanted, Off, Offline, Ready};
        let rhythm = |pattern: Pattern| -> Vec<bool> {
            (0..6000)
                .step_by(50)
                .map(|at| pattern.at(at).0 != super::DARK)
                .collect()
        };
        let all = [Off, Ready, HelpWanted, Offline, Fault].map(rhythm);
        for (place, one) in all.iter().enumerate() {
            assert!(!all[place + 1..].contains(one));
        }
    }
}
