use crate::descriptor::{Descriptor, embedded_io_port};
use crate::{Error, Operation, Timeouts};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, OptionalActions, QueueSelector, Termios, ioctl_tiocexcl, tcflush,
    tcgetattr, tcsetattr,
};
use std::fs::File;
use std::path::Path;

/// Parity bit of a serial line.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Parity {
    /// None.
    #[default]
    None,
    /// Even.
    Even,
    /// Odd.
    Odd,
}

/// How the device stops the kiosk when its buffer is full.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Flow {
    /// It cannot.
    None,
    /// By the RTS and CTS wires; printers that name DTR are wired so.
    #[default]
    Hardware,
    /// By XON and XOFF. Only for text: pictures hold those bytes as well, but only what the device
    /// sends is looked at.
    Software,
}

/// How the line is set. Eight data bits and one stop bit always.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Bits per second.
    pub baud: u32,
    /// Parity bit.
    pub parity: Parity,
    /// Flow control.
    pub flow: Flow,
}

impl Settings {
    /// This speed, no parity, hardware flow control: what receipt printers are delivered with.
    #[must_use]
    pub const fn new(baud: u32) -> Self {
        Self {
            baud,
            parity: Parity::None,
            flow: Flow::Hardware,
        }
    }
}

impl Default for Settings {
    /// 38,400 bits per second.
    fn default() -> Self {
        Self::new(38_400)
    }
}

/// A serial line in raw mode: every byte passes as it is, both ways.
#[derive(Debug)]
pub struct Serial(Descriptor<File>);

impl Serial {
    /// Opens a tty for this process alone, sets it, and drops what waited in its buffers.
    ///
    /// # Errors
    ///
    /// [`Error`] of kind `Missing`, `Forbidden`, `Busy`, or `Unsuited` if this is no tty or cannot be set
    /// so.
    pub fn open(path: &Path, settings: Settings, timeouts: Timeouts) -> Result<Self, Error> {
        let name = path.display().to_string();
        let at = |operation| {
            let name = &name;
            move |cause: Errno| Error::new(name, operation, cause)
        };
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let tty = open(path, flags, Mode::empty()).map_err(at(Operation::Open))?;
        let mut line = tcgetattr(&tty).map_err(at(Operation::Configure))?;
        settings
            .apply(&mut line)
            .map_err(at(Operation::Configure))?;
        tcsetattr(&tty, OptionalActions::Now, &line).map_err(at(Operation::Configure))?;
        ioctl_tiocexcl(&tty).map_err(at(Operation::Configure))?;
        tcflush(&tty, QueueSelector::IOFlush).map_err(at(Operation::Configure))?;
        Ok(Self(Descriptor::new(File::from(tty), name, timeouts)))
    }

    /// Drops what waits in the system's buffer, which closing the line would wait for.
    pub(crate) fn abandon(self) {
        let _ = tcflush(self.0.file(), QueueSelector::OFlush);
    }
}

embedded_io_port!(Serial);

impl Settings {
    fn apply(self, line: &mut Termios) -> Result<(), Errno> {
        line.make_raw();
        // The other end may not drive carrier detect.
        line.control_modes |= ControlModes::CLOCAL | ControlModes::CREAD;
        line.control_modes &= !(ControlModes::CSTOPB | ControlModes::CRTSCTS);
        line.control_modes |= match self.parity {
            Parity::None => ControlModes::empty(),
            Parity::Even => ControlModes::PARENB,
            Parity::Odd => ControlModes::PARENB | ControlModes::PARODD,
        };
        match self.flow {
            Flow::None => {}
            Flow::Hardware => line.control_modes |= ControlModes::CRTSCTS,
            Flow::Software => line.input_modes |= InputModes::IXON,
        }
        line.set_speed(self.baud)
    }
}
