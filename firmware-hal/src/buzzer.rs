//! A buzzer that plays short melodies.
//!
//! A piezo without a driver of its own sounds at the frequency of its PWM. `embedded-hal` sets duty cycles
//! only, so the frequency is a trait of this crate, [`SetFrequency`]. Half duty is loudest; the volume is
//! the duty (a square wave's fundamental grows with the sine of its duty).
//!
//! Pitches are those of equal temperament at A4 = 440 Hz (ISO 16). Common piezos are loudest between 2 kHz
//! and 4 kHz; melodies stay below, where they please more than they pierce, except the alarm.

use embedded_hal::pwm::{ErrorKind, SetDutyCycle};

/// A PWM whose frequency can change while it runs.
pub trait SetFrequency: SetDutyCycle {
    /// Sets the frequency in hertz; the duty stays the same fraction, or becomes zero.
    ///
    /// # Errors
    ///
    /// The PWM's, if it cannot make that frequency.
    fn set_frequency(&mut self, hertz: u16) -> Result<(), Self::Error>;
}

impl<T: SetFrequency + ?Sized> SetFrequency for &mut T {
    fn set_frequency(&mut self, hertz: u16) -> Result<(), Self::Error> {
        T::set_frequency(self, hertz)
    }
}

/// A tone or a rest.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Note {
    /// Frequency in hertz; zero is a rest.
    pub hertz: u16,
    /// How long, in milliseconds.
    pub milliseconds: u16,
}

const fn note(hertz: u16, milliseconds: u16) -> Note {
    Note {
        hertz,
        milliseconds,
    }
}

/// What the buzzer says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Melody {
    /// A touch was taken.
    Key,
    /// A code was read.
    Scanned,
    /// The order is placed: up a fourth.
    Placed,
    /// Something was refused: down.
    Refused,
    /// Staff should come: three high beeps.
    Alarm,
    /// A melody of one's own.
    Own(&'static [Note]),
}

impl Melody {
    const fn notes(self) -> &'static [Note] {
        const KEY: &[Note] = &[note(1047, 20)];
        const SCANNED: &[Note] = &[note(1760, 80)];
        const PLACED: &[Note] = &[note(784, 120), note(0, 30), note(1047, 240)];
        const REFUSED: &[Note] = &[note(392, 150), note(0, 50), note(262, 300)];
        const ALARM: &[Note] = &[
            note(2637, 200),
            note(0, 100),
            note(2637, 200),
            note(0, 100),
            note(2637, 200),
        ];
        match self {
            Self::Key => KEY,
            Self::Scanned => SCANNED,
            Self::Placed => PLACED,
            Self::Refused => REFUSED,
            Self::Alarm => ALARM,
            Self::Own(notes) => notes,
        }
    }
}

/// Why the buzzer did not sound as it should.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Error<E> {
    /// The PWM could not be set; the melody is given up and the buzzer is silent.
    Tone(E),
    /// The PWM could not be silenced: it may go on sounding.
    StuckOn(E),
}

impl<E: embedded_hal::pwm::Error> Error<E> {
    /// The PWM's own class of error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Tone(error) | Self::StuckOn(error) => error.kind(),
        }
    }
}

impl<E: core::fmt::Display> core::fmt::Display for Error<E> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Tone(error) => write!(f, "buzzer could not sound: {error}"),
            Self::StuckOn(error) => write!(f, "buzzer could not be silenced: {error}"),
        }
    }
}

impl<E: core::error::Error + 'static> core::error::Error for Error<E> {}

/// Volume from silent to full, in percent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Volume(u8);

impl Volume {
    /// As loud as the piezo goes.
    pub const FULL: Self = Self(100);

    /// 0 to 100 percent.
    #[must_use]
    pub const fn try_new(percent: u8) -> Option<Self> {
        if percent <= 100 {
            Some(Self(percent))
        } else {
            None
        }
    }
}

/// The buzzer. It owns no clock: [`Buzzer::update`] is told the time and says when it wants to be called
/// next.
#[derive(Debug)]
pub struct Buzzer<P> {
    pwm: P,
    volume: Volume,
    playing: Option<Playing>,
}

#[derive(Clone, Copy, Debug)]
struct Playing {
    melody: Melody,
    /// Which note sounds, and when it began; `None` before the first update.
    sounding: Option<(usize, u32)>,
}

impl<P: SetFrequency> Buzzer<P> {
    /// A silent buzzer. Sets nothing before the first melody.
    pub const fn new(pwm: P, volume: Volume) -> Self {
        Self {
            pwm,
            volume,
            playing: None,
        }
    }

    /// Whether a melody is being played.
    pub const fn is_playing(&self) -> bool {
        self.playing.is_some()
    }

    /// Starts a melody with the next update, in place of the one being played.
    pub fn play(&mut self, melody: Melody) {
        self.playing = Some(Playing {
            melody,
            sounding: None,
        });
    }

    /// Stops at once.
    ///
    /// # Errors
    ///
    /// [`Error::StuckOn`].
    pub fn silence(&mut self) -> Result<(), Error<P::Error>> {
        self.playing = None;
        self.pwm.set_duty_cycle_fully_off().map_err(Error::StuckOn)
    }

    /// Brings the tone up to date. `now` is any count of milliseconds that goes on evenly and may wrap
    /// around. Returns after how many milliseconds to call again; `None` once there is nothing to do.
    ///
    /// A late call makes a note longer rather than leave the next ones out.
    ///
    /// # Errors
    ///
    /// [`Error::Tone`] or [`Error::StuckOn`]; either ends the melody.
    pub fn update(&mut self, now: u32) -> Result<Option<u32>, Error<P::Error>> {
        let Some(Playing { melody, sounding }) = self.playing else {
            return Ok(None);
        };
        let notes = melody.notes();
        let next = match sounding {
            None => 0,
            Some((place, since)) => {
                let lasts = notes
                    .get(place)
                    .map_or(0, |note| u32::from(note.milliseconds));
                let sounded = now.wrapping_sub(since);
                if sounded < lasts {
                    return Ok(Some(lasts - sounded));
                }
                place + 1
            }
        };
        match notes.get(next) {
            None => self.silence().map(|()| None),
            Some(note) => {
                if let Err(error) = self.sound(note.hertz) {
                    self.silence()?;
                    return Err(Error::Tone(error));
                }
                self.playing = Some(Playing {
                    melody,
                    sounding: Some((next, now)),
                });
                Ok(Some(note.milliseconds.into()))
            }
        }
    }

    /// Gives the PWM back, as it is.
    pub fn release(self) -> P {
        self.pwm
    }

    fn sound(&mut self, hertz: u16) -> Result<(), P::Error> {
        if hertz == 0 {
            return self.pwm.set_duty_cycle_fully_off();
        }
        self.pwm.set_frequency(hertz)?;
        self.pwm.set_duty_cycle_fraction(self.volume.0.into(), 200)
    }
}

#[cfg(test)]
mod tests {
    use super::{Buzzer, Error, Melody, Note, SetFrequency, Volume};
    use alloc::vec::Vec;
    use embedded_hal::pwm::{ErrorKind, ErrorType, SetDutyCycle};

    #[derive(Clone, Copy, Debug, Eq, PartialEq)]
    enum Call {
        Frequency(u16),
        Duty(u16),
    }
    use Call::{Duty, Frequency};

    #[derive(Debug, Eq, PartialEq)]
    struct Broken;

    impl embedded_hal::pwm::Error for Broken {
        fn kind(&self) -> ErrorKind {
            ErrorKind::Other
        }
    }

    /// `embedded-hal-mock` knows no frequency; this records both and refuses the calls it is told to.
    #[derive(Default)]
    struct Piezo {
        calls: Vec<Call>,
        refused: Vec<usize>,
    }

    impl Piezo {
        fn take(&mut self, call: Call) -> Result<(), Broken> {
            self.calls.push(call);
            if self.refused.contains(&(self.calls.len() - 1)) {
                Err(Broken)
            } else {
                Ok(())
            }
        }
    }

    impl ErrorType for Piezo {
        type Error = Broken;
    }

    impl SetDutyCycle for Piezo {
        fn max_duty_cycle(&self) -> u16 {
            1000
        }

        fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Broken> {
            self.take(Duty(duty))
        }
    }

    impl SetFrequency for Piezo {
        fn set_frequency(&mut self, hertz: u16) -> Result<(), Broken> {
            self.take(Frequency(hertz))
        }
    }

    fn buzzer(refused: &[usize]) -> Buzzer<Piezo> {
        let piezo = Piezo {
            refused: refused.to_vec(),
            ..Piezo::default()
        };
        Buzzer::new(piezo, Volume::FULL)
    }

    /// Calls back exactly when asked to, until nothing is left to do.
    fn play(buzzer: &mut Buzzer<Piezo>, melody: Melody) -> Result<u32, Error<Broken>> {
        buzzer.play(melody);
        let mut now = 0_u32;
        while let Some(wait) = buzzer.update(now)? {
            now += wait;
        }
        Ok(now)
    }

    #[test]
    fn a_melody_sounds_note_by_note_and_ends_silent() {
        let mut buzzer = buzzer(&[]);
        assert_eq!(play(&mut buzzer, Melody::Placed), Ok(390));
        let expected = [
            Frequency(784),
            Duty(500),
            Duty(0),
            Frequency(1047),
            Duty(500),
            Duty(0),
        ];
        assert_eq!(buzzer.release().calls, expected);
    }

    #[test]
    fn volume_is_duty() {
        let mut buzzer = Buzzer::new(Piezo::default(), Volume::try_new(20).unwrap());
        play(&mut buzzer, Melody::Key).unwrap();
        assert_eq!(
            buzzer.release().calls,
            [Frequency(1047), Duty(100), Duty(0)]
        );
        assert_eq!(Volume::try_new(101), None);
    }

    #[test]
    fn an_early_call_changes_nothing_and_a_late_one_skips_nothing() {
        let mut buzzer = buzzer(&[]);
        buzzer.play(Melody::Refused);
        let start = u32::MAX - 10;
        assert_eq!(buzzer.update(start), Ok(Some(150)));
        assert_eq!(buzzer.update(start.wrapping_add(149)), Ok(Some(1)));
        assert_eq!(buzzer.pwm.calls.len(), 2);
        assert_eq!(buzzer.update(start.wrapping_add(9_000)), Ok(Some(50)));
        assert_eq!(buzzer.pwm.calls.len(), 3);
    }

    #[test]
    fn a_new_melody_takes_the_place_of_the_old() {
        let mut buzzer = buzzer(&[]);
        buzzer.play(Melody::Alarm);
        buzzer.update(0).unwrap();
        buzzer.play(Melody::Key);
        assert_eq!(buzzer.update(1), Ok(Some(20)));
        assert_eq!(buzzer.pwm.calls[2..], [Frequency(1047), Duty(500)]);
    }

    #[test]
    fn silence_is_at_once() {
        let mut buzzer = buzzer(&[]);
        buzzer.play(Melody::Alarm);
        buzzer.update(0).unwrap();
        buzzer.silence().unwrap();
        assert!(!buzzer.is_playing());
        assert_eq!(buzzer.update(1), Ok(None));
        assert_eq!(buzzer.pwm.calls.last(), Some(&Duty(0)));
    }

    #[test]
    fn whatever_call_fails_the_buzzer_does_not_drone_on() {
        let calls = {
            let mut buzzer = buzzer(&[]);
            play(&mut buzzer, Melody::Placed).unwrap();
            buzzer.release().calls.len()
        };
        for refused in 0..calls {
            let mut buzzer = buzzer(&[refused]);
            let error = play(&mut buzzer, Melody::Placed).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Other);
            let last = refused == calls - 1;
            assert_eq!(
                error,
                if last {
                    Error::StuckOn(Broken)
                } else {
                    Error::Tone(Broken)
                }
            );
            assert!(!buzzer.is_playing());
            assert_eq!(buzzer.update(10_000), Ok(None), "call {refused}");
            assert_eq!(buzzer.pwm.calls.last(), Some(&Duty(0)), "call {refused}");
        }
    }

    #[test]
    fn a_buzzer_that_cannot_be_silenced_is_told_apart() {
        let mut buzzer = buzzer(&[1, 2]);
        assert_eq!(play(&mut buzzer, Melody::Key), Err(Error::StuckOn(Broken)));
    }

    #[test]
    fn an_empty_melody_and_one_of_zero_length_end() {
        const NOTHING: [Note; 1] = [Note {
            hertz: 440,
            milliseconds: 0,
        }];
        assert_eq!(play(&mut buzzer(&[]), Melody::Own(&[])), Ok(0));
        assert_eq!(play(&mut buzzer(&[]), Melody::Own(&NOTHING)), Ok(0));
    }
}
