use crate::{Error, Operation};
use embedded_hal::pwm::{ErrorKind, ErrorType, SetDutyCycle};
use firmware_hal::buzzer::SetFrequency;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A channel of a PWM chip, by its files in sysfs (`/sys/class/pwm/pwmchip0`). Stops when it is dropped.
///
/// Source: Linux kernel, Documentation/driver-api/pwm.rst, "Using PWMs with the sysfs interface". A service
/// must be let write there: units that protect kernel tunables see sysfs read-only.
#[derive(Debug)]
pub struct Pwm {
    channel: PathBuf,
    period: u32,
    duty: u16,
}

/// Steps from off to full.
const FULL: u16 = 10_000;

const NANOSECONDS: u32 = 1_000_000_000;

impl Pwm {
    /// Takes a channel and runs it at this frequency with a duty of zero.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, `Busy`, or `Unsuited` if the chip has no such channel or
    /// cannot make the frequency.
    pub fn open(chip: &Path, channel: u32, hertz: u16) -> Result<Self, Error> {
        let folder = chip.join(format!("pwm{channel}"));
        if !folder.exists() {
            put(&chip.join("export"), Operation::Open, channel)?;
        }
        let mut pwm = Self {
            channel: folder,
            period: 0,
            duty: 0,
        };
        // A channel left running by somebody else may have a duty longer than the new period.
        pwm.put("duty_cycle", 0)?;
        pwm.set_frequency(hertz)?;
        pwm.put("enable", 1)?;
        Ok(pwm)
    }

    fn put(&self, attribute: &str, number: u32) -> Result<(), Error> {
        put(&self.channel.join(attribute), Operation::Write, number)
    }
}

fn put(path: &Path, operation: Operation, number: u32) -> Result<(), Error> {
    // Never creates: outside sysfs a wrong path would otherwise become a file.
    fs::OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| io::Write::write_all(&mut file, format!("{number}\n").as_bytes()))
        .map_err(|cause| Error::new(&path.display().to_string(), operation, cause))
}

/// Nanoseconds on, out of a period. At most the period.
fn on_time(period: u32, duty: u16) -> u32 {
    let on = u64::from(period) * u64::from(duty.min(FULL)) / u64::from(FULL);
    u32::try_from(on).unwrap_or(period)
}

impl Drop for Pwm {
    fn drop(&mut self) {
        // There is nobody left to tell; the lamp or tone stays as it is if this fails.
        let _ = self.put("enable", 0);
    }
}

impl ErrorType for Pwm {
    type Error = Error;
}

impl SetDutyCycle for Pwm {
    fn max_duty_cycle(&self) -> u16 {
        FULL
    }

    fn set_duty_cycle(&mut self, duty: u16) -> Result<(), Error> {
        self.put("duty_cycle", on_time(self.period, duty))?;
        self.duty = duty;
        Ok(())
    }
}

impl SetFrequency for Pwm {
    fn set_frequency(&mut self, hertz: u16) -> Result<(), Error> {
        let Some(period) = NANOSECONDS.checked_div(hertz.into()) else {
            let cause = io::Error::new(io::ErrorKind::InvalidInput, "a frequency of zero");
            return Err(Error::new(
                &self.channel.display().to_string(),
                Operation::Configure,
                cause,
            ));
        };
        if period == self.period {
            return Ok(());
        }
        // The kernel refuses a duty longer than the period, so the shorter of the two goes first.
        let on = on_time(period, self.duty);
        if period < self.period {
            self.put("duty_cycle", on)?;
            self.put("period", period)?;
        } else {
            self.put("period", period)?;
            self.put("duty_cycle", on)?;
        }
        self.period = period;
        Ok(())
    }
}

impl embedded_hal::pwm::Error for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::Pwm;
    use crate::{Kind, Operation};
    use embedded_hal::pwm::SetDutyCycle;
    use firmware_hal::buzzer::{Buzzer, Melody, SetFrequency, Volume};
    use std::fs;
    use std::path::Path;

    /// A chip with one exported channel, as plain files. Their first line is the last number written: a
    /// longer one before it leaves its end in a second line.
    fn chip() -> tempfile::TempDir {
        let chip = tempfile::tempdir().unwrap();
        fs::create_dir(chip.path().join("pwm2")).unwrap();
        for attribute in ["period", "duty_cycle", "enable"] {
            fs::write(chip.path().join("pwm2").join(attribute), "").unwrap();
        }
        chip
    }

    fn written(chip: &Path, attribute: &str) -> String {
        let text = fs::read_to_string(chip.join("pwm2").join(attribute)).unwrap();
        text.lines().next().unwrap_or_default().to_owned()
    }

    #[test]
    fn a_channel_starts_dark_and_stops_when_dropped() {
        let chip = chip();
        let mut pwm = Pwm::open(chip.path(), 2, 1000).unwrap();
        let now = |attribute| written(chip.path(), attribute);
        assert_eq!(
            (now("period"), now("duty_cycle"), now("enable")),
            ("1000000".into(), "0".into(), "1".into())
        );
        pwm.set_duty_cycle_percent(25).unwrap();
        assert_eq!(now("duty_cycle"), "250000");
        pwm.set_duty_cycle_fully_on().unwrap();
        assert_eq!(now("duty_cycle"), "1000000");
        drop(pwm);
        assert_eq!(now("enable"), "0");
    }

    #[test]
    fn the_duty_keeps_its_share_when_the_frequency_changes() {
        let chip = chip();
        let mut pwm = Pwm::open(chip.path(), 2, 1000).unwrap();
        pwm.set_duty_cycle_percent(50).unwrap();
        for (hertz, period, duty) in [(2000, "500000", "250000"), (100, "10000000", "5000000")] {
            pwm.set_frequency(hertz).unwrap();
            assert_eq!(written(chip.path(), "period"), period);
            assert_eq!(written(chip.path(), "duty_cycle"), duty);
        }
        assert_eq!(pwm.set_frequency(0).unwrap_err().kind(), Kind::Unsuited);
    }

    #[test]
    fn a_buzzer_plays_on_it() {
        let chip = chip();
        let mut buzzer = Buzzer::new(Pwm::open(chip.path(), 2, 1000).unwrap(), Volume::FULL);
        buzzer.play(Melody::Key);
        assert_eq!(buzzer.update(0).unwrap(), Some(20));
        assert_eq!(written(chip.path(), "period"), "955109");
        assert_eq!(written(chip.path(), "duty_cycle"), "477554");
        assert_eq!(buzzer.update(20).unwrap(), None);
        assert_eq!(written(chip.path(), "duty_cycle"), "0");
    }

    #[test]
    fn a_channel_that_is_not_exported_is_asked_for() {
        let chip = tempfile::tempdir().unwrap();
        fs::write(chip.path().join("export"), "").unwrap();
        let error = Pwm::open(chip.path(), 7, 1000).unwrap_err();
        assert_eq!(
            fs::read_to_string(chip.path().join("export")).unwrap(),
            "7\n"
        );
        assert_eq!(
            (error.kind(), error.operation()),
            (Kind::Missing, Operation::Write)
        );
    }

    #[test]
    fn a_chip_that_is_not_there_is_missing_and_none_is_made() {
        let nowhere = tempfile::tempdir().unwrap();
        let error = Pwm::open(&nowhere.path().join("pwmchip0"), 0, 1000).unwrap_err();
        assert_eq!(
            (error.kind(), error.operation()),
            (Kind::Missing, Operation::Open)
        );
        assert!(!nowhere.path().join("pwmchip0").exists());
    }
}
