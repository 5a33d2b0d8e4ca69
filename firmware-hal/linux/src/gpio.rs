use crate::{Error, Operation};
use embedded_hal::digital::{ErrorKind, ErrorType, InputPin, OutputPin, StatefulOutputPin};
use gpiocdev::Request;
use gpiocdev::line::{Bias, Value};
use std::io;
use std::path::Path;

/// How the kernel names the user of a line to whoever asks (`gpioinfo`).
const CONSUMER: &str = "kiosk";

/// A line of a GPIO chip (`/dev/gpiochip0`), driven by this process alone. When it is dropped, the line goes
/// back to what the chip's driver makes of an unused line.
#[derive(Debug)]
pub struct Output {
    line: Request,
    name: String,
    high: bool,
}

impl Output {
    /// Takes the line and drives it, high or low, in one step.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, `Busy`, or `Unsuited` if this is no GPIO chip or has no
    /// such line.
    pub fn open(chip: &Path, line: u32, high: bool) -> Result<Self, Error> {
        let name = name(chip, line);
        let mut request = Request::builder();
        request
            .on_chip(chip)
            .with_consumer(CONSUMER)
            .with_line(line)
            .as_output(value(high));
        match request.request() {
            Ok(line) => Ok(Self { line, name, high }),
            Err(cause) => Err(failed(&name, Operation::Open, cause)),
        }
    }

    fn set(&mut self, high: bool) -> Result<(), Error> {
        self.line
            .set_lone_value(value(high))
            .map_err(|cause| failed(&self.name, Operation::Write, cause))?;
        self.high = high;
        Ok(())
    }
}

impl ErrorType for Output {
    type Error = Error;
}

impl OutputPin for Output {
    fn set_low(&mut self) -> Result<(), Error> {
        self.set(false)
    }

    fn set_high(&mut self) -> Result<(), Error> {
        self.set(true)
    }
}

impl StatefulOutputPin for Output {
    fn is_set_high(&mut self) -> Result<bool, Error> {
        Ok(self.high)
    }

    fn is_set_low(&mut self) -> Result<bool, Error> {
        Ok(!self.high)
    }
}

/// What holds an input that nothing drives.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Pull {
    /// Whatever the board does.
    #[default]
    AsIs,
    /// A resistor towards the supply, for open-collector sensors.
    Up,
    /// A resistor towards ground.
    Down,
}

/// A line of a GPIO chip that is read.
#[derive(Debug)]
pub struct Input {
    line: Request,
    name: String,
}

impl Input {
    /// Takes the line.
    ///
    /// # Errors
    ///
    /// As [`Output::open`]; `Unsuited` also if the chip cannot pull.
    pub fn open(chip: &Path, line: u32, pull: Pull) -> Result<Self, Error> {
        let name = name(chip, line);
        let bias = match pull {
            Pull::AsIs => None,
            Pull::Up => Some(Bias::PullUp),
            Pull::Down => Some(Bias::PullDown),
        };
        let mut request = Request::builder();
        request
            .on_chip(chip)
            .with_consumer(CONSUMER)
            .with_line(line)
            .as_input()
            .with_bias(bias);
        match request.request() {
            Ok(line) => Ok(Self { line, name }),
            Err(cause) => Err(failed(&name, Operation::Open, cause)),
        }
    }
}

impl ErrorType for Input {
    type Error = Error;
}

impl InputPin for Input {
    fn is_high(&mut self) -> Result<bool, Error> {
        match self.line.lone_value() {
            Ok(value) => Ok(value == Value::Active),
            Err(cause) => Err(failed(&self.name, Operation::Read, cause)),
        }
    }

    fn is_low(&mut self) -> Result<bool, Error> {
        self.is_high().map(|high| !high)
    }
}

impl embedded_hal::digital::Error for Error {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

fn name(chip: &Path, line: u32) -> String {
    format!("{} line {line}", chip.display())
}

const fn value(high: bool) -> Value {
    if high { Value::Active } else { Value::Inactive }
}

fn failed(name: &str, operation: Operation, cause: gpiocdev::Error) -> Error {
    use gpiocdev::Error as Gpio;
    use gpiocdev_uapi as uapi;
    let cause = match cause {
        Gpio::Os(code) | Gpio::Uapi(_, uapi::Error::Os(code)) => {
            io::Error::from_raw_os_error(code.0)
        }
        Gpio::GpioChip(..) | Gpio::InvalidArgument(_) => {
            io::Error::new(io::ErrorKind::InvalidInput, cause)
        }
        other => io::Error::other(other),
    };
    Error::new(name, operation, cause)
}

#[cfg(test)]
mod tests {
    use super::{Input, Output, Pull};
    use crate::{Kind, Operation};
    use std::path::Path;

    #[test]
    fn a_chip_that_is_not_there_is_missing() {
        let chip = Path::new("/dev/gpiochip-none");
        let output = Output::open(chip, 3, false).unwrap_err();
        assert_eq!(
            (output.kind(), output.operation()),
            (Kind::Missing, Operation::Open)
        );
        assert_eq!(output.device(), "/dev/gpiochip-none line 3");
        assert_eq!(
            Input::open(chip, 3, Pull::Up).unwrap_err().kind(),
            Kind::Missing
        );
    }

    #[test]
    fn what_is_no_chip_is_unsuited() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [Path::new("/dev/null"), file.path()] {
            assert_eq!(
                Output::open(path, 0, true).unwrap_err().kind(),
                Kind::Unsuited
            );
            assert_eq!(
                Input::open(path, 0, Pull::AsIs).unwrap_err().kind(),
                Kind::Unsuited
            );
        }
    }
}
