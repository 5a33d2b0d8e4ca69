use crate::{Address, Capture, Error, Hid, Network, Operation, Serial, Timeouts, Usb, discovery};
use embedded_io::{ErrorType, Read, ReadReady, Write};
use std::io;
use std::path::{Path, PathBuf};

/// Any of the ports, for whoever learns only at run time which.
#[derive(Debug)]
pub enum Port {
    /// A USB printer.
    Usb(Usb),
    /// A serial line.
    Serial(Serial),
    /// A network printer.
    Network(Network),
    /// A scanner that poses as a keyboard.
    Hid(Hid),
    /// A plain file.
    Capture(Capture),
}

impl Port {
    /// Opens what the address names.
    ///
    /// # Errors
    ///
    /// As the port's own way to open it.
    pub fn open(address: &Address, timeouts: Timeouts) -> Result<Self, Error> {
        Self::open_under(Path::new("/"), address, timeouts)
    }

    /// As [`Self::open`], with devices that are known by their numbers looked for in `root`, a folder that
    /// stands for `/` in tests.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_under(root: &Path, address: &Address, timeouts: Timeouts) -> Result<Self, Error> {
        let plugged = |node: Option<PathBuf>| {
            node.ok_or_else(|| {
                let cause = io::Error::new(io::ErrorKind::NotFound, "not plugged in");
                Error::new(&address.to_string(), Operation::Open, cause)
            })
        };
        match address {
            Address::UsbDevice(id) => {
                let node = plugged(discovery::usb_node(root, id))?;
                Usb::open(&node, timeouts).map(Self::Usb)
            }
            Address::HidDevice(id) => {
                let node = plugged(discovery::hid_node(root, id))?;
                Hid::open(&node, timeouts).map(Self::Hid)
            }
            Address::Hid(path) => Hid::open(path, timeouts).map(Self::Hid),
            Address::Usb(path) => Usb::open(path, timeouts).map(Self::Usb),
            Address::Serial(path, line) => Serial::open(path, *line, timeouts).map(Self::Serial),
            Address::Network(socket) => Network::connect(*socket, timeouts).map(Self::Network),
            Address::File(path) => Capture::open(path).map(Self::Capture),
        }
    }
}

impl Port {
    /// Forgets what it has taken and not delivered yet, as far as the system can, and is of no more use:
    /// for whoever would rather have a job cut off than have it arrive late.
    pub fn abandon(self) {
        match self {
            Self::Serial(port) => port.abandon(),
            Self::Network(port) => port.abandon(),
            // Nothing waits inside these.
            Self::Usb(_) | Self::Hid(_) | Self::Capture(_) => {}
        }
    }
}

macro_rules! each {
    ($port:expr, $inner:ident => $call:expr) => {
        match $port {
            Port::Usb($inner) => $call,
            Port::Serial($inner) => $call,
            Port::Network($inner) => $call,
            Port::Hid($inner) => $call,
            Port::Capture($inner) => $call,
        }
    };
}

impl ErrorType for Port {
    type Error = Error;
}

impl Read for Port {
    fn read(&mut self, bytes: &mut [u8]) -> Result<usize, Error> {
        each!(self, port => port.read(bytes))
    }
}

impl ReadReady for Port {
    fn read_ready(&mut self) -> Result<bool, Error> {
        each!(self, port => port.read_ready())
    }
}

impl Write for Port {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Error> {
        each!(self, port => port.write(bytes))
    }

    fn flush(&mut self) -> Result<(), Error> {
        each!(self, port => port.flush())
    }
}
