use crate::{Flow, Parity, Settings, UsbId};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// Where a device is, as a configuration file writes it.
///
/// | form | means |
/// |---|---|
/// | `usb:04b8:0e28` or `usb:04b8:0e28:SERIAL` | a USB printer by vendor, product and serial number |
/// | `usb:/dev/usb/lp0` | a USB printer by its device node |
/// | `serial:/dev/ttyUSB0` or `serial:/dev/ttyUSB0,9600` | a serial line, 38400 bits per second unless named |
/// | `serial:/dev/ttyUSB0,9600,even,xonxoff` | parity `even` or `odd`; flow control `xonxoff` or `noflow` instead of `rtscts` |
/// | `hid:05e0:1200` or `hid:05e0:1200:SERIAL` | a scanner that poses as a keyboard, by its numbers |
/// | `hid:/dev/hidraw0` | the same by its device node |
/// | `tcp:192.0.2.7` or `tcp:192.0.2.7:9100` | a network printer, port 9100 unless named |
/// | `file:/var/lib/kiosk/receipts.bin` | a plain file |
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Address {
    /// A USB printer, whichever device node it has.
    UsbDevice(UsbId),
    /// A USB printer's device node.
    Usb(PathBuf),
    /// A serial line.
    Serial(PathBuf, Settings),
    /// A scanner that poses as a keyboard, whichever device node it has.
    HidDevice(UsbId),
    /// The device node of one.
    Hid(PathBuf),
    /// A network printer. An IP address: a name that does not resolve would hold up the print room.
    Network(SocketAddr),
    /// A plain file.
    File(PathBuf),
}

/// What is wrong with the text of an address.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum AddressError {
    /// It does not start with `usb:`, `serial:`, `hid:`, `tcp:` or `file:`.
    Scheme(String),
    /// The path is not absolute.
    Path(String),
    /// Neither a path nor numbers of a USB device.
    Usb(String),
    /// Neither a number of bits per second nor a known setting of a serial line.
    Line(String),
    /// Not an IP address, with a port or without.
    Socket(String),
}

const RAW_PRINTING: u16 = 9100;

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (scheme, rest) = text
            .split_once(':')
            .ok_or_else(|| AddressError::Scheme(text.to_owned()))?;
        match scheme {
            "usb" if rest.starts_with('/') => Ok(Self::Usb(PathBuf::from(rest))),
            "usb" => match UsbId::from_text(rest) {
                Some(id) => Ok(Self::UsbDevice(id)),
                None => Err(AddressError::Usb(rest.to_owned())),
            },
            "hid" if rest.starts_with('/') => Ok(Self::Hid(PathBuf::from(rest))),
            "hid" => match UsbId::from_text(rest) {
                Some(id) => Ok(Self::HidDevice(id)),
                None => Err(AddressError::Usb(rest.to_owned())),
            },
            "file" => Ok(Self::File(absolute(rest)?)),
            "serial" => {
                let mut parts = rest.split(',');
                let path = absolute(parts.next().unwrap_or_default())?;
                Ok(Self::Serial(
                    path,
                    parts.try_fold(Settings::default(), setting)?,
                ))
            }
            // Also as people write it: `tcp://192.0.2.7`.
            "tcp" => socket(rest.strip_prefix("//").unwrap_or(rest)).map(Self::Network),
            _ => Err(AddressError::Scheme(text.to_owned())),
        }
    }
}

fn absolute(path: &str) -> Result<PathBuf, AddressError> {
    let path_buf = PathBuf::from(path);
    if path_buf.is_absolute() {
        Ok(path_buf)
    } else {
        Err(AddressError::Path(path.to_owned()))
    }
}

fn setting(mut line: Settings, word: &str) -> Result<Settings, AddressError> {
    match word {
        "even" => line.parity = Parity::Even,
        "odd" => line.parity = Parity::Odd,
        "rtscts" => line.flow = Flow::Hardware,
        "xonxoff" => line.flow = Flow::Software,
        "noflow" => line.flow = Flow::None,
        _ => match word.parse() {
            Ok(baud) if baud > 0 => line.baud = baud,
            _ => return Err(AddressError::Line(word.to_owned())),
        },
    }
    Ok(line)
}

fn socket(text: &str) -> Result<SocketAddr, AddressError> {
    text.parse()
        .or_else(|_| {
            text.parse()
                .map(|ip: IpAddr| SocketAddr::new(ip, RAW_PRINTING))
        })
        .map_err(|_| AddressError::Socket(text.to_owned()))
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UsbDevice(id) => write!(f, "usb:{id}"),
            Self::Usb(path) => write!(f, "usb:{}", path.display()),
            Self::Serial(path, line) => {
                let parity = match line.parity {
                    Parity::None => "",
                    Parity::Even => ",even",
                    Parity::Odd => ",odd",
                };
                let flow = match line.flow {
                    Flow::Hardware => "",
                    Flow::Software => ",xonxoff",
                    Flow::None => ",noflow",
                };
                write!(f, "serial:{},{}{parity}{flow}", path.display(), line.baud)
            }
            Self::HidDevice(id) => write!(f, "hid:{id}"),
            Self::Hid(path) => write!(f, "hid:{}", path.display()),
            Self::Network(socket) => write!(f, "tcp:{socket}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme(text) => {
                write!(
                    f,
                    "device {text:?} must start with usb:, serial:, hid:, tcp: or file:"
                )
            }
            Self::Path(path) => write!(f, "device path {path:?} must start with /"),
            Self::Usb(text) => {
                write!(
                    f,
                    "USB device {text:?} must be a path or like 04b8:0e28 or 04b8:0e28:SERIAL"
                )
            }
            Self::Line(word) => {
                write!(
                    f,
                    "{word:?} is no speed, parity or flow control of a serial line"
                )
            }
            Self::Socket(text) => {
                write!(f, "{text:?} is no IP address, with a port or without")
            }
        }
    }
}

impl std::error::Error for AddressError {}

#[cfg(test)]
mod tests {
    use super::{Address, AddressError};

    #[test]
    fn every_form_is_read_and_written_back() {
        for (text, written) in [
            ("usb:/dev/usb/lp0", "usb:/dev/usb/lp0"),
            ("usb:04B8:0e28", "usb:04b8:0e28"),
            ("usb:04b8:0e28:X5UQ1", "usb:04b8:0e28:X5UQ1"),
            ("serial:/dev/ttyUSB0", "serial:/dev/ttyUSB0,38400"),
            ("serial:/dev/ttyS1,9600", "serial:/dev/ttyS1,9600"),
            (
                "serial:/dev/ttyS1,odd,noflow",
                "serial:/dev/ttyS1,38400,odd,noflow",
            ),
            (
                "serial:/dev/ttyS1,rtscts,1200,even",
                "serial:/dev/ttyS1,1200,even",
            ),
            (
                "serial:/dev/ttyS1,1200,xonxoff",
                "serial:/dev/ttyS1,1200,xonxoff",
            ),
            ("hid:05E0:1200", "hid:05e0:1200"),
            ("hid:05e0:1200:S1", "hid:05e0:1200:S1"),
            ("hid:/dev/hidraw0", "hid:/dev/hidraw0"),
            ("tcp:192.0.2.7", "tcp:192.0.2.7:9100"),
            ("tcp:192.0.2.7:9101", "tcp:192.0.2.7:9101"),
            ("tcp://192.0.2.7", "tcp:192.0.2.7:9100"),
            ("tcp://192.0.2.7:9101", "tcp:192.0.2.7:9101"),
            ("tcp:2001:db8::7", "tcp:[2001:db8::7]:9100"),
            ("file:/tmp/paper", "file:/tmp/paper"),
        ] {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse(), Ok(address));
        }
    }

    #[test]
    fn every_fault_is_told_apart() {
        let fault = |text: &str| text.parse::<Address>().unwrap_err();
        assert_eq!(fault("lp0"), AddressError::Scheme("lp0".into()));
        assert_eq!(
            fault("lpt:/dev/lp0"),
            AddressError::Scheme("lpt:/dev/lp0".into())
        );
        assert_eq!(fault("usb:lp0"), AddressError::Usb("lp0".into()));
        assert_eq!(fault("usb:04b8"), AddressError::Usb("04b8".into()));
        assert_eq!(fault("hid:scanner"), AddressError::Usb("scanner".into()));
        assert_eq!(fault("file:paper"), AddressError::Path("paper".into()));
        assert_eq!(
            fault("serial:/dev/ttyS0,fast"),
            AddressError::Line("fast".into())
        );
        assert_eq!(fault("serial:/dev/ttyS0,0"), AddressError::Line("0".into()));
        assert_eq!(
            fault("tcp:printer.local"),
            AddressError::Socket("printer.local".into())
        );
    }
}
